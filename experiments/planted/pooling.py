"""Pools: who was the maximum, who shares, by what an average is divided, and what a border does."""

import itertools
from functools import partial

import jax.numpy as jnp

from experiments.planted.planted import Family, on
from jaxcnn.oracles.adaptive_pooling import adaptive_avg_pool, global_avg_pool, global_max_pool
from jaxcnn.oracles.convolution import slices
from jaxcnn.oracles.lp_pooling import lp_pool
from jaxcnn.oracles.pooling import avg_pool, max_pool
from jaxcnn.oracles.upsampling import pixel_shuffle, upsample_nearest

SAME = ((1, 1), (0, 1))


def spread(parts, A, stride, pads=((0, 0), (0, 0)), dilation=(1, 1), step=None, add=True):
    """dA from what each tap of every window sends back, parts (taps, B, *n_out, C), in a 3 by 2 window."""
    step = step or stride
    dA = jnp.zeros(
        (A.shape[0], *(n + p + q + 8 for n, (p, q) in zip(A.shape[1:3], pads, strict=True)), A.shape[3])
    )
    dA = dA.astype(A.dtype)
    for j, part in zip(itertools.product(range(3), range(2)), parts, strict=True):
        at = tuple(
            slice(jj * d, jj * d + (m - 1) * s + 1, s)
            for jj, m, s, d in zip(j, part.shape[1:3], step, dilation, strict=True)
        )
        dA = dA.at[:, *at].add(part) if add else dA.at[:, *at].set(jnp.where(part == 0, dA[:, *at], part))
    return dA[:, pads[0][0] : pads[0][0] + A.shape[1], pads[1][0] : pads[1][0] + A.shape[2]]


def masks(taps, ties, seen=True):
    """Which taps of each window count as its maximum, (taps, B, *n_out, C); of those seen, if not of all."""
    top = jnp.max(taps, 0)
    tied = (taps == top) & seen
    match ties:
        case "first":
            before = jnp.cumsum(tied, 0) - tied
            return tied & (before == 0)
        case "last":
            return tied & (jnp.cumsum(tied[::-1], 0)[::-1] == 1)
        case "close":
            return masks(jnp.where(jnp.isclose(taps, top), top, taps), "first")
        case "size":
            return masks(jnp.abs(taps), "first")
        case "transposed":
            order = jnp.array([0, 2, 4, 1, 3, 5])
            return masks(taps[order], "first")[jnp.argsort(order)]
    return tied


def max_rule(window, ties="first", border=-jnp.inf, split=False, **spreading):
    """A max-pool's backward pass by a mask of every window."""

    def backward(x, dZ, g):
        (A,) = x
        taps = jnp.stack(list(slices(A, (3, 2), border=border, **window)))
        # a border of -inf never wins, be all pixels -inf
        pixels = jnp.stack(list(slices(jnp.ones_like(A), (3, 2), border=0.0, **window))) > 0
        mask = masks(taps, ties, pixels | (border > -jnp.inf))
        share = dZ / jnp.sum(mask, 0).astype(dZ.dtype) if split else dZ
        pads = window.get("padding", ((0, 0), (0, 0)))
        parts = jnp.where(mask, share, 0)
        steps = {"dilation": window.get("dilation", (1, 1))} | spreading
        return (spread(parts, A, window["stride"], pads, **steps),)

    return backward


def by_argmax(window, width=2):
    """The same by the index of the maximum, taken apart by the window's width."""

    def backward(x, dZ, g):
        (A,) = x
        index = jnp.argmax(jnp.stack(list(slices(A, (3, 2), border=-jnp.inf, **window))), 0)
        b, m, n, c = jnp.indices(dZ.shape)
        rows, columns = m * window["stride"][0] + index // width, n * window["stride"][1] + index % width
        return (jnp.zeros_like(A).at[b, rows, columns, c].add(dZ),)

    return backward


def by_pixel(x, dZ, g):
    """A mask of pixels, not of windows: a pixel that is some window's maximum hears of all its windows."""
    (A,) = x
    winner = spread(
        masks(jnp.stack(list(slices(A, (3, 2), stride=(1, 1)))), "first").astype(A.dtype), A, (1, 1)
    )
    everything = spread(jnp.broadcast_to(dZ, (6, *dZ.shape)), A, (1, 1))
    return (jnp.where(winner > 0, everything, 0),)


