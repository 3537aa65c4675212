"""The hypotheses in their order, and the question to all of them."""

from collections.abc import Callable

import numpy as np

from jaxcnn.check.diagnosis.at_positions import at_every_other, at_the_edge
from jaxcnn.check.diagnosis.at_values import at_a_kink, at_saturation, at_ties, beyond_a_threshold
from jaxcnn.check.diagnosis.contributions import diagonal, not_accumulated, part_of_the_cotangent, slipped
from jaxcnn.check.diagnosis.differences import narrower, term
from jaxcnn.check.diagnosis.factors import absolute, clipped, factor, factor_along, scaled
from jaxcnn.check.diagnosis.moves import misplaced, reordered_axes, reversed_axes, shifted
from jaxcnn.check.diagnosis.replaced import (
    another_gradient,
    cotangent_replaced,
    cotangent_unchanged,
    input_replaced,
    not_finite,
    stale,
    zero,
)
from jaxcnn.check.diagnosis.sample import Diagnosis, Sample
from jaxcnn.check.diagnosis.shapes import cropped_or_extended, not_summed, transposed_shape

Hypothesis = Callable[[Sample], Diagnosis | None]

SHAPES: tuple[Hypothesis, ...] = (not_summed, transposed_shape, cropped_or_extended)

# The most specific first.
HYPOTHESES: tuple[Hypothesis, ...] = (
    not_finite,
    zero,
    scaled,
    cotangent_unchanged,
    another_gradient,
    absolute,
    at_a_kink,
    beyond_a_threshold,
    reversed_axes,
    reordered_axes,
    shifted,
    misplaced,
    cotangent_replaced,
    input_replaced,
    factor,
    part_of_the_cotangent,
    diagonal,
    not_accumulated,
    slipped,
    stale,
    clipped,
    narrower,
    at_ties,
    at_the_edge,
    at_every_other,
    at_saturation,
    factor_along,
    term,
)


def diagnose(sample: Sample) -> Diagnosis | None:
    """The first hypothesis that explains all numbers, or None.

    It is meant for some 20,000 numbers. Where no hypothesis fits, the reference is asked about a hundred
    times, and then for each number alone of the arrays with at most `CONTRIBUTIONS` numbers, as long as no
    more than `CONTRIBUTED` come of it; arrays of at most `PAIRS` are compared number by number in pairs.
    """
    with np.errstate(all="ignore"):  # what overflows agrees with nothing
        if sample.got.shape != sample.expected.shape:
            return next(filter(None, (hypothesis(sample) for hypothesis in SHAPES)), None)
        if not sample.wrong.any():
            return None
        return next(filter(None, (hypothesis(sample) for hypothesis in HYPOTHESES)), None)
