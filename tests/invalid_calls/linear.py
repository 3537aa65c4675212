"""Wrong calls of dense layers and their cotangents."""

import jax.numpy as jnp

from invalid_calls.common import F32, FLOATING, PRECISION, C, Call, V
from jaxcnn import dense, dense_dA, dense_dW
from jaxcnn.layers import Dense

WRONG: dict[str, dict[str, Call]] = {
    "dense": {
        "None for A": (lambda: dense(None, V), TypeError, "A is a NoneType; expected a JAX or NumPy array"),
        "integers for W": (
            lambda: dense(V, jnp.ones((3, 2), int)),
            TypeError,
            f"W has dtype int64; expected {FLOATING}",
        ),
        "two dtypes": (
            lambda: dense(V, V.T.astype(F32)),
            TypeError,
            "A has dtype float64, W has dtype float32; expected one dtype; convert with .astype",
        ),
        "features that differ": (
            lambda: dense(V, V),
            ValueError,
            "A has 3 features (shape (4, 3)); expected 4, the rows of W (4, 3)",
        ),
        "a vector for W": (lambda: dense(V, C), ValueError, "W has shape (4,); expected (n_in, n_out)"),
        "a scalar for A": (lambda: dense(jnp.ones(()), V), ValueError, "A is a scalar; expected (…, n_in)"),
        "a number for b": (
            lambda: dense(V, V.T, 1.0),
            TypeError,
            "b is a float; expected a JAX or NumPy array",
        ),
        "a bias that would broadcast": (
            lambda: dense(V, V.T, jnp.ones((1, 4))),
            ValueError,
            "b has shape (1, 4); expected (4,), one number a column of W",
        ),
        "a bias of another dtype": (
            lambda: dense(V, V.T, C.astype(F32)),
            TypeError,
            "A has dtype float64, b has dtype float32; expected one dtype; convert with .astype",
        ),
        "an unknown precision": (
            lambda: dense(V, V.T, precision=["high"]),
            ValueError,
            f"precision is ['high']; expected {PRECISION}",
        ),
        "features that differ from the layer's parameters": (
            lambda: Dense(3, use_bias=False).apply({"W": V}, (), V),
            ValueError,
            "A has 3 features (shape (4, 3)); expected 4, the rows of W (4, 3)",
        ),
    },
    "dense_dA": {
        "a cotangent of other features": (
            lambda: dense_dA(V, V.T),
            ValueError,
            "dZ has 3 features (shape (4, 3)); expected 4, the columns of W (3, 4)",
        ),
        "a cotangent of another dtype": (
            lambda: dense_dA(V.astype(F32), V),
            TypeError,
            "dZ has dtype float32, W has dtype float64; expected one dtype; convert with .astype",
        ),
        "an unknown precision": (
            lambda: dense_dA(V, V, precision="exact"),
            ValueError,
            f"precision is 'exact'; expected {PRECISION}",
        ),
    },
    "dense_dW": {
        "a batch that does not fit": (
            lambda: dense_dW(V, V[:2]),
            ValueError,
            "dZ has leading axes (2,); expected A's, (4,)",
        ),
        "a scalar cotangent": (
            lambda: dense_dW(V, jnp.ones(())),
            ValueError,
            "dZ is a scalar; expected (…, features)",
        ),
        "a list for dZ": (
            lambda: dense_dW(V, [1.0]),
            TypeError,
            "dZ is a list; expected a JAX or NumPy array",
        ),
        "an unknown precision": (
            lambda: dense_dW(V, V, precision="exact"),
            ValueError,
            f"precision is 'exact'; expected {PRECISION}",
        ),
    },
}
