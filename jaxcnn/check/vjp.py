"""check_vjp: does a hand-written backward pass give the cotangents of the reference?"""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from jaxcnn.check import compare, rounding, values
from jaxcnn.check.report import Counterexample, Evidence, Part, Report, Verdict
from jaxcnn.check.shrink import shrink

Transformation = Literal["jit", "vmap", "eager"]

_WEIGHED_AT_ONCE = 8
# A small program spends its time in the compiler: what serves as truth is then compiled unoptimised.
_SMALL = 10_000
_UNOPTIMISED: Any = {"compiler_options": {"xla_backend_optimization_level": 0}}


def check_vjp(
    fun: Callable[..., Any],
    reference: Callable[..., Any],
    *inputs: ArrayLike,
    exact: bool = False,
    cases: int = 48,
    seed: int = 0,
    ulps: float = 32.0,
    transformation: Transformation = "jit",
    names: Sequence[str] | None = None,
) -> Report:
    """Compare every cotangent of `fun`, and its output, with those of `reference`.

    Args:
        fun: the function whose reverse-mode rule is in question.
        reference: a function of the same inputs with the same outputs; `jax.vjp` of it is the truth, also
            as to the convention at kinks and ties.
        inputs: example arrays, giving shape and dtype; the values are drawn. Inputs that are not floating
            point (labels, indices, keys) are passed on as they are.
        exact: draw integers and demand equality bit for bit. Right where function, rule and reference are
            polynomials. Otherwise the reference is evaluated in float64, which needs jax_enable_x64, and
            the difference must be explained by rounding (`jaxcnn.check.compare`).
        cases: how many sets of values to try; they share one compilation.
        seed: of the values.
        ulps: how many units of rounding to allow in inexact mode.
        transformation: run `fun` compiled case by case, under `jax.vmap`, or eagerly (compiled not at all).
        names: of the inputs, for the report; by default those of `fun`'s signature.

    Returns:
        A Report: PASS, FAIL with the smallest counterexample found, or UNCHECKED.

    >>> square = jax.custom_vjp(lambda x: x * x)
    >>> square.defvjp(lambda x: (x * x, x), lambda x, dy: (x * dy,))  # forgets the 2
    >>> print(check_vjp(square, lambda x: x * x, jnp.zeros((), jnp.float32), exact=True))
    FAIL: differs from the reference: the gradient of x in 37 of 48 cases
    the gradient of x at []: got 1.0, expected 2.0
      x float32[] = 1.
      cotangent 0 float32[] = 1.
    """
    if not exact and not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "check_vjp: jax_enable_x64 is off; expected it on, to evaluate the reference in float64 "
            "(jax.config.update('jax_enable_x64', True)), or exact=True"
        )
    arrays = [np.asarray(value) for value in inputs]
    live = [k for k, array in enumerate(arrays) if jnp.issubdtype(array.dtype, jnp.floating)]
    if not live:
        raise ValueError("check_vjp: no input is floating point; expected at least one to differentiate")
    names = _argument_names(fun, len(arrays)) if names is None else names
    problem = _Problem(fun, reference, arrays, live, names, exact, ulps, transformation)

    try:
        outputs = jax.tree.leaves(jax.eval_shape(fun, *arrays))
    except Exception as error:
        return Report(Verdict.FAIL, f"the function raised {type(error).__name__}: {error}")
    expected = jax.tree.leaves(jax.eval_shape(reference, *arrays))
    if (mismatch := _shape_mismatch(outputs, expected)) is not None:
        return Report(Verdict.FAIL, mismatch)

    rng = np.random.default_rng(seed)
    draw = values.integers if exact else values.mixed
    like = [*(arrays[k] for k in live), *outputs]
    rows = [draw(rng, cases, x.shape).astype(x.dtype) for x in like]
    try:
        got = problem.run_fun(rows)
    except Exception as error:
        return Report(Verdict.FAIL, f"the backward pass raised {type(error).__name__}: {error}")
    if (mismatch := problem.gradient_mismatch(got)) is not None:
        return Report(Verdict.FAIL, mismatch)
    return problem.judge(rows, got)


