"""The three faces of a convolution address their elements by (W.1): every form of L13, L14 and L15."""

from functools import partial

from jaxcnn.derivations.proofs.identity import Identity
from jaxcnn.derivations.proofs.relations import (
    Bool,
    Int,
    axis,
    fits,
    full_size,
    fully_correlated,
    greater,
    implies,
    kernel_correlated,
    kernel_size,
    padded_from,
    padded_size,
    sees,
    tap_slice,
    tapped,
    untap_edges,
    untapped,
    within,
)
from jaxcnn.window import Window

_GEOMETRY = ("n", "f", "p", "q")
_INDICES = (*_GEOMETRY, "i", "j", "m")


def _fits(s: int, d: int, n: Int, f: Int, p: Int, q: Int, **_: Int) -> Bool:
    return fits(n, f, s, p, q, d)


def _fits_padded(s: int, d: int, n: Int, f: Int, p: Int, q: Int, **_: Int) -> Bool:
    return fits(n, f, s, p, q, d) & (p >= 0) & (q >= 0)


# ------------------------------------------------------------------------------------- L13


def _tap(s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, j: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    start, limit, step = tap_slice(w, j)
    (k,), (padded,) = w.output_size, w.padded_size
    legal = (start >= 0) & (limit <= padded) & ((limit - start - 1) // step + 1 == k)
    return (tapped(w, i, j, m) == sees(w, i, j, m)) & implies(within(0, j, f), legal)


TAP = Identity(
    "tap",
    "W.1",
    "The slice of the padded input for tap j, from j·d in steps of s, is legal, has n_out elements, and "
    "element m is the pixel of (W.1).",
    _INDICES,
    _fits,
    _tap,
)


def _untap(s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, j: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    low, high, interior = untap_edges(w, j)
    size = padded_size(w.output_size[0], low, high, interior)
    return (untapped(w, i, j, m) == sees(w, i, j, m)) & (size == n)


UNTAP = Identity(
    "untap",
    "L13",
    "s − 1 zeros between the windows and an edge of j·d − p before them put window m where its tap j saw a "
    "pixel by (W.1), and nowhere else; there are n places.",
    _INDICES,
    _fits,
    _untap,
)


def _inclusive(s: int, d: int, n: Int, f: Int, p: Int, q: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    (k,), (e,), (padded,) = w.output_size, w.extent, w.padded_size
    return k * s + e > padded


INCLUSIVE = Identity(
    "one window too many",
    "L13",
    "Window n_out, which a sum up to and including n_out asks for, never lies within the padded input.",
    _GEOMETRY,
    _fits,
    _inclusive,
)

# ------------------------------------------------------------------------------------- L14


def _full(s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, j: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    return (fully_correlated(w, i, j, m) == sees(w, i, j, m)) & (full_size(w) == n)


FULL = Identity(
    "full correlation",
    "L14",
    "Spread dZ, padded by e − 1 − p and e − 1 − q + r, correlated with the rotated kernel, has n elements, "
    "and element i meets window m with tap j exactly where (W.1) holds.",
    _INDICES,
    _fits,
    _full,
)


def article(
    w: Window,
    i: Int,
    j: Int,
    m: Int,
    *,
    spreading: bool = True,
    remainder: bool = True,
    rotation: bool = True,
    crop: str = "slice",
) -> tuple[Bool, Bool]:
    """(whether the result has n elements, whether element i meets window m with tap j) of the article's dA.

    The full correlation of dZ with the kernel and the options of `jaxcnn.loops.convolution.conv_dA_full`.
    """
    (n,), (f,), (s,), ((p, q),), (d,) = w.input_size, w.size, w.stride, w.padding, w.dilation
    (e,), (k,), (r,) = w.extent, w.output_size, w.remainder
    step = s if spreading else 1
    full = (k - 1) * step + 1 + (r if remainder else 0) + e - 1
    match crop:
        case "slice":  # [p : p + n], which ends where the array does
            start, right_size = p, p + n <= full
        case "sides":
            start, right_size = p, full - p - q == n
        case _:
            start, right_size = 0, full == n
    u = f - 1 - j if rotation else j
    position = start + i + u * d - (e - 1)
    meets = padded_from(position, m, k, 0, step - 1) & within(0, j, f) & within(0, i, n)
    return right_size, meets


def _article(s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, j: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    right_size, meets = article(w, i, j, m)
    return right_size & (meets == sees(w, i, j, m))


ARTICLE = Identity(
    "full convolution, corrected",
    "L14",
    "For p, q ≥ 0: the full convolution of spread dZ, r zeros appended, sliced [p : p + n], has n elements, "
    "and element i meets window m with tap j exactly where (W.1) holds.",
    _INDICES,
    _fits_padded,
    _article,
)


def _printed(s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, j: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    (k,), (r,) = w.output_size, w.remainder

    def right(i: Int, j: Int, m: Int) -> Bool:
        right_size, meets = article(w, i, j, m, spreading=False, remainder=False, crop="none")
        return right_size & (meets == sees(w, i, j, m))

    inside = (p == 0) & (q == r) & ((s == 1) | (k == 1))
    return implies(inside, right(i, j, m)) & (inside | ((right(0, 0, 0) & right(1, 0, 1)) ^ True))


PRINTED = Identity(
    "full convolution, as printed",
    "L14",
    "For p, q ≥ 0: the full convolution of dZ as it is, nothing cropped, is dA exactly where p = 0, q = r, "
    "and s = 1 or n_out = 1 (q = r = 0 with one p for both sides); elsewhere its size is wrong, or what its "
    "elements 0 and 1 meet.",
    _INDICES,
    _fits_padded,
    _printed,
)


def _when(condition, options, s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, j: Int, m: Int) -> Bool:
    """Right exactly where the condition on (n, p, q, r) holds, and elsewhere of a wrong size."""
    w = axis(n, f, s, p, q, d)
    right_size, meets = article(w, i, j, m, **options)
    inside = condition(n, p, q, w.remainder[0])
    return (right_size == inside) & implies(inside, meets == sees(w, i, j, m))


def _without(name: str, statement: str, condition, **options) -> Identity:
    claim = partial(_when, condition, options)
    return Identity(name, "L14", statement, _INDICES, _fits_padded, claim)


CROPPED_AT_THE_SIDES = _without(
    "no remainder, sides cropped",
    "For p, q ≥ 0: without the r zeros, p and q cropped from the two sides, the result has n elements, the "
    "right ones, exactly where r = 0.",
    lambda n, p, q, r: r == 0,
    remainder=False,
    crop="sides",
)
SLICED = _without(
    "no remainder, sliced",
    "For p, q ≥ 0: without the r zeros, sliced [p : p + n], the result has n elements, the right ones, "
    "exactly where r ≤ q.",
    lambda n, p, q, r: r <= q,
    remainder=False,
)
UNCROPPED = _without(
    "no crop",
    "For p, q ≥ 0: without the crop the result has n elements, the right ones, exactly where p = q = 0.",
    lambda n, p, q, r: (p == 0) & (q == 0),
    crop="none",
)


def _never_cropped(s: int, d: int, n: Int, f: Int, p: Int, q: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    (e,), (k,), (r,) = w.extent, w.output_size, w.remainder
    spread = padded_size(k, 0, 0, s - 1)
    size = padded_size(spread, greater(e - 1 - p, 0), greater(e - 1 - q + r, 0)) - e + 1
    return (size == n) == ((p <= e - 1) & (q <= e - 1 + r))


NEVER_CROPPED = Identity(
    "padding without cropping",
    "L14",
    "For p, q ≥ 0: with padding of e − 1 − p and e − 1 − q + r as far as it is not negative the result has "
    "n elements exactly where p ≤ e − 1 and q ≤ e − 1 + r.",
    _GEOMETRY,
    _fits_padded,
    _never_cropped,
)


def _unrotated(s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, j: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    _, meets = article(w, i, j, m, rotation=False)
    return meets == sees(w, i, f - 1 - j, m)


UNROTATED = Identity(
    "no rotation",
    "L14",
    "For p, q ≥ 0: without the rotation tap j stands where tap f − 1 − j belongs: right exactly where only "
    "the centre, 2j = f − 1, ever sees a pixel.",
    _INDICES,
    _fits_padded,
    _unrotated,
)

# ------------------------------------------------------------------------------------- L15


def _kernel(s: int, d: int, n: Int, f: Int, p: Int, q: Int, i: Int, j: Int, m: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    return (kernel_correlated(w, i, j, m) == sees(w, i, j, m)) & (kernel_size(w) == f)


KERNEL = Identity(
    "kernel correlation",
    "L15",
    "A, padded by p and q − r, correlated with dZ, elements s apart, in steps of d, has f elements, and "
    "element j meets pixel i with window m exactly where (W.1) holds.",
    _INDICES,
    _fits,
    _kernel,
)


def _kernel_uncropped(s: int, d: int, n: Int, f: Int, p: Int, q: Int) -> Bool:
    w = axis(n, f, s, p, q, d)
    (k,), (r,), (padded,) = w.output_size, w.remainder, w.padded_size
    return ((padded - ((k - 1) * s + 1)) // d + 1 == f) == (r < d)


KERNEL_UNCROPPED = Identity(
    "kernel correlation, not cropped",
    "L15",
    "With A padded by p and q, the remainder not cropped, dW has f elements exactly where r < d.",
    _GEOMETRY,
    _fits,
    _kernel_uncropped,
)

IDENTITIES = (
    *(TAP, UNTAP, INCLUSIVE),
    *(FULL, ARTICLE, PRINTED, CROPPED_AT_THE_SIDES, SLICED, UNCROPPED, NEVER_CROPPED, UNROTATED),
    *(KERNEL, KERNEL_UNCROPPED),
)
