"""check_vjp and check_jvp: does a hand-written derivative agree with that of the reference?"""

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from jaxcnn.check import numeric, rules, values, vote
from jaxcnn.check.call import Call, argument_names, call
from jaxcnn.check.degrees import Kind
from jaxcnn.check.diagnosis import Diagnosis, Sample, diagnose
from jaxcnn.check.evaluate import Evaluations
from jaxcnn.check.polynomial import Analysis, Output, followed, schwartz_zippel
from jaxcnn.check.problem import Differences, Problem, Transformation
from jaxcnn.check.report import Evidence, Report, Verdict, merged
from jaxcnn.check.rules import Backward, Flat, GradientError

EVERY_TRANSFORMATION: tuple[Transformation, ...] = ("jit", "eager", "vmap", "scan", "second order")

# Cases under every transformation but the first, and of the second order.
_FEWER = 12
# Numbers in all cases together: large inputs get fewer cases.
_NUMBERS = 4_000_000
_LEAST_CASES = 4
# Combinations of basis vectors, up to which a multilinear map is checked on all of them.
_BASIS = 600
# Directions also come times 2 to this power and its inverse, which half precision holds as well.
_POWERS = 8
# Integers up to the first of these that the dtype can hold the sums of.
_MAGNITUDES = (500, 30, 4, 1)
# If nothing is known.
_SAFE_MAGNITUDE = 4
# Diagnosis looks at so many numbers.
_DIAGNOSED = 20_000
# Differences cost two evaluations a number and step.
_DIFFERENCED = 256


def check_vjp(
    fun: Callable[..., Any],
    reference: Callable[..., Any] | None,
    *inputs: Any,
    backward: Backward | None = None,
    exact: bool | None = None,
    vary: bool = True,
    cases: int = 48,
    seed: int = 0,
    ulps: float = 32.0,
    accurate: bool = False,
    transformations: Sequence[Transformation] = EVERY_TRANSFORMATION,
    names: Sequence[str] | None = None,
) -> Report:
    """Compare every cotangent of `fun`, and its output, with those of `reference`.

    Args:
        fun: the function whose reverse-mode rule is in question: it has a `custom_vjp` or `custom_jvp`, or is
            a plain forward pass whose backward pass is `backward`.
        reference: a function of the same inputs with the same outputs; `jax.vjp` of it is the truth, also as
            to the convention at kinks and ties. None: `fun` itself, its custom rules taken out; where it is
            NumPy, central differences in float64, which leave out kinks.
        inputs: example arguments, pytrees of arrays: they give shape and dtype, the values are drawn; or
            Hypothesis strategies of such, which draw shapes too (`jaxcnn.check.strategies`). Leaves
            that are not floating point (labels, indices, keys) are passed on as they are.
        backward: (inputs, cotangent) → a tuple of gradients, one an argument, in JAX or NumPy. The cotangent
            has the structure of the output; for an argument that is not differentiable anything will do.
        exact: draw integers and demand equality bit for bit. Not exact: draw all kinds of values, evaluate
            the reference in float64, and let rounding explain the difference (`jaxcnn.check.compare`). None:
            trace function, rule and reference (`jaxcnn.check.polynomial`). Polynomials computed without
            rounding are exact, and a bound on the chance of an error is stated; what also compares and
            chooses is checked both ways; all else is not exact. Values are aimed at the constants found.
        vary: False: check at the values of `inputs` only; cotangents are drawn.
        cases: how many sets of values to try; large inputs get fewer, 4 at least.
        seed: of the values.
        ulps: how many units of rounding to allow where it is not exact.
        accurate: True: only rounding on the reference's way excuses a difference. False: rounding on the way
            of `fun` as well: its formula may cancel digits that the reference keeps.
        transformations: how to run `fun`: compiled ("jit"), "eager", under "vmap" and in a loop ("scan"); and
            whether the backward pass has the right derivative itself ("second order"). NumPy runs as it is.
            Of small functions the last three are traced by JAX and then evaluated in NumPy, as the reference
            is: what they may get wrong shows in the tracing, and nothing of it has to be compiled.
        names: of the inputs, for the report; by default those of `fun`'s signature.

    Returns:
        A Report: PASS, FAIL with the smallest counterexample found, or UNCHECKED.

    Raises:
        ValueError: if the call makes no sense: no input to differentiate, complex inputs, a reference with
            other outputs, unknown transformations.

    >>> square = jax.custom_vjp(lambda x: x * x)
    >>> square.defvjp(lambda x: (x * x, x), lambda x, dy: (x * dy,))  # forgets the 2
    >>> print(check_vjp(square, lambda x: x * x, jnp.zeros((), jnp.float32)))
    FAIL: differs from the reference: the gradient of x in 37 of 48 cases
    the gradient of x at []: got 1.0, expected 2.0
      x float32[] = 1.
      cotangent 0 float32[] = 1.
    probably scaled: got is 0.5 times the expected, everywhere: the 2 of a square's derivative, forgotten
    central differences give 2, as the reference does
    """
    options: dict[str, Any] = {"exact": exact, "vary": vary, "cases": cases, "seed": seed, "ulps": ulps}
    options["accurate"] = accurate
    hypothesis = sys.modules.get("hypothesis")  # without it there are no strategies
    if hypothesis and any(isinstance(x, hypothesis.strategies.SearchStrategy) for x in inputs):
        from jaxcnn.check.strategies import check_strategies

        options |= {"backward": backward, "transformations": transformations, "names": names}
        return check_strategies(fun, reference, *inputs, **options)
    check = reverse_check(fun, reference, inputs, backward, names, transformations=transformations, **options)
    return check if isinstance(check, Report) else check.report()


