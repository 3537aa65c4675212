"""The values a check draws.

Smooth random values alone miss what goes wrong at a kink, a tie or at saturation, and a cotangent of
ones hides every error that cancels in a sum. So each array of each case is drawn in one of several regimes.
"""

from collections.abc import Sequence

import numpy as np

# Zero of both signs, kinks, values that saturate or overflow an exp, and a value that vanishes beside 1.
BOUNDARIES = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 30.0, -30.0, 100.0, -100.0, 1e-6, -1e-6)

# Which of them, and in which share of an array; 0: in one entry.
_NOT_FINITE = (
    ((-np.inf,), 1.0),
    ((-np.inf,), 0.5),
    ((-np.inf,), 0.0),
    ((np.inf,), 0.5),
    ((np.inf,), 0.0),
    ((np.nan,), 0.5),
    ((np.nan,), 0.0),
    ((-np.inf, np.inf, np.nan), 0.5),
)


def integers(rng: np.random.Generator, rows: int, shape: tuple[int, ...], magnitude: int = 4) -> np.ndarray:
    """Integer-valued: sums and products of them are exact in floating point, and ties are common.

    The first half of the rows (rounded up) is uniform on −magnitude … magnitude, so that they count for
    `schwartz_zippel`. The rest holds −1, 0, 1, or −4 … 4, or a multiple of a basis vector, or zeros.
    """
    values = uniform(rng, rows, shape, magnitude)
    aimed = np.arange(uniform_rows(rows), rows)
    small = min(magnitude, 4)
    for row, regime in zip(aimed, rng.permutation(aimed) % 6, strict=True):  # other rows for every array
        match regime:
            case 0 | 1:
                values[row] = _one_hot(rng, shape)
            case 2:
                values[row] = 0
            case 3:
                values[row] = rng.integers(-small, small + 1, shape)
            case _:
                values[row] = rng.integers(-1, 2, shape)
    return values


def uniform(rng: np.random.Generator, rows: int, shape: tuple[int, ...], magnitude: int = 4) -> np.ndarray:
    """Integers, uniform on −magnitude … magnitude."""
    return rng.integers(-magnitude, magnitude + 1, (rows, *shape)).astype(float)


def scaled(rng: np.random.Generator, rows: np.ndarray, most: int) -> np.ndarray:
    """A third of the aimed rows times a power of two from 2^-most to 2^most: exact, for what is linear."""
    scales = np.ones(len(rows))
    aimed = np.arange(uniform_rows(len(rows)), len(rows))[::3]
    scales[aimed] = 2.0 ** rng.integers(-most, most + 1, len(aimed))
    return rows * scales.reshape(-1, *[1] * (rows.ndim - 1))


def uniform_rows(rows: int) -> int:
    """How many rows of `integers` are uniform."""
    return (rows + 1) // 2


def mixed(
    rng: np.random.Generator,
    rows: int,
    shape: tuple[int, ...],
    thresholds: Sequence[float] = (),
    limits: Sequence[float] = (),
    close: float = 1e-6,
) -> np.ndarray:
    """Normal numbers, numbers of widely different size, values at and beside boundaries, ties and near ties.

    Args:
        rng: where the numbers come from.
        rows: cases.
        shape: of one case.
        thresholds: further boundaries: numbers at which the function may change its course.
        limits: large numbers, at which a dtype overflows.
        close: the relative distance of near ties.
    """
    near = [t + sign * 2.0**-k for t in thresholds for sign in (1, -1) for k in (1, 6, 12)]
    aimed = np.array([*BOUNDARIES, *thresholds, *near])
    own = np.array([*thresholds, *near, *BOUNDARIES[:2]])
    values = rng.standard_normal((rows, *shape))
    for row, regime in enumerate(rng.permutation(np.arange(rows) % 8)):
        match regime:
            case 1:
                values[row] *= 10.0 ** rng.integers(-3, 3, shape)
            case 2:
                values[row] = rng.choice(aimed, shape)
            case 3:
                values[row] = rng.integers(-2, 3, shape)
            case 4 if len(thresholds):
                # between neighbouring boundaries of the function's own
                values[row] = rng.choice(own, shape) * rng.choice((1.0, 0.5, 0.9, 1.1, 1.5), shape)
            case 5:
                apart = rng.choice((0.0, 1.0, -1.0), shape) * rng.choice((1e-9, close, 1e-6), shape)
                values[row] = rng.standard_normal() * (1 + apart)
            case 6:
                values[row] = rng.choice((0.0, 1.0, rng.standard_normal()))  # all equal
            case 7 if len(limits):
                some = rng.random(shape) < 0.3
                values[row] = np.where(some, rng.choice((*limits, *(-x for x in limits)), shape), values[row])
    return values


def part_huge(points: Sequence[np.ndarray], limits: Sequence[float]) -> None:
    """Leave numbers beyond its limit to one array of each row, in place: the others are drawn anew.

    Products of two such numbers overflow in one order and not in another, which is nobody's error.
    """
    huge = np.array([by_row(np.abs(x) > most) for x, most in zip(points, limits, strict=True)])
    for row in np.flatnonzero(huge.sum(axis=0) > 1):
        rng = np.random.default_rng(row)  # of its own: other rows stay what they are
        for k in rng.permutation(np.flatnonzero(huge[:, row]))[1:]:
            points[k][row] = rng.standard_normal(points[k][row].shape)


def by_row(found: np.ndarray) -> np.ndarray:
    """Whether there is one in each row."""
    return np.asarray(found.reshape(len(found), -1).any(axis=1))


def not_finite_rows(rows: int) -> int:
    """How many rows are tried with infinities and NaN, beside so many others: none beside very few."""
    return min(len(_NOT_FINITE), rows // 3) if rows >= 12 else 0


def put_not_finite(rng: np.random.Generator, points: Sequence[np.ndarray]) -> None:
    """Put infinities and NaN into one array of each row, in place: one entry, half of them, or all."""
    arrays = [k for k, point in enumerate(points) if point[:1].size]
    for row, kind in enumerate(rng.permutation(len(_NOT_FINITE))[: len(points[0])] if arrays else ()):
        point, (numbers, share) = points[rng.choice(arrays)][row : row + 1], _NOT_FINITE[kind]
        there = rng.random(point.shape) < share
        there.reshape(-1)[rng.integers(point.size)] = True
        point[there] = rng.choice(numbers, np.sum(there))


def smooth(rng: np.random.Generator, rows: int, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers: away from kinks and ties, where second derivatives are nobody's convention."""
    return rng.standard_normal((rows, *shape))


def _one_hot(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    flat = np.zeros(int(np.prod(shape)), int)
    if flat.size:
        flat[rng.integers(flat.size)] = rng.choice((-2, -1, 1, 3))
    return flat.reshape(shape)
