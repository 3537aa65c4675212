"""Article section "Convolutional Layer Backpropagation": dZ, dA, dW and db (L12–L16)."""

import itertools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn as library
from jaxcnn.derivations.claims.grids import (
    axes,
    compiled,
    draw,
    draw_A,
    draw_b,
    draw_dZ,
    draw_W,
    extent,
    geometry,
    layers,
    remainder,
    window,
)
from jaxcnn.derivations.claims.witnesses import (
    ROUNDING,
    attempt,
    by_basis,
    keywords,
    library_vjp,
    once,
    oracle_vjp,
    rule_vjp,
)
from jaxcnn.derivations.ledger import NOWHERE, Case, Claim, Comparison, Domain, Part, Test
from jaxcnn.derivations.proofs import convolution as proofs
from jaxcnn.derivations.proofs.identity import Identity
from jaxcnn.forms import correlation, im2col, scatter, shifted, toeplitz
from jaxcnn.loops import activations
from jaxcnn.loops import convolution as loops
from jaxcnn.loops.window import output_size, walk
from jaxcnn.window import resolve

# ------------------------------------------------------------------------------------ L12

ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "relu": (activations.relu, activations.relu_slope),
    "sigmoid": (activations.sigmoid, activations.sigmoid_slope),
    "tanh": (activations.tanh, activations.tanh_slope),
    "softmax": (activations.softmax, activations.softmax_slope),
}


def draw_Z(case: Case) -> np.ndarray:
    """(B, k) moderate numbers, none of them 0."""
    return draw(case, "Z", (case["B"], case["k"])) / 16


def jacobian(g: Callable, Z: np.ndarray) -> np.ndarray:
    """∂g[b, l]/∂Z[b, k], (B, k, l), by complex steps: exact to rounding, no derivative of ours."""
    step = 1e-30
    return np.stack([(g(Z + 1j * step * unit)).imag / step for unit in np.eye(Z.shape[-1])], 1)


def elementwise(case: Case) -> Comparison:
    """dA * g′(Z) against Jᵀ dA."""
    g, slope = ACTIVATIONS[case["g"]]
    Z, dA = draw_Z(case), draw(case, "dA", (case["B"], case["k"]))
    got = activations.activation_dZ(slope, Z, dA)
    expected = np.einsum("bkl,bl->bk", jacobian(g, Z), dA)
    return Comparison(got, expected, ROUNDING, {"Z": Z, "dA": dA})


def is_elementwise(case: Case) -> bool:
    """Moving one entry of Z moves that entry of g(Z) alone."""
    g, _ = ACTIVATIONS[case["g"]]
    Z = draw_Z(case)
    return all(np.all((g(Z + unit) == g(Z)) | (unit != 0)) for unit in np.eye(case["k"]))


def library_dZ(case: Case) -> Comparison:
    """`jaxcnn.activation_dZ` against Jᵀ dA."""
    Z, dA = draw_Z(case), draw(case, "dA", (case["B"], case["k"]))
    got = np.asarray(library.activation_dZ(getattr(library, case["g"]), jnp.asarray(Z), jnp.asarray(dA)))
    g, _ = ACTIVATIONS[case["g"]]
    return Comparison(got, np.einsum("bkl,bl->bk", jacobian(g, Z), dA), ROUNDING)


def star_is_convolution(case: Case) -> Comparison:
    """dZ = dA * g′(Z) with * as L1's convolution against the product of elements."""
    _, slope = ACTIVATIONS[case["g"]]
    Z, dA = draw_Z(case), draw(case, "dA", (case["B"], case["k"]))
    return Comparison(loops.convolve(dA, slope(Z)), dA * slope(Z), ROUNDING)


def slope_at_zero(case: Case) -> Comparison:
    """ReLU's two one-sided slopes at 0 agree."""
    step = 0.5
    right, left = (activations.relu(np.array(side)) / side for side in (step, -step))
    return Comparison(right, left)


def declared_slope(case: Case) -> Comparison:
    """jaxcnn's ReLU at 0 passes nothing on."""
    Z, dA = jnp.zeros((case["k"],)), jnp.asarray(draw(case, "dA", (case["k"],)))
    return Comparison(np.asarray(library.activation_dZ(library.relu, Z, dA)), np.zeros(case["k"]))


