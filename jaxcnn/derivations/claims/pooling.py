"""Article sections "Pooling Layers" and "Pooling Layers Backpropagation" (L17–L19)."""

import itertools
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn import pooling as library
from jaxcnn import window as index
from jaxcnn.derivations.claims.grids import axes, draw, geometry, lines, planes, remainder, window
from jaxcnn.derivations.claims.witnesses import ROUNDING, by_basis, keywords, once
from jaxcnn.derivations.ledger import NOWHERE, Case, Claim, Comparison, Domain, Part
from jaxcnn.derivations.proofs import coverage as proofs
from jaxcnn.derivations.proofs.convolution import TAP, UNTAP
from jaxcnn.loops import pooling as loops
from jaxcnn.loops.window import coverage, output_size, walk
from jaxcnn.oracles import pooling as oracle


def draw_dZ(case: Case) -> np.ndarray:
    """A cotangent of Z, (B, *n_out, C), of multiples of 2520, which every count up to 10 divides."""
    return 2520 * draw(case, "dZ", (case["B"], *output_size(*geometry(case)), case["C"]))


def sees_pixels(case: Case) -> bool:
    """Every window sees a pixel; the others have neither maximum nor mean."""
    counts = loops.counts(case["n"], case["f"], count_padding=False, **window(case))
    return counts.min() > 0


def pools(thorough: bool) -> Iterator[Case]:
    """One and two axes; stride, uneven padding, dilation, several examples and channels."""
    return filter(sees_pixels, itertools.chain(lines(thorough), planes(thorough)))


# ------------------------------------------------------------------------------------ L17


def partition(case: Case) -> Comparison:
    """Every pixel lies in exactly one window."""
    counts = np.zeros(case["n"])
    for _, _, i in walk(*geometry(case)):
        counts[i] += 1
    return Comparison(counts, np.ones(case["n"]), inputs={"windows of each pixel": counts})


def multiplied(case: Case) -> Comparison:
    """The windows of each pixel against the product of `jaxcnn.window.coverage` of each axis."""
    counts = [index.coverage(n, f, stride=s, padding=p, dilation=d) for n, f, s, p, d in axes(case)]
    expected = partition(case).got
    return Comparison(np.prod(np.meshgrid(*counts, indexing="ij"), axis=0), expected)


def line_coverage(case: Case) -> list[int]:
    """How many windows each pixel of one axis lies in."""
    ((n, f, s, p, d),) = axes(case)
    return coverage(n, f, s=s, p=p, d=d)


def unseen_at_the_end(case: Case) -> Comparison:
    """The number of pixels after the last window, at strides up to f, is r."""
    counts = line_coverage(case)
    seen = np.flatnonzero(counts)
    return Comparison(len(counts) - 1 - seen[-1], remainder(*axes(case)[0]))


def unseen_between(case: Case) -> Comparison:
    """A pixel between two windows lies in neither."""
    counts = line_coverage(case)
    seen = np.flatnonzero(counts)
    return Comparison(min(counts[: seen[-1] + 1]) == 0, True)


def library_unseen(case: Case) -> Comparison:
    """The pixels to which `jaxcnn.avg_pool_dA` passes no gradient are those in no window."""
    dZ = jnp.asarray(np.abs(draw_dZ(case)))
    dA = np.asarray(library.avg_pool_dA(dZ, case["f"], input_size=case["n"], **keywords(case)))
    seen = np.zeros(dA.shape, bool)
    for _, _, i in walk(*geometry(case)):
        seen[:, *i] = True
    return Comparison(dA == 0, ~seen)


def regions(thorough: bool) -> Iterator[Case]:
    """One axis, and pairs of them."""
    largest = 13 if thorough else 8
    sizes = [
        (n, f, s) for n, f, s in itertools.product(range(1, largest), range(1, 5), range(1, 5)) if f <= n
    ]
    for first in sizes:
        yield _region(first)
    for first, second in zip(sizes[::3], sizes[1::2], strict=False):
        yield _region(first, second)


def _region(*sizes: tuple[int, int, int]) -> Case:
    n, f, s = zip(*sizes, strict=True)
    none, ones = ((0, 0),) * len(n), (1,) * len(n)
    return {"n": n, "f": f, "s": s, "p": none, "d": ones, "B": 1, "C": 1}


def one_axis(thorough: bool) -> Iterator[Case]:
    """One axis alone."""
    return (case for case in regions(thorough) if len(case["n"]) == 1)


