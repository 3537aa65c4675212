"""A checker for anybody's hand-written gradient: compare it with a reference, shrink, report.

    vjp         check_vjp, check_jvp, assert_vjp
    question    one derivative in question, and the comparisons that settle it
    known       what tracing tells of it
    cases       which values are tried, in which order
    judge       the verdict
    failure     what to say of a difference
    call        arguments seen flat, whatever pytrees they are
    rules       derivatives as functions of flat rows; custom rules taken out
    jaxprs      a program run step by step
    branches    where a program may change its course, at a glance
    host        a small program run in NumPy, which is faster than to compile it (host_indexing)
    evaluate    a function of many rows: in NumPy or compiled, whichever is cheaper
    polynomial  is a program a polynomial, computed without rounding? (degrees, primitives)
    values      the values that are drawn: integers, ties, boundaries, wide scales
    problem     a derivative against its truth, over a batch of rows
    compare     when two numbers count as equal: bit for bit, or within rounding of the reference (rounding)
    shrink      a failing case made as small as it gets
    diagnosis   what probably caused it
    vote        who is wrong: function, reference or compiler; by central differences (numeric)
    report      verdict, evidence, counterexample
    laws        check_laws: what holds of every gradient, without a reference
    strategies  example inputs drawn by Hypothesis, the smallest failing one found
    sizes       arguments in words, of a range of sizes: for the command line
    isolation   checks in a process of their own
    replay      a report in a file, and its counterexample run again
    self_test   does the checker still find anything?

It knows nothing of convolutions: jaxcnn's own operations are checked from `jaxcnn.derivations`.
"""

from jaxcnn.check.laws import check_laws as check_laws
from jaxcnn.check.report import Counterexample as Counterexample
from jaxcnn.check.report import DerivationError as DerivationError
from jaxcnn.check.report import Evidence as Evidence
from jaxcnn.check.report import Part as Part
from jaxcnn.check.report import Report as Report
from jaxcnn.check.report import Verdict as Verdict
from jaxcnn.check.vjp import assert_vjp as assert_vjp
from jaxcnn.check.vjp import check_jvp as check_jvp
from jaxcnn.check.vjp import check_vjp as check_vjp

# the names above, and none of the modules: what `import *` takes and the generated pages show
__all__ = [name for name, value in vars().items() if callable(value) and name[0] != "_"]
