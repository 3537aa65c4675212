"""Windows of pools: which share a pixel, what ceil_mode adds, and the uneven ones (L17, L18, P.8)."""

import math

from jaxcnn import window
from jaxcnn.derivations.proofs.identity import Identity
from jaxcnn.derivations.proofs.relations import Bool, Int, axis, fits, implies, within

# ------------------------------------------------------------------------------------ L18


def _shared(
    s: int, d: int, n: Int, f: Int, p: Int, q: Int, j: Int, m: Int, j_other: Int, m_other: Int
) -> Bool:
    (k,) = axis(n, f, s, p, q, d).output_size
    met = math.lcm(s, d)
    meet = (met <= d * (f - 1)) & (met <= (k - 1) * s)
    seen = within(0, j, f) & within(0, j_other, f) & within(0, m, k) & within(0, m_other, k)
    shared = seen & (m != m_other) & (m * s + j * d == m_other * s + j_other * d)
    first = within(0, met // d, f) & within(0, met // s, k)  # window 0 and window met/s, whose tap 0 is there
    return implies(shared, meet) & implies(meet, first)


SHARED = Identity(
    "windows that share",
    "L18",
    "Two windows share a padded pixel exactly where lcm(s, d) ≤ d(f − 1) and lcm(s, d) ≤ (n_out − 1)s; so "
    "none do where s > d(f − 1).",
    ("n", "f", "p", "q", "j", "m", "j_other", "m_other"),
    lambda s, d, n, f, p, q, **_: fits(n, f, s, p, q, d),
    _shared,
)

# ------------------------------------------------------------------------------- ceil_mode


def _ceil_mode(s: int, d: int, n: Int, f: Int, p: Int, q: Int) -> Bool:
    low, high = window.ceil_padding(n, f, stride=s, padding=(p, q), dilation=d)
    (got,) = axis(n, f, s, low, high, d).output_size
    up = -(-(n + p + q - window.extent(f, d)) // s) + 1
    starts_inside = (up - 1) * s - p < n
    size = implies(starts_inside, got == up) & (starts_inside | (got == up - 1))
    return (low == p) & within(0, high - q, s) & size


CEIL_MODE = Identity(
    "ceil_padding",
    "P.1",
    "window.ceil_padding adds less than s pixels on the high side and gives ⌈(n + p + q − e)/s⌉ + 1 "
    "windows, one fewer where the last of them would start beyond the pixels (0 ≤ q ≤ e − 1).",
    ("n", "f", "p", "q"),
    lambda s, d, n, f, p, q: fits(n, f, s, p, q, d) & within(0, q, window.extent(f, d)),
    _ceil_mode,
)

# -------------------------------------------------------------------------------- adaptive


def _adaptive(n_out: int, n: Int) -> Bool:
    windows = window.adaptive_windows(n, n_out)
    right = (windows[0][0] == 0) & (windows[-1][1] == n)
    tiles = True
    for (start, stop), (following, _) in zip(windows, [*windows[1:], (n, n)], strict=True):
        right = right & (start < stop) & within(0, stop - following, 2)
        tiles = tiles & (stop == following)
    return right & (tiles == (n % n_out == 0))


ADAPTIVE = Identity(
    "adaptive_windows",
    "P.8",
    "window.adaptive_windows covers every pixel with windows that are not empty and share at most one pixel "
    "with the next, and tiles exactly where n_out divides n.",
    ("n",),
    lambda n, **_: n >= 1,
    _adaptive,
    {"n_out": range(1, 9)},
)

IDENTITIES = (SHARED, CEIL_MODE, ADAPTIVE)
