"""Which programs are polynomials, of what degree and size; and what must never be called one."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import jaxcnn
from jaxcnn.check.degrees import Kind
from jaxcnn.check.polynomial import analyse, schwartz_zippel
from jaxcnn.derivations.table import DERIVATIONS

X = jnp.zeros((3, 3))
Y = jnp.ones((3, 3))
SINGLE = jnp.zeros((3, 3), jnp.float32)


def with_vjp(function, *live):
    """(…live inputs, …cotangents) → (…outputs, …gradients), and zeros of those inputs."""

    def both(*row):
        outputs, pull = jax.vjp(lambda *x: tuple(jax.tree.leaves(function(*x))), *row[: len(live)])
        return (*outputs, *pull(tuple(row[len(live) :])))

    outputs = jax.tree.leaves(jax.eval_shape(function, *live))
    return both, [*live, *(jnp.zeros(Z.shape, Z.dtype) for Z in outputs)]


def one(function, *inputs, **options):
    """The analysis of a function with one output, and that output's."""
    analysis = analyse(lambda *x: (function(*x),), *inputs, **options)
    (output,) = analysis.outputs
    return analysis, output


# ------------------------------------------------------------------ polynomials


@jax.custom_vjp
def cube(x):
    return x**3


cube.defvjp(lambda x: (x**3, x), lambda x, dy: (3 * x * x * dy,))


@jax.custom_jvp
def twice(x):
    return 2 * x


twice.defjvp(lambda x, t: (twice(*x), twice(*t)))
FIRST = np.array([0, 2])
UPPER = np.triu(np.ones((3, 3), bool))

POLYNOMIALS = {
    "a constant": (lambda x, y: jnp.full((2,), 3.0), (0, 0), 0),
    "the input": (lambda x, y: x, (1, 0), 1),
    "sum": (lambda x, y: x + y - 3, (1, 1), 1),
    "product": (lambda x, y: x * y, (1, 1), 2),
    "elements of one input": (lambda x, y: x[0] * x[1], (2, 0), 2),
    "dyadic constant": (lambda x, y: 0.375 * x, (1, 0), 1),
    "division by 8": (lambda x, y: x / 8, (1, 0), 1),
    "mean of four": (lambda x, y: jnp.mean(x[:2, :2]), (1, 0), 1),
    "power": (lambda x, y: x**5 * y, (5, 1), 6),
    "square": (lambda x, y: jnp.square(x + y), (2, 2), 2),
    "power 0": (lambda x, y: x**0, (0, 0), 0),
    "matrix product": (lambda x, y: x @ y @ x, (2, 1), 3),
    "cumulative sum": (lambda x, y: jnp.cumsum(x * y, axis=1), (1, 1), 2),
    "product of an axis": (lambda x, y: jnp.prod(x, axis=0), (3, 0), 3),
    "pad": (lambda x, y: jnp.pad(x, 1) * jnp.pad(y, 1, constant_values=2), (1, 1), 2),
    "moves": (lambda x, y: jnp.concatenate([x.T[::-1], y]).reshape(2, 9)[:, 1:4], (1, 1), 1),
    "tiles": (lambda x, y: jnp.tile(jnp.stack([x, x]), 2), (1, 0), 1),
    "constant mask": (lambda x, y: jnp.where(UPPER, x, y * y), (1, 2), 2),
    "constant gather": (lambda x, y: x[FIRST], (1, 0), 1),
    "constant scatter": (lambda x, y: x.at[FIRST].set(y[:2] ** 2), (1, 2), 2),
    "scatter that meets": (lambda x, y: x.at[np.array([1, 1])].add(y[:2]), (1, 1), 1),
    "constant slice": (lambda x, y: lax.dynamic_slice(x, (1, 1), (2, 2)), (1, 0), 1),
    "update": (lambda x, y: lax.dynamic_update_slice(x, y[:1], (1, 0)), (1, 1), 1),
    "window sum": (lambda x, y: lax.reduce_window(x, 0.0, lax.add, (2, 2), (1, 1), "VALID"), (1, 0), 1),
    "einsum": (lambda x, y: jnp.einsum("ij,kj->ik", x, y), (1, 1), 2),
    "correlation": (lambda x, y: lax.conv(x[None, None], y[None, None], (1, 1), "SAME"), (1, 1), 2),
    "jit": (jax.jit(lambda x, y: x * y), (1, 1), 2),
    "custom_vjp": (lambda x, y: cube(x), (3, 0), 3),
    "custom_jvp": (lambda x, y: twice(x) * y, (1, 1), 2),
    "gradient of custom_vjp": (lambda x, y: jax.vjp(cube, x)[1](y)[0], (2, 1), 3),
    "checkpoint": (jax.checkpoint(lambda x, y: x * y), (1, 1), 2),
    "gradient of checkpoint": (lambda x, y: jax.vjp(jax.checkpoint(lambda x: x**3), x)[1](y)[0], (2, 1), 3),
    "map": (lambda x, y: lax.map(lambda r: r[0] * r[1], (x, y)), (1, 1), 2),
    "short loop": (lambda x, y: lax.fori_loop(0, 3, lambda i, z: z * x, y), (3, 1), 4),
    "carried constant": (
        lambda x, y: lax.scan(lambda k, r: (k + 1, k * r), jnp.float64(0), x, reverse=True),
        (1, 0),
        1,
    ),
    "constant branch": (lambda x, y: lax.cond(UPPER[0, 0], lambda: x * y, lambda: jnp.exp(x)), (1, 1), 2),
    "constant computation": (lambda x, y: x * jnp.round(4 * jnp.exp(jnp.float64(0))), (1, 0), 1),
    "constant loop": (lambda x, y: x * lax.while_loop(lambda k: k < 7, lambda k: k + 2, 1.0), (1, 0), 1),
    "clamped to one": (lambda x, y: y * lax.clamp(1, (x > 0).astype(int), 1).astype(y.dtype), (0, 1), 1),
    "barrier": (lambda x, y: lax.optimization_barrier((x, y * y))[0], (1, 0), 1),
    "single in double": (lambda x, y: (x.astype(jnp.float32) * 3).astype(jnp.float64) * y, (1, 1), 2),
}


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials_and_their_degrees(name):
    function, degrees, degree = POLYNOMIALS[name]
    outputs = analyse(lambda x, y: tuple(jax.tree.leaves(function(x, y))), X, Y).outputs
    assert (outputs[-1].kind, outputs[-1].reason) == (Kind.POLYNOMIAL, "")
    assert (outputs[-1].degrees, outputs[-1].degree) == (degrees, degree)


