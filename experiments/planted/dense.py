"""Dense layers, dropout, and the array functions around them: broadcasting, gathers, products, order."""

import jax
import jax.numpy as jnp

from experiments.planted.planted import Family, on, one_hot_entry

INDEX = jnp.array([2, 0, 2, 1, 2])  # a repeated row, as in every batch of words
KEEP = jnp.array([[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]])
LARGE = 1000


def family(name, reference, *shapes):
    """A function of that name."""
    return Family("dense", name, reference, shapes)


def dense(A, W, b):
    """A W + b."""
    return A @ W + b[None]


def dense_backward(x, dZ, g):
    """Three products."""
    A, W, _ = x
    return dZ @ W.T, A.T @ dZ, dZ.sum(0)


def by_einsum(x, dZ, g):
    """The same by index notation."""
    A, W, _ = x
    return (
        jnp.einsum("bk,ck->bc", dZ, W),
        jnp.einsum("bc,bk->ck", A, dZ),
        jnp.ones(A.shape[:1], dZ.dtype) @ dZ,
    )


def outer_sum(x, dZ, g):
    """dW as a sum of outer products, dA row by row."""
    A, W, _ = x
    dW = sum(jnp.outer(A[i], dZ[i]) for i in range(len(A)))
    return jnp.stack([W @ row for row in dZ]), dW, sum(dZ)


def bilinear(x, M, y):
    """xᵀ M y."""
    return jnp.einsum("i,ij,j->", x, M, y)


def quadratic(x, M):
    """xᵀ M x."""
    return jnp.einsum("i,ij,j->", x, M, x)


def batched(A, W):
    """Matrices times one matrix."""
    return jnp.einsum("bij,jk->bik", A, W)


def dropout(A):
    """A fixed mask, scaled by 1/(1 − ½)."""
    return jnp.where(KEEP == 1, 2 * A, 0)


def residual(A):
    """A plus its dropped copy."""
    return A + dropout(A)


def large(a, x):
    """LARGE numbers doubled, and scaled."""
    return a * (2 * x)


def cumprod(x):
    """Products of all beginnings."""
    return jnp.stack([jnp.prod(x[: k + 1]) for k in range(x.shape[0])])


def product_backward(x, dy, g):
    """Without division: the product of all the others."""
    (x,) = x
    others = [jnp.prod(jnp.delete(x, k, assume_unique_indices=True)) for k in range(x.shape[0])]
    return (dy * jnp.stack(others),)


def mean_and_sum(x):
    """Two outputs."""
    return x.sum(0), x * x


rows = family("dense", dense, (3, 4), (4, 2), (2,))
square = family("dense, square", dense, (3, 3), (3, 3), (3,))
form = family("bilinear form", bilinear, (3,), (3, 3), (3,))
power = family("quadratic form", quadratic, (4,), (4, 4))
stack = family("batched product", batched, (2, 3, 4), (4, 2))
words = family("embedding", lambda table: table[INDEX], (3, 2))
drop = family("dropout", dropout, (3, 4))
evaluated = family("dropout in evaluation", lambda A: A, (3, 4))
skip = family("residual dropout", residual, (3, 4))
running = family("cumulative sum", jnp.cumsum, (6,))
beginnings = family("cumulative product", cumprod, (5,))
product = family("product", jnp.prod, (5,))
ordered = family("sort", jnp.sort, (6,))
joined = family("concatenation", lambda a, b: jnp.concatenate([a, b]), (3,), (3,))
added = family("bias over two axes", lambda A, b: A + b[None, :, None], (2, 3, 4), (3,))
two = family("two outputs", mean_and_sum, (3, 4))
hundred = family("dense, 100 inputs", lambda W, x: W @ x, (100, 100), (100,))
thousand = family("1,000 elements scaled", large, (), (LARGE,))
diagonal = family("1,000 elements doubled", lambda x: 2 * x, (LARGE,))


