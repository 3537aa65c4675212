"""Normalisations: statistics taken for constants, the wrong axes, a forgotten γ, ε or mean."""

import jax.numpy as jnp

from experiments.planted.planted import Family, on
from jaxcnn.oracles import normalization as oracles

EPSILON = 1e-5


def family(name, reference, *shapes):
    """A normalisation of that name."""
    return Family("normalization", name, reference, shapes)


def standard(A, axes):
    """The standardised A, and r = 1/sqrt(variance + ε)."""
    D = A - jnp.mean(A, axes, keepdims=True)
    r = 1 / jnp.sqrt(jnp.mean(D * D, axes, keepdims=True) + EPSILON)
    return D * r, r


def backward(axes, *, gamma_first=True, centred=True, projected=True, unbiased=False):
    """r (dÂ − mean(dÂ) − Â mean(dÂ Â)) over `axes`; the keywords are its mistakes."""

    def rule(x, dZ, g):
        A, gamma, _ = x
        over = tuple(range(A.ndim - 1))
        Z, r = standard(A, axes)
        d = dZ * jnp.broadcast_to(gamma, dZ.shape) if gamma_first else dZ
        inner = jnp.mean(d * Z, axes, keepdims=True)
        if unbiased:
            N = A.size // inner.size
            inner = inner * N / (N - 1)
        dA = d - jnp.mean(d, axes, keepdims=True) if centred else d
        dA = dA - Z * inner if projected else dA
        return r * dA, jnp.sum(dZ * Z, over), jnp.sum(dZ, over)

    return rule


def fused(axes):
    """The same with everything multiplied out, as one expression over N."""

    def rule(x, dZ, g):
        A, gamma, _ = x
        over = tuple(range(A.ndim - 1))
        Z, r = standard(A, axes)
        N = A.size // r.size
        d = dZ * gamma
        dA = (r / N) * (N * d - jnp.sum(d, axes, keepdims=True) - Z * jnp.sum(d * Z, axes, keepdims=True))
        return dA, jnp.einsum("...c,...c->c", dZ, Z), jnp.einsum("...c->c", dZ) if not over else dZ.sum(over)

    return rule


def chained(x, dZ, g):
    """Batch norm by the chain through mean and variance, as in the paper."""
    A, gamma, _ = x
    N = A.shape[0]
    mean = A.mean(0, keepdims=True)
    variance = ((A - mean) ** 2).mean(0, keepdims=True)
    r = (variance + EPSILON) ** -0.5
    d = dZ * gamma
    dvariance = jnp.sum(d * (A - mean), 0, keepdims=True) * -0.5 * r**3
    dmean = -jnp.sum(d, 0, keepdims=True) * r
    dA = d * r + dvariance * 2 * (A - mean) / N + dmean / N
    return dA, jnp.sum(dZ * (A - mean) * r, 0), jnp.sum(dZ, 0)


def batch_norm(A, gamma, beta):
    """The output only."""
    return oracles.batch_norm(A, gamma, beta)[0]


def group_norm(A, gamma, beta):
    """Two groups."""
    return oracles.group_norm(A, gamma, beta, groups=2)


def grouped(order):
    """Group norm's rule; `order` says how channels are told apart into groups."""

    def rule(x, dZ, g):
        A, gamma, beta = x
        index = jnp.array(order)
        pieces = [A[..., index[k]] for k in range(2)]
        found = [
            backward((1, 2, 3))((piece, gamma[index[k]], beta), dZ[..., index[k]], g)
            for k, piece in enumerate(pieces)
        ]
        back = jnp.argsort(index.reshape(-1))
        return tuple(jnp.concatenate([f[k] for f in found], -1)[..., back] for k in range(3))

    return rule


def inference(A, mean, v):
    """With running statistics; the variance is v² + 0.1."""
    return (A - jnp.broadcast_to(mean, A.shape)) / jnp.sqrt(v * v + 0.1)


def inference_backward(x, dZ, g, factor=0.5):
    """The variance enters by its root."""
    A, mean, v = x
    r = 1 / jnp.sqrt(v * v + 0.1)
    dvariance = -factor * jnp.sum(dZ * (A - mean), 0) * r**3
    return dZ * r, -jnp.sum(dZ, 0) * r, dvariance * 2 * v


def rms_norm(A, gamma):
    """Over the last axis."""
    return oracles.rms_norm(A, gamma)


def rms_backward(x, dZ, g, centred=False):
    """r (d − Â mean(d Â))."""
    A, gamma = x
    r = 1 / jnp.sqrt(jnp.mean(A * A, -1, keepdims=True) + EPSILON)
    d = dZ * gamma
    dA = d - A * r * jnp.mean(d * A * r, -1, keepdims=True)
    if centred:
        dA = dA - jnp.mean(dA, -1, keepdims=True)
    return r * dA, jnp.sum(dZ * A * r, 0)


def unit(x):
    """x/‖x‖, softened."""
    return x / jnp.sqrt(jnp.sum(x * x, -1, keepdims=True) + 1e-3)


def unit_backward(x, dy, g, projected=True):
    """(dy − y ⟨y, dy⟩)/‖x‖."""
    (x,) = x
    norm = jnp.sqrt(jnp.sum(x * x, -1, keepdims=True) + 1e-3)
    y = x / norm
    return ((dy - y * jnp.sum(y * dy, -1, keepdims=True) if projected else dy) / norm,)