def check_jvp(
    fun: Callable[..., Any],
    reference: Callable[..., Any] | None,
    *inputs: Any,
    exact: bool | None = None,
    vary: bool = True,
    cases: int = 48,
    seed: int = 0,
    ulps: float = 32.0,
    accurate: bool = False,
    transformations: Sequence[Transformation] = EVERY_TRANSFORMATION,
    names: Sequence[str] | None = None,
) -> Report:
    """Compare the tangents of a function with a `custom_jvp` with those of `reference`.

    Arguments, report and errors are those of `check_vjp`; the drawn directions are tangents of the inputs,
    and what is compared is the output and its tangent.

    >>> cube = jax.custom_jvp(lambda x: x**3)
    >>> @cube.defjvp
    ... def rule(x, dx):
    ...     return cube(*x), 2 * x[0] ** 2 * dx[0]
    >>> check_jvp(cube, lambda x: x**3, jnp.ones(())).counterexample.what
    'the tangent of the output'
    """
    names = argument_names(fun, len(inputs)) if names is None else names
    arguments = call("check_jvp", inputs, names)
    flat = arguments.flat(fun)
    try:
        outputs = output_shapes(flat, arguments, host=False)
    except Exception as error:
        return Report(Verdict.FAIL, f"the function raised {type(error).__name__}: {error}")
    primal = rules.stripped(flat) if reference is None else arguments.flat(reference)
    _same_outputs("check_jvp", outputs, output_shapes(primal, arguments, host=False))
    own = _output_names(outputs)
    return Check(
        operation="check_jvp",
        call=arguments,
        flat=flat,
        one=rules.forward(flat, len(arguments.live)),
        primal=primal,
        derivative=rules.forward,
        outputs=outputs,
        directions=arguments.like,
        parts=(*own, *(f"the tangent of {name}" for name in own)),
        derivatives=outputs,
        host=False,
        exact=exact,
        vary=vary,
        cases=cases,
        seed=seed,
        ulps=ulps,
        accurate=accurate,
        transformations=tuple(transformations),
    ).report()


def reverse_check(
    fun: Callable[..., Any],
    reference: Callable[..., Any] | None,
    inputs: Sequence[Any],
    backward: Backward | None,
    names: Sequence[str] | None,
    **options: Any,
) -> "Check | Report":
    """What `check_vjp` is to do, or the report if it has come to an end; see there."""
    names = argument_names(fun, len(inputs)) if names is None else names
    if len(names) != len(inputs):
        raise ValueError(
            f"check_vjp: names has {len(names)} entries; expected {len(inputs)}, one for each input"
        )
    arguments = call("check_vjp", inputs, names)
    flat = arguments.flat(fun)
    one = rules.reverse(flat, len(arguments.live))
    host = False
    if backward is not None:
        one = rules.with_backward(arguments, fun, backward)
        host = not traces(one, flat, arguments)
    try:
        outputs = output_shapes(flat, arguments, host)
    except Exception as error:
        return Report(Verdict.FAIL, f"the function raised {type(error).__name__}: {error}")
    expected, primal = outputs, None
    if reference is not None:
        primal = arguments.flat(reference)
        expected = output_shapes(primal, arguments, host=False)
    elif not host:
        primal = rules.stripped(flat)
    _same_outputs("check_vjp", outputs, expected)
    if host:
        options["transformations"] = ("eager",)
    return Check(
        operation="check_vjp",
        call=arguments,
        flat=flat,
        one=rules.on_host(one, arguments) if host else one,
        primal=primal,
        derivative=rules.reverse,
        outputs=outputs,
        directions=outputs,
        parts=(*_output_names(outputs), *(f"the gradient of {name}" for name in arguments.names)),
        derivatives=arguments.like,
        host=host,
        **options,
    )


