"""Losses: clipping, the batch's mean taken twice or never, targets that do not sum to one, bounds."""

import jax
import jax.numpy as jnp

from experiments.planted.planted import Family, on
from jaxcnn.oracles import losses
from jaxcnn.oracles.activations import sigmoid, softplus
from jaxcnn.oracles.softmaxes import log_softmax, softmax

LABELS = jnp.array([2, 0, 3])
KEPT = jnp.array([True, False, True])


def family(name, reference, *shapes):
    """A loss of that name."""
    return Family("losses", name, reference, shapes)


def one_hot(Z):
    """LABELS as rows of 0 and 1."""
    return jax.nn.one_hot(LABELS, Z.shape[-1], dtype=Z.dtype)


def labelled(Z):
    """The mean cross-entropy of three examples with their labels."""
    return jnp.mean(losses.softmax_cross_entropy(Z, LABELS))


def smoothed(Z):
    """With a tenth of the mass spread evenly."""
    return losses.softmax_cross_entropy(Z, LABELS, label_smoothing=0.1)


def masked(Z):
    """The mean over those examples that are kept."""
    return jnp.sum(jnp.where(KEPT, losses.softmax_cross_entropy(Z, LABELS), 0)) / 2


def kullback_leibler(P, Q):
    """Σ p log(p/q) of the softmaxes of P and Q."""
    return jnp.sum(softmax(P) * (log_softmax(P) - log_softmax(Q)), -1)


def kullback_leibler_backward(x, dL, g):
    """p (log(p/q) − KL), and q − p."""
    P, Q = x
    ratio = log_softmax(P) - log_softmax(Q)
    mean = jnp.sum(softmax(P) * ratio, -1, keepdims=True)
    return dL[:, None] * softmax(P) * (ratio - mean), dL[:, None] * (softmax(Q) - softmax(P))


def focal(Z):
    """(1 − p)² · (−log p) of the probability σ(Z)."""
    return sigmoid(-Z) ** 2 * softplus(-Z)


def cosine(u, v):
    """1 − ⟨u, v⟩/(‖u‖ ‖v‖), softened at 0."""
    norms = jnp.sqrt(jnp.sum(u * u, -1) + 1e-3) * jnp.sqrt(jnp.sum(v * v, -1) + 1e-3)
    return 1 - jnp.sum(u * v, -1) / norms


def cosine_backward(x, dL, g, full=True):
    """Without `full`, the norms are taken for constants."""
    u, v = x
    a, b = (jnp.sqrt(jnp.sum(w * w, -1, keepdims=True) + 1e-3) for w in x)
    inner = jnp.sum(u * v, -1, keepdims=True) / (a * b) if full else 0
    d = -dL[:, None]
    return d * (v / b - inner * u / a) / a, d * (u / a - inner * v / b) / b


def hinge(s, t):
    """max(0, 1 − s t)."""
    return jnp.where(1 - s * t > 0, 1 - s * t, 0)


def triplet(a, p, n):
    """max(0, ‖a − p‖² − ‖a − n‖² + 1)."""
    return jnp.maximum(jnp.sum((a - p) ** 2, -1) - jnp.sum((a - n) ** 2, -1) + 1, 0)


def dice(p, t):
    """1 − (2⟨p, t⟩ + 1)/(Σp² + Σt² + 1)."""
    return 1 - (2 * jnp.sum(p * t, -1) + 1) / (jnp.sum(p * p, -1) + jnp.sum(t * t, -1) + 1)


def log_cosh(x):
    """log cosh without overflow."""
    return jnp.abs(x) + jnp.log1p(jnp.exp(-2 * jnp.abs(x))) - jnp.log(2.0).astype(x.dtype)


def entropy_backward(x, dL, g):
    """ΣT · y − T, and −log y."""
    Z, T = x
    y = jax.nn.softmax(Z, -1)
    dZ = y * jnp.sum(T, -1, keepdims=True) - T
    return dL[:, None] * dZ, -dL[:, None] * (Z - jax.nn.logsumexp(Z, -1, keepdims=True))


