"""The expected, changed number by number: times a factor or an array, without its sign, clipped."""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from jaxcnn.check.diagnosis.sample import Diagnosis, Kind, Sample
from jaxcnn.check.diagnosis.words import in_words, listed, number, numbered


def scaled(sample: Sample) -> Diagnosis | None:
    """One factor for all numbers."""
    big = np.argmax(np.abs(np.where(sample.asked, sample.expected, 0)))
    ratio = float(sample.got.flat[big] / sample.expected.flat[big]) if sample.expected.flat[big] else math.nan
    if not math.isfinite(ratio) or not sample.agrees(ratio * sample.expected, abs(ratio) * sample.slack):
        return None
    if math.isclose(ratio, -1, rel_tol=64 * sample.epsilon):
        return Diagnosis(Kind.SIGN, "got is the expected with the opposite sign, everywhere")
    seen = f"got is {number(ratio)} times the expected, everywhere"
    sizes = _sizes(sample)
    for size, what in sizes.items():
        if math.isclose(abs(ratio), size, rel_tol=1e-5):
            return Diagnosis(Kind.SCALED, f"{seen}, and {size} is {what}: a mean's 1/N is missing")
        if math.isclose(abs(ratio), 1 / size, rel_tol=1e-5):
            return Diagnosis(Kind.SCALED, f"{seen}, and {size} is {what}: divided by it once too often")
    if ratio in (2, 0.5):
        return Diagnosis(Kind.SCALED, f"{seen}: the 2 of a square's derivative, forgotten")
    for size, what in sizes.items():
        if math.isclose(abs(ratio), math.sqrt(size), rel_tol=1e-5):
            return Diagnosis(Kind.SCALED, f"{seen}, the root of {size}, {what}: 1/√N is missing")
        if math.isclose(abs(ratio), 1 / math.sqrt(size), rel_tol=1e-5):
            return Diagnosis(Kind.SCALED, f"{seen}, 1 over the root of {size}, {what}: 1/√N once too often")
    return Diagnosis(Kind.SCALED, seen)


def absolute(sample: Sample) -> Diagnosis | None:
    """The sign is lost."""
    for sign in (1, -1):
        if sample.agrees(sign * np.abs(sample.expected)):
            return Diagnosis(Kind.SIGN, "got is the expected without its sign, everywhere")
    return None


def clipped(sample: Sample) -> Diagnosis | None:
    """The expected, held between two bounds that are met again and again."""
    asked = np.where(sample.asked, sample.got, 0)
    low, high = float(asked.min()), float(asked.max())
    if np.sum(sample.wrong) >= 8 and sample.agrees(np.clip(sample.expected, low, high)):
        bounds = f"[{number(low)}, {number(high)}]"
        return Diagnosis(Kind.CLIPPED, f"got is the expected clipped to {bounds}")
    return None


_FACTORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "{}": lambda T: T,
    "{}²": lambda T: T * T,
    "|{}|": np.abs,
    "the sign of {}": np.sign,
    "1 − {}": lambda T: 1 - T,
    "1 + {}": lambda T: 1 + T,
}


def factor(sample: Sample) -> Diagnosis | None:
    """A factor made of one cotangent, input or output is missing, or there once too often."""
    names = dict(sample.values())
    cotangents = [numbered("the cotangent", k, sample.cotangents) for k in range(len(sample.cotangents))]
    for (name, T), (text, made) in itertools.product(names.items(), _FACTORS.items()):
        for aligned in _aligned(T, sample.expected.ndim):
            if not _broadcasts(aligned.shape, sample.expected.shape):
                continue
            F = np.broadcast_to(made(aligned), sample.expected.shape)
            said = text.format(name)
            # 1 ∓ T cancels; where too little of it is left, the expected must be as small
            blur = sample.epsilon * (1 + np.abs(aligned)) if text.startswith("1") else 0 * aligned
            sure = np.abs(F) > 1e4 * blur
            with np.errstate(divide="ignore", invalid="ignore"):
                quotient = np.where(sure, sample.expected / F, sample.got)
                slack = np.where(sure, (sample.slack + np.abs(quotient) * blur) / np.abs(F), 0)
            vanishes = np.abs(sample.expected) <= sample.slack + 1e5 * blur * np.abs(sample.got)
            if np.all(vanishes | sure | ~sample.asked) and sample.agrees(quotient, slack) and sure.any():
                if name in cotangents and text == "{}":
                    return Diagnosis(
                        Kind.COTANGENT_IGNORED, f"got times {name} is the expected: {name} is not used"
                    )
                return Diagnosis(Kind.FACTOR, f"got times ({said}) is the expected: that factor is missing")
            if sample.agrees(sample.expected * F, sample.slack * np.abs(F)):
                return Diagnosis(
                    Kind.FACTOR, f"got is the expected times ({said}): that factor is there once too often"
                )
    return None


def factor_along(sample: Sample) -> Diagnosis | None:
    """A factor of its own for each case, example, channel or position."""
    rank = sample.expected.ndim
    groups = {
        "each position, the same in all cases": (0,),
        "each case": tuple(range(1, rank)),
        **{
            f"the case and the index along {in_words([a])}": tuple(b for b in range(1, rank) if b != a)
            for a in range(1, rank)
        },
    }
    for what, axes in groups.items():
        mass = np.where(sample.asked, np.abs(sample.expected), 0)
        total = np.sum(mass * mass, axis=axes, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            product = np.where(sample.asked, sample.got * sample.expected, 0)
            ratio = np.where(total > 0, np.sum(product, axis=axes, keepdims=True) / total, 0)
        spare = np.sum(mass > 0) - np.sum(total > 0)  # numbers beyond those that fix the factors
        if spare >= max(20, np.sum(total > 0) / 2) and sample.agrees(
            ratio * sample.expected, np.abs(ratio) * sample.slack
        ):
            seen = ", ".join(number(r) for r in np.unique(np.round(ratio[total > 0], 6))[:4])
            return Diagnosis(
                Kind.FACTOR, f"got is the expected times a factor that depends on {what} alone ({seen}, …)"
            )
    return None


def _sizes(sample: Sample) -> dict[int, str]:
    """Sizes in play that could be the N of a mean: of single axes, then of products of axes."""
    sizes: dict[int, str] = {}
    for wanted in (1, 2, 3):
        for name, array in sample.values():
            shape = array.shape[1:]
            for axes in itertools.combinations(range(len(shape)), wanted):
                size = math.prod(shape[a] for a in axes)
                text = (
                    f"the size of axis {axes[0]}"
                    if wanted == 1
                    else f"the size of axes {listed(axes)} together"
                )
                if size > 1:
                    sizes.setdefault(size, f"{text} of {name}")
    return sizes


def _aligned(T: np.ndarray, rank: int) -> Iterator[np.ndarray]:
    """T with axes of size 1 put behind, then before its own (but the cases), up to that rank."""
    missing = rank - T.ndim
    if missing >= 0:
        yield T.reshape(*T.shape, *[1] * missing)
    if missing > 0:
        yield T.reshape(len(T), *[1] * missing, *T.shape[1:])


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return all(n in (1, m) for n, m in zip(shape, to, strict=True))