def activated(thorough: bool) -> Iterator[Case]:
    """Every activation on B × k numbers."""
    largest = 8 if thorough else 5
    for k, B, g in itertools.product(range(1, largest), (1, 2, 3), ACTIVATIONS):
        yield {"k": k, "B": B, "g": g}


def elementwise_only(thorough: bool) -> Iterator[Case]:
    """Those that L12 is about."""
    return (case for case in activated(thorough) if case["g"] in ("relu", "tanh"))


def activated_few(thorough: bool) -> Iterator[Case]:
    """One shape for the library."""
    return ({"k": 3, "B": 2, "g": g} for g in ACTIVATIONS)


def by_jacobian(case: Case) -> Comparison:
    """Σ_l g_l′ dA with the whole Jacobian: for softmax y (dA − Σ y dA), for the others dA g′."""
    g, slope = ACTIVATIONS[case["g"]]
    Z, dA = draw_Z(case), draw(case, "dA", (case["B"], case["k"]))
    if case["g"] == "softmax":
        y = g(Z)
        got = y * (dA - np.sum(y * dA, -1, keepdims=True))
    else:
        got = activations.activation_dZ(slope, Z, dA)
    return Comparison(got, np.einsum("bkl,bl->bk", jacobian(g, Z), dA), ROUNDING)


L12 = Claim(
    number=12,
    section="Convolutional Layer Backpropagation",
    statement="dZ = dA * g′(Z).",
    reading="* is the product of elements, g′ the derivative of each element by itself.",
    cases=activated,
    printed=elementwise,
    domain=Domain("g acts on each element alone (its Jacobian is diagonal)", is_elementwise),
    correction="dZ = Jᵀ dA; for softmax dZ = y (dA − Σ y dA). relu′(0) has to be declared: 0.",
    corrected=by_jacobian,
    parts=(
        Part(
            "with * as the convolution of L1",
            star_is_convolution,
            elementwise_only,
            Domain("one element", lambda case: case["B"] * case["k"] == 1),
        ),
        Part("ReLU has one slope at 0", slope_at_zero, lambda _: [{}], NOWHERE),
        Part("jaxcnn declares relu′(0) = 0", declared_slope, lambda _: [{"k": 3}]),
        Part("jaxcnn.activation_dZ is Jᵀ dA", library_dZ, activated_few),
    ),
)

# --------------------------------------------------------------------- witnesses of L13–L16


def dA_with(case: Case, W: np.ndarray) -> np.ndarray:
    """dA of a layer with kernel W from the forward pass alone, by unit arrays."""
    return by_basis(lambda A: loops.conv(A, W, **window(case)), np.zeros(draw_A(case).shape), draw_dZ(case))


@once
def true_dA(case: Case) -> np.ndarray:
    """The same with the case's kernel."""
    return dA_with(case, draw_W(case))


@once
def true_dW(case: Case) -> np.ndarray:
    """dW from the forward pass alone."""
    A = draw_A(case)
    return by_basis(lambda W: loops.conv(A, W, **window(case)), np.zeros(draw_W(case).shape), draw_dZ(case))


@once
def true_db(case: Case) -> np.ndarray:
    """db from the forward pass alone."""
    Z = loops.conv(draw_A(case), draw_W(case), **window(case))
    return by_basis(lambda b: Z + b, draw_b(case), draw_dZ(case))


def compiled_face(face: str, loop: Callable[[Case], np.ndarray], *identities: Identity) -> tuple[Part, Part]:
    """The library's face against the loop, and its rule against `jax.vjp` of the oracle."""
    return (
        Part(
            f"jaxcnn.conv_{face} is that sum",
            lambda case: Comparison(library_vjp(case)[face], loop(case)),
            compiled,
            identities=identities,
        ),
        Part(
            f"{face} by jax.vjp of jaxcnn.conv is jax.vjp of the oracle",
            lambda case: Comparison(rule_vjp(case)[face], oracle_vjp(case)[face]),
            compiled,
        ),
    )


# ------------------------------------------------------------------------------------ L13


def without_slice(case: Case) -> Comparison:
    """The sum as printed."""
    W, dZ = draw_W(case), draw_dZ(case)
    return Comparison(loops.conv_dA_sum(dZ, W), true_dA(case), inputs={"W": W, "dZ": dZ})


