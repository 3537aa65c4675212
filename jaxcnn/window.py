"""The arithmetic of windows: how a kernel or a pool meets the pixels under it. Integers only.

Symbols, one spatial axis at a time (the article's, sections "Valid and Same Convolution" and
"Strided Convolution"):

    n   input size          f   window size          s   stride         d   dilation
    p   padding low (before the first pixel)         q   padding high (after the last)
    e = d(f − 1) + 1        extent: the pixels from a window's first tap to its last
    m   index of a window, 0 ≤ m < n_out             j   index of a tap, 0 ≤ j < f

Everything in this library rests on one relation between them: tap j of window m sees pixel

    i = m·s + j·d − p                                                                  (W.1)

and the padding when i < 0 or i ≥ n. From it follow

    n_out = ⌊(n + p + q − e) / s⌋ + 1,   defined where n + p + q ≥ e                   (W.2; L6)
    r     = (n + p + q − e) mod s        the remainder: padded pixels no window reaches (W.3; L14)
    c[i]  = #{(m, j) : m·s + j·d − p = i}   the coverage of pixel i                    (W.4; L4)

Negative padding crops: p = −1 drops the first pixel. A border may be filled from the image: the padded
position i then holds the pixel

    "CIRCULAR"   i mod n         the image repeated                                    (W.5)
    "REFLECT"    −i where i < 0, 2(n − 1) − i where i ≥ n: the image mirrored, the edge pixel not repeated
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jaxcnn._errors import integer, per_axis, wrong_type, wrong_value

Padding = str | int | Sequence[tuple[int, int]]
"""What an operation takes as `padding`: a name, an integer, or one (low, high) pair for each spatial axis."""

_NAMED_PADDINGS = ("VALID", "SAME", "SAME_LOWER", "FULL", "CAUSAL")
_FILLED_PADDINGS = ("CIRCULAR", "REFLECT")


def extent(f: int, dilation: int = 1) -> int:
    """e = d(f − 1) + 1: the pixels that a window of f taps spans.

    >>> extent(3), extent(3, dilation=2)
    (3, 5)
    """
    return dilation * (f - 1) + 1


def output_size(
    n: int, f: int, *, stride: int = 1, padding: tuple[int, int] = (0, 0), dilation: int = 1
) -> int:
    """n_out = ⌊(n + p + q − e)/s⌋ + 1, equation (W.2); article "Strided Convolution", L6.

    The article prints bars where the floor belongs. Raises ValueError where not even one
    window fits, instead of returning a size of zero or less.

    >>> output_size(6, 3), output_size(7, 3, stride=2), output_size(28, 5, padding=(2, 2))
    (4, 3, 28)
    """
    return _count("output_size", n, f, stride, padding, dilation)


def _count(operation: str, n: int, f: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """n_out, its arguments checked on behalf of `operation`."""
    _check_sizes(operation, n=n, f=f, stride=stride, dilation=dilation)
    padded, span = n + sum(_pair(operation, "padding", padding)), extent(f, dilation)
    if padded < span:
        wrong_value(
            operation,
            f"n is {n}, {padded} after padding {padding}, smaller than the window's extent {span}",
            f"n + padding of at least {span}, so that one window fits",
        )
    return (padded - span) // stride + 1


def same_padding(
    n: int, f: int, *, stride: int = 1, dilation: int = 1, lower: bool = False
) -> tuple[int, int]:
    """The (low, high) padding that gives n_out = ⌈n/s⌉; article "Valid and Same", L5.

    At s = 1 the total is d(f − 1); where that is even both sides get the article's
    p = d(f − 1)/2, else the extra pixel goes to the high side (`lower=True`: to the low side).
    At s > 1 the least total that reaches ⌈n/s⌉ is used, as TensorFlow and XLA do; PyTorch's habit
    of (f − 1)/2 on both sides gives the same size and other values.

    >>> same_padding(6, 3), same_padding(6, 4), same_padding(6, 3, stride=2)
    ((1, 1), (1, 2), (0, 1))
    """
    _check_sizes("same_padding", n=n, f=f, stride=stride, dilation=dilation)
    n_out = -(-n // stride)
    total = max((n_out - 1) * stride + extent(f, dilation) - n, 0)
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)


def full_padding(f: int, *, dilation: int = 1) -> tuple[int, int]:
    """p = q = e − 1: every overlap of window and input counts (L1's size n + f − 1).

    >>> full_padding(3)
    (2, 2)
    """
    _check_sizes("full_padding", f=f, dilation=dilation)
    return (extent(f, dilation) - 1,) * 2


def coverage(
    n: int, f: int, *, stride: int = 1, padding: tuple[int, int] = (0, 0), dilation: int = 1
) -> tuple[int, ...]:
    """c[i], how many windows use pixel i, equation (W.4); article figure 5, L4.

    >>> coverage(6, 3)
    (1, 2, 3, 3, 2, 1)
    >>> coverage(6, 3, padding=(1, 1))
    (2, 3, 3, 3, 3, 2)
    """
    windows = _count("coverage", n, f, stride, padding, dilation)
    counts = [0] * n
    for m in range(windows):
        for j in range(f):
            i = m * stride + j * dilation - padding[0]
            if 0 <= i < n:
                counts[i] += 1
    return tuple(counts)


def ceil_padding(
    n: int, f: int, *, stride: int = 1, padding: tuple[int, int] = (0, 0), dilation: int = 1
) -> tuple[int, int]:
    """The padding with its high side extended so that the r pixels of the remainder get a window too.

    That rounds (W.2) up instead of down, as PyTorch's ceil_mode does: the last window may reach beyond
    the padding, but has to start on a pixel or on the low padding, m·s − p < n.

    >>> ceil_padding(6, 3, stride=2), ceil_padding(7, 3, stride=2), ceil_padding(5, 1, stride=3)
    ((0, 1), (0, 0), (0, 0))
    """
    m = _count("ceil_padding", n, f, stride, padding, dilation)
    p, q = padding
    r = n + p + q - extent(f, dilation) - (m - 1) * stride
    return (p, q + stride - r) if r and m * stride - p < n else (p, q)


def adaptive_windows(n: int, n_out: int) -> tuple[tuple[int, int], ...]:
    """(start, stop) of each of n_out windows that cover n pixels: [⌊m·n/n_out⌋, ⌈(m + 1)·n/n_out⌉).

    PyTorch's rule. The windows tile where n_out divides n; elsewhere neighbours may share a pixel.

    >>> adaptive_windows(5, 3)
    ((0, 2), (1, 4), (3, 5))
    """
    _check_sizes("adaptive_windows", n=n, n_out=n_out)
    return tuple((m * n // n_out, -(-(m + 1) * n // n_out)) for m in range(n_out))


def valid_convolutions(n: int, f: int) -> int | None:
    """⌊(n − 1)/(f − 1)⌋, how often an n-pixel axis survives a valid f-tap convolution; L3.

    None where f = 1: the size never shrinks.

    >>> valid_convolutions(28, 3)
    13
    """
    _check_sizes("valid_convolutions", n=n, f=f)
    return None if f == 1 else (n - 1) // (f - 1)


def _check_sizes(operation: str, **sizes: int) -> None:
    """Refuse what is no integer of at least 1; an image may be empty, n = 0."""
    for name, size in sizes.items():
        integer(operation, name, size, least=0 if name == "n" else 1)


def _pair(operation: str, argument: str, pair: Any) -> tuple[int, int]:
    """A (low, high) pair of integers."""
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        wrong_type(operation, f"{argument} is {pair!r}", "a (low, high) pair of integers")
    low, high = (integer(operation, f"{argument}[{k}]", side) for k, side in enumerate(pair))
    return low, high


@dataclass(frozen=True)
class Window:
    """The geometry of a window over the spatial axes: tuples with one entry an axis.

    Hashable, so it is a static argument of the jitted rules. Build it with `resolve`, which
    checks everything.

    >>> window = Window(input_size=(7,), size=(3,), stride=(2,), padding=((0, 1),), dilation=(1,))
    >>> window.output_size, window.remainder
    ((3,), (1,))
    """

    input_size: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    border: str | None = None  # "CIRCULAR" or "REFLECT" where the image fills its border, (W.5)

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input_size)

    @property
    def extent(self) -> tuple[int, ...]:
        """e of each axis."""
        return tuple(map(extent, self.size, self.dilation))

    @property
    def padded_size(self) -> tuple[int, ...]:
        """n + p + q of each axis."""
        return tuple(n + sum(pad) for n, pad in zip(self.input_size, self.padding, strict=True))

    @property
    def output_size(self) -> tuple[int, ...]:
        """n_out of each axis, equation (W.2)."""
        return tuple(
            (n - e) // s + 1 for n, e, s in zip(self.padded_size, self.extent, self.stride, strict=True)
        )

    @property
    def remainder(self) -> tuple[int, ...]:
        """r of each axis, equation (W.3)."""
        return tuple((n - e) % s for n, e, s in zip(self.padded_size, self.extent, self.stride, strict=True))

    def taps(self) -> Iterator[tuple[int, ...]]:
        """The indices j of the window's taps, row by row."""
        return itertools.product(*map(range, self.size))

    def inside(self, axis: int, border: tuple[int, int] = (0, 0)) -> tuple[tuple[bool, ...], ...]:
        """Whether tap j of window m sees a pixel rather than the padding, at [m][j]; by (W.1).

        Of the padding, the `border` (low, high) that lies next to the pixels counts as pixels.
        """
        n, (p, _) = self.input_size[axis], self.padding[axis]
        s, d = self.stride[axis], self.dilation[axis]
        return tuple(
            tuple(-border[0] <= m * s + j * d - p < n + border[1] for j in range(self.size[axis]))
            for m in range(self.output_size[axis])
        )

    @property
    def filled(self) -> "Window":
        """The same windows, over an image that holds its filled border already."""
        return self if self.border is None else self.over_padded

    @property
    def over_padded(self) -> "Window":
        """The same windows, over A_pad."""
        return Window(self.padded_size, self.size, self.stride, ((0, 0),) * self.rank, self.dilation)

    def border_pixels(self, axis: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """[start, stop) of the pixels that fill the low and the high border, (W.5); mirrored for REFLECT."""
        n, (p, q) = self.input_size[axis], self.padding[axis]
        return ((n - p, n), (0, q)) if self.border == "CIRCULAR" else ((1, 1 + p), (n - 1 - q, n - 1))


def resolve(
    operation: str,
    input_size: Sequence[int],
    size: Sequence[int],
    *,
    stride: Any = 1,
    padding: Any = "VALID",
    dilation: Any = 1,
    filled: bool = False,
) -> Window:
    """Check a window's arguments on behalf of `operation` and put them in one form.

    stride, dilation: an integer, or one an axis. padding: a name, an integer, or (low, high)
    pairs. filled: whether `operation` can fill a border from the image. Raises TypeError or ValueError
    that names the argument, also where the window does not fit the padded input: no silent empty
    array (L6).

    >>> window = resolve("conv", (8, 8), (3, 3), stride=2, padding="SAME")
    >>> window.padding, window.output_size
    (((0, 1), (0, 1)), (4, 4))
    """
    rank = len(input_size)
    n = tuple(input_size)
    strides = per_axis(operation, "stride", stride, rank, least=1)
    dilations = per_axis(operation, "dilation", dilation, rank, least=1)
    sizes = tuple(size)
    pairs = _padding_pairs(operation, padding, n, sizes, strides, dilations, filled)
    border = padding if isinstance(padding, str) and padding in _FILLED_PADDINGS else None
    window = Window(n, sizes, strides, pairs, dilations, border)
    for axis, (padded, span) in enumerate(zip(window.padded_size, window.extent, strict=True)):
        if n[axis] < 1 or n[axis] + min(pairs[axis][0], 0) + min(pairs[axis][1], 0) < 1:
            wrong_value(
                operation,
                f"spatial axis {axis} has {n[axis]} pixels, padding {pairs[axis]} leaves none",
                "at least 1 pixel on every spatial axis",
            )
        if padded < span:
            wrong_value(
                operation,
                f"spatial axis {axis} has {padded} pixels ({n[axis]} with padding "
                f"{pairs[axis]}), smaller than the window's extent {span} (size {sizes[axis]}, "
                f"dilation {dilations[axis]})",
                f"at least {span} pixels, so that one window fits",
            )
        if border is not None and max(pairs[axis]) > n[axis] - (border == "REFLECT"):
            wrong_value(
                operation,
                f"padding is {border!r} and spatial axis {axis} has {n[axis]} pixels, of which a border of "
                f"{max(pairs[axis])} is filled",
                f"at least {max(pairs[axis]) + (border == 'REFLECT')} pixels",
            )
    return window


def with_ceil(operation: str, window: Window) -> Window:
    """`window` with its output sizes rounded up, by `ceil_padding`.

    >>> window = resolve("max_pool", (6,), (3,), stride=2)
    >>> window.output_size, with_ceil("max_pool", window).output_size
    ((2,), (3,))
    """
    if any(q < 0 for _, q in window.padding):
        wrong_value(
            operation,
            f"padding is {window.padding} with ceil_mode, which pads the high side",
            "no negative high padding",
        )
    pairs = (
        ceil_padding(n, f, stride=s, padding=pad, dilation=d)
        for n, f, s, pad, d in zip(
            window.input_size, window.size, window.stride, window.padding, window.dilation, strict=True
        )
    )
    return replace(window, padding=tuple(pairs))


def transposed_size(
    operation: str,
    output_size: Sequence[int],
    size: Sequence[int],
    *,
    stride: Any = 1,
    padding: Any = "VALID",
    dilation: Any = 1,
) -> tuple[int, ...]:
    """The input size whose windows number `output_size`: (n_out − 1)s + e − p − q, the smallest by (W.2).

    Where the padding is that of "SAME", the largest instead, n_out·s, as other libraries do.

    >>> [transposed_size("conv_transpose", (3,), (3,), stride=2, padding=name) for name in ("VALID", "SAME")]
    [(7,), (6,)]
    """
    rank = len(size)
    s = per_axis(operation, "stride", stride, rank, least=1)
    d = per_axis(operation, "dilation", dilation, rank, least=1)
    if isinstance(padding, str) and padding in ("SAME", "SAME_LOWER", *_FILLED_PADDINGS):
        return tuple(m * step for m, step in zip(output_size, s, strict=True))
    # these paddings do not depend on n, so any will do
    pairs = _padding_pairs(operation, padding, (1,) * rank, tuple(size), s, d, True)
    n = tuple(
        (m - 1) * step + extent(f, gap) - sum(pair)
        for m, f, step, gap, pair in zip(output_size, size, s, d, pairs, strict=True)
    )
    if min(n) < 1:
        wrong_value(
            operation,
            f"padding {pairs} crops an output of size {n}",
            "padding that leaves at least 1 pixel on every spatial axis",
        )
    return n


def _padding_pairs(
    operation: str,
    padding: Any,
    n: tuple[int, ...],
    f: tuple[int, ...],
    s: tuple[int, ...],
    d: tuple[int, ...],
    filled: bool,
) -> tuple[tuple[int, int], ...]:
    rank = len(n)
    names = (*_NAMED_PADDINGS, *_FILLED_PADDINGS) if filled else _NAMED_PADDINGS
    forms = f"one of {', '.join(map(repr, names))}, an integer, or one (low, high) pair for each spatial axis"
    if isinstance(padding, str):
        if padding in _FILLED_PADDINGS and not filled:
            wrong_value(
                operation, f"padding is {padding!r}, which fills the border of convolutions only", forms
            )
        match padding:
            case "VALID":
                return ((0, 0),) * rank
            case "SAME" | "SAME_LOWER" | "CIRCULAR" | "REFLECT":
                return tuple(
                    same_padding(*nf, stride=s_, dilation=d_, lower=padding == "SAME_LOWER")
                    for nf, s_, d_ in zip(zip(n, f, strict=True), s, d, strict=True)
                )
            case "FULL":
                return tuple(full_padding(f_, dilation=d_) for f_, d_ in zip(f, d, strict=True))
            case "CAUSAL" if rank == 1:
                return ((extent(f[0], d[0]) - 1, 0),)
            case "CAUSAL":
                wrong_value(
                    operation,
                    f"padding is 'CAUSAL' with {rank} spatial axes",
                    "1 spatial axis, the time axis, for causal padding",
                )
        wrong_value(operation, f"padding is {padding!r}", forms)
    if isinstance(padding, Sequence):
        if len(padding) != rank:
            wrong_value(
                operation,
                f"padding is {padding!r} with {len(padding)} entries for {rank} spatial axes",
                forms,
            )
        return tuple(_pair(operation, f"padding[{axis}]", pair) for axis, pair in enumerate(padding))
    both = integer(operation, "padding", padding, forms=forms)
    return ((both, both),) * rank