ROWS = [
    rows.right("by products", dense_backward),
    rows.right("by einsum", by_einsum),
    rows.right("by outer products", outer_sum),
    power.right("both halves", lambda x, dy, g: (dy * (x[1] + x[1].T) @ x[0], dy * jnp.outer(x[0], x[0]))),
    stack.right(
        "summed over the batch", lambda x, dZ, g: (dZ @ x[1].T, jnp.tensordot(x[0], dZ, ((0, 1), (0, 1))))
    ),
    words.right("by a scatter", lambda x, dy, g: (jnp.zeros_like(x[0]).at[INDEX].add(dy),)),
    words.right(
        "by a one-hot product", lambda x, dy, g: (jax.nn.one_hot(INDEX, 3, axis=0, dtype=dy.dtype) @ dy,)
    ),
    drop.right("by its mask", lambda x, dy, g: (dy * 2 * KEEP.astype(dy.dtype),)),
    running.right("reversed", lambda x, dy, g: (jnp.cumsum(dy[::-1])[::-1],)),
    product.right("of the others", product_backward),
    ordered.right("by the inverse order", lambda x, dy, g: (dy[jnp.argsort(jnp.argsort(x[0]))],)),
    two.right("both cotangents", lambda x, dy, g: (jnp.broadcast_to(dy[0], x[0].shape) + 2 * x[0] * dy[1],)),
    thousand.right("as it stands", lambda x, dy, g: (2 * jnp.sum(x[1] * dy), 2 * x[0] * dy)),
    rows.wrong("dW over the batch", on(1, lambda dW, x, dZ: dW / 3), 1),
    rows.wrong("db over the batch", on(2, lambda db, x, dZ: db / 3), 1),
    rows.wrong("dW and db over the batch", lambda x, dZ, g: (g[0], g[1] / 3, g[2] / 3), 2),
    rows.wrong("db of the last row", on(2, lambda db, x, dZ: dZ[-1])),
    rows.wrong(
        "dW in bfloat16",
        on(1, lambda dW, x, dZ: (x[0].astype(jnp.bfloat16).T @ dZ.astype(jnp.bfloat16)).astype(dW.dtype)),
    ),
    rows.wrong("dA returned in float32", on(0, lambda dA, x, dZ: dA.astype(jnp.float32))),
    square.wrong("W not transposed", on(0, lambda dA, x, dZ: dZ @ x[1])),
    square.wrong("dW transposed", on(1, lambda dW, x, dZ: dW.T)),
    form.wrong("M transposed", on(0, lambda dx, x, dy: dy * x[1].T @ x[2])),
    power.wrong("as if M were symmetric", on(0, lambda dx, x, dy: 2 * dy * x[1] @ x[0])),
    power.wrong("one of the two factors held fast", on(0, lambda dx, x, dy: dy * x[1] @ x[0])),
    stack.wrong("dW of the first matrix", on(1, lambda dW, x, dZ: x[0][0].T @ dZ[0])),
    stack.wrong("dW averaged over the batch", on(1, lambda dW, x, dZ: dW / 2), 2),
    words.wrong("repeated rows overwritten", lambda x, dy, g: (jnp.zeros_like(x[0]).at[INDEX].set(dy),), 12),
    drop.wrong("not scaled", lambda x, dy, g: (dy * KEEP.astype(dy.dtype),)),
    drop.wrong("a stale mask", lambda x, dy, g: (dy * 2 * jnp.roll(KEEP, 1, 0).astype(dy.dtype),), 9),
    drop.wrong(
        "scaled by the share kept in this mask", lambda x, dy, g: (dy * KEEP.astype(dy.dtype) * 12 / 8,)
    ),
    evaluated.wrong("the mask of training", lambda x, dy, g: (dy * 2 * KEEP.astype(dy.dtype),), 9),
    skip.wrong("the cotangent masked in place", lambda x, dy, g: (4 * dy * KEEP.astype(dy.dtype),), 9),
    running.wrong("not reversed", lambda x, dy, g: (jnp.cumsum(dy),)),
    beginnings.wrong(
        "NaN at zeros", lambda x, dy, g: (jnp.cumsum((dy * cumprod(x[0]))[::-1])[::-1] / x[0],), 20
    ),
    product.wrong("NaN at zeros", lambda x, dy, g: (dy * jnp.prod(x[0]) / x[0],), 20),
    product.wrong(
        "0 at zeros",
        lambda x, dy, g: (jnp.where(x[0] == 0, 0, dy * jnp.prod(x[0]) / jnp.where(x[0] == 0, 1, x[0])),),
    ),
    ordered.wrong("by the order, not its inverse", lambda x, dy, g: (dy[jnp.argsort(x[0])],)),
    joined.wrong("parts exchanged", lambda x, dy, g: (dy[3:], dy[:3])),
    added.wrong("summed over one axis too few", on(1, lambda db, x, dy: dy[:, :, 0].sum(0))),
    two.wrong("the second cotangent dropped", lambda x, dy, g: (jnp.broadcast_to(dy[0], x[0].shape),)),
    hundred.wrong(
        "one entry off by 0.1", on(1, lambda dx, x, dy: one_hot_entry(dx, (37,), 0.1 * dy[59])), 18
    ),
    thousand.wrong("×3", lambda x, dy, g: (6 * jnp.sum(x[1] * dy), 6 * x[0] * dy), 17),
    diagonal.wrong("one entry off by 1", lambda x, dy, g: (one_hot_entry(2 * dy, (777,), dy[776]),), 18),
    diagonal.wrong(
        "one entry off by 0.1", lambda x, dy, g: (one_hot_entry(2 * dy, (777,), 0.1 * dy[777]),), 18
    ),
]
