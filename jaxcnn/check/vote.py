"""Who is wrong? Hand-written rule, reference, compiler: a third opinion names the odd one out.

At the counterexample the derivative is taken again, by central differences of the reference in float64, and
both sides are evaluated again without the compiler.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxcnn.check import numeric
from jaxcnn.check.eager import eagerly
from jaxcnn.check.evaluate import Evaluation, Evaluations
from jaxcnn.check.rules import Flat

_NEAR = 1e-4


@dataclass(frozen=True)
class Vote:
    """The outcome.

    Attributes:
        culprit: "the function", "the reference", "the compiler", or "" where the vote does not tell.
        sentence: what the others say.
    """

    culprit: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def uncompiled(got: float, expected: float, fun: float, truth: float) -> Vote | None:
    """Whether one side gives another number when it is run step by step.

    Args:
        got, expected: as compiled.
        fun, truth: the same without compiling.
    """
    if not _near(fun, got) and _near(fun, expected):
        return Vote("the compiler", f"run step by step, the function gives {fun!r}: compiled, it is wrong")
    if not _near(truth, expected) and _near(truth, got):
        return Vote("the compiler", f"run step by step, the reference gives {truth!r}: compiled, it is wrong")
    return None


def differences(slope: numeric.Slope, got: float, expected: float) -> Vote:
    """With whom central differences side."""
    if slope.kink or not np.isfinite(slope.value):
        return Vote(
            "",
            f"a kink: the slope is {slope.left:.6g} on the left and {slope.right:.6g} on the right; "
            "here the reference is the convention",
        )
    said = f"central differences give {slope.value:.6g}"
    sides = [abs(slope.value - side) <= _NEAR * max(abs(side), abs(slope.value)) + 4 * slope.uncertainty
             for side in (got, expected)]  # fmt: skip
    match sides:
        case [False, True]:
            return Vote("the function", f"{said}, as the reference does")
        case [True, False]:
            return Vote("the reference", f"{said}, as the function does: the reference's gradient is wrong")
        case [False, False]:
            return Vote("", f"{said}: neither the function's nor the reference's number")
    return Vote("", f"{said}, which cannot tell the two apart")


def step_by_step(evaluations: Evaluations, one: Flat, row: Sequence[np.ndarray], wide: bool) -> list[Any]:
    """A result of a row as it is traced, each step of it in NumPy where that is possible."""
    with _precision(wide):
        values = [np.asarray(x, np.float64) if wide else x for x in row]
        program = evaluations[one].program(values)
        return program.run(values) if program.can_run() else untraced(one, row, wide)


def untraced(one: Flat, row: Sequence[np.ndarray], wide: bool) -> list[Any]:
    """A result of a row without compiling anything but single steps, those that NumPy does not know."""
    with _precision(wide), jax.disable_jit():
        return [np.asarray(x) for x in eagerly(one)(*(np.asarray(x, np.float64) if wide else x for x in row))]


def _precision(wide: bool) -> Any:
    return jax.enable_x64(wide or bool(jax.config.read("jax_enable_x64")))


def primal_in_float64(flat: Flat) -> Callable[..., list[np.ndarray]]:
    """The outputs of a flat function of float64 arrays."""
    evaluation = Evaluation(flat)

    def run(*live):
        with jax.enable_x64(True):
            return [Z[0] for Z in evaluation([np.asarray(x)[None] for x in live])]

    return run


def _near(a: float, b: float) -> bool:
    return bool(abs(a - b) <= _NEAR * max(abs(a), abs(b)) or (np.isnan(a) and np.isnan(b)) or a == b)
