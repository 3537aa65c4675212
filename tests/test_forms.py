"""Every form of a face equals every other, bit for bit on integers; and each is its face's adjoint."""

import re
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcnn import adaptive_avg_pool, avg_pool, convolution, max_pool, relu
from jaxcnn.derivations.geometry import sees_pixels, windows
from jaxcnn.forms import (
    axes,
    choice,
    correlation,
    cudnn,
    depthwise,
    eigen,
    folded,
    grouped,
    halves,
    im2col,
    interleaving,
    maxima,
    planes,
    pooling,
    products,
    scatter,
    shifted,
    sums,
    thin,
    toeplitz,
    winograd,
)
from jaxcnn.forms.logarithm import log1p
from jaxcnn.forms.windows import narrowed, pad, pixel_index, pixels, placed, tap, untap, widened
from jaxcnn.oracles import convolution as convolutions
from jaxcnn.oracles import pooling as oracles
from jaxcnn.window import resolve

FORMS = {
    "conv": [
        correlation.conv,
        cudnn.conv,
        eigen.conv,
        folded.conv,
        grouped.conv,
        shifted.conv,
        im2col.conv,
        planes.conv,
        toeplitz.conv,
    ],
    "conv_dA": [
        correlation.conv_dA,
        eigen.conv_dA,
        grouped.conv_dA,
        interleaving.conv_dA,
        planes.conv_dA,
        scatter.conv_dA,
        shifted.conv_dA,
        im2col.conv_dA,
        toeplitz.conv_dA,
    ],
    "conv_dW": [
        correlation.conv_dW,
        cudnn.conv_dW,
        eigen.conv_dW,
        grouped.conv_dW,
        shifted.conv_dW,
        im2col.conv_dW,
        planes.conv_dW,
        toeplitz.conv_dW,
    ],
}


def integers(rng, *shape):
    return jnp.asarray(rng.integers(-4, 5, shape), jnp.float64)


def operands(window, groups, rng):
    """The two operands of each face."""
    A = integers(rng, 2, *window.input_size, 2 * groups)
    W = integers(rng, *window.size, 2, 3 * groups)
    dZ = integers(rng, 2, *window.output_size, 3 * groups)
    return {"conv": (A, W), "conv_dA": (dZ, W), "conv_dW": (A, dZ)}


def _fits_cudnn(geometry):
    n, f, keywords = geometry
    window = resolve("conv_dA", n, f, **keywords)
    return max(window.stride) > 1 and cudnn.fits_dA(window)


@pytest.mark.parametrize("face", FORMS)
@given(geometry=windows(), groups=st.sampled_from((1, 2)), seed=st.integers(0, 99))
def test_the_forms_of_a_face_agree_bit_for_bit(face, geometry, groups, seed):
    n, f, keywords = geometry
    window = resolve(face, n, f, **keywords)
    left, right = operands(window, groups, np.random.default_rng(seed))[face]

    @jax.jit
    def all_forms(left, right):
        return [form(left, right, window, groups=groups) for form in FORMS[face]]

    first, *others = all_forms(left, right)
    for form, other in zip(FORMS[face][1:], others, strict=True):
        np.testing.assert_array_equal(first, other, err_msg=form.__module__)


@given(geometry=windows().filter(_fits_cudnn), groups=st.sampled_from((1, 2)), seed=st.integers(0, 99))
def test_a_dilation_left_to_xla_neither_aborts_nor_differs(geometry, groups, seed):
    """Where `fits_dA` allows it. It must not allow `tests/test_convolution.py`'s, which abort the process."""
    n, f, keywords = geometry
    window = resolve("conv_dA", n, f, **keywords)
    dZ, W = operands(window, groups, np.random.default_rng(seed))["conv_dA"]
    left_to_xla, spread = (
        jax.jit(partial(form.conv_dA, window=window, groups=groups)) for form in (cudnn, correlation)
    )
    np.testing.assert_array_equal(left_to_xla(dZ, W), spread(dZ, W))


