"""`jaxcnn check`: a hand-written gradient named on the command line, over a range of sizes.

    jaxcnn check module:fun --against module:ref --arg 'float32[n,3]' --arg 'float32[3,2]' --size n=1..4

Every geometry is checked in a process of its own, so that an abort or a hang costs that one.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import jax.numpy as jnp

GEOMETRIES = 4
"""Assignments of sizes to try, unless told."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command.

    >>> add_arguments(parser := argparse.ArgumentParser())
    >>> given = parser.parse_args(["mine:relu", "--arg", "float32[n]", "--size", "n=1..4"])
    >>> given.fun, given.size, given.geometries
    ('mine:relu', ['n=1..4'], 4)
    """
    add = parser.add_argument
    add("fun", nargs="?", metavar="FUN", help="module:function, whose gradient is in question")
    add(
        "--against", metavar="REF", help="module:function with the right gradient; default: FUN, its rule out"
    )
    add("--backward", metavar="BWD", help="module:function (inputs, cotangent) -> gradients, JAX or NumPy")
    add(
        "--arg",
        action="append",
        default=[],
        metavar="ARG",
        help="an argument, in order: 'float32[n,3]', 'float32[2..5]', 'int32[n] < 10' or a Python literal",
    )
    add(
        "--size",
        action="append",
        default=[],
        metavar="N=1..4",
        help="what a name in --arg stands for: a range, or numbers as in n=2,4,8",
    )
    add("--jvp", action="store_true", help="check tangents (custom_jvp) in place of gradients")
    add("--exact", action=argparse.BooleanOptionalAction, help="demand equality; default: found by tracing")
    add("--domain", default="infinite", help="inputs to judge by: finite, infinite or nan [%(default)s]")
    add(
        "--transformations",
        metavar="T,T",
        help="some of jit,eager,vmap,scan,second order; default: all",
    )
    add("--geometries", type=int, default=GEOMETRIES, metavar="K", help="sizes to try [%(default)s]")
    add("--cases", type=int, default=48, metavar="K", help="sets of values for each [%(default)s]")
    add("--seed", type=int, default=0, help="of sizes and values [%(default)s]")
    add("--ulps", type=float, default=32.0, help="rounding allowed where it is not exact [%(default)s]")
    add("--time-limit", type=float, default=120.0, metavar="S", help="for each geometry [%(default)s]")
    add("--memory-limit", type=float, metavar="GIB", help="memory of the process that checks")
    add("--json", type=Path, metavar="FILE", help="also write the reports to FILE")
    add("--self-test", action="store_true", help="check the checker on planted errors and right rules")


def run(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    """Run the command and return its exit code; the parser ends it where the call is wrong.

    >>> add_arguments(parser := argparse.ArgumentParser())
    >>> run(parser, parser.parse_args(["mine:relu"]))  # without a single --arg
    Traceback (most recent call last):
    SystemExit: 2
    """
    if given.self_test:
        return _self_test()
    if given.fun is None or not given.arg:
        parser.error("expected FUN and at least one --arg, or --self-test")
    for name in ("geometries", "cases"):
        if getattr(given, name) < 1:
            parser.error(f"argument --{name}: {getattr(given, name)}; expected at least 1")
    if not given.time_limit > 0:
        parser.error(f"argument --time-limit: {given.time_limit}; expected more than 0 seconds")
    if given.memory_limit is not None and not given.memory_limit > 0:
        parser.error(f"argument --memory-limit: {given.memory_limit}; expected more than 0 GiB")
    if given.seed < 0:
        parser.error(f"argument --seed: {given.seed}; expected at least 0")
    if given.jvp and given.backward:
        parser.error("argument --backward: not allowed with --jvp, which checks a custom_jvp")

    from jaxcnn.check import isolation, sizes
    from jaxcnn.check.report import array_to_json

    sys.path.insert(0, str(Path.cwd()))  # as python -m does, here and in the process that checks
    target = isolation.Target(given.fun, given.against, given.backward, given.jvp)
    try:
        named = dict(sizes.read_named(text) for text in given.size)
        if len(named) < len(given.size):
            parser.error(f"argument --size: {', '.join(given.size)}; expected each name once")
        arguments, ranges = sizes.read(given.arg, named)
    except ValueError as error:
        parser.error(str(error))
    x64 = any(argument.dtype == jnp.float64 for argument in arguments)
    options = {"exact": given.exact, "cases": given.cases, "seed": given.seed, "ulps": given.ulps}
    options["domain"] = given.domain
    if given.transformations is not None:
        options["transformations"] = tuple(map(str.strip, given.transformations.split(",")))
    try:
        with isolation.Worker(isolation.prepare, x64, given.memory_limit) as worker:
            isolation.find(worker, target, limit=given.time_limit)

            def check(inputs):
                return isolation.check(worker, target, inputs, limit=given.time_limit, **options)

            outcomes = sizes.over_sizes(
                arguments, ranges, check, geometries=given.geometries, seed=given.seed
            )
    except isolation.Died as end:
        parser.error(f"argument --memory-limit: {given.memory_limit}: the process that checks {end}")
    except ValueError as error:  # a call that makes no sense: the checker says why
        parser.error(str(error))
    for chosen, report in outcomes:
        print("".join(f"{name} = {size}: " for name, size in chosen.items()) + str(report))
    possible = math.prod(map(len, ranges.values()))
    if len(outcomes) < possible and outcomes[-1][1].verdict.value != "FAIL":
        print(f"{len(outcomes)} of {possible} sizes tried; --geometries {possible} tries all")
    if given.json is not None:
        reports = []
        for chosen, report in outcomes:
            examples = sizes.examples(arguments, chosen, given.seed)
            drawn = {
                position: array_to_json(x)
                for position, (argument, x) in enumerate(zip(arguments, examples, strict=True))
                if argument.dtype is not None and not jnp.issubdtype(argument.dtype, jnp.floating)
            }
            reports.append({"sizes": chosen, "integers": drawn} | report.as_dict())
        record = {"target": vars(target), "reports": reports}
        given.json.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    verdicts = {report.verdict.value for _, report in outcomes}
    return 1 if "FAIL" in verdicts else 3 if "UNCHECKED" in verdicts else 0


def _self_test() -> int:
    import jax

    from jaxcnn.check import self_test

    jax.config.update("jax_enable_x64", True)
    results = self_test.run()
    for name, expected, verdict in results:
        print(f"{'ok   ' if verdict is expected else 'WRONG'} {name}: {verdict}, expected {expected}")
    wrong = sum(verdict is not expected for _, expected, verdict in results)
    print(f"{len(results)} trials, {wrong} wrong")
    return int(wrong > 0)