def test_a_scan_in_reverse_takes_and_stacks_constants_in_its_order():
    def digits(x):
        return lax.scan(lambda k, row: (10 * k + row[1], k), 0.0, (x, jnp.arange(1.0, 4.0)), reverse=True)

    found = analyse(lambda x: (x * digits(x)[0], x * digits(x)[1][0]), jnp.zeros(3))
    assert [(output.degree, output.largest) for output in found.outputs] == [(1, 4 * 321), (1, 4 * 32)]


def test_a_scan_of_no_steps():
    assert one(lambda x: lax.map(lambda row: 0.0 * x + 2, jnp.zeros(0)), X)[0].degree == 0


def test_what_has_effects_is_not_run():
    called = []

    def talks(x):
        jax.debug.callback(called.append, 1)
        return x

    assert one(talks, X)[0].kind is Kind.POLYNOMIAL
    jax.effects_barrier()
    assert not called


def test_the_layers_are_linear_in_each_argument():
    A, W, b = jnp.zeros((2, 5, 5, 4)), jnp.zeros((3, 3, 2, 6)), jnp.zeros(6)
    forms = {
        "conv": with_vjp(lambda A, W, b: jaxcnn.conv(A, W, b, stride=2, padding="SAME", groups=2), A, W, b),
        "dense": with_vjp(jaxcnn.dense, jnp.zeros((4, 3)), jnp.zeros((3, 2)), jnp.zeros(2)),
    }
    for function, inputs in forms.values():
        found = analyse(function, *inputs)
        assert found.kind is Kind.POLYNOMIAL
        assert [output.degrees for output in found.outputs] == [
            (1, 1, 1, 0),  # Z = A W + b
            (0, 1, 0, 1),  # dA of W and dZ
            (1, 0, 0, 1),
            (0, 0, 0, 1),
        ]
        assert (found.degree, found.linear_in) == (2, frozenset(range(4)))


def test_linear_in_names_the_arguments_of_degree_one():
    assert analyse(lambda x, y: (x * y, y + x**2), X, Y).linear_in == {1}
    assert analyse(lambda x, k: (x[k],), X, FIRST).linear_in == {0}
    assert analyse(lambda x, y: (x, jnp.abs(y)), X, Y).linear_in == frozenset()


