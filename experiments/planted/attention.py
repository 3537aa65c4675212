"""Attention-like functions: scores, masks, shared heads, rotations, and softmaxes never stored."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments.planted.planted import Family, on
from jaxcnn.oracles.softmaxes import softmax

D = 4
SCALE = 1 / D**0.5
PAST = jnp.tri(3, dtype=bool)
ANGLES = np.array([[0.0, 0.0], [1.0, 0.1], [2.0, 0.2]])


def family(name, reference, *shapes):
    """A function of that name."""
    return Family("attention", name, reference, shapes)


def attention(Q, K, V):
    """softmax(Q Kᵀ/√d) V."""
    return softmax(Q @ K.T * SCALE) @ V


def attention_backward(
    x, dO, g, *, scaled=True, centred=True, axis=-1, transposed=True, mask=None, recompute_mask=True
):
    """dV = Pᵀ dO; dS = P (dP − Σ P dP); the keywords are its mistakes."""
    Q, K, V = x
    S = Q @ K.T * SCALE
    S = S if mask is None or not recompute_mask else jnp.where(mask, S, -jnp.inf)
    P = jax.nn.softmax(S, -1)
    dP = dO @ V.T
    dS = P * (dP - jnp.sum(P * dP, axis, keepdims=True) if centred else dP)
    dS = dS * SCALE if scaled else dS
    return dS @ K, (dS.T if transposed else dS) @ Q, (P.T if transposed else P) @ dO


def streamed(x, dO, g, delta=True):
    """Without P: exp(S − log-sum), and Σ P dP as Σ O dO."""
    Q, K, V = x
    S = Q @ K.T * SCALE
    L = jax.nn.logsumexp(S, -1, keepdims=True)
    O = jnp.exp(S - L) @ V  # noqa: E741
    inner = jnp.sum(O * dO, -1, keepdims=True) if delta else 0
    dQ, dK, dV = jnp.zeros_like(Q), [], []
    for j in range(len(K)):
        P = jnp.exp(S[:, j : j + 1] - L)
        dS = P * (dO @ V[j][:, None] - inner) * SCALE
        dQ = dQ + dS * K[j][None]
        dK.append((dS * Q).sum(0))
        dV.append((P * dO).sum(0))
    return dQ, jnp.stack(dK), jnp.stack(dV)


def causal(Q, K, V):
    """Every query sees the past."""
    return softmax(jnp.where(PAST, Q @ K.T * SCALE, -jnp.inf)) @ V


def causal_backward(x, dO, g, **mistakes):
    """The same rule: P is 0 in the future."""
    return attention_backward(x, dO, g, mask=PAST, **mistakes)


def shared(Q, K):
    """Scores of two heads of queries on one head of keys."""
    return jnp.einsum("hqd,kd->hqk", Q, K)


def heads(Q, K):
    """Scores of two heads cut out of the last axis."""
    return jnp.einsum("qhd,khd->hqk", Q.reshape(3, 2, 2), K.reshape(3, 2, 2))


def rotate(x, angles):
    """Turn each pair of features."""
    c, s = jnp.cos(angles).astype(x.dtype), jnp.sin(angles).astype(x.dtype)
    u, v = x[:, :2], x[:, 2:]
    return jnp.concatenate([u * c - v * s, u * s + v * c], -1)


def rotary(x):
    """By angles that grow with the place."""
    return rotate(x, ANGLES)


def biased(S, b):
    """Scores with one bias for all heads."""
    return softmax(S + jnp.broadcast_to(b, S.shape))


def biased_backward(x, dP, g):
    """Summed over heads."""
    P = jax.nn.softmax(x[0] + x[1], -1)
    dS = P * (dP - jnp.sum(P * dP, -1, keepdims=True))
    return dS, dS.sum(0)


def capped(S):
    """5 tanh(S/5)."""
    return 5 * jnp.tanh(S / 5)


def linear_attention(Q, K, V):
    """Without softmax: φ(Q) (φ(K)ᵀ V) over its sum, φ(x) = 1 + x²."""
    weights = (1 + Q * Q) @ (1 + K * K).T
    return weights @ V / jnp.sum(weights, -1, keepdims=True)


def linear_backward(x, dO, g, normalised=True):
    """Without `normalised`, the sum is taken for a constant."""
    Q, K, V = x
    q, k = 1 + Q * Q, 1 + K * K
    weights = q @ k.T
    total = jnp.sum(weights, -1, keepdims=True)
    dw = dO @ V.T / total
    if normalised:
        dw = dw - jnp.sum(weights * (dO @ V.T), -1, keepdims=True) / total**2
    return dw @ k * 2 * Q, dw.T @ q * 2 * K, (weights / total).T @ dO


def pooled(x, w):
    """Attention pooling: the mean of x weighted by softmax(x w)."""
    return softmax(x @ w) @ x


def pooled_backward(x, dy, g, scores=True):
    """x acts as value and as key."""
    x, w = x
    P = jax.nn.softmax(x @ w)
    dP = x @ dy
    dS = P * (dP - P @ dP)
    dx = jnp.outer(P, dy) + (jnp.outer(dS, w) if scores else 0)
    return dx, x.T @ dS


THREE = ((2, D), (3, D), (3, 2))
plain = family("attention", attention, *THREE)
equal = family("attention, square", attention, (3, D), (3, D), (3, D))
past = family("causal attention", causal, (3, D), (3, D), (3, 2))
grouped = family("scores of shared keys", shared, (2, 3, 2), (3, 2))
split = family("scores of two heads", heads, (3, 4), (3, 4))
turned = family("rotary embedding", rotary, (3, 4))
bias = family("attention bias", biased, (2, 3, 3), (3, 3))
cap = family("capped scores", capped, (3, 3))
linear = family("linear attention", linear_attention, (2, 3), (3, 3), (3, 2))
pool = family("attention pooling", pooled, (4, 3), (3,))

ROWS = [
    plain.right("by the matrix P", attention_backward),
    plain.right("streamed", streamed),
    past.right("by the matrix P", causal_backward),
    grouped.right("summed over heads", lambda x, dS, g: (dS @ x[1], (dS.swapaxes(1, 2) @ x[0]).sum(0))),
    turned.right("turned back", lambda x, dy, g: (rotate(dy, -ANGLES),)),
    bias.right("summed over heads", biased_backward),
    cap.right("by the output", lambda x, dy, g: (dy * (1 - (capped(x[0]) / 5) ** 2),)),
    linear.right("by the quotient's rule", linear_backward),
    pool.right("as value and key", pooled_backward),
    plain.wrong("the scale forgotten", lambda x, dO, g: attention_backward(x, dO, g, scaled=False)),
    plain.wrong("the scale squared", lambda x, dO, g: (g[0] * SCALE, g[1] * SCALE, g[2])),
    plain.wrong(
        "softmax's Jacobian taken for diagonal", lambda x, dO, g: attention_backward(x, dO, g, centred=False)
    ),
    plain.wrong("softmax's cotangent passed through", on(0, lambda dQ, x, dO: dO @ x[2].T @ x[1] * SCALE), 3),
    plain.wrong("summed over queries", lambda x, dO, g: attention_backward(x, dO, g, axis=0)),
    plain.wrong("streamed without Σ O dO", lambda x, dO, g: streamed(x, dO, g, delta=False)),
    plain.wrong("no gradient of V", on(2, lambda dV, x, dO: jnp.zeros_like(dV))),
    plain.wrong(
        "P saved in bfloat16",
        on(2, lambda dV, x, dO: softmax(x[0] @ x[1].T * SCALE).astype(jnp.bfloat16).astype(dO.dtype).T @ dO),
    ),
    equal.wrong("P and dS not transposed", lambda x, dO, g: attention_backward(x, dO, g, transposed=False)),
    past.wrong(
        "the mask forgotten when P is recomputed",
        lambda x, dO, g: causal_backward(x, dO, g, recompute_mask=False),
    ),
    past.wrong(
        "NaN from the masked scores",
        on(0, lambda dQ, x, dO: jnp.where(PAST, 0, -jnp.inf).astype(dQ.dtype) @ x[1] * 0 + dQ),
        20,
    ),
    grouped.wrong("the first head's only", on(1, lambda dK, x, dS: dS[0].T @ x[0][0])),
    grouped.wrong("averaged over heads", on(1, lambda dK, x, dS: dK / 2)),
    split.wrong(
        "heads and features exchanged",
        on(0, lambda dQ, x, dS: dQ.reshape(3, 2, 2).swapaxes(1, 2).reshape(3, 4)),
    ),
    turned.wrong("turned on", lambda x, dy, g: (rotate(dy, ANGLES),)),
    turned.wrong(
        "turned by the next place's angle", lambda x, dy, g: (rotate(dy, -jnp.roll(ANGLES, -1, 0)),)
    ),
    bias.wrong("the first head's only", on(1, lambda db, x, dP: biased_backward(x, dP, None)[0][0])),
    cap.wrong("passed through", lambda x, dy, g: (dy,)),
    cap.wrong("a fifth too little", lambda x, dy, g: (g[0] / 5,)),
    linear.wrong(
        "the sum taken for a constant", lambda x, dO, g: linear_backward(x, dO, g, normalised=False)
    ),
    pool.wrong("the scores taken for constants", lambda x, dy, g: pooled_backward(x, dy, g, scores=False)),
]