def weight_norm(v, s):
    """s v/‖v‖ for each column."""
    return v / jnp.sqrt(jnp.sum(v * v, 0, keepdims=True) + 1e-3) * s


def weight_norm_backward(x, dy, g):
    """The part along v belongs to s."""
    v, s = x
    norm = jnp.sqrt(jnp.sum(v * v, 0, keepdims=True) + 1e-3)
    u = v / norm
    along = jnp.sum(u * dy, 0, keepdims=True)
    return s / norm * (dy - u * along), along[0]


def response(A):
    """Local response normalisation over three neighbouring channels."""
    return A / neighbours(A * A) ** 0.75


def neighbours(S):
    """1 + 0.1 times the sum of each channel and the two beside it."""
    padded = jnp.pad(S, ((0, 0), (1, 1)))
    return 1 + 0.1 * (padded[:, :-2] + S + padded[:, 2:])


def response_backward(x, dZ, g, cross=True):
    """Every channel also lowers its neighbours."""
    (A,) = x
    D = neighbours(A * A)
    blame = dZ * A * D**-1.75
    shared = (neighbours(blame) - 1) / 0.1 if cross else blame
    return (dZ * D**-0.75 - 0.15 * A * shared,)


CHANNELS = ((4,), (4,))
batch = family("batch norm", batch_norm, (5, 4), *CHANNELS)
images = family("batch norm of images", batch_norm, (2, 3, 2, 4), *CHANNELS)
layer = family("layer norm", oracles.layer_norm, (3, 4), *CHANNELS)
instance = family("instance norm", oracles.instance_norm, (2, 3, 2, 4), *CHANNELS)
group = family("group norm", group_norm, (2, 3, 2, 4), *CHANNELS)
fixed = family("batch norm, inference", inference, (3, 4), *CHANNELS)
rms = family("RMS norm", rms_norm, (3, 4), (4,))
unit_length = family("unit length", unit, (3, 4))
weights = family("weight norm", weight_norm, (3, 4), (4,))
local = family("local response norm", response, (3, 5))

ROWS = [
    batch.right("in three terms", backward((0,))),
    batch.right("multiplied out", fused((0,))),
    batch.right("through mean and variance", chained),
    images.right("in three terms", backward((0, 1, 2))),
    layer.right("in three terms", backward((-1,))),
    layer.right("multiplied out", fused((-1,))),
    instance.right("in three terms", backward((1, 2))),
    group.right("group by group", grouped([[0, 1], [2, 3]])),
    fixed.right("as it stands", inference_backward),
    rms.right("in two terms", rms_backward),
    unit_length.right("by projection", unit_backward),
    weights.right("by projection", weight_norm_backward),
    local.right("with its neighbours", response_backward),
    batch.wrong("the statistics taken for constants", backward((0,), centred=False, projected=False)),
    batch.wrong("the variance taken for a constant", backward((0,), projected=False)),
    batch.wrong("the mean taken for a constant", backward((0,), centred=False)),
    batch.wrong("the variance divided by N − 1", backward((0,), unbiased=True)),
    batch.wrong("γ forgotten in dA", backward((0,), gamma_first=False)),
    batch.wrong("dγ averaged, dβ summed", on(1, lambda d, x, dZ: d / 5), 1),
    batch.wrong("dγ and dβ averaged", lambda x, dZ, g: (g[0], g[1] / 5, g[2] / 5), 2),
    batch.wrong("dγ from A, not Â", on(1, lambda d, x, dZ: jnp.sum(dZ * x[0], 0))),
    batch.wrong(
        "ε beside the root",
        on(
            0,
            lambda dA, x, dZ: (
                backward((0,))(x, dZ, None)[0] * jnp.sqrt(x[0].var(0) + EPSILON) / (x[0].std(0) + EPSILON)
            ),
        ),
    ),
    images.wrong("statistics over the batch only", backward((0,))),
    layer.wrong("statistics over the batch", backward((0,))),
    layer.wrong("the mean of dÂ left in", backward((-1,), centred=False)),
    layer.wrong("dγ of the first row", on(1, lambda d, x, dZ: (dZ * standard(x[0], (-1,))[0])[0])),
    instance.wrong("over the batch too", backward((0, 1, 2))),
    group.wrong("channels dealt out in turn", grouped([[0, 2], [1, 3]])),
    group.wrong("one group", backward((1, 2, 3))),
    fixed.wrong("the variance's half forgotten", lambda x, dZ, g: inference_backward(x, dZ, g, 1.0)),
    fixed.wrong("the running mean held fast", on(1, lambda d, x, dZ: jnp.zeros_like(d))),
    rms.wrong("the mean taken out", lambda x, dZ, g: rms_backward(x, dZ, g, centred=True)),
    rms.wrong("dγ over the batch", on(1, lambda d, x, dZ: d / 3), 1),
    unit_length.wrong("not projected", lambda x, dy, g: unit_backward(x, dy, g, projected=False)),
    weights.wrong(
        "not projected",
        on(0, lambda dv, x, dy: x[1] * dy / jnp.sqrt(jnp.sum(x[0] ** 2, 0, keepdims=True) + 1e-3)),
    ),
    local.wrong("the neighbours forgotten", lambda x, dZ, g: response_backward(x, dZ, g, cross=False)),
]