@pytest.mark.parametrize(("platform", "dilated"), [("cpu", False), ("cuda", True), ("tpu", False)])
def test_a_gpu_gets_the_strided_gradient_that_cudnn_knows(platform, dilated):
    A, W = jnp.zeros((2, 32, 32, 32), jnp.bfloat16), jnp.zeros((3, 3, 32, 64), jnp.bfloat16)

    def total(A):
        return jnp.sum(convolution.conv(A, W, stride=2, padding=1))

    program = jax.jit(jax.grad(total)).trace(A).lower(lowering_platforms=(platform,)).as_text()
    assert ("lhs_dilate = [2, 2]" in program) == dilated
    assert bool(re.search(r"stablehlo.convolution.*-> tensor<2x32x32x32xbf16>", program)) == dilated


POOLS = {
    "pooling": pooling,
    "halves": halves,
    "looked up": SimpleNamespace(
        maximum=lambda A, window: maxima.maximum(A, pooling._tables(window)),
        first_max=pooling._looked_up_maximum_and_first,
        place=pooling._place_by_looks,
        pick=pooling.pick,
        total=pooling._by_rows,
        spread=pooling._spread_by_rows,
    ),
    "on a GPU": SimpleNamespace(
        maximum=pooling.maximum,
        first_max=pooling._maximum_then_first,
        place=pooling._place_by_taps,
        pick=pooling.pick,
        total=pooling._of_pixels,
        spread=pooling.spread,
    ),
}


