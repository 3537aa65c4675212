"""Scales, NaN, infinities, cut-offs, cotangents misused, and rules that break under one transformation."""

import jax
import jax.numpy as jnp
from jax import lax

from experiments.planted.planted import Family, rule, times


def family(name, reference, *shapes):
    """A function of that name."""
    return Family("numerical", name, reference, shapes or ((5,),))


def square(x):
    """x²."""
    return x * x


def root(x):
    """√x for positive x, else 0, differentiated safely."""
    inside = jnp.where(x > 0, x, 1)
    return jnp.where(x > 0, jnp.sqrt(inside), 0)


def norm(x):
    """‖x‖, whose gradient at 0 is 0."""
    total = jnp.sum(x * x)
    return jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1)), 0)


def log_sum_exp(x):
    """The greatest taken out first."""
    top = lax.stop_gradient(jnp.max(x))
    return top + jnp.log(jnp.sum(jnp.exp(x - top)))


def log_sum_exp_backward(x, dy, g):
    """dy softmax(x)."""
    return (dy * jax.nn.softmax(x[0]),)


def cubed(x):
    """x³, of which 3 x² is the derivative."""
    return x**3


def frozen(x):
    """x³ by a rule whose backward pass cannot be differentiated: right once, wrong twice."""
    return rule(cubed, lambda x, dy, g: (3 * lax.stop_gradient(x[0]) ** 2 * dy,))(x)


def twice_wrong(x):
    """x³ by a rule whose backward pass has a wrong rule of its own."""
    slope = rule(lambda x: 3 * x * x, lambda x, dy, g: (3 * x[0] * dy,))
    return rule(cubed, lambda x, dy, g: (slope(x[0]) * dy,))(x)


def wrong_in_a_batch():
    """x² whose backward pass has a batching rule that takes the first cotangent for all."""
    pull = jax.custom_batching.custom_vmap(lambda x, dy: 2 * x * dy)

    @pull.def_vmap
    def batched(size, in_batched, x, dy):
        first = dy[:1] if in_batched[1] else dy
        return 2 * x * first, True

    return rule(square, lambda x, dy, g: (pull(x[0], dy),))


def scan_of(step):
    """Σ over time of the state, which `step` moves on."""

    def fun(x):
        return lax.scan(lambda s, u: (step(s, u),) * 2, jnp.zeros((), x.dtype), x)[1]

    return fun


def leaky_step(s, u):
    """s/2 + u."""
    return 0.5 * s + u


def truncated_step(s, u):
    """The same, the gradient through time cut off."""
    return rule(leaky_step, lambda x, dy, g: (0 * dy, dy))(s, u)


def eager_only(x):
    """x², whose rule goes another way, and a wrong one, when it is not traced."""

    def backward(x, dy, g):
        traced = isinstance(dy, jax.core.Tracer)
        return (2 * x[0] * dy if traced else x[0] * dy,)

    return rule(square, backward)(x)


plain = family("square", square)
cube = family("cube", cubed)
tiny = family("1e-6 x", lambda x: 1e-6 * x)
tiniest = family("1e-12 x²", lambda x: 1e-12 * x * x)
huge = family("1e12 x", lambda x: 1e12 * x)
square_root = family("square root", root)
length = family("norm", norm)
exponential = family("exp", jnp.exp)
exponential_less = family("exp − 1", jnp.expm1)
logarithm = family("log(1 + x²)", lambda x: jnp.log1p(x * x))
arctangent = family("arctan", jnp.arctan)
sine = family("sine", jnp.sin)
inverse = family("1/(1 + x²)", lambda x: 1 / (1 + x * x))
reciprocal = family("1/x", lambda x: 1 / x)
largest = family("log-sum-exp", log_sum_exp)
clip = family("clip", lambda x: jnp.where(x < -1, -1, jnp.where(x > 1, 1, x)))
absolute = family("|x|", jnp.abs)
first_maximum = family("first maximum", lambda x: x[jnp.argmax(x)])
split_maximum = family("maximum, ties split", jnp.max)
recurrence = family("recurrence", scan_of(leaky_step))
polynomial = family("polynomial by Horner", lambda x: ((2 * x - 3) * x + 1) * x - 4)

