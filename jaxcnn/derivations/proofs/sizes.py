"""Sizes and paddings: `jaxcnn.window` itself, run on numbers that stand for every size (L3, L5, L6)."""

from functools import partial

from jaxcnn import window
from jaxcnn.derivations.proofs.identity import STEPS, Identity
from jaxcnn.derivations.proofs.relations import Bool, Int, axis, implies, within

_GEOMETRY = ("n", "f", "p", "q")


def _lies(n: Int, f: Int, s: int, p: Int, q: Int, d: int, m: Int) -> Bool:
    """Window m lies within the padded input."""
    return (m * s >= 0) & (m * s + window.extent(f, d) <= n + p + q)


def _count(n: Int, f: Int, s: int, p: Int, q: Int, d: int) -> Int:
    """The number of windows, none where not even one fits."""
    w = axis(n, f, s, p, q, d)
    return w.output_size[0] if w.padded_size[0] >= w.extent[0] else 0


def _ceil(n: Int, s: int) -> Int:
    return -(-n // s)


def _positive(n: Int, f: Int, **_: Int) -> Bool:
    return (n >= 1) & (f >= 1)


# ------------------------------------------------------------------------------------- L6


def _size(s: int, d: int, n: Int, f: Int, p: Int, q: Int, m: Int) -> Bool:
    lies = _lies(n, f, s, p, q, d, m)
    try:
        k = window.output_size(n, f, stride=s, padding=(p, q), dilation=d)
    except ValueError:
        return lies ^ True
    return (k >= 1) & (lies == within(0, m, k))


SIZE = Identity(
    "output_size",
    "L6",
    "Window m lies within the padded input exactly where 0 ≤ m < window.output_size, which is an error "
    "exactly where no window does.",
    (*_GEOMETRY, "m"),
    _positive,
    _size,
)


def _printed_size(s: int, n: Int, f: Int, p: Int, m: Int) -> Bool:
    room = n + 2 * p - f
    k = room // s + 1
    counts = (k >= 0) & (_lies(n, f, s, p, p, 1, m) == within(0, m, k))
    return implies(room >= -s, counts) & implies(room < -s, k < 0)


PRINTED_SIZE = Identity(
    "printed size",
    "L6",
    "⌊(n + 2p − f)/s + 1⌋ is the number of windows where n + 2p ≥ f − s, and elsewhere negative.",
    ("n", "f", "p", "m"),
    lambda n, f, p, **_: (n >= 1) & (f >= 1) & (p >= 0),
    _printed_size,
    {"s": STEPS},
)

SOME_WINDOW = Identity(
    "some window",
    "L6",
    "Some window lies within the padded input exactly where n + 2p ≥ f.",
    ("n", "f", "p"),
    lambda n, f, p, **_: (n >= 1) & (f >= 1) & (p >= 0),
    lambda s, n, f, p: (_count(n, f, s, p, p, 1) >= 1) == (n + 2 * p >= f),
    {"s": STEPS},
)


def _absolute(s: int, n: Int, f: Int, p: Int) -> Bool:
    room = n + 2 * p - f
    right = max(room + s, -room - s) == s * _count(n, f, s, p, p, 1)
    return right == ((room % s == 0) & (room >= -s))


ABSOLUTE_SIZE = Identity(
    "size with absolute bars",
    "L6",
    "|(n + 2p − f)/s + 1| is the number of windows exactly where s divides n + 2p − f ≥ −s.",
    ("n", "f", "p"),
    lambda n, f, p, **_: (n >= 1) & (f >= 1) & (p >= 0),
    _absolute,
    {"s": STEPS},
)

# ------------------------------------------------------------------------------------- L3


def _shrinking(f: int, n: Int) -> Bool:
    times = window.valid_convolutions(n, f)
    try:
        left = window.output_size(n, f)
    except ValueError:
        return times == 0
    then = window.valid_convolutions(left, f)
    return then is not None and times == 1 + then


SHRINKING = Identity(
    "valid_convolutions",
    "L3",
    "window.valid_convolutions is 0 where no window fits, and elsewhere one more than that of the output's "
    "size: by induction it is how often the kernel fits.",
    ("n",),
    lambda n, **_: n >= 1,
    _shrinking,
    {"f": range(2, 9)},
)

# ------------------------------------------------------------------------------------- L5


def _printed_same(s: int, d: int, n: Int, f: Int) -> Bool:
    p = (f - 1) // 2
    right = (f % 2 == 1) & (_count(n, f, s, p, p, d) == n)
    return right == ((f % 2 == 1) & ((f == 1) | (d == 1)) & ((n == 1) | (s == 1)))


PRINTED_SAME = Identity(
    "printed same padding",
    "L5",
    "p = (f − 1)/2, if whole, keeps the size exactly where f is odd, d = 1 or f = 1, and s = 1 or n = 1.",
    ("n", "f"),
    _positive,
    _printed_same,
)


def _half_extent(s: int, d: int, n: Int, f: Int) -> Bool:
    total = d * (f - 1)
    p = total // 2
    right = (total % 2 == 0) & (_count(n, f, s, p, p, d) == n)
    return right == ((total % 2 == 0) & ((n == 1) | (s == 1)))


HALF_EXTENT = Identity(
    "half the extent",
    "L5",
    "p = d(f − 1)/2, if whole, keeps the size exactly where d(f − 1) is even, and s = 1 or n = 1.",
    ("n", "f"),
    _positive,
    _half_extent,
)


def _printed_ceil(s: int, n: Int, f: Int) -> Bool:
    p = (f - 1) // 2
    return implies(f % 2 == 1, _count(n, f, s, p, p, 1) == _ceil(n, s))


PRINTED_CEIL = Identity(
    "printed same padding with stride",
    "L5",
    "p = (f − 1)/2 gives ⌈n/s⌉ where f is odd, so that p is whole.",
    ("n", "f"),
    _positive,
    _printed_ceil,
    {"s": STEPS},
)


def _same(s: int, d: int, n: Int, f: Int) -> Bool:
    low = window.resolve("SAME", (n,), (f,), stride=s, dilation=d, padding="SAME")
    high = window.resolve("SAME", (n,), (f,), stride=s, dilation=d, padding="SAME_LOWER")
    ((p, q),) = low.padding
    (e,) = low.extent
    mirrored = (high.padding[0][0] == q) & (high.padding[0][1] == p)
    sizes = (low.output_size[0] == _ceil(n, s)) & (high.output_size[0] == _ceil(n, s))
    least = (p + q == 0) | ((n + p + q - 1 - e) // s + 1 < _ceil(n, s))
    return sizes & mirrored & (p >= 0) & within(0, q - p, 2) & least


SAME = Identity(
    "SAME",
    "L5",
    '"SAME" and "SAME_LOWER" give ⌈n/s⌉ with the least padding that does, halved, an odd pixel high or low.',
    ("n", "f"),
    _positive,
    _same,
)


def _same_border(d: int, n: Int, f: Int) -> Bool:
    total = window.extent(f, d) - 1
    p, q = window.same_padding(n, f, dilation=d)
    return (p == total // 2) & (q == total - total // 2)


SAME_BORDER = Identity(
    "SAME at stride 1",
    "L5",
    '"SAME" pads d(f − 1) at stride 1, an odd pixel high.',
    ("n", "f"),
    _positive,
    _same_border,
    {"d": STEPS},
)

# ------------------------------------------------------------------- the other named paddings


def _full(d: int, n: Int, f: Int, i: Int, j: Int) -> Bool:
    w = window.resolve("FULL", (n,), (f,), padding="FULL", dilation=d)
    ((p, _),) = w.padding
    return (w.output_size[0] == n + d * (f - 1)) & within(0, i + p - j * d, w.output_size[0])


FULL = Identity(
    "FULL",
    "L1",
    '"FULL" gives n + d(f − 1) windows at stride 1, so many that every tap sees every pixel from one of '
    "them.",
    ("n", "f", "i", "j"),
    lambda n, f, i, j, **_: (n >= 1) & within(0, i, n) & within(0, j, f),
    _full,
    {"d": STEPS},
)


def _causal(s: int, d: int, n: Int, f: Int, j: Int, m: Int) -> Bool:
    w = window.resolve("CAUSAL", (n,), (f,), stride=s, dilation=d, padding="CAUSAL")
    ((p, _),) = w.padding
    future = m * s + j * d - p > m * s
    return (
        (w.output_size[0] == _ceil(n, s)) & (future ^ True) & implies(j == f - 1, m * s + j * d - p == m * s)
    )


CAUSAL = Identity(
    "CAUSAL",
    "W.1",
    '"CAUSAL" gives ⌈n/s⌉ windows; the last tap of window m sees pixel m·s and no tap sees a later one.',
    ("n", "f", "j", "m"),
    lambda n, f, j, **_: (n >= 1) & within(0, j, f),
    _causal,
)


def _border(name: str, s: int, d: int, n: Int, f: Int, x: Int) -> Bool:
    try:
        w = window.resolve("border", (n,), (f,), stride=s, dilation=d, padding=name, filled=True)
    except ValueError:
        return True
    ((p, q),), i = w.padding, x - w.padding[0][0]
    (start, _), (second, stop) = w.border_pixels(0)
    if name == "CIRCULAR":
        low, high, below, above = start + x, second + (i - n), i + n, i - n
    else:  # the pieces are reversed
        low, high, below, above = start + p - 1 - x, stop - 1 - (i - n), -i, 2 * (n - 1) - i
    filled = implies(within(0, x, p), (low == below) & within(0, low, n))
    filled = filled & implies(within(n + p, x, n + p + q), (high == above) & within(0, high, n))
    return filled & (w.filled.output_size[0] == _ceil(n, s))


CIRCULAR, REFLECT = (
    Identity(
        name,
        "W.5",
        f'"{name}", where it is no error, gives ⌈n/s⌉ and puts pixel {pixel} at position i of the border.',
        ("n", "f", "x"),
        _positive,
        partial(_border, name),
    )
    for name, pixel in (("CIRCULAR", "i mod n"), ("REFLECT", "−i or 2(n − 1) − i"))
)

# ------------------------------------------------------------------------ transposed sizes


def _transposed(s: int, d: int, n_out: Int, f: Int, p: Int, q: Int) -> Bool:
    n = (n_out - 1) * s + window.extent(f, d) - p - q
    sizes = (axis(size, f, s, p, q, d).output_size[0] for size in (n, n - 1))
    return (next(sizes) == n_out) & (next(sizes) == n_out - 1)


TRANSPOSED = Identity(
    "transposed size",
    "W.2",
    "(n_out − 1)s + e − p − q is the least n that has n_out windows.",
    ("n_out", "f", "p", "q"),
    lambda s, d, n_out, f, p, q: (
        (n_out >= 1) & (f >= 1) & ((n_out - 1) * s + window.extent(f, d) - p - q >= 1)
    ),
    _transposed,
)


def _transposed_named(s: int, d: int, n_out: Int, f: Int) -> Bool:
    right = True
    for name, total in (("VALID", 0), ("FULL", 2 * d * (f - 1)), ("CAUSAL", d * (f - 1))):
        n = (n_out - 1) * s + window.extent(f, d) - total
        try:
            (size,) = window.transposed_size("named", (n_out,), (f,), stride=s, dilation=d, padding=name)
        except ValueError:
            right = right & (n < 1)
            continue
        right = right & (size == n) & (n >= 1)
    (same,) = window.transposed_size("named", (n_out,), (f,), stride=s, dilation=d, padding="SAME")
    return right & (_ceil(same, s) == n_out) & (_ceil(same + 1, s) == n_out + 1)


TRANSPOSED_NAMED = Identity(
    "transposed_size",
    "W.2",
    'window.transposed_size is that n with "VALID", "FULL" and "CAUSAL", an error where it is below 1, and '
    'with "SAME" the largest n for which ⌈n/s⌉ = n_out.',
    ("n_out", "f"),
    lambda n_out, f, **_: (n_out >= 1) & (f >= 1),
    _transposed_named,
)

IDENTITIES = (
    *(SIZE, PRINTED_SIZE, SOME_WINDOW, ABSOLUTE_SIZE, SHRINKING),
    *(PRINTED_SAME, HALF_EXTENT, PRINTED_CEIL, SAME, SAME_BORDER),
    *(FULL, CAUSAL, CIRCULAR, REFLECT, TRANSPOSED, TRANSPOSED_NAMED),
)
