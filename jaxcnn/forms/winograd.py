"""Winograd's F(2×2, 3×3): dense 3×3 kernels, stride 1, in 16 multiplications for 4 outputs instead of 36.

On one axis two outputs need four pixels, d, of the padded input and three taps, g:

    z = Pᵀ [(Qᵀ d) ⊙ (R g)]        Qᵀ = 1  0 −1  0      R =  1   0   0      Pᵀ = 1  1  1  0
                                        0  1  1  0          ½   ½   ½           0  1 −1 −1
                                        0 −1  1  0          ½  −½   ½
                                        0  1  0 −1          0   0   1

and an image takes it on both axes, tile by tile of 2×2 outputs. Summed over channels, each of the 16
products is a matrix product, tiles × channels times channels × filters. dA is the same of dZ and the rotated
kernel. dW, the adjoint in g, has 16 products too, summed over tiles:

    dW = Rᵀ Σ (Qᵀ d) ⊗ (P dZ)

The constants are powers of two, so integers stay exact. A pixel that is infinite or NaN reaches every output
of its tiles, also those whose windows do not see it.
Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016.
"""

import functools
import math
import operator
from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

from jaxcnn._sharding import sharded_as
from jaxcnn.forms.windows import interleave, transposed, widened
from jaxcnn.window import Window

_Q = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))  # Qᵀ
_R = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
_P = ((1, 1, 1, 0), (0, 1, -1, -1))  # Pᵀ

Matrix = Sequence[Sequence[float]]
Grid = list[list[Array]]


def fits(window: Window) -> bool:
    """Whether these windows are of the one kind that this form is for."""
    return (window.size, window.stride, window.dilation) == ((3, 3), (1, 1), (1, 1))


def pixels_in_tiles(window: Window) -> int:
    """How many pixels the tiles of an image have: four times its outputs, or a few more."""
    return 16 * math.prod(_tiles(window))


def conv(
    A: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """Z = Pᵀ [(Qᵀ A Q) (R W Rᵀ)] P."""
    return _outputs(A, [[W[i, j] for j in range(3)] for i in range(3)], 0, window, precision)


def conv_dA(
    dZ: Array, W: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dA, the Z of dZ and the rotated kernel, transposed in the products: transposing W itself is slow."""
    rotated = [[W[2 - i, 2 - j] for j in range(3)] for i in range(3)]
    return _outputs(dZ, rotated, 1, transposed(window), precision)


def conv_dW(
    A: Array, dZ: Array, window: Window, *, groups: int = 1, precision: lax.PrecisionLike = None
) -> Array:
    """dW = Rᵀ [(Qᵀ A Q)ᵀ (P dZ Pᵀ)] R."""
    (n, m), tiles = window.output_size, _tiles(window)
    even = [(0, 0, 0), (0, 2 * tiles[0] - n, 0), (0, 2 * tiles[1] - m, 0), (0, 0, 0)]
    padded = widened(lax.pad(dZ, jnp.zeros((), dZ.dtype), even))
    D = _both(_transposed(_P), [[padded[:, i::2, j::2] for j in range(2)] for i in range(2)])
    products = [
        [
            lax.dot_general(
                v,
                d,
                (((0, 1, 2), (0, 1, 2)), ((), ())),
                precision=precision,
                out_sharding=sharded_as((A, -1), (dZ, -1)),
            )
            for v, d in zip(*row, strict=True)
        ]
        for row in zip(_pixels(A, window), D, strict=True)
    ]
    return jnp.stack([jnp.stack(row) for row in _both(_transposed(_R), products)])


def _outputs(A: Array, taps: Grid, axis: int, window: Window, precision: lax.PrecisionLike) -> Array:
    """Z of A and a kernel's taps, whose axis `axis` meets A's channels."""
    U = _both(_R, [[widened(g) for g in row] for row in taps])
    products = [
        [
            lax.dot_general(v, u, (((3,), (axis,)), ((), ())), precision=precision)
            for v, u in zip(*row, strict=True)
        ]
        for row in zip(_pixels(A, window), U, strict=True)
    ]
    rows = [interleave(row, 2) for row in _both(_P, products)]
    n, m = window.output_size
    return interleave(rows, 1)[:, :n, :m]


def _tiles(window: Window) -> tuple[int, ...]:
    """How many tiles cover the outputs of each axis."""
    return tuple(-(-n // 2) for n in window.output_size)


def _pixels(A: Array, window: Window) -> Grid:
    """Qᵀ d Q of every tile, the 4×4 pixels under it: a grid of (B, *tiles, C)."""
    spans = [
        (p, 2 * t + 2 - n - p, 0)
        for t, n, (p, _) in zip(_tiles(window), window.input_size, window.padding, strict=True)
    ]
    A_pad = widened(lax.pad(A, jnp.zeros((), A.dtype), [(0, 0, 0), *spans, (0, 0, 0)]))
    A_pad = lax.optimization_barrier(A_pad)
    h, w = (2 * t - 1 for t in _tiles(window))
    return _both(_Q, [[A_pad[:, i : i + h : 2, j : j + w : 2] for j in range(4)] for i in range(4)])


def _both(matrix: Matrix, grid: Grid) -> Grid:
    """matrix · grid · matrixᵀ."""
    half = [_times(matrix, column) for column in zip(*grid, strict=True)]
    return [_times(matrix, row) for row in zip(*half, strict=True)]


def _times(matrix: Matrix, vector: Sequence[Array]) -> list[Array]:
    return [
        functools.reduce(
            operator.add, (x if m == 1 else m * x for m, x in zip(row, vector, strict=True) if m)
        )
        for row in matrix
    ]


def _transposed(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))
