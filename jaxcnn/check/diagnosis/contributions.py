"""What single numbers or parts of a cotangent or input contribute, left out, overwritten or put elsewhere."""

import itertools
from collections.abc import Sequence

import numpy as np

from jaxcnn.check.diagnosis.axes import long, subsets
from jaxcnn.check.diagnosis.sample import Diagnosis, Kind, Sample
from jaxcnn.check.diagnosis.words import in_words, numbered


def part_of_the_cotangent(sample: Sample) -> Diagnosis | None:
    """The sum runs over a part of the cotangent only, or over a part of it twice."""
    if sample.reference is None:
        return None
    for k, cotangent in enumerate(sample.cotangents):
        name = numbered("the cotangent", k, sample.cotangents)
        for axis in long(cotangent.shape[1:]):
            index = np.arange(cotangent.shape[axis]).reshape(-1, *[1] * (cotangent.ndim - 1 - axis))
            last = cotangent.shape[axis] - 1
            kind = Kind.BATCH if axis == 1 and cotangent.ndim > 2 else Kind.REMAINDER
            for kept, text in (
                (index == 0, "only the first index"),
                (index == last, "only the last index"),
                (index < last, "all but the last index"),
                (index > 0, "all but the first index"),
            ):
                others = [np.zeros_like(c) for c in sample.cotangents]
                others[k] = np.where(kept, 0, cotangent)
                lost = sample.reference(dict(sample.inputs), tuple(others))
                if sample.agrees(sample.expected - lost):
                    return Diagnosis(
                        kind, f"got is right if {text} along {in_words([axis])} of {name} counted"
                    )
                if np.sum(kept) == last and sample.agrees(sample.expected + lost):
                    return Diagnosis(
                        Kind.ACCUMULATED_TWICE,
                        f"got is the expected with a part of {name} counted twice, right for {text} "
                        f"along {in_words([axis])}",
                    )
    return None


def diagonal(sample: Sample) -> Diagnosis | None:
    """Each number has come from the cotangent's number at the same index alone."""
    if len(sample.cotangents) != 1 or sample.cotangents[0].shape != sample.expected.shape:
        return None
    pieces = sample.contributions(None)
    if pieces is None:
        return None
    own = np.einsum("kck->ck", pieces.reshape(*pieces.shape[:2], -1)).reshape(sample.expected.shape)
    if sample.agrees(own):
        return Diagnosis(
            Kind.MISSING_TERM,
            "each number of got is what the cotangent's number at the same index contributes, and nothing of "
            "the others: a Jacobian is taken for diagonal",
        )
    return None


def not_accumulated(sample: Sample) -> Diagnosis | None:
    """Where several contributions overlap, it is one of them and not their sum."""
    if len(sample.cotangents) != 1:
        return None
    cotangent = sample.cotangents[0]
    pieces = sample.contributions(None)
    if pieces is None:
        return None
    apart = pieces.reshape(*cotangent.shape[1:], *sample.expected.shape)
    worst = sample.worst
    there = apart.reshape(*cotangent.shape[1:], len(sample.expected), -1)[..., sample.most_wrong, :]
    for axes in [(), *subsets(range(cotangent.ndim - 1))][:-1]:
        parts = there.sum(axis=axes).reshape(-1, *worst.expected.shape)
        if not np.all(_near(worst, parts).any(axis=0) | ~worst.wrong):
            continue
        parts = apart.sum(axis=axes).reshape(-1, *sample.expected.shape)
        # which of them reach a position at all, seen over all cases; one that does may be zero by its values
        reach = np.any(parts != 0, axis=1, keepdims=True)
        if np.any(sample.wrong & ~(np.sum(reach, axis=0) > 1)):
            continue
        one = np.any(_near(sample, parts) & reach, axis=0)
        if np.all(one | ~sample.wrong) and np.sum(sample.wrong & (sample.got != 0)) >= 8:
            summed = f" (each summed over {in_words([a + 1 for a in axes])})" if axes else ""
            return Diagnosis(
                Kind.NOT_ACCUMULATED,
                f"wrong only where several numbers of the cotangent contribute{summed}, and got is one "
                "contribution in place of their sum: = stands where += belongs",
            )
    return None


def slipped(sample: Sample) -> Diagnosis | None:
    """Each contribution of a cotangent or input lies a multiple of its index away from its place."""
    sources: list[tuple[str | None, np.ndarray]] = [*sample.inputs.items()]
    if len(sample.cotangents) == 1:
        sources.insert(0, (None, sample.cotangents[0]))
    for name, source in sources:
        if name == sample.name or (pieces := sample.contributions(name)) is None:
            continue
        if not np.allclose(pieces.sum(axis=0), sample.expected):  # not linear in this input
            continue
        # axis a of the gradient belongs to axis a of the source, or to the next or last one
        for offset in (0, -1, 1):
            axes = [
                a
                for a in long(sample.shape)
                if 1 <= a + offset < source.ndim and 1 < source.shape[a + offset] != sample.expected.shape[a]
            ][:2]
            for slips in itertools.product((0, -1, -2, -3, 1), repeat=len(axes)):
                if not any(slips):
                    continue
                steps = [
                    {a: slip * index[a + offset - 1] for a, slip in zip(axes, slips, strict=True) if slip}
                    for index in np.ndindex(*source.shape[1:])
                ]
                there = slice(sample.most_wrong, sample.most_wrong + 1)
                if not sample.worst.agrees(_slid(pieces[:, there], steps)):
                    continue
                if sample.agrees(_slid(pieces, steps)):
                    where = ", ".join(
                        f"{slip:+d} along {in_words([a])}"
                        for a, slip in zip(axes, slips, strict=True)
                        if slip
                    )
                    return Diagnosis(
                        Kind.STRIDE,
                        f"with each step of {name or 'the cotangent'}'s index its contribution slips by "
                        f"{where}: a stride or dilation is wrong",
                    )
    return None


def _near(sample: Sample, parts: np.ndarray) -> np.ndarray:
    """Where each of the parts is what came."""
    room = 4 * (sample.slack + 32 * sample.epsilon * np.abs(parts))
    return np.asarray(np.abs(sample.got - parts) <= room)


def _slid(pieces: np.ndarray, steps: Sequence[dict[int, int]]) -> np.ndarray:
    """The sum of the pieces, each moved by its own steps."""
    total = np.zeros_like(pieces[0])
    for piece, own in zip(pieces, steps, strict=True):
        total += _moved_by(piece, own)
    return total


def _moved_by(X: np.ndarray, steps: dict[int, int]) -> np.ndarray:
    """X shifted, with zeros entering and what leaves lost."""
    result = np.zeros_like(X)
    to, origin = [slice(None)] * X.ndim, [slice(None)] * X.ndim
    for a, step in steps.items():
        n = X.shape[a]
        to[a] = slice(min(max(step, 0), n), max(min(n + step, n), 0))
        origin[a] = slice(min(max(-step, 0), n), max(min(n - step, n), 0))
    result[tuple(to)] = X[tuple(origin)]
    return result