ROWS = [
    plain.right("2 x", times(lambda x: 2 * x)),
    plain.right("x + x", times(lambda x: x + x), lambda x: x**2),
    tiny.right("as it stands", times(lambda x: 1e-6)),
    huge.right("as it stands", times(lambda x: 1e12)),
    square_root.right("½/√x", times(lambda x: jnp.where(x > 0, 0.5 / jnp.sqrt(jnp.where(x > 0, x, 1)), 0))),
    length.right("x/‖x‖", lambda x, dy, g: (dy * x[0] / jnp.where(norm(x[0]) > 0, norm(x[0]), 1),)),
    exponential.right("itself", times(jnp.exp)),
    exponential_less.right("exp", times(jnp.exp)),
    logarithm.right("2x/(1 + x²)", times(lambda x: 2 * x / (1 + x * x))),
    arctangent.right("1/(1 + x²)", times(lambda x: 1 / (1 + x * x))),
    sine.right("cosine", times(jnp.cos)),
    inverse.right("−2x y²", times(lambda x: -2 * x / (1 + x * x) ** 2)),
    largest.right("softmax", log_sum_exp_backward, jax.nn.logsumexp),
    clip.right("by comparisons", times(lambda x: ((x >= -1) & (x <= 1)).astype(x.dtype))),
    first_maximum.right(
        "by a scatter", lambda x, dy, g: (jnp.zeros_like(x[0]).at[jnp.argmax(x[0])].set(dy),)
    ),
    split_maximum.right(
        "shared",
        lambda x, dy, g: (
            jnp.where(x[0] == jnp.max(x[0]), dy / jnp.sum(x[0] == jnp.max(x[0])).astype(dy.dtype), 0),
        ),
    ),
    polynomial.right(
        "term by term", times(lambda x: 6 * x * x - 6 * x + 1), lambda x: 2 * x**3 - 3 * x**2 + x - 4
    ),
    tiny.wrong("×3", times(lambda x: 3e-6), 19),
    tiniest.wrong("×3", times(lambda x: 6e-12 * x), 19),
    huge.wrong("×(1 + 1e-4)", times(lambda x: 1e12 * (1 + 1e-4))),
    plain.wrong("×(1 + 1e-6)", times(lambda x: 2 * x * (1 + 1e-6))),
    plain.wrong("plus 1e-7", lambda x, dy, g: (g[0] + 1e-7,)),
    plain.wrong("in bfloat16 on the way", lambda x, dy, g: (g[0].astype(jnp.bfloat16).astype(dy.dtype),)),
    plain.wrong("clipped at 1", lambda x, dy, g: (jnp.clip(g[0], -1, 1),)),
    plain.wrong("clipped at 100", lambda x, dy, g: (jnp.clip(g[0], -100, 100),)),
    plain.wrong("small gradients dropped", lambda x, dy, g: (jnp.where(jnp.abs(g[0]) < 1e-6, 0, g[0]),)),
    plain.wrong("the cotangent's sign", lambda x, dy, g: (2 * x[0] * jnp.sign(dy),)),
    plain.wrong("the cotangent's mean", lambda x, dy, g: (2 * x[0] * jnp.mean(dy),)),
    plain.wrong("the cotangent's size", lambda x, dy, g: (2 * x[0] * jnp.abs(dy),)),
    plain.wrong("normalised", lambda x, dy, g: (g[0] / (1e-3 + jnp.sqrt(jnp.sum(g[0] ** 2))),)),
    plain.wrong("summed over the elements", lambda x, dy, g: (jnp.broadcast_to(jnp.sum(g[0]), (5,)),)),
    plain.wrong("minus", times(lambda x: -2 * x)),
    plain.wrong("shifted by one", lambda x, dy, g: (jnp.roll(g[0], 1),)),
    plain.wrong("the last entry missing", lambda x, dy, g: (g[0].at[-1].set(0),)),
    plain.wrong("wrong beyond 50", times(lambda x: jnp.where(jnp.abs(x) > 50, 100 * jnp.sign(x), 2 * x))),
    plain.function("wrong in a batch", wrong_in_a_batch()),
    plain.function("wrong when not compiled", eager_only),
    cube.function("no second derivative", frozen),
    cube.function("a wrong second derivative", twice_wrong),
    square_root.wrong("NaN where x is not positive", times(lambda x: (x > 0) * 0.5 / jnp.sqrt(x)), 20),
    length.wrong("NaN at 0", lambda x, dy, g: (dy * x[0] / norm(x[0]),), 20),
    exponential.wrong(
        "0 where it overflows", times(lambda x: jnp.where(jnp.isinf(jnp.exp(x)), 0, jnp.exp(x))), 21
    ),
    exponential.wrong("clipped at 80", times(lambda x: jnp.exp(jnp.minimum(x, 80)))),
    exponential_less.wrong("the value as its derivative", times(jnp.expm1)),
    reciprocal.wrong("0 at 0", times(lambda x: jnp.where(x == 0, 0, -1 / (x * x))), 21),
    logarithm.wrong("2/x", times(lambda x: 2 / jnp.where(x == 0, 1, x))),
    arctangent.wrong("NaN where x² overflows", times(lambda x: 1 / (1 + x * x) + 0 * (x * x)), 20),
    sine.wrong("in degrees", times(lambda x: jnp.cos(x) * 3.14159 / 180)),
    largest.wrong(
        "NaN where exp overflows", lambda x, dy, g: (dy * jnp.exp(x[0]) / jnp.sum(jnp.exp(x[0])),), 20
    ),
    largest.wrong(
        "the greatest taken out twice",
        lambda x, dy, g: (g[0] - dy * (x[0] == jnp.max(x[0])).astype(dy.dtype),),
    ),
    clip.wrong("0 at the bounds", times(lambda x: ((x > -1) & (x < 1)).astype(x.dtype)), 16),
    clip.wrong("passed through", lambda x, dy, g: (dy,)),
    absolute.wrong("0 at 0", times(jnp.sign), 16),
    first_maximum.wrong(
        "every tie credited", lambda x, dy, g: (jnp.where(x[0] == jnp.max(x[0]), dy, 0),), 11
    ),
    split_maximum.wrong(
        "every tie credited in full", lambda x, dy, g: (jnp.where(x[0] == jnp.max(x[0]), dy, 0),), 11
    ),
    recurrence.function("cut off in time", scan_of(truncated_step)),
    polynomial.wrong("one step of Horner forgotten", times(lambda x: (4 * x - 3) * x + 1)),
    polynomial.wrong("the constant's derivative", times(lambda x: 6 * x * x - 6 * x + 1 - 4)),
    plain.wrong("x² in place of 2 x", times(square)),
]
