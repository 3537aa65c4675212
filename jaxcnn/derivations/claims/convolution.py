"""Article section "Convolution": its first formula and its worked example (L1, L2)."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

import jaxcnn
from jaxcnn.derivations.claims.grids import draw
from jaxcnn.derivations.ledger import Case, Claim, Comparison, Domain, Part
from jaxcnn.loops import convolution as loops


def image(case: Case) -> np.ndarray:
    """The article's f."""
    return draw(case, "f", case["n"])


def kernel(case: Case) -> np.ndarray:
    """The article's h; "even" makes rot180(h) = h, "odd" rot180(h) = −h."""
    h = draw(case, "h", case["f"])
    match case["kind"]:
        case "even":
            return h + np.flip(h)
        case "odd":
            return h - np.flip(h)
        case "drawn":
            return h
    return np.array(EDGE_FILTERS[case["kind"]], float)


EDGE_FILTERS = {
    "vertical edges": [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
    "horizontal edges": [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
    "Sobel": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    "Laplace": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "all directions": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
}

SYMMETRIC = Domain("rot180(h) = h", lambda case: np.array_equal(kernel(case), np.flip(kernel(case))))


def feature_map(f: np.ndarray, h: np.ndarray) -> np.ndarray:
    """What figure 3 shows: place h on f, multiply, sum."""
    ones, none = (1,) * f.ndim, ((0, 0),) * f.ndim
    return loops.conv(f[None, ..., None], h[..., None, None], s=ones, p=none, d=ones)[0, ..., 0]


def valid_crop(G: np.ndarray, f: np.ndarray, h: np.ndarray) -> np.ndarray:
    """The entries of the full G at which h lay wholly on f: from f − 1 to n − 1 on each axis."""
    return G[tuple(slice(k - 1, n) for k, n in zip(h.shape, f.shape, strict=True))]


def printed(case: Case) -> Comparison:
    """G = f * h by the formula against the feature map."""
    f, h = image(case), kernel(case)
    return Comparison(valid_crop(loops.convolve(f, h), f, h), feature_map(f, h), inputs={"f": f, "h": h})


def corrected(case: Case) -> Comparison:
    """The same with h rotated first."""
    f, h = image(case), kernel(case)
    return Comparison(valid_crop(loops.convolve(f, loops.rot180(h, h.ndim)), f, h), feature_map(f, h))


def product(case: Case) -> Comparison:
    """The full G against the coefficients of a product of polynomials, by `np.convolve`.

    In a positional system wide enough for no carry, several axes become one.
    """
    f, h = image(case), kernel(case)
    full = [n + k - 1 for n, k in zip(f.shape, h.shape, strict=True)]
    wide_f, wide_h = (
        np.pad(x, [(0, size - n) for size, n in zip(full, x.shape, strict=True)]) for x in (f, h)
    )
    digits = np.convolve(wide_f.ravel(), wide_h.ravel())
    return Comparison(loops.convolve(f, h), digits[: wide_f.size].reshape(full))


def library_convolve(case: Case) -> Comparison:
    """`jaxcnn.convolve` against the loop."""
    f, h = image(case), kernel(case)
    return Comparison(np.asarray(jaxcnn.convolve(jnp.asarray(f), jnp.asarray(h))), loops.convolve(f, h))


def library_rotated(case: Case) -> Comparison:
    """`jaxcnn.conv` against `jaxcnn.convolve` with the kernel rotated."""
    f, h = jnp.asarray(image(case)), jnp.asarray(kernel(case))
    Z = jaxcnn.conv(f[..., None], h[..., None, None])[..., 0]
    return Comparison(np.asarray(jaxcnn.convolve(f, jnp.flip(h), "valid")), np.asarray(Z))


def sign_flips(case: Case) -> Comparison:
    """L1 against minus the feature map."""
    f, h = image(case), kernel(case)
    return Comparison(valid_crop(loops.convolve(f, h), f, h), -feature_map(f, h), inputs={"f": f, "h": h})


def example_size(case: Case) -> Comparison:
    """The size of the feature map against n − f + 1."""
    size = feature_map(image(case), kernel(case)).shape
    return Comparison(size, tuple(np.subtract(case["n"], case["f"]) + 1))


def signals(thorough: bool) -> Iterator[Case]:
    """Images of one and two axes, and kernels that fit on them."""
    longest = 8 if thorough else 6
    for n in range(1, longest):
        for f in range(1, n + 1):
            for kind in ("drawn", "even"):
                yield {"n": (n,), "f": (f,), "kind": kind}
                yield from ({"n": (n, n + 1), "f": (f, g), "kind": kind} for g in (1, 2) if n < longest - 1)


def examples(thorough: bool) -> Iterator[Case]:
    """A 6×6 image with 3×3 kernels: drawn, symmetric, antisymmetric, and the edge filters."""
    for k in range(20 if thorough else 5):
        for kind in ("drawn", "even", "odd", *EDGE_FILTERS):
            yield {"n": (6, 6), "f": (3, 3), "kind": kind, "image": k}


def compiled(thorough: bool) -> Iterator[Case]:
    """A signal and an image for the library."""
    yield {"n": (5,), "f": (3,), "kind": "drawn"}
    yield {"n": (4, 5), "f": (3, 2), "kind": "drawn"}


def compiled_example(thorough: bool) -> Iterator[Case]:
    """One 6×6 image and one 3×3 kernel for the library."""
    yield {"n": (6, 6), "f": (3, 3), "kind": "drawn", "image": 0}


def library_example(case: Case) -> Comparison:
    """`jaxcnn.conv` against the worked example."""
    f, h = image(case), kernel(case)
    Z = jaxcnn.conv(jnp.asarray(f)[..., None], jnp.asarray(h)[..., None, None])
    return Comparison(np.asarray(Z)[..., 0], feature_map(f, h))


L1 = Claim(
    number=1,
    section="Convolution",
    statement="The values of a feature map are G[m,n] = (f * h)[m,n] = Σ_j Σ_k h[j,k] f[m−j, n−k].",
    reading="f is zero outside its pixels; G is compared where h lies wholly on f.",
    cases=signals,
    printed=printed,
    domain=SYMMETRIC,
    correction="The formula is the true convolution, of size n + f − 1. A layer's feature map is the "
    "cross-correlation: the formula with h rotated by 180°, from f − 1 to n − 1.",
    corrected=corrected,
    parts=(
        Part(
            "the formula is the true convolution (a product of polynomials) of size n + f − 1",
            product,
            signals,
        ),
        Part("jaxcnn.convolve is the formula", library_convolve, compiled),
        Part("jaxcnn.conv is jaxcnn.convolve with h rotated, mode 'valid'", library_rotated, compiled),
    ),
)

L2 = Claim(
    number=2,
    section="Convolution, figures 3 and 4",
    statement="The worked example, 6×6 * 3×3 → 4×4, and the edge filters are that formula.",
    reading="The pixels of the figures are absent: images are drawn, kernels drawn and usual edge filters.",
    cases=examples,
    printed=printed,
    domain=SYMMETRIC,
    correction="They are cross-correlation: the formula with h rotated by 180°.",
    corrected=corrected,
    parts=(
        Part("6×6 with 3×3 gives (n − f + 1)² values", example_size, compiled_example),
        Part("jaxcnn.conv gives the worked example", library_example, compiled_example),
        Part(
            "the formula gives the example with its sign flipped",
            sign_flips,
            examples,
            Domain("rot180(h) = −h", lambda case: np.array_equal(kernel(case), -np.flip(kernel(case)))),
        ),
    ),
)