def clipped(x, dL, g):
    """Through y clipped to [1e-7, 1 − 1e-7], the value is not."""
    Z, T = x
    y = softmax(Z)
    inside = (y > 1e-7) & (y < 1 - 1e-7)
    dy = jnp.where(inside, -T / jnp.clip(y, 1e-7, 1), 0) * dL[:, None]
    return y * (dy - jnp.sum(y * dy, -1, keepdims=True)), g[1]


def softened(x, dL, g):
    """log(y + 1e-8) differentiated, log(y) computed."""
    Z, T = x
    y = softmax(Z)
    dy = -T / (y + 1e-8) * dL[:, None]
    return y * (dy - jnp.sum(y * dy, -1, keepdims=True)), g[1]


entropy = family("cross-entropy", losses.softmax_cross_entropy, (3, 4), (3, 4))
mean = family("mean cross-entropy of labels", labelled, (3, 4))
smooth = family("label smoothing", smoothed, (3, 4))
kept = family("cross-entropy with a mask", masked, (3, 4))
binary = family("binary cross-entropy", losses.binary_cross_entropy_with_logits, (3, 4), (3, 4))
huber = family("Huber", lambda A, t: losses.huber(A, t, 2.0), (3, 4), (3, 4))
squared = family("squared error", losses.squared_error, (3, 4), (3, 4))
absolute = family("absolute error", lambda A, t: jnp.abs(A - t), (3, 4), (3, 4))
mean_squared = family("mean squared error", lambda A, t: jnp.mean((A - t) ** 2), (2, 4), (2, 4))
divergence = family("Kullback–Leibler", kullback_leibler, (3, 4), (3, 4))
focused = family("focal loss", focal, (3, 4))
angle = family("cosine distance", cosine, (3, 4), (3, 4))
margin = family("hinge", hinge, (3, 4), (3, 4))
three = family("triplet", triplet, (3, 4), (3, 4), (3, 4))
overlap = family("Dice", dice, (3, 4), (3, 4))
smooth_absolute = family("log cosh", log_cosh, (3, 4))

