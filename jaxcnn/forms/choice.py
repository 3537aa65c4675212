"""Which form computes a face of a convolution: one table, by platform and shape.

On a CPU, of a group or of groups merged, the first row that fits:

    one channel a group                                     depthwise
    conv of one tap, a stride, at most 32 images; not in jaxlib 0.10.2      as elsewhere
    one tap                                                 products
    conv of at most 8 channels, 16 filters; not small       folded
    conv, conv_dW of at most 4 channels, 9 taps in all      thin
    conv of at most 4 channels, 9 taps, 16, 32, …, 128 filters      thin
    conv_dA of at most 4 channels, 81 taps                  products
    conv_dA with a stride, 9 taps, more filters than channels       products
    3×3 at stride 1, of 128 channels and filters or more    winograd, if its tiles are small
    conv, conv_dA of such                                   as elsewhere
    three spatial axes, 8 million products                  planes
    conv_dW of 64 million products, where thin fits with 9 taps     thin
    conv_dW of 8 million products, where eigen fits         eigen
    conv_dW where thin fits                                 thin
    conv, conv_dA of as many, 16 channels and filters; in jaxlib 0.10.2     eigen
    else                                                    as elsewhere

winograd's tiles are small if those of both operands hold 8 million numbers, for conv_dW 2 million: larger
ones cost more than the multiplications that they save.
thin fits a dW of at most 4 channels and of 32 filters or more, whose patches hold at most 4 million numbers;
of 10 to 81 taps 2 million, in jaxlib 0.10.2 alone. eigen fits as `eigen.fits_dW` says; in other jaxlibs only
several images, of at most 4 channels no more patches than thin, and of 5 to 32 channels either more than 32
images or fewer than 1,024 pixels in each image of dZ.

On a GPU, likewise:

    conv_dA of one channel a group, a stride, 25 taps       depthwise
    conv of one channel, 81 taps                            thin
    conv_dA of one channel, 81 taps; of at most 4, 9 taps   products
    conv_dW of groups, 128 channels and filters             grouped, in one slice
    conv_dA whose kernel is larger than dZ; float32 of narrower operands    as elsewhere
    else                                                    cudnn, which is lax's own

Elsewhere correlation, which is lax's own; but other groups are merged by grouped, since lax's gathers a
sharded batch on every device, and conv_dA with a stride is by interleaving: correlation multiplies by zeros
there, s² times the work.

Milliseconds for Z, dA, dW on two CPU cores (jaxlib 0.10.2, float32, 3×3, batch 32), lax's with jax.grad and
the form's; `python -m experiments.benchmark` measures them again:

    64 channels, 32×32, depthwise            84, 122, –     depthwise      1.8, 1.7, –
    the same, on a CPU with AVX-512          –, –, 19       depthwise      –, –, 1.1
    128 → 128, 16×16, 32 groups              64, 34, 3710   grouped        6.9, 6.4, 7.5
    128 → 128, 16×16, 4 groups               53, 48, 494    grouped        8.4, 8.1, 9.9
    5×5, 3 → 6, 32×32                        4.7, –, –      folded         1.0, –, –
    1 → 32, 28×28                            0.7, 1.4, 1.4  thin, products, thin   0.4, 0.6, 0.6
    3 → 32, 32×32                            1.1, 1.7, 4.4  thin, products, eigen  0.75, 1.4, 1.9
    3 → 32, 32×32, 128 images                –, –, 6.6      thin           –, –, 2.6
    3 → 64, 224×224, 8 images, with AVX-512  –, –, 49       eigen          –, –, 34, thin 35
    3×3×3, 16 → 32, 16×16×16, 4 images       17, 45, 29     planes         4.3, 8.2, 5.5
    256 → 256, 8×8                           17, 21, 23     winograd       8.1, 8.5, 15
    the same, on a CPU with AVX-512          6.0, 6.2, 8.6  winograd       4.0, 4.0, 8.3, eigen 7.1
    512 → 512, 4×4, with AVX-512             7.2, 9.8, 8.4  winograd       4.5, 4.6, 6.6, eigen 7.4
    128 → 128, 16×16, with AVX-512           6.2, 6.3, 11   winograd       5.2, 5.0, 18, eigen 8.5
    128 → 128, 32×32, with AVX-512           24, 24, –      winograd       35, 38, –
    32 → 64, 32×32                           15, 16, 118    eigen          8.5, 8.9, 12
    the same, jaxlib 0.12.0.1, with AVX-512  –, –, 5.0      eigen          –, –, 4.4 to 5.8
    its 5×5; its 48×48 images                –, –, 8.6, 14  eigen          –, –, 9.5, 24
    its 128 images; 16×16, 64 → 64           –, –, 61, 2.5  eigen          –, –, 39, 1.9
    64 → 128, 32×32, 1×1, stride 2, likewise 0.40, –, –     products       0.43, –, –
    the same, 128 images                     1.6, –, –      products       1.4, –, –
    32 → 64, 32×32, stride 2                 –, 4.9, –      products       –, 3.0, –

On an H100 (jaxlib 0.11.2, batch 512), where cudnn is as fast as lax's:

    64 channels, 32×32, depthwise, stride 2  –, 0.19, –     depthwise      –, 0.13, –
    1 → 32, 32×32                            0.13, 0.17, –  thin, products         0.09, 0.08, –
    3 → 32, 32×32                            –, 0.16, –     products       –, 0.10, –
    128 → 128, 16×16, 4 groups               –, –, 0.43     grouped        –, –, 0.23
    32 → 64, 32×32, dilation 2               –, –, 9.5      cudnn          –, –, 0.53
"""

