"""The faces of a function of JAX arrays, as calls that do not wait for their result.

forward     Z
dA, dW      one cotangent, and
backward    all of them, by the pull that a jitted `jax.vjp` returned: the residuals are given
gradient    Z and all cotangents in one program, which is what training costs
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def call(
    f: Callable[..., Array],
    arrays: Sequence[Array],
    dZ: Array,
    face: str,
    options: Mapping[str, Any] | None = None,
) -> "partial[list[Array]]":
    """A face of f; integer arrays are not differentiated; `options` are the compiler's."""
    jit = partial(jax.jit, compiler_options=dict(options) if options else None)
    floating = [i for i, x in enumerate(arrays) if jnp.issubdtype(x.dtype, jnp.floating)]

    def of_floating(*x):
        full = list(arrays)
        for i, value in zip(floating, x, strict=True):
            full[i] = value
        return f(*full)

    inputs = [arrays[i] for i in floating]
    if face == "forward":
        return partial(jit(lambda *x: [of_floating(*x)]), *inputs)
    if face == "gradient":

        def both(dZ, *x):
            Z, pull = jax.vjp(of_floating, *x)
            return [Z, *pull(dZ)]

        return partial(jit(both), dZ, *inputs)
    which = {"dA": slice(0, 1), "dW": slice(1, 2), "backward": slice(None)}[face]
    _, pull = jit(partial(jax.vjp, of_floating))(*inputs)
    return partial(jit(lambda pull, dZ: list(pull(dZ))[which]), pull, dZ)


def program(face: "partial[Any]") -> str:
    """What XLA made of a face that `call` gave, without the names and places of its source.

    Of two faces the same text is the same program: what their times differ by is noise.
    """
    jitted: Any = face.func
    text = jitted.lower(*face.args).compile().as_text()
    lines = [line for line in text.splitlines() if " = " in line or line.startswith(("%", "ENTRY"))]
    bare = re.sub(r", metadata=\{[^}]*\}", "", "\n".join(lines))
    numbers: dict[str, int] = {}
    name = r"%[\w.-]+|[\w.-]+(?=: )"  # of an operation, or of a parameter before its shape
    return re.sub(name, lambda found: f"%{numbers.setdefault(found[0], len(numbers))}", bare)
