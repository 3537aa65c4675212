"""A checker for anybody's hand-written gradient: compare it with a reference, shrink, report.

    vjp       check_vjp, the engine: runs function and reference on many drawn values at once
    values    the values it draws: integers, ties, boundaries, wide scales
    compare   when two numbers count as equal: bit for bit, or within rounding of the reference
    shrink    a failing case made as small as it gets
    report    verdict, evidence, counterexample

It knows nothing of convolutions: jaxcnn's own operations are checked from `jaxcnn.derivations`.
"""

from jaxcnn.check.report import Counterexample as Counterexample
from jaxcnn.check.report import DerivationError as DerivationError
from jaxcnn.check.report import Evidence as Evidence
from jaxcnn.check.report import Part as Part
from jaxcnn.check.report import Report as Report
from jaxcnn.check.report import Verdict as Verdict
from jaxcnn.check.vjp import check_vjp as check_vjp
