"""Article sections "Convolution Layers" and "Connections Cutting and Parameters Sharing" (L9–L11)."""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn
from jaxcnn import rectifiers
from jaxcnn.derivations.claims.grids import (
    axes,
    compiled,
    draw_A,
    draw_b,
    draw_W,
    geometry,
    layers,
    lines,
    remainder,
    valid_layers,
    window,
)
from jaxcnn.derivations.claims.witnesses import attempt, keywords, library_vjp, shape_of
from jaxcnn.derivations.ledger import NOWHERE, Case, Claim, Comparison, Domain, Part
from jaxcnn.derivations.proofs.coverage import NO_PADDING
from jaxcnn.forms import toeplitz
from jaxcnn.loops import convolution as loops
from jaxcnn.loops.activations import relu
from jaxcnn.loops.window import output_size, starts, walk
from jaxcnn.window import resolve

# ------------------------------------------------------------------------------------- L9


def layer(case: Case) -> np.ndarray:
    """Z = W · A + b with · as the convolution over volume."""
    return loops.conv(draw_A(case), draw_W(case), **window(case)) + draw_b(case)


def planes_summed(case: Case) -> Comparison:
    """A = g(Z), filter by filter: each a sum over channels of convolved planes, and its bias."""
    A, W, b = draw_A(case), draw_W(case), draw_b(case)
    maps = [
        sum(
            loops.conv(A[..., [c]], W[..., [c], :][..., [o]], **window(case))[..., 0]
            for c in range(case["C"])
        )
        + b[o]
        for o in range(case["K"])
    ]
    return Comparison(relu(layer(case)), relu(np.stack(maps, -1)))


def matrix_product(case: Case) -> Comparison:
    """Z = W · A + b with · as the product of matrices: each pixel's channels times W."""
    A, W = draw_A(case), draw_W(case)
    got = attempt(lambda: A @ W.reshape(-1, case["K"]) + draw_b(case))
    return Comparison(got, layer(case), inputs={"A": A, "W": W, "b": draw_b(case)})


def windows_are_pixels(case: Case) -> bool:
    """Window m is pixel m."""
    return all(f == 1 and starts(n, f, s=s, p=p, d=d) == list(range(n)) for n, f, s, p, d in axes(case))


def patch_product(case: Case) -> Comparison:
    """Z as a product of matrices: the row of what a window sees, times W as a matrix."""
    A, W = draw_A(case), draw_W(case)
    Z = layer(case)
    P = np.zeros((case["B"], *Z.shape[1:-1], *W.shape[:-1]))
    for m, j, i in walk(*geometry(case)):
        P[:, *m, *j] = A[:, *i]
    rows = P.reshape(Z[..., 0].size, -1)
    return Comparison((rows @ W.reshape(-1, case["K"])).reshape(Z.shape) + draw_b(case), Z)


def library_layer(case: Case) -> Comparison:
    """A = relu(conv(A, W, b)) by jaxcnn, against the loop."""
    A = rectifiers.relu(jnp.asarray(library_vjp(case)["Z"]))
    return Comparison(np.asarray(A), relu(layer(case)))


def bias_shapes(case: Case) -> Comparison:
    """Of several shapes `jaxcnn.conv` accepts (K,) alone for b."""
    K = case["K"]
    tried = {(), (1,), (K,), (K + 1,), (1, K), (3, K), (3, 1)}
    call = partial(shape_of, (2, 4, 2), (2, 2, K))
    fits = [b for b in sorted(tried) if attempt(partial(call, b)) != "ValueError"]
    return Comparison(str(fits), str([(K,)]))


L9 = Claim(
    number=9,
    section="Convolution Layers",
    statement="Z = W · A + b, A = g(Z).",
    reading="'·' is the convolution over volume of the section before, one filter a map; g = ReLU.",
    cases=layers,
    printed=planes_summed,
    correction="As a product of matrices it holds for the patches of A (im2col) or the matrix of W (L10).",
    corrected=patch_product,
    parts=(
        Part(
            "with '·' as a product of matrices, W times the channels of A",
            matrix_product,
            layers,
            Domain("f = 1 and window m is pixel m", windows_are_pixels),
        ),
        Part("jaxcnn.conv and jaxcnn.relu compute it", library_layer, compiled),
        Part(
            "b is one number a filter: other shapes are refused", bias_shapes, lambda _: [{"K": 1}, {"K": 3}]
        ),
    ),
)

