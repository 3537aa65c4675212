"""Which form computes a face of a convolution: one table, by platform and shape.

On a CPU, of a group or of groups merged, the first row that fits:

    one channel a group                                     depthwise
    one tap                                                 products
    conv of at most 8 channels, 16 filters; not small       folded
    conv, conv_dW of at most 4 channels, 9 taps in all      thin
    conv_dA of at most 4 channels, 81 taps                  products
    3×3 at stride 1, of 128 channels and filters or more    winograd
    three spatial axes, 8 million products                  planes
    conv_dW of them, where eigen fits                       eigen
    conv_dW of at most 4 channels, 81 taps, 32 filters      thin
    conv, conv_dA of them, 16 channels and filters; in jaxlib 0.10.2    eigen
    else                                                    as elsewhere

Elsewhere correlation, which is lax's own; but other groups are merged by grouped, since lax's gathers a
sharded batch on every device, and conv_dA with a stride is by interleaving: correlation multiplies by zeros
there, s² times the work.

Milliseconds for Z, dA, dW on two CPU cores (jaxlib 0.10.2, float32, 3×3, batch 32), lax's with jax.grad and
the form's; `python -m experiments.benchmark` measures them again:

    64 channels, 32×32, depthwise            84, 122, 375   depthwise      1.8, 1.7, 4.1
    128 → 128, 16×16, 32 groups              64, 34, 3710   grouped        6.9, 6.4, 7.5
    128 → 128, 16×16, 4 groups               53, 48, 494    grouped        8.4, 8.1, 9.9
    5×5, 3 → 6, 32×32                        4.7, –, –      folded         1.0, –, –
    1 → 32, 28×28                            0.7, 1.4, 1.4  thin, products, thin   0.4, 0.6, 0.6
    3 → 32, 32×32                            –, 1.7, 4.4    –, products, eigen     –, 1.4, 1.9
    3×3×3, 16 → 32, 16×16×16, 4 images       17, 45, 29     planes         4.3, 8.2, 5.5
    256 → 256, 8×8                           17, 21, 23     winograd       8.1, 8.5, 15
    32 → 64, 32×32                           15, 16, 118    eigen          8.5, 8.9, 12
    32 → 64, 32×32, stride 2                 –, 5.4, –      interleaving   –, 3.5, –
"""

import math
from collections.abc import Callable
from functools import partial
from types import ModuleType

import jaxlib
from jax import Array, lax

from jaxcnn.forms import (
    correlation,
    depthwise,
    eigen,
    folded,
    grouped,
    interleaving,
    planes,
    products,
    thin,
    winograd,
)
from jaxcnn.window import Window

Face = Callable[[Array, Array], Array]

_FEW, _SOME, _MANY, _WIDE = 4, 16, 32, 128  # channels or filters
_FOLDED = 8, 16  # the most channels and filters
_MOST_TAPS, _MOST_TERMS, _MOST_PHASES = 81, 9, 9  # unrolled
_NOT_SMALL, _LARGE = 2**20, 2**23  # products of two numbers, summed or not
_IS_0_10_2 = jaxlib.__version__ == "0.10.2"


def evaluate(
    face: str, left: Array, right: Array, window: Window, groups: int, precision: lax.PrecisionLike
) -> Array:
    """The face of its operands, in the dtype of its sums, float32 or wider."""
    on_cpu, elsewhere = forms(face, left, right, window, groups, precision)
    if on_cpu is elsewhere:
        return on_cpu(left, right)
    return lax.platform_dependent(left, right, cpu=on_cpu, default=elsewhere)


def forms(
    face: str, left: Array, right: Array, window: Window, groups: int, precision: lax.PrecisionLike
) -> tuple[Face, Face]:
    """The functions of such operands that run on a CPU and elsewhere; one function twice where they agree."""
    channels = left.shape[-1] if face == "conv_dW" else right.shape[-2] * groups
    filters = right.shape[-1]
    static = {"window": window, "groups": groups, "precision": precision}
    elsewhere = _elsewhere(face, window)
    if groups in (1, channels):
        on_cpu = depthwise if groups > 1 else _on_cpu(face, window, left.shape[0], channels, filters)
        run = [partial(getattr(form, face), **static) for form in (on_cpu, elsewhere)]
    else:
        slices = groups // grouped.merged(groups, max(channels, filters))
        on_cpu = _on_cpu(face, window, left.shape[0], channels // slices, filters // slices)
        whole = getattr(grouped, face)
        run = [partial(whole, **static, dense=getattr(form, face)) for form in (on_cpu, elsewhere)]
    return run[0], run[0] if on_cpu is elsewhere else run[1]


def _on_cpu(face: str, window: Window, images: int, channels: int, filters: int) -> ModuleType:
    """The form of a dense face on a CPU."""
    taps = math.prod(window.size)
    if taps == 1:
        return products
    images = images if isinstance(images, int) else 1  # of an export for any number
    work = images * math.prod(window.output_size) * taps * channels * filters
    if face == "conv" and channels <= _FOLDED[0] and filters <= _FOLDED[1] and work >= _NOT_SMALL:
        return folded
    if channels <= _FEW:
        if face == "conv_dA" and taps <= _MOST_TAPS:
            return products
        if face != "conv_dA" and taps * channels <= _MOST_TERMS:
            return thin
    if winograd.fits(window) and min(channels, filters) >= _WIDE:
        return winograd
    if window.rank == 3 and work >= _LARGE and math.prod(window.stride) <= _MOST_PHASES:
        return planes
    if face == "conv_dW":
        if work >= _LARGE and eigen.fits_dW(window):
            return eigen
        if channels <= _FEW and taps <= _MOST_TAPS and filters >= _MANY:
            return thin
    elif work >= _LARGE and min(channels, filters) >= _SOME and _IS_0_10_2:
        return eigen
    return _elsewhere(face, window)


def _elsewhere(face: str, window: Window) -> ModuleType:
    """The form of a dense face on a GPU or a TPU."""
    return interleaving if face == "conv_dA" and 1 < math.prod(window.stride) <= _MOST_PHASES else correlation
