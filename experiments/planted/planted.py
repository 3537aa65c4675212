"""One hand-written gradient for a checker to judge, and how such rows are made.

A family is a function with its reference, a plain JAX definition. `right` gives it a backward pass that
agrees with the reference, `wrong` one that does not. A backward pass is a function

    backward(x, dy, g) -> gradients

of the inputs, the cotangent, and the right gradients g, which a wrong rule may spoil (`on`) and a right
one must not look at.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Arrays = Sequence[Any]
Backward = Callable[[Arrays, Any, Arrays], Arrays]

# Classes of defects: 1 to 16 seen in hand-written CNN code in wide use, from 17 on seen to pass through other
# checkers.
DEFECTS = {
    1: "dW divided by the batch size where db is not, or the other way round",
    2: "every parameter's gradient divided by the batch size",
    3: "a softmax that passes its cotangent through",
    4: "the kernel's height in place of its width",
    5: "the first axis's padding on both axes",
    6: "'same' with an even kernel: the border on the wrong side",
    7: "'same' with a stride: the stride ignored",
    8: "one channel broadcast against several",
    9: "dropout that changes its cotangent in place, or keeps a stale mask",
    10: "cross-entropy clipped, so that value and gradient disagree at saturation",
    11: "every tied maximum credited, or a tie rule that depends on the shape",
    12: "= in place of += where windows overlap",
    13: "the remainder of a strided window dropped",
    14: "average pooling divided by the wrong count at the border",
    15: "the stride missing in the backward slices",
    16: "a rectifier's mask at ≥ 0 or at a small threshold, or its slope a little off",
    17: "a factor, on a large array",
    18: "one entry of a large Jacobian",
    19: "a factor, on a small output",
    20: "NaN as a gradient",
    21: "wrong where the output is infinite",
}


@dataclass(frozen=True)
class Planted:
    """A function with a hand-written backward pass, right or wrong.

    Attributes:
        name: of the function, and what is wrong with its rule, or how a right one is written.
        field: the file it stands in.
        correct: whether it is right.
        fun: carries the rule.
        reference: the plain definition.
        inputs: float64 examples; shapes and dtype matter only.
        defect: its class in DEFECTS, where it has one.
    """

    name: str
    field: str
    correct: bool
    fun: Callable[..., Any]
    reference: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]
    defect: int | None = None

    def normal(self, seed: int, dtype: str = "float64") -> list[np.ndarray]:
        """Normal inputs, as a user would make them."""
        keys = jax.random.split(jax.random.key(seed), len(self.inputs))
        return [
            np.asarray(jax.random.normal(key, x.shape, dtype))
            for key, x in zip(keys, self.inputs, strict=True)
        ]

    def examples(self, dtype: str) -> list[np.ndarray]:
        """The inputs in that dtype."""
        return [x.astype(dtype) for x in self.inputs]


@dataclass(frozen=True)
class Family:
    """A function from which rules are made.

    Attributes:
        field: the file it stands in.
        name: of the function.
        reference: its plain definition.
        shapes: of its inputs.
    """

    field: str
    name: str
    reference: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]

    def wrong(self, what: str, backward: Backward, defect: int | None = None) -> Planted:
        """The function with a backward pass that is not its own."""
        return self._row(what, False, rule(self.reference, backward), defect)

    def right(self, how: str, backward: Backward, forward: Callable[..., Any] | None = None) -> Planted:
        """The function with a right backward pass, itself perhaps computed in another way."""
        return self._row(how, True, rule(self.reference if forward is None else forward, backward), None)

    def function(
        self, what: str, fun: Callable[..., Any], defect: int | None = None, *, correct: bool = False
    ) -> Planted:
        """Any function in place of the family's."""
        return self._row(what, correct, fun, defect)

    def _row(self, what, correct, fun, defect) -> Planted:
        inputs = tuple(np.zeros(shape) for shape in self.shapes)
        return Planted(f"{self.name}: {what}", self.field, correct, fun, self.reference, inputs, defect)


def rule(forward: Callable[..., Any], backward: Backward) -> Callable[..., Any]:
    """`forward` with `backward` as its `jax.custom_vjp` rule."""

    def bwd(x, dy):
        x, dy = jax.tree.map(jnp.asarray, (x, dy))  # NumPy's arrays, where a checker gives them
        return tuple(backward(x, dy, Asked(lambda: jax.vjp(forward, *x)[1](dy))))

    fun = jax.custom_vjp(lambda *x: forward(*x))  # which hides optional arguments from custom_vjp
    fun.defvjp(lambda *x: (forward(*x), x), bwd)
    return fun


class Asked(Sequence[Any]):
    """The right gradients, computed if somebody asks for them: a rule that does not pays nothing for them."""

    def __init__(self, compute: Callable[[], Arrays]):
        """Compute nothing yet."""
        self._compute = compute

    @functools.cached_property
    def _gradients(self) -> Arrays:
        return self._compute()

    def __getitem__(self, position):
        return self._gradients[position]

    def __len__(self) -> int:
        return len(self._gradients)


def on(position: int, change: Callable[..., Any]) -> Backward:
    """The right gradients, but number `position` replaced by change(gradient, inputs, cotangent)."""
    return lambda x, dy, g: tuple(change(G, x, dy) if k == position else G for k, G in enumerate(g))


def times(derivative: Callable[..., Any]) -> Backward:
    """An elementwise rule of one argument: dx = dy · derivative(x)."""
    return lambda x, dy, g: (dy * derivative(x[0]),)


def one_hot_entry(array: Any, index: tuple[int, ...], value: Any) -> Any:
    """`array` plus `value` in one entry."""
    return array.at[index].add(jnp.asarray(value, array.dtype))
