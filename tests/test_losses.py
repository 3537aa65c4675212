import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.check import Verdict, check_vjp
from jaxcnn.losses import (
    binary_cross_entropy_with_logits,
    huber,
    softmax_cross_entropy,
    squared_error,
)
from jaxcnn.oracles import losses as oracles
from jaxcnn.softmaxes import log_softmax, softmax

ELEMENTWISE = {loss.__name__: loss for loss in (squared_error, binary_cross_entropy_with_logits, huber)}
DTYPES = [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64]
INF = jnp.inf


def labels(*values):
    return jnp.array(values, jnp.int32)


def close(got, expected, ulps=16):
    np.testing.assert_allclose(got, expected, rtol=ulps * float(jnp.finfo(got.dtype).eps), atol=0)


def normal(*shape, seed=0):
    return jnp.asarray(3 * np.random.default_rng(seed).standard_normal(shape))


def masses(*shape, seed=0):
    """Non-negative and not of sum 1."""
    return jnp.asarray(np.random.default_rng(seed).exponential(size=shape))


# ------------------------------------------------------------------ hand-computed examples

THIRDS = jnp.log(jnp.array([[1.0, 2.0, 3.0], [4.0, 1.0, 1.0]]))  # y = (1, 2, 3)/6 and (4, 1, 1)/6


def test_cross_entropy_by_hand():
    L, pull = jax.vjp(lambda Z: softmax_cross_entropy(Z, labels(1, 0)), THIRDS)
    close(L, jnp.log(jnp.array([3.0, 1.5])))
    close(pull(jnp.array([6.0, 12.0]))[0], [[1, -4, 3], [-4, 2, 2]])


def test_a_label_is_the_distribution_with_all_its_mass_there():
    t = jnp.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(
        softmax_cross_entropy(THIRDS, t), softmax_cross_entropy(THIRDS, labels(1, 0))
    )


def test_the_general_rule_where_the_masses_do_not_sum_to_one():
    Z, t, dL = normal(4, 5), masses(4, 5), normal(4, seed=1)
    dZ, dt = jax.vjp(softmax_cross_entropy, Z, t)[1](dL)
    mass = jnp.sum(t, -1, keepdims=True)
    np.testing.assert_allclose(dZ, (mass * softmax(Z) - t) * dL[:, None], rtol=1e-13)
    close(dt, -log_softmax(Z) * dL[:, None])
    printed = (softmax(Z) - t) * dL[:, None]  # the companion code's y − t
    assert np.max(np.abs(dZ - printed)) > 0.1


def test_squared_error_by_hand():
    A, t = jnp.array([1.0, 2.0]), jnp.array([0.0, 5.0])
    L, pull = jax.vjp(squared_error, A, t)
    dA, dt = pull(jnp.array([10.0, 100.0]))
    assert (L.tolist(), dA.tolist(), dt.tolist()) == ([1, 9], [20, -600], [-20, 600])


def test_one_loss_an_example_and_no_mean():
    Z, t = normal(2, 3, 5), jnp.zeros((2, 3), jnp.int32)
    assert softmax_cross_entropy(Z, t).shape == (2, 3)
    assert softmax_cross_entropy(Z[0, 0], t[0, 0]).shape == ()
    dZ = jax.grad(lambda Z: jnp.mean(softmax_cross_entropy(Z, t)))(Z)
    np.testing.assert_allclose(dZ, jax.grad(lambda Z: jnp.sum(softmax_cross_entropy(Z, t)))(Z) / 6)


# ------------------------------------------------------------------ smoothing and weights

WEIGHTS = jnp.array([1.0, 2.0, 0.5])


def test_label_smoothing_by_hand():
    """THIRDS with s = 0.3: the label has 0.7 + 0.1, each other class 0.1."""
    L, pull = jax.vjp(partial(softmax_cross_entropy, t=labels(1, 0), label_smoothing=0.3), THIRDS)
    surprisal = -np.log([[1 / 6, 1 / 3, 1 / 2], [2 / 3, 1 / 6, 1 / 6]])
    T = np.array([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]])
    close(L, np.sum(T * surprisal, -1))
    np.testing.assert_allclose(pull(jnp.ones(2))[0], np.exp(-surprisal) - T, rtol=1e-13)