def scattered(case: Case) -> np.ndarray:
    """The sum with its slice."""
    return loops.conv_dA(draw_dZ(case), draw_W(case), n=case["n"], **window(case))


def with_slice(case: Case) -> Comparison:
    """The same against the truth."""
    return Comparison(scattered(case), true_dA(case))


def inclusive(case: Case) -> Comparison:
    """A window m = n_out, which sums up to and including n_out count from 0, would still fit."""
    size = output_size(*geometry(case))
    fits = [m * s + extent(f, d) <= n + sum(p) for m, (n, f, s, p, d) in zip(size, axes(case), strict=True)]
    return Comparison(any(fits), True)


L13 = Claim(
    number=13,
    section="Convolutional Layer Backpropagation",
    statement="dA += Σ_m Σ_n W · dZ[m,n], m from 0 to n_h, n from 0 to n_w.",
    reading="To the letter: no slice; · sums over the filters; m and n run over dZ's elements.",
    cases=layers,
    printed=without_slice,
    correction="dA_pad[m·s : m·s + e : d] += Σ_o W[…,o] dZ[m,o] for 0 ≤ m < n_out; then crop the border.",
    corrected=with_slice,
    parts=(
        Part(
            "without the slice",
            without_slice,
            layers,
            Domain(
                "the image is one window: n = f, p = 0",
                lambda case: all(n == f and p == 0 for n, f, _, (p, _), _ in axes(case)),
            ),
        ),
        Part(
            "sums up to and including n_out, from 0, find a last window",
            inclusive,
            layers,
            NOWHERE,
            (proofs.INCLUSIVE,),
        ),
        *compiled_face("dA", scattered, proofs.FULL),
    ),
    corrected_identities=(proofs.UNTAP,),
)

# ------------------------------------------------------------------------------------ L14


def full(**options) -> Test:
    """The full convolution of dZ with W, done as the options say, against the truth."""

    def test(case: Case) -> Comparison:
        W, dZ = draw_W(case), draw_dZ(case)
        got = attempt(lambda: loops.conv_dA_full(dZ, W, n=case["n"], **window(case), **options))
        return Comparison(got, true_dA(case), inputs={"W": W, "dZ": dZ})

    return test


def everywhere(condition: Callable[..., bool]) -> Callable[[Case], bool]:
    """The condition on (n, f, s, (p, q), d) holds on every axis."""
    return lambda case: all(condition(*axis) for axis in axes(case))


def no_remainder(n, f, s, p, d) -> bool:
    """r = 0."""
    return remainder(n, f, s, p, d) == 0


def no_gaps(n, f, s, p, d) -> bool:
    """s = 1 or n_out = 1."""
    return s == 1 or output_size((n,), (f,), (s,), (p,), (d,)) == (1,)


def same_windows(case: Case) -> bool:
    """The pixels that each tap of each window sees are the same at stride 1, and within the result."""
    n, f, s, p, d = geometry(case)
    size, ones = output_size(n, f, s, p, d), (1,) * len(n)
    packed = {(m, j, i) for m, j, i in walk(n, f, ones, p, d) if all(np.less(m, size))}
    wide_enough = all(
        m + remainder(*axis) + extent(axis[1], axis[4]) - 1 >= axis[3][0] + axis[0]
        for m, axis in zip(size, axes(case), strict=True)
    )
    return wide_enough and packed == set(walk(n, f, s, p, d))


def centre_only(case: Case) -> bool:
    """Every tap that sees a pixel is the kernel's centre, which the rotation leaves in place."""
    return all(2 * j[a] == case["f"][a] - 1 for _, j, _ in walk(*geometry(case)) for a in range(len(j)))


CENTRE = Domain("only the kernel's centre ever sees a pixel (f = 1; n = 1, f = 3, p = 1; …)", centre_only)


def symmetric_kernel(case: Case) -> Comparison:
    """No rotation, with a kernel that does not change under it."""
    W = draw_W(case)
    W = W + loops.rot180(W, len(case["n"]))
    dZ, where = draw_dZ(case), {"n": case["n"]} | window(case)
    return Comparison(loops.conv_dA_full(dZ, W, rotation=False, **where), loops.conv_dA(dZ, W, **where))


