"""Wrong calls of activations and softmaxes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from invalid_calls.common import ACTIVATIONS, F32, FLOATING, KNOWN, LABELS, Call, V
from jaxcnn import activation_dZ, elu, gelu, glu, leaky_relu, log_softmax, relu, softmax

WRONG: dict[str, dict[str, Call]] = {
    "leaky_relu": {
        "a string for the slope": (
            lambda: leaky_relu(V, "steep"),
            TypeError,
            "negative_slope is 'steep'; expected a finite Python number",
        ),
        "True for the slope": (
            lambda: leaky_relu(V, True),
            TypeError,
            "negative_slope is True; expected a finite Python number",
        ),
        "an array for the slope": (
            lambda: leaky_relu(V, np.float32(0.5)),
            TypeError,
            "negative_slope is np.float32(0.5); expected a finite Python number",
        ),
        "a slope that is NaN": (
            lambda: leaky_relu(V, float("nan")),
            ValueError,
            "negative_slope is nan; expected a finite Python number",
        ),
    },
    "elu": {
        "None for alpha": (lambda: elu(V, None), TypeError, "alpha is None; expected a finite Python number"),
        "an infinite alpha": (
            lambda: elu(V, float("inf")),
            ValueError,
            "alpha is inf; expected a finite Python number",
        ),
    },
    "gelu": {
        "approximate by name": (
            lambda: gelu(V, "tanh"),
            TypeError,
            "approximate is 'tanh'; expected True or False",
        ),
    },
    "glu": {
        "an odd axis": (
            lambda: glu(V),
            ValueError,
            "Z has shape (4, 3); expected an even number of entries along axis -1",
        ),
        "no such axis": (
            lambda: glu(V, axis=2),
            ValueError,
            "axis is 2 for Z of shape (4, 3); expected an axis of Z, which has 2",
        ),
        "no axis": (lambda: glu(V, axis=None), TypeError, "axis is None; expected an integer"),
    },
    "softmax": {
        "an axis too high": (
            lambda: softmax(V, axis=2),
            ValueError,
            "axis is 2 for Z of shape (4, 3); expected an axis of Z, which has 2",
        ),
        "two axes": (lambda: softmax(V, axis=(0, 1)), TypeError, "axis is (0, 1); expected an integer"),
        "a float for the axis": (lambda: softmax(V, axis=0.5), TypeError, "axis is 0.5; expected an integer"),
        "no classes": (
            lambda: softmax(V[:, :0]),
            ValueError,
            "Z has shape (4, 0); expected at least 1 entry along axis -1",
        ),
        "a scalar": (
            lambda: softmax(jnp.zeros(())),
            ValueError,
            "axis is -1 for Z of shape (); expected an axis of Z, which has 0",
        ),
        "an axis too high by activation_dZ": (
            lambda: activation_dZ(softmax, V, V, axis=3),
            ValueError,
            "axis is 3 for Z of shape (4, 3); expected an axis of Z, which has 2",
        ),
    },
    "log_softmax": {
        "an axis too low": (
            lambda: log_softmax(V, axis=-3),
            ValueError,
            "axis is -3 for Z of shape (4, 3); expected an axis of Z, which has 2",
        ),
    },
    "activation_dZ": {
        "an activation of JAX": (
            lambda: activation_dZ(jax.numpy.sin, V, V),
            ValueError,
            f"g is jax.numpy.sin; expected one of {KNOWN}, of jaxcnn",
        ),
        "an activation by name": (
            lambda: activation_dZ("relu", V, V),
            ValueError,
            f"g is 'relu'; expected one of {KNOWN}, of jaxcnn",
        ),
        "a cotangent that would broadcast": (
            lambda: activation_dZ(relu, V, V[0]),
            ValueError,
            "dA has shape (3,); expected that of relu(Z), (4, 3)",
        ),
        "the shape of Z where A has another": (
            lambda: activation_dZ(glu, V, V, axis=0),
            ValueError,
            "dA has shape (4, 3); expected that of glu(Z), (2, 3)",
        ),
        "a cotangent of another dtype": (
            lambda: activation_dZ(relu, V, V.astype(F32)),
            TypeError,
            "Z has dtype float64, dA has dtype float32; expected one dtype; convert with .astype",
        ),
        "an integer cotangent": (
            lambda: activation_dZ(relu, V, V.astype(int)),
            TypeError,
            f"dA has dtype int64; expected {FLOATING}",
        ),
    },
}

for g in ACTIVATIONS:
    WRONG.setdefault(g.__name__, {}).update(
        {
            "integers": (partial(g, LABELS), TypeError, f"Z has dtype int64; expected {FLOATING}"),
            "a list": (partial(g, [1.0, 2.0]), TypeError, "Z is a list; expected a JAX or NumPy array"),
        }
    )
