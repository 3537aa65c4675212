"""The values a check draws.

Smooth random values alone miss what goes wrong at a kink, a tie or at saturation, and a cotangent of
ones hides every error that cancels in a sum. So each row of a batch is drawn in one of several regimes.
"""

import numpy as np

# Zero of both signs, kinks, values that saturate or overflow an exp, and a value that vanishes beside 1.
BOUNDARIES = np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 30.0, -30.0, 100.0, -100.0, 1e-6, -1e-6])


def integers(rng: np.random.Generator, rows: int, shape: tuple[int, ...]) -> np.ndarray:
    """Integer-valued: sums and products of them are exact in floating point, and ties are common.

    A third of the rows holds −1, 0, 1, a third −4 … 4, and a third is a basis vector.
    """
    values = rng.integers(-4, 5, (rows, *shape))
    values[::3] = rng.integers(-1, 2, values[::3].shape)
    return _one_hot(rng, values)


def mixed(rng: np.random.Generator, rows: int, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers, numbers of widely different size, boundary values and small integers, by rows."""
    values = rng.standard_normal((rows, *shape))
    values[1::4] *= 10.0 ** rng.integers(-3, 3, values[1::4].shape)
    values[2::4] = rng.choice(BOUNDARIES, values[2::4].shape)
    values[3::4] = rng.integers(-2, 3, values[3::4].shape)
    return values


def _one_hot(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    flat = values.reshape(len(values), -1)
    if flat.shape[1]:
        for row in range(2, len(flat), 3):
            flat[row] = 0
            flat[row, rng.integers(flat.shape[1])] = rng.choice((-2, -1, 1, 3))
    return flat.reshape(values.shape).astype(float)
