"""What NumPy makes of every primitive, against jax itself: also at zeros, infinities, NaN, out of bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcnn.check.host import _RULES, Program, compute

X = np.array([[0.5, -1.25, 2.0], [3.0, 0.25, -0.75]], np.float32)
EDGES = np.array([0.0, -0.0, 1.0, -2.5, 0.5, 1.5, 300.0, np.inf, -np.inf, np.nan], np.float32)
INTEGERS = np.array([0, 1, -7, 5, 2, -3], np.int32)
SIX = X.ravel()
SINGLE = jnp.float32(0.5)
PLACES = np.array([[1], [0], [5], [-1]], np.int32)

UNARY = [
    *(lax.abs, lax.acos, lax.acosh, lax.asin, lax.asinh, lax.atan, lax.atanh, lax.cbrt, lax.ceil, lax.cos),
    *(
        lax.cosh,
        lax.erf,
        lax.erfc,
        lax.exp,
        lax.exp2,
        lax.expm1,
        lax.floor,
        lax.is_finite,
        lax.log,
        lax.log1p,
    ),
    *(lax.logistic, lax.neg, lax.rsqrt, lax.sign, lax.sin, lax.sinh, lax.sqrt, lax.square, lax.tan, lax.tanh),
]
BINARY = [
    *(lax.add, lax.atan2, lax.div, lax.eq, lax.ge, lax.gt, lax.le, lax.lt, lax.max, lax.min, lax.mul, lax.ne),
    *(lax.nextafter, lax.pow, lax.rem, lax.sub),
]
FEW = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,))
LAST = lax.GatherDimensionNumbers(offset_dims=(0, 1), collapsed_slice_dims=(), start_index_map=(1,))
INTO = lax.ScatterDimensionNumbers(
    update_window_dims=(1,), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
)


def gathered(numbers, sizes, mode):
    return lambda x, at: lax.gather(x, at, numbers, sizes, mode=mode)


def scattered(function, mode):
    return lambda x, at, updates: function(x, at, updates, INTO, mode=mode)


def padded(x, *config):
    return lax.pad(x, jnp.float32(9), config)


def in_a_loop(x):
    start = jnp.zeros(3, x.dtype)
    state, rows = lax.scan(lambda s, row: (s + row, (s * row, row[0])), start, x, reverse=True)
    return state, *rows


CASES = {
    **{f.__name__: (f, EDGES) for f in UNARY},
    **{f.__name__: (f, np.repeat(EDGES, len(EDGES)), np.tile(EDGES, len(EDGES))) for f in BINARY},
    **{
        f"{f.__name__} of integers": (f, np.repeat(INTEGERS, 6), np.tile(INTEGERS, 6))
        for f in (lax.add, lax.div, lax.rem, lax.max, lax.bitwise_and, lax.bitwise_or, lax.bitwise_xor)
    },
    "not": (lax.bitwise_not, np.array([True, False])),
    "slope of tanh": (lambda x: jax.vjp(jnp.tanh, x)[1](jnp.ones_like(x)), X / 4),
    "integer_pow": (lambda x: (x**3, lax.integer_pow(x, -2)), EDGES),
    "round": (lambda x: (jnp.round(x), lax.round(x)), EDGES),
    "clamp": (lambda x: lax.clamp(jnp.float32(-1), x, jnp.float32(1)), EDGES),
    "select_n": (lambda i, x: (jnp.where(i > 0, x, -x), lax.select_n(abs(i) % 3, x, -x, x)), INTEGERS, SIX),
    "to integers": (lambda x: x.astype(jnp.int32), np.array([1.9, -1.9, 3e9, -3e9, np.nan], np.float32)),
    "to floats": (lambda i: (i.astype(jnp.float32), i > 0, (i > 0).astype(jnp.float32)), INTEGERS),
    "shapes": (lambda x: (x.T, x.reshape(3, 2), x[:, None], x[::-1], x[0:2:2, 1:], jnp.tile(x, 2)), X),
    "squeeze": (lambda x: (lax.squeeze(x[:1], (0,)), lax.expand_dims(x, (1,)), lax.copy_p.bind(x)), X),
    "broadcast_in_dim": (lambda x: lax.broadcast_in_dim(x, (3, 2, 4, 3), (1, 3)), X),
    "concatenate": (lambda x: (jnp.concatenate([x, x], 1), jnp.stack([x, x], 1), *jnp.split(x, [1], 1)), X),
    "unstack": (lambda x: jnp.unstack(x, axis=1), X),
    "pad": (lambda x: (padded(x, (1, 2, 1), (-1, 0, 2)), padded(x, (-1, -1, 0), (0, -2, 1))), X),
    "iota": (lambda x: x + lax.broadcasted_iota(jnp.float32, (2, 3), 1), X),
    "reductions": (lambda x: (x.sum(0), x.max(), x.min(1), x.prod(1), (x > 0).all(0), (x > 0).any(1)), X),
    "reductions of edges": (lambda x: (x.max(), x.min(), x[:4].sum(), x[:0].max(initial=-jnp.inf)), EDGES),
    "argmax": (lambda x: (x.argmax(1), x.argmin(0)), X),
    "argmax of NaN": (lambda x: (x.argmax(), x.argmin(), x[:2].argmax()), EDGES),
    "cumulative": (lambda x: (lax.cumsum(x, 1, True), lax.cumprod(x, 0), lax.cummax(x, 1), lax.cummin(x)), X),
    "dot_general": (lambda x: (x @ x.T, jnp.einsum("ij,kj->", x, x), jnp.einsum("ij,ij->i", x, x)), X),
    "dot_general, batched": (lambda x: jnp.einsum("bij,jbk->bik", x.reshape(2, 1, 3), x.T[:, :, None]), X),
    "dot_general of nothing": (lambda x: x[:, :0] @ x[:0], np.ones((2, 2), np.float32)),
    "sort": (lambda x: (lax.sort(x), *lax.sort((x, jnp.arange(10)), num_keys=1)), EDGES),
    "gather, filled": (gathered(FEW, (1, 3), "fill"), X, PLACES),
    "gather, clipped": (gathered(FEW, (1, 2), "clip"), X, PLACES),
    "gather of windows": (gathered(LAST, (2, 2), "clip"), X, PLACES),
    "gather of integers": (lambda i, at: i.at[at].get(mode="fill"), INTEGERS, PLACES + 4),
    "gather, batched": (jax.vmap(lambda x, i: x[i]), X, np.array([[2, 0], [1, 1]])),
    "scatter": (scattered(lax.scatter, "drop"), X, PLACES, np.arange(12, dtype=np.float32).reshape(4, 3)),
    "scatter_add": (scattered(lax.scatter_add, "drop"), X, np.abs(PLACES), np.ones((4, 3), np.float32)),
    "scatter_mul": (scattered(lax.scatter_mul, "clip"), X, PLACES, np.full((4, 2), 3, np.float32)),
    "scatter_max": (scattered(lax.scatter_max, "drop"), X, PLACES, np.ones((4, 3), np.float32)),
    "scatter_min": (scattered(lax.scatter_min, "drop"), X, PLACES, np.ones((4, 3), np.float32)),
    "scatter, batched": (jax.vmap(lambda x, i: x.at[i].add(x[:2])), X, np.array([[2, 0], [1, 1]])),
    "dynamic_slice": (lambda x, i: lax.dynamic_slice(x, (i[3], i[2]), (1, 2)), X, INTEGERS),
    "dynamic_update_slice": (lambda x, i: lax.dynamic_update_slice(x, x[:1, :2], (i[3], i[2])), X, INTEGERS),
    "barrier": (lambda x: lax.optimization_barrier((x, 2 * x)), X),
    "stop_gradient": (lambda x: jax.vjp(lambda y: y * lax.stop_gradient(y) + y, x)[1](x), X),
    "scan": (in_a_loop, X),
    "scan of nothing": (in_a_loop, X[:0]),
    "cond": (lambda x: lax.cond(x[0, 0] > 0, lambda y: y + 1, lambda y: y - 1, x), X),
    "switch": (lambda x, i: lax.switch(i[2], [lambda y: y, lambda y: -y], x), X, INTEGERS),
    "calls": (lambda x: jax.checkpoint(jax.jit(jax.nn.relu))(x), X),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_numpy_gives_what_jax_gives(case):
    function, *inputs = CASES[case]
    program = Program(function, inputs)
    assert program.can_run()
    expected = jax.tree.leaves(jax.jit(function)(*inputs))
    got = program.run(inputs)
    for a, b in zip(got, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=4e-6, atol=1e-37)
        assert np.array_equal(np.isposinf(a), np.isposinf(b))


def primitives(jaxpr):
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from primitives(inner)


def test_every_rule_is_tried():
    tried = {name for f, *x in CASES.values() for name in primitives(Program(f, x).traced.jaxpr)}
    newer = {"stack", "unstack", "one_minus_square"}  # made of other primitives before JAX 0.12
    assert set(_RULES) - (newer if jax.__version_info__ < (0, 12) else set()) <= tried


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (lambda x: lax.conv(x[None, None], x[None, None], (1, 1), "SAME"), [X]),
        (lambda x: x * jnp.sin(SINGLE).astype(x.dtype), [X.astype(np.float64)]),
        (lambda x: x, [X.astype(jnp.bfloat16)]),
        (lambda x: lax.sort((x, x), num_keys=2)[0], [X]),
        (lambda x: lax.while_loop(lambda y: y.sum() < 9, lambda y: y + 1, x), [X]),
        (lambda x: lax.scan(lambda s, _: (s + 1, None), x, None, 100_000)[0], [X]),
        (lambda x: jnp.broadcast_to(x[0, 0], (5000, 5000)), [X]),
    ],
    ids=["unknown", "narrow constants", "bfloat16", "two keys", "unbounded", "too long", "too large"],
)
def test_what_it_does_not_run(function, inputs):
    assert not Program(lambda x: function(2 * x), inputs).can_run()


def test_so_many_runs_are_better_compiled():
    program = Program(lambda x: x + 1, [X])
    assert program.can_run(10_000)
    assert not program.can_run(50_000)


def test_again_is_the_same_function():
    program = Program(lambda x: (jnp.sin(x), x.sum()), [X])
    for a, b in zip(jax.jit(program.again)(X), program.run([X]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_an_equation_without_a_rule_is_left_to_jax():
    (equation,) = jax.make_jaxpr(lax.digamma)(jnp.float32(2.0)).eqns
    assert compute(equation, [jnp.float32(2.0)]) == [lax.digamma(jnp.float32(2.0))]