EXACT = [derivation for derivation in DERIVATIONS if derivation.exact]


@pytest.mark.parametrize("derivation", EXACT, ids=lambda d: d.name)
@settings(max_examples=2)
@given(data=st.data())
def test_what_is_declared_exact_is_exact(derivation, data):
    case = data.draw(derivation.cases)
    live = [k for k, x in enumerate(case.inputs) if x.dtype.kind == "f"]
    kinds = []
    for function in (derivation.operation, derivation.oracle):

        def on_live(*values, function=function):
            full = list(case.inputs)
            for k, value in zip(live, values, strict=True):
                full[k] = value
            return function(*full, **case.keywords)

        both, inputs = with_vjp(on_live, *(jnp.asarray(case.inputs[k]) for k in live))
        found = analyse(both, *inputs)
        assert found.kind <= Kind.PIECEWISE, found.reason
        kinds.append((found.kind, found.degree))
    assert kinds[0] == kinds[1]


# ------------------------------------------------------------------ what is none


NOT_POLYNOMIALS = {
    "relu": (jax.nn.relu, Kind.PIECEWISE, "max"),
    "abs": (jnp.abs, Kind.PIECEWISE, "abs"),
    "sign": (jnp.sign, Kind.PIECEWISE, "sign"),
    "floor": (jnp.floor, Kind.PIECEWISE, "floor"),
    "to integers": (lambda x: x.astype(jnp.int32), Kind.PIECEWISE, "convert_element_type"),
    "where": (lambda x: jnp.where(x > 0, x, x * x), Kind.PIECEWISE, "select_n"),
    "clip": (lambda x: jnp.clip(x, -2, 6), Kind.PIECEWISE, "max"),
    "sort": (jnp.sort, Kind.PIECEWISE, "sort"),
    "largest": (lambda x: jnp.max(x, axis=0), Kind.PIECEWISE, "reduce_max"),
    "larger by larger": (
        lambda x: lax.reduce(x, np.zeros((), x.dtype), lambda a, b: jnp.where(b > a, b, a), [0]),
        Kind.PIECEWISE,
        "reduce",
    ),
    "mean by mean": (
        lambda x: lax.reduce(x, np.zeros((), x.dtype), lambda a, b: (a + b) / 2, [0]),
        Kind.INEXACT,
        "reduce",
    ),
    "place of the largest": (lambda x: jnp.argmax(x, axis=0), Kind.PIECEWISE, "argmax"),
    "top": (lambda x: lax.top_k(x, 2)[0], Kind.PIECEWISE, "top_k"),
    "index from the data": (lambda x: x[jnp.argmax(x[0])], Kind.PIECEWISE, "dynamic_slice"),
    "a constant's element": (lambda x: jnp.arange(3.0)[jnp.argmax(x[0])], Kind.PIECEWISE, "dynamic_slice"),
    "indices from the data": (lambda x: x[jnp.argmax(x, axis=1)], Kind.PIECEWISE, "gather"),
    "update by the data": (lambda x: x.at[jnp.argmax(x[0])].set(x[0]), Kind.PIECEWISE, "scatter"),
    "sum by the data": (lambda x: x.at[jnp.argmax(x[0])].add(x[0]), Kind.PIECEWISE, "scatter-add"),
    "branch": (lambda x: lax.cond(x[0, 0] > 0, lambda: x, lambda: -x), Kind.PIECEWISE, "cond"),
    "window": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (1, 1), "VALID"),
        Kind.PIECEWISE,
        "reduce_window_max",
    ),
    "gradient of a window": (
        jax.grad(lambda x: jnp.sum(lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (1, 1), "VALID"))),
        Kind.PIECEWISE,
        "select_and_scatter_add",
    ),
    "clamp": (lambda x: lax.clamp(1.0, x, 1.0), Kind.PIECEWISE, "clamp"),  # NaN stays NaN
    "infinity": (lambda x: jnp.pad(x, 1, constant_values=-jnp.inf), Kind.PIECEWISE, "infinite"),
    "outside": (lambda x: x.at[np.array([1, 5])].get(mode="fill"), Kind.PIECEWISE, "gather outside"),
    "sets that meet": (lambda x: x.at[np.array([1, 1])].set(x[:2]), Kind.PIECEWISE, "scatter"),
    "fewer bits": (lambda x: lax.reduce_precision(x, 11, 10), Kind.INEXACT, "reduce_precision"),
    "0.1": (lambda x: 0.1 * x, Kind.INEXACT, "mul: 0.1 is not a small integer"),
    "0.1 in an array": (lambda x: x + jnp.array([1.0, 0.1, 2.0])[:, None] * Y, Kind.INEXACT, "add: 0.1"),
    "0.1 in a matrix": (lambda x: x @ (Y * 0.1), Kind.INEXACT, "dot_general: 0.1"),
    "0.1 in a branch": (lambda x: lax.cond(x[0, 0] > 0, lambda: x, lambda: 0.1 * x), Kind.INEXACT, "0.1"),
    "0.1 in a custom_vjp": (lambda x: lied(x), Kind.INEXACT, "mul: 0.1"),
    "0.1 in its backward pass": (lambda x: jax.vjp(lied_about, x)[1](x)[0], Kind.INEXACT, "mul: 0.1"),
    "x / 3": (lambda x: x / 3, Kind.INEXACT, "div by 3"),
    "mean of nine": (jnp.mean, Kind.INEXACT, "div by 9"),
    "1 / x": (lambda x: 1 / x, Kind.INEXACT, "div by what depends on the inputs"),
    "exp": (jnp.exp, Kind.INEXACT, "exp"),
    "tanh": (jnp.tanh, Kind.INEXACT, "tanh"),
    "root": (lambda x: jnp.sqrt(x * x), Kind.INEXACT, "sqrt"),
    "pow": (lambda x: jnp.power(x, 2.5), Kind.INEXACT, "pow"),
    "negative power": (lambda x: lax.integer_pow(x, -2), Kind.INEXACT, "integer_pow"),
    "chosen by exp": (lambda x: jnp.where(jnp.exp(x) > 2, x, -x), Kind.INEXACT, "exp"),
    "applied": (lambda x: x.at[0].apply(jnp.exp), Kind.INEXACT, "scatter with a function"),
    "multiplied in place": (lambda x: x.at[0].mul(x[1]), Kind.INEXACT, "scatter-mul"),
    "while": (
        lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2), (0, x))[1],
        Kind.INEXACT,
        "while",
    ),
    "long scan": (lambda x: lax.fori_loop(0, 10_000, lambda i, z: z + x, x), Kind.INEXACT, "scan of 10000"),
    "callback": (
        lambda x: jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct((3, 3), jnp.float64), x),
        Kind.INEXACT,
        "pure_callback",
    ),
    "bits of an integer": (lambda x: jnp.argmax(x) & 1, Kind.INEXACT, "and of int64"),
    "below an unsigned 0": (lambda x: (x > 0).astype(jnp.uint8) - jnp.uint8(1), Kind.INEXACT, "sub of uint8"),
    "products of bfloat16": (
        lambda x: lax.dot(x.astype(jnp.float32), x.astype(jnp.float32), precision="BF16_BF16_F32"),
        Kind.INEXACT,
        "dot_general with",
    ),
    "bits": (lambda x: lax.bitcast_convert_type(x, jnp.int64), Kind.INEXACT, "bitcast_convert_type"),
    "fft": (lambda x: jnp.fft.fft(x).real, Kind.INEXACT, "complex"),
}


