"""How far from the truth an operation and its gradients are in each dtype.

One call a derivation, its `sample` on numbers drawn once: the operation and its pullback in a dtype, against
those of the oracle in float64 on the very same numbers. An error is given in units in the last place of the
largest number of its array: in rounding steps of the dtype.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxcnn.derivations.derivation import Derivation

DTYPES = ("float64", "float32", "bfloat16", "float16")
_TRUTH = "oracle"


def errors(derivation: Derivation) -> dict[str, dict[str, float]]:
    """The largest error in ulp of each output and gradient: {"the output": {"float64": 0.5, …}, …}.

    They are named as in the rows of `jaxcnn.derivations.search`. Needs JAX's 64-bit types.
    """
    random = np.random.default_rng(0)
    values: list[Any] = []
    live: list[int] = []
    for k, (name, example) in enumerate(
        zip(derivation.arguments, map(np.asarray, derivation.sample.inputs), strict=True)
    ):
        if jnp.issubdtype(example.dtype, jnp.floating):
            live.append(k)
            # whole 32nds, which every dtype holds; what a batch shares may be a variance, so it is positive
            least = 1 if name in derivation.shared else -64
            example = random.integers(least, 65, example.shape) / 32
        values.append(example)

    def pulled(function: Callable[..., Any], dtype: str) -> list[Array]:
        def of_live(*arrays: Array) -> list[Array]:
            given = dict(zip(live, arrays, strict=True))
            inputs = [given.get(k, value) for k, value in enumerate(values)]
            return jax.tree.leaves(function(*inputs, **derivation.sample.keywords))

        outputs, pullback = jax.vjp(of_live, *(jnp.asarray(values[k], dtype) for k in live))
        same = np.random.default_rng(1)  # in every dtype
        cotangents = [jnp.asarray(same.integers(-64, 65, Z.shape) / 32, Z.dtype) for Z in outputs]
        return [*outputs, *pullback(cotangents)]

    @jax.jit  # one program for all
    def everything() -> dict[str, list[Array]]:
        results = {dtype: pulled(derivation.operation, dtype) for dtype in DTYPES}
        return results | {_TRUTH: pulled(derivation.oracle, "float64")}

    results = everything()
    outputs = len(results[_TRUTH]) - len(live)
    names = ["the output"] if outputs == 1 else [f"output {k}" for k in range(outputs)]
    names += [f"the gradient of {derivation.arguments[k]}" for k in live]
    return {
        name: {dtype: _ulp(results[dtype][k], results[_TRUTH][k], dtype) for dtype in DTYPES}
        for k, name in enumerate(names)
    }


def _ulp(got: Array, truth: Array, dtype: str) -> float:
    expected = np.asarray(truth)
    wrong = np.abs(np.asarray(got, np.float64) - expected).max(initial=0.0)
    if not wrong:
        return 0.0
    return float(wrong / (np.abs(expected).max() * float(jnp.finfo(dtype).eps)))
