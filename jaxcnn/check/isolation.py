"""Checks in a process of their own: an abort, a hang or exhausted memory costs one case.

Functions are named as "module:function", since closures cannot be sent to another process. If a check does
not come back, function and reference are run alone, to tell which of them it was.
"""

import importlib
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.check.call import argument_names
from jaxcnn.check.report import Report, Verdict
from jaxcnn.check.rules import Backward
from jaxcnn.check.sizes import Literal
from jaxcnn.check.vjp import check_jvp, check_vjp


class Died(Exception):
    """What was called did not come back; the message says how it ended."""


class Worker:
    """A process that calls functions, and is started anew when one of them ends it.

    Args:
        prepare: called once in every new process, with `settings`.
        settings: its arguments.
    """

    def __init__(self, prepare: Callable[..., None], *settings: Any):
        """Start the process."""
        self._prepare, self._settings = prepare, settings
        self._start()

    def _start(self) -> None:
        self._pool = ProcessPoolExecutor(
            1,
            multiprocessing.get_context("spawn"),
            initializer=self._prepare,
            initargs=self._settings,
        )
        try:
            self._pool.submit(int).result()
        except BrokenProcessPool:
            raise Died("does not start") from None
        (self._process,) = self._pool._processes.values()

    def call(self, function: Callable[..., Any], *arguments: Any, limit: float, **options: Any) -> Any:
        """function(*arguments, **options), within so many seconds.

        Raises:
            Died: if it ended the process or took longer; the next call finds a new one.
        """
        try:
            return self._pool.submit(function, *arguments, **options).result(limit)
        except TimeoutError:
            how = f"is not done in {limit:g} s"
        except BrokenProcessPool:
            self._pool.shutdown()  # its thread joins the process; joined twice at once, the exit code is lost
            how = f"ends the process ({_signal(self._process.exitcode)})"
        self.stop()
        self._start()
        raise Died(how)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


@dataclass(frozen=True)
class Target:
    """What to check, each "module:function".

    Attributes:
        fun: the function.
        reference: or None.
        backward: of a plain `fun`; None: it carries its rule.
        forward_mode: check its tangents in place of its gradients.
    """

    fun: str
    reference: str | None = None
    backward: str | None = None
    forward_mode: bool = False


def load(path: str) -> Callable[..., Any]:
    """The function named "module:function", dots allowed in both.

    Raises:
        ValueError: saying what is not there.
    """
    module, _, name = path.partition(":")
    if not module or not name:
        raise ValueError(f"{path!r} is not a function's name; expected module:function")
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # a module of anybody's may raise anything
        raise ValueError(f"{path!r}: importing it raises {type(error).__name__}: {error}") from None
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{path!r}: {getattr(found, '__name__', found)!r} has no {part!r}")
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"{path!r} is {type(found).__name__}; expected a function")
    return found


def find(worker: Worker, target: Target, *, limit: float) -> None:
    """Import the functions in the worker, within so many seconds each.

    Raises:
        ValueError: saying what is not there, or does not come back.
    """
    for path in (target.fun, target.reference, target.backward):
        if path is None:
            continue
        try:
            worker.call(_find, path, limit=limit)
        except Died as end:
            raise ValueError(f"{path!r}: importing it {end}") from None


def _find(path: str) -> None:
    load(path)  # a function itself may not be sent back