@pytest.mark.parametrize("form", POOLS.values(), ids=POOLS)
@given(
    geometry=windows().filter(lambda g: sees_pixels(*g)),
    channels=st.sampled_from((2, 9, 17, 33)),  # of which some are few
    seed=st.integers(0, 99),
)
def test_every_form_of_a_pool_equals_the_oracle_bit_for_bit(form, geometry, channels, seed):
    """On integers with ties, NaN and −inf; and for any index, also one that no maximum has."""
    n, f, keywords = geometry
    window = resolve("max_pool", n, f, **keywords)
    rng = np.random.default_rng(seed)
    A, dZ = integers(rng, 2, *n, channels), integers(rng, 2, *window.output_size, channels)
    special = rng.choice([0, 0, 0, 1, 2], A.shape)
    extreme = jnp.where(special == 1, jnp.nan, jnp.where(special == 2, -jnp.inf, A))
    k = jnp.asarray(rng.integers(0, pooling.taps(window), dZ.shape), pooling.index_dtype(window))

    def mean(A):
        return oracles.avg_pool(A, f, **keywords, count_padding=True) * pooling.taps(window)

    def place(k, dZ):
        return oracles.max_pool_dA(k, dZ, f, input_size=n, **keywords)

    @jax.jit
    def both(A, extreme, k, dZ):
        Z, index = form.first_max(extreme, window)
        ours = Z, form.place(index, dZ, window), form.place(k, dZ, window), form.pick(k, A, window)
        theirs, pull = jax.vjp(lambda A: oracles.max_pool(A, f, **keywords), extreme)
        placed, adjoint = jax.vjp(lambda dZ: place(k, dZ), dZ)
        sums, spread = jax.vjp(mean, A)
        return (
            (*ours, form.total(A, window), form.spread(dZ, window), form.maximum(extreme, window)),
            (theirs, *pull(dZ), placed, *adjoint(A), jnp.round(sums), *map(jnp.round, spread(dZ)), theirs),
        )

    for ours, theirs in zip(*both(A, extreme, k, dZ), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("form", POOLS.values(), ids=POOLS)
@given(
    geometry=windows().filter(lambda g: sees_pixels(*g)),
    channels=st.sampled_from((2, 9)),
    seed=st.integers(0, 99),
)
def test_every_form_spreads_what_was_averaged(form, geometry, channels, seed):
    n, f, keywords = geometry
    window = resolve("avg_pool", n, f, **keywords)
    counts = pooling.inside_counts(window, ((0, 0),) * window.rank)
    dZ = integers(np.random.default_rng(seed), 2, *window.output_size, channels)

    @jax.jit
    def both(A, dZ):
        (expected,) = jax.vjp(lambda A: oracles.avg_pool(A, f, **keywords), A)[1](dZ)
        return form.spread(dZ, window, counts), expected

    np.testing.assert_allclose(*both(jnp.zeros((2, *n, channels)), dZ), rtol=0, atol=1e-5)


# What the table may choose: (A, W, geometry, groups) of float32, each reaching other rows of it.
CHOSEN = {
    "dense": ((2, 5, 6, 8), (3, 2, 8, 6), {"padding": ((2, 0), (-1, 2)), "dilation": (1, 2)}, 1),
    "strided": ((2, 7, 8, 5), (3, 2, 5, 6), {"stride": (2, 3), "padding": ((1, 2), (0, 2))}, 1),
    "strided-dilated": ((1, 9, 9, 5), (2, 3, 5, 2), {"stride": (2, 3), "dilation": (3, 2)}, 1),
    # jaxlib 0.10.2's own convolution is wrong where its padding is negative, as it is for these dA
    "cropped": ((2, 3, 4, 5), (3, 3, 5, 1), {"padding": ((3, 3), (3, 1))}, 1),
    "cropped-strided": ((2, 6, 20), (2, 5, 8), {"stride": 2, "dilation": 2, "padding": ((4, -1),)}, 4),
    "one-tap": ((2, 5, 4, 8), (1, 1, 8, 3), {"stride": (2, 1), "padding": ((0, 1), (-1, 0))}, 1),
    "few-channels": ((2, 6, 5, 3), (3, 2, 3, 7), {"stride": (1, 2), "padding": 1}, 1),
    "few-channels-many-filters": ((2, 6, 5, 3), (3, 2, 3, 48), {"stride": (2, 1), "padding": 1}, 1),
    "one-channel": ((2, 6, 5, 1), (3, 3, 1, 5), {"stride": (1, 2), "padding": 1}, 1),
    "wide": ((1, 5, 4, 128), (3, 3, 128, 130), {"padding": ((1, 0), (-1, 2))}, 1),
    "1-D": ((2, 40, 6), (5, 6, 4), {"stride": 2, "dilation": 2, "padding": "CAUSAL"}, 1),
    "3-D": ((2, 4, 3, 5, 2), (2, 3, 2, 2, 3), {"stride": (1, 2, 2), "padding": "SAME"}, 1),
    "depthwise": ((2, 37, 4, 6), (3, 2, 1, 6), {"stride": (1, 2), "padding": "SAME"}, 6),
    "depthwise-more-taps": (
        (1, 7, 8, 4),
        (4, 3, 1, 4),
        {"stride": (2, 3), "dilation": (1, 2), "padding": 2},
        4,
    ),
    "depthwise-more-taps-and-rows": ((1, 35, 5, 4), (5, 3, 1, 4), {"padding": ((4, 2), (0, 3))}, 4),
    "depthwise-one-row": ((2, 4, 6, 4), (4, 3, 1, 4), {"stride": (1, 2), "padding": ((0, 0), (2, 2))}, 4),
    "depthwise-1-D": ((2, 39, 4), (11, 1, 8), {"dilation": 2, "padding": "CAUSAL"}, 4),
    "depthwise-multiplied": ((2, 7, 8, 3), (2, 3, 1, 6), {"stride": (3, 2), "padding": "SAME"}, 3),
    "groups-merged": ((2, 6, 5, 36), (3, 2, 3, 24), {"stride": 2, "padding": "SAME"}, 12),
    "groups-apart": ((2, 5, 5, 34), (2, 2, 17, 34), {"padding": "SAME"}, 2),
    "groups-strided": ((2, 9, 8, 6), (3, 2, 2, 9), {"stride": (2, 1), "padding": 1}, 3),
    "dilated": ((2, 9, 7, 5), (3, 2, 5, 6), {"padding": ((2, 1), (-1, 3)), "dilation": (3, 2)}, 1),
}


@pytest.mark.parametrize(("a", "w", "geometry", "groups"), CHOSEN.values(), ids=CHOSEN)
def test_what_the_table_chooses_equals_the_oracle_bit_for_bit(a, w, geometry, groups):
    check_choice(a, w, geometry, groups)


@pytest.mark.parametrize("huge", [choice._HUGE, 1], ids=["large", "huge"])
@pytest.mark.parametrize(("a", "w", "geometry", "groups"), CHOSEN.values(), ids=CHOSEN)
def test_what_it_chooses_of_large_operands_and_of_a_slow_jaxlib(a, w, geometry, groups, huge, monkeypatch):
    monkeypatch.setattr(choice, "_HUGE", huge)
    monkeypatch.setattr(choice, "_MANY", 1)
    monkeypatch.setattr(choice, "_LARGE", 1)
    monkeypatch.setattr(choice, "_NOT_SMALL", 1)
    monkeypatch.setattr(choice, "_SOME", 1)
    monkeypatch.setattr(choice, "_IS_0_10_2", True)
    check_choice(a, w, geometry, groups)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads the program of a CPU")
@pytest.mark.parametrize("padding", [0, 1, 2, ((0, 1), (2, 0))], ids=str)
@pytest.mark.parametrize("face", ["conv", "conv_dA", "conv_dW"])
def test_eigen_stays_with_xla(face, padding):
    """No library takes it over, nor does XLA let pixels and kernel change places."""
    window = resolve(face, (20, 17), (3, 3), padding=padding)
    A, W = jnp.zeros((2, 20, 17, 24)), jnp.zeros((3, 3, 24, 32))
    dZ = jnp.zeros((2, *window.output_size, 32))
    operands = {"conv": (A, W), "conv_dA": (dZ, W), "conv_dW": (A, dZ)}[face]
    program = jax.jit(partial(getattr(eigen, face), window=window)).lower(*operands).compile().as_text()
    assert " convolution(" in program
    assert "ynn" not in program and "rhs_reversal" not in program
    if face == "conv_dW":
        assert eigen.fits_dW(window)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads the program of a CPU")
@pytest.mark.parametrize("f", [3, 7])
def test_a_sum_of_taps_is_not_computed_again_for_each_that_reads_it(f):
    """No kernel that holds the f² products of one looks up pixels or compares them, as dW does and a pool."""

    def loss(A, W):
        Z = convolution.conv(convolution.conv(A, W, padding="SAME", groups=16), W, padding="SAME", groups=16)
        return jnp.sum(jnp.square(max_pool(relu(Z), (2, 2))))

    operands = jnp.ones((2, 16, 16, 16)), jnp.ones((f, f, 1, 16))
    program = jax.jit(jax.grad(loss, (0, 1))).lower(*operands).compile().as_text()
    kernels = re.findall(r"^%?fused[^\n]*\{\n(.*?)^\}", program, re.DOTALL | re.MULTILINE)
    # a sum for dW has as many products as slabs, 8 of 3×3 and at most 16 of 7×7: fewer than f²
    sums_of_taps = [kernel for kernel in kernels if kernel.count(" multiply(") >= f * f]
    assert len(sums_of_taps) >= 4  # two Z and two dA
    assert not [kernel for kernel in sums_of_taps if re.search(r" (gather|compare|select)\(", kernel)]


LOOKED_UP = {
    "avg_pool": lambda A: avg_pool(A, (3, 3), stride=1, padding="SAME"),
    "adaptive_avg_pool": lambda A: adaptive_avg_pool(A, (5, 5)),
}


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads the program of a CPU")
@pytest.mark.parametrize("operation", LOOKED_UP)
def test_what_is_added_up_is_looked_up_in_one_kernel(operation):
    """One for Z and one for dA, whose sums for the loss would have each look written out."""

    def loss(A):
        return jnp.mean(jnp.square(LOOKED_UP[operation](relu(2 * A))))

    program = jax.jit(jax.value_and_grad(loss)).lower(jnp.ones((2, 16, 16, 32))).compile().as_text()
    kernels = re.findall(r"^%?[^\n]*\{\n(.*?)^\}", program, re.DOTALL | re.MULTILINE)
    assert len([kernel for kernel in kernels if " gather(" in kernel]) == 2


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads the program of a CPU")
def test_a_network_keeps_no_second_copy_of_activations_for_dW(monkeypatch):
    """Of 1×1 convolutions: neither A beside the Z of which it is made, nor A transposed."""

    def program():
        def loss(A, kernels):
            for W in kernels:
                A = relu(convolution.conv(A, W) * 2)
            return jnp.sum(jnp.square(A))

        jax.clear_caches()  # rules are traced once
        operands = jnp.ones((2, 16, 16, 8)), [jnp.ones((1, 1, 8, 8))] * 4
        return jax.jit(jax.grad(loss, 1)).lower(*operands).compile()

    kept = program()
    assert not re.search(r"f32\[8,512\]", kept.as_text())
    monkeypatch.setattr(products, "computed_after", lambda first, X: X)
    assert program().memory_analysis().temp_size_in_bytes > kept.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("channels", [3, 64])
def test_the_table_chooses_for_any_number_of_images(channels):
    (images,) = jax.export.symbolic_shape("B")
    A = jax.ShapeDtypeStruct((images, 32, 32, channels), jnp.float32)
    W = jax.ShapeDtypeStruct((3, 3, channels, 16), jnp.float32)
    gradient = jax.grad(lambda A, W: jnp.sum(convolution.conv(A, W, padding="SAME")), (0, 1))
    dA, dW = jax.export.export(jax.jit(gradient))(A, W).out_avals
    assert (dA.shape, dW.shape) == (A.shape, W.shape)


@pytest.mark.parametrize("few", [True, False])
def test_few_channels_on_a_cpu_of_few_registers_and_of_more(few, monkeypatch):
    monkeypatch.setattr(thin, "_few_registers", lambda: few)
    geometry = {"stride": (2, 1), "padding": 1}
    for filters in (7, 48):
        check_choice((2, 6, 5, 3), (3, 2, 3, filters), geometry, 1)
    rng, window = np.random.default_rng(0), resolve("conv", (6, 5), (3, 2), **geometry)
    for filters in (7, 40, 48):  # 40 are no multiple of those taken at once
        A, W = integers(rng, 2, 6, 5, 3), integers(rng, 3, 2, 3, filters)
        np.testing.assert_array_equal(thin.conv(A, W, window), correlation.conv(A, W, window))


@pytest.mark.parametrize(("channels", "groups"), [(2, 1), (4, 4)])
def test_kernels_of_too_many_taps_to_unroll(channels, groups, monkeypatch):
    for module in (choice, depthwise):
        monkeypatch.setattr(module, "_MOST_TAPS", 4)
    geometry = {"stride": (2, 1), "dilation": (3, 1), "padding": ((5, 2), (1, 1))}
    check_choice((2, 8, 5, channels), (3, 2, channels // groups, 4), geometry, groups)


def test_winograd_rounds_like_lax():
    """Its errors against float64 are at most twice those of the form that lax computes."""
    window = resolve("conv", (10, 9), (3, 3), padding=1)
    rng = np.random.default_rng(0)
    A, W = rng.standard_normal((2, 10, 9, 64)), rng.standard_normal((3, 3, 64, 64))
    faces = {"conv": (A, W), "conv_dA": (A, W), "conv_dW": (A, A)}
    for face, exact in faces.items():
        operands = [jnp.asarray(X, jnp.float32) for X in exact]
        truth = getattr(correlation, face)(*(jnp.asarray(X, jnp.float64) for X in operands), window)
        errors = [
            jnp.sqrt(jnp.mean((getattr(form, face)(*operands, window).astype(jnp.float64) - truth) ** 2))
            for form in (winograd, correlation)
        ]
        assert errors[0] <= 2 * errors[1], face


def check_choice(a, w, geometry, groups):
    """The forms that run on a CPU, on a GPU and elsewhere equal the oracle on integers."""
    window = resolve("conv", a[1:-1], w[: len(a) - 2], **geometry)
    rng = np.random.default_rng(0)
    z = (a[0], *window.output_size, w[-1])
    A, W, dZ = (integers(rng, *shape).astype(jnp.float32) for shape in (a, w, z))

    @jax.jit
    def every_form(A, W, dZ):
        faces = {"conv": (A, W), "conv_dA": (dZ, W), "conv_dW": (A, dZ)}
        return [
            [form(*operands) for form in choice.forms(face, *operands, window, groups, None, jnp.float32)]
            for face, operands in faces.items()
        ]

    @jax.jit
    def oracle(A, W, dZ):
        keywords = {"stride": window.stride, "padding": window.padding, "dilation": window.dilation}
        Z, pull = jax.vjp(partial(convolutions.conv, **keywords, groups=groups), A, W)
        return Z, *pull(dZ)

    for results, expected in zip(every_form(A, W, dZ), oracle(A, W, dZ), strict=True):
        for got in results:
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("few", [1, 10**6])
@pytest.mark.parametrize("columns", [1, 2, 15, 16, 383, 384, 385, 1000, 1001])
def test_sums_along_an_axis_count_every_column_once(columns, few, monkeypatch):
    monkeypatch.setattr(sums, "_FEW_OF_ROWS", few)
    A = jnp.asarray(np.random.default_rng(columns).integers(-8, 9, (3, columns)), jnp.float32)
    got = sums.along(1, A * A + 1)
    np.testing.assert_array_equal(got, np.sum(np.square(A) + 1, 1))


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 100), (2, 40, 100), (600, 8)], ids=str)
def test_weighted_sums_of_rows_give_every_column_its_weight(shape):
    """Few numbers, and many by a product, of few columns too."""
    rng = np.random.default_rng(0)
    X, weights = (rng.integers(-8, 9, n).astype(np.float32) for n in (shape, shape[-1]))
    got = jax.jit(sums.weighted)(X, weights)
    np.testing.assert_array_equal(got, np.sum(X * weights, -1, keepdims=True))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64, jnp.bfloat16])