def skipping(thorough: bool) -> list[Case]:
    """Strides above the window, and remainders, for the library."""
    return [_region((7, 2, 3), (5, 2, 2)) | {"B": 2, "C": 2}]


def several(case: Case) -> bool:
    """There is more than one window."""
    return output_size(*geometry(case)) != (1,)


L17 = Claim(
    number=17,
    section="Pooling Layers",
    statement="A pooling layer divides the image into regions.",
    reading="'Divides': every pixel lies in exactly one window; no padding, as printed.",
    cases=regions,
    printed=partition,
    domain=Domain(
        "on each axis s = f and f divides n, or n = f",
        lambda case: all((s == f and n % f == 0) or n == f for n, f, s, _, _ in axes(case)),
    ),
    correction="The last r = (n − f) mod s pixels lie in no window, f < s skips pixels, s < f counts some "
    "several times; what lies in no window gets no gradient.",
    corrected=multiplied,
    parts=(
        Part(
            "some pixel lies in two windows",
            lambda case: Comparison(max(line_coverage(case)) > 1, True),
            one_axis,
            Domain("s < f and several windows", lambda case: case["s"] < case["f"] and several(case)),
            (proofs.COVERAGE, proofs.OVERLAP),
        ),
        Part(
            "some pixel between two windows lies in neither",
            unseen_between,
            one_axis,
            Domain("s > f and several windows", lambda case: case["s"] > case["f"] and several(case)),
            (proofs.COVERAGE, proofs.GAP),
        ),
        Part(
            "after the last window lie r pixels",
            unseen_at_the_end,
            one_axis,
            identities=(proofs.COVERAGE, proofs.END),
        ),
        Part(
            "jaxcnn.avg_pool_dA gives no gradient to exactly the pixels in no window",
            library_unseen,
            skipping,
        ),
    ),
    printed_identities=(proofs.COVERAGE, proofs.PARTITION),
)

# ------------------------------------------------------------------------------------ L18


def draw_A(case: Case) -> np.ndarray:
    """(B, *n, C): all different, or with `levels` few values so that maxima tie."""
    A = draw(case, "A", (case["B"], *case["n"], case["C"]))
    return A % case["levels"] if case["levels"] else A


def untied(A: np.ndarray) -> np.ndarray:
    """A with ties broken in favour of the first pixel, row by row; order otherwise kept."""
    order = np.arange(A[0, ..., 0].size, dtype=float).reshape(A.shape[1:-1])
    return A * (order.size + 1) - order[..., None]


@once
def true_dA(case: Case) -> np.ndarray:
    """dA of the maximum from the forward pass alone, at untied values, by steps that change no order."""

    def forward(A: np.ndarray) -> np.ndarray:
        return loops.max_pool(A, case["f"], **window(case))[0]

    return by_basis(forward, untied(draw_A(case)), draw_dZ(case), step=0.5)


def pixel_mask(case: Case) -> Comparison:
    """The figure's mask: dA[i] = dZ[m] where pixel i equals its region's maximum."""
    A, dZ = draw_A(case), draw_dZ(case)
    got = loops.max_pool_dA_pixels(A, dZ, f=case["f"], **window(case))
    return Comparison(got, true_dA(case), inputs={"A": A, "dZ": dZ})


def window_mask(case: Case) -> Comparison:
    """One index a window, and +=."""
    _, index = loops.max_pool(draw_A(case), case["f"], **window(case))
    dA = loops.max_pool_dA(index, draw_dZ(case), n=case["n"], f=case["f"], **window(case))
    return Comparison(dA, true_dA(case))


def shared_evenly(case: Case) -> Comparison:
    """The other convention: a window's gradient divided among its equal maxima."""
    A, dZ = draw_A(case), draw_dZ(case)
    return Comparison(_by_ties(case, A, dZ), true_dA(case))


def _by_ties(case: Case, A: np.ndarray, dZ: np.ndarray) -> np.ndarray:
    Z, _ = loops.max_pool(A, case["f"], **window(case))
    ties, dA = tied(case), np.zeros(A.shape)
    for m, _, i in walk(*geometry(case)):
        dA[:, *i] += (A[:, *i] == Z[:, *m]) * dZ[:, *m] / ties[:, *m]
    return dA


