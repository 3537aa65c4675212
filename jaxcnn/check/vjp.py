"""check_vjp and check_jvp: does a hand-written derivative agree with that of the reference?"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxcnn.check import rules
from jaxcnn.check.call import Call, argument_names, call
from jaxcnn.check.judge import judge
from jaxcnn.check.problem import Domain, Transformation
from jaxcnn.check.question import EVERY_TRANSFORMATION, Question
from jaxcnn.check.report import Report, Verdict
from jaxcnn.check.rules import Backward, Flat, GradientError


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
    domain: Domain = "infinite",
    transformations: Sequence[Transformation] = EVERY_TRANSFORMATION,
    names: Sequence[str] | None = None,
) -> Report:
    """Compare every cotangent of `fun`, and its output, with those of `reference`.

    Args:
        fun: the function whose reverse-mode rule is in question: it has a `custom_vjp` or `custom_jvp`, or is
            a plain forward pass whose backward pass is `backward`.
        reference: a function of the same inputs with the same outputs; `jax.vjp` of it is the truth, also as
            to the convention at kinks and ties. None: `fun` itself, all custom rules taken out, also JAX's
            own; where it is NumPy, central differences in float64, which leave out kinks.
        inputs: example arguments, pytrees of arrays: they give shape and dtype, the values are drawn; or
            Hypothesis strategies of such, which draw shapes too (`jaxcnn.check.strategies`). Leaves
            that are not floating point (labels, indices, keys) are passed on as they are.
        backward: (inputs, cotangent) → a tuple of gradients, one an argument, in JAX or NumPy. The cotangent
            has the structure of the output; for an argument that is not differentiable anything will do.
        exact: draw integers and demand equality bit for bit. Not exact: draw all kinds of values, evaluate
            the reference in float64, and let rounding explain the difference (`jaxcnn.check.compare`). None:
            trace function, rule and reference (`jaxcnn.check.polynomial`). Polynomials computed without
            rounding are exact, and a bound on the chance of an error is stated; what also compares and
            chooses is checked both ways; all else is not exact. If it is told, no bound is stated. Values
            are aimed at the constants found: told, at single numbers only.
        vary: False: check at the values of `inputs` only; cotangents are drawn.
        cases: how many sets of values to try; large inputs get fewer, 4 at least.
        seed: of the values.
        ulps: how many units of rounding to allow where it is not exact.
        accurate: True: only rounding on the reference's way excuses a difference. False: rounding on the way
            of `fun` as well: its formula may cancel digits that the reference keeps.
        domain: of which inputs the verdict speaks: "finite" ones, also "infinite" ones, or "nan", of all.
            There too the reference is the convention, and where it is finite `fun` has to be. What
            differs at other inputs is but a remark: textbook rules do as they like at a NaN.
        transformations: how to run `fun`: compiled ("jit"), "eager", under "vmap" and in a loop ("scan"); and
            whether the backward pass has the right derivative itself ("second order"). NumPy runs as it is.
            ("scan" differentiates a loop over the function, whose forward and backward passes lie apart.)
            Only "jit" is sure to be compiled. Of small functions the others are traced, or dispatched, by JAX
            and then evaluated in NumPy, as the reference is: what they may get wrong shows in the tracing.
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
    options |= {"accurate": accurate, "domain": domain}
    hypothesis = sys.modules.get("hypothesis")  # without it there are no strategies
    if hypothesis and any(isinstance(x, hypothesis.strategies.SearchStrategy) for x in inputs):
        from jaxcnn.check.strategies import check_strategies

        options |= {"backward": backward, "transformations": transformations, "names": names}
        return check_strategies(fun, reference, *inputs, **options)
    question = reverse_question(
        fun, reference, inputs, backward, names, transformations=transformations, **options
    )
    return question if isinstance(question, Report) else judge(question)


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
    domain: Domain = "infinite",
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
    arguments = call("check_jvp", inputs, argument_names(fun, len(inputs)) if names is None else names)
    flat = arguments.flat(fun)
    try:
        outputs = output_shapes(flat, arguments, host=False)
    except Exception as error:
        return Report(Verdict.FAIL, f"the function raised {type(error).__name__}: {error}")
    primal = rules.stripped(flat) if reference is None else arguments.flat(reference)
    _same_outputs("check_jvp", outputs, output_shapes(primal, arguments, host=False))
    own = _output_names(outputs)
    question = Question(
        operation="check_jvp",
        call=arguments,
        flat=flat,
        one=rules.forward(flat, len(arguments.live)),
        loop=rules.forward(rules.looped(flat), len(arguments.live)),
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
        domain=domain,
        transformations=tuple(transformations),
    )
    return judge(question)


def reverse_question(
    fun: Callable[..., Any],
    reference: Callable[..., Any] | None,
    inputs: Sequence[Any],
    backward: Backward | None,
    names: Sequence[str] | None,
    **options: Any,
) -> Question | Report:
    """What `check_vjp` is to do, or the report if it has come to an end; see there."""
    if not callable(fun):
        raise TypeError(f"check_vjp: fun is a {type(fun).__name__}; expected a function, and its inputs last")
    arguments = call("check_vjp", inputs, argument_names(fun, len(inputs)) if names is None else names)
    flat = arguments.flat(fun)
    one = rules.reverse(flat, len(arguments.live))
    loop = rules.reverse(rules.looped(flat), len(arguments.live))
    host = False
    if backward is not None:
        one = rules.with_backward(arguments, fun, backward)
        loop = rules.looped(one)
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
    return Question(
        operation="check_vjp",
        call=arguments,
        flat=flat,
        one=rules.on_host(one, arguments) if host else one,
        loop=loop,
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
    """`check_vjp`, raising DerivationError, whose message is the report, unless it passes.

    >>> assert_vjp(jnp.tanh, lambda x: 2 * jax.nn.sigmoid(2 * x) - 1, jnp.zeros(3)).evidence.exact
    False
    """
    __tracebackhide__ = True  # pytest shows the report, not this frame
    return check_vjp(fun, reference, *inputs, **options).assert_pass()


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