def by_reshape(x, dZ, g):
    """Windows that do not overlap, as a comparison in six dimensions: every tie is credited."""
    (A,) = x
    B, h, w, C = A.shape
    blocks = A.reshape(B, h // 3, 3, w // 2, 2, C)
    mask = blocks == jnp.max(blocks, (2, 4), keepdims=True)
    return (jnp.where(mask, dZ[:, :, None, :, None], 0).reshape(A.shape),)


def avg_rule(window, by, **spreading):
    """An average pool's backward pass; by(counts) is what the cotangent is divided by."""

    def backward(x, dZ, g):
        (A,) = x
        counts = sum(slices(jnp.ones_like(A), (3, 2), **window))
        parts = jnp.broadcast_to(dZ / by(counts), (6, *dZ.shape))
        pads = window.get("padding", ((0, 0), (0, 0)))
        return (spread(parts, A, window["stride"], pads, **spreading),)

    return backward


def lp_rule(derivative):
    """Of the Euclidean norm of each 3 by 2 window, derivative(tap, Z)."""

    def backward(x, dZ, g):
        (A,) = x
        Z = lp_pool(A, (3, 2), order=2, stride=(2, 1))
        parts = jnp.stack([dZ * derivative(tap, Z) for tap in slices(A, (3, 2), stride=(2, 1))])
        return (spread(parts, A, (2, 1)),)

    return backward


def safe(Z):
    """Z, but 1 where it is 0."""
    return jnp.where(Z == 0, 1, Z)


def family(name, reference, shape=(2, 6, 5, 2)):
    """A pool of that name."""
    return Family("pooling", name, reference, (shape,))


OVERLAP, PADDED = {"stride": (1, 1)}, {"stride": (2, 1), "padding": SAME}
STRIDED, DILATED = {"stride": (2, 2)}, {"stride": (1, 1), "dilation": (2, 1)}
APART = {"stride": (3, 2)}

overlap = family("max-pool, overlapping", partial(max_pool, window=(3, 2), **OVERLAP))
padded = family("max-pool, padded", partial(max_pool, window=(3, 2), **PADDED))
strided = family("max-pool, stride 2 with a remainder", partial(max_pool, window=(3, 2), **STRIDED))
dilated = family("max-pool, dilated", partial(max_pool, window=(3, 2), **DILATED))
apart = family("max-pool, windows apart", partial(max_pool, window=(3, 2), **APART), (2, 6, 4, 2))
split = family("max-pool, ties split", partial(max_pool, window=(3, 2), ties="split", **OVERLAP))
mean = family("average pool", partial(avg_pool, window=(3, 2), **PADDED))
padded_mean = family(
    "average pool with its padding",
    partial(avg_pool, window=(3, 2), count_padding=True, **PADDED),
)
adaptive = family("adaptive average pool", partial(adaptive_avg_pool, output_size=(4, 3)))
whole = family("global average pool", partial(global_avg_pool, spatial=2))
greatest = family("global max-pool", partial(global_max_pool, spatial=2))
norm = family("L2 pool", partial(lp_pool, window=(3, 2), order=2, stride=(2, 1)))
nearest = family("nearest upsampling", partial(upsample_nearest, factor=(2, 3)), (2, 2, 2, 2))
shuffle = family("pixel shuffle", partial(pixel_shuffle, factor=(2, 3)), (2, 2, 2, 12))


def unshuffled(x, dZ, g, order):
    """Pixels back to channels, by one transposition."""
    B, h, w, C = x[0].shape
    blocks = dZ.reshape(B, h, 2, w, 3, C // 6)
    return (blocks.transpose(order).reshape(B, h, w, C),)


def parted(dZ):
    """Windows [⌊m·n/n_out⌋, ⌊(m + 1)·n/n_out⌋) of 6 by 5 pixels, n_out = 4 by 3."""
    rows, columns = jnp.array([1, 2, 1, 2]), jnp.array([1, 2, 2])
    share = dZ / (rows[:, None] * columns)[..., None].astype(dZ.dtype)
    tall = jnp.repeat(share, rows, 1, total_repeat_length=6)
    return jnp.repeat(tall, columns, 2, total_repeat_length=5)


ROWS = [
    overlap.right("by masks", max_rule(OVERLAP)),
    overlap.right("by argmax", by_argmax(OVERLAP)),
    padded.right("by masks", max_rule(PADDED)),
    strided.right("by argmax", by_argmax(STRIDED)),
    dilated.right("by masks", max_rule(DILATED)),
    split.right("by masks", max_rule(OVERLAP, "all", split=True)),
    mean.right("by counts", avg_rule(PADDED, lambda counts: counts)),
    padded_mean.right("by 1/6", avg_rule(PADDED, lambda counts: 6)),
    whole.right("by a broadcast", lambda x, dZ, g: (jnp.broadcast_to(dZ[:, None, None] / 30, x[0].shape),)),
    norm.right("tap over norm", lp_rule(lambda tap, Z: tap / safe(Z))),
    nearest.right("by a reshape", lambda x, dZ, g: (dZ.reshape(2, 2, 2, 2, 3, 2).sum((2, 4)),)),
    shuffle.right("by a transposition", partial(unshuffled, order=(0, 1, 3, 5, 2, 4))),
    overlap.wrong("every tie credited", max_rule(OVERLAP, "all"), 11),
    overlap.wrong("the last tie", max_rule(OVERLAP, "last"), 11),
    overlap.wrong("ties split", max_rule(OVERLAP, "all", split=True), 11),
    overlap.wrong("the first tie by columns", max_rule(OVERLAP, "transposed"), 11),
    overlap.wrong("overwritten where windows overlap", max_rule(OVERLAP, add=False), 12),
    overlap.wrong("a mask of pixels", by_pixel),
    overlap.wrong("the index over the window's height", by_argmax(OVERLAP, width=3), 4),
    overlap.wrong("the largest in size", max_rule(OVERLAP, "size")),
    overlap.wrong("close to the maximum is enough", max_rule(OVERLAP, "close"), 11),
    padded.wrong("the padding may win", max_rule(PADDED, border=0.0)),
    padded.wrong("over the batch", on(0, lambda dA, x, dZ: dA / 2), 2),
    strided.wrong("the stride missing in the slices", max_rule(STRIDED, step=(1, 1)), 15),
    strided.wrong("the window taken for the stride", max_rule(STRIDED, step=(3, 2)), 15),
    strided.wrong("dA stretched over the remainder", on(0, lambda dA, x, dZ: jnp.roll(dA, 1, 1)), 13),
    dilated.wrong("not dilated", max_rule(DILATED, dilation=(1, 1))),
    apart.wrong("every tie credited, where windows are apart", by_reshape, 11),
    mean.wrong("over the window's size", avg_rule(PADDED, lambda counts: 6), 14),
    padded_mean.wrong("over the pixels seen", avg_rule(PADDED, lambda counts: counts), 14),
    padded_mean.wrong("over the stride", avg_rule(PADDED, lambda counts: 2)),
    mean.wrong("not divided", avg_rule(PADDED, lambda counts: 1)),
    mean.wrong("overwritten where windows overlap", avg_rule(PADDED, lambda counts: counts, add=False), 12),
    mean.wrong("the stride missing in the slices", avg_rule(PADDED, lambda counts: counts, step=(1, 1)), 15),
    adaptive.wrong(
        "all windows of one size",
        lambda x, dZ, g: (jnp.repeat(jnp.repeat(dZ / 4, 2, 1), 2, 2)[:, :6, :5],),
    ),
    adaptive.wrong("windows that do not overlap", lambda x, dZ, g: (parted(dZ),)),
    whole.wrong("over the batch too", on(0, lambda dA, x, dZ: dA / 2), 2),
    greatest.wrong(
        "every tie credited",
        lambda x, dZ, g: (jnp.where(x[0] == jnp.max(x[0], (1, 2), keepdims=True), dZ[:, None, None], 0),),
        11,
    ),
    norm.wrong("without the sign", lp_rule(lambda tap, Z: jnp.abs(tap) / safe(Z))),
    norm.wrong("the root forgotten", lp_rule(lambda tap, Z: 2 * tap)),
    norm.wrong("NaN where a window is all zeros", lp_rule(lambda tap, Z: tap / Z), 20),
    norm.wrong("softened by 1e-6", lp_rule(lambda tap, Z: tap / (Z + 1e-6))),
    nearest.wrong("the first copy only", lambda x, dZ, g: (dZ[:, ::2, ::3],)),
    nearest.wrong("averaged", lambda x, dZ, g: (dZ.reshape(2, 2, 2, 2, 3, 2).mean((2, 4)),)),
    shuffle.wrong("the block before the channel", partial(unshuffled, order=(0, 1, 3, 2, 4, 5))),
]