def tied(case: Case) -> np.ndarray:
    """How many pixels of each window are its maximum."""
    A = draw_A(case)
    Z, _ = loops.max_pool(A, case["f"], **window(case))
    ties = np.zeros(Z.shape)
    for m, _, i in walk(*geometry(case)):
        ties[:, *m] += A[:, *i] == Z[:, *m]
    return ties


def winners(case: Case) -> np.ndarray:
    """How many windows each pixel is the first maximum of."""
    _, index = loops.max_pool(draw_A(case), case["f"], **window(case))
    return loops.max_pool_dA(index, np.ones(index.shape), n=case["n"], f=case["f"], **window(case))


def no_ties(case: Case) -> bool:
    """Every window has one maximum."""
    return tied(case).max() == 1


def no_shared_winner(case: Case) -> bool:
    """No pixel is the maximum of two windows."""
    return winners(case).max() <= 1


def all_levels(thorough: bool) -> Iterator[Case]:
    """Values all different, and with many ties."""
    for case in pools(thorough):
        for levels in (0, 2, 3):
            yield case | {"levels": levels}


def distinct(thorough: bool) -> Iterator[Case]:
    """Values all different."""
    return (case for case in all_levels(thorough) if not case["levels"])


def disjoint(thorough: bool) -> Iterator[Case]:
    """Windows that do not overlap."""
    return (case for case in all_levels(thorough) if all(s > (f - 1) * d for _, f, s, _, d in axes(case)))


def overlapping(thorough: bool) -> list[Case]:
    """3×2 windows at strides 2 and 1 with padding, ties included, for the library."""
    p = ((1, 1), (0, 1))
    case = {"n": (5, 4), "f": (3, 2), "s": (2, 1), "p": p, "d": (1, 1), "B": 2, "C": 2, "K": 1}
    return [case | {"levels": levels} for levels in (0, 2)]


def one_true(case: Case) -> Comparison:
    """`jaxcnn.max_pool_mask` has one True a window."""
    mask = library.max_pool_mask(jnp.asarray(draw_A(case)), case["f"], **keywords(case))
    size = output_size(*geometry(case))
    spatial = tuple(range(1 + len(size), 1 + 2 * len(size)))
    ones = np.ones((case["B"], *size, case["C"]))
    return Comparison(np.asarray(mask).sum(spatial), ones)


def with_nan(case: Case) -> np.ndarray:
    """A with a NaN at some pixels."""
    A = draw_A(case)
    A[draw(case, "nan", A.shape) % 5 == 0] = np.nan
    return A


def library_max(case: Case, A: np.ndarray) -> Comparison:
    """`max_pool_dA` of `max_pool_index` against the loop."""
    _, index = loops.max_pool(A, case["f"], **window(case))
    dZ = draw_dZ(case)
    expected = loops.max_pool_dA(index, dZ, n=case["n"], f=case["f"], **window(case))
    found = library.max_pool_index(jnp.asarray(A), case["f"], **keywords(case))
    got = library.max_pool_dA(found, jnp.asarray(dZ), case["f"], input_size=case["n"], **keywords(case))
    return Comparison(np.asarray(got), expected)


@cache
def compiled_pull_back(pool: Callable, size: tuple[int, ...], **options: Any) -> Callable:
    """(A, dZ) → dA by `jax.vjp` of a pool."""
    forward = partial(pool, window=size, **options)
    return jax.jit(lambda A, dZ: jax.vjp(forward, A)[1](dZ)[0])


def pulled_back(pool: Callable, case: Case, **options: Any) -> np.ndarray:
    """The same on a case."""
    run = compiled_pull_back(pool, case["f"], **keywords(case), **options)
    return np.asarray(run(jnp.asarray(draw_A(case)), jnp.asarray(draw_dZ(case))))


