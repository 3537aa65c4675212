"""Article section "Valid and Same Convolution": shrinking, borders, and the padding against both (L3–L5)."""

import itertools
from collections.abc import Iterator

import numpy as np

from jaxcnn import window
from jaxcnn.derivations.claims.grids import axes, extent, geometry, planes
from jaxcnn.derivations.claims.witnesses import shape_of
from jaxcnn.derivations.ledger import Case, Claim, Comparison, Domain, Part
from jaxcnn.derivations.proofs import coverage as coverage_proofs
from jaxcnn.derivations.proofs import sizes as proofs
from jaxcnn.loops.window import coverage, starts, walk

# ------------------------------------------------------------------------------------- L3


def shrink(n: int, f: int) -> list[int]:
    """The sizes of an image under one valid convolution after another, at most n of them."""
    sizes = [n]
    while (n_out := len(starts(sizes[-1], f))) and len(sizes) <= n:
        sizes.append(n_out)
    return sizes


def shrinks(case: Case) -> Comparison:
    """Every convolution leaves fewer pixels."""
    sizes = shrink(case["n"], case["f"])
    return Comparison(sizes, sorted(set(sizes), reverse=True))


def times(case: Case) -> Comparison:
    """`window.valid_convolutions` against shrinking until the kernel no longer fits."""
    n, f = case["n"], case["f"]
    sizes = shrink(n, f)
    ends = not starts(sizes[-1], f)
    limit = window.valid_convolutions(n, f)
    return Comparison("never ends" if limit is None else limit, len(sizes) - 1 if ends else "never ends")


def left(case: Case) -> Comparison:
    """(n − 1) mod (f − 1) + 1 pixels remain: the image never disappears."""
    n, f = case["n"], case["f"]
    return Comparison((n - 1) % (f - 1) + 1, shrink(n, f)[-1])


def times_and_left(case: Case) -> Comparison:
    """Both at once."""
    return Comparison((times(case).got, left(case).got), (times(case).expected, left(case).expected))


def lengths(thorough: bool) -> Iterator[Case]:
    """Sizes and kernels, kernels larger than the image included."""
    for n, f in itertools.product(range(1, 60 if thorough else 31), range(1, 12 if thorough else 8)):
        yield {"n": n, "f": f}


L3 = Claim(
    number=3,
    section="Valid and Same Convolution",
    statement="The image shrinks with every convolution, so it can be done only a limited number of times "
    "before the image disappears.",
    reading="Valid convolutions, one after another, with kernels of one size.",
    cases=lengths,
    printed=shrinks,
    domain=Domain("f > 1", lambda case: case["f"] > 1),
    correction="⌊(n−1)/(f−1)⌋ times where f > 1; without end where f = 1.",
    corrected=times,
    parts=(
        Part(
            "what remains is (n−1) mod (f−1) + 1 pixels, never nothing (f > 1)",
            left,
            lambda thorough: (case for case in lengths(thorough) if case["f"] > 1),
        ),
        Part("28 pixels, 3 taps: how often, and what remains", times_and_left, lambda _: [{"n": 28, "f": 3}]),
    ),
    corrected_identities=(proofs.SHRINKING,),
)

# ------------------------------------------------------------------------------------- L4


def counts(case: Case) -> list[int]:
    """How often each pixel is used, by walking."""
    return coverage(case["n"], case["f"], s=case["s"], p=case["p"], d=case["d"])


def solves_both(case: Case) -> Comparison:
    """The map is no smaller than the image and every pixel counts equally."""
    n, c = case["n"], counts(case)
    return Comparison((min(len(starts(n, case["f"], p=case["p"])), n), *c), (n, *[max(c)] * n))


def library_counts(case: Case) -> Comparison:
    """`window.coverage` against counting."""
    n, f = case["n"], case["f"]
    c = window.coverage(n, f, stride=case["s"], padding=case["p"], dilation=case["d"])
    return Comparison(c, counts(case))


