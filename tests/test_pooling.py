from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcnn.derivations.geometry import sees_pixels, windows
from jaxcnn.loops import pooling as loops
from jaxcnn.oracles import pooling as oracles
from jaxcnn.pooling import (
    avg_pool,
    avg_pool_dA,
    max_pool,
    max_pool_dA,
    max_pool_index,
    max_pool_mask,
)
from jaxcnn.window import resolve


def pull(operation, A, dZ):
    return jax.vjp(operation, A)[1](dZ)[0]


# ------------------------------------------------------------------ hand-computed examples

A44 = jnp.array([[1.0, 3, 2, 1], [2, 9, 1, 1], [1, 3, 2, 3], [5, 6, 1, 2]])[..., None]


def test_max_pool_of_the_article_and_its_mask():
    assert max_pool(A44, (2, 2))[..., 0].tolist() == [[9, 2], [6, 3]]
    dZ = jnp.array([[1.0, 2], [3, 4]])[..., None]
    dA = pull(partial(max_pool, window=(2, 2)), A44, dZ)
    assert dA[..., 0].tolist() == [[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 4], [0, 3, 0, 0]]
    mask = max_pool_mask(A44, (2, 2))
    assert mask.shape == (2, 2, 2, 2, 1)
    assert mask[0, 0, ..., 0].tolist() == [[False, False], [False, True]]


def test_a_pixel_that_is_the_maximum_of_several_windows_collects_from_all():
    """What this kills: `=` where `+=` belongs."""
    A = jnp.array([0.0, 5, 0])[:, None]
    dA = pull(partial(max_pool, window=(2,), stride=1), A, jnp.array([10.0, 1])[:, None])
    assert dA[:, 0].tolist() == [0, 11, 0]


def test_a_remainder_is_never_seen_and_gets_zero():
    A = jnp.arange(5.0)[:, None]
    assert pull(partial(max_pool, window=(2,)), A, jnp.ones((2, 1)))[:, 0].tolist() == [0, 1, 0, 1, 0]
    assert pull(partial(avg_pool, window=(2,)), A, jnp.ones((2, 1)))[:, 0].tolist() == [
        *[0.5] * 4,
        0,
    ]


def test_average_counts_padding_only_when_told():
    A = jnp.ones((2, 1))
    corner = {"stride": 1, "padding": ((1, 0),)}
    assert avg_pool(A, (2,), **corner)[:, 0].tolist() == [1, 1]
    assert avg_pool(A, (2,), **corner, count_padding=True)[:, 0].tolist() == [0.5, 1]


@pytest.mark.parametrize("channels", [2, 16])
def test_a_window_of_padding_alone_averages_no_pixel(channels):
    """Taps at −1 and 1 of a single pixel: neither sees it."""
    A = jnp.full((1, channels), 5.0)
    mean = partial(avg_pool, window=(2,), stride=1, padding=1, dilation=2, count_padding=True)
    assert not jnp.any(mean(A)) and not jnp.any(pull(mean, A, jnp.ones((1, channels))))


def test_ceil_mode_gives_the_remainder_a_window():
    A = jnp.arange(1.0, 7)[:, None]
    assert max_pool(A, (3,), stride=2)[:, 0].tolist() == [3, 5]
    assert max_pool(A, (3,), stride=2, ceil_mode=True)[:, 0].tolist() == [3, 5, 6]
    assert avg_pool(A, (3,), stride=2, ceil_mode=True)[:, 0].tolist() == [2, 4, 5.5]
    dA = pull(partial(avg_pool, window=(3,), stride=2, ceil_mode=True), A, jnp.full((3, 1), 6.0))
    assert dA[:, 0].tolist() == [2, 2, 4, 2, 5, 3]


def test_what_ceil_mode_adds_beyond_the_padding_never_counts():
    """As in PyTorch: of the last window's taps 5, 6, padding, beyond the first three count."""
    A = jnp.ones((6, 1))
    pool = {"stride": 3, "padding": ((0, 1),), "ceil_mode": True}
    assert avg_pool(A, (5,), **pool)[:, 0].tolist() == [1, 1]
    counted = avg_pool(A, (5,), **pool, count_padding=True)[:, 0]
    assert counted.tolist() == [1, 3 / 4]


