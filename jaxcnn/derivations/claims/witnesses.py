"""Independent witnesses: gradients that use no backward formula, and the library's own operations."""

from collections.abc import Callable
from functools import cache, partial, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn
from jaxcnn.derivations.claims.grids import draw_A, draw_b, draw_dZ, draw_W
from jaxcnn.derivations.ledger import Case
from jaxcnn.oracles import convolution as oracle

ROUNDING = 1e-13  # relative to the largest entry: some hundred roundings of float64


def by_basis(
    function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, cotangent: np.ndarray, step: float = 1.0
) -> np.ndarray:
    """The gradient of ⟨cotangent, function⟩ at a point by one difference quotient for each entry.

    Exact where the function is linear along each step and the numbers are whole: no derivative enters.
    """
    base = function(at)
    gradient = np.zeros(at.shape)
    for entry in np.ndindex(at.shape):
        moved = at.copy()
        moved[entry] += step
        gradient[entry] = np.sum(cotangent * (function(moved) - base)) / step
    return gradient


def attempt(call: Callable[[], Any]) -> Any:
    """What the call returns, or "ValueError" where it raises one."""
    try:
        return call()
    except ValueError:
        return "ValueError"


def keywords(case: Case) -> dict[str, Any]:
    """Stride, padding and dilation as the library's and the oracles' keywords."""
    return {"stride": case["s"], "padding": case["p"], "dilation": case["d"]}


def shape_of(*arguments: tuple[int, ...], **options: Any) -> tuple[int, ...]:
    """The shape that `jaxcnn.conv` would return for arrays of these shapes; nothing is computed."""
    arrays = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in arguments]
    return jax.eval_shape(partial(jaxcnn.conv, **options), *arrays).shape


def once(function: Callable[[Case], np.ndarray | dict]) -> Callable[[Case], Any]:
    """The function, remembered: claims share cases, and compiling is slow."""
    remembered = cache(lambda items: function(dict(items)))
    return wraps(function)(lambda case: remembered(tuple(case.items())))


@once
def library_vjp(case: Case) -> dict[str, np.ndarray]:
    """Z, dA, dW and db of a case by the library: its operations called one by one."""
    A, W, b, dZ = _arrays(case)
    where = keywords(case)
    return _named(
        jaxcnn.conv(A, W, b, **where),
        jaxcnn.conv_dA(dZ, W, input_size=case["n"], **where),
        jaxcnn.conv_dW(A, dZ, kernel_size=case["f"], **where),
        jaxcnn.conv_db(dZ),
    )


@once
def rule_vjp(case: Case) -> dict[str, np.ndarray]:
    """The same by the rule in use: `jax.vjp` of `jaxcnn.conv`."""
    A, W, b, dZ = _arrays(case)
    Z, pull_back = jax.vjp(partial(jaxcnn.conv, **keywords(case)), A, W, b)
    return _named(Z, *pull_back(dZ))


@once
def oracle_vjp(case: Case) -> dict[str, np.ndarray]:
    """The same by `jax.vjp` of the oracle, a sum over kernel taps without any rule of ours."""

    @jax.jit
    def run(A, W, b, dZ):
        Z, pull_back = jax.vjp(partial(oracle.conv, **keywords(case)), A, W, b)
        return Z, *pull_back(dZ)

    return _named(*run(*_arrays(case)))


def _arrays(case: Case) -> list[jax.Array]:
    return [jnp.asarray(draw(case)) for draw in (draw_A, draw_W, draw_b, draw_dZ)]


def _named(*arrays: jax.Array) -> dict[str, np.ndarray]:
    return dict(zip(("Z", "dA", "dW", "db"), map(np.asarray, arrays), strict=True))