@jax.custom_vjp
def lied(x):
    return 0.1 * x


lied.defvjp(lambda x: (x, x), lambda x, dy: (dy,))


@jax.custom_vjp
def lied_about(x):
    return x


lied_about.defvjp(lambda x: (x, x), lambda x, dy: (0.1 * dy,))


@pytest.mark.parametrize("name", NOT_POLYNOMIALS)
def test_what_is_no_polynomial_is_not_called_one(name):
    function, kind, reason = NOT_POLYNOMIALS[name]
    analysis, output = one(function, X)
    assert (analysis.kind, output.degree, output.degrees) == (kind, None, ())
    assert reason in analysis.reason


def test_complex_inputs_are_inexact():
    analysis, _ = one(lambda z: z * z, jnp.zeros(2, complex))
    assert (analysis.kind, analysis.reason) == (Kind.INEXACT, "complex numbers")


def test_one_bad_output_leaves_the_others():
    found = analyse(lambda x: (x, jnp.abs(x), jnp.exp(x), x * x), X)
    assert [output.kind.name for output in found.outputs] == [
        "POLYNOMIAL",
        "PIECEWISE",
        "INEXACT",
        "POLYNOMIAL",
    ]
    assert (found.kind, found.reason, found.degree) == (Kind.INEXACT, "exp", None)


