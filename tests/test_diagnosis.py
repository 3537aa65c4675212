"""The diagnosis: a table of planted errors, what each must be called, and what has no name."""

import functools
import hashlib
import inspect
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.check import values
from jaxcnn.check.diagnosis import Diagnosis, Kind, Sample, diagnose
from jaxcnn.check.diagnosis.hypotheses import HYPOTHESES, SHAPES
from jaxcnn.oracles.activations import gelu, sigmoid, softplus
from jaxcnn.oracles.adaptive_pooling import global_avg_pool
from jaxcnn.oracles.convolution import conv, convolve
from jaxcnn.oracles.linear import dense
from jaxcnn.oracles.losses import softmax_cross_entropy, squared_error
from jaxcnn.oracles.lp_pooling import lp_pool
from jaxcnn.oracles.normalization import batch_norm, layer_norm, rms_norm
from jaxcnn.oracles.pooling import avg_pool, max_pool
from jaxcnn.oracles.rectifiers import elu, leaky_relu, relu, relu6
from jaxcnn.oracles.softmaxes import softmax
from jaxcnn.oracles.upsampling import pixel_shuffle, upsample_nearest

CASES = 48


@dataclass(frozen=True)
class Setting:
    """A function, its inputs' shapes, and how values are drawn, as the checker draws them."""

    function: Callable
    shapes: dict[str, tuple[int, ...]]
    draw: Callable = values.integers
    positive: tuple[str, ...] = ()
    cases: int = CASES

    @functools.cached_property
    def truth(self):
        """Outputs and gradients of every case, from inputs and cotangents. Compiled once."""

        def one(inputs, cotangents):
            outputs, pull = jax.vjp(lambda inputs: self.outputs(inputs), inputs)
            return outputs, pull(cotangents)[0]

        # a small program spends its time in the compiler
        return jax.jit(jax.vmap(one), compiler_options={"xla_backend_optimization_level": 0})

    @functools.cached_property
    def answers(self):
        return {}

    def answer(self, inputs, cotangents):
        """The truth as arrays; many samples ask the same."""
        asked = hashlib.sha1(usedforsecurity=False)
        for x in (*(inputs[name] for name in self.shapes), *cotangents):
            asked.update(np.ascontiguousarray(x))
        key = asked.digest()
        if key not in self.answers:
            self.answers[key] = jax.tree.map(np.asarray, self.truth(inputs, cotangents))
        return self.answers[key]

    def outputs(self, inputs):
        outputs = self.function(**inputs)
        return outputs if isinstance(outputs, tuple) else (outputs,)

    @functools.cached_property
    def drawn(self):
        """Inputs, cotangents, outputs and gradients of all cases."""
        rng = np.random.default_rng(0)
        inputs = {name: self.draw(rng, self.cases, shape) for name, shape in self.shapes.items()}
        for name in self.positive:
            inputs[name] = np.abs(inputs[name]) + 0.5
        outputs = jax.eval_shape(self.outputs, {k: jnp.asarray(v[0]) for k, v in inputs.items()})
        cotangents = tuple(self.draw(rng, self.cases, z.shape) for z in outputs)
        return inputs, cotangents, *self.answer(inputs, cotangents)


@dataclass(frozen=True)
class Planted:
    """An error: what `backward` makes, case by case, of inputs, cotangents and right gradients."""

    name: str
    setting: Setting
    argument: str  # whose gradient; "" for the output itself
    backward: Callable
    kinds: set[Kind]

    @functools.cached_property
    def found(self) -> Diagnosis | None:
        return diagnose(self.sample)

    @functools.cached_property
    def sample(self) -> Sample:
        inputs, cotangents, outputs, gradients = self.setting.drawn
        expected = gradients[self.argument] if self.argument else outputs[0]
        got = np.stack(
            [
                self.backward(
                    SimpleNamespace(
                        **{name: x[k] for name, x in inputs.items()},
                        dZ=cotangents[0][k],
                        cotangents=[c[k] for c in cotangents],
                        out=outputs[0][k],
                        right=expected[k],
                        others={name: g[k] for name, g in gradients.items()},
                        before=expected[k - 1],
                        number=k,
                    )
                )
                for k in range(self.setting.cases)
            ]
        )

        def reference(inputs, cotangents):
            outputs, gradients = self.setting.answer(inputs, cotangents)
            return gradients[self.argument] if self.argument else outputs[0]

        # element by element nothing cancels; elsewhere what does is as large as the cotangent or the result
        scale = np.abs(expected)
        if self.setting.shapes is not POINTS:
            scale = np.maximum(largest(expected), largest(cotangents[0], expected.ndim))
        return Sample(
            name=self.argument or "the output",
            got=got,
            expected=expected,
            inputs=inputs,
            cotangents=cotangents,
            outputs=outputs,
            others={name: g for name, g in gradients.items() if name != self.argument},
            tolerance=1e-12 * scale,
            reference=reference,
        )


def largest(x, rank=None):
    """Of each case, in an array of that rank."""
    return np.abs(x).reshape(len(x), -1).max(axis=1).reshape(-1, *[1] * ((rank or x.ndim) - 1))


# ---- settings ---------------------------------------------------------------------------------------------