def test_weights_by_hand():
    """A row counts as the weight of its label; dw collects the surprisals of its class."""

    def loss(Z, weights):
        return softmax_cross_entropy(Z, labels(1, 0), weights=weights)

    L, pull = jax.vjp(loss, THIRDS, WEIGHTS)
    close(L, [2 * np.log(3), np.log(1.5)])
    dZ, dw = pull(jnp.array([6.0, 12.0]))
    close(dZ, [[2, -8, 6], [-4, 2, 2]])
    close(dw, [12 * np.log(1.5), 6 * np.log(3), 0])


@pytest.mark.parametrize("t", [labels(0, 2, 1, 1), masses(4, 3)], ids=["labels", "distribution"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_smoothing_and_weights_are_the_loss_of_other_masses(t, smoothing, weights):
    Z, dL = normal(4, 3), normal(4, seed=1)
    options = {"label_smoothing": smoothing, "weights": weights}
    u = (1 - smoothing) * (t if t.ndim == 2 else jnp.eye(3)[t]) + smoothing / 3
    T = u if weights is None else u * WEIGHTS[None]
    (L, pull), (other, pull_other) = (
        jax.vjp(lambda Z: softmax_cross_entropy(Z, t, **options), Z),
        jax.vjp(lambda Z: softmax_cross_entropy(Z, T), Z),
    )
    np.testing.assert_allclose(L, other, rtol=1e-13)
    np.testing.assert_allclose(pull(dL)[0], pull_other(dL)[0], rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(L, oracles.softmax_cross_entropy(Z, t, **options), rtol=1e-13)


def test_the_default_is_neither_smoothed_nor_weighted():
    Z, t = normal(4, 3), labels(0, 2, 1, 1)
    plain = softmax_cross_entropy(Z, t)
    for options in ({"label_smoothing": 0}, {"weights": jnp.ones(3)}, {"weights": None}):
        np.testing.assert_array_equal(softmax_cross_entropy(Z, t, **options), plain)


def test_a_class_of_weight_zero_is_absent():
    Z = jnp.array([[1.0, -INF, 0.5]])
    L, pull = jax.vjp(lambda Z: softmax_cross_entropy(Z, labels(1), weights=jnp.array([1.0, 0.0, 1.0])), Z)
    assert (L.tolist(), pull(jnp.ones(1))[0].tolist()) == ([0], [[0, 0, 0]])


# --------------------------------------------------------- binary cross-entropy and Huber


def test_binary_cross_entropy_by_hand():
    three = np.log(3)  # σ = 3/4
    Z, t = jnp.array([three, three, 0.0]), jnp.array([1.0, 0.0, 0.25])
    L, pull = jax.vjp(binary_cross_entropy_with_logits, Z, t)
    close(L, [np.log(4 / 3), np.log(4), np.log(2)])
    dZ, dt = pull(jnp.full(3, 8.0))
    close(dZ, [-2, 6, 2])
    close(dt, [-8 * three, -8 * three, 0])


def test_binary_cross_entropy_keeps_its_digits_where_the_logit_is_right():
    Z, t = jnp.array([60.0, -60.0, INF, -INF]), jnp.array([1.0, 0.0, 1.0, 0.0])
    L, pull = jax.vjp(binary_cross_entropy_with_logits, Z, t)
    tiny = np.exp(-60.0)
    close(L, [tiny, tiny, 0, 0])
    close(pull(jnp.ones(4))[0], [-tiny, tiny, 0, 0])
    wrong = jax.vjp(binary_cross_entropy_with_logits, -Z, t)
    assert wrong[0].tolist() == [60, 60, INF, INF]
    assert wrong[1](jnp.ones(4))[0].tolist() == [-1, 1, -1, 1]


def test_binary_cross_entropy_is_that_of_two_classes():
    Z, t = normal(7), jnp.asarray(np.random.default_rng(1).uniform(size=7))
    two = softmax_cross_entropy(jnp.stack([Z, 0 * Z], -1), jnp.stack([t, 1 - t], -1))
    np.testing.assert_allclose(binary_cross_entropy_with_logits(Z, t), two, rtol=1e-13)


def test_huber_by_hand():
    A, t = jnp.array([0.0, 1.0, 2.0, 5.0, -5.0]), jnp.zeros(5)
    L, pull = jax.vjp(partial(huber, delta=2.0), A, t)
    dA, dt = pull(jnp.full(5, 10.0))
    assert L.tolist() == [0, 0.5, 2, 8, 8]
    assert (dA.tolist(), dt.tolist()) == ([0, 10, 20, 20, -20], [0, -10, -20, -20, 20])


def test_huber_overflows_no_earlier_than_its_value():
    A = jnp.array([300.0], jnp.float16)
    assert huber(A, jnp.zeros_like(A), delta=400.0) == jnp.float16(45_000)


def test_huber_at_infinity_and_nan():
    A = jnp.array([INF, -INF, jnp.nan])
    L, pull = jax.vjp(huber, A, jnp.zeros(3))
    np.testing.assert_array_equal(L, [INF, INF, jnp.nan])
    np.testing.assert_array_equal(pull(jnp.ones(3))[0], [1, -1, jnp.nan])


@pytest.mark.parametrize("loss", [binary_cross_entropy_with_logits, huber])
def test_elementwise_losses_under_transformations(loss):
    A, t, dL = normal(3, 4), jnp.abs(normal(3, 4, seed=1)), normal(3, 4, seed=2)

    def gradients(A, t, dL):
        return jax.vjp(loss, A, t)[1](dL)

    for mapped in (jax.jit(gradients), jax.vmap(gradients), jax.vmap(gradients, 1, 1)):
        for got, expected in zip(mapped(A, t, dL), gradients(A, t, dL), strict=True):
            close(got, expected)
    residuals = jax.tree.leaves(jax.vjp(loss, A, t)[1])
    assert sum(residual.nbytes for residual in residuals) <= 2 * A.nbytes


# -------------------------------------------------------------------- against other libraries


def test_optax():
    optax = pytest.importorskip("optax", reason="optax is not installed")
    Z, t, dL = normal(4, 5), masses(4, 5), normal(4, seed=1)
    pairs = (
        (softmax_cross_entropy, optax.softmax_cross_entropy, (Z, t), dL),
        (
            lambda Z: softmax_cross_entropy(Z, labels(0, 2, 4, 4)),
            lambda Z: optax.softmax_cross_entropy_with_integer_labels(Z, labels(0, 2, 4, 4)),
            (Z,),
            dL,
        ),
        (
            partial(softmax_cross_entropy, label_smoothing=0.1),
            lambda Z, t: optax.softmax_cross_entropy(Z, optax.smooth_labels(t, 0.1)),
            (Z, t),
            dL,
        ),
        (binary_cross_entropy_with_logits, optax.sigmoid_binary_cross_entropy, (Z, t), Z),
        (partial(huber, delta=0.7), partial(optax.huber_loss, delta=0.7), (Z, t), Z),
        (squared_error, optax.squared_error, (Z, t), Z),
    )
    for ours, theirs, inputs, cotangent in pairs:
        (got, pull), (expected, pull_theirs) = jax.vjp(ours, *inputs), jax.vjp(theirs, *inputs)
        results = zip((got, *pull(cotangent)), (expected, *pull_theirs(cotangent)), strict=True)
        for a, b in results:
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    functional = torch.nn.functional
    Z, t = normal(4, 3), labels(0, 2, 1, 1)
    ours = softmax_cross_entropy(Z, t, label_smoothing=0.1, weights=WEIGHTS)
    tensor, classes, weights = (torch.tensor(np.asarray(x)) for x in (Z, t, WEIGHTS))
    theirs = functional.cross_entropy(
        tensor, classes.long(), weight=weights, label_smoothing=0.1, reduction="none"
    )
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-13)
    masses_ = torch.tensor(np.asarray(masses(4, 3)))
    np.testing.assert_allclose(
        binary_cross_entropy_with_logits(Z, masses(4, 3)),
        functional.binary_cross_entropy_with_logits(tensor, masses_, reduction="none").numpy(),
        rtol=1e-12,
        atol=1e-14,
    )
    np.testing.assert_allclose(
        huber(Z, masses(4, 3), 0.7),
        functional.huber_loss(tensor, masses_, delta=0.7, reduction="none").numpy(),
        rtol=1e-13,
    )


# ------------------------------------------------------- saturation, NaN, infinity, labels


def with_gradient(Z, t):
    """The losses of labels, and dZ of their sum."""
    L, pull = jax.vjp(lambda Z: softmax_cross_entropy(Z, t), Z)
    return L, pull(jnp.ones_like(L))[0]


@pytest.mark.parametrize("classes", [2, 15, 16, 40000])
@pytest.mark.parametrize("gap", [5.0, 20.0, 60.0])
def test_the_digits_of_a_small_loss_are_kept_and_those_of_its_gradient(classes, gap):
    Z, t = jnp.zeros((3, classes)).at[:, 1].set(gap), labels(1, 1, 1)
    expected = np.full(3, np.log1p((classes - 1) * np.exp(-gap)))
    beside, dZ = with_gradient(Z, t)
    close(softmax_cross_entropy(Z, t), expected)
    close(beside, expected)
    close(dZ[:, 1], np.expm1(-expected))


@pytest.mark.parametrize(
    ("examples", "classes"), [(300, 3), (300, 15), (300, 16), (9000, 16), (300, 300), (300, 1000)]
)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_the_value_alone_is_the_value_beside_its_gradient(examples, classes, dtype):
    Z = normal(examples, classes).astype(dtype)
    t = jnp.asarray(np.random.default_rng(1).integers(0, classes, examples), jnp.int32)
    beside, dZ = jax.jit(with_gradient)(Z, t)
    alone = jax.jit(softmax_cross_entropy)(Z, t)
    wide = Z.astype(jnp.float64)
    exact, exact_dZ = with_gradient(wide, t)
    np.testing.assert_allclose(exact, oracles.softmax_cross_entropy(wide, t), rtol=1e-12)
    tolerance = (2 if dtype == jnp.bfloat16 else 8) * float(jnp.finfo(dtype).eps)
    for value in (alone, beside):
        np.testing.assert_allclose(value.astype(jnp.float64), exact, rtol=tolerance)
    size = np.abs(exact_dZ)  # exp(D) is off by as many units as D is large
    assert np.all(np.abs(dZ.astype(jnp.float64) - exact_dZ) <= tolerance * size * (1 - np.log(size)))


def test_many_rows_are_what_each_is_by_itself():
    """Also without values, and of a label that no class has or that cannot be."""
    Z, t = normal(128, 1000), jnp.asarray(np.random.default_rng(1).integers(0, 1000, 128))
    Z = Z.at[0, 5].set(jnp.nan).at[1, 5].set(INF).at[2].set(-INF).at[3, 999].set(-INF).at[4, 0].set(1e4)
    t = t.at[0].set(5).at[3].set(999).at[4].set(0).at[5].set(-1).at[6].set(1000).at[7].set(999)

    def with_its_gradient_s(Z, t):
        def total(Z):
            return jnp.sum(jnp.sin(with_gradient(Z, t)[1]))

        return *with_gradient(Z, t), jax.grad(total)(Z)

    together = jax.jit(with_its_gradient_s)(Z, t)
    alone = jax.lax.map(lambda row: with_its_gradient_s(*row), (Z[:, None], t[:, None]))
    for many, each in zip(together, alone, strict=True):
        np.testing.assert_allclose(many, each[:, 0], rtol=1e-12, atol=1e-15)
    assert np.isnan(together[0]).nonzero()[0].tolist() == [0, 1, 2, 5, 6]


@pytest.mark.parametrize("t", [labels(0), jnp.array([[1.0, 0.0]])], ids=["label", "distribution"])
def test_value_and_gradient_agree_at_saturation(t):
    def loss(z, t=t):
        return softmax_cross_entropy(jnp.stack([z, jnp.zeros(())])[None], t)[0]

    value, slope = jax.value_and_grad(loss)(60.0)
    close(value, np.exp(-60.0))  # one more than a clipped loss would have left
    close(slope, -np.exp(-60.0))
    value, slope = jax.value_and_grad(loss)(-1e4)
    assert (value, slope) == (1e4, -1)


def test_an_impossible_class_without_mass_is_absent():
    Z, t, dL = jnp.array([[1.0, -INF, 0.5]]), jnp.array([[0.25, 0.0, 0.75]]), jnp.array([3.0])
    dZ, dt = jax.vjp(softmax_cross_entropy, Z, t)[1](dL)
    without = jax.vjp(softmax_cross_entropy, Z[:, ::2], t[:, ::2])[1](dL)
    close(softmax_cross_entropy(Z, t), softmax_cross_entropy(Z[:, ::2], t[:, ::2]))
    assert (dZ[0, 1], dt[0, 1]) == (0, 0)
    close(dZ[:, ::2], without[0])
    close(dt[:, ::2], without[1])
    assert np.all(np.isfinite(jax.grad(lambda Z: softmax_cross_entropy(Z, labels(0))[0])(Z)))


def test_an_impossible_class_with_mass_costs_infinitely_much():
    Z = jnp.array([[1.0, -INF, 1.0]])
    L, pull = jax.vjp(lambda Z: softmax_cross_entropy(Z, labels(1)), Z)
    assert L.tolist() == [INF]
    assert pull(jnp.ones(1))[0].tolist() == [[0.5, -1, 0.5]]


@pytest.mark.parametrize("row", [[jnp.nan, 0.0], [INF, 0.0], [-INF, -INF]], ids=str)
@pytest.mark.parametrize("t", [labels(0, 1), jnp.full((2, 2), 0.5)], ids=["labels", "distribution"])
def test_a_row_without_values_is_nan_and_leaves_the_others_alone(row, t):
    L, pull = jax.vjp(lambda Z: softmax_cross_entropy(Z, t), jnp.array([row, [0.0, 1.0]]))
    dZ = pull(jnp.ones(2))[0]
    assert np.isnan(L).tolist() == [True, False]
    assert np.isnan(dZ).tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("label", [-1, 3])
@pytest.mark.parametrize("dtype", [jnp.int8, jnp.int32, jnp.int64])
def test_a_label_that_no_class_has(label, dtype):
    Z, t = normal(2, 3), jnp.array([label, 0], dtype)
    message = f"softmax_cross_entropy: t has the label {label}; expected 0 to 2"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        softmax_cross_entropy(Z, t)
    L, pull = jax.jit(partial(jax.vjp, lambda Z, t: softmax_cross_entropy(Z, t)))(Z, t)
    assert np.isnan(L).tolist() == [True, False]
    assert np.isnan(pull(jnp.ones(2))[0]).tolist() == [[True] * 3, [False] * 3]


def test_a_label_is_looked_at_also_where_only_the_logits_are_traced():
    with pytest.raises(ValueError, match="t has the label 7; expected 0 to 2"):
        jax.jit(lambda Z: softmax_cross_entropy(Z, np.array([7, 0])))(normal(2, 3))


@pytest.mark.parametrize("dtype", [jnp.int4, jnp.uint8, jnp.int8, jnp.int16, jnp.uint32, jnp.int64])
def test_labels_of_any_integer_dtype_and_more_classes_than_a_small_one_counts(dtype):
    Z, t = normal(2, 300), np.array([0, min(100, jnp.iinfo(dtype).max)])
    expected = softmax_cross_entropy(Z, t)
    np.testing.assert_array_equal(softmax_cross_entropy(Z, jnp.asarray(t, dtype)), expected)


# -------------------------------------------------------- dtypes, transformations, residuals


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["labels", "weighted", "distribution", *ELEMENTWISE])
def test_results_and_cotangents_have_the_dtype_of_the_inputs(kind, dtype):
    Z, dL = normal(4, 5).astype(dtype), normal(4, seed=1).astype(dtype)
    ulp = float(jnp.finfo(dtype).eps)
    if kind == "labels":
        t = labels(0, 1, 2, 4)
        by_hand, oracle, inputs = (
            *(partial(f, t=t) for f in (softmax_cross_entropy, oracles.softmax_cross_entropy)),
            (Z,),
        )
    elif kind == "distribution":
        by_hand, oracle = softmax_cross_entropy, oracles.softmax_cross_entropy
        inputs = (Z, masses(4, 5).astype(dtype))
    elif kind == "weighted":
        by_hand, oracle = (
            lambda Z, t, weights, f=f: f(Z, t, weights=weights, label_smoothing=0.1)
            for f in (softmax_cross_entropy, oracles.softmax_cross_entropy)
        )
        inputs = (Z, masses(4, 5).astype(dtype), masses(5, seed=2).astype(dtype))
    else:
        by_hand, oracle = ELEMENTWISE[kind], getattr(oracles, kind)
        inputs, dL = (Z, masses(4, 5).astype(dtype)), Z
    L, pull = jax.vjp(by_hand, *inputs)
    wide, wide_pull = jax.vjp(oracle, *(x.astype(jnp.float64) for x in inputs))
    results = zip((L, *pull(dL)), (wide, *wide_pull(dL.astype(jnp.float64))), strict=True)
    for got, expected in results:
        assert got.dtype == dtype
        np.testing.assert_allclose(got.astype(jnp.float64), expected, rtol=8 * ulp, atol=32 * ulp)


@pytest.mark.parametrize("t", [labels(0, 2, 1), masses(3, 4)], ids=["labels", "distribution"])
def test_jit_vmap_and_checkpoint(t):
    Z, dL = normal(3, 4), normal(3, seed=1)

    def gradient(Z, t, dL):
        return jax.vjp(lambda Z: softmax_cross_entropy(Z, t), Z)[1](dL)[0]

    expected = gradient(Z, t, dL)
    close(jax.jit(gradient)(Z, t, dL), expected)
    close(jax.vmap(gradient)(Z, t, dL), expected)
    close(jax.vjp(jax.checkpoint(lambda Z: softmax_cross_entropy(Z, t)), Z)[1](dL)[0], expected)


def test_gradients_of_gradients():
    Z, t, dL = normal(3, 4), masses(3, 4), normal(3, seed=1)

    def second(loss):
        def total(Z, t):
            return dL @ loss(Z, t)

        return jax.jacrev(jax.grad(total, (0, 1)), (0, 1))(Z, t)

    by_hand, by_oracle = second(softmax_cross_entropy), second(oracles.softmax_cross_entropy)
    for got, expected in zip(jax.tree.leaves(by_hand), jax.tree.leaves(by_oracle), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)
    hessian = jax.jacrev(jax.grad(lambda Z: dL @ softmax_cross_entropy(Z, labels(0, 2, 1))))(Z)
    y = softmax(Z)
    block = jnp.diag(y[0]) - jnp.outer(y[0], y[0])
    np.testing.assert_allclose(hessian[0, :, 0], dL[0] * block, rtol=1e-12)
    two = jax.jacrev(jax.grad(lambda A: squared_error(A, jnp.ones(()))))(jnp.full((), 5.0))
    assert two == 2


def test_the_residuals_are_probabilities_labels_and_losses_and_the_difference():
    Z, t = normal(3, 4), labels(0, 1, 2)
    L, pull = jax.vjp(lambda Z: softmax_cross_entropy(Z, t), Z)
    residuals = jax.tree.leaves(pull)
    assert sum(residual.nbytes for residual in residuals) == Z.nbytes + t.nbytes + L.nbytes
    residuals = jax.tree.leaves(jax.vjp(squared_error, Z, Z)[1])
    assert sum(residual.nbytes for residual in residuals) == Z.nbytes


# ------------------------------------------------------------------- rules that are wrong


def surprisal(Z):
    return -log_softmax(Z)


PLANTED = {
    "y - t, as printed": lambda Z, t, dL: ((softmax(Z) - t) * dL, surprisal(Z) * dL),
    "divided by the batch": lambda Z, t, dL: (
        (jnp.sum(t, -1, keepdims=True) * softmax(Z) - t) * dL / len(Z),
        surprisal(Z) * dL,
    ),
    "the cotangent forgotten": lambda Z, t, dL: (
        jnp.sum(t, -1, keepdims=True) * softmax(Z) - t,
        surprisal(Z) * dL,
    ),
    "clipped at 1e-7": lambda Z, t, dL: (
        (jnp.sum(t, -1, keepdims=True) * softmax(Z) - t) * dL,
        -jnp.log(jnp.clip(softmax(Z), 1e-7, 1 - 1e-7)) * dL,
    ),
}


@pytest.mark.parametrize("backward", PLANTED.values(), ids=PLANTED)
def test_a_wrong_rule_fails(backward):
    planted = jax.custom_vjp(lambda Z, t: softmax_cross_entropy(Z, t))
    planted.defvjp(
        lambda Z, t: (softmax_cross_entropy(Z, t), (Z, t)),
        lambda residuals, dL: backward(*residuals, dL[:, None]),
    )
    example = jnp.zeros((4, 3))
    report = check_vjp(planted, oracles.softmax_cross_entropy, example, example)
    assert report.verdict is Verdict.FAIL
    assert "the gradient of" in report.reason