import functools
import math
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import jaxlib
import numpy as np
from jax import Array, lax
from jax.typing import DTypeLike

from jaxcnn.forms import (
    correlation,
    cudnn,
    depthwise,
    eigen,
    folded,
    grouped,
    interleaving,
    planes,
    products,
    thin,
    windows,
    winograd,
)
from jaxcnn.forms.platforms import by_platform
from jaxcnn.window import Window

Face = Callable[[Array, Array], Array]

_FEW, _SOME, _MANY, _WIDE = 4, 16, 32, 128  # channels or filters
_FOLDED = 8, 16  # the most channels and filters
_SOME_TAPS, _MOST_TAPS, _MOST_TERMS, _MOST_PHASES = 25, 81, 9, 9  # unrolled
_NOT_SMALL, _LARGE, _HUGE = 2**20, 2**23, 2**26  # products of two numbers, summed or not
_IMAGES, _PIXELS = 32, 2**10  # in a batch, in an image of dZ
_PATCHES = 2**22  # numbers in the patches of thin.conv_dW, 16 MiB
_MOST_IN_TILES, _MOST_IN_TILES_dW = 2**23, 2**21  # numbers in winograd's tiles, 32 MiB and 8
_IS_0_10_2 = jaxlib.__version__ == "0.10.2"


class Forms(NamedTuple):
    """What computes a face of such operands, by platform."""

    cpu: Face
    gpu: Face
    elsewhere: Face


def evaluate(
    face: str,
    left: Array,
    right: Array,
    window: Window,
    groups: int,
    precision: lax.PrecisionLike,
    dtype: DTypeLike,
    shared: bool,
) -> Array:
    """The face of its operands, in a dtype; sums are kept in float32 or wider."""

    @functools.cache
    def rounded(form: Face) -> Face:
        return lambda left, right: form(left, right).astype(dtype)

    cpu, cuda, default = map(rounded, forms(face, left, right, window, groups, precision, dtype, shared))
    return by_platform(left, right, cpu=cpu, cuda=cuda, default=default)


