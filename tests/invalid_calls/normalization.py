"""Wrong calls of normalisations and dropout."""

import jax
import jax.numpy as jnp
import numpy as np

from invalid_calls.common import F32, FLOATING, KEY, LABELS, ONE_KEY, C, Call, N, V
from jaxcnn import batch_norm, batch_norm_inference, dropout, group_norm, instance_norm, layer_norm, rms_norm
from jaxcnn.layers import LayerNorm

WRONG: dict[str, dict[str, Call]] = {
    "batch_norm": {
        "no batch axis": (
            lambda: batch_norm(C),
            ValueError,
            "A has shape (4,); expected (…, C), with at least one axis before the channels",
        ),
        "integers": (lambda: batch_norm(N.astype(int)), TypeError, f"A has dtype int64; expected {FLOATING}"),
        "an empty batch": (
            lambda: batch_norm(N[:0]),
            ValueError,
            "A has shape (0, 3, 3, 4); expected at least 1 entry along the axes of the mean",
        ),
        "a number for gamma": (
            lambda: batch_norm(N, 1.0),
            TypeError,
            "gamma is a float; expected a JAX or NumPy array",
        ),
        "a gamma with the axes of A": (
            lambda: batch_norm(N, N[:1, :1, :1]),
            ValueError,
            "gamma has shape (1, 1, 1, 4); expected (4,), one number a channel of A",
        ),
        "an epsilon of zero": (
            lambda: batch_norm(N, epsilon=0.0),
            ValueError,
            "epsilon is 0.0; expected a finite Python number above 0",
        ),
        "an infinite epsilon": (
            lambda: batch_norm(N, epsilon=float("inf")),
            ValueError,
            "epsilon is inf; expected a finite Python number above 0",
        ),
        "an axis that is not mapped": (
            lambda: batch_norm(N, axis_name="batch"),
            ValueError,
            "axis_name is 'batch', the name of no mapped axis here; expected the name of an axis of the "
            "jax.shard_map, jax.pmap or jax.vmap around the call, or None",
        ),
        "the number of an axis": (
            lambda: batch_norm(N, axis_name=0),
            ValueError,
            "axis_name is 0, the name of no mapped axis here; expected the name of an axis of the "
            "jax.shard_map, jax.pmap or jax.vmap around the call, or None",
        ),
    },
    "batch_norm_inference": {
        "no statistics": (
            lambda: batch_norm_inference(N, C, C, None, None),
            TypeError,
            "mean is a NoneType; expected a JAX or NumPy array",
        ),
        "a variance of another size": (
            lambda: batch_norm_inference(N, C, C, C, C[:3]),
            ValueError,
            "variance has shape (3,); expected (4,), one number a channel of A",
        ),
        "statistics of two dtypes": (
            lambda: batch_norm_inference(N, C, C, C, C.astype(F32)),
            TypeError,
            "mean has dtype float64, variance has dtype float32; expected one dtype; convert with .astype",
        ),
        "statistics narrower than A": (
            lambda: batch_norm_inference(N, C, C, C.astype(F32), C.astype(F32)),
            TypeError,
            "mean has dtype float32; expected float64 for A of float64",
        ),
        "statistics wider than sums": (
            lambda: batch_norm_inference(N.astype(jnp.bfloat16), None, None, C, C),
            TypeError,
            "mean has dtype float64; expected bfloat16 or float32 for A of bfloat16",
        ),
    },
    "layer_norm": {
        "a scalar": (lambda: layer_norm(jnp.ones(())), ValueError, "A has shape (); expected (…, C)"),
        "no channels": (
            lambda: layer_norm(N[..., :0]),
            ValueError,
            "A has shape (2, 3, 3, 0); expected at least 1 entry along the axes of the mean",
        ),
        "a gamma of another size": (
            lambda: layer_norm(N, C[:3]),
            ValueError,
            "gamma has shape (3,); expected (4,), one number a channel of A",
        ),
        "a negative epsilon": (
            lambda: layer_norm(N, epsilon=-1e-5),
            ValueError,
            "epsilon is -1e-05; expected a finite Python number above 0",
        ),
        "a negative epsilon by the layer": (
            lambda: LayerNorm(epsilon=-1, use_gamma=False, use_beta=False).apply({}, (), N),
            ValueError,
            "epsilon is -1; expected a finite Python number above 0",
        ),
    },
    "instance_norm": {
        "no spatial axis": (
            lambda: instance_norm(V),
            ValueError,
            "A has shape (4, 3); expected (B, *n, C) with its batch axis and at least one spatial axis",
        ),
        "a beta of another dtype": (
            lambda: instance_norm(N, C, C.astype(F32)),
            TypeError,
            "A has dtype float64, beta has dtype float32; expected one dtype; convert with .astype",
        ),
    },
    "group_norm": {
        "groups that do not divide": (
            lambda: group_norm(N, groups=3),
            ValueError,
            "A has 4 channels; expected a multiple of groups = 3",
        ),
        "no groups": (
            lambda: group_norm(N, groups=0),
            ValueError,
            "groups is 0; expected an integer of at least 1",
        ),
        "a float for the groups": (
            lambda: group_norm(N, groups=2.0),
            TypeError,
            "groups is 2.0; expected an integer of at least 1",
        ),
        "no batch axis": (
            lambda: group_norm(C, groups=2),
            ValueError,
            "A has shape (4,); expected (B, *n, C) with its batch axis",
        ),
        "no channels": (
            lambda: group_norm(N[..., :0], groups=2),
            ValueError,
            "A has shape (2, 3, 3, 0); expected at least 1 entry along the axes of the mean",
        ),
        "a gamma of groups": (
            lambda: group_norm(N, C[:2], groups=2),
            ValueError,
            "gamma has shape (2,); expected (4,), one number a channel of A",
        ),
    },
    "rms_norm": {
        "a gamma that would broadcast": (
            lambda: rms_norm(N, C[:1]),
            ValueError,
            "gamma has shape (1,); expected (4,), one number a channel of A",
        ),
        "an epsilon that is no number": (
            lambda: rms_norm(N, epsilon="small"),
            TypeError,
            "epsilon is 'small'; expected a finite Python number above 0",
        ),
    },
    "dropout": {
        "a seed for the key": (lambda: dropout(0, V, 0.5), TypeError, f"key is a int; expected {ONE_KEY}"),
        "no key": (lambda: dropout(None, V, 0.5), TypeError, f"key is a NoneType; expected {ONE_KEY}"),
        "several keys": (
            lambda: dropout(jax.random.split(KEY), V, 0.5),
            ValueError,
            f"key has shape (2,); expected {ONE_KEY}",
        ),
        "a raw key of another size": (
            lambda: dropout(jnp.zeros(3, jnp.uint32), V, 0.5),
            ValueError,
            f"key has shape (3,); expected {ONE_KEY}",
        ),
        "floats for a raw key": (
            lambda: dropout(jnp.zeros(2), V, 0.5),
            TypeError,
            f"key has dtype float64; expected {ONE_KEY}",
        ),
        "A and the key swapped": (
            lambda: dropout(V, KEY, 0.5),
            TypeError,
            f"A has dtype key<fry>; expected {FLOATING}",
        ),
        "integers": (lambda: dropout(KEY, LABELS, 0.5), TypeError, f"A has dtype int64; expected {FLOATING}"),
        "a rate above one": (
            lambda: dropout(KEY, V, 1.5),
            ValueError,
            "rate is 1.5; expected a finite Python number from 0 to 1",
        ),
        "a negative rate": (
            lambda: dropout(KEY, V, -0.1),
            ValueError,
            "rate is -0.1; expected a finite Python number from 0 to 1",
        ),
        "a rate that is NaN": (
            lambda: dropout(KEY, V, float("nan")),
            ValueError,
            "rate is nan; expected a finite Python number from 0 to 1",
        ),
        "a rate that is no number": (
            lambda: dropout(KEY, V, "half"),
            TypeError,
            "rate is 'half'; expected a finite Python number from 0 to 1",
        ),
        "an array for the rate": (
            lambda: dropout(KEY, V, np.float32(0.5)),
            TypeError,
            "rate is np.float32(0.5); expected a finite Python number from 0 to 1",
        ),
        "spatial without space": (
            lambda: dropout(KEY, V, 0.5, spatial=True),
            ValueError,
            "A has shape (4, 3); expected (B, *n, C) with at least one spatial axis, where spatial",
        ),
        "the spatial axes": (
            lambda: dropout(KEY, V, 0.5, spatial=2),
            TypeError,
            "spatial is 2; expected True or False",
        ),
    },
}
