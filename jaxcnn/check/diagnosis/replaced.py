"""Not the expected with a mistake, but something else in its place: nothing, NaN, another array, or what the
reference gives for other cotangents or inputs."""

import itertools

import numpy as np

from jaxcnn.check.diagnosis.sample import LARGE, Diagnosis, Kind, Sample
from jaxcnn.check.diagnosis.words import number, numbered


def not_finite(sample: Sample) -> Diagnosis | None:
    """NaN or infinite wherever it is wrong."""
    if np.isfinite(sample.got[sample.wrong]).any():
        return None
    what = "NaN" if np.isnan(sample.got[sample.wrong]).all() else "NaN or infinite"
    for name, x in sample.same_shaped():
        seen = x[sample.wrong]
        if np.all(seen == 0):
            return Diagnosis(Kind.NAN, f"got is {what} where {name} is 0: a division by zero or 0·∞ there")
        if np.all(np.abs(seen) >= LARGE):
            return Diagnosis(
                Kind.NAN,
                f"got is {what} only where |{name}| ≥ {number(np.abs(seen).min())}: an overflow, as of exp",
            )
    return Diagnosis(Kind.NAN, f"wherever got is wrong it is {what}: an overflow, or a division by zero")


def zero(sample: Sample) -> Diagnosis | None:
    """Nothing came."""
    if sample.got[sample.asked].any():
        return None
    return Diagnosis(Kind.ZERO, "got is zero everywhere: nothing flows back to this argument")


def cotangent_unchanged(sample: Sample) -> Diagnosis | None:
    """It is a cotangent."""
    for k, cotangent in enumerate(sample.cotangents):
        if cotangent.shape == sample.expected.shape and sample.agrees(cotangent, 0.0):
            name = numbered("the cotangent", k, sample.cotangents)
            return Diagnosis(Kind.COTANGENT_UNCHANGED, f"got is {name} itself, passed through unchanged")
    return None


def another_gradient(sample: Sample) -> Diagnosis | None:
    """It is the gradient of another argument."""
    for name, gradient in sample.others.items():
        if gradient.shape == sample.expected.shape and sample.agrees(gradient):
            return Diagnosis(
                Kind.SWAPPED, f"got is the gradient of {name}: two gradients are returned in the wrong order"
            )
    return None


def stale(sample: Sample) -> Diagnosis | None:
    """It is the expected of the case before."""
    before = np.roll(sample.expected, 1, axis=0)
    here = np.arange(len(before)).reshape(-1, *[1] * len(sample.shape)) > 0
    seen = np.any(sample.wrong & here)  # of one case alone nothing is known
    if seen and sample.agrees(before, np.roll(sample.slack, 1, axis=0), here):
        return Diagnosis(
            Kind.STALE, "got is what was expected in the case before: something is kept from an earlier call"
        )
    return None


def cotangent_replaced(sample: Sample) -> Diagnosis | None:
    """What the reference gives for cotangents of ones, of zeros or exchanged."""
    cotangents = list(sample.cotangents)
    for k, cotangent in enumerate(cotangents):
        name = numbered("the cotangent", k, cotangents)
        for value, text in ((1.0, "ones"), (0.0, "zeros")):
            other = [*cotangents[:k], np.full_like(cotangent, value), *cotangents[k + 1 :]]
            if sample.would_be(cotangents=other):
                return Diagnosis(
                    Kind.COTANGENT_IGNORED,
                    f"got is what would be expected if {name} were all {text}: it is not used",
                )
    for j, k in itertools.combinations(range(len(cotangents)), 2):
        if cotangents[j].shape == cotangents[k].shape:
            other = list(cotangents)
            other[j], other[k] = other[k], other[j]
            if sample.would_be(cotangents=other):
                return Diagnosis(
                    Kind.WRONG_COTANGENT,
                    f"got is what would be expected with cotangents {j} and {k} exchanged",
                )
    return None


def input_replaced(sample: Sample) -> Diagnosis | None:
    """What the reference gives if one input were ones, zeros, negated, or exchanged with another."""
    for name, x in sample.inputs.items():
        for value, kind, text in (
            (np.ones_like(x), Kind.FACTOR, "all ones: a factor of it is missing"),
            (np.zeros_like(x), Kind.MISSING_TERM, "all zeros: what it adds is missing"),
            (-x, Kind.SIGN, "negated: it enters with the wrong sign"),
        ):
            if sample.would_be({name: value}):
                return Diagnosis(kind, f"got is what would be expected if {name} were {text}")
    for (a, x), (b, y) in itertools.combinations(sample.inputs.items(), 2):
        if x.shape == y.shape and sample.would_be({a: y, b: x}):
            return Diagnosis(Kind.SWAPPED, f"got is what would be expected with {a} and {b} exchanged")
    return None