L18 = Claim(
    number=18,
    section="Pooling Layers Backpropagation, figure 13",
    statement="The gradient goes only to the element that was the maximum; a mask remembers where it was.",
    reading="One mask over the pixels, as drawn: what equals its region's maximum takes its gradient.",
    cases=all_levels,
    printed=pixel_mask,
    domain=Domain(
        "one maximum in every window, and no pixel is the maximum of two",
        lambda case: no_ties(case) and no_shared_winner(case),
        sharp=False,
    ),
    correction="One mask a window: dA[i] += dZ[m] where i is the first maximum of window m. What a tie and a "
    "NaN do is a convention: the first maximum, the first NaN.",
    corrected=window_mask,
    parts=(
        Part(
            "the pixels' mask, all values different",
            pixel_mask,
            distinct,
            Domain("no pixel is the maximum of two windows", no_shared_winner),
        ),
        Part("the pixels' mask, windows disjoint", pixel_mask, disjoint, Domain("no ties", no_ties)),
        Part(
            "a tie shared evenly is the first maximum's",
            shared_evenly,
            all_levels,
            Domain("no ties", no_ties),
        ),
        Part("jaxcnn.max_pool_mask has one True a window", one_true, overlapping),
        Part(
            "jaxcnn.max_pool_dA is the corrected sum, ties included",
            lambda case: library_max(case, draw_A(case)),
            overlapping,
            identities=(UNTAP,),
        ),
        Part(
            "and with NaNs: the first of a window takes its gradient",
            lambda case: library_max(case, with_nan(case)),
            overlapping,
        ),
        Part(
            "jax.vjp of jaxcnn.max_pool is jax.vjp of the oracle",
            lambda case: Comparison(pulled_back(library.max_pool, case), pulled_back(oracle.max_pool, case)),
            overlapping,
        ),
    ),
)

# ------------------------------------------------------------------------------------ L19


def sparse_A(case: Case) -> np.ndarray:
    """(B, *n, C) numbers, some of them 0 where the case says so."""
    A = draw(case, "A", (case["B"], *case["n"], case["C"]))
    return A * (draw(case, "zeros", A.shape) % 3 == 0) if case["sparse"] else A


def share_dZ(case: Case) -> np.ndarray:
    """A cotangent of Z; positive for Lp, whose shares are rounded and must not cancel."""
    return np.abs(draw_dZ(case)) if case["order"] else draw_dZ(case)


def share(case: Case, at_kink: float) -> np.ndarray:
    """dA by the adjusted rule: each window gives its pixels its gradient times ∂Z/∂A."""
    n, f, dZ = case["n"], case["f"], share_dZ(case)
    if case["order"]:
        A = sparse_A(case)
        return loops.lp_pool_dA(A, dZ, f=f, order=case["order"], at_kink=at_kink, **window(case))
    return loops.avg_pool_dA(dZ, n=n, f=f, count_padding=bool(case["count_padding"]), **window(case))


@once
def true_share(case: Case) -> np.ndarray:
    """dA from the forward pass alone.

    Averages by unit arrays; Lp by complex steps, which give the mean of the one-sided slopes at a kink.
    """
    A, f, dZ = sparse_A(case), case["f"], share_dZ(case)
    if not case["order"]:
        average = partial(loops.avg_pool, f=f, count_padding=bool(case["count_padding"]), **window(case))
        return by_basis(average, np.zeros(A.shape), dZ, step=2520.0)
    dA, step = np.zeros(A.shape), 1e-30
    for entry in np.ndindex(A.shape):
        moved = A.astype(complex)
        moved[entry] += step * 1j
        dA[entry] = np.sum(dZ * analytic_lp(case, moved).imag) / step
    return dA


def analytic_lp(case: Case, A: np.ndarray) -> np.ndarray:
    """Lp pooling with |a| written as sign(a) a, for complex steps."""
    total = np.zeros(draw_dZ(case).shape, complex)
    for m, _, i in walk(*geometry(case)):
        total[:, *m] += (np.sign(A[:, *i].real) * A[:, *i]) ** case["order"]
    return np.where(total == 0, 0, np.where(total == 0, 1, total) ** (1 / case["order"]))


def adjusted(case: Case, at_kink: float) -> Comparison:
    """The adjusted rule against the truth."""
    tolerance = 1e-12 if case["order"] else 0.0
    return Comparison(
        share(case, at_kink), true_share(case), tolerance, {"A": sparse_A(case), "dZ": share_dZ(case)}
    )


def all_taps(case: Case) -> Comparison:
    """An average's gradient divided by f², where the average is over the pixels alone."""
    dA = loops.avg_pool_dA(draw_dZ(case), n=case["n"], f=case["f"], count_padding=True, **window(case))
    return Comparison(dA, true_share(case))


def is_smooth(case: Case) -> bool:
    """An average; or Lp with no window of zeros, and for order 1 no zero in any window."""
    if not case["order"]:
        return True
    A = sparse_A(case)
    if case["order"] == 1:
        return all(np.all(A[:, *i] != 0) for _, _, i in walk(*geometry(case)))
    return bool(np.all(loops.lp_pool(A, case["f"], order=case["order"], **window(case)) != 0))


