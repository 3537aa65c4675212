"""A difference from the expected that has a form of its own: fewer bits, a constant, a term."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from jaxcnn.check.diagnosis.axes import subsets
from jaxcnn.check.diagnosis.sample import Diagnosis, Kind, Sample
from jaxcnn.check.diagnosis.words import in_words, number


def narrower(sample: Sample) -> Diagnosis | None:
    """Close, and of fewer bits."""
    got, expected = sample.got[sample.asked], sample.expected[sample.asked]
    for name, bits in (("bfloat16", 8), ("float16", 11), ("float32", 24)):
        close = np.abs(sample.got - sample.expected) <= 2.0 ** (4 - bits) * _case_scale(sample)
        few, many = (np.ldexp(np.frexp(v)[0], bits) for v in (got, expected))
        if np.all(close | ~sample.asked) and np.all(few == np.rint(few)) and np.any(many != np.rint(many)):
            return Diagnosis(Kind.DTYPE, f"got is close, but its numbers have the {bits} bits of {name}")
    return None


def term(sample: Sample) -> Diagnosis | None:
    """The difference is c, or c·T + d for an input, output or cotangent T; c, d constant along axes."""
    if not np.isfinite(sample.got[sample.asked]).all() or not sample.asked.all():
        return None
    difference = sample.got - sample.expected
    rank = sample.expected.ndim
    everywhere = tuple(range(rank))
    spans = [
        everywhere,
        *([(a,) for a in range(1, rank)]),
        *(s for s in subsets(range(1, rank)) if len(s) > 1),
    ]
    ones = np.ones_like(difference)
    forms: list[tuple[str, str, list[np.ndarray]]] = [("d", "d", [ones])]
    for name, T in sample.values():
        if T.shape == sample.expected.shape:
            forms += [(f"c·{name}", "c", [T]), (f"c·{name} + d", "c and d", [ones, T])]
    for (text, constants, parts), axes in itertools.product(forms, spans):
        count = math.prod(sample.expected.shape[a] for a in axes)
        if (count - len(parts)) * difference.size // count < 20 or count < 2 * len(parts):
            continue
        fit, condition = _fit(difference, parts, axes)
        size = np.max(np.abs(sample.expected) + np.abs(sample.got), axes, keepdims=True)
        room = 4 * np.max(sample.slack, axes, keepdims=True) + 256 * sample.epsilon * condition * size
        if not np.all(np.abs(difference - fit) <= room):
            continue
        if text == "d" and axes == everywhere:
            seen = number(difference.flat[0])
            return Diagnosis(Kind.OFFSET, f"got is the expected plus {seen} everywhere: a constant is added")
        along = "everywhere" if axes == everywhere else f"along {in_words(axes)}"
        why = "a mean or sum over it" if text == "d" else "a term"
        return Diagnosis(
            Kind.MISSING_TERM,
            f"got minus expected is {text}, with the same {constants} "
            f"{along}: {why} is left out or there too often",
        )
    return None


def _fit(
    difference: np.ndarray, parts: Sequence[np.ndarray], axes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The best Σ_k c_k·parts[k] with c_k constant along the axes, and how much rounding grows in it."""
    fit, condition = np.zeros_like(difference), np.ones_like(difference)
    basis: list[np.ndarray] = []
    for part in parts:
        size = np.max(np.abs(part), axes, keepdims=True)
        rest = part / np.where(size > 0, size, 1)
        for other in basis:
            rest = rest - np.sum(rest * other, axes, keepdims=True) * other
        left = np.sqrt(np.sum(rest * rest, axes, keepdims=True))
        basis.append(rest / np.where(left > 0, left, 1))
        condition = condition / np.where(left > 0, np.minimum(left, 1), 1)
        fit = fit + np.sum(difference * basis[-1], axes, keepdims=True) * basis[-1]
    return fit, condition


def _case_scale(sample: Sample) -> np.ndarray:
    """The largest number expected in each case."""
    axes = tuple(range(1, sample.expected.ndim))
    return np.max(np.where(sample.asked, np.abs(sample.expected), 0), axes, keepdims=True)