def assert_vjp(
    fun: Callable[..., Any], reference: Callable[..., Any] | None, *inputs: Any, **options: Any
) -> Report:
    """`check_vjp`, raising DerivationError, whose message is the report, unless it passes."""
    __tracebackhide__ = True  # pytest shows the report, not this frame
    return check_vjp(fun, reference, *inputs, **options).assert_pass()


@dataclass(frozen=True)
class Phase:
    """Rows of one kind, checked under one transformation."""

    rows: Sequence[np.ndarray]
    exact: bool
    transformation: Transformation


@dataclass
class Check:
    """One derivative in question, and how to look at it; see `check_vjp`."""

    operation: str
    call: Call
    flat: Flat
    one: Flat
    primal: Flat | None
    derivative: Callable[[Flat, int], Flat]
    outputs: Sequence[Any]
    directions: Sequence[Any]
    parts: tuple[str, ...]
    derivatives: Sequence[Any]
    host: bool
    exact: bool | None
    vary: bool
    cases: int
    seed: int
    ulps: float
    accurate: bool
    transformations: tuple[Transformation, ...]

    def report(self) -> Report:
        """Check everything that was asked for, and stop at the first thing wrong."""
        unknown = set(self.transformations) - set(EVERY_TRANSFORMATION)
        if unknown or not self.transformations:
            raise ValueError(
                f"{self.operation}: transformations is {self.transformations}; "
                f"expected some of {', '.join(EVERY_TRANSFORMATION)}"
            )
        if self.primal is None and (size := sum(x.size for x in self.call.like)) > _DIFFERENCED:
            raise ValueError(
                f"{self.operation}: reference is None for a NumPy function of {size} numbers; "
                f"expected a reference, or at most {_DIFFERENCED} numbers for central differences"
            )
        found: list[Evidence] = []
        for phase in self.phases():
            problem = self.problem(phase)
            try:
                got = problem.run_fun(phase.rows)
                again = got if found else problem.run_fun(phase.rows)
            except GradientError as error:
                return Report(Verdict.FAIL, f"the backward pass is wrong: {error}")
            except Exception as error:
                return Report(
                    Verdict.FAIL,
                    f"the backward pass raised {type(error).__name__}{_under(phase)}: {error}",
                )
            if (mismatch := problem.mismatch(got, self.expected(phase))) is not None:
                return Report(Verdict.FAIL, mismatch)
            if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(got, again, strict=True)):
                return Report(Verdict.FAIL, f"run twice on the same values, it differs{_under(phase)}")
            truth = problem.run_truth(phase.rows)
            errors, units = problem.errors(phase.rows, got, truth)
            found.append(problem.evidence(phase.rows, errors))
            if any(part.wrong for part in found[-1].parts):
                return self.failure(phase, problem, (got, truth, errors, units), found)
        evidence = merged([e for e in found if e.transformation != "second order"] or found)
        evidence = replace(
            evidence, transformations=tuple(dict.fromkeys(e.transformation for e in found)), **self.strength()
        )
        empty = [part.name for part in evidence.parts if part.excused and not part.compared]
        if empty:
            reason = f"nothing could be compared of {', '.join(empty)}: the reference is NaN or infinite"
            return Report(Verdict.UNCHECKED, reason, evidence)
        return Report(Verdict.PASS, _agreement(evidence, self.ulps), evidence)

    # ---- what to try ----------------------------------------------------------------------------------

    def phases(self):
        """The rows to try, in order: all of them one way, then fewer under the other transformations."""
        rng = np.random.default_rng(self.seed)
        cases, kinds = self.drawn, []
        if self.is_exact:
            draw = functools.partial(values.integers, rng, magnitude=self.magnitude)
            rows = [draw(cases, x.shape) for x in self.like]
            live = len(self.call.live)
            # a derivative is linear in its direction
            rows[live:] = [values.scaled(rng, row, _POWERS) for row in rows[live:]]
            rows = [row.astype(x.dtype) for row, x in zip(rows, self.like, strict=True)]
            kinds.append((_basis_rows(self.like, rows) if self.multilinear else rows, True))
        if not self.is_exact or (self.exact is None and not self.is_polynomial):
            thresholds = self.thresholds
            points = [
                values.mixed(rng, cases, x.shape, thresholds, *_extremes(x.dtype)) for x in self.call.like
            ]
            directions = [values.mixed(rng, cases, x.shape) for x in self.directions]
            rows = [row.astype(x.dtype) for row, x in zip((*points, *directions), self.like, strict=True)]
            kinds.append((self.held(rows), False))
        first, *others = [t for t in self.transformations if t != "second order"] or [None]
        for rows, exact in kinds:
            if first is not None:
                yield Phase(rows, exact, first)
        for transformation in others:
            for rows, exact in kinds:
                yield Phase([_spread(row, _FEWER) for row in rows], exact, transformation)
        if "second order" in self.transformations:
            exact = self.is_exact and self.is_polynomial
            draw = values.integers if exact else values.smooth
            like = [*self.like, *(self.derivatives)]
            rows = [draw(rng, _FEWER, x.shape).astype(x.dtype) for x in like]
            yield Phase(rows if exact else self.held(rows), exact, "second order")

    def held(self, rows: list[np.ndarray]) -> list[np.ndarray]:
        """The rows, with the live leaves as given unless they vary."""
        if self.vary:
            return rows
        own = [np.broadcast_to(x, row.shape) for x, row in zip(self.call.like, rows, strict=False)]
        return [*own, *rows[len(own) :]]

    @property
    def drawn(self) -> int:
        """How many sets of values are drawn: fewer of large ones."""
        size = sum(max(np.size(x), 1) for x in self.like)
        return max(_LEAST_CASES, min(self.cases, _NUMBERS // max(size, 1)))

    @property
    def like(self) -> list[Any]:
        """One row: live leaves, directions."""
        return [*self.call.like, *self.directions]

    def problem(self, phase: Phase) -> Problem:
        """Function and reference, or their derivatives, to be compared on the phase's rows."""
        if self.truth is None:
            return Differences(
                self.one,
                self.flat,
                self.call.names,
                self.like,
                self.parts,
                len(self.outputs),
                False,
                self.ulps,
                "eager",
                True,
            )
        one, truth, parts = self.one, self.truth, self.parts
        like, names, outputs = self.like, self.call.names, len(self.outputs)
        if phase.transformation == "second order":
            names = (*names, *(f"direction {k}" for k in range(len(self.directions))))
            parts = (*self.parts[outputs:], *(f"the second derivative with respect to {n}" for n in names))
            one, truth = self.second_order
            like, outputs = [*like, *self.derivatives], len(self.derivatives)
        return Problem(
            one,
            truth,
            names,
            like,
            parts,
            outputs,
            phase.exact,
            self.ulps,
            phase.transformation,
            self.host,
            self.accurate,
            self.evaluations,
        )

    @functools.cached_property
    def second_order(self) -> tuple[Flat, Flat]:
        """Derivatives of both derivatives, each as a function of the row."""

        def differentiated(derivative):
            return rules.reverse(lambda *row: derivative(*row)[len(self.outputs) :], len(self.like))

        return differentiated(self.one), differentiated(self.truth)

    def expected(self, phase: Phase) -> list[Any]:
        """Shapes and dtypes of a result."""
        if phase.transformation == "second order":
            return [*self.derivatives, *self.like]
        return [*self.outputs, *self.derivatives]

    # ---- what is known of it --------------------------------------------------------------------------

    def __post_init__(self) -> None:
        """Trace function and reference, unless it was said how they compute."""
        self.evaluations = Evaluations()
        self.truth = None if self.primal is None else self.derivative(self.primal, len(self.call.live))
        self.analyses: list[Analysis] = [_UNTRACED]
        if self.exact is not None:
            self.magnitude = _SAFE_MAGNITUDE
            return
        traced = [self.traced(function) for function in (None if self.host else self.one, self.truth)]
        for self.magnitude in _MAGNITUDES:
            self.analyses = [_analysed(program, self.like, self.magnitude) for program in traced]
            if self.kind is not Kind.INEXACT or not any("do not fit" in a.reason for a in self.analyses):
                break

    def traced(self, function: Flat | None) -> core.ClosedJaxpr | None:
        """A function of a row; None where it cannot be traced."""
        if function is None:
            return None
        try:
            return self.evaluations[function].program(self.like).traced
        except Exception:  # whatever tracing raises is reported when it runs
            return None

    @property
    def kind(self) -> Kind:
        """The worst of function and reference."""
        return max(analysis.kind for analysis in self.analyses)

    @property
    def is_polynomial(self) -> bool:
        """Whether integers tell everything: nothing is rounded to less than the dtype of the inputs."""
        return self.kind is Kind.POLYNOMIAL and not any(analysis.narrows for analysis in self.analyses)

    @property
    def is_exact(self) -> bool:
        """Whether to draw integers and demand equality."""
        if self.exact is None:
            return self.kind is not Kind.INEXACT and self.vary
        return self.exact

    @property
    def thresholds(self) -> list[float]:
        """The constants of function and reference that values are aimed at."""
        found = {t for analysis in self.analyses for t in analysis.literals}
        return sorted(t for t in found if t and abs(t) < 1e6)

    @property
    def multilinear(self) -> bool:
        """Whether the function is determined by its values at few enough basis vectors."""
        combinations = np.prod([np.size(x) + 1.0 for x in self.like])
        return bool(
            self.exact is None
            and combinations <= _BASIS
            and all(len(analysis.linear_in) == len(self.like) for analysis in self.analyses)
        )

    def strength(self) -> dict[str, Any]:
        """How much an exact agreement says."""
        if not self.is_exact or not self.is_polynomial:
            return {}
        degree = max(analysis.degree or 0 for analysis in self.analyses)
        points = values.uniform_rows(self.drawn)
        return {
            "chance": schwartz_zippel(degree, 2 * self.magnitude + 1, points),
            "degree": degree,
            "proved": self.multilinear,
        }

    # ---- what is wrong --------------------------------------------------------------------------------

    def failure(self, phase: Phase, problem: Problem, results: Any, found: list[Evidence]) -> Report:
        """The report of what is wrong."""
        errors = results[2]
        evidence = found[-1]
        # outputs come first: a wrong output explains a wrong gradient
        part = next(k for k, p in enumerate(evidence.parts) if p.wrong)
        counterexample, row = problem.smallest(phase.rows, errors, part)
        wrong = "; ".join(
            f"{p.name} in {p.wrong} of {evidence.cases} cases" for p in evidence.parts if p.wrong
        )
        reason = f"differs from the reference{_under(phase)}: {wrong}"
        return Report(
            Verdict.FAIL,
            reason,
            evidence,
            counterexample,
            self.diagnosed(phase, problem, results, part),
            self.voted(phase, problem, counterexample, row, part),
        )

    def diagnosed(self, phase: Phase, problem: Problem, results: Any, part: int) -> Diagnosis | None:
        """What probably caused it."""
        got, truth, errors, units = results
        if phase.transformation == "second order":
            return None
        live, outputs = len(self.call.live), len(self.outputs)
        some = slice(0, max(2, _DIAGNOSED // max(1, sum(np.size(x) for x in self.like))))
        inputs = dict(zip(self.call.names, (np.asarray(r[some], float) for r in phase.rows), strict=False))
        directions = [np.asarray(r[some], float) for r in phase.rows[live:]]
        names = self.call.names if len(self.parts) == outputs + live else self.parts[outputs:]

        def reference(inputs, cotangents):
            rows = [*(inputs[name] for name in self.call.names), *cotangents]
            return problem.run_truth([np.asarray(r, x.dtype) for r, x in zip(rows, self.like, strict=True)])[
                part
            ]

        return diagnose(
            Sample(
                name=self.parts[part] if part < outputs else names[part - outputs],
                got=np.asarray(got[part][some], float),
                expected=np.asarray(truth[part][some], float),
                inputs=inputs,
                cotangents=directions,
                outputs=[np.asarray(t[some], float) for t in truth[:outputs]],
                others={
                    name: np.asarray(truth[outputs + k][some], float)
                    for k, name in enumerate(names)
                    if outputs + k != part
                },
                tolerance=self.ulps * units[part][some],
                epsilon=float(jnp.finfo(got[part].dtype).eps),
                compared=~np.isnan(errors[part][some]),
                reference=None if self.primal is None else reference,
            )
        )

    def voted(self, phase, problem, counterexample, row, part) -> vote.Vote | None:
        """Who is wrong at the counterexample; only of first derivatives in reverse mode."""
        outputs, live = len(self.outputs), len(self.call.live)
        if self.host or self.primal is None or phase.transformation == "second order":
            return None
        got, expected, index = counterexample.got, counterexample.expected, counterexample.index
        if phase.transformation != "eager":
            # an output has no slope to ask for, so that it is worth the compilation of every step
            run = vote.untraced if part < outputs else vote.step_by_step
            try:
                fun = run(self.one, row, wide=False)[part][index].item()
                truth = run(problem.truth, row, wide=not phase.exact)[part][index].item()
            except Exception:  # what cannot run step by step has no voice
                fun, truth = got, expected
            if (verdict := vote.uncompiled(got, expected, fun, truth)) is not None:
                return verdict
        if part < outputs or self.derivative is not rules.reverse:
            return None
        primal = vote.primal_in_float64(rules.stripped(self.primal))
        slope = numeric.gradient_entry(primal, row, live, part - outputs, index)
        return vote.differences(slope, got, expected)


_UNTRACED = Analysis((Output(Kind.INEXACT, "not traced", (), None, np.inf),), (), ())


def _extremes(dtype: Any) -> tuple[tuple[float, ...], float]:
    """Where exp and the square overflow in a dtype, and a relative distance it just resolves."""
    largest = float(jnp.finfo(dtype).max)
    return (1e3, np.log(largest) + 1, 2 * np.sqrt(largest)), 4 * float(jnp.finfo(dtype).eps)


def _analysed(program: core.ClosedJaxpr | None, like: Sequence[Any], magnitude: int) -> Analysis:
    """What tracing tells; inexact where it cannot be traced."""
    if program is not None:
        try:
            return followed(program, like, magnitude)
        except Exception:  # whatever a step raises is reported when it runs
            pass
    return _UNTRACED


def _under(phase: Phase) -> str:
    return "" if phase.transformation == "jit" else f" ({phase.transformation})"


def _agreement(evidence: Evidence, ulps: float) -> str:
    reason = f"{evidence.compared} numbers in {evidence.cases} cases agree"
    reason += " bit for bit" if evidence.exact else f" within {evidence.worst:.1f} of {ulps:g} ulp"
    if evidence.proved:
        return f"{reason}, on all combinations of basis vectors: being multilinear, it is right for this size"
    if evidence.chance is not None:
        return (
            f"{reason}; other polynomials of degree {evidence.degree}: by a chance of {evidence.chance:.0e}"
        )
    return reason


def traces(one: Flat, flat: Flat, arguments: Call) -> bool:
    """Whether function and backward pass can be traced: if not, they are NumPy."""
    try:
        outputs = jax.eval_shape(flat, *arguments.like)
        jax.eval_shape(one, *arguments.like, *outputs)
    except GradientError:
        return True
    except Exception:
        return False
    return True


def output_shapes(flat: Flat, arguments: Call, host: bool) -> list[Any]:
    """Shapes and dtypes of the outputs."""
    if host:
        return [np.asarray(Z) for Z in flat(*(np.array(x) for x in arguments.like))]
    return list(jax.eval_shape(flat, *arguments.like))


def _output_names(outputs: Sequence[Any]) -> list[str]:
    return ["the output"] if len(outputs) == 1 else [f"output {k}" for k in range(len(outputs))]


def _same_outputs(operation: str, outputs: Sequence[Any], expected: Sequence[Any]) -> None:
    came = ", ".join(f"{x.dtype}{list(x.shape)}" for x in outputs)
    wanted = ", ".join(f"{x.dtype}{list(x.shape)}" for x in expected)
    if came != wanted:
        raise ValueError(
            f"{operation}: the function returns {came}, the reference {wanted}; expected the same"
        )


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """So many of the rows, from all over."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))]


def _basis_rows(like: Sequence[Any], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The rows, and all combinations of zero and basis vectors."""
    choices = np.indices([np.size(x) + 1 for x in like]).reshape(len(like), -1)
    more = []
    for x, choice, row in zip(like, choices, rows, strict=True):
        vectors = np.concatenate([np.zeros((1, np.size(x))), np.eye(np.size(x))])[choice]
        more.append(np.concatenate([row, vectors.reshape(-1, *x.shape).astype(row.dtype)]))
    return more
