"""Convolutions: the backward passes as people write them, by taps, windows, im2col and rotated kernels."""

import itertools
from dataclasses import dataclass, replace
from functools import partial

import jax.numpy as jnp
from jax import lax

from experiments.planted.planted import Family, on
from jaxcnn.oracles.convolution import conv


@dataclass(frozen=True)
class Taps:
    """A backward pass as a loop over kernel taps: A_pad[m·s + j·d] goes with W[j].

    The fields from `spread` on are its mistakes.

    Attributes:
        stride: of the forward pass.
        pads: (low, high) an axis.
        dilation: of the kernel.
        spread: the stride in the slices of dA; right is the stride.
        crop: the padding that is taken off dA; right are the pads.
        reach: the dilation in the slices of dW; right is the dilation.
        add: whether taps accumulate in dA.
        skipped: taps left out.
    """

    stride: tuple[int, int] = (1, 1)
    pads: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    spread: tuple[int, int] | None = None
    crop: tuple[tuple[int, int], tuple[int, int]] | None = None
    reach: tuple[int, int] | None = None
    add: bool = True
    skipped: tuple[tuple[int, int], ...] = ()

    def forward(self, A, W, b):
        """The convolution itself."""
        return conv(A, W, b, stride=self.stride, padding=self.pads, dilation=self.dilation)

    def picks(self, j, size, stride, dilation):
        """The pixels that tap j meets."""
        return (
            slice(None),
            *(
                slice(jj * d, jj * d + (m - 1) * s + 1, s)
                for jj, m, s, d in zip(j, size, stride, dilation, strict=True)
            ),
        )

    def __call__(self, x, dZ, g):
        """The gradients of A, W and b."""
        A, W, _ = x
        size = dZ.shape[1:3]
        # a margin, so that a wrong slice stays inside
        padded = jnp.pad(A, ((0, 0), *((p, q + 8) for p, q in self.pads), (0, 0)))
        dA, dW = jnp.zeros_like(padded), jnp.zeros_like(W)
        for j in itertools.product(*map(range, W.shape[:2])):
            if j in self.skipped:
                continue
            part = dZ @ W[j].T
            at = self.picks(j, size, self.spread or self.stride, self.dilation)
            dA = dA.at[at].add(part) if self.add else dA.at[at].set(part)
            seen = padded[self.picks(j, size, self.stride, self.reach or self.dilation)]
            dW = dW.at[j].set(jnp.einsum("bmnc,bmno->co", seen, dZ))
        (top, _), (left, _) = self.crop or self.pads
        return dA[:, top : top + A.shape[1], left : left + A.shape[2]], dW, jnp.sum(dZ, (0, 1, 2))


def family(name, taps, A=(2, 6, 5, 2), W=(3, 2, 2, 3)):
    """A convolution of that geometry."""
    return Family("convolution", name, taps.forward, (A, W, W[-1:]))


def im2col_index(A, W):
    """The pixel of each (window, tap), (windows, taps): rows, then columns."""
    n_out = [n - f + 1 for n, f in zip(A.shape[1:3], W.shape[:2], strict=True)]
    start = jnp.arange(n_out[0])[:, None] * A.shape[2] + jnp.arange(n_out[1])
    k = jnp.arange(W.shape[0] * W.shape[1])
    offset = k // W.shape[1] * A.shape[2] + k % W.shape[1]
    return start.reshape(-1, 1) + offset


def im2col(x, dZ, g, width=None):
    """One matrix product each for dA and dW; `width` is what a flat tap index is divided by."""
    A, W, _ = x
    B, h, w, C = A.shape
    f = W.shape[:2]
    k = jnp.arange(f[0] * f[1])
    by = f[1] if width is None else width(f)
    start = im2col_index(A, W)[:, :1]
    index = start + k // by * w + k % by
    columns = A.reshape(B, h * w, C)[:, index]
    flat = dZ.reshape(B, -1, dZ.shape[-1])
    dW = jnp.einsum("bmkc,bmo->kco", columns, flat).reshape(W.shape)
    dcolumns = jnp.einsum("bmo,kco->bmkc", flat, W.reshape(-1, *W.shape[2:]))
    dA = jnp.zeros((B, h * w, C), A.dtype).at[:, index].add(dcolumns).reshape(A.shape)
    return dA, dW, flat.sum((0, 1))