# ------------------------------------------------------------------ sizes


@pytest.mark.parametrize(
    ("function", "largest"),
    [
        (lambda x: x, 4),
        (lambda x: x - 0.5, 4.5),
        (lambda x: x @ x, 48),
        (lambda x: jnp.sum(x), 36),
        (lambda x: jnp.sum(x / 8, axis=0), 1.5),
        (lambda x: x - x, 8),
        (lambda x: jnp.zeros((3, 3)).at[np.array([1, 1, 2])].add(x), 8),
        (lambda x: jnp.concatenate([x, jnp.full((1, 3), 0.25)]), 4),
        (lambda x: (x / 8) ** 3, 0.125),
        (lambda x: x / jnp.array([[1.0, 8, 2]]), 4),
        (lambda x: lax.conv(x[None, None], jnp.stack([x[None], x[None]]), (1, 1), "VALID"), 9 * 16),
        (lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 2), (1, 1), "VALID"), 16),
        (lambda x: x.at[jnp.argmax(x, axis=1)].get(mode="fill", fill_value=100), 100),
        (lambda x: jnp.argmax(x).astype(jnp.uint8), 255),
        (lambda x: jnp.argmax(x), 9),
        (lambda x: jnp.where(x > 0, x, 2 * x), 8),
        (lambda x: jnp.floor(x / 8), 1),
    ],
)
def test_sizes(function, largest):
    _, output = one(function, X)
    assert output.largest == largest


@pytest.mark.parametrize("step", [lambda x: 0.1 * x, lambda x: x @ (Y * 0.1), lambda x: x / 3])
def test_a_constant_that_is_not_dyadic_is_inexact_however_small_the_inputs(step):
    """0.1 · 1 is not rounded, but what comes after is."""
    assert one(step, X, magnitude=1)[0].kind is Kind.INEXACT


def test_a_sum_that_overflows_the_mantissa_is_inexact():
    x = jnp.zeros(2**22, jnp.float32)
    analysis, _ = one(jnp.sum, x, magnitude=4)
    assert analysis.kind is Kind.INEXACT
    assert "do not fit float32" in analysis.reason
    assert one(jnp.sum, x, magnitude=2)[0].kind is Kind.POLYNOMIAL
    assert one(jnp.sum, x.astype(jnp.float64))[0].kind is Kind.POLYNOMIAL


def test_a_partial_sum_that_overflows_counts_though_it_cancels():
    """2^24 + 1 − 2^24 is 0 in float32."""
    analysis, _ = one(lambda x: (x * 2.0**24 + x) - x * 2.0**24, SINGLE, magnitude=1)
    assert analysis.kind is Kind.INEXACT


