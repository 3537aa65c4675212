"""Transposed convolution by hand: the adjoint of `jaxcnn.conv`, and nothing else.

For the same W and geometry, with n the size of its result,

    A[i,c] = Σ_{m,j: m·s + j·d − p = i} Σ_o W[j,c,o] Z[m,o] + b[c]                                (T.1)
    ⟨conv(A, W), Z⟩ = ⟨A, conv_transpose(Z, W)⟩     for every A of the result's shape             (T.2)

W has conv's layout, (*f, C/groups, K), though Z has the K channels and the result the C. (T.1) is (C.2) of
`jaxcnn.convolution`, so its rules are those: the backward pass is conv and conv_dW.

Other libraries, for one group:

    torch       ConvTranspose's weight, (K, C, *f), is our W transposed; output_padding adds to our size.
    lax, flax   conv_transpose with transpose_kernel=True takes our W. By default it takes V, (*f, K, C), and
                means by it W = rot180(V) with the channel axes swapped: the adjoint of the conv with that W.
                "VALID" there makes n_out·s + max(e − s, 0) pixels, s − e more than here where e < s.
"""

from collections.abc import Sequence
from typing import Any

from jax import Array, lax
from jax.typing import ArrayLike, DTypeLike

from jaxcnn._arrays import floating, some_pixels, with_batch
from jaxcnn._errors import per_axis
from jaxcnn.convolution import adjoint, biased, kernel_rank
from jaxcnn.window import Padding, transposed_size


def conv_transpose(
    Z: ArrayLike,
    W: ArrayLike,
    b: ArrayLike | None = None,
    *,
    output_size: int | Sequence[int] | None = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = "VALID",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """A[i,c] = Σ_{m,j: m·s + j·d − p = i} Σ_o W[j,c,o] Z[m,o] + b[c], equation (T.1).

    Args:
        Z: (B, *n_out, K) or (*n_out, K); W's rank tells which.
        W: kernel, (*f, C/groups, K), of Z's dtype: that of the conv whose adjoint this is.
        b: bias, (C,), of Z's dtype; one number a channel of the result.
        output_size: n, the spatial size of the result; an integer, or one for each axis. Any n for which the
            conv has Z's spatial size will do. None: the smallest, (n_out − 1)s + e − p − q; where the
            padding is that of "SAME", n_out·s.
        stride, padding, dilation, groups, precision: those of the `conv`.
        preferred_element_type: dtype of the result; by default Z's.

    Returns:
        A, (B, *n, C) or (*n, C).

    Raises:
        ValueError, TypeError: naming the argument, what came and what was expected.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4.

    >>> Z = jnp.array([[1.0], [10.0]], jnp.float32)
    >>> conv_transpose(Z, jnp.ones((3, 1, 1), jnp.float32), stride=2)[:, 0]
    Array([ 1.,  1., 11., 10., 10.], dtype=float32)
    """
    operation = "conv_transpose"
    Z, W = floating(operation, "Z", Z), floating(operation, "W", W)
    rank = kernel_rank(operation, W)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    batch, _ = with_batch(operation, "Z", Z, rank, f"W of shape {W.shape}")
    some_pixels(operation, "Z", batch)
    if output_size is None:
        n = transposed_size(operation, batch.shape[1:-1], W.shape[:rank], **geometry)
    else:
        n = per_axis(operation, "output_size", output_size, rank, least=1)
    names = (operation, "Z", "output size")
    A = adjoint(names, Z, W, n, groups, precision, preferred_element_type, **geometry)
    if b is not None:
        A = biased(operation, A, b, "one number a channel", Z=Z)
    return A
