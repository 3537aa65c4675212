"""What hand-written rules have to say about devices, where lax's own rules say it by themselves.

Under `jax.shard_map` a value either varies over a mesh axis or is the same on all its devices. A cotangent
must vary as its argument does; but dW is made from A, which varies over the batch's axis, where W does
not. So all arguments of an operation are made to vary alike outside the rule: the adjoint of that cast is
the sum over the devices, which is what dW lacks (data parallelism's all-reduce).

Under a mesh with explicit axes JAX asks for the sharding of a product that sums over a sharded axis.
"""

from typing import Any

import jax
from jax import Array, lax
from jax.sharding import AxisType, PartitionSpec


def vary_alike(*arrays: Any) -> tuple[Any, ...]:
    """The arrays, each cast to vary over every manual mesh axis that any of them varies over; None stays."""
    varying = [_varying(array) for array in arrays]
    everything = frozenset[Any]().union(*varying)
    return tuple(
        lax.pcast(array, tuple(everything - own), to="varying")
        if array is not None and everything - own
        else array
        for array, own in zip(arrays, varying, strict=True)
    )


def _varying(array: Array | None) -> frozenset[Any]:
    return frozenset() if array is None else jax.typeof(array).manual_axis_type.varying


def product_sharding(left: Array, right: Array, spatial: int) -> PartitionSpec | None:
    """The sharding of a kernel's cotangent (*f, C, K), whose product sums over the batch.

    C is sharded as left's channels, K as right's. None where no axis of the mesh is explicit: there XLA
    finds the sharding.
    """
    if AxisType.Explicit not in jax.typeof(left).sharding.mesh.axis_types:
        return None
    c, k = jax.typeof(left).sharding.spec[-1], jax.typeof(right).sharding.spec[-1]
    return PartitionSpec(*(None,) * spatial, c, k)
