"""Compiler options that make a given jaxlib faster; nothing in the library depends on them.

    step = jax.jit(step, compiler_options=compiler_options())

They belong to the outermost jit: JAX refuses options on a jit that is called by another.

- XLA makes vectors of 256 bits also for a CPU that has 512. With those elu, gelu, silu, sigmoid, softplus
  and mish take half of the time, pools and depthwise convolutions 0.65 to 0.9, and none of the benchmark's
  rows takes longer (AMD Zen 5). A CPU that has none of 512 bits takes as long as before; one whose clock
  slows down for them, as Intel's do before Ice Lake, may lose.
- jaxlib 0.10 gives convolutions on the CPU to the YNNPACK library, where dense ones run at half of what they
  do in XLA's own code (Eigen). The option leaves YNNPACK single matrix products, and sums. Our own dense
  convolutions go round YNNPACK without it (`jaxcnn.forms.eigen`), but for those with a stride; it helps what
  else a program has, lax's own dense convolutions above all.

Where an option's name is not known it is left out; where nothing helps the answer is an empty dictionary.
Measure it on your network: the gradients of the four of `python -m experiments.benchmark --suite nets`, whose
time goes into products and memory, take 0.94 to 1 of their time with it.
"""

import functools
from typing import NamedTuple

import jax
import jaxlib

_PRODUCTS_AND_SUMS = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"


class _Option(NamedTuple):
    """What helps on a platform, from the first of jaxlib's versions on and before the last."""

    platform: str
    first: tuple[int, int]
    last: tuple[int, int]
    name: str
    value: str


_OPTIONS = (
    _Option("cpu", (0, 10), (0, 11), "xla_cpu_experimental_ynn_fusion_type", _PRODUCTS_AND_SUMS),
    _Option("cpu", (0, 10), (0, 13), "xla_cpu_prefer_vector_width", "512"),
)


def compiler_options(platform: str | None = None) -> dict[str, str]:
    """The `compiler_options` of `jax.jit` that make the operations faster on this jaxlib.

    Args:
        platform: "cpu", "gpu", "tpu"; None: the default backend's.

    Returns:
        A new dictionary, empty where nothing helps, or where this jaxlib does not know the option.

    >>> isinstance(compiler_options(), dict)
    True
    """
    version = tuple(int(part) for part in jaxlib.__version__.split(".")[:2])
    platform = platform or jax.default_backend()
    return {
        option.name: option.value
        for option in _OPTIONS
        if option.platform == platform
        and option.first <= version < option.last
        and _known(option.name, option.value)
    }


@functools.cache
def _known(name: str, value: str) -> bool:
    """Whether a program compiles with the option: it is experimental, and may go in any version."""
    try:
        jax.jit(lambda: 0, compiler_options={name: value}).lower().compile()
    except Exception:  # whatever the compiler says of a name or a value it does not know
        return False
    return True
