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
from jax.sharding import AxisType, NamedSharding, PartitionSpec


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


def sharded_as(*axes: tuple[Array, int] | None) -> NamedSharding | None:
    """The sharding of a result, each axis laid out as this axis of this array, or whole (None).

    None where no axis of the mesh is explicit: there XLA finds the sharding. It names the arrays' own mesh: a
    jit need not be in the context of one.
    """
    types = [(jax.typeof(axis[0]).sharding, axis[1]) if axis else None for axis in axes]
    explicit = [t[0].mesh for t in types if t and AxisType.Explicit in t[0].mesh.axis_types]
    if not explicit:
        return None
    return NamedSharding(explicit[0], PartitionSpec(*(t[0].spec[t[1]] if t else None for t in types)))


def layout(array: Array) -> NamedSharding | None:
    """The sharding of an array, for another of its shape."""
    return sharded_as(*((array, axis) for axis in range(array.ndim)))


def whole(array: Array, axis: int) -> bool:
    """Whether devices do not share the axis, as far as an explicit sharding tells, so that it may be cut.

    Of automatic sharding nothing is known here; there XLA moves what it must.
    """
    sharding = sharded_as((array, axis))
    return sharding is None or sharding.spec == PartitionSpec(None)