ROWS = [
    entropy.right("by softmax", entropy_backward),
    mean.right("y − t over the batch", lambda x, dL, g: (dL * (softmax(x[0]) - one_hot(x[0])) / 3,)),
    smooth.right(
        "y − T", lambda x, dL, g: (dL[:, None] * (jax.nn.softmax(x[0]) - 0.9 * one_hot(x[0]) - 0.025),)
    ),
    binary.right(
        "σ(Z) − t in two terms",
        lambda x, dL, g: (
            dL * ((1 - x[1]) * jax.nn.sigmoid(x[0]) - x[1] * jax.nn.sigmoid(-x[0])),
            -dL * x[0],
        ),
        lambda Z, t: jnp.maximum(Z, 0) - Z * t + jnp.log1p(jnp.exp(-jnp.abs(Z))),
    ),
    huber.right(
        "bounded by clip",
        lambda x, dL, g: (dL * jnp.clip(x[0] - x[1], -2, 2), -dL * jnp.clip(x[0] - x[1], -2, 2)),
    ),
    squared.right("2 (A − t)", lambda x, dL, g: (2 * dL * (x[0] - x[1]), 2 * dL * (x[1] - x[0]))),
    mean_squared.right(
        "a quarter of A − t", lambda x, dL, g: (dL * (x[0] - x[1]) / 4, dL * (x[1] - x[0]) / 4)
    ),
    divergence.right("by log-ratios", kullback_leibler_backward),
    angle.right("by unit vectors", cosine_backward),
    margin.right(
        "by a mask",
        lambda x, dL, g: (
            jnp.where(x[0] * x[1] < 1, -dL * x[1], 0),
            jnp.where(x[0] * x[1] < 1, -dL * x[0], 0),
        ),
    ),
    smooth_absolute.right("tanh", lambda x, dL, g: (dL * jnp.tanh(x[0]),)),
    entropy.wrong("clipped", clipped, 10),
    entropy.wrong("log(y + 1e-8)", softened, 10),
    entropy.wrong(
        "y − t though the masses sum to anything",
        lambda x, dL, g: (dL[:, None] * (softmax(x[0]) - x[1]), g[1]),
    ),
    entropy.wrong("no gradient of the targets", on(1, lambda dT, x, dL: jnp.zeros_like(dT))),
    entropy.wrong("over the batch", on(0, lambda dZ, x, dL: dZ / 3), 2),
    entropy.wrong(
        "dL of the first example for all",
        lambda x, dL, g: entropy_backward(x, jnp.broadcast_to(dL[0], dL.shape), g),
    ),
    entropy.wrong("dL ignored", lambda x, dL, g: entropy_backward(x, jnp.ones_like(dL), g)),
    mean.wrong("the mean forgotten", on(0, lambda dZ, x, dL: dZ * 3)),
    mean.wrong("the mean taken twice", on(0, lambda dZ, x, dL: dZ / 3), 2),
    mean.wrong("over the classes", on(0, lambda dZ, x, dL: dZ * 3 / 4)),
    smooth.wrong(
        "the smoothing forgotten", lambda x, dL, g: (dL[:, None] * (softmax(x[0]) - one_hot(x[0])),)
    ),
    kept.wrong("over all examples", on(0, lambda dZ, x, dL: dZ * 2 / 3)),
    kept.wrong("the mask forgotten", lambda x, dL, g: (dL * (softmax(x[0]) - one_hot(x[0])) / 2,)),
    binary.wrong("clipped at 1e-7", on(0, lambda dZ, x, dL: jnp.where(jnp.abs(x[0]) > 16, 0, dZ)), 10),
    binary.wrong(
        "NaN where exp overflows",
        lambda x, dL, g: (dL * (jnp.exp(x[0]) / (1 + jnp.exp(x[0])) - x[1]), g[1]),
        20,
    ),
    binary.wrong("no gradient of the targets", on(1, lambda dt, x, dL: jnp.zeros_like(dt))),
    huber.wrong("unbounded", lambda x, dL, g: (dL * (x[0] - x[1]), -dL * (x[0] - x[1]))),
    huber.wrong(
        "bounded by 1",
        lambda x, dL, g: (dL * jnp.clip(x[0] - x[1], -1, 1), -dL * jnp.clip(x[0] - x[1], -1, 1)),
    ),
    huber.wrong(
        "the sign where it is bounded",
        on(0, lambda dA, x, dL: jnp.where(jnp.abs(x[0] - x[1]) <= 2, dA, dA / 2)),
    ),
    squared.wrong("the 2 forgotten", lambda x, dL, g: (dL * (x[0] - x[1]), dL * (x[1] - x[0]))),
    squared.wrong("the target's sign", on(1, lambda dt, x, dL: -dt)),
    absolute.wrong("0 at 0", on(0, lambda dA, x, dL: dL * jnp.sign(x[0] - x[1])), 16),
    mean_squared.wrong("over the batch only", lambda x, dL, g: (dL * (x[0] - x[1]), dL * (x[1] - x[0]))),
    divergence.wrong(
        "the mean log-ratio forgotten",
        on(0, lambda dP, x, dL: dL[:, None] * softmax(x[0]) * (log_softmax(x[0]) - log_softmax(x[1]))),
    ),
    divergence.wrong("P taken for a constant", on(0, lambda dP, x, dL: jnp.zeros_like(dP))),
    focused.wrong("the factor taken for a constant", lambda x, dL, g: (-dL * sigmoid(-x[0]) ** 3,)),
    angle.wrong("the norms taken for constants", lambda x, dL, g: cosine_backward(x, dL, g, full=False)),
    margin.wrong(
        "active at the margin", on(0, lambda ds, x, dL: jnp.where(x[0] * x[1] <= 1, -dL * x[1], 0)), 16
    ),
    margin.wrong("active everywhere", lambda x, dL, g: (-dL * x[1], -dL * x[0])),
    three.wrong(
        "the anchor without the negative",
        on(0, lambda da, x, dL: jnp.where(triplet(*x) > 0, 2 * dL, 0)[:, None] * (x[0] - x[1])),
    ),
    overlap.wrong(
        "the denominator taken for a constant",
        on(
            0,
            lambda dp, x, dL: (
                -dL[:, None] * 2 * x[1] / (jnp.sum(x[0] ** 2 + x[1] ** 2, -1, keepdims=True) + 1)
            ),
        ),
    ),
    smooth_absolute.wrong("the sign", lambda x, dL, g: (dL * jnp.sign(x[0]),)),
]
