"""One derivative against its truth, over a batch of rows: run, compare, judge, shrink.

A row is (…live leaves, …directions), a result (…outputs, …derivatives); see `jaxcnn.check.rules`.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.check import compare, numeric
from jaxcnn.check.compare import Excuse
from jaxcnn.check.eager import eagerly
from jaxcnn.check.evaluate import Evaluation, Evaluations, one_by_one, resized, stack
from jaxcnn.check.report import Counterexample, Evidence, Part
from jaxcnn.check.rules import Flat
from jaxcnn.check.shrink import shrink
from jaxcnn.check.values import by_row

Transformation = Literal["jit", "eager", "vmap", "scan", "second order"]
Domain = Literal["finite", "infinite", "nan"]
Row = Sequence[np.ndarray]

# Numbers in the cases tried together, and in all that shrinking tries; the least number of its trials.
_SHRUNK_AT_ONCE = 200_000
_SHRUNK = 200_000_000
_LEAST_CALLS = 12
# Of these only the first that fails is wanted, and each costs its sensitivity to rounding.
_TRIED_AT_ONCE = 8


@dataclass
class Problem:
    """A derivative, what it should be, and how they are compared.

    Attributes:
        fun: the result in question, of one row.
        loop: the same of stacked rows, in a loop.
        truth: the result it should have; traceable.
        names: of the live leaves.
        like: one row: shapes and dtypes.
        parts: the names of the results' parts.
        outputs: how many of them are outputs; the others are derivatives.
        exact: whether they must agree bit for bit.
        ulps: else, how many units of rounding to allow.
        transformation: how `fun` is run.
        host: `fun` is NumPy, and runs as it is.
        accurate: rounding on the way of `fun` itself excuses nothing.
        evaluations: shared by the problems of one check.
    """

    fun: Flat
    loop: Flat
    truth: Flat
    names: Sequence[str]
    like: Row
    parts: Sequence[str]
    outputs: int
    exact: bool
    ulps: float
    transformation: Transformation = "jit"
    host: bool = False
    accurate: bool = False
    evaluations: Evaluations = field(default_factory=Evaluations)

    @functools.cached_property
    def _run(self) -> Callable[[Sequence[np.ndarray]], Sequence[Any]]:
        if self.host:
            return functools.partial(one_by_one, self.fun)
        match self.transformation:
            case "vmap":
                return self.evaluations.vmapped(self.fun)
            case "eager":
                return functools.partial(one_by_one, eagerly(self.fun))
            case "scan":
                return self.evaluations.batch(self.loop)
            case "second order":
                return self.evaluations[self.fun]
        return self.evaluations[self.fun].as_users_do

    @property
    def _truth(self) -> Evaluation:
        return self.evaluations[self.truth]

    def run_fun(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The results in question, stacked."""
        return [np.asarray(result) for result in self._run(rows)]

    def run_truth(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What they should be, in float64 unless exact."""
        if self.exact:
            return [np.asarray(result) for result in self._truth(rows)]
        with jax.enable_x64(True):
            return [np.asarray(result) for result in self._truth([row.astype(np.float64) for row in rows])]

    def mismatch(self, got: Sequence[np.ndarray], expected: Sequence[Any]) -> str | None:
        """What of the shapes and dtypes of a stacked result is wrong."""
        for name, came, wanted in zip(self.parts, got, expected, strict=True):
            if (came.shape[1:], came.dtype) != (tuple(wanted.shape), wanted.dtype):
                return (
                    f"{name} is {came.dtype}{list(came.shape[1:])}, "
                    f"expected {np.dtype(wanted.dtype)}{list(wanted.shape)}"
                )
        return None

    def errors(
        self, rows: Sequence[np.ndarray], got: Sequence[np.ndarray], truth: Sequence[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Each number's error, NaN where it is excused, and the error that rounding explains (in one ulp)."""
        if self.exact:
            errors = [np.where(compare.exact(g, t), 0.0, np.inf) for g, t in zip(got, truth, strict=True)]
            units = [np.zeros(t.shape) for t in truth]
        else:
            units = [compare.unit(g.dtype, t) for g, t in zip(got, truth, strict=True)]
            self._weigh(rows, got, truth, units)
            errors = [compare.error(g, t, u) for g, t, u in zip(got, truth, units, strict=True)]
        excused = self._excused(rows, got, truth)
        return [np.where(x, np.nan, e) for x, e in zip(excused, errors, strict=True)], units

    def _excused(self, rows, got, truth) -> list[np.ndarray]:
        """Where the reference cannot judge, be it in float64 or in the inputs' own dtype."""
        excused = [compare.excused(g, t) for g, t in zip(got, truth, strict=True)]
        # where function and reference are infinite alike, so must be the derivatives
        outputs = zip(got[: self.outputs], truth[: self.outputs], strict=True)
        overflowed = np.any([by_row(compare.overflowed(g, t)) for g, t in outputs], axis=0)
        for k in range(self.outputs, len(got)):
            infinite = compare.overflowed(got[k], truth[k])
            excused[k] &= ~(infinite & ~beside(overflowed, infinite))
        # at infinite inputs it depends on the formula whether a result that is not finite is one or NaN
        beyond = ~self.inside(rows, "finite")
        excused = [x | (~np.isfinite(t) & beside(beyond, t)) for x, t in zip(excused, truth, strict=True)]
        # where squares overflow, the reference too may come to nonsense: only a NaN is wrong there
        huge = np.any([by_row(_huge(row)) for row in rows[: len(self.names)]], axis=0)
        for k, g in enumerate(got):
            excused[k] |= ~np.isnan(g) & beside(huge, g)
        excused = [x | y for x, y in zip(excused, self._spoilt(rows, got, truth), strict=True)]
        lost = [~np.isfinite(g) & np.isfinite(t) for g, t in zip(got, truth, strict=True)]
        narrow = any(row.dtype != np.float64 for row in rows)
        if narrow and not self.exact and any(x.any() for x in lost):
            native = [np.asarray(result) for result in self._truth(rows)]
            spoilt = self._spoilt(rows, got, native)
            excused = [
                x | (y & (~np.isfinite(n) | z))
                for x, y, n, z in zip(excused, lost, native, spoilt, strict=True)
            ]
        return excused

    def _spoilt(self, rows, got, truth) -> list[np.ndarray]:
        """NaN where the reference makes a NaN of its own out of numbers: it spreads as the formula has it."""
        made = np.any([by_row(np.isnan(t)) for t in truth[: self.outputs]], axis=0)
        made &= self.inside(rows, "infinite")
        return [np.isnan(g) & beside(made, g) for g in got]

    def wrong(self, errors: Sequence[np.ndarray]) -> np.ndarray:
        """The rows in which some number of these parts is wrong."""
        return np.any([largest(e) > self.ulps for e in errors], axis=0)

    def inside(self, rows: Sequence[np.ndarray], domain: Domain) -> np.ndarray:
        """The rows whose live leaves lie in the domain everywhere."""
        points = rows[: len(self.names)]
        match domain:
            case "finite":
                outside = [by_row(~np.isfinite(x)) for x in points]
            case "infinite":
                outside = [by_row(np.isnan(x)) for x in points]
            case "nan":
                outside = [np.zeros(len(x), bool) for x in points]
        return ~np.any(outside, axis=0)

    def _weigh(self, rows, got, truth, units) -> None:
        """Widen the units of suspect rows by the sensitivity to rounding, which costs another program.

        First by the reference's; where that does not do, by that of the function itself: its own formula may
        lose digits that the reference keeps, and is right for all that.
        """
        live = [row.dtype for row in rows[: len(self.names)]]
        coarsest = max(live, key=lambda dtype: jnp.finfo(dtype).eps)
        for function in (self.truth, self.fun):
            suspect = np.zeros(len(rows[0]), bool)
            for g, t, u in zip(got, truth, units, strict=True):
                known = np.isfinite(t) & np.isfinite(np.asarray(g, np.float64))
                suspect |= largest(np.where(known, compare.error(g, t, u), 0)) > self.ulps
            if not suspect.any():
                return
            wide = [row[suspect].astype(np.float64) for row in rows]
            with jax.enable_x64(True):
                if function is self.fun and not self._loses_digits(wide, coarsest):
                    return
                kappas = self.evaluations[function].sensitivity(wide, coarsest)
            for u, g, t, kappa in zip(units, got, truth, kappas, strict=True):
                u[suspect] = np.maximum(u[suspect], compare.unit(g.dtype, t[suspect], kappa))

    def _loses_digits(self, wide: Sequence[np.ndarray], coarsest: np.dtype) -> bool:
        """Whether rounding on the function's own way may excuse it: not if it is to fewer bytes."""
        if self.host or self.accurate:
            return False
        return (
            not self.evaluations[self.fun].program([row[0] for row in wide]).rounds_below(coarsest.itemsize)
        )

    def evidence(self, got: Sequence[np.ndarray], truth: Sequence[np.ndarray], errors) -> Evidence:
        """What was compared."""
        results = zip(self.parts, got, truth, errors, self.excuses(truth, errors), strict=True)
        parts = tuple(self._part(*result) for result in results)
        return Evidence(len(got[0]), self.exact, parts, self.transformation)

    def excuses(self, truth: Sequence[np.ndarray], errors) -> list[dict[Excuse, int]]:
        """Of every part, why the reference cannot judge how many numbers."""
        nan = [int(np.sum(np.isnan(e) & np.isnan(t))) for t, e in zip(truth, errors, strict=True)]
        return [
            {Excuse.NAN: n, Excuse.INFINITE: int(np.sum(np.isnan(e))) - n}
            for n, e in zip(nan, errors, strict=True)
        ]

    def _part(self, name: str, got, truth, errors, excuses: dict[Excuse, int]) -> Part:
        by_row = largest(errors)
        judged = errors <= self.ulps
        if not self.exact:
            tiny = judged & compare.tiny(got.dtype, truth, self.ulps)
            excuses = excuses | {Excuse.TINY: int(np.sum(tiny))}
            judged &= ~tiny
            hidden = Excuse.TINY if tiny.any() else Excuse.KINK
            if excuses.get(hidden) and not np.any(truth[judged]):
                # zeros, of zero cotangents say, beside what cannot be told tell nothing either
                excuses[hidden] += int(np.sum(judged))
        counts = {str(why): count for why, count in excuses.items() if count}
        return Part(
            name=name,
            compared=errors.size - sum(counts.values()),
            excused=sum(counts.values()),
            worst=float(np.max(by_row, initial=0.0)),
            wrong=int(np.sum(by_row > self.ulps)),
            excuses=counts,
        )

    def smallest(
        self, rows: Sequence[np.ndarray], errors: Sequence[np.ndarray], part: int
    ) -> tuple[Counterexample, Row]:
        """The first row that is wrong in this part, be it finite if there is such a one, shrunk."""
        wrong = self.wrong(errors[part : part + 1])
        finite = wrong & self.inside(rows, "finite")
        row = int(np.argmax(finite if finite.any() else wrong))
        size = sum(x.size for x in self.like)
        # as many as were traced or compiled together, if that is not too much
        together = self.transformation in ("vmap", "scan")
        count = max(1, min(32, _SHRUNK_AT_ONCE // max(size, 1)))
        if len(rows[0]) <= 64 and len(rows[0]) * size <= _SHRUNK_AT_ONCE:
            count = len(rows[0])

        def fails(candidates):
            stacked = [np.stack(column) for column in zip(*candidates, strict=True)]
            outcome = []
            for start in range(0, len(candidates), count):
                batch = [column[start : start + count] for column in stacked]
                if together:
                    batch = [resized(column, count) for column in batch]
                errors, _ = self.errors(batch, self.run_fun(batch), self.run_truth(batch))
                outcome.extend(largest(errors[part]) > self.ulps)
            return outcome[: len(candidates)]

        case = tuple(column[row] for column in rows)
        place = int(np.nanargmax(errors[part][row])) / errors[part][row].size
        calls = max(_LEAST_CALLS, _SHRUNK // (max(size, 1) * count))
        small = shrink(case, fails, calls=calls, at_once=min(count, _TRIED_AT_ONCE), place=place)
        batch = [resized(value[None], count if together else 1) for value in small]
        for run in (self._run, self._truth):
            if isinstance(run, Evaluation):
                run.anew()
        got, truth = self.run_fun(batch), self.run_truth(batch)
        wrong = self.errors(batch, got, truth)[0][part][0]
        index = np.unravel_index(int(np.nanargmax(wrong)), wrong.shape)
        live = len(self.names)
        counterexample = Counterexample(
            what=self.parts[part],
            index=tuple(map(int, index)),
            got=got[part][0][index].item(),
            expected=truth[part][0][index].item(),
            inputs=dict(zip(self.names, small[:live], strict=True)),
            cotangent=tuple(small[live:]),
            part=part,
            transformation=self.transformation,
            exact=self.exact,
            rows=len(batch[0]),
        )
        return counterexample, small


def largest(errors: np.ndarray) -> np.ndarray:
    """The largest error of each row; 0 where nothing was compared."""
    flat = errors.reshape(len(errors), -1)
    return np.max(np.nan_to_num(flat, nan=0.0, posinf=np.inf), axis=1, initial=0.0)


def _huge(values: np.ndarray) -> np.ndarray:
    return np.isfinite(values) & (np.abs(values) > np.sqrt(float(jnp.finfo(values.dtype).max)))


def beside(rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """One entry a row, as an array that broadcasts with numbers of all rows."""
    return rows.reshape(-1, *[1] * (numbers.ndim - 1))


@dataclass
class Differences(Problem):
    """The truth by central differences of `truth`, which here is the primal itself, in NumPy."""

    def run_truth(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of the function itself, and gradients by differences."""
        live = len(self.names)
        results = []
        self.doubts = []
        for row in zip(*(r.astype(np.float64) for r in rows), strict=True):
            with np.errstate(all="ignore"):  # what overflows is excused
                gradients, doubts = numeric.gradients(self.truth, row, live)
                results.append((*self.truth(*(np.array(x) for x in row[:live])), *gradients))
            self.doubts.append((*(np.zeros(np.shape(Z)) for Z in results[-1][:-live]), *doubts))
        return stack(results)

    def excuses(self, truth, errors):
        """Kinks, where the outputs are finite and no gradient could be estimated; else as of any problem."""
        broken = np.any([by_row(~np.isfinite(t)) for t in truth[: self.outputs]], axis=0)
        others = [np.where(beside(broken, e), e, np.nan_to_num(e)) for e in errors]
        kinks = [int(np.sum(np.isnan(e[~broken]))) for e in errors]
        return [
            {Excuse.KINK: n} | more for n, more in zip(kinks, super().excuses(truth, others), strict=True)
        ]

    def errors(self, rows, got, truth):
        """As of any problem; the units hold the uncertainty of the differences."""
        units = [
            compare.unit(g.dtype, t) + 16 * doubt
            for g, t, doubt in zip(got, truth, stack(self.doubts), strict=True)
        ]
        errors = [compare.error(g, t, u) for g, t, u in zip(got, truth, units, strict=True)]
        excused = [compare.excused(g, t) for g, t in zip(got, truth, strict=True)]
        return [np.where(x, np.nan, e) for x, e in zip(excused, errors, strict=True)], units
