"""The values a check draws.

Smooth random values alone miss what goes wrong at a kink, a tie or at saturation, and a cotangent of
ones hides every error that cancels in a sum. So each array of each case is drawn in one of several regimes.
"""

from collections.abc import Sequence

import numpy as np

# Zero of both signs, kinks, values that saturate or overflow an exp, and a value that vanishes beside 1.
BOUNDARIES = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 30.0, -30.0, 100.0, -100.0, 1e-6, -1e-6)


def integers(rng: np.random.Generator, rows: int, shape: tuple[int, ...], magnitude: int = 4) -> np.ndarray:
    """Integer-valued: sums and products of them are exact in floating point, and ties are common.

    The first half of the rows (rounded up) is uniform on −magnitude … magnitude, so that they count for
    `schwartz_zippel`. Of the rest a half holds −1, 0, 1, and a half is a multiple of a basis vector.
    """
    values = rng.integers(-magnitude, magnitude + 1, (rows, *shape))
    aimed = np.arange(uniform_rows(rows), rows)
    sparse = rng.permutation(aimed)[: len(aimed) // 2]  # another choice of rows for every array
    for row in aimed:
        values[row] = _one_hot(rng, shape) if row in sparse else rng.integers(-1, 2, shape)
    return values.astype(float)


def uniform_rows(rows: int) -> int:
    """How many rows of `integers` are uniform."""
    return (rows + 1) // 2


def mixed(
    rng: np.random.Generator, rows: int, shape: tuple[int, ...], thresholds: Sequence[float] = ()
) -> np.ndarray:
    """Normal numbers, numbers of widely different size, values at and beside boundaries, small integers.

    Args:
        rng: where the numbers come from.
        rows: cases.
        shape: of one case.
        thresholds: further boundaries: numbers at which the function may change its course.
    """
    near = [t + sign * 2.0**-k for t in thresholds for sign in (1, -1) for k in (1, 6, 12)]
    aimed = np.array([*BOUNDARIES, *thresholds, *near])
    own = np.array([*thresholds, *near, *BOUNDARIES[:2]])
    values = rng.standard_normal((rows, *shape))
    for row, regime in enumerate(rng.permutation(np.arange(rows) % 5)):
        match regime:
            case 1:
                values[row] *= 10.0 ** rng.integers(-3, 3, shape)
            case 2:
                values[row] = rng.choice(aimed, shape)
            case 3:
                values[row] = rng.integers(-2, 3, shape)
            case 4 if len(thresholds):
                # between neighbouring boundaries of the function's own
                values[row] = rng.choice(own, shape) * rng.choice((1.0, 0.5, 1.5), shape)
    return values


def smooth(rng: np.random.Generator, rows: int, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers: away from kinks and ties, where second derivatives are nobody's convention."""
    return rng.standard_normal((rows, *shape))


def _one_hot(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    flat = np.zeros(int(np.prod(shape)), int)
    if flat.size:
        flat[rng.integers(flat.size)] = rng.choice((-2, -1, 1, 3))
    return flat.reshape(shape)
