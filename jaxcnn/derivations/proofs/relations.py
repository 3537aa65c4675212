"""Which pixel meets which tap of which window, along one axis, as each form of the library computes it.

Each relation is a predicate of a geometry and of pixel i, tap j, window m, written as the form's array code
addresses its elements: what `lax.pad` puts where, what a slice or a correlation reads from there. That all of
them are (W.1) is proved in `convolution` and `pooling`; that they are what the code does is tested.

They take integers, or the numbers of `symbolic`; `&`, `|` and `==` join truth values of both kinds.
"""

from typing import Any

from jaxcnn.window import Window

Int = Any  # an int, or a Number that stands for all of them
Bool = Any  # a bool, or a Truth


def axis(n: Int, f: Int, s: int, p: Int, q: Int, d: int) -> Window:
    """The library's own geometry of one axis, whose sizes are computed as it does."""
    return Window((n,), (f,), (s,), ((p, q),), (d,))


def within(low: Int, x: Int, high: Int) -> Bool:
    """low ≤ x < high."""
    return (low <= x) & (x < high)


def implies(a: Bool, b: Bool) -> Bool:
    """a ⇒ b."""
    return (a ^ True) | b


def where(a: Bool, x: Int, y: Int) -> Int:
    """x where a, else y: without going both ways, of which many in a row make too many."""
    return (x if a else y) if isinstance(a, bool) else a.pick(x, y)


def greater(x: Int, y: Int) -> Int:
    """max(x, y), by `where`."""
    return where(x >= y, x, y)


def lesser(x: Int, y: Int) -> Int:
    """min(x, y), by `where`."""
    return where(x <= y, x, y)


def fits(n: Int, f: Int, s: int, p: Int, q: Int, d: int) -> Bool:
    """What `jaxcnn.window.resolve` lets through: a pixel is left by the cropping, and one window fits."""
    w = axis(n, f, s, p, q, d)
    (padded,), (e,) = w.padded_size, w.extent
    return (f >= 1) & (n >= 1) & (n + p >= 1) & (n + q >= 1) & (n + p + q >= 1) & (padded >= e)


def sees(w: Window, i: Int, j: Int, m: Int) -> Bool:
    """Tap j of window m sees pixel i: m·s + j·d − p = i, (W.1)."""
    (n,), (f,), (s,), ((p, _),), (d,) = w.input_size, w.size, w.stride, w.padding, w.dilation
    (k,) = w.output_size
    return (m * s + j * d - p == i) & within(0, i, n) & within(0, j, f) & within(0, m, k)


def covers(w: Window, i: Int, m: Int) -> Bool:
    """Some tap of window m sees pixel i: the j of (W.1), (i + p − m·s)/d, is whole and a tap."""
    (n,), (f,), (s,), ((p, _),), (d,) = w.input_size, w.size, w.stride, w.padding, w.dilation
    (k,) = w.output_size
    off = i + p - m * s
    return (off % d == 0) & within(0, off // d, f) & within(0, i, n) & within(0, m, k)


def padded_from(x: Int, t: Int, size: Int, low: Int, interior: int = 0) -> Bool:
    """Position x of `lax.pad(V, …, (low, high, interior))` holds element t of V, which has `size`."""
    return (x == low + t * (interior + 1)) & within(0, t, size)


def padded_size(size: Int, low: Int, high: Int, interior: int = 0) -> Int:
    """The size of that array."""
    return low + (size - 1) * (interior + 1) + 1 + high


# ---------------------------------------------------------------- forms.windows: tap, untap


def tap_slice(w: Window, j: Int) -> tuple[Int, Int, int]:
    """(start, limit, step) of the slice that tap j takes from the padded input."""
    (s,), (d,), (k,) = w.stride, w.dilation, w.output_size
    start = j * d
    return start, start + (k - 1) * s + 1, s


def tapped(w: Window, i: Int, j: Int, m: Int) -> Bool:
    """Element m of the slice for tap j is pixel i."""
    (n,), (f,), ((p, _),), (k,) = w.input_size, w.size, w.padding, w.output_size
    start, _, step = tap_slice(w, j)
    return padded_from(start + m * step, i, n, p) & within(0, j, f) & within(0, m, k)


def untap_edges(w: Window, j: Int) -> tuple[Int, Int, int]:
    """(low, high, interior) of the padding that puts the windows back where tap j saw them."""
    (n,), (s,), ((p, _),), (d,), (k,) = w.input_size, w.stride, w.padding, w.dilation, w.output_size
    low = j * d - p
    return low, n - low - (k - 1) * s - 1, s - 1


def untapped(w: Window, i: Int, j: Int, m: Int) -> Bool:
    """Position i of what tap j puts back holds window m."""
    (f,), (k,) = w.size, w.output_size
    low, high, interior = untap_edges(w, j)
    size = padded_size(k, low, high, interior)
    return padded_from(i, m, k, low, interior) & within(0, i, size) & within(0, j, f)


# ------------------------------------------------------------------------ forms.correlation


def full_edges(w: Window) -> tuple[Int, Int]:
    """The padding of spread dZ in `conv_dA`."""
    ((p, q),), (e,), (r,) = w.padding, w.extent, w.remainder
    return e - 1 - p, e - 1 - q + r


def full_size(w: Window) -> Int:
    """The size of `conv_dA`'s result."""
    (s,), (e,), (k,) = w.stride, w.extent, w.output_size
    low, high = full_edges(w)
    return padded_size(padded_size(k, 0, 0, s - 1), low, high) - e + 1


def fully_correlated(w: Window, i: Int, j: Int, m: Int) -> Bool:
    """Position i of `conv_dA` meets window m with tap j, which the rotation makes tap u, reading i + u·d."""
    (s,), (f,), (d,), (k,) = w.stride, w.size, w.dilation, w.output_size
    u = f - 1 - j
    low, _ = full_edges(w)
    spread = i + u * d - low
    return padded_from(spread, m, k, 0, s - 1) & within(0, u, f) & within(0, i, full_size(w))


def kernel_edges(w: Window) -> tuple[Int, Int]:
    """The padding of A in `conv_dW`: the remainder is cropped."""
    ((p, q),), (r,) = w.padding, w.remainder
    return p, q - r


def kernel_size(w: Window) -> Int:
    """The size of `conv_dW`'s result: how many places dZ, its elements s apart, has on A in steps of d."""
    (n,), (s,), (d,), (k,) = w.input_size, w.stride, w.dilation, w.output_size
    low, high = kernel_edges(w)
    return (padded_size(n, low, high) - ((k - 1) * s + 1)) // d + 1


def kernel_correlated(w: Window, i: Int, j: Int, m: Int) -> Bool:
    """Position j of `conv_dW` meets pixel i with window m: element m of dZ lies at j·d + m·s."""
    (n,), (s,), (d,), (k,) = w.input_size, w.stride, w.dilation, w.output_size
    low, _ = kernel_edges(w)
    return padded_from(j * d + m * s, i, n, low) & within(0, j, kernel_size(w)) & within(0, m, k)