def rotated_twice(case: Case) -> Comparison:
    """The rotated kernel inside L1's true convolution, one plane at a time."""
    return _by_planes(case, rotate=True)


def rotated_once(case: Case) -> Comparison:
    """The kernel as it is inside L1's true convolution."""
    return _by_planes(case, rotate=False)


def _by_planes(case: Case, rotate: bool) -> Comparison:
    rank, W = len(case["n"]), draw_W(case)
    wide = loops.spread(draw_dZ(case), case["s"])
    wide = np.pad(wide, [(0, 0), *((0, remainder(*axis)) for axis in axes(case)), (0, 0)])
    kernel = np.moveaxis(loops.spread(np.moveaxis(W, -2, 0), case["d"]), 0, -2)
    kernel = loops.rot180(kernel, rank) if rotate else kernel
    planes = [
        [
            sum(loops.convolve(x[..., o], kernel[..., c, o]) for o in range(case["K"]))
            for c in range(case["C"])
        ]
        for x in wide
    ]
    crop = tuple(slice(p, p + n) for n, _, _, (p, _), _ in axes(case))
    return Comparison(np.moveaxis(np.array(planes), 1, -1)[:, *crop], true_dA(case))


def flipped_layer(case: Case) -> Comparison:
    """dA of a layer whose forward pass is a true convolution: W is not rotated."""
    W = draw_W(case)
    got = loops.conv_dA_full(draw_dZ(case), W, n=case["n"], rotation=False, **window(case))
    return Comparison(got, dA_with(case, loops.rot180(W, len(case["n"]))))


def padded_not_cropped(case: Case) -> Comparison:
    """dZ padded by e − 1 − p, as far as that is not negative."""
    wide = loops.spread(draw_dZ(case), case["s"])
    border = [
        (max(extent(f, d) - 1 - p, 0), max(extent(f, d) - 1 - q + remainder(n, f, s, (p, q), d), 0))
        for n, f, s, (p, q), d in axes(case)
    ]
    W = loops.rot180(draw_W(case), len(case["n"])).swapaxes(-2, -1)
    ones = (1,) * len(case["n"])
    return Comparison(loops.conv(wide, W, s=ones, p=border, d=case["d"]), true_dA(case))


def forms(case: Case) -> Comparison:
    """dA by every form of `jaxcnn.forms`, against the loop."""
    where = resolve("L14", case["n"], case["f"], **keywords(case))
    modules = (correlation, scatter, im2col, shifted, toeplitz)
    run = jax.jit(lambda dZ, W: jnp.stack([form.conv_dA(dZ, W, where) for form in modules]))
    got = run(jnp.asarray(draw_dZ(case)), jnp.asarray(draw_W(case)))
    return Comparison(np.asarray(got), np.stack([scattered(case)] * len(modules)))