# ------------------------------------------------------------------------------------ L10


def layer_matrix(case: Case) -> np.ndarray:
    """T, (n_out·K, n·C) with vec Z = T vec A: the images of the unit arrays, one a column."""
    n, C = case["n"], case["C"]
    units = np.eye(int(np.prod(n)) * C).reshape(-1, *n, C)
    Z = loops.conv(units, draw_W(case), **window(case))
    return Z.reshape(len(units), -1).T


def touched(case: Case, pixel: int) -> list[int]:
    """The output pixels that an input pixel touches, flat numbers."""
    T = layer_matrix(case).reshape(-1, case["K"], int(np.prod(case["n"])), case["C"])
    return np.flatnonzero(T[:, :, pixel, :].any((1, 2))).tolist()


def first_touches_first(case: Case) -> Comparison:
    """Input 1 touches output A alone; the matrix has no values but the weights."""
    T, W = layer_matrix(case), draw_W(case)
    got = (touched(case, 0), np.unique(T[T != 0]).tolist())
    return Comparison(str(got), str(([0], np.unique(W).tolist())))


def touches_one(case: Case) -> Comparison:
    """A pixel touches exactly one output."""
    return Comparison(len(touched(case, case["pixel"])), 1)


def is_corner(case: Case) -> bool:
    """A pixel at an end of every axis."""
    at = np.unravel_index(case["pixel"], case["n"])
    return all(i in (0, n - 1) for i, n in zip(at, case["n"], strict=True))


def library_matrix(case: Case) -> np.ndarray:
    """T by `forms.toeplitz.matrix`."""
    geometry = resolve("toeplitz", case["n"], case["f"], **keywords(case))
    T = np.asarray(toeplitz.matrix(jnp.asarray(draw_W(case)), geometry))
    return T.reshape(T.shape[0] * T.shape[1], -1)


def toeplitz_matrix(case: Case) -> Comparison:
    """`forms.toeplitz.matrix` against the images of the unit arrays."""
    return Comparison(library_matrix(case), layer_matrix(case))


def sparsity(case: Case) -> Comparison:
    """(rows, columns, nonzero entries, distinct values), the library's against counting."""

    def numbers(T: np.ndarray) -> list[int]:
        return [*T.shape, np.count_nonzero(T), len(np.unique(T[T != 0]))]

    return Comparison(numbers(library_matrix(case)), numbers(layer_matrix(case)))


def centre_touches(case: Case) -> Comparison:
    """What the centre of figure 9, input 5, touches: A to D."""
    return Comparison(touched(case, 4), range(4))


def figure_9(thorough: bool) -> list[Case]:
    """3×3 input, 2×2 kernel, valid."""
    none = ((0, 0), (0, 0))
    return [{"n": (3, 3), "f": (2, 2), "s": (1, 1), "p": none, "d": (1, 1), "B": 1, "C": 1, "K": 1}]


def pixels(thorough: bool) -> Iterator[Case]:
    """Every pixel of small images under smaller kernels of two taps or more, valid, stride 1."""
    sizes = (((3, 3), (2, 2)), ((4, 3), (2, 2)), ((4, 4), (3, 2)), ((5,), (2,)), ((5,), (4,)))
    for n, f in sizes + ((((6, 5), (3, 4)), ((3, 3, 4), (2, 2, 3))) if thorough else ()):
        ones, none = (1,) * len(n), ((0, 0),) * len(n)
        for pixel in range(int(np.prod(n))):
            yield {
                "n": n, "f": f, "s": ones, "p": none, "d": ones, "B": 1, "C": 1, "K": 1, "pixel": pixel
            }  # fmt: skip


def bordered(thorough: bool) -> Iterator[Case]:
    """One axis with a border that some window shares with the first pixel; no dilation."""
    for case in lines(thorough):
        if case["d"] == (1,) and case["p"][0][0] < case["f"][0]:
            yield case | {"pixel": 0}