# ------------------------------------------------------------------ ties, NaN, infinities


def test_split_ties_share_evenly():
    A = jnp.array([2.0, 2, 1, 2, 2, 2])[:, None]
    split = partial(max_pool, window=(3,), ties="split")
    assert split(A)[:, 0].tolist() == [2, 2]
    assert pull(split, A, jnp.full((2, 1), 6.0))[:, 0].tolist() == [3, 3, 0, 2, 2, 2]
    mask = max_pool_mask(A, (3,), ties="split")
    assert mask[..., 0].tolist() == [[True, True, False], [True, True, True]]


def test_split_ties_are_those_of_jnp_max():
    A = jnp.asarray(np.random.default_rng(0).integers(0, 3, (2, 6, 4, 3)), jnp.float64)
    dZ = jnp.asarray(np.random.default_rng(1).standard_normal((2, 2, 2, 3)))
    theirs = pull(lambda A: A.reshape(2, 2, 3, 2, 2, 3).max((2, 4)), A, dZ)
    np.testing.assert_allclose(
        pull(partial(max_pool, window=(3, 2), ties="split"), A, dZ), theirs, rtol=1e-15
    )


def test_nans_share_and_padding_does_not():
    split = partial(max_pool, window=(3,), stride=1, padding=1, ties="split")
    A = jnp.array([jnp.nan, 1, jnp.nan])[:, None]
    assert pull(split, A, jnp.array([2.0, 2, 2])[:, None])[:, 0].tolist() == [3, 0, 3]
    lowest = jnp.full((3, 1), -jnp.inf)
    assert pull(split, lowest, jnp.array([2.0, 3, 2])[:, None])[:, 0].tolist() == [2, 3, 2]


@pytest.mark.parametrize("stride", [1, 2])
def test_the_first_of_equal_maxima_takes_all(stride):
    """Whatever the path: windows that tile and windows that overlap follow one rule."""
    A, Z = jnp.zeros((4, 4, 1)), jnp.zeros((4 - 1, 4 - 1, 1)) if stride == 1 else jnp.zeros((2, 2, 1))
    dA = pull(partial(max_pool, window=(2, 2), stride=stride), A, jnp.ones_like(Z))
    first = np.zeros((4, 4))
    first[: 4 - 1 : stride, : 4 - 1 : stride] = 1
    np.testing.assert_array_equal(dA[..., 0], first)


@pytest.mark.parametrize("at", range(4))
def test_a_nan_is_greater_than_every_number_and_the_first_takes_the_gradient(at):
    A = jnp.array([1.0, jnp.inf, 3, 4]).at[at].set(jnp.nan)[:, None]
    Z = max_pool(A, (4,))
    assert jnp.isnan(Z).all()
    assert pull(partial(max_pool, window=(4,)), A, jnp.ones((1, 1)))[:, 0].tolist() == [
        float(k == at) for k in range(4)
    ]
    two = A.at[3].set(jnp.nan)
    assert jnp.argmax(pull(partial(max_pool, window=(4,)), two, jnp.ones((1, 1)))) == at


def test_padding_never_wins_not_even_against_minus_infinity():
    A = jnp.full((2, 2, 1), -jnp.inf)
    dA = pull(partial(max_pool, window=(2, 2), stride=1, padding=1), A, jnp.ones((3, 3, 1)))
    assert dA.sum() == 9
    assert dA[..., 0].tolist() == [[4, 2], [2, 1]]


# --------------------------------------------------------------- the article's loops, and laws