def forms(
    face: str,
    left: Array,
    right: Array,
    window: Window,
    groups: int,
    precision: lax.PrecisionLike,
    dtype: DTypeLike,
    shared: bool = False,
) -> Forms:
    """What computes a face, whose result is wanted in a dtype; more of a gradient may read its Z or dZ."""
    channels = left.shape[-1] if face == "conv_dW" else right.shape[-2] * groups
    filters = right.shape[-1]
    static = {"window": window, "groups": groups, "precision": precision}

    @functools.cache
    def by(form: ModuleType, **more: Any) -> Face:
        return partial(getattr(form, face), **static, **more)

    elsewhere = _elsewhere(face, window)
    if groups in (1, channels):
        if groups > 1:
            on_cpu = by(depthwise, shared=shared)
        else:
            on_cpu = by(_on_cpu(face, window, windows.images(left), channels, filters))
        off_cpu = by(elsewhere)
    else:
        slices = groups // grouped.merged(groups, max(channels, filters))
        dense = _on_cpu(face, window, windows.images(left), channels // slices, filters // slices)
        on_cpu, off_cpu = (by(grouped, dense=getattr(form, face)) for form in (dense, elsewhere))
    if np.dtype(dtype).itemsize > left.dtype.itemsize:
        return Forms(on_cpu, off_cpu, off_cpu)
    return Forms(on_cpu, _on_gpu(by, face, window, groups, channels, filters) or off_cpu, off_cpu)


def _on_cpu(face: str, window: Window, images: int, channels: int, filters: int) -> ModuleType:
    """The form of a dense face on a CPU."""
    taps = math.prod(window.size)
    if taps == 1:
        by_slices = face == "conv" and max(window.stride) > 1 and images <= _IMAGES
        return correlation if by_slices and not _IS_0_10_2 else products
    work = images * math.prod(window.output_size) * taps * channels * filters
    if face == "conv" and channels <= _FOLDED[0] and filters <= _FOLDED[1] and work >= _NOT_SMALL:
        return folded
    if channels <= _FEW:
        if face == "conv_dA" and taps <= _MOST_TAPS:
            return products
        if face != "conv_dA" and taps * channels <= _MOST_TERMS:
            return thin
        if face == "conv" and taps <= _MOST_TERMS and filters % thin.AT_ONCE == 0 and filters <= _WIDE:
            return thin
    if face == "conv_dA" and max(window.stride) > 1 and taps <= _MOST_TERMS and filters > channels:
        return products
    if winograd.fits(window) and min(channels, filters) >= _WIDE:
        in_tiles = images * winograd.pixels_in_tiles(window) * (channels + filters)
        if in_tiles <= (_MOST_IN_TILES_dW if face == "conv_dW" else _MOST_IN_TILES):
            return winograd
        if face != "conv_dW":
            return correlation
    if window.rank == 3 and work >= _LARGE and math.prod(window.stride) <= _MOST_PHASES:
        return planes
    if face == "conv_dW":
        patches = work // filters
        by_thin = _thin_fits_dW(taps, channels, filters, patches)
        if by_thin and taps <= _MOST_TERMS and work >= _HUGE:
            return thin
        if channels <= _FEW:
            ahead = patches <= _PATCHES
        else:
            ahead = channels > _MANY or images > _IMAGES or math.prod(window.output_size) < _PIXELS
        by_eigen = _IS_0_10_2 or (images > 1 and ahead)
        if by_eigen and work >= _LARGE and eigen.fits_dW(window):
            return eigen
        if by_thin:
            return thin
    elif work >= _LARGE and min(channels, filters) >= _SOME and _IS_0_10_2:
        return eigen
    return _elsewhere(face, window)


def _thin_fits_dW(taps: int, channels: int, filters: int, patches: int) -> bool:
    """Whether thin makes the dW of patches of so many numbers."""
    if channels > _FEW or filters < _MANY:
        return False
    if taps <= _MOST_TERMS:
        return patches <= _PATCHES
    return _IS_0_10_2 and taps <= _MOST_TAPS and 2 * patches <= _PATCHES


def _on_gpu(
    by: Callable[..., Face], face: str, window: Window, groups: int, channels: int, filters: int
) -> Face | None:
    """What computes a face on a GPU; None for the form of elsewhere."""
    taps = math.prod(window.size)
    if face == "conv_dA":
        if groups == channels > 1 < max(window.stride) and taps <= _SOME_TAPS:
            return by(depthwise, few_taps=_SOME_TAPS)
        if groups == 1 and channels <= _FEW and taps <= (_MOST_TAPS if channels == 1 else _MOST_TERMS):
            return by(products)
        return by(cudnn) if cudnn.fits_dA(window) else None
    if face == "conv" and channels == 1 and taps <= _MOST_TAPS:
        return partial(thin.conv_at_once, window=window)
    if face == "conv_dW" and 1 < groups < channels <= _WIDE >= filters:
        return by(grouped, dense=cudnn.conv_dW, width=_WIDE)
    return by(cudnn)


def _elsewhere(face: str, window: Window) -> ModuleType:
    """The form of a dense face on a TPU, and of what a GPU leaves to it."""
    return interleaving if face == "conv_dA" and 1 < math.prod(window.stride) <= _MOST_PHASES else correlation
