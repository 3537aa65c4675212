"""The article's companion code: softmax followed by cross-entropy (L20)."""

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn import losses as library
from jaxcnn.derivations.claims.grids import draw
from jaxcnn.derivations.claims.witnesses import ROUNDING
from jaxcnn.derivations.ledger import Case, Claim, Comparison, Domain, Part
from jaxcnn.loops import losses as loops
from jaxcnn.loops.activations import softmax
from jaxcnn.oracles import losses as oracle


def logits(case: Case) -> np.ndarray:
    """(B, k), moderate."""
    return draw(case, "Z", (case["B"], case["k"])) / 4


def targets(case: Case) -> np.ndarray:
    """(B, k) that sum to `quarters`/4: one class, or spread over all of them."""
    if case["labels"]:
        t = np.eye(case["k"])[np.arange(case["B"]) % case["k"]]
    else:
        weight = np.abs(draw(case, "t", (case["B"], case["k"])))
        t = weight / weight.sum(-1, keepdims=True)
    return t * case["quarters"] / 4


def clip(case: Case) -> float:
    """The margin to which the probabilities are clipped."""
    return case["percent"] / 100


def gradient(case: Case, clip: float) -> np.ndarray:
    """The gradient of the summed loss, by complex steps: exact to rounding, no derivative of ours."""
    Z, t, step = logits(case), targets(case), 1e-30
    losses = [loops.softmax_cross_entropy(Z + 1j * step * unit, t, clip=clip) for unit in np.eye(case["k"])]
    return np.stack(losses, -1).imag / step


def difference(case: Case) -> Comparison:
    """y − t against the gradient of the loss as it is computed."""
    Z, t = logits(case), targets(case)
    got = loops.softmax_cross_entropy_dZ(Z, t)
    return Comparison(got, gradient(case, clip(case)), ROUNDING, {"Z": Z, "t": t})


def weighed(case: Case) -> Comparison:
    """y Σt − t against the gradient of the loss without clipping."""
    Z, t = logits(case), targets(case)
    return Comparison(softmax(Z) * t.sum(-1, keepdims=True) - t, gradient(case, 0.0), ROUNDING)


def nothing_clipped(case: Case) -> bool:
    """No probability that the loss uses lies beyond the margin."""
    y = softmax(logits(case))[targets(case) != 0]
    return bool(np.all((y >= clip(case)) & (y <= 1 - clip(case))))


def of_the_mean(case: Case, divisor: int) -> Comparison:
    """(y − t)/divisor against the gradient of the mean loss."""
    got = loops.softmax_cross_entropy_dZ(logits(case), targets(case)) / divisor
    return Comparison(got, gradient(case, 0.0) / case["B"], ROUNDING)


@cache
def compiled_gradient(loss: Callable) -> Callable:
    """The gradient of the summed loss, by `jax.grad`."""
    return jax.jit(jax.grad(lambda Z, t: jnp.sum(loss(Z, t))))


def by_jax(module: ModuleType, Z: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The same, of jaxcnn's loss or the oracle's, on arrays."""
    run = compiled_gradient(module.softmax_cross_entropy)
    return np.asarray(run(jnp.asarray(Z), jnp.asarray(t)))


def library_gradient(case: Case) -> Comparison:
    """`jax.grad` of jaxcnn's loss against y Σt − t."""
    Z, t = logits(case), targets(case)
    return Comparison(by_jax(library, Z, t), softmax(Z) * t.sum(-1, keepdims=True) - t, ROUNDING)


def oracle_gradient(case: Case) -> Comparison:
    """The same against `jax.grad` of the oracle, at saturated logits too."""
    Z, t = logits(case) * case["scale"], targets(case)
    return Comparison(by_jax(library, Z, t), by_jax(oracle, Z, t), ROUNDING)


def cases(thorough: bool) -> Iterator[Case]:
    """Classes, batch, total target, one class or all of them, and clipping."""
    for k, B, quarters, labels, percent in itertools.product(
        range(1, 7 if thorough else 5), (1, 2, 3), (0, 2, 4, 8), (0, 1), (0, 10)
    ):
        yield {"k": k, "B": B, "quarters": quarters, "labels": labels, "percent": percent}


def proper(thorough: bool) -> Iterator[Case]:
    """Targets that sum to 1, nothing clipped."""
    return (case for case in cases(thorough) if case["quarters"] == 4 and not case["percent"])


def compiled(thorough: bool) -> Iterator[Case]:
    """One shape for the library: Σt of 1, of 2 and of 0; moderate and saturated logits."""
    for quarters, scale in itertools.product((4, 8, 0), (1, 400)):
        yield {"k": 3, "B": 2, "quarters": quarters, "labels": 0, "percent": 0, "scale": scale}


L20 = Claim(
    number=20,
    section="Companion code",
    statement="For softmax followed by cross-entropy, dZ = y − t.",
    reading="In the companion code of the article, not in its text. y = softmax(Z); the loss −Σ t log y, "
    "one an example; y possibly clipped before the logarithm.",
    cases=cases,
    printed=difference,
    domain=Domain(
        "Σt = 1, and nothing is clipped or there is one class",
        lambda case: case["quarters"] == 4 and (nothing_clipped(case) or case["k"] == 1),
    ),
    correction="dZ = y Σt − t, of the loss without clipping; the mean over the batch brings 1/B, once.",
    corrected=weighed,
    parts=(
        Part(
            "y − t for the mean over the batch",
            lambda case: of_the_mean(case, 1),
            proper,
            Domain("B = 1, or k = 1", lambda case: case["B"] == 1 or case["k"] == 1),
        ),
        Part("(y − t)/B for the mean over the batch", lambda case: of_the_mean(case, case["B"]), proper),
        Part(
            "jaxcnn.softmax_cross_entropy has the gradient y Σt − t",
            library_gradient,
            lambda thorough: (case for case in compiled(thorough) if case["scale"] == 1),
        ),
        Part("and jax.grad of the oracle's, saturated logits included", oracle_gradient, compiled),
    ),
)