def test_what_stands_apart_is_the_same_number(dtype):
    X = jnp.asarray([-jnp.inf, -1.5, -0.0, 0.0, 3.0, jnp.inf, jnp.nan], dtype)
    got = jax.jit(sums.apart)(X)
    assert got.dtype == X.dtype
    np.testing.assert_array_equal(np.asarray(got, float), np.asarray(X, float))
    np.testing.assert_array_equal(jnp.signbit(got), jnp.signbit(X))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_logarithm_of_one_and_more_keeps_its_digits(dtype):
    """What this kills: log(1 + x), and (1 + x) − 1 taken for x, as XLA on jaxlib 0.10.2 does."""
    x = np.exp(np.random.default_rng(0).uniform(-60, 30, 2**16)).astype(dtype)
    got, exact = np.asarray(jax.jit(log1p)(x)), np.log1p(x.astype(np.longdouble))
    assert np.max(np.abs(got - exact) / np.spacing(exact.astype(dtype))) < 2
    np.testing.assert_array_equal(jax.jit(log1p)(jnp.array([0.0, jnp.nan])), [0, np.nan])


@pytest.mark.parametrize(("platform", "own"), [("cpu", False), ("cuda", True), ("tpu", True)])
def test_elsewhere_the_logarithm_is_xlas_own(platform, own):
    """On a GPU XLA takes (1 + x) − 1 for x, and a small loss was 0 there."""
    program = jax.jit(log1p).trace(jnp.ones(3)).lower(lowering_platforms=(platform,)).as_text()
    assert ("log_plus_one" in program) == own


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_every_number_of_a_narrow_dtype_comes_back_from_a_wide_one(dtype):
    X = np.arange(2**16, dtype=np.uint16).view(dtype)
    got = np.asarray(jax.jit(lambda X: narrowed(widened(X), dtype))(X))
    assert got.dtype == X.dtype
    with np.errstate(invalid="ignore"):  # a NaN that signals
        nan = np.isnan(X)
        np.testing.assert_array_equal(np.isnan(got), nan)
    np.testing.assert_array_equal(got.view(np.uint16)[~nan], X.view(np.uint16)[~nan])


