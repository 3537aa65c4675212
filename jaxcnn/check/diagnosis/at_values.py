"""Wrong only where an input has certain values: a kink, an interval, ties, saturation."""

import functools
import itertools
import math

import numpy as np

from jaxcnn.check.diagnosis.sample import LARGE, PAIRS, Diagnosis, Kind, Sample
from jaxcnn.check.diagnosis.words import listed, number

# How probable it may be that wrong numbers lie all in the subset by accident.
CHANCE = 1e-3


def at_a_kink(sample: Sample) -> Diagnosis | None:
    """Wrong only where an input has one value, or one of two."""
    for name, x in sample.same_shaped():
        values = np.unique(x[sample.wrong] + 0.0)
        # a boundary value is rare among all numbers drawn, though one case may hold little else
        cases = np.sum(sample.wrong.reshape(len(x), -1).any(axis=1))
        rare = np.mean(np.isin(x, values)[sample.asked]) ** cases < CHANCE
        if len(values) <= 2 and (rare or _telling(sample, np.isin(x, values))):
            text = " or ".join(number(v) for v in values)
            return Diagnosis(
                Kind.KINK,
                f"wrong only where {name} is exactly {text}: the derivative at a kink is another one there",
            )
    return None


def beyond_a_threshold(sample: Sample) -> Diagnosis | None:
    """Wrong exactly where an input lies in an interval."""
    for name, x in sample.same_shaped():
        seen = sample.asked.copy()
        for cotangent in sample.cotangents:
            if cotangent.shape == x.shape:
                seen &= cotangent != 0
        right = x[seen & ~sample.wrong]
        low, high = x[sample.wrong].min(), x[sample.wrong].max()
        below, above = right[right < low], right[right > high]
        if len(right) < 8 or len(below) + len(above) < len(right) or np.sum(sample.wrong) < 4:
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = sample.got[sample.wrong] / sample.expected[sample.wrong]
        ratio = np.median(ratios)
        told = f" (got is {number(ratio)} times the expected there)" if np.allclose(ratios, ratio) else ""
        if len(below) and len(above):
            where = f"{number(below.max())} < {name} < {number(above.min())}"
            return Diagnosis(
                Kind.THRESHOLD,
                f"wrong exactly where {where}{told}: a threshold or mask lies at another value",
            )
        side, edge = (">", below.max()) if len(below) else ("<", above.min())
        outward = edge if side == ">" else -edge
        if outward <= -LARGE:  # wrong all but where it saturates
            continue
        if outward >= LARGE:
            return Diagnosis(
                Kind.SATURATION, f"wrong exactly where {name} {side} {number(edge)}{told}: saturation"
            )
        kind = Kind.SIGN if told and math.isclose(ratio, -1) else Kind.BRANCH
        return Diagnosis(
            kind, f"wrong exactly where {name} {side} {number(edge)}{told}: that branch's formula is wrong"
        )
    return None


def at_ties(sample: Sample) -> Diagnosis | None:
    """Wrong only where another number of the input, not far away, is the same."""
    for name, x in sample.same_shaped():
        if not 1 < math.prod(sample.shape) <= PAIRS:
            continue
        ties = _ties(x)
        if np.any(sample.wrong & ~functools.reduce(np.logical_or, ties.values())):
            continue
        for reach in sorted(
            itertools.product(*map(range, sample.shape)), key=lambda r: (math.prod(np.add(r, 1)), r)
        ):
            within = [
                t for apart, t in ties.items() if all(a <= r for a, r in zip(apart, reach, strict=True))
            ]
            if not within:
                continue
            tied = functools.reduce(np.logical_or, within)
            if not np.any(sample.wrong & ~tied):
                if not _telling(sample, tied):
                    break
                axes = tuple(range(1, x.ndim))
                got, expected = (
                    np.sum(np.where(sample.asked, g, 0), axes) for g in (sample.got, sample.expected)
                )
                kept = np.allclose(got, expected)
                rule = (
                    "another of the tied ones is credited, or several share"
                    if kept
                    else "each tied one is credited"
                )
                return Diagnosis(
                    Kind.TIES,
                    f"wrong only where {name} has equal numbers at most {listed(reach)} apart: the tie rule "
                    f"differs ({rule})",
                )
    return None


def at_saturation(sample: Sample) -> Diagnosis | None:
    """Zero, or not finite, where an input or its spread along the last axis is large, and right elsewhere."""
    came = sample.got[sample.wrong]
    if np.any(np.isfinite(came) & (np.abs(came) > np.abs(sample.expected[sample.wrong]))):
        return None
    for name, x in sample.same_shaped():
        spread = np.max(x, axis=-1, keepdims=True) - np.min(x, axis=-1, keepdims=True)
        for what, size in ((f"|{name}|", np.abs(x)), (f"{name}'s spread along the last axis", spread)):
            size = np.broadcast_to(size, x.shape)
            edge = float(size[sample.wrong].min())
            inside = np.mean(size[sample.asked] >= edge)
            cases = np.sum(sample.wrong.any(axis=tuple(range(1, x.ndim))))
            if edge >= LARGE and inside**cases < CHANCE:
                return Diagnosis(
                    Kind.SATURATION,
                    f"wrong, and too small, only where {what} ≥ {number(edge)}: clipped or underflown",
                )
    return None


def _telling(sample: Sample, subset: np.ndarray) -> bool:
    """Whether all wrong numbers lie in the subset, and hardly by accident.

    Were they anywhere among the numbers of their case, each would lie in it with the subset's share of the
    case. Numbers of one case depend on each other: three of them count, at the most.
    """
    if np.any(sample.wrong & ~subset):
        return False
    axes = tuple(range(1, subset.ndim))
    share = np.sum(subset & sample.asked, axes) / np.maximum(np.sum(sample.asked, axes), 1)
    return float(np.prod(share ** np.minimum(np.sum(sample.wrong, axes), 3))) < CHANCE


def _ties(x: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    """Distance along each axis → where x has an equal that far away."""
    ties: dict[tuple[int, ...], np.ndarray] = {}
    for offset in itertools.product(*(range(1 - n, n) for n in x.shape[1:])):
        if any(offset):
            here = [slice(max(-o, 0), n - max(o, 0)) for o, n in zip(offset, x.shape[1:], strict=True)]
            there = [slice(max(o, 0), n - max(-o, 0)) for o, n in zip(offset, x.shape[1:], strict=True)]
            apart = tuple(map(abs, offset))
            mask = ties.setdefault(apart, np.zeros(x.shape, bool))
            mask[(slice(None), *here)] |= x[(slice(None), *here)] == x[(slice(None), *there)]
    return ties