@given(geometry=windows().filter(lambda g: sees_pixels(*g)), seed=st.integers(0, 99), count=st.booleans())
def test_pools_equal_the_article_s_loops(geometry, seed, count):
    n, f, keywords = geometry
    window = resolve("max_pool", n, f, **keywords)
    rng = np.random.default_rng(seed)
    A = rng.integers(-2, 3, (2, *n, 2)).astype(float)
    dZ = rng.integers(-4, 5, (2, *window.output_size, 2)).astype(float)
    loop = {"s": window.stride, "p": window.padding, "d": window.dilation}
    Z, index = loops.max_pool(A, f, **loop)
    np.testing.assert_array_equal(max_pool(A, f, **keywords), Z)
    np.testing.assert_array_equal(max_pool_index(A, f, **keywords), index)
    np.testing.assert_array_equal(
        max_pool_dA(index.astype(np.uint8), dZ, f, input_size=n, **keywords),
        loops.max_pool_dA(index, dZ, n=n, f=f, **loop),
    )
    # an average divides: equal to a few units in the last place, not bit for bit
    average = {"count_padding": count}
    np.testing.assert_array_max_ulp(
        np.asarray(avg_pool(A, f, **keywords, **average)),
        loops.avg_pool(A, f, **loop, **average),
        maxulp=2,
    )
    np.testing.assert_allclose(
        avg_pool_dA(dZ, f, input_size=n, **keywords, **average),
        loops.avg_pool_dA(dZ, n=n, f=f, **loop, **average),
        rtol=8 * np.finfo(float).eps,
        atol=8 * np.finfo(float).eps * np.abs(dZ).sum(axis=tuple(range(dZ.ndim - 1))).max(),
    )


def test_max_pool_s_second_derivative_follows_the_index():
    A = jnp.asarray(np.random.default_rng(0).integers(-2, 3, (1, 5, 5, 2)), jnp.float64)

    def energy(pool, A):
        inner = jax.grad(lambda A: jnp.sum(pool(A, (3, 3), stride=1) ** 2))(A)
        return jnp.sum(inner**2)

    np.testing.assert_array_equal(
        jax.grad(partial(energy, max_pool))(A), jax.grad(partial(energy, oracles.max_pool))(A)
    )


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_gradients_have_the_input_s_dtype(pool, dtype):
    A = jnp.ones((1, 4, 4, 1), dtype)
    Z = pool(A, (2, 2))
    assert Z.dtype == dtype
    assert pull(partial(pool, window=(2, 2)), A, Z).dtype == dtype


@pytest.mark.parametrize(("pool", "size"), [(max_pool, 2 * 4 * 4 * 3), (avg_pool, 0)])
def test_residual_bytes(pool, size):
    """Max-pool keeps one byte a window, not the input; average pool keeps nothing."""
    _, backward = jax.vjp(partial(pool, window=(2, 2)), jnp.ones((2, 8, 8, 3)))
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(backward)) == size


def test_split_ties_keep_a_bit_a_tap():
    _, backward = jax.vjp(partial(max_pool, window=(3, 3), ties="split"), jnp.ones((2, 9, 9, 3)))
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(backward)) == 2 * 3 * 3 * 3 * 2


@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_a_large_window_is_not_unrolled(pool):
    """The program of a 31×31 pool and its gradient: 961 taps, in a few hundred lines."""
    A = jnp.ones((1, 40, 40, 1))

    def both(A):
        Z, back = jax.vjp(partial(pool, window=(31, 31), stride=1, padding="SAME"), A)
        return back(Z)

    assert len(jax.jit(both).lower(A).as_text().splitlines()) < 1000


def test_the_mask_of_a_large_window_is_one_comparison():
    A = jnp.asarray(np.random.default_rng(0).integers(0, 9, (40, 40, 2)), jnp.float64)
    mask = max_pool_mask(A, (20, 20), stride=5)
    np.testing.assert_array_equal(mask.reshape(5, 5, 400, 2).argmax(2), max_pool_index(A, (20, 20), stride=5))
    assert mask.sum() == 50


# ------------------------------------------------------------------------------ others


@pytest.mark.parametrize("padding", ["VALID", "SAME", ((1, 1), (0, 1))])
def test_flax_pools_have_these_values(padding):
    linen = pytest.importorskip("flax.linen")
    A = jnp.asarray(np.random.default_rng(0).standard_normal((2, 7, 6, 3)))
    geometry = {"strides": (2, 2), "padding": padding}
    np.testing.assert_array_equal(
        max_pool(A, (3, 2), stride=2, padding=padding), linen.max_pool(A, (3, 2), **geometry)
    )
    for count in (False, True):
        with jax.numpy_dtype_promotion("standard"):
            theirs = linen.avg_pool(A, (3, 2), **geometry, count_include_pad=count)
        ours = avg_pool(A, (3, 2), stride=2, padding=padding, count_padding=count)
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)
