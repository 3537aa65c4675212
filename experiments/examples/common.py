"""What the examples share: the images, and the loop that follows a step."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.train import data


class Curve(NamedTuple):
    """The loss before each step, and the milliseconds a step takes (the first, which compiles, left out)."""

    losses: list[float]
    milliseconds: float


def digits() -> tuple[np.ndarray, np.ndarray]:
    """All training images (N, 8, 8, 1), float32 from 0 to 1, and their labels (N,)."""
    digits = data.digits()
    return digits.images.astype(np.float32) / digits.white, digits.labels


def follow(step: Callable[[Any], tuple[Any, jax.Array]], state: Any, steps: int) -> Curve:
    """Take steps: each gives the next state and the loss before it."""
    state, loss = jax.block_until_ready(step(state))
    losses, start = [loss], time.perf_counter()
    for _ in range(steps - 1):
        state, loss = jax.block_until_ready(step(state))
        losses.append(loss)
    return Curve([float(loss) for loss in losses], 1000 * (time.perf_counter() - start) / max(steps - 1, 1))


def tell(name: str, curve: Curve) -> None:
    """Print a line about a run."""
    first, last = curve.losses[0], curve.losses[-1]
    print(f"{name}: loss {first:.3f} to {last:.3f}, {curve.milliseconds:.1f} ms a step")