L10 = Claim(
    number=10,
    section="Connections Cutting and Parameters Sharing, figure 9",
    statement="Not every input touches every output (input 1 touches A alone), and the weights are shared.",
    reading="Valid padding, as in the figure; 'shared': the layer's matrix has no other values than W's.",
    cases=valid_layers,
    printed=first_touches_first,
    parts=(
        Part("the figure: rows, columns, nonzero entries, distinct values", sparsity, figure_9),
        Part("the figure: input 5 touches A to D", centre_touches, figure_9),
        Part(
            "a pixel touches one output alone (valid, s = 1, 1 < f < n)",
            touches_one,
            pixels,
            Domain("it is a corner", is_corner),
        ),
        Part(
            "with a border p < f, input 1 touches one output alone",
            touches_one,
            bordered,
            Domain(
                "p < s, or there is one window",
                lambda case: case["p"][0][0] < case["s"][0] or output_size(*geometry(case)) == (1,),
            ),
        ),
        Part("jaxcnn.forms.toeplitz.matrix is the layer's matrix", toeplitz_matrix, compiled),
    ),
)

# ------------------------------------------------------------------------------------ L11


def jacobian(case: Case, A: np.ndarray) -> np.ndarray:
    """∂Z[m]/∂W[j] of one filter, (n_out, f·C), by the unit kernels."""
    units = np.eye(int(np.prod(case["f"])) * case["C"]).reshape(*case["f"], case["C"], -1)
    return loops.conv(A, units, **window(case))[0]


def all_affect(case: Case) -> Comparison:
    """No entry of the Jacobian is zero."""
    J = jacobian(case, draw_A(case))
    return Comparison(np.count_nonzero(J), J.size, inputs={"jacobian": J})


def all_affect_with_a_zero(case: Case) -> Comparison:
    """The same where the first pixel is zero."""
    A = draw_A(case)
    A.reshape(case["B"], -1, case["C"])[:, 0] = 0
    J = jacobian(case, A)
    return Comparison(np.count_nonzero(J), J.size)


def seen_affect(case: Case) -> Comparison:
    """The nonzero entries are those at which a tap sees a pixel, by `Window.inside` of each axis."""
    rank = len(case["n"])
    resolved = resolve("L11", case["n"], case["f"], **keywords(case))
    seen = np.ones((), bool)
    for axis in range(rank):
        seen = np.multiply.outer(seen, np.array(resolved.inside(axis)))
    seen = seen.transpose(*range(0, 2 * rank, 2), *range(1, 2 * rank, 2))
    seen = np.repeat(seen[..., None], case["C"], -1)
    return Comparison(jacobian(case, draw_A(case)).reshape(seen.shape) != 0, seen)


def library_jacobian(case: Case) -> Comparison:
    """(zeros, entries) of `jax.jacrev` of `jaxcnn.conv`, against counting."""
    A, W = jnp.asarray(draw_A(case)), jnp.asarray(draw_W(case))
    J = np.asarray(jax.jit(jax.jacrev(lambda W: jaxcnn.conv(A, W, **keywords(case))))(W))
    loop = jacobian(case, draw_A(case))
    return Comparison([J.size - np.count_nonzero(J), J.size], [np.sum(loop == 0), loop.size])


def one_filter(thorough: bool) -> Iterator[Case]:
    """One example and one filter; every padding."""
    return (case | {"B": 1, "K": 1} for case in layers(thorough))


def unpadded(thorough: bool) -> Iterator[Case]:
    """The same without padding."""
    return (case | {"B": 1, "K": 1} for case in valid_layers(thorough))


def three_by_three(thorough: bool) -> list[Case]:
    """3×3 on 3×3 with same padding."""
    p = ((1, 1), (1, 1))
    return [{"n": (3, 3), "f": (3, 3), "s": (1, 1), "p": p, "d": (1, 1), "B": 1, "C": 1, "K": 1}]


L11 = Claim(
    number=11,
    section="Connections Cutting and Parameters Sharing",
    statement="Every weight of a filter affects every element of the feature map.",
    reading="The filter's own map, pixels that are not zero; 'affects': the partial derivative is not zero.",
    cases=one_filter,
    printed=all_affect,
    domain=Domain(
        "no tap sees padding: p = 0, q ≤ r",
        lambda case: all(p == 0 and q <= remainder(n, f, s, (p, q), d) for n, f, s, (p, q), d in axes(case)),
    ),
    correction="Weight j affects element m exactly where m·s + j·d − p is a pixel.",
    corrected=seen_affect,
    parts=(
        Part("with a first pixel of zero, without padding", all_affect_with_a_zero, unpadded, NOWHERE),
        Part("3×3 on 3×3, same: zeros and entries of jaxcnn's Jacobian", library_jacobian, three_by_three),
    ),
    printed_identities=(NO_PADDING,),
)
