"""check_vjp over many geometries: Hypothesis draws the inputs, and shrinks those that fail.

It draws what `check_vjp` takes from an example: structure, shapes, dtypes, labels. The values of what is
differentiated are drawn by the check itself, so equal geometries are checked once.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis
import jax
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st

from jaxcnn.check.call import argument_names, call
from jaxcnn.check.report import Report, Verdict, merged
from jaxcnn.check.vjp import check_vjp


class _Failed(Exception):
    """A geometry that fails: what Hypothesis is to shrink."""


def check_strategies(
    fun: Callable[..., Any],
    reference: Callable[..., Any] | None,
    *strategies: Any,
    geometries: int = 6,
    seed: int = 0,
    **options: Any,
) -> Report:
    """`check_vjp` on inputs that Hypothesis draws.

    Args:
        fun, reference: as of `check_vjp`.
        strategies: of the inputs, one for each; whatever is no strategy is an example, as of `check_vjp`. For
            shapes that depend on each other use one strategy of a tuple or dict and a function that takes it.
        geometries: how many inputs to draw.
        seed: of geometries and values.
        options: further ones of `check_vjp`.

    Returns:
        The report of the smallest geometry found that fails; else of one that could not be checked, if there
        is one; else PASS, with the evidence of all geometries.

    Raises:
        ValueError: if the strategies yield nothing, and as `check_vjp`.

    >>> from hypothesis import strategies as st
    >>> halved = jax.custom_vjp(lambda x: jnp.sum(x))
    >>> halved.defvjp(lambda x: (jnp.sum(x), x), lambda x, dy: (jnp.full_like(x, dy).at[3:].set(0),))
    >>> report = check_strategies(halved, jnp.sum, st.integers(1, 9).map(jnp.zeros))
    >>> report.counterexample.inputs["x"].shape
    (4,)
    """
    if geometries < 1:
        raise ValueError(f"check_strategies: geometries is {geometries}; expected at least 1")
    names = options.pop("names", None) or argument_names(fun, len(strategies))
    reports: dict[Any, Report] = {}
    failed: list[Report] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=geometries,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    @given(st.tuples(*(s if isinstance(s, st.SearchStrategy) else st.just(s) for s in strategies)))
    def run(inputs: tuple[Any, ...]) -> None:
        key = _geometry(inputs, names, values=not options.get("vary", True))
        if key not in reports:
            reports[key] = check_vjp(fun, reference, *inputs, names=names, seed=seed, **options)
        if reports[key].verdict is Verdict.FAIL:
            failed.append(reports[key])
            raise _Failed

    try:
        run()
    except _Failed:
        return failed[-1]  # Hypothesis runs the smallest one last
    except hypothesis.errors.Unsatisfiable:
        pass
    if not reports:
        raise ValueError(f"check_strategies: nothing can be drawn from {', '.join(map(repr, strategies))}")
    for report in reports.values():
        if report.verdict is Verdict.UNCHECKED:
            return report
    last = [*reports.values()][-1]
    remark = next((report.remark for report in reports.values() if report.remark), "")
    reason = f"{len(reports)} geometries; the last: {last.reason}"
    evidence = [report.evidence for report in reports.values() if report.evidence is not None]
    same = len({tuple(part.name for part in e.parts) for e in evidence}) == 1
    return replace(last, reason=reason, evidence=merged(evidence) if same else last.evidence, remark=remark)


def _geometry(inputs: tuple[Any, ...], names: list[str], *, values: bool) -> Any:
    """What tells inputs apart: shapes and dtypes of what is differentiated, and all that is not."""
    flat = call("check_strategies", inputs, names)
    return flat.tree, tuple(
        (leaf.shape, leaf.dtype, leaf.tobytes() if values else None) if k in flat.live else _fixed(leaf)
        for k, leaf in enumerate(flat.leaves)
    )


def _fixed(leaf: Any) -> Any:
    if not hasattr(leaf, "dtype"):
        return repr(leaf)
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return leaf.shape, leaf.dtype, np.asarray(leaf).tobytes()
