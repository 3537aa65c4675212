"""One face of a row: every contender's result is checked, then those that are right are timed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmark import faces, floor, reference
from experiments.benchmark.config import Config
from experiments.benchmark.contenders import layout
from experiments.benchmark.operations import Row
from experiments.benchmark.targets import EVERYWHERE
from experiments.benchmark.timing import Sample, Times, interleave, sample, together
from jaxcnn.compiler import compiler_options

OURS, OPTIONS, LAX, TORCH = "jaxcnn", "jaxcnn, options", "lax", "torch"
# contender → its file, and the package that it needs
CONTENDERS = {
    OURS: ("ours", "jaxcnn"),
    LAX: ("plain", "jax"),
    "flax": ("linen", "flax"),
    "equinox": ("eqx", "equinox"),
    TORCH: ("pytorch", "torch"),
}
GRADIENT_ONLY = ("flax", "equinox")  # their operations are lax's: timed as layers are used, for training


@dataclass
class Measured:
    """What came out for one face of a row.

    Attributes:
        row, face, target: which; target "" where it belongs to no line of the targets.
        held: whether that line's numbers are demanded of it.
        times: contender → seconds.
        errors: contender → the largest error against float64, over the largest entry.
        failed: contender → why it was not timed.
        floor: seconds; NaN where none is known.
        same: whether ours seemed slower than lax's and is the same program: the times are of both.
        at_first: the ratio to lax's by which ours had seemed to lose, where these are times of a second look.
    """

    row: str
    face: str
    target: str = ""
    times: dict[str, Times] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    floor: float = float("nan")
    held: bool = True
    same: bool = False
    at_first: float | None = None

    def ratio(self, other: str, ours: str = OURS) -> float | None:
        """The other's least time over ours; None where one was not timed."""
        if other not in self.times or ours not in self.times:
            return None
        return self.times[other].least / self.times[ours].least

    @property
    def loses(self) -> bool:
        """Whether lax's least time is below ours by more than is allowed."""
        ahead = self.ratio(LAX)
        return ahead is not None and ahead < EVERYWHERE

    @property
    def accuracy(self) -> float | None:
        """Our error over lax's, both at least a unit in the last place of float32."""
        if OURS not in self.errors or LAX not in self.errors:
            return None
        ours, theirs = (max(self.errors[name], 2.0**-23) for name in (OURS, LAX))
        return ours / theirs


class Call(NamedTuple):
    """A contender's face: `call()` begins to compute, `read` gives the results as arrays, channels last.

    Of one that `spins`, threads keep a core busy for a while after `wait`. `program` is what XLA made of it.
    """

    call: Callable[[], Any]
    read: Callable[[Any], Sequence[np.ndarray]]
    wait: Callable[[Any], Any] = jax.block_until_ready
    spins: bool = False
    program: Callable[[], str] | None = None


def installed() -> dict[str, str]:
    """The contenders whose package is there, and their files."""
    return {name: file for name, (file, package) in CONTENDERS.items() if find_spec(package) is not None}


def measure(row: Row, config: Config) -> list[Measured]:
    """All faces of a row."""
    rounded = row.rounded()
    arrays = list(map(jnp.asarray, rounded))
    shape = jax.eval_shape(reference.oracle(row), *arrays).shape
    dZ = jnp.asarray(np.random.default_rng(1).standard_normal(shape), row.dtype)
    expected = reference.expected(row, rounded, np.asarray(dZ))
    measured = []
    for face in row.faces:
        one = Measured(row.name, face, row.target, held=row.held)
        calls = {
            name: partial(contender, name, row, face, arrays, dZ)
            for name in (*installed(), OPTIONS)
            if face == "gradient" or name not in GRADIENT_ONLY
        }
        check_and_time(one, calls, expected[face], reference.tolerance(row, face), config)
        if one.times:
            one.floor = floor.seconds(row, face, rounded, shape)
        measured.append(one)
    return measured


def contender(name: str, row: Row, face: str, arrays: Sequence[jax.Array], dZ: jax.Array) -> Call | None:
    """The face of the row by a library; None where it has no such operation."""
    options = compiler_options() if name == OPTIONS else {}
    if name == OPTIONS and not options:
        return None
    file = import_module(
        f"experiments.benchmark.contenders.{CONTENDERS[OURS if name == OPTIONS else name][0]}"
    )
    f = file.function(row)
    if f is None:
        return None
    if name == TORCH:
        run = file.call(f, row, [np.asarray(x) for x in arrays], np.asarray(dZ), face)
        return Call(run, lambda results: file.read(row, face, results), file.wait, spins=True)
    first, roles = name == "equinox", list(row.roles)
    if first:
        arrays = [
            jnp.asarray(layout.first(role, np.asarray(x))) for role, x in zip(roles, arrays, strict=False)
        ]
        dZ = jnp.asarray(layout.first(roles[-1], np.asarray(dZ)))

    def read(results: Sequence[jax.Array]) -> list[np.ndarray]:
        read = [np.asarray(x) for x in results]
        if first:  # a gradient: the result, then one for each argument
            read = [layout.last(role, x) for role, x in zip([roles[-1], *roles], read, strict=False)]
        return read

    call = faces.call(f, arrays, dZ, face, options)
    return Call(call, read, program=partial(faces.program, call))


def check_and_time(
    one: Measured,
    contenders: Mapping[str, Callable[[], Call | None]],
    expected: Sequence[reference.Expected],
    tolerance: float,
    config: Config,
) -> None:
    """Enter errors, failures and times."""
    right, programs = {}, {}
    for name, make in contenders.items():
        try:
            made = make()
            if made is None:
                continue
            error = reference.error(made.read(made.call()), expected)
        except Exception as problem:  # another library's limits are a result
            one.failed[name] = f"{type(problem).__name__}: {problem}".splitlines()[0]
            continue
        one.errors[name] = error
        if error <= tolerance:
            right[name] = sample(made.call, made.wait, made.spins)
            programs[name] = made.program
        else:
            one.failed[name] = f"wrong: error {error:.1e} of the largest entry, above {tolerance:.0e}"
    if right:
        enter_times(one, right, config, lambda: _are_one(programs[OURS], programs[LAX]))


def _are_one(ours: Callable[[], str] | None, theirs: Callable[[], str] | None) -> bool:
    if ours is None or theirs is None:
        return False
    text = ours()
    return "{...}" not in text and text == theirs()  # which is all that XLA prints of a long constant


def enter_times(
    one: Measured,
    right: Mapping[str, Sample],
    config: Config,
    are_one_program: Callable[[], bool] = lambda: False,
) -> None:
    """Of the contenders that are right."""
    one.times = interleave(right, seconds=config.seconds, most=config.samples)
    if one.loses and are_one_program():
        one.same = True
        one.times |= dict.fromkeys((OURS, LAX), together(one.times[OURS], one.times[LAX]))
