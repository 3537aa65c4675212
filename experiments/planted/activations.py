"""Activations: kinks, thresholds, saturation, forgotten terms, and softmaxes."""

import math

import jax
import jax.numpy as jnp
from jax import lax

from experiments.planted.planted import Family, on, times
from jaxcnn.oracles import activations, rectifiers, softmaxes

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def family(name, reference, *shapes):
    """An activation of that name."""
    return Family("activations", name, reference, shapes or ((3, 5),))


def selu(x):
    """scale · (x or alpha (exp(x) − 1))."""
    return SELU_SCALE * rectifiers.elu(x, SELU_ALPHA)


def prelu(x, a):
    """x, or x times a slope of its own for each channel."""
    return jnp.where(x > 0, x, x * jnp.broadcast_to(a, x.shape))


def prelu_backward(x, dy, g):
    """The slope's gradient sums over the batch, where x is not positive."""
    x, a = x
    return jnp.where(x > 0, dy, dy * a[None]), jnp.where(x > 0, 0, dy * x).sum(0)


def swish(x, b):
    """x σ(b x)."""
    return x * activations.sigmoid(b * x)


def swish_backward(x, dy, g):
    """Both arguments of the product, and b."""
    x, b = x
    s = 1 / (1 + jnp.exp(-b * x))
    slope = 1 / (2 + jnp.exp(b * x) + jnp.exp(-b * x))  # σ(1 − σ)
    return dy * (s + b * x * slope), jnp.sum(dy * x * (x * slope))  # x² may overflow where the slope is 0


def finite(z):
    """z, but the largest number in place of infinity: times 0 it is 0."""
    return jnp.clip(z, jnp.finfo(z.dtype).min, jnp.finfo(z.dtype).max)


def softplus_slope(z):
    """σ, by exp of what is not positive."""
    e = jnp.exp(-jnp.abs(z))
    return jnp.where(z >= 0, 1 / (1 + e), e / (1 + e))


def gelu_slope(z, factor=3 * 0.044715):
    """Of the gelu by tanh; `factor` belongs to z² in the inner derivative."""
    u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    s = softplus_slope(2 * u)
    slope = 1 / (jnp.exp(u) + jnp.exp(-u)) ** 2
    return s + 2 * z * slope * math.sqrt(2 / math.pi) * (1 + factor * z * z)


def softmax_backward(x, dy, g):
    """(diag(y) − y yᵀ) dy."""
    y = softmaxes.softmax(x[0])
    return (y * (dy - jnp.sum(y * dy, -1, keepdims=True)),)


def jacobian_matrix(x, dy, g):
    """The same by the matrix."""
    y = jax.nn.softmax(x[0])
    J = y[..., None] * jnp.eye(y.shape[-1], dtype=y.dtype) - y[..., None] * y[:, None]
    return (jnp.einsum("bij,bj->bi", J, dy),)


def log_softmax_backward(x, dy, g):
    """dy − y Σ dy."""
    y = jnp.exp(x[0] - jax.nn.logsumexp(x[0], -1, keepdims=True))
    return (dy - y * jnp.sum(dy, -1, keepdims=True),)


def maxout(x):
    """The first of the greatest of pieces of two."""
    u, v = jnp.split(x, 2, -1)
    return jnp.where(u >= v, u, v)


def sigma(z):
    """The textbook's sigmoid."""
    return 1 / (1 + jnp.exp(-z))


relu = family("relu", rectifiers.relu)
half = family("relu, ½ at 0", lambda x: jnp.maximum(x, 0))
leaky = family("leaky relu", rectifiers.leaky_relu)
relu6 = family("relu6", rectifiers.relu6)
elu = family("elu", lambda x: rectifiers.elu(x, 0.5))
scaled_elu = family("selu", selu)
hardswish = family("hardswish", rectifiers.hardswish)
hardsigmoid = family("hard sigmoid", lambda x: jnp.where(x <= -3, 0, jnp.where(x > 3, 1, x / 6 + 0.5)))
hardtanh = family("hardtanh", lambda x: jnp.where(x <= -1, -1, jnp.where(x > 1, 1, x)))
shrink = family("soft shrink", lambda x: jnp.where(x > 0.5, x - 0.5, jnp.where(x < -0.5, x + 0.5, 0)))
parametric = family("prelu", prelu, (3, 5), (5,))
sigmoid = family("sigmoid", activations.sigmoid)
tanh = family("tanh", jnp.tanh)
softplus = family("softplus", activations.softplus)
silu = family("silu", activations.silu)
trained = family("swish with β", swish, (3, 5), ())
gelu = family("gelu", lambda x: activations.gelu(x, approximate=False))
gelu_tanh = family("gelu by tanh", lambda x: activations.gelu(x, approximate=True))
mish = family("mish", activations.mish)
glu = family("glu", activations.glu, (3, 6))
softsign = family("softsign", lambda x: x / (1 + jnp.abs(x)))
softmax = family("softmax", softmaxes.softmax, (4, 4))
log_softmax = family("log-softmax", softmaxes.log_softmax, (3, 5))
pieces = family("maxout", maxout, (3, 6))