def windows(n, f, s=1):
    return range((n - f) // s + 1)


def attention(q, k, v):
    return softmax(q @ k.T / np.sqrt(q.shape[-1])) @ v


def cross_entropy(Z, t):
    return softmax_cross_entropy(Z, t)


CONV = Setting(conv, {"A": (3, 5, 4, 2), "W": (3, 2, 2, 3), "b": (3,)})
STRIDED = Setting(functools.partial(conv, stride=(2, 3)), {"A": (2, 7, 8, 1), "W": (3, 2, 1, 2)})
SAME = Setting(functools.partial(conv, padding=((0, 1), (0, 1))), {"A": (3, 4, 5, 2), "W": (2, 2, 2, 3)})
UNEVEN = Setting(functools.partial(conv, padding=((1, 0), (0, 1))), {"A": (3, 5, 6, 2), "W": (3, 4, 2, 1)})
ONE_CHANNEL = Setting(conv, {"A": (2, 5, 4, 1), "W": (3, 2, 1, 2)})
SQUARE = Setting(conv, {"A": (2, 5, 4, 3), "W": (2, 2, 3, 3)})
LINE = Setting(conv, {"A": (2, 7, 2), "W": (3, 2, 3)})
GROUPED = Setting(functools.partial(conv, groups=2), {"A": (2, 5, 4), "W": (3, 2, 4)})
DILATED = Setting(functools.partial(conv, dilation=2), {"A": (2, 9, 2), "W": (3, 2, 3)})
CIRCULAR = Setting(functools.partial(conv, padding="CIRCULAR"), {"A": (2, 6, 2), "W": (3, 2, 2)})
TRUE = Setting(functools.partial(convolve, mode="full"), {"f": (4,), "h": (4,)})
MIXED_CONV = replace(CONV, draw=values.mixed)
MAX = Setting(functools.partial(max_pool, window=(2, 2)), {"A": (2, 4, 6, 2)})
MAX_OVERLAP = Setting(functools.partial(max_pool, window=(3,), stride=1), {"A": (2, 7, 2)})
MAX_REMAINDER = Setting(functools.partial(max_pool, window=(2, 2)), {"A": (2, 5, 4, 2)})
AVG = Setting(functools.partial(avg_pool, window=(2, 2)), {"A": (2, 6, 6, 2)})
AVG_OVERLAP = Setting(functools.partial(avg_pool, window=(3,), stride=1), {"A": (2, 7, 2)})
AVG_PADDED = Setting(functools.partial(avg_pool, window=(3,), stride=1, padding=1), {"A": (2, 7, 2)})
AVG_COUNTED = Setting(
    functools.partial(avg_pool, window=(3,), stride=1, padding=1, count_padding=True), {"A": (2, 7, 2)}
)
AVG_CEIL = Setting(functools.partial(avg_pool, window=(2,), ceil_mode=True), {"A": (2, 7, 3)})
GLOBAL = Setting(functools.partial(global_avg_pool, spatial=2), {"A": (2, 3, 5, 2)})
LP = Setting(functools.partial(lp_pool, window=(2,), order=2), {"A": (2, 6, 2)}, values.mixed)
NEAREST = Setting(functools.partial(upsample_nearest, factor=(2, 3)), {"A": (2, 3, 2, 2)})
SHUFFLE = Setting(functools.partial(pixel_shuffle, factor=(2, 2)), {"A": (2, 2, 3, 8)})
POINTS = {"x": (3, 5)}
RELU = Setting(lambda x: relu(x), POINTS, values.mixed)
RELU_INTEGERS = Setting(lambda x: relu(x), POINTS)
LEAKY = Setting(lambda x: leaky_relu(x), POINTS, values.mixed)
RELU6 = Setting(lambda x: relu6(x), POINTS, values.mixed)
ELU = Setting(lambda x: elu(x), POINTS, values.mixed)
SIGMOID = Setting(lambda x: sigmoid(x), POINTS, values.mixed)
TANH = Setting(lambda x: jnp.sinh(x / 1000) / jnp.cosh(x / 1000), POINTS, values.mixed)
SOFTPLUS = Setting(lambda x: softplus(x), POINTS, values.mixed)
ABSOLUTE = Setting(lambda x: x * jnp.sign(x), POINTS, values.mixed)
SQUARED = Setting(lambda x: x * x, POINTS)
ROOT = Setting(lambda x: jnp.where(x == 0, 0, jnp.sqrt(jnp.where(x == 0, 1, x * x))), POINTS)
STEP = Setting(lambda x: x[:, ::2], {"x": (3, 8)})
SOFTMAX = Setting(lambda x: softmax(x), {"x": (4, 5)}, values.mixed)
ENTROPY = Setting(cross_entropy, {"Z": (4, 5), "t": (4, 5)}, values.mixed, positive=("t",))
ERROR = Setting(lambda A, t: squared_error(A, t), {"A": (4, 3), "t": (4, 3)})
MEAN_ERROR = Setting(lambda A, t: jnp.mean(squared_error(A, t)), {"A": (5, 3), "t": (5, 3)})
TOP = Setting(lambda x: max_pool(x[..., None], (6,))[:, 0, 0], {"x": (3, 6)})
DENSE = Setting(dense, {"A": (4, 3), "W": (3, 5), "b": (5,)})
DENSE_SQUARE = Setting(dense, {"A": (4, 3), "W": (3, 3), "b": (3,)})
TWO = Setting(lambda a, b: (a * b, a + b), {"a": (3, 4), "b": (3, 4)})
NORM_SHAPES = {"A": (4, 6), "gamma": (6,), "beta": (6,)}
LAYER = Setting(lambda A: layer_norm(A), {"A": (4, 6)}, values.mixed)
AFFINE = Setting(layer_norm, NORM_SHAPES, values.mixed)
BATCH = Setting(lambda A, gamma, beta: batch_norm(A, gamma, beta)[0], NORM_SHAPES, values.mixed)
RMS = Setting(lambda A: rms_norm(A), {"A": (4, 6)}, values.mixed)
ATTENTION = Setting(attention, {"q": (4, 3), "k": (5, 3), "v": (5, 3)}, values.mixed)
DROPOUT = Setting(lambda x, mask: x * mask / 0.75, {"x": (4, 5), "mask": (4, 5)})


# ---- wrong backward passes --------------------------------------------------------------------------------


def of(function, argument=""):
    """The gradient of an argument, or the output, of another function of some of the inputs."""
    names = inspect.signature(function).parameters

    @jax.jit
    def run(inputs, dZ):
        Z, pull = jax.vjp(lambda inputs: function(**inputs), inputs)
        return pull(dZ)[0][argument] if argument else Z

    return lambda c: np.asarray(run({name: getattr(c, name) for name in names}, c.dZ))


def scatter(c, *, stride=(1, 1), slip=None, assign=False, flip=False):
    """dA of a valid convolution, one window at a time."""
    W = np.flip(c.W, (0, 1)) if flip else c.W
    dA = np.zeros_like(c.A)
    for m, n in itertools.product(*map(range, c.dZ.shape[1:3])):
        i, j = (m * stride[0], n * stride[1]) if slip is None else (m * slip[0], n * slip[1])
        patch = np.einsum("bk,hwck->bhwc", c.dZ[:, m, n], W)
        part = dA[:, i : i + W.shape[0], j : j + W.shape[1]]
        part[...] = patch if assign else part + patch
    return dA


def taps(c, order):
    """dW of a valid convolution with tap number t read at order(t)."""
    f = c.W.shape[:2]
    dW = np.zeros((f[0] * f[1], *c.W.shape[2:]))
    for t in range(f[0] * f[1]):
        i, j = order(t)
        patch = c.A[:, i : i + c.dZ.shape[1], j : j + c.dZ.shape[2]]
        dW[t] = np.einsum("bmnc,bmnk->ck", patch, c.dZ)
    return dW.reshape(c.W.shape)


def dW_of(A, dZ, W, stride=(1, 1)):
    f = W.shape[:2]
    dW = np.zeros_like(W)
    for m, n in itertools.product(*map(range, dZ.shape[1:3])):
        i, j = m * stride[0], n * stride[1]
        dW += np.einsum("bhwc,bk->hwck", A[:, i : i + f[0], j : j + f[1]], dZ[:, m, n])
    return dW


def shift(X, axis):
    """One step further along an axis, zeros entering."""
    moved = np.roll(X, 1, axis)
    np.moveaxis(moved, axis, 0)[0] = 0
    return moved


def max_pool_line(c, f, credit, assign=False):
    """dA of a max-pool along axis 1 with stride 1; `credit` says which of the maxima are paid."""
    dA = np.zeros_like(c.A)
    for b, m, ch in np.ndindex(*c.dZ.shape):
        window = c.A[b, m : m + f, ch]
        pay = credit(window == window.max()) * c.dZ[b, m, ch]
        part = dA[b, m : m + f, ch]
        part[...] = np.where(pay != 0, pay, part) if assign else part + pay
    return dA


def max_pool_blocks(c, credit):
    dA = np.zeros_like(c.A)
    for b, m, n, ch in np.ndindex(*c.dZ.shape):
        at = (b, slice(2 * m, 2 * m + 2), slice(2 * n, 2 * n + 2), ch)
        window = c.A[at]
        dA[at] = credit((window == window.max()).ravel()).reshape(2, 2) * c.dZ[b, m, n, ch]
    return dA


def first(maxima):
    return np.arange(maxima.size) == np.argmax(maxima)


def last(maxima):
    return first(maxima[::-1])[::-1]


def split(maxima):
    return maxima / maxima.sum()


def avg_line(c, f, *, divide, assign=False, p=0):
    """dA of an average pool along axis 1 with stride 1; divide(lo, hi, n) counts."""
    n = c.A.shape[1]
    dA = np.zeros_like(c.A)
    for m in range(c.dZ.shape[1]):
        part = dA[:, max(m - p, 0) : min(m - p + f, n)]
        pay = np.broadcast_to(c.dZ[:, [m]] / divide(part.shape[1]), part.shape)
        part[...] = pay if assign else part + pay
    return dA


LABELS = np.eye(5)[[0, 3, 1, 4]]
LABELLED = Setting(
    lambda logits: softmax_cross_entropy(logits, jnp.asarray(LABELS)), {"logits": (4, 5)}, values.mixed
)


def softmax_of(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def saturated(c):
    p = (softmax_of(c.logits) * LABELS).sum(-1, keepdims=True)
    return np.where(p < 1e-7, 0, c.right)


def standard(A, axis):
    spread = np.sqrt(A.var(axis, keepdims=True) + 1e-5)
    return (A - A.mean(axis, keepdims=True)) / spread, 1 / spread


def without_mean(c):
    z, r = standard(c.A, -1)
    return r * (c.dZ - z * np.mean(c.dZ * z, -1, keepdims=True))


def without_projection(c):
    _, r = standard(c.A, -1)
    return r * (c.dZ - np.mean(c.dZ, -1, keepdims=True))


def diagonal_jacobian(c):
    others = np.stack([np.delete(c.out, k, -1).sum(-1) for k in range(5)], -1)  # 1 − y without cancellation
    return c.out * others * c.dZ


PLANTED = [
    # convolution
    Planted("conv dW over the batch", CONV, "W", lambda c: c.right / 3, {Kind.SCALED}),
    Planted("conv db over the batch", CONV, "b", lambda c: c.right / 3, {Kind.SCALED}),
    Planted("conv dA over the batch", CONV, "A", lambda c: c.right / 3, {Kind.SCALED}),
    Planted("conv dW negated", CONV, "W", lambda c: -c.right, {Kind.SIGN}),
    Planted("conv dA, kernel not rotated", CONV, "A", lambda c: scatter(c, flip=True), {Kind.ROTATED}),
    Planted("conv dA, = for +=", CONV, "A", lambda c: scatter(c, assign=True), {Kind.NOT_ACCUMULATED}),
    Planted("conv dW rotated", CONV, "W", lambda c: np.flip(c.right, (0, 1)), {Kind.ROTATED}),
    Planted("conv dW, first example only", CONV, "W", lambda c: dW_of(c.A[:1], c.dZ[:1], c.W), {Kind.BATCH}),
    Planted("conv dW, last example only", CONV, "W", lambda c: dW_of(c.A[2:], c.dZ[2:], c.W), {Kind.BATCH}),
    Planted(
        "conv dW, last row of dZ forgotten",
        CONV,
        "W",
        lambda c: dW_of(c.A, c.dZ[:, :-1], c.W),
        {Kind.REMAINDER, Kind.BORDER},
    ),
    Planted(
        "conv dA, the sums from 1",
        CONV,
        "A",
        lambda c: scatter(SimpleNamespace(A=c.A, W=c.W, dZ=c.dZ * (np.arange(3) > 0)[:, None])),
        {Kind.REMAINDER, Kind.BORDER},
    ),
    Planted(
        "conv dW, last example twice",
        CONV,
        "W",
        lambda c: c.right + dW_of(c.A[2:], c.dZ[2:], c.W),
        {Kind.ACCUMULATED_TWICE},
    ),
    Planted(
        "conv dW, index with the kernel's height",
        CONV,
        "W",
        lambda c: taps(c, lambda t: (t // 3, t % 2)),
        {Kind.MISPLACED},
    ),
    Planted("conv db not summed over the batch", CONV, "b", lambda c: c.dZ.sum((1, 2)), {Kind.NOT_SUMMED}),
    Planted("conv db, cotangent ignored", CONV, "b", lambda c: np.full(3, 27.0), {Kind.COTANGENT_IGNORED}),
    Planted(
        "conv dW, cotangent ignored",
        CONV,
        "W",
        lambda c: dW_of(c.A, np.ones_like(c.dZ), c.W),
        {Kind.COTANGENT_IGNORED},
    ),
    Planted("conv dW with weight decay", CONV, "W", lambda c: c.right + c.W / 8, {Kind.MISSING_TERM}),
    Planted("conv dW of the call before", CONV, "W", lambda c: c.before, {Kind.STALE}),
    Planted("conv dW clipped", CONV, "W", lambda c: np.clip(c.right, -5, 5), {Kind.CLIPPED}),
    Planted("conv dW in float16", MIXED_CONV, "W", lambda c: np.float64(np.float16(c.right)), {Kind.DTYPE}),
    Planted(
        "conv dW with an extra row",
        CONV,
        "W",
        lambda c: np.pad(c.right, [(0, 1), *[(0, 0)] * 3]),
        {Kind.REMAINDER},
    ),
    Planted("conv db plus a constant", CONV, "b", lambda c: c.right + 0.125, {Kind.OFFSET}),
    Planted("conv dA zero", CONV, "A", lambda c: np.zeros_like(c.right), {Kind.ZERO}),
    Planted(
        "conv dW, height and width exchanged",
        SQUARE,
        "W",
        lambda c: c.right.transpose(1, 0, 2, 3),
        {Kind.TRANSPOSED},
    ),
    Planted(
        "conv dW, channels exchanged", SQUARE, "W", lambda c: c.right.transpose(0, 1, 3, 2), {Kind.TRANSPOSED}
    ),
    Planted(
        "conv dW, taps in the channels' place",
        SQUARE,
        "W",
        lambda c: c.right.transpose(2, 3, 0, 1).reshape(2, 2, 3, 3),
        {Kind.PERMUTED},
    ),
    Planted(
        "conv dA, channels exchanged in W",
        SQUARE,
        "A",
        lambda c: scatter(SimpleNamespace(A=c.A, W=c.W.swapaxes(2, 3), dZ=c.dZ)),
        {Kind.TRANSPOSED},
    ),
    Planted(
        "conv same, even kernel: last row and column zero",
        SAME,
        "",
        lambda c: c.right * (np.arange(4) < 3)[:, None, None] * (np.arange(5) < 4)[:, None],
        {Kind.REMAINDER, Kind.BORDER},
    ),
    Planted(
        "conv same dA, even kernel: last row and column zero",
        SAME,
        "A",
        lambda c: c.right * (np.arange(4) < 3)[:, None, None] * (np.arange(5) < 4)[:, None],
        {Kind.REMAINDER, Kind.BORDER},
    ),
    Planted(
        "conv, first axis's padding for both: output",
        UNEVEN,
        "",
        of(lambda A, W: conv(A, W, padding=((1, 0), (1, 0)))),
        {Kind.SHIFTED},
    ),
    Planted(
        "conv, first axis's padding for both: dW",
        UNEVEN,
        "W",
        of(lambda A, W: conv(A, W, padding=((1, 0), (1, 0))), "W"),
        {Kind.SHIFTED},
    ),
    Planted(
        "conv, stride ignored in the output's size",
        STRIDED,
        "",
        of(lambda A, W: conv(A, W, stride=(1, 3))),
        {Kind.STRIDE},
    ),
    Planted(
        "conv dA, stride missing in the slices",
        STRIDED,
        "A",
        lambda c: scatter(c, slip=(1, 1)),
        {Kind.STRIDE},
    ),
    Planted(
        "conv dW, stride missing in the slices", STRIDED, "W", lambda c: dW_of(c.A, c.dZ, c.W), {Kind.STRIDE}
    ),
    Planted("conv dA without the remainder's row", STRIDED, "A", lambda c: c.right[:, :-1], {Kind.REMAINDER}),
    Planted(
        "conv, one channel spread over two: dA",
        ONE_CHANNEL,
        "A",
        lambda c: np.concatenate([c.right / 2] * 2, -1),
        {Kind.NOT_SUMMED},
    ),
    Planted(
        "conv 1-D dA, kernel not reversed",
        LINE,
        "A",
        of(lambda A, W: conv(A, jnp.flip(W, 0)), "A"),
        {Kind.FLIPPED},
    ),
    Planted(
        "conv 1-D dW by reshape",
        LINE,
        "W",
        lambda c: c.right.transpose(2, 0, 1).reshape(3, 2, 3),
        {Kind.PERMUTED, Kind.MISPLACED},
    ),
    Planted(
        "grouped conv dA, channels dealt in turn",
        GROUPED,
        "A",
        lambda c: c.right[..., [0, 2, 1, 3]],
        {Kind.MISPLACED, Kind.PERMUTED},
    ),
    Planted(
        "dilated conv dA, dilation forgotten",
        DILATED,
        "A",
        of(lambda A, W: conv(A, W, padding=((0, -2),)), "A"),
        {Kind.STRIDE, Kind.MISPLACED},
    ),
    Planted(
        "circular conv dA, border dropped",
        CIRCULAR,
        "A",
        of(lambda A, W: conv(A, W, padding=1), "A"),
        {Kind.BORDER},
    ),
    Planted("convolve, gradients exchanged", TRUE, "f", lambda c: c.others["h"], {Kind.SWAPPED}),
    # pools and upsampling
    Planted(
        "max-pool, every tied one credited", MAX, "A", lambda c: max_pool_blocks(c, np.asarray), {Kind.TIES}
    ),
    Planted("max-pool, the last wins", MAX, "A", lambda c: max_pool_blocks(c, last), {Kind.TIES}),
    Planted("max-pool, ties share", MAX, "A", lambda c: max_pool_blocks(c, split), {Kind.TIES}),
    Planted(
        "overlapping max-pool, every tied one credited",
        MAX_OVERLAP,
        "A",
        lambda c: max_pool_line(c, 3, np.asarray),
        {Kind.TIES},
    ),
    Planted(
        "overlapping max-pool, = for +=",
        MAX_OVERLAP,
        "A",
        lambda c: max_pool_line(c, 3, first, assign=True),
        {Kind.NOT_ACCUMULATED},
    ),
    Planted(
        "max-pool dA without the remainder's row",
        MAX_REMAINDER,
        "A",
        lambda c: c.right[:, :4],
        {Kind.REMAINDER},
    ),
    Planted(
        "global maximum, every tied one credited",
        TOP,
        "x",
        lambda c: (c.x == c.x.max(-1, keepdims=True)) * c.dZ[:, None],
        {Kind.TIES},
    ),
    Planted("average pool not divided", AVG, "A", lambda c: 4 * c.right, {Kind.SCALED}),
    Planted(
        "average pool, only every second column paid",
        AVG,
        "A",
        lambda c: c.right * (np.arange(6) % 2 == 0)[:, None],
        {Kind.STRIDE},
    ),
    Planted(
        "average pool, = for +=",
        AVG_OVERLAP,
        "A",
        lambda c: avg_line(c, 3, divide=lambda n: 3, assign=True),
        {Kind.NOT_ACCUMULATED},
    ),
    Planted(
        "average pool, padding counted",
        AVG_PADDED,
        "A",
        lambda c: avg_line(c, 3, divide=lambda n: 3, p=1),
        {Kind.BORDER},
    ),
    Planted(
        "average pool, padding not counted",
        AVG_COUNTED,
        "A",
        lambda c: avg_line(c, 3, divide=lambda n: n, p=1),
        {Kind.BORDER},
    ),
    Planted(
        "average pool in ceil mode, window's size",
        AVG_CEIL,
        "A",
        lambda c: np.repeat(c.dZ, 2, 1)[:, :7] / 2,
        {Kind.BORDER, Kind.REMAINDER},
    ),
    Planted(
        "average pool in ceil mode not divided",
        AVG_CEIL,
        "A",
        lambda c: np.repeat(c.dZ, 2, 1)[:, :7],
        {Kind.FACTOR, Kind.BORDER, Kind.REMAINDER},
    ),
    Planted("global average not divided", GLOBAL, "A", lambda c: 15 * c.right, {Kind.SCALED}),
    Planted("lp-pool, sign forgotten", LP, "A", lambda c: c.right * np.sign(c.A), {Kind.FACTOR, Kind.SIGN}),
    Planted(
        "nearest upsampling, last copy only",
        NEAREST,
        "A",
        lambda c: c.dZ[:, 1::2, 2::3],
        {Kind.NOT_ACCUMULATED},
    ),
    Planted("nearest upsampling, mean for sum", NEAREST, "A", lambda c: c.right / 6, {Kind.SCALED}),
    Planted(
        "pixel shuffle, another order",
        SHUFFLE,
        "A",
        lambda c: c.right.reshape(2, 2, 3, 4, 2).swapaxes(-1, -2).reshape(2, 2, 3, 8),
        {Kind.MISPLACED, Kind.PERMUTED},
    ),
    Planted("every second number, one too late", STEP, "x", lambda c: shift(c.right, 1), {Kind.SHIFTED}),
    # activations
    Planted("relu mask at ≥ 0", RELU, "x", lambda c: np.where(c.x >= 0, c.dZ, 0), {Kind.KINK}),
    Planted(
        "relu mask at ≥ 0, integers", RELU_INTEGERS, "x", lambda c: np.where(c.x >= 0, c.dZ, 0), {Kind.KINK}
    ),
    Planted("relu mask at > −0.01", RELU, "x", lambda c: np.where(c.x > -0.01, c.dZ, 0), {Kind.THRESHOLD}),
    Planted("leaky slope 0.0101", LEAKY, "x", lambda c: np.where(c.x > 0, 1, 0.0101) * c.dZ, {Kind.BRANCH}),
    Planted("relu6 unbounded", RELU6, "x", lambda c: np.where(c.x > 0, c.dZ, 0), {Kind.BRANCH}),
    Planted(
        "elu, alpha forgotten",
        ELU,
        "x",
        lambda c: np.where(c.x > 0, 1, np.expm1(np.minimum(c.x, 0))) * c.dZ,
        {Kind.BRANCH},
    ),
    Planted("|x| rising at 0", ABSOLUTE, "x", lambda c: np.where(c.x >= 0, 1, -1) * c.dZ, {Kind.KINK}),
    Planted(
        "sigmoid, cotangent ignored",
        SIGMOID,
        "x",
        lambda c: np.asarray(sigmoid(c.x) * sigmoid(-c.x)),
        {Kind.COTANGENT_IGNORED},
    ),
    Planted("sigmoid, 1 − y forgotten", SIGMOID, "x", lambda c: c.out * c.dZ, {Kind.FACTOR}),
    Planted("sigmoid, overflow", SIGMOID, "x", lambda c: np.where(c.x < -88, np.nan, c.right), {Kind.NAN}),
    Planted("tanh, 1 − y for 1 − y²", TANH, "x", lambda c: (1 - c.out) * c.dZ / 1000, {Kind.FACTOR}),
    Planted("softplus, cotangent passed on", SOFTPLUS, "x", lambda c: c.dZ, {Kind.COTANGENT_UNCHANGED}),
    Planted("square, 2 forgotten", SQUARED, "x", lambda c: c.x * c.dZ, {Kind.SCALED}),
    Planted(
        "square, |x| for x",
        SQUARED,
        "x",
        lambda c: 2 * np.abs(c.x) * c.dZ,
        {Kind.FACTOR, Kind.SIGN, Kind.BRANCH},
    ),
    Planted(
        "square, root of the gradient's square", SQUARED, "x", lambda c: np.sqrt(c.right**2), {Kind.SIGN}
    ),
    Planted("root of x², NaN at 0", ROOT, "x", lambda c: np.where(c.x == 0, np.nan, c.right), {Kind.NAN}),
    # softmax and losses
    Planted("softmax, cotangent passed on", SOFTMAX, "x", lambda c: c.dZ, {Kind.COTANGENT_UNCHANGED}),
    Planted("softmax, the sum forgotten", SOFTMAX, "x", lambda c: c.out * c.dZ, {Kind.MISSING_TERM}),
    Planted(
        "softmax, Jacobian taken for diagonal",
        SOFTMAX,
        "x",
        diagonal_jacobian,
        {Kind.MISSING_TERM},
    ),
    Planted("cross-entropy over the batch", LABELLED, "logits", lambda c: c.right / 4, {Kind.SCALED}),
    Planted("cross-entropy, t − y", LABELLED, "logits", lambda c: -c.right, {Kind.SIGN}),
    Planted(
        "cross-entropy, cotangent ignored",
        LABELLED,
        "logits",
        lambda c: softmax_of(c.logits) - LABELS,
        {Kind.COTANGENT_IGNORED},
    ),
    Planted("cross-entropy clipped at 1e-7", LABELLED, "logits", saturated, {Kind.SATURATION}),
    Planted(
        "cross-entropy, targets forgotten",
        ENTROPY,
        "Z",
        lambda c: c.right + c.t * c.dZ[:, None],
        {Kind.MISSING_TERM},
    ),
    Planted("squared error, 2 forgotten", ERROR, "A", lambda c: c.right / 2, {Kind.SCALED}),
    Planted("squared error, sum of A and t", ERROR, "A", lambda c: 2 * (c.A + c.t) * c.dZ, {Kind.SIGN}),
    Planted("squared error, dt for dA", ERROR, "t", lambda c: c.others["A"], {Kind.SWAPPED, Kind.SIGN}),
    Planted("squared error, no gradient of t", ERROR, "t", lambda c: 0 * c.t, {Kind.ZERO}),
    Planted("mean squared error not divided", MEAN_ERROR, "A", lambda c: 15 * c.right, {Kind.SCALED}),
    # dense, norms, attention, others
    Planted("dense dA, W not transposed", DENSE_SQUARE, "A", lambda c: c.dZ @ c.W, {Kind.TRANSPOSED}),
    Planted("dense dW transposed", DENSE_SQUARE, "W", lambda c: c.right.T, {Kind.TRANSPOSED}),
    Planted("dense dW transposed, of that shape", DENSE, "W", lambda c: c.right.T, {Kind.TRANSPOSED}),
    Planted(
        "dense dW by reshape", DENSE, "W", lambda c: c.right.T.reshape(3, 5), {Kind.TRANSPOSED, Kind.PERMUTED}
    ),
    Planted("dense db not summed", DENSE, "b", lambda c: c.dZ, {Kind.NOT_SUMMED}),
    Planted("dense dW of the last example", DENSE, "W", lambda c: np.outer(c.A[-1], c.dZ[-1]), {Kind.BATCH}),
    Planted(
        "dense dA, only the first example",
        DENSE,
        "A",
        lambda c: c.right * (np.arange(4) == 0)[:, None],
        {Kind.BATCH},
    ),
    Planted(
        "two outputs, cotangents exchanged",
        TWO,
        "a",
        lambda c: c.cotangents[1] * c.b + c.cotangents[0],
        {Kind.WRONG_COTANGENT},
    ),
    Planted(
        "two outputs, one cotangent ignored",
        TWO,
        "a",
        lambda c: c.cotangents[0] * c.b,
        {Kind.COTANGENT_IGNORED},
    ),
    Planted("layer norm, the mean's part forgotten", LAYER, "A", without_mean, {Kind.MISSING_TERM}),
    Planted("layer norm, the variance's part forgotten", LAYER, "A", without_projection, {Kind.MISSING_TERM}),
    Planted(
        "layer norm, statistics held fast",
        LAYER,
        "A",
        lambda c: c.dZ * standard(c.A, -1)[1],
        {Kind.MISSING_TERM},
    ),
    Planted("layer norm, gamma forgotten", AFFINE, "A", of(lambda A: layer_norm(A), "A"), {Kind.FACTOR}),
    Planted("layer norm, 1/σ forgotten", LAYER, "A", lambda c: c.right / standard(c.A, -1)[1], {Kind.FACTOR}),
    Planted(
        "batch norm, statistics held fast",
        BATCH,
        "A",
        lambda c: c.gamma * c.dZ * standard(c.A, 0)[1],
        {Kind.MISSING_TERM},
    ),
    Planted("batch norm, dβ over the batch", BATCH, "beta", lambda c: c.right / 4, {Kind.SCALED}),
    Planted(
        "rms norm, statistics held fast",
        RMS,
        "A",
        lambda c: c.dZ / np.sqrt(np.mean(c.A**2, -1, keepdims=True) + 1e-5),
        {Kind.MISSING_TERM},
    ),
    Planted("attention, 1/√d forgotten", ATTENTION, "q", lambda c: c.right * np.sqrt(3), {Kind.SCALED}),
    Planted("attention, dk and dv exchanged", ATTENTION, "k", lambda c: c.others["v"], {Kind.SWAPPED}),
    Planted("dropout, not scaled", DROPOUT, "x", lambda c: c.mask * c.dZ, {Kind.SCALED}),
    Planted("dropout, mask of the call before", DROPOUT, "x", lambda c: c.before, {Kind.STALE}),
    Planted("dropout, mask ignored", DROPOUT, "x", lambda c: c.dZ / 0.75, {Kind.FACTOR}),
]


@pytest.fixture(autouse=True, scope="module")
def _what_the_tests_share_is_dropped():
    """Samples and the reference's answers fill hundreds of megabytes."""
    yield
    for owner in (*PLANTED, *SETTINGS.values()):
        for kept in ("truth", "answers", "drawn", "sample", "found"):
            owner.__dict__.pop(kept, None)


# No hypothesis explains it, and none may claim to.
UNEXPLAINED = {"conv dW, stride missing in the slices"}


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_error_is_named(planted):
    found = planted.found
    if planted.name in UNEXPLAINED:
        assert found is None
    else:
        assert found is not None
        assert found.kind in planted.kinds, found


def tally(found):
    """The share of the planted errors that are named rightly, and those named wrongly."""
    named = [(planted, d) for planted, d in zip(PLANTED, found, strict=True) if d is not None]
    wrong = {planted.name: str(d) for planted, d in named if d.kind not in planted.kinds}
    return (len(named) - len(wrong)) / len(PLANTED), wrong


def test_the_table_is_large_and_named_well():
    assert len(PLANTED) >= 100
    assert len({planted.name for planted in PLANTED}) == len(PLANTED)
    right, wrong = tally([planted.found for planted in PLANTED])
    assert right >= 0.95
    assert not wrong


def in_float32(sample):
    epsilon = 2.0**-23
    with np.errstate(over="ignore", under="ignore"):
        got = sample.got.astype(np.float32).astype(np.float64)
    tolerance = sample.tolerance + 8 * epsilon * largest(sample.expected)
    return replace(sample, got=got, tolerance=tolerance, epsilon=epsilon)


def test_rounding_to_float32_does_not_hide_the_error():
    right, wrong = tally([diagnose(in_float32(planted.sample)) for planted in PLANTED])
    assert right >= 0.9
    assert len(wrong) <= len(PLANTED) / 20, wrong


def test_without_the_reference_less_is_named_and_hardly_anything_wrongly():
    right, wrong = tally([diagnose(replace(planted.sample, reference=None)) for planted in PLANTED])
    assert right >= 0.75
    assert len(wrong) <= len(PLANTED) / 20, wrong


@functools.cache
def explained_alone():
    """The hypotheses without which some planted error would be named wrongly, or not at all."""
    needed = set()
    for planted in PLANTED:
        sample = planted.sample
        asked = HYPOTHESES if sample.got.shape == sample.expected.shape else SHAPES
        speaking = ((h, found) for h in asked if (found := h(sample)) is not None)
        with np.errstate(all="ignore"):  # as `diagnose` does
            first, after = next(speaking, None), next(speaking, None)
        if first and first[1].kind in planted.kinds and (not after or after[1].kind not in planted.kinds):
            needed.add(first[0])
    return needed


@pytest.mark.parametrize("hypothesis", [*SHAPES, *HYPOTHESES], ids=lambda hypothesis: hypothesis.__name__)
def test_every_hypothesis_explains_something_alone(hypothesis):
    assert hypothesis in explained_alone()


SETTINGS = {name: value for name, value in globals().items() if isinstance(value, Setting)}


def settled(name, got):
    """A sample of the setting's first argument with what `got` makes of the expected."""
    setting = SETTINGS[name]
    return Planted(name, setting, next(iter(setting.shapes)), got, set()).sample


@pytest.mark.parametrize("name", SETTINGS)
def test_a_right_gradient_has_no_diagnosis(name):
    assert diagnose(settled(name, lambda c: c.right)) is None


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("share", [0.03, 0.3, 1.0])
def test_numbers_wrong_at_random_have_no_diagnosis(name, share):
    rng = np.random.default_rng(1)

    def spoiled(c):
        noise = np.round(rng.standard_normal(c.right.shape) * 4)
        return np.where(rng.random(c.right.shape) < share, c.right + noise, c.right)

    assert diagnose(settled(name, spoiled)) is None


@pytest.mark.parametrize("shape", [(3, 5), (4, 4, 4), (2,) * 6])
def test_where_nothing_fits_the_reference_is_asked_a_few_hundred_times_at_most(shape):
    setting = Setting(lambda a, b: a * b, {"a": shape, "b": shape})
    rng = np.random.default_rng(1)
    sample = Planted("", setting, "a", lambda c: c.right + rng.integers(-4, 5, shape), set()).sample
    times = itertools.count()

    def counted(inputs, cotangents):
        next(times)
        return sample.reference(inputs, cotangents)

    assert diagnose(replace(sample, reference=counted)) is None
    assert 20 < next(times) < 500


def test_gelu_for_its_approximation_has_no_diagnosis():
    exact = Setting(lambda x: gelu(x), POINTS, values.mixed)
    planted = Planted("gelu", exact, "x", of(lambda x: gelu(x, approximate=True), "x"), set())
    assert planted.sample.wrong.any()
    assert diagnose(planted.sample) is None


@pytest.mark.parametrize("shape", [(), (1,), (2,), (1, 5, 1)])
def test_small_arrays_are_diagnosed_too(shape):
    # so few numbers hold few zeros in as many cases as elsewhere
    setting = Setting(lambda x: relu(x), {"x": shape}, values.mixed, cases=4 * CASES)
    kink = Planted("", setting, "x", lambda c: np.where(c.x >= 0, c.dZ, 0), set())
    assert diagnose(kink.sample).kind is Kind.KINK
    assert diagnose(replace(kink.sample, got=-kink.sample.expected)).kind is Kind.SIGN


def test_one_case_alone_is_not_kept_from_the_case_before():
    expected, got = np.array([[1.0, 3.0, 5.0]]), np.array([[2.0, 3.0, 5.0]])
    found = diagnose(Sample("x", got, expected, {"x": expected}, (7 * expected,)))
    assert found is None or found.kind is not Kind.STALE


def test_an_empty_array_has_no_diagnosis():
    empty = np.zeros((CASES, 3, 0))
    sample = Sample("x", np.zeros((CASES, 2, 3, 0)), empty, {"x": empty}, (empty,))
    assert diagnose(sample) is None
    assert diagnose(replace(sample, got=empty)) is None


def named(name):
    return next(planted for planted in PLANTED if planted.name == name).sample


def test_excused_numbers_are_not_looked_at():
    sample = named("conv dW negated")
    got, expected = sample.got.copy(), sample.expected.copy()
    got[3, 1], expected[5, 2], got[5, 2] = 7.5, np.nan, 1.0
    assert diagnose(replace(sample, got=got, expected=expected)) is None
    compared = np.ones(got.shape, bool)
    compared[3, 1] = False
    assert diagnose(replace(sample, got=got, expected=expected, compared=compared)).kind is Kind.SIGN


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "global average not divided",
            "got is 15 times the expected, everywhere, and 15 is the size of axes [1, 2] together of A: "
            "a mean's 1/N is missing",
        ),
        (
            "max-pool, every tied one credited",
            "wrong only where A has equal numbers at most [0, 1, 1, 0] apart: the tie rule differs "
            "(each tied one is credited)",
        ),
        (
            "conv same, even kernel: last row and column zero",
            "wrong only at the last index of axis 1 and the last index of axis 2: the border (padding) or a "
            "remainder is handled wrongly",
        ),
        (
            "conv dA, kernel not rotated",
            "got is what would be expected for W reversed along axes 0 and 1: W is rotated once too often, "
            "or not at all",
        ),
        (
            "overlapping max-pool, = for +=",
            "wrong only where several numbers of the cotangent contribute, and got is one contribution in "
            "place of their sum: = stands where += belongs",
        ),
        (
            "attention, 1/√d forgotten",
            "got is 1.732051 times the expected, everywhere, the root of 3, the size of axis 1 of the "
            "cotangent: 1/√N is missing",
        ),
    ],
)
def test_the_sentence_says_what_was_seen(name, sentence):
    found = diagnose(named(name))
    assert found.sentence == sentence
    assert str(found) == f"{found.kind}: {sentence}"


def test_the_threshold_is_bracketed():
    found = diagnose(named("relu mask at > −0.01"))
    low, high = re.match(r"wrong exactly where (\S+) < x < (\S+):", found.sentence).groups()
    assert -0.03 < float(low) <= -0.01
    assert 0 < float(high) < 1e-3