L14 = Claim(
    number=14,
    section="Convolutional Layer Backpropagation, figure 11",
    statement="dA is the full convolution of dZ with W rotated by 180°.",
    reading="Every overlap of dZ and the rotated W, multiplied and summed, from filters to channels; dZ as "
    "it is and nothing cropped.",
    cases=layers,
    printed=full(spreading=False, remainder=False, crop="none"),
    domain=Domain(
        "p = 0, q = r, and s = 1 or n_out = 1",
        everywhere(lambda *axis: axis[3] == (0, remainder(*axis)) and no_gaps(*axis)),
    ),
    correction="Put s − 1 zeros between the elements of dZ, append r = (n + p + q − e) mod s zeros, "
    "convolve, keep [p : p + n].",
    corrected=full(),
    parts=(
        Part(
            "without the zeros between (dilation)",
            full(spreading=False),
            layers,
            Domain(
                "s = 1, or n_out = 1, or the windows at m·s that see pixels would see the same ones at m",
                same_windows,
            ),
        ),
        Part(
            "without the remainder, p and q cropped from the two sides",
            full(remainder=False, crop="sides"),
            layers,
            Domain("r = 0", everywhere(no_remainder)),
            (proofs.CROPPED_AT_THE_SIDES,),
        ),
        Part(
            "without the remainder, sliced [p : p + n]",
            full(remainder=False),
            layers,
            Domain("r ≤ q", everywhere(lambda n, f, s, p, d: remainder(n, f, s, p, d) <= p[1])),
            (proofs.SLICED,),
        ),
        Part(
            "without the crop",
            full(crop="none"),
            layers,
            Domain("p = q = 0", everywhere(lambda n, f, s, p, d: p == (0, 0))),
            (proofs.UNCROPPED,),
        ),
        Part(
            "dZ padded by e − 1 − p but never cropped",
            padded_not_cropped,
            layers,
            Domain(
                "p ≤ e − 1 and q ≤ e − 1 + r",
                everywhere(
                    lambda n, f, s, p, d: (
                        p[0] < extent(f, d) and p[1] < extent(f, d) + remainder(n, f, s, p, d)
                    )
                ),
            ),
            (proofs.NEVER_CROPPED,),
        ),
        Part("without the rotation", full(rotation=False), layers, CENTRE, (proofs.UNROTATED,)),
        Part("without the rotation, for symmetric kernels", symmetric_kernel, layers),
        Part("rotated inside the true convolution of L1: flipped twice", rotated_twice, layers, CENTRE),
        Part("W as it is inside the true convolution of L1", rotated_once, layers),
        Part("W as it is, for a layer whose forward pass is the true convolution", flipped_layer, layers),
        Part(
            "without swapping channels and filters",
            full(swap=False),
            layers,
            Domain("C = K = 1", lambda case: case["C"] == case["K"] == 1),
        ),
        Part(
            "jaxcnn's forms of dA are equal: full, scatter, col2im, shifted, transposed matrix",
            forms,
            compiled,
            identities=(proofs.FULL, proofs.UNTAP),
        ),
        *compiled_face("dA", scattered, proofs.FULL),
    ),
    printed_identities=(proofs.PRINTED,),
    corrected_identities=(proofs.ARTICLE,),
)

# ------------------------------------------------------------------------------------ L15


def weights(case: Case) -> np.ndarray:
    """The supplied dW."""
    return loops.conv_dW(draw_A(case), draw_dZ(case), f=case["f"], **window(case))


def correlated(*, crop: bool) -> Test:
    """dW as a correlation of A with dZ."""

    def test(case: Case) -> Comparison:
        A, dZ = draw_A(case), draw_dZ(case)
        got = loops.conv_dW_correlation(A, dZ, f=case["f"], crop=crop, **window(case))
        return Comparison(got, true_dW(case))

    return test


L15 = Claim(
    number=15,
    section="Convolutional Layer Backpropagation",
    statement="dW is to be calculated; no formula is given.",
    reading="The gradient of the loss with respect to W, given dZ.",
    cases=layers,
    printed=None,
    correction="dW[j,c,o] = Σ_{b,m} A_pad[b, m·s + j·d, c] dZ[b,m,o].",
    corrected=lambda case: Comparison(weights(case), true_dW(case)),
    parts=(
        Part(
            "A correlated with dZ, elements s apart, in steps of d, cropped to f",
            correlated(crop=True),
            layers,
            identities=(proofs.KERNEL,),
        ),
        Part(
            "the same without the crop",
            correlated(crop=False),
            layers,
            Domain("r < d", everywhere(lambda *axis: remainder(*axis) < axis[4])),
            (proofs.KERNEL_UNCROPPED,),
        ),
        *compiled_face("dW", weights, proofs.KERNEL),
    ),
)

# ------------------------------------------------------------------------------------ L16


def biases(case: Case) -> np.ndarray:
    """The supplied db."""
    return loops.conv_db(draw_dZ(case))


L16 = Claim(
    number=16,
    section="Convolutional Layer Backpropagation",
    statement="db is to be calculated; no formula is given.",
    reading="The gradient of the loss with respect to b, given dZ.",
    cases=layers,
    printed=None,
    correction="db[o] = Σ_{b,m} dZ[b,m,o].",
    corrected=lambda case: Comparison(biases(case), true_db(case)),
    parts=(
        Part(
            "divided by the batch size",
            lambda case: Comparison(biases(case) / case["B"], true_db(case)),
            layers,
            Domain("B = 1", lambda case: case["B"] == 1),
        ),
        *compiled_face("db", biases),
    ),
)
