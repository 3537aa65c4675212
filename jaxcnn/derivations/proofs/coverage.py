"""How often a pixel is used, and what pooling windows divide: coverage counts (L4, L17, P.3)."""

import math

from jaxcnn.derivations.proofs.identity import STEPS, Identity
from jaxcnn.derivations.proofs.relations import (
    Bool,
    Int,
    axis,
    covers,
    fits,
    greater,
    implies,
    lesser,
    sees,
    where,
    within,
)
from jaxcnn.window import Window

_ONE = {"s": (1,), "d": (1,)}
_ANY = {"s": STEPS, "d": (1,)}


def coverage(w: Window, i: Int, windows: Int) -> Int:
    """c[i] of the first `windows` windows, in closed form.

    Window m covers pixel i where ⌈(i + p − e + 1)/s⌉ ≤ m ≤ ⌊(i + p)/s⌋ and m·s ≡ i + p mod d. The latter has
    solutions where g = gcd(s, d) divides i + p, and then in one residue class mod d/g.
    """
    (s,), (d,), (e,), ((p, _),) = w.stride, w.dilation, w.extent, w.padding
    x, g = i + p, math.gcd(s, d)
    period = d // g
    residue = x // g * pow(s // g, -1, period) % period
    first = greater(-((e - 1 - x) // s), 0)
    stop = greater(lesser(x // s + 1, windows), first)
    return where(x % g == 0, (stop - 1 - residue) // period - (first - 1 - residue) // period, 0)


def _covering(s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, j: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    x = i + p
    between = within(-((d * (f - 1) - x) // s), m, x // s + 1)
    here = between & ((x - m * s) % d == 0) & within(0, i, n) & within(0, m, w.output_size[0])
    covered = covers(w, i, m)
    tap = (x - m * s) // d
    return (covered == here) & implies(sees(w, i, j, m), covered) & implies(covered, sees(w, i, tap, m))


COVERING = Identity(
    "windows over a pixel",
    "W.1",
    "Window m sees pixel i, with tap (i + p − m·s)/d and no other, exactly where ⌈(i + p − e + 1)/s⌉ ≤ m ≤ "
    "⌊(i + p)/s⌋ and m·s ≡ i + p mod d.",
    ("n", "f", "p", "q", "i", "j", "m"),
    lambda s, d, n, f, p, q, **_: fits(n, f, s, p, q, d),
    _covering,
)


def _counted(s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    more = where(covers(w, i, m), 1, 0)
    return (coverage(w, i, 0) == 0) & (coverage(w, i, m + 1) == coverage(w, i, m) + more)


COVERAGE = Identity(
    "coverage",
    "L4",
    "The number of windows that see pixel i has a closed form: 0 for no window, and window m adds 1 exactly "
    "where one of its taps sees i (induction over the windows).",
    ("n", "f", "p", "q", "i", "m"),
    lambda s, d, n, f, p, q, i, m: (
        fits(n, f, s, p, q, d) & within(0, i, n) & within(0, m, axis(n, f, s, p, q, d).output_size[0])
    ),
    _counted,
)


def _count(n: Int, f: Int, s: int, p: Int, d: int, i: Int) -> Int:
    w = axis(n, f, s, p, p, d)
    return coverage(w, i, w.output_size[0])


# ------------------------------------------------------------------------------------- L4


def _bordered(s: int, d: int, n: Int, f: Int, p: Int, i: Int) -> Bool:
    k = axis(n, f, s, p, p, d).output_size[0]
    first, middle, other = (_count(n, f, s, p, d, at) for at in (0, n // 2, i))
    inside = (p >= f - 1) | ((n + p <= f) & (f <= 2 * p + 1))
    return implies(inside, (k >= n) & (other == first)) & (inside | (k < n) | (first != middle))


BORDERED = Identity(
    "a border solves both",
    "L4",
    "At stride 1 with p on both sides the map is no smaller than the image and all pixels count equally "
    "exactly where p ≥ f − 1 or n + p ≤ f ≤ 2p + 1; elsewhere it is smaller, or pixels 0 and ⌊n/2⌋ differ.",
    ("n", "f", "p", "i"),
    lambda s, d, n, f, p, i: fits(n, f, s, p, p, d) & (p >= 0) & within(0, i, n),
    _bordered,
    _ONE,
)

BORDER_LESS = Identity(
    "the border counts less",
    "L4",
    "Without padding pixel 0 counts less than pixel ⌊n/2⌋ exactly where 1 < f < n.",
    ("n", "f"),
    lambda n, f, **_: within(1, f, n + 1),
    lambda s, d, n, f: (_count(n, f, s, 0, d, 0) < _count(n, f, s, 0, d, n // 2)) == within(2, f, n),
    _ONE,
)


def _same_equal(s: int, d: int, n: Int, f: Int, i: Int) -> Bool:
    first, middle, other = (_count(n, f, s, (f - 1) // 2, d, at) for at in (0, n // 2, i))
    return implies(f == 1, other == first) & implies(f > 1, first != middle)


SAME_EQUAL = Identity(
    "same does not equalise",
    "L4",
    "With p = (f − 1)/2, f odd and f ≤ n, all pixels count equally exactly where f = 1; elsewhere pixels 0 "
    "and ⌊n/2⌋ differ.",
    ("n", "f", "i"),
    lambda n, f, i, **_: within(1, f, n + 1) & (f % 2 == 1) & within(0, i, n),
    _same_equal,
    _ONE,
)


def _full_equal(s: int, d: int, n: Int, f: Int, i: Int) -> Bool:
    first, second, other = (_count(n, f, s, f - 1, d, at) for at in (0, 1, i))
    equal = (f % s == 0) | (n == 1)
    return implies(equal, other == first) & (equal | (first != second))


FULL_EQUAL = Identity(
    "full equalises",
    "L4",
    "With p = f − 1 all pixels count equally exactly where s divides f or n = 1; elsewhere pixels 0 and 1 "
    "differ.",
    ("n", "f", "i"),
    lambda n, f, i, **_: (f >= 1) & within(0, i, n),
    _full_equal,
    _ANY,
)

# ------------------------------------------------------------------------------------ L17


def _region(s: int, d: int, n: Int, f: Int, i: Int) -> Bool:
    return within(1, f, n + 1) & within(0, i, n)


def _partition(s: int, d: int, n: Int, f: Int, i: Int) -> Bool:
    tiles = ((f == s) & (n % s == 0)) | (n == f)
    bad = _count(n, f, s, 0, d, n - 1) != 1
    for at in (s, f):
        bad = bad | ((at < n) & (_count(n, f, s, 0, d, at) != 1))
    return implies(tiles, _count(n, f, s, 0, d, i) == 1) & (tiles | bad)


PARTITION = Identity(
    "partition",
    "L17",
    "Without padding, f ≤ n: every pixel lies in exactly one window exactly where s = f divides n, or n = "
    "f; elsewhere pixel s, f or n − 1 does not.",
    ("n", "f", "i"),
    _region,
    _partition,
    _ANY,
)


def _overlap(s: int, d: int, n: Int, f: Int, i: Int) -> Bool:
    k = axis(n, f, s, 0, 0, d).output_size[0]
    overlaps = (s < f) & (k > 1)
    return implies(_count(n, f, s, 0, d, i) > 1, overlaps) & implies(overlaps, _count(n, f, s, 0, d, s) > 1)


OVERLAP = Identity(
    "overlap",
    "L17",
    "Without padding, f ≤ n: some pixel lies in two windows exactly where s < f and there are several; then "
    "pixel s does.",
    ("n", "f", "i"),
    _region,
    _overlap,
    _ANY,
)


def _gap(s: int, d: int, n: Int, f: Int, i: Int) -> Bool:
    last = (axis(n, f, s, 0, 0, d).output_size[0] - 1) * s
    gaps = (s > f) & (last > 0)
    unseen = (_count(n, f, s, 0, d, i) == 0) & (i < last + f)
    return implies(unseen, gaps) & implies(gaps, (_count(n, f, s, 0, d, f) == 0) & (f < last))


GAP = Identity(
    "gap",
    "L17",
    "Without padding, f ≤ n: some pixel between two windows lies in neither exactly where s > f and there "
    "are several; then pixel f does.",
    ("n", "f", "i"),
    _region,
    _gap,
    _ANY,
)


def _end(s: int, d: int, n: Int, f: Int, i: Int) -> Bool:
    w = axis(n, f, s, 0, 0, d)
    (k,), (r,) = w.output_size, w.remainder
    seen = coverage(w, i, k) > 0
    return implies(i >= n - r, seen ^ True) & implies(i == n - 1 - r, seen)


END = Identity(
    "the end",
    "L17",
    "Without padding, f ≤ n: the last r pixels lie in no window, the one before them in one.",
    ("n", "f", "i"),
    _region,
    _end,
    _ANY,
)

# ------------------------------------------------------------------------------------ L19


def inside_count(w: Window, m: Int, taps: Int) -> Int:
    """How many of the first `taps` taps of window m see a pixel, in closed form."""
    (n,), (s,), (d,), ((p, _),) = w.input_size, w.stride, w.dilation, w.padding
    start = m * s - p
    first = greater(-(start // d), 0)
    return greater(lesser((n - 1 - start) // d + 1, taps) - first, 0)


def _inside(s: int, d: int, n: Int, f: Int, p: Int, m: Int, j: Int) -> Bool:
    w = axis(n, f, s, p, p, d)
    more = where(within(0, m * s + j * d - p, n), 1, 0)
    return (inside_count(w, m, 0) == 0) & (inside_count(w, m, j + 1) == inside_count(w, m, j) + more)


INSIDE_COUNT = Identity(
    "taps on pixels",
    "L19",
    "c[m], the number of taps of window m on pixels, has a closed form: 0 for no tap, and tap j adds 1 "
    "exactly where it sees one (induction over the taps).",
    ("n", "f", "p", "m", "j"),
    lambda n, j, **_: (n >= 1) & (j >= 0),
    _inside,
)


def _no_padding(s: int, d: int, n: Int, f: Int, p: Int, q: Int, j: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    (k,), (r,), (e,) = w.output_size, w.remainder, w.extent
    none = (p <= 0) & (q <= r)
    corners = within(0, -p, n) & within(0, (k - 1) * s + e - 1 - p, n)
    return implies(none, within(0, m * s + j * d - p, n)) & implies(corners, none)


NO_PADDING = Identity(
    "no tap on padding",
    "L19",
    "Every tap of every window sees a pixel exactly where p ≤ 0 and q ≤ r; elsewhere the first tap of the "
    "first window or the last of the last does not.",
    ("n", "f", "p", "q", "j", "m"),
    lambda s, d, n, f, p, q, j, m: (
        fits(n, f, s, p, q, d) & within(0, j, f) & within(0, m, axis(n, f, s, p, q, d).output_size[0])
    ),
    _no_padding,
)

IDENTITIES = (
    *(COVERING, COVERAGE, BORDERED, BORDER_LESS, SAME_EQUAL, FULL_EQUAL),
    *(PARTITION, OVERLAP, GAP, END, INSIDE_COUNT, NO_PADDING),
)
