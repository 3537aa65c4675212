"""What a wrong gradient looks like: one plain sentence about the numbers, and what probably caused it.

    hypotheses     the hypotheses in their order, and `diagnose`
    sample         what is looked at: Sample; what is found: Diagnosis, of a Kind
    shapes         a gradient of another shape
    replaced       something else in its place: nothing, NaN, another array, other inputs' gradient
    factors        multiples of the expected
    moves          the right numbers in other places
    contributions  what single numbers contribute: left out, overwritten, put elsewhere
    at_values      wrong only where an input has certain values
    at_positions   wrong only at certain positions
    differences    a difference with a form of its own
    axes, words    how axes are chosen, how things are called

Each hypothesis is one small function. It speaks only if it explains every number of every case, the right
ones as well as the wrong ones: a diagnosis is evidence, not a guess. Shapes are given without the axis of
cases.
"""

from jaxcnn.check.diagnosis.hypotheses import diagnose as diagnose
from jaxcnn.check.diagnosis.sample import Diagnosis as Diagnosis
from jaxcnn.check.diagnosis.sample import Kind as Kind
from jaxcnn.check.diagnosis.sample import Sample as Sample
