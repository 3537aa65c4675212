"""A gradient of another shape than the expected."""

import numpy as np

from jaxcnn.check.diagnosis.axes import orders, reordering, subsets
from jaxcnn.check.diagnosis.sample import Diagnosis, Kind, Sample
from jaxcnn.check.diagnosis.words import in_words, listed


def not_summed(sample: Sample) -> Diagnosis | None:
    """Summed over some axes, it is the expected."""
    got, shape = sample.got, sample.shape
    if not sample.expected.any():
        return None
    for axes in subsets(range(1, got.ndim)):
        for keep in (True, False):
            total = got.sum(axis=axes, keepdims=keep)
            if total.shape == (len(got), *shape) and _equal(sample, total):
                return Diagnosis(
                    Kind.NOT_SUMMED,
                    f"got has the shape {listed(got.shape[1:])} and becomes the expected when summed over "
                    f"{in_words(axes)}: {sample.name} is broadcast, its gradient is a sum",
                )
    return None


def cropped_or_extended(sample: Sample) -> Diagnosis | None:
    """One is the beginning of the other, or every s-th number of it."""
    got, expected = sample.got, sample.expected
    if got.ndim != expected.ndim:
        return None
    common = tuple(slice(0, min(a, b)) for a, b in zip(got.shape, expected.shape, strict=True))
    axes = in_words([a for a in range(1, got.ndim) if got.shape[a] != expected.shape[a]])
    if expected[common].size and _equal(sample, got[common], common):
        more = "more" if got.size > expected.size else "less"
        return Diagnosis(
            Kind.REMAINDER,
            f"got is right but has the shape {listed(got.shape[1:])}, {more} than expected along {axes}: "
            "the remainder that no window reaches has been dropped, or counted in",
        )
    for step in range(2, 5):
        picks = tuple(
            slice(None, None, step if g > e else 1) for g, e in zip(got.shape, expected.shape, strict=True)
        )
        if got[picks].shape == expected.shape and _equal(sample, got[picks]):
            return Diagnosis(
                Kind.STRIDE,
                f"the expected is every number {step} apart along {axes} of got: a stride is missing",
            )
    return None


def transposed_shape(sample: Sample) -> Diagnosis | None:
    """The expected with its axes in another order."""
    for order in orders(sample.expected.ndim - 1):
        other = sample.expected.transpose(0, *order)
        if other.shape == sample.got.shape and _equal(
            sample, sample.got.transpose(0, *np.argsort(order) + 1)
        ):
            return Diagnosis(*reordering(order))
    return None


def _equal(sample: Sample, got: np.ndarray, at: tuple[slice, ...] = ()) -> bool:
    """Whether numbers brought into the expected's shape are the expected."""
    room = 4 * (sample.slack[at] + 32 * sample.epsilon * np.abs(sample.expected[at]))
    return bool(np.all((np.abs(got - sample.expected[at]) <= room) | ~sample.asked[at]))