@dataclass
class _Problem:
    """One function against its reference.

    A row is (…live inputs, …cotangents), a result (…outputs, …gradients).
    """

    fun: Callable[..., Any]
    reference: Callable[..., Any]
    arrays: Sequence[np.ndarray]
    live: Sequence[int]
    names: Sequence[str]
    exact: bool
    ulps: float
    transformation: Transformation

    @functools.cached_property
    def _run(self) -> Callable[..., Any]:
        one = self._result_of(self.fun)
        match self.transformation:
            case "vmap":
                return jax.jit(lambda rows: jax.vmap(one)(*rows))
            case "eager":
                return lambda rows: _stack([one(*map(jnp.asarray, row)) for row in zip(*rows, strict=True)])
        return _map(one)

    @functools.cached_property
    def _truth(self) -> Callable[..., Any]:
        return _map(self._result_of(self.reference), **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return _UNOPTIMISED if sum(self.arrays[k].size for k in self.live) <= _SMALL else {}

    @functools.cached_property
    def _sensitivity(self) -> Callable[..., Any]:
        truth = self._result_of(self.reference)
        coarsest = max((self.arrays[k].dtype for k in self.live), key=lambda dtype: jnp.finfo(dtype).eps)
        return _map(lambda *row: rounding.sensitivity(truth, row, coarsest), **self._options)

    def _result_of(self, function: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
        def result(*row):
            live, cotangents = row[: len(self.live)], row[len(self.live) :]

            def on_live(*live):
                full = list(self.arrays)
                for k, value in zip(self.live, live, strict=True):
                    full[k] = value
                return tuple(jax.tree.leaves(function(*full)))

            outputs, pull = jax.vjp(on_live, *live)
            return (*outputs, *pull(tuple(cotangents)))

        return result

    def run_fun(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [np.asarray(result) for result in self._run(rows)]

    def run_reference(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        if not self.exact:
            rows = [row.astype(np.float64) for row in rows]
        return [np.asarray(result) for result in self._truth(rows)]

    def gradient_mismatch(self, got: Sequence[np.ndarray]) -> str | None:
        for k, gradient in zip(self.live, got[-len(self.live) :], strict=True):
            came, wanted = (gradient.shape[1:], gradient.dtype), (self.arrays[k].shape, self.arrays[k].dtype)
            if came != wanted:
                return (
                    f"the gradient of {self.names[k]} is {came[1]}{list(came[0])}, "
                    f"the argument {wanted[1]}{list(wanted[0])}"
                )
        return None

    def errors(
        self, rows: Sequence[np.ndarray], got: Sequence[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Each number's error, NaN where the reference is not finite, and the reference itself."""
        truth = self.run_reference(rows)
        if self.exact:
            errors = [np.where(compare.exact(g, t), 0.0, np.inf) for g, t in zip(got, truth, strict=True)]
        else:
            errors = [compare.error(g, t) for g, t in zip(got, truth, strict=True)]
            self._weigh(rows, got, truth, errors)
        return [np.where(np.isfinite(t), e, np.nan) for e, t in zip(errors, truth, strict=True)], truth

    def _weigh(self, rows, got, truth, errors) -> None:
        """Measure the errors of suspect rows again, with the sensitivity that costs another program."""
        suspect = np.any(
            [_by_row(np.where(np.isfinite(t), e, 0)) > self.ulps for e, t in zip(errors, truth, strict=True)],
            axis=0,
        )
        for some in _batches(np.flatnonzero(suspect), _WEIGHED_AT_ONCE):
            wide = [_resize(row[some].astype(np.float64), _WEIGHED_AT_ONCE) for row in rows]
            kappas = self._sensitivity(wide)
            for e, g, t, kappa in zip(errors, got, truth, kappas, strict=True):
                e[some] = compare.error(g[some], t[some], np.asarray(kappa)[: len(some)])

    def judge(self, rows: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> Report:
        errors, _ = self.errors(rows, got)
        names = self.part_names(len(errors))
        parts = tuple(self._part(name, e) for name, e in zip(names, errors, strict=True))
        evidence = Evidence(len(rows[0]), self.exact, parts)
        if evidence.compared == 0:
            return Report(Verdict.UNCHECKED, "the reference is nowhere finite", evidence)
        if any(part.wrong for part in parts):
            return self._failure(rows, errors, evidence)
        how = "bit for bit" if self.exact else f"within {evidence.worst:.1f} of {self.ulps:g} ulp"
        reason = f"{evidence.compared} numbers in {evidence.cases} cases agree {how}"
        return Report(Verdict.PASS, reason, evidence)

    def _part(self, name: str, errors: np.ndarray) -> Part:
        excused = int(np.sum(np.isnan(errors)))
        by_row = _by_row(errors)
        return Part(
            name=name,
            compared=errors.size - excused,
            excused=excused,
            worst=float(np.max(by_row)),
            wrong=int(np.sum(by_row > self.ulps)),
        )

    def _failure(
        self, rows: Sequence[np.ndarray], errors: Sequence[np.ndarray], evidence: Evidence
    ) -> Report:
        # outputs come first: a wrong output explains a wrong gradient
        part = next(k for k, p in enumerate(evidence.parts) if p.wrong)
        row = int(np.argmax(_by_row(errors[part]) > self.ulps))

        def fails(candidates):
            stacked = [np.stack(column) for column in zip(*candidates, strict=True)]
            outcome = []
            for start in range(0, len(candidates), len(rows[0])):
                batch = [_resize(column[start : start + len(rows[0])], len(rows[0])) for column in stacked]
                errors, _ = self.errors(batch, self.run_fun(batch))
                outcome.extend(_by_row(errors[part]) > self.ulps)
            return outcome[: len(candidates)]

        small = shrink(tuple(column[row] for column in rows), fails)
        batch = [_resize(value[None], len(rows[0])) for value in small]
        got = self.run_fun(batch)
        errors, truth = self.errors(batch, got)
        index = np.unravel_index(int(np.nanargmax(errors[part][0])), errors[part][0].shape)
        inputs = dict(zip(self.names, self.arrays, strict=True))
        inputs.update({self.names[k]: value for k, value in zip(self.live, small, strict=False)})
        counterexample = Counterexample(
            what=evidence.parts[part].name,
            index=tuple(map(int, index)),
            got=got[part][0][index].item(),
            expected=truth[part][0][index].item(),
            inputs=inputs,
            cotangent=small[len(self.live) :],
        )
        wrong = "; ".join(
            f"{p.name} in {p.wrong} of {evidence.cases} cases" for p in evidence.parts if p.wrong
        )
        return Report(Verdict.FAIL, f"differs from the reference: {wrong}", evidence, counterexample)

    def part_names(self, parts: int) -> list[str]:
        outputs = parts - len(self.live)
        return [
            *("the output" if outputs == 1 else f"output {k}" for k in range(outputs)),
            *(f"the gradient of {self.names[k]}" for k in self.live),
        ]


def _by_row(errors: np.ndarray) -> np.ndarray:
    """The largest error of each row; 0 where nothing was compared."""
    flat = errors.reshape(len(errors), -1)
    return np.max(np.nan_to_num(flat, nan=0.0, posinf=np.inf), axis=1, initial=0.0)


def _resize(column: np.ndarray, rows: int) -> np.ndarray:
    """The first row again and again up to `rows`: one shape, one compilation."""
    return np.concatenate([column, np.repeat(column[:1], rows - len(column), axis=0)])


def _map(one: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`one` for each row in turn, compiled once. Not vmapped: that would test another program."""
    return jax.jit(lambda rows: lax.map(lambda row: one(*row), tuple(rows)), **options)


def _batches(indices: np.ndarray, size: int) -> list[np.ndarray]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def _stack(results: Sequence[tuple[Any, ...]]) -> list[np.ndarray]:
    return [np.stack([np.asarray(x) for x in column]) for column in zip(*results, strict=True)]


def _shape_mismatch(outputs: Sequence[Any], expected: Sequence[Any]) -> str | None:
    came = [f"{x.dtype}{list(x.shape)}" for x in outputs]
    wanted = [f"{x.dtype}{list(x.shape)}" for x in expected]
    if came != wanted:
        return f"the function returns {', '.join(came)}, the reference {', '.join(wanted)}"
    return None


def _argument_names(fun: Callable[..., Any], count: int) -> list[str]:
    """The names of the positional arguments, or argument 0, 1, … where the signature does not tell."""
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [named[k] if k < len(named) else f"argument {k}" for k in range(count)]