def test_the_remainder_matters_to_the_rotated_form():
    """What this kills: L14 without the remainder row. Pixels that no window reaches get zero, not a shift."""
    window = resolve("conv_dA", (6,), (3,), stride=2)
    assert window.remainder == (1,)
    dZ, W = jnp.ones((1, 2, 1)), jnp.ones((3, 1, 1))
    dA = correlation.conv_dA(dZ, W, window)
    assert dA.shape == (1, 6, 1)
    assert dA[0, :, 0].tolist() == [1, 1, 2, 1, 1, 0]
    cropped = correlation.conv_dA(dZ, W, replace(window, input_size=(5,)))
    assert cropped.shape == (1, 5, 1)


@given(geometry=windows(), seed=st.integers(0, 99))
def test_tap_and_untap_are_adjoint(geometry, seed):
    """⟨S_j A, V⟩ = ⟨A, S_jᵀ V⟩ for every tap."""
    n, f, keywords = geometry
    window = resolve("conv", n, f, **keywords)
    rng = np.random.default_rng(seed)
    A, V = integers(rng, 1, *n, 1), integers(rng, 1, *window.output_size, 1)
    for j in window.taps():
        seen = tap(pad(A, window), window, j)
        np.testing.assert_array_equal(placed(pixels(A, window, j), window, j), seen)
        assert jnp.vdot(seen, V) == jnp.vdot(A, untap(V, window, j))


