"""Optimisers and the course of their learning rate, of optax."""

from typing import TYPE_CHECKING

from experiments.train.errors import extra_installed

if TYPE_CHECKING:
    import optax

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("cosine", "constant", "warmup-cosine")
MOMENTUM = 0.9  # of sgd
WARMUP = 20  # one step in so many warms up


def schedule(name: str, learning_rate: float, steps: int) -> "optax.Schedule":
    """The learning rate of each step: constant; or down to 0 along a cosine; or first up from 0 in a line."""
    with extra_installed():
        import optax
    match name:
        case "cosine":
            return optax.cosine_decay_schedule(learning_rate, steps)
        case "warmup-cosine":
            return optax.warmup_cosine_decay_schedule(0.0, learning_rate, steps // WARMUP, steps)
    return optax.constant_schedule(learning_rate)


def optimizer(name: str, rate: "optax.Schedule") -> "optax.GradientTransformation":
    """Adam; AdamW with optax's weight decay; or SGD with momentum."""
    with extra_installed():
        import optax
    match name:
        case "adam":
            return optax.adam(rate)
        case "adamw":
            return optax.adamw(rate)
    return optax.sgd(rate, momentum=MOMENTUM)