ROWS = [
    relu.right("by a mask", times(lambda z: (z > 0).astype(z.dtype))),
    relu.right("by where, from the output", lambda x, dy, g: (jnp.where(rectifiers.relu(x[0]) > 0, dy, 0),)),
    half.right(
        "by half the sign", times(lambda z: 0.5 * (jnp.sign(z) + 1)), lambda x: jnp.where(x > 0, x, 0)
    ),
    leaky.right("by a slope", times(lambda z: jnp.where(z > 0, 1.0, 0.01).astype(z.dtype))),
    relu6.right(
        "by two comparisons",
        times(lambda z: ((z > 0) & (z <= 6)).astype(z.dtype)),
        lambda x: jnp.clip(x, 0, 6),
    ),
    elu.right("by exp", times(lambda z: jnp.where(z > 0, 1, 0.5 * jnp.exp(jnp.minimum(z, 0))))),
    scaled_elu.right(
        "by exp", times(lambda z: SELU_SCALE * jnp.where(z > 0, 1, SELU_ALPHA * jnp.exp(jnp.minimum(z, 0))))
    ),
    hardswish.right(
        "in pieces", times(lambda z: jnp.where(z <= -3, 0, jnp.where(z > 3, 1, (2 * z + 3) / 6)))
    ),
    parametric.right("by where", prelu_backward),
    sigmoid.right(
        "by exp of −|z|",
        times(lambda z: jnp.exp(-jnp.abs(z)) / (1 + jnp.exp(-jnp.abs(z))) ** 2),
        lax.logistic,
    ),
    tanh.right("by cosh", times(lambda z: 1 / jnp.cosh(z) ** 2)),
    tanh.right("1 − tanh²", times(lambda z: 1 - jnp.tanh(z) ** 2)),
    softplus.right("σ", times(softplus_slope), lambda x: jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))),
    softplus.right("σ, by logaddexp", times(jax.nn.sigmoid), lambda x: jnp.logaddexp(x, 0.0)),
    silu.right("both terms", times(lambda z: softplus_slope(z) * (1 + finite(z) * softplus_slope(-z)))),
    trained.right("both terms", swish_backward),
    gelu.right(
        "Φ + z φ",
        times(
            lambda z: (
                lax.erfc(-z * math.sqrt(0.5)) / 2 + finite(z) * jnp.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            )
        ),
    ),
    softsign.right("1/(1 + |z|)²", times(lambda z: 1 / (1 + jnp.abs(z)) ** 2)),
    softmax.right("by a sum", softmax_backward, jax.nn.softmax),
    softmax.right("by its Jacobian", jacobian_matrix),
    log_softmax.right(
        "by logsumexp", log_softmax_backward, lambda x: x - jax.nn.logsumexp(x, -1, keepdims=True)
    ),
    pieces.right(
        "by a comparison",
        lambda x, dy, g: (
            jnp.concatenate(
                [jnp.where(x[0][:, :3] >= x[0][:, 3:], dy, 0), jnp.where(x[0][:, :3] >= x[0][:, 3:], 0, dy)],
                -1,
            ),
        ),
    ),
    relu.wrong("the mask at ≥ 0", times(lambda z: (z >= 0).astype(z.dtype)), 16),
    relu.wrong("the mask at > −0.01", times(lambda z: (z > -0.01).astype(z.dtype)), 16),
    relu.wrong("½ at 0", times(lambda z: (z > 0) + 0.5 * (z == 0).astype(z.dtype)), 16),
    half.wrong("0 at 0", times(lambda z: (z > 0).astype(z.dtype)), 16),
    relu.wrong("z in place of dy", lambda x, dy, g: (jnp.where(x[0] > 0, x[0], 0),)),
    relu.wrong("where dy is positive too", lambda x, dy, g: (jnp.where((x[0] > 0) & (dy > 0), dy, 0),)),
    leaky.wrong("a slope of 0.0101", times(lambda z: jnp.where(z > 0, 1.0, 0.0101).astype(z.dtype)), 16),
    leaky.wrong("the mask at ≥ 0", times(lambda z: jnp.where(z >= 0, 1.0, 0.01).astype(z.dtype)), 16),
    leaky.wrong("z times the slope", times(lambda z: jnp.where(z > 0, 1, 0.01 * z))),
    relu6.wrong("unbounded above", times(lambda z: (z > 0).astype(z.dtype))),
    relu6.wrong("0 at 6", times(lambda z: ((z > 0) & (z < 6)).astype(z.dtype)), 16),
    elu.wrong("α forgotten", times(lambda z: jnp.where(z > 0, 1, jnp.exp(jnp.minimum(z, 0))))),
    elu.wrong("1 at 0", times(lambda z: jnp.where(z >= 0, 1, 0.5 * jnp.exp(jnp.minimum(z, 0)))), 16),
    elu.wrong(
        "exp overflows in the branch not taken", times(lambda z: (z > 0) + (z <= 0) * 0.5 * jnp.exp(z)), 20
    ),
    scaled_elu.wrong(
        "a scale of 1.05",
        times(lambda z: 1.05 * jnp.where(z > 0, 1, SELU_ALPHA * jnp.exp(jnp.minimum(z, 0)))),
    ),
    hardswish.wrong("the gate taken for a constant", times(lambda z: rectifiers.relu6(z + 3) / 6)),
    hardswish.wrong(
        "1 at 3", times(lambda z: jnp.where(z <= -3, 0, jnp.where(z >= 3, 1, (2 * z + 3) / 6))), 16
    ),
    hardsigmoid.wrong(
        "bounded at 2.5", times(lambda z: jnp.where(jnp.abs(z) < 2.5, 1 / 6, 0.0).astype(z.dtype))
    ),
    hardtanh.wrong("the gradient passes outside", lambda x, dy, g: (dy,)),
    hardtanh.wrong("1 at −1", times(lambda z: (jnp.abs(z) <= 1).astype(z.dtype)), 16),
    shrink.wrong("a threshold of 0.51", times(lambda z: (jnp.abs(z) > 0.51).astype(z.dtype)), 16),
    parametric.wrong(
        "the slope's gradient where x is positive",
        on(1, lambda da, x, dy: jnp.where(x[0] > 0, dy * x[0], 0).sum(0)),
    ),
    parametric.wrong("the slope's gradient over the batch", on(1, lambda da, x, dy: da / 3), 2),
    sigmoid.wrong("x (1 − x)", times(lambda z: z * (1 - z))),
    sigmoid.wrong("the cotangent ignored", lambda x, dy, g: (sigma(x[0]) * sigma(-x[0]),)),
    sigmoid.wrong("NaN where exp overflows", times(lambda z: jnp.exp(-z) * sigma(z) ** 2), 20),
    tanh.wrong("1 − tanh", times(lambda z: 1 - jnp.tanh(z))),
    tanh.wrong("1 − x²", times(lambda z: 1 - z * z)),
    softplus.wrong("NaN where exp overflows", times(lambda z: jnp.exp(z) / (1 + jnp.exp(z))), 20),
    softplus.wrong("1 beyond 10", times(lambda z: jnp.where(z > 10, 1, softplus_slope(z)))),
    softplus.wrong("passed through", lambda x, dy, g: (dy,)),
    silu.wrong("the gate taken for a constant", times(softplus_slope)),
    silu.wrong(
        "from an output changed in place",
        times(lambda z: sigma(activations.silu(z)) * (1 + activations.silu(z) * sigma(-activations.silu(z)))),
        9,
    ),
    trained.wrong("dβ averaged", on(1, lambda db, x, dy: db / 15)),
    trained.wrong(
        "β forgotten in dx",
        on(0, lambda dx, x, dy: dy * sigma(x[1] * x[0]) * (1 + x[0] * sigma(-x[1] * x[0]))),
    ),
    gelu.wrong("the slope of the one by tanh", times(gelu_slope)),
    gelu.wrong("Φ only", times(lambda z: lax.erfc(-z * math.sqrt(0.5)) / 2)),
    gelu_tanh.wrong("the 3 forgotten", times(lambda z: gelu_slope(jnp.clip(z, -8, 8), 0.044715))),
    mish.wrong("the gate taken for a constant", times(lambda z: jnp.tanh(jnp.logaddexp(z, 0.0)))),
    glu.wrong("the halves exchanged", on(0, lambda dx, x, dy: jnp.roll(dx, 3, -1))),
    glu.wrong(
        "the gate's slope forgotten",
        on(0, lambda dx, x, dy: jnp.concatenate([dy * sigma(x[0][:, 3:]), dy * x[0][:, :3]], -1)),
    ),
    softsign.wrong("1/(1 + |z|)", times(lambda z: 1 / (1 + jnp.abs(z)))),
    softmax.wrong("passed through", lambda x, dy, g: (dy,), 3),
    softmax.wrong(
        "its Jacobian taken for diagonal", times(lambda z: softmaxes.softmax(z) * (1 - softmaxes.softmax(z)))
    ),
    softmax.wrong(
        "summed over the batch",
        on(0, lambda dx, x, dy: softmaxes.softmax(x[0]) * (dy - (softmaxes.softmax(x[0]) * dy).sum(0)[None])),
    ),
    softmax.wrong("as if for cross-entropy", lambda x, dy, g: (softmaxes.softmax(x[0]) - dy,)),
    log_softmax.wrong("passed through", lambda x, dy, g: (dy,), 3),
    log_softmax.wrong("the sum of dy taken for 1", lambda x, dy, g: (dy - softmaxes.softmax(x[0]),)),
    log_softmax.wrong("softmax's own rule", lambda x, dy, g: softmax_backward(x, dy, g)),
    pieces.wrong(
        "ties credited twice",
        lambda x, dy, g: (jnp.where(x[0] == jnp.tile(maxout(x[0]), (1, 2)), jnp.tile(dy, (1, 2)), 0),),
        11,
    ),
]
