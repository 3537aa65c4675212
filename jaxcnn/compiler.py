"""Compiler options that make a given jaxlib faster; nothing in the library depends on them.

    step = jax.jit(step, compiler_options=compiler_options())

They belong to the outermost jit: JAX refuses options on a jit that is called by another.

jaxlib 0.10 gives convolutions on the CPU to the YNNPACK library, where dense ones run at half of what they do
in XLA's own code (Eigen). The option leaves YNNPACK single matrix products, and sums. Our own dense
convolutions go round YNNPACK without it (`jaxcnn.forms.eigen`), but for those with a stride; it helps what
else a program has, lax's own dense convolutions above all. Later versions need nothing: the answer is an
empty dictionary, as it is wherever the option's name is not known. Measure it on your network: the four of
`python -m experiments.benchmark --suite nets` take as long with it.
"""

import functools

import jax
import jaxlib

_PRODUCTS_AND_SUMS = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"

# jaxlib's version and the platform → the options
_OPTIONS: dict[tuple[tuple[int, ...], str], dict[str, str]] = {
    ((0, 10), "cpu"): {"xla_cpu_experimental_ynn_fusion_type": _PRODUCTS_AND_SUMS},
}


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
    options = _OPTIONS.get((version, platform or jax.default_backend()), {})
    return {name: value for name, value in options.items() if _known(name, value)}


@functools.cache
def _known(name: str, value: str) -> bool:
    """Whether a program compiles with the option: it is experimental, and may go in any version."""
    try:
        jax.jit(lambda: 0, compiler_options={name: value}).lower().compile()
    except Exception:  # whatever the compiler says of a name or a value it does not know
        return False
    return True
