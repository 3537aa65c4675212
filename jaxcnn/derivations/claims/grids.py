"""The small cases that the claims are tried on, and the numbers drawn for them.

A case is a dictionary of integers. Convolution and pooling cases have, one entry a spatial axis, the input
size n, window size f, stride s, padding p as (low, high), dilation d, and the sizes B, C and K.
"""

import itertools
import random
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxcnn.derivations.ledger import Case
from jaxcnn.loops.window import output_size


def lines(thorough: bool, *, padded: bool = True) -> Iterator[Case]:
    """Every one-dimensional geometry of a small box in which one window fits; one example, one channel."""
    more = int(thorough)
    for n, f, s, d in itertools.product(
        range(1, 6 + 2 * more), range(1, 4 + more), range(1, 4 + more), range(1, 3 + more)
    ):
        for p in range(3 + more if padded else 1):
            case = {"n": (n,), "f": (f,), "s": (s,), "p": ((p, p),), "d": (d,), "B": 1, "C": 1, "K": 1}
            if output_size(*geometry(case)) != (0,):
                yield case


def planes(thorough: bool, *, padded: bool = True) -> Iterator[Case]:
    """Two-dimensional geometries: unequal axes, uneven padding, several examples, channels and filters."""
    draw = random.Random(0)
    axes = [
        (n, f, s, (p, q) if padded else (0, 0), d)
        for n, f, s, p, q, d in itertools.product(
            range(2, 6), range(1, 4), range(1, 4), range(3), range(3), (1, 1, 2)
        )
        if n + (p + q if padded else 0) > d * (f - 1)
    ]
    found = 0
    while found < (300 if thorough else 40):
        first, second = draw.choice(axes), draw.choice(axes)
        if first[0] != second[0]:
            found += 1
            n, f, s, p, d = zip(first, second, strict=True)
            yield {"n": n, "f": f, "s": s, "p": p, "d": d, "B": 2, "C": 2, "K": 3}


def layers(thorough: bool) -> Iterator[Case]:
    """Both of these: every way in which axes, batch, channels and filters can differ."""
    yield from lines(thorough)
    yield from planes(thorough)


def valid_layers(thorough: bool) -> Iterator[Case]:
    """The same without padding."""
    yield from lines(thorough, padded=False)
    yield from planes(thorough, padded=False)


def compiled(thorough: bool) -> Iterator[Case]:
    """The few geometries on which the library itself is run, each of them compiled.

    A stride with a remainder; unequal axes with uneven padding and dilation; one on which `jax.grad` of a
    lax convolution aborts the process; three axes.
    """
    found = [
        ((5,), (2,), (2,), ((1, 1),), (1,), 2, 2, 3),
        ((5, 4), (3, 2), (2, 1), ((1, 1), (0, 1)), (1, 2), 2, 2, 3),
        ((3, 4), (3, 2), (2, 2), ((1, 1), (1, 1)), (1, 1), 1, 1, 1),
        ((3, 4, 2), (2, 1, 2), (1, 2, 1), ((1, 0), (0, 0), (1, 1)), (1, 1, 2), 2, 1, 2),
    ]
    for values in found if thorough else found[:3]:
        yield dict(zip(("n", "f", "s", "p", "d", "B", "C", "K"), values, strict=True))


def geometry(case: Case) -> tuple[Any, Any, Any, Any, Any]:
    """(n, f, s, p, d)."""
    return case["n"], case["f"], case["s"], case["p"], case["d"]


def window(case: Case) -> dict:
    """s, p, d as the loops' keywords."""
    return {"s": case["s"], "p": case["p"], "d": case["d"]}


def axes(case: Case) -> list[tuple[Any, Any, Any, Any, Any]]:
    """(n, f, s, (p, q), d) of each axis."""
    return list(zip(*geometry(case), strict=True))


def extent(f: int, d: int) -> int:
    """e = d(f − 1) + 1."""
    return d * (f - 1) + 1


def remainder(n: int, f: int, s: int, p: tuple[int, int], d: int) -> int:
    """r = (n + p + q − e) mod s."""
    return (n + sum(p) - extent(f, d)) % s


def draw(case: Case, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Whole nonzero numbers, no two of the same magnitude, always the same for a case and a name.

    Distinct magnitudes, so that a wrong pairing of elements does not go unnoticed; whole and small, so that
    float64 sums of products of them are exact.
    """
    random_state = np.random.default_rng(zlib.crc32(f"{name}{sorted(case.items())}".encode()))
    count = int(np.prod(shape))
    magnitudes = random_state.permutation(np.arange(1, max(20, 2 * count)))[:count]
    return (magnitudes * random_state.choice([-1.0, 1.0], count)).reshape(shape)


def draw_A(case: Case) -> np.ndarray:
    """Activations, (B, *n, C)."""
    return draw(case, "A", (case["B"], *case["n"], case["C"]))


def draw_W(case: Case) -> np.ndarray:
    """A kernel, (*f, C, K)."""
    return draw(case, "W", (*case["f"], case["C"], case["K"]))


def draw_b(case: Case) -> np.ndarray:
    """A bias, (K,)."""
    return draw(case, "b", (case["K"],))


def draw_dZ(case: Case) -> np.ndarray:
    """A cotangent of Z, (B, *n_out, K)."""
    return draw(case, "dZ", (case["B"], *output_size(*geometry(case)), case["K"]))