@pytest.mark.parametrize(("dtype", "size"), [(jnp.bfloat16, 256), (jnp.float16, 2048), (jnp.float32, 2**24)])
def test_each_dtype_has_its_mantissa(dtype, size):
    x = jnp.zeros(1, dtype)
    assert one(lambda x: x + x, x, magnitude=size // 2 - 1)[0].kind is Kind.POLYNOMIAL
    assert one(lambda x: x + x, x, magnitude=size // 2 + 1)[0].kind is Kind.INEXACT
    narrowed = one(lambda x: x.astype(dtype), jnp.zeros(1), magnitude=size + 1)
    assert narrowed[0].kind is Kind.INEXACT


@pytest.mark.parametrize(
    ("inside", "narrows"), [(jnp.bfloat16, True), (jnp.float32, False), (jnp.int8, False)]
)
def test_a_dtype_narrower_than_every_input_is_told(inside, narrows):
    wide, narrow = jnp.zeros(1, jnp.float32), jnp.zeros(1, jnp.bfloat16)
    assert one(lambda x: x.astype(inside).astype(x.dtype), wide)[0].narrows is narrows
    assert not analyse(lambda x, y: (x.astype(inside), y), wide, narrow).narrows


def test_float16_overflows_before_its_mantissa_does():
    x = jnp.zeros(1, jnp.float16)
    assert one(lambda x: x * 2.0**13, x, magnitude=7)[0].kind is Kind.POLYNOMIAL
    assert "float16" in one(lambda x: x * 2.0**13, x, magnitude=8)[0].reason
    assert one(lambda x: x * 2.0**-14, x)[0].kind is Kind.POLYNOMIAL
    assert one(lambda x: x * 2.0**-14 * 0.5, x)[0].kind is Kind.INEXACT


def test_the_grid_is_as_fine_as_the_largest_divisor_and_no_finer_than_needed():
    x = jnp.zeros(2, jnp.float16)
    assert one(lambda x: x / jnp.array([1.0, 1024], jnp.float16), x, magnitude=1000)[0].kind is Kind.INEXACT
    assert one(lambda x: jnp.pad(1024 * x, 1) + 1024, x, magnitude=50)[0].kind is Kind.POLYNOMIAL


def test_a_matrix_product_that_accumulates_wider():
    x = jnp.zeros((2, 64), jnp.bfloat16)
    assert one(lambda x: lax.dot(x, x.T), x)[0].kind is Kind.INEXACT
    wide = one(lambda x: lax.dot(x, x.T, preferred_element_type=jnp.float32), x)
    assert wide[0].kind is Kind.POLYNOMIAL


def test_off_the_cpu_a_matrix_product_may_round_its_operands(monkeypatch):
    large = {"magnitude": 1000}
    assert one(lambda x: x @ x, SINGLE, **large)[0].kind is Kind.POLYNOMIAL
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert "bfloat16" in one(lambda x: x @ x, SINGLE, **large)[0].reason
    assert one(lambda x: x @ x, SINGLE, magnitude=4)[0].kind is Kind.POLYNOMIAL
    exact = one(lambda x: jnp.matmul(x, x, precision="highest"), SINGLE, **large)
    assert exact[0].kind is Kind.POLYNOMIAL


# ------------------------------------------------------------------ random programs

MATRIX = np.array([[1, 2, 1], [1, 1, 3], [2, 1, 1]])
POSITIVE = {
    "add": lambda xp, a, b: a + b,
    "mul": lambda xp, a, b: a * b,
    "scale": lambda xp, a, b: a * xp.asarray([0.5, 3.0, 0.25]),
    "shift": lambda xp, a, b: a + xp.asarray([1.0, 0.5, 2.0]),
    "rev": lambda xp, a, b: a[::-1] + b,
    "cumsum": lambda xp, a, b: xp.cumsum(a),
    "mix": lambda xp, a, b: xp.asarray(MATRIX * 1.0) @ a,
    "sum": lambda xp, a, b: xp.sum(a) * b,
    "square": lambda xp, a, b: a**2,
}
ANY = {
    **POSITIVE,
    "sub": lambda xp, a, b: a - b,
    "neg": lambda xp, a, b: -a,
    "part": lambda xp, a, b: xp.concatenate([a[1:], b[:1]]),
    "mask": lambda xp, a, b: xp.where(np.array([True, False, True]), a, b),
    "pick": lambda xp, a, b: a[np.array([2, 2, 0])],
}


class Fractions:
    """As much of NumPy as the programs need, on arrays of fractions."""

    concatenate = staticmethod(np.concatenate)
    cumsum = staticmethod(np.cumsum)
    sum = staticmethod(np.sum)
    where = staticmethod(np.where)

    @staticmethod
    def asarray(numbers):
        return np.vectorize(Fraction, otypes=[object])(numbers)


def programs(steps):
    """Lists of (operation, operand, operand); an operand is counted back from the latest result."""
    return st.lists(
        st.tuples(st.sampled_from(sorted(steps)), st.integers(0, 3), st.integers(0, 3)),
        min_size=3,
        max_size=7,
    )


def run(program, xp, *inputs):
    values = list(inputs)
    for name, a, b in program:
        values.append(ANY[name](xp, values[-1 - a % len(values)], values[-1 - b % len(values)]))
    return values[-1]


def differences(program, start, direction, degree):
    """The differences of that order along a line, exactly."""
    total = 0
    for t in range(degree + 1):
        point = [Fractions.asarray(p + t * u) for p, u in zip(start, direction, strict=True)]
        total = total + (-1) ** (degree - t) * math.comb(degree, t) * run(program, Fractions, *point)
    return total


MANY = settings(max_examples=max(60, settings().max_examples))
ROWS = st.lists(st.integers(-4, 4), min_size=3, max_size=3).map(np.array)
EXTREME = st.lists(st.sampled_from((-4, 4)), min_size=3, max_size=3).map(np.array)
ZERO = np.zeros(3, int)


@MANY
@given(programs(ANY), ROWS, ROWS, ROWS, ROWS)
def test_no_degree_is_too_small(program, x, y, u, v):
    _, output = one(lambda x, y: run(program, jnp, x, y), jnp.zeros(3), jnp.zeros(3))
    if output.kind is not Kind.POLYNOMIAL:  # the numbers grew too large
        return
    for degree, line in zip((output.degree, *output.degrees), ((u, v), (u, ZERO), (ZERO, v)), strict=True):
        assert not np.any(differences(program, (x, y), line, degree + 1))


@MANY
@given(programs(POSITIVE))
def test_nor_too_large_where_nothing_cancels(program):
    _, output = one(lambda x, y: run(program, jnp, x, y), jnp.zeros(3), jnp.zeros(3), magnitude=1)
    if output.kind is not Kind.POLYNOMIAL:
        return
    up = np.array([1, 2, 1])
    for degree, line in zip(
        (output.degree, *output.degrees), ((up, up), (up, ZERO), (ZERO, up)), strict=True
    ):
        assert np.any(differences(program, (up, up), line, degree))


@MANY
@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
@given(programs(ANY), EXTREME | ROWS, EXTREME | ROWS)
def test_polynomials_are_computed_without_rounding_and_within_bounds(dtype, program, x, y):
    zeros = jnp.zeros(3, dtype)

    class Namespace:
        """jax.numpy whose constants have the dtype of the inputs."""

        concatenate, cumsum, sum, where = jnp.concatenate, jnp.cumsum, jnp.sum, jnp.where

        @staticmethod
        def asarray(numbers):
            return jnp.asarray(numbers, dtype)

    def function(x, y):
        return run(program, Namespace, x, y)

    _, output = one(function, zeros, zeros)
    if output.kind is not Kind.POLYNOMIAL:
        assert "do not fit" in output.reason
        return
    got = np.asarray(function(jnp.asarray(x, dtype), jnp.asarray(y, dtype)), np.float64)
    truth = run(program, Fractions, Fractions.asarray(x), Fractions.asarray(y))
    assert [Fraction(z) for z in got] == list(truth)
    assert max(map(abs, truth)) <= output.largest


# ------------------------------------------------------------------ literals and the bound


@pytest.mark.parametrize(
    ("function", "literals"),
    [
        (lambda x: jnp.minimum(jnp.maximum(x, 0.0), 6.0), {0.0, 6.0}),
        (lambda x: jnp.where(x > -0.01, x, 1.05), {-0.01, 1.05}),
        (lambda x: jnp.exp(x) - 0.75, {0.75}),
        (lambda x: lax.clamp(-3.0, x, 2.0), {-3.0, 2.0}),
        (lambda x: x * 7.0, set()),
        (lambda x: jnp.tile(x, (11, 3)) + jnp.arange(99.0).reshape(33, 3).repeat(3, axis=1), set()),
        (lambda x: lax.cond(jnp.exp(x[0, 0]) > 2.5, lambda: x - 1.5, lambda: x), {1.5, 2.5}),
        (lambda x: jnp.maximum(x, -jnp.inf), set()),
        (jax.jit(lambda x: x + (0.5 + 0.25)), {0.75}),
    ],
)
def test_literals_are_mined(function, literals):
    assert set(one(function, X)[0].literals) == literals


def test_the_bound_is_attained_by_a_polynomial_with_all_its_roots_in_the_set():
    numbers = np.arange(-4, 5)
    product = np.prod([numbers - root for root in (-4, 0, 3)], axis=0)
    assert schwartz_zippel(3, len(numbers), 1) == np.mean(product == 0)
    assert schwartz_zippel(3, 9, 5) == pytest.approx((1 / 3) ** 5)


def test_the_bound_of_what_says_nothing_and_of_constants():
    assert schwartz_zippel(9, 9, 40) == schwartz_zippel(12, 9, 40) == schwartz_zippel(2, 9, 0) == 1.0
    assert schwartz_zippel(0, 9, 1) == 0.0


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="magnitude is 0; expected a positive integer"):
        analyse(lambda x: (x,), X, magnitude=0)
    with pytest.raises(ValueError, match="are 2, 0, 1; expected no negative number"):
        schwartz_zippel(2, 0, 1)