def prepare(x64: bool, memory_limit: float | None) -> None:
    """Settings of a worker: double precision, and a limit in GiB to the memory it may take."""
    jax.config.update("jax_enable_x64", x64)
    if memory_limit is not None:
        import resource

        limit = int(memory_limit * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        jax.block_until_ready(jax.jit(jnp.sin)(1.0))  # too low a limit is nobody's function's fault


def check(worker: Worker, target: Target, inputs: Sequence[Any], *, limit: float, **options: Any) -> Report:
    """`check_vjp`, or `check_jvp`, in the worker; what does not come back is reported.

    Args:
        worker: made with `prepare`.
        target: what to check.
        inputs: example arguments, as of `check_vjp`; a `Literal` is passed on as it is.
        limit: seconds for the check.
        options: as of `check_vjp`.

    Raises:
        ValueError: if the call makes no sense, as for `check_vjp`; or if the reference raises on arguments of
            these shapes, or the function where there is no reference.
    """
    try:
        return worker.call(_check, target, tuple(inputs), limit=limit, **options)
    except ValueError:
        raise
    except Died as end:
        together = end
    except Exception as error:  # what the function raises is in the report, so it is not that
        return Report(
            Verdict.UNCHECKED, f"the reference or the checker raised {type(error).__name__}: {error}"
        )
    for what, path, verdict in (
        ("the function", target.fun, Verdict.FAIL),
        ("the reference", target.reference, Verdict.UNCHECKED),
    ):
        try:
            if path is not None:
                worker.call(_alone, target, path, tuple(inputs), limit=limit)
        except Died as end:
            return Report(verdict, f"{what} {end}")
        except Exception:  # what raises comes back, so it is not this
            continue
    return Report(Verdict.UNCHECKED, f"the check {together}; function and reference alone do not")


def _check(target: Target, inputs: tuple[Any, ...], **options: Any) -> Report:
    whole = load(target.fun)
    fun = _of_arrays(whole, inputs)
    reference = None if target.reference is None else _of_arrays(load(target.reference), inputs)
    names = argument_names(whole, len(inputs))
    arrays = [x for x in inputs if not isinstance(x, Literal)]
    _is_possible(fun if reference is None else reference, target.reference or target.fun, arrays)
    options["names"] = [name for name, x in zip(names, inputs, strict=True) if not isinstance(x, Literal)]
    if target.forward_mode:
        return check_jvp(fun, reference, *arrays, **options)
    backward = None if target.backward is None else _gradients_of_arrays(load(target.backward), inputs)
    return check_vjp(fun, reference, *arrays, backward=backward, **options)


def _of_arrays(function: Callable[..., Any], inputs: Sequence[Any]) -> Callable[..., Any]:
    """The function of its arguments that are arrays: literals are bound."""
    return lambda *arrays: function(*_filled(inputs, arrays))


def _gradients_of_arrays(backward: Backward, inputs: Sequence[Any]) -> Backward:
    """The backward pass without the literals, and without gradients for them."""

    def result(arrays, cotangent):
        gradients = backward(_filled(inputs, arrays), cotangent)
        if not isinstance(gradients, tuple | list) or len(gradients) != len(inputs):
            return gradients  # the checker says what is wrong with them
        return tuple(g for g, x in zip(gradients, inputs, strict=True) if not isinstance(x, Literal))

    return result


def _filled(inputs: Sequence[Any], arrays: Sequence[Any]) -> tuple[Any, ...]:
    rest = iter(arrays)
    return tuple(x.value if isinstance(x, Literal) else next(rest) for x in inputs)


def _is_possible(function: Callable[..., Any], path: str, arrays: Sequence[Any]) -> None:
    """Raises ValueError unless the function takes arrays of these shapes."""
    try:
        try:
            jax.eval_shape(function, *arrays)
        except jax.errors.JAXTypeError:  # NumPy cannot be traced
            function(*(np.array(x) for x in arrays))
    except Exception as error:
        given = ", ".join(f"{x.dtype}{list(x.shape)}" for x in arrays)
        raise ValueError(f"{path!r} of {given} raises {type(error).__name__}: {error}") from None


def _alone(target: Target, path: str, inputs: tuple[Any, ...]) -> None:
    """One of them and its derivative, on numbers that are neither zero nor equal."""
    function = _of_arrays(load(path), inputs)
    arrays = [x for x in inputs if not isinstance(x, Literal)]
    values = [
        jnp.reshape(jnp.linspace(-1, 2, x.size, dtype=x.dtype), x.shape) if _is_float(x) else x
        for x in arrays
    ]
    if path == target.fun and target.backward is not None:
        outputs = function(*values)
        _gradients_of_arrays(load(target.backward), inputs)(tuple(values), outputs)
        return
    live = [k for k, x in enumerate(values) if _is_float(x)]

    def on_live(*some):
        full = list(values)
        for k, x in zip(live, some, strict=True):
            full[k] = x
        return function(*full)

    for run in (lambda f: f, jax.jit):
        outputs, pull = jax.vjp(run(on_live), *(values[k] for k in live))
        jax.block_until_ready(run(pull)(outputs))


def _is_float(x: Any) -> bool:
    return hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating)


def _signal(code: int | None) -> str:
    """How a process ended."""
    if code is None or code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, as when memory is exhausted" if name == "SIGKILL" else name