@given(geometry=windows())
def test_pixel_index_reads_the_pixel_that_each_tap_sees(geometry):
    n, f, keywords = geometry
    window = resolve("conv", n, f, **keywords)
    A = np.arange(1.0, 1 + np.prod(n)).reshape(1, *n, 1)
    seen = np.append(A.reshape(-1), 0.0)[pixel_index(window)]
    for flat, j in enumerate(window.taps()):
        sliced = tap(pad(jnp.asarray(A), window), window, j)
        np.testing.assert_array_equal(seen[:, flat], sliced.reshape(-1))


@given(data=st.data())
def test_tables_along_an_axis_are_matrices(data):
    """apply is M, its transposed table Mᵀ; unfold and its slots are each other's adjoint."""
    n, rows = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    entry = st.tuples(
        st.integers(0, n - 1), st.sampled_from(data.draw(st.sampled_from(((1.0,), (1.0, 0.0, 2.0)))))
    )
    entries = data.draw(st.lists(st.lists(entry, min_size=1, max_size=3), min_size=rows, max_size=rows))
    entries[0].append((0, 1.0))  # one entry at the least
    M = np.zeros((rows, n))
    for m, row in enumerate(entries):
        for i, w in row:
            M[m, i] += w
    table, rng = axes.table(entries), np.random.default_rng(0)
    A, V = integers(rng, 2, n, 3), integers(rng, 2, rows, 3)
    np.testing.assert_array_equal(axes.apply(A, table, 1), jnp.einsum("mi,bic->bmc", M, A))
    np.testing.assert_array_equal(
        axes.apply(V, axes.transposed(table, n), 1), jnp.einsum("mi,bmc->bic", M, V)
    )
    U = axes.unfold(A, table, 1)
    back = integers(rng, *U.shape)
    folded = axes.apply(back.reshape(2, -1, 3), axes.slots(table, n), 1)
    assert jnp.vdot(U, back) == jnp.vdot(A, folded)


def test_the_toeplitz_matrix_of_figure_9():
    """3×3 input, 2×2 kernel: 4×9, 16 entries nonzero, 4 distinct values (L10)."""
    window = resolve("conv", (3, 3), (2, 2))
    T = toeplitz.matrix(jnp.arange(1.0, 5.0).reshape(2, 2, 1, 1), window).reshape(4, 9)
    assert T.tolist() == [
        [1, 2, 0, 3, 4, 0, 0, 0, 0],
        [0, 1, 2, 0, 3, 4, 0, 0, 0],
        [0, 0, 0, 1, 2, 0, 3, 4, 0],
        [0, 0, 0, 0, 1, 2, 0, 3, 4],
    ]


@pytest.mark.parametrize(("size", "dtype"), [((2, 2), "uint8"), ((16, 16), "uint8"), ((17, 16), "uint16")])
def test_the_index_takes_the_smallest_unsigned_type(size, dtype):
    assert pooling.index_dtype(resolve("max_pool", (40, 40), size)) == dtype