def windows(x, dZ, g, stride, pads, *, add=True, remainder=0):
    """A loop over output pixels, each of which sends its share to the window it saw."""
    A, W, _ = x
    f = W.shape[:2]
    padded = jnp.pad(A, ((0, 0), *pads, (0, 0)))
    dA, dW = jnp.zeros_like(padded), jnp.zeros_like(W)
    for m in itertools.product(*map(range, dZ.shape[1:3])):
        at = (slice(None), *(slice(mm * s, mm * s + ff) for mm, s, ff in zip(m, stride, f, strict=True)))
        share = jnp.einsum("bo,jkco->bjkc", dZ[:, *m], W)
        dA = dA.at[at].add(share) if add else dA.at[at].set(share)
        dW = dW + jnp.einsum("bjkc,bo->jkco", padded[at], dZ[:, *m])
    rows, columns = (slice(p, p + n) for (p, _), n in zip(pads, A.shape[1:3], strict=True))
    dA = jnp.roll(dA[:, rows, columns], remainder, 1)
    return dA, dW, jnp.sum(dZ, (0, 1, 2))


def rotated(x, dZ, g, *, stride=(1, 1), rotate=True, swap=True, low_remainder=False):
    """dA as the full correlation of dilated dZ with the rotated kernel; dW by the taps."""
    A, W, _ = x
    K = W[::-1, ::-1] if rotate else W
    K = K.swapaxes(2, 3) if swap else K
    edges = []
    for n, f, s in zip(A.shape[1:3], W.shape[:2], stride, strict=True):
        r = (n - f) % s
        edges.append((f - 1 + r, f - 1, s - 1) if low_remainder else (f - 1, f - 1 + r, s - 1))
    spread = lax.pad(dZ, jnp.zeros((), dZ.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
    return conv(spread, K), *Taps(stride=stride)(x, dZ, g)[1:]


def grouped(A, W):
    """A convolution in two groups."""
    return conv(A, W, groups=2)


def grouped_backward(x, dZ, g):
    """Each group on its own."""
    A, W = x
    k = W.shape[-1] // 2
    pieces = [
        Taps()((A[..., i * 2 : i * 2 + 2], W[..., i * k : i * k + k], None), dZ[..., i * k : i * k + k], g)
        for i in range(2)
    ]
    return tuple(jnp.concatenate([piece[k] for piece in pieces], -1) for k in range(2))


def depthwise(A, W):
    """Every channel with filters of its own, W (3, 2, 1, 6)."""
    return conv(A, W, groups=3)


def depthwise_backward(x, dZ, g, split=(3, 2)):
    """Shifted multiply-adds; `split` is how the filters' axis is taken apart into channel and multiplier."""
    A, W = x
    by = "...cm" if split == (3, 2) else "...mc"
    d = dZ.reshape(*dZ.shape[:3], *split)
    dA, dW = jnp.zeros_like(A), []
    for j in itertools.product(range(W.shape[0]), range(W.shape[1])):
        at = (slice(None), slice(j[0], j[0] + dZ.shape[1]), slice(j[1], j[1] + dZ.shape[2]))
        dA = dA.at[at].add(jnp.einsum(f"{by},{by[3:]}->...c", d, W[j][0].reshape(split)))
        dW.append(jnp.einsum(f"bhwc,bhw{by[3:]}->{by[3:]}", A[at], d).reshape(1, -1))
    return dA, jnp.stack(dW).reshape(W.shape)


def gray(A, W):
    """A gray image under filters for three channels, as broadcasting would have it."""
    return conv(jnp.broadcast_to(A, (*A.shape[:-1], W.shape[-2])), W)


def causal(A, W):
    """A convolution along time that sees the past only."""
    return conv(A, W, padding="CAUSAL")


def causal_backward(x, dZ, g, low=True):
    """`low`: the padding stood before the signal."""
    A, W = x
    f = W.shape[0]
    padded = jnp.pad(A, ((0, 0), (f - 1, 0), (0, 0)))
    dA = jnp.zeros_like(padded)
    for j in range(f):
        dA = dA.at[:, j : j + A.shape[1]].add(dZ @ W[j].T)
    dW = jnp.stack([jnp.einsum("bnc,bno->co", padded[:, j : j + A.shape[1]], dZ) for j in range(f)])
    return dA[:, f - 1 :] if low else dA[:, : A.shape[1]], dW


def circular(A, W):
    """A convolution on a ring."""
    return conv(A, W, padding="CIRCULAR")


def circular_backward(x, dZ, g, wrap=True):
    """The border's share goes back to the other end, or, without `wrap`, is lost."""
    A, W = x
    n = A.shape[1]
    part = [dZ @ W[j].T for j in range(3)]
    if wrap:
        dA = jnp.roll(part[0], -1, 1) + part[1] + jnp.roll(part[2], 1, 1)
    else:
        dA = sum(jnp.pad(p, ((0, 0), (j, 2 - j), (0, 0)))[:, 1 : n + 1] for j, p in enumerate(part))
    dW = jnp.stack([jnp.einsum("bnc,bno->co", jnp.roll(A, 1 - j, 1), dZ) for j in range(3)])
    return dA, dW


def transposed(Z, W):
    """The adjoint of a convolution of stride 2 along one axis, Z (B, m, K), W (f, C, K)."""
    f = W.shape[0]
    return sum(
        lax.pad(Z @ W[j].T, jnp.zeros((), Z.dtype), [(0, 0, 0), (j, f - 1 - j, 1), (0, 0, 0)])
        for j in range(f)
    )


def transposed_backward(x, dA, g, step=2, rotate=False):
    """A convolution of stride 2, by taps."""
    Z, W = x
    f, m = W.shape[0], Z.shape[1]
    taps = [dA[:, j : j + step * (m - 1) + 1 : step] for j in range(f)]
    kernel = W[::-1] if rotate else W
    dZ = sum(tap @ kernel[j] for j, tap in enumerate(taps))
    return dZ, jnp.stack([jnp.einsum("bmc,bmo->co", tap, Z) for tap in taps])


VALID = Taps()
STRIDED = Taps(stride=(2, 2), pads=((1, 1), (0, 1)))
DILATED = Taps(dilation=(2, 1), pads=((2, 1), (1, 0)))
EVEN = Taps(pads=((0, 1), (1, 1)))  # "same", kernel (2, 3)
SAME_2 = Taps(stride=(2, 2), pads=((0, 1), (0, 1)))  # "same" of 6×4 with kernel 3×3, stride 2

valid = family("conv", VALID)
square = family("conv, square, as many filters as channels", VALID, (2, 5, 5, 2), (3, 3, 2, 2))
strided = family("conv, strided and padded", STRIDED)
uneven = family("conv, stride 2 with a remainder", Taps(stride=(2, 2)), (2, 6, 6, 2), (3, 3, 2, 3))
skipping = family("conv, stride beyond the kernel", Taps(stride=(3, 3)), (2, 7, 6, 2), (2, 1, 2, 3))
dilated = family("conv, dilated", DILATED)
even = family("conv, even kernel, 'same'", EVEN, W=(2, 3, 2, 3))
same_2 = family("conv, stride 2, 'same'", SAME_2, (2, 6, 4, 2), (3, 3, 2, 3))
groups = Family("convolution", "conv in groups", grouped, ((2, 4, 4, 4), (2, 2, 2, 6)))
deep = Family("convolution", "depthwise conv", depthwise, ((2, 4, 4, 3), (3, 2, 1, 6)))
broadcast = Family("convolution", "conv of a gray image", gray, ((2, 4, 4, 1), (2, 2, 3, 2)))
past = Family("convolution", "causal conv", causal, ((2, 6, 2), (3, 2, 3)))
ring = Family("convolution", "circular conv", circular, ((2, 5, 2), (3, 2, 2)))
adjoint = Family("convolution", "transposed conv", transposed, ((2, 4, 3), (3, 2, 3)))

ROWS = [
    valid.right("by taps", VALID),
    valid.right("by im2col", im2col),
    valid.right("by windows", partial(windows, stride=(1, 1), pads=VALID.pads)),
    valid.right("by the rotated kernel", rotated),
    strided.right("by taps", STRIDED),
    strided.right("by windows", partial(windows, stride=(2, 2), pads=STRIDED.pads)),
    uneven.right("by the rotated kernel and dilation", partial(rotated, stride=(2, 2))),
    skipping.right("by taps", Taps(stride=(3, 3))),
    dilated.right("by taps", DILATED),
    even.right("by taps", EVEN),
    same_2.right("by windows", partial(windows, stride=(2, 2), pads=SAME_2.pads)),
    groups.right("group by group", grouped_backward),
    deep.right("by shifted products", depthwise_backward),
    past.right("by taps", causal_backward),
    ring.right("by rolls", circular_backward),
    adjoint.right("by taps", transposed_backward),
    valid.wrong("dW over the batch", on(1, lambda dW, x, dZ: dW / 2), 1),
    valid.wrong("db over the batch", on(2, lambda db, x, dZ: db / 2), 1),
    valid.wrong("dW and db over the batch", lambda x, dZ, g: (g[0], g[1] / 2, g[2] / 2), 2),
    valid.wrong("db averaged over space", on(2, lambda db, x, dZ: dZ.mean((1, 2)).sum(0))),
    valid.wrong("im2col by the kernel's height", partial(im2col, width=lambda f: f[0]), 4),
    valid.wrong("windows overwritten", partial(windows, stride=(1, 1), pads=VALID.pads, add=False), 12),
    valid.wrong("the last tap forgotten", replace(VALID, skipped=((2, 1),))),
    valid.wrong(
        "dW of the first image only", on(1, lambda dW, x, dZ: VALID((x[0][:1], *x[1:]), dZ[:1], None)[1])
    ),
    valid.wrong(
        "dW of summed images",
        on(
            1,
            lambda dW, x, dZ: VALID((x[0].sum(0, keepdims=True), *x[1:]), dZ.sum(0, keepdims=True), None)[1],
        ),
    ),
    valid.wrong(
        "dW in bfloat16",
        on(
            1,
            lambda dW, x, dZ: VALID(
                (x[0].astype(jnp.bfloat16), x[1].astype(jnp.bfloat16), None), dZ.astype(jnp.bfloat16), None
            )[1].astype(dW.dtype),
        ),
    ),
    square.wrong("the kernel not rotated", partial(rotated, rotate=False)),
    square.wrong("channel axes not swapped", partial(rotated, swap=False)),
    square.wrong("dW with its axes exchanged", on(1, lambda dW, x, dZ: dW.swapaxes(0, 1))),
    square.wrong("dW rotated", on(1, lambda dW, x, dZ: dW[::-1, ::-1])),
    strided.wrong("the stride missing in the slices of dA", replace(STRIDED, spread=(1, 1)), 15),
    strided.wrong("taps overwritten", replace(STRIDED, add=False), 12),
    strided.wrong("the first axis's padding on both", replace(STRIDED, crop=((1, 1), (1, 1))), 5),
    strided.wrong("the padding not cropped", replace(STRIDED, crop=((0, 0), (0, 0)))),
    strided.wrong(
        "dW without the border",
        on(1, lambda dW, x, dZ: STRIDED((x[0].at[:, 0].set(0), *x[1:]), dZ, None)[1]),
    ),
    uneven.wrong("the remainder on the low side", partial(rotated, stride=(2, 2), low_remainder=True), 13),
    uneven.wrong(
        "dA stretched to its size", partial(windows, stride=(2, 2), pads=VALID.pads, remainder=1), 13
    ),
    skipping.wrong("the kernel's size taken for the stride", replace(Taps(stride=(3, 3)), spread=(2, 1)), 15),
    dilated.wrong("the dilation missing in dW", replace(DILATED, reach=(1, 1))),
    even.wrong("the border on the wrong side", replace(EVEN, crop=((1, 0), (1, 1))), 6),
    even.wrong(
        "the last row and column lost", on(0, lambda dA, x, dZ: dA.at[:, -1].set(0).at[:, :, -1].set(0)), 6
    ),
    same_2.wrong("the padding of stride 1", replace(SAME_2, crop=((1, 1), (1, 1))), 7),
    same_2.wrong("the stride ignored", replace(SAME_2, spread=(1, 1), crop=((1, 1), (1, 1))), 7),
    groups.wrong("dA with the groups exchanged", on(0, lambda dA, x, dZ: jnp.roll(dA, 2, -1))),
    groups.wrong("channels interleaved", on(0, lambda dA, x, dZ: dA[..., jnp.array([0, 2, 1, 3])])),
    deep.wrong("multiplier and channel exchanged", partial(depthwise_backward, split=(2, 3))),
    broadcast.wrong(
        "dA of the first channel only",
        on(0, lambda dA, x, dZ: VALID((x[0], x[1][:, :, :1], None), dZ, None)[0]),
        8,
    ),
    broadcast.wrong("dA averaged over the channels", on(0, lambda dA, x, dZ: dA / 3), 8),
    past.wrong("cropped on the other side", partial(causal_backward, low=False)),
    ring.wrong("the border's share lost", partial(circular_backward, wrap=False)),
    adjoint.wrong("the kernel rotated once too often", partial(transposed_backward, rotate=True)),
    adjoint.wrong("the stride missing", partial(transposed_backward, step=1), 15),
]