def border_counts_less(case: Case) -> Comparison:
    """The first pixel's count is below the middle pixel's."""
    c = counts(case)
    return Comparison(c[0] < c[len(c) // 2], True, inputs={"coverage": c})


def counts_equally(case: Case) -> Comparison:
    """All counts are equal."""
    c = counts(case)
    return Comparison(c, [max(c)] * case["n"])


def narrows_the_gap(case: Case) -> Comparison:
    """The first pixel's share of the largest count is no less than without padding."""
    padded, bare = counts(case), counts(case | {"p": (0, 0)})
    return Comparison(padded[0] * max(bare) >= bare[0] * max(padded), True)


def product_of_axes(case: Case) -> Comparison:
    """In two dimensions the count is the product of the axes' counts."""
    n, f, s, p, d = geometry(case)
    seen = np.zeros(n)
    for _, _, i in walk(n, f, s, p, d):
        seen[i] += 1
    rows, columns = (window.coverage(n, f, stride=s, padding=p, dilation=d) for n, f, s, p, d in axes(case))
    return Comparison(np.outer(rows, columns), seen)


def line(n: int, f: int, s: int = 1, p: tuple[int, int] = (0, 0), d: int = 1) -> Case:
    """One axis."""
    return {"n": n, "f": f, "s": s, "p": p, "d": d}


def bordered(thorough: bool) -> Iterator[Case]:
    """p on both sides at stride 1, as long as one window fits."""
    for n, f in itertools.product(range(1, 13 if thorough else 9), range(1, 8 if thorough else 6)):
        for p in range(f + 2):
            if n + 2 * p >= f:
                yield line(n, f, p=(p, p))


def valid(thorough: bool) -> Iterator[Case]:
    """Kernels that fit on the image, no padding, stride 1."""
    for n in range(1, 16 if thorough else 10):
        for f in range(1, n + 1):
            yield line(n, f)


def same(thorough: bool) -> Iterator[Case]:
    """Those of odd size, with p = (f − 1)/2."""
    for case in valid(thorough):
        if case["f"] % 2:
            yield case | {"p": ((case["f"] - 1) // 2,) * 2}


def full(thorough: bool) -> Iterator[Case]:
    """p = f − 1, at strides 1 to 4."""
    for case in valid(thorough):
        for s in range(1, 5):
            yield case | {"p": (case["f"] - 1,) * 2, "s": s}


def every_window(thorough: bool) -> Iterator[Case]:
    """Stride, uneven padding and dilation."""
    largest = 8 if thorough else 6
    for n, f, s, d in itertools.product(range(1, largest), range(1, 5), range(1, 4), range(1, 3)):
        for p in itertools.product(range(3), range(3)):
            if n + sum(p) >= extent(f, d):
                yield line(n, f, s, p, d)


L4 = Claim(
    number=4,
    section="Valid and Same Convolution, figure 5",
    statement="Border pixels count less than those in the middle; padding the image solves both this and "
    "the shrinking.",
    reading="A border of p zero pixels on both sides, stride 1; a pixel counts as often as windows use it.",
    cases=bordered,
    printed=solves_both,
    domain=Domain(
        "p ≥ f − 1 (full), or n + p ≤ f ≤ 2p + 1 (every window sees the whole image)",
        lambda case: (
            case["p"][0] >= case["f"] - 1 or case["n"] + case["p"][0] <= case["f"] <= 2 * case["p"][0] + 1
        ),
    ),
    correction="A pixel counts c[i] = #{(m, j) : m·s + j·d − p = i} times; the counts of the axes multiply. "
    "'Same' keeps the size and only narrows the gap; 'full' closes it where s divides f.",
    corrected=library_counts,
    parts=(
        Part(
            "without padding the border counts less than the middle",
            border_counts_less,
            valid,
            Domain("1 < f < n", lambda case: 1 < case["f"] < case["n"]),
            (coverage_proofs.COVERAGE, coverage_proofs.BORDER_LESS),
        ),
        Part(
            "'same', p = (f−1)/2, makes all pixels count equally (f ≤ n)",
            counts_equally,
            same,
            Domain("f = 1", lambda case: case["f"] == 1),
            (coverage_proofs.COVERAGE, coverage_proofs.SAME_EQUAL),
        ),
        Part(
            "'same' does not widen the gap (f ≤ n)",
            narrows_the_gap,
            same,
            Domain("f = 1 or f < n", lambda case: case["f"] == 1 or case["f"] < case["n"]),
        ),
        Part(
            "'full', p = f − 1, makes all pixels count equally at stride s",
            counts_equally,
            full,
            Domain("s divides f, or n = 1", lambda case: case["f"] % case["s"] == 0 or case["n"] == 1),
            (coverage_proofs.COVERAGE, coverage_proofs.FULL_EQUAL),
        ),
        Part(
            "with stride, dilation and uneven padding c is jaxcnn.window.coverage",
            library_counts,
            every_window,
        ),
        Part("in two dimensions the counts are products of the axes'", product_of_axes, planes),
        Part("n = 6, f = 3, valid", library_counts, lambda _: [line(6, 3)]),
        Part("n = 6, f = 3, same", library_counts, lambda _: [line(6, 3, p=(1, 1))]),
        Part("n = 6, f = 3, full, stride 2", library_counts, lambda _: [line(6, 3, 2, (2, 2))]),
    ),
    printed_identities=(coverage_proofs.COVERAGE, coverage_proofs.BORDERED),
)

# ------------------------------------------------------------------------------------- L5


def size_with(case: Case, border: int) -> int | str:
    """n_out with half of `border` on both sides."""
    if border % 2:
        return "p is not whole"
    return len(starts(case["n"], case["f"], s=case["s"], p=(border // 2, border // 2), d=case["d"]))


def half_kernel(case: Case) -> Comparison:
    """p = (f − 1)/2 against n."""
    return Comparison(size_with(case, case["f"] - 1), case["n"])


def half_extent(case: Case) -> Comparison:
    """p = d(f − 1)/2 against n."""
    return Comparison(size_with(case, extent(case["f"], case["d"]) - 1), case["n"])


def half_kernel_strided(case: Case) -> Comparison:
    """p = (f − 1)/2 against ⌈n/s⌉."""
    return Comparison(size_with(case, case["f"] - 1), -(-case["n"] // case["s"]))


def same_size(case: Case) -> Comparison:
    """`window.same_padding`, either way round, against ⌈n/s⌉."""
    n, f, s, d = case["n"], case["f"], case["s"], case["d"]
    borders = (window.same_padding(n, f, stride=s, dilation=d, lower=lower) for lower in (False, True))
    return Comparison([len(starts(n, f, s=s, p=p, d=d)) for p in borders], [-(-n // s)] * 2)


def same_border(case: Case) -> Comparison:
    """`window.same_padding` at stride 1 against d(f − 1), the odd pixel high."""
    total = extent(case["f"], case["d"]) - 1
    border = window.same_padding(case["n"], case["f"], dilation=case["d"])
    return Comparison(border, (total // 2, total - total // 2))


def library_same(case: Case) -> Comparison:
    """The size that `jaxcnn.conv` gives."""
    n, f, s, d = case["n"], case["f"], case["s"], case["d"]
    shape = shape_of((1, n, 1), (f, 1, 1), stride=s, padding="SAME", dilation=d)
    return Comparison(shape[1], -(-n // s))


def steps(thorough: bool) -> Iterator[Case]:
    """n, f, s and d; the padding follows from them."""
    largest = 13 if thorough else 8
    for n, f, s, d in itertools.product(range(1, largest), range(1, 7), range(1, 4), range(1, 4)):
        yield {"n": n, "f": f, "s": s, "d": d}


def few(thorough: bool) -> Iterator[Case]:
    """Some of them."""
    yield from itertools.islice(steps(thorough), 0, None, 1 if thorough else 11)


L5 = Claim(
    number=5,
    section="Valid and Same Convolution",
    statement="With padding p = (f−1)/2 the output has the size of the input.",
    reading="p on both sides, f any size ('usually odd'); p has to be a whole number.",
    cases=steps,
    printed=half_kernel,
    domain=Domain(
        "f odd, d = 1 (or f = 1), and s = 1 (or n = 1)",
        lambda case: (
            case["f"] % 2 == 1 and (case["d"] == 1 or case["f"] == 1) and (case["s"] == 1 or case["n"] == 1)
        ),
    ),
    correction="p = d(f−1)/2 where d(f−1) is even, else one pixel more on one side; with a stride 'same' "
    "means n_out = ⌈n/s⌉.",
    corrected=same_size,
    parts=(
        Part(
            "p = d(f−1)/2 keeps the size",
            half_extent,
            steps,
            Domain(
                "d(f−1) even, and s = 1 or n = 1",
                lambda case: case["d"] * (case["f"] - 1) % 2 == 0 and (case["s"] == 1 or case["n"] == 1),
            ),
            (proofs.HALF_EXTENT,),
        ),
        Part(
            "with a stride the printed p gives ⌈n/s⌉ (d = 1)",
            half_kernel_strided,
            lambda thorough: (case for case in steps(thorough) if case["d"] == 1),
            Domain("f odd", lambda case: case["f"] % 2 == 1),
            (proofs.PRINTED_CEIL,),
        ),
        Part(
            "at s = 1 jaxcnn pads d(f−1), an odd pixel high",
            same_border,
            lambda thorough: (case for case in steps(thorough) if case["s"] == 1),
            identities=(proofs.SAME_BORDER,),
        ),
        Part("jaxcnn.conv with 'SAME' gives ⌈n/s⌉", library_same, few, identities=(proofs.SAME,)),
    ),
    printed_identities=(proofs.PRINTED_SAME,),
    corrected_identities=(proofs.SAME,),
)