def one_slope(case: Case) -> Comparison:
    """The one-sided slopes of Lp pooling at a window of zeros."""
    where = {"s": (1,), "p": ((0, 0),), "d": (1,), "order": case["order"]}
    A = np.zeros((1, case["f"], 1))
    A[0, 0] = 1
    right, left = (loops.lp_pool(side * A, (case["f"],), **where) / side for side in (1, -1))
    return Comparison(right, left)


def averaged(case: Case, pool: str) -> Comparison:
    """The library's average against the loop."""
    count = bool(case["count_padding"])
    if pool == "avg_pool":
        A = sparse_A(case)
        got = library.avg_pool(jnp.asarray(A), case["f"], count_padding=count, **keywords(case))
        return Comparison(
            np.asarray(got), loops.avg_pool(A, case["f"], count_padding=count, **window(case)), ROUNDING
        )
    options = {"input_size": case["n"], "count_padding": count} | keywords(case)
    got = library.avg_pool_dA(jnp.asarray(draw_dZ(case)), case["f"], **options)
    return Comparison(np.asarray(got), share(case, 0.0), ROUNDING)


def pooled(thorough: bool) -> Iterator[Case]:
    """Averages with and without the padding counted, and Lp of orders 1 to 3, zeros included."""
    for case in pools(thorough):
        for count_padding in (0, 1):
            yield case | {"order": 0, "count_padding": count_padding, "sparse": 0}
        if case["B"] > 1 or case["d"] == (1,):
            for order, sparse in itertools.product((1, 2, 3), (0, 1)):
                yield case | {"order": order, "count_padding": 0, "sparse": sparse}


def averages(thorough: bool) -> Iterator[Case]:
    """Averages without the padding counted."""
    return (case for case in pooled(thorough) if not case["order"] and not case["count_padding"])


def compiled(thorough: bool) -> Iterator[Case]:
    """Overlapping windows with padding, for the library."""
    (case, _) = overlapping(thorough)
    return (case | {"order": 0, "count_padding": count, "sparse": 0} for count in (0, 1))


L19 = Claim(
    number=19,
    section="Pooling Layers Backpropagation",
    statement="With minor adjustments the rules for max-pooling hold for every pooling.",
    reading="The rule: each window hands its gradient to its own pixels, times the derivative of Z by the "
    "pixel in place of the mask, and the shares add up. Pools: average, Lp of orders 1 to 3.",
    cases=pooled,
    printed=lambda case: adjusted(case, np.nan),
    domain=Domain("average; Lp unless a window is all zeros (order 1: has a zero)", is_smooth),
    correction="Average: no mask, dZ/f², or dZ/count where padding is not counted. Lp: sign(A) "
    "(|A|/Z)^(order−1) dZ, and where Lp has no derivative a declared value, such as 0.",
    corrected=lambda case: adjusted(case, 0.0),
    parts=(
        Part(
            "dZ/f² where the padding is not counted",
            all_taps,
            averages,
            Domain(
                "no window sees padding: p = 0, q ≤ r",
                lambda case: all(
                    p[0] == 0 and p[1] <= remainder(n, f, s, p, d) for n, f, s, p, d in axes(case)
                ),
            ),
            (proofs.NO_PADDING,),
        ),
        Part(
            "Lp has one slope at a window of zeros",
            one_slope,
            lambda _: [{"f": f, "order": order} for f in (1, 2) for order in (1, 2, 3)],
            NOWHERE,
        ),
        Part(
            "jaxcnn.avg_pool is the mean",
            lambda case: averaged(case, "avg_pool"),
            compiled,
            identities=(TAP,),
        ),
        Part(
            "jaxcnn.avg_pool_dA is the rule",
            lambda case: averaged(case, "avg_pool_dA"),
            compiled,
            identities=(UNTAP,),
        ),
        Part(
            "jax.vjp of jaxcnn.avg_pool is jax.vjp of the oracle",
            lambda case: Comparison(
                pulled_back(library.avg_pool, case, count_padding=bool(case["count_padding"])),
                pulled_back(oracle.avg_pool, case, count_padding=bool(case["count_padding"])),
                ROUNDING,
            ),
            compiled,
        ),
    ),
)
