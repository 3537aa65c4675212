"""The command: arguments in, tables and a file of numbers out.

    python -m experiments.benchmark [--suite ops|scaling|context|nets|step|memory|compile] [--rows PATTERN]
                                    [--quick] [--images FACTOR] [--markdown] [--json FILE]

Every result is compared with the oracle in float64 before it is timed, and what is wrong is not timed. The
contenders of a row take their samples in turn. Networks come first: after hundreds of other programs their
tracing takes longer, and each step that is given new memory (a MobileNet-like network's gradient 37 ms, not
28 to 30). What seems to lose is measured again, on a CPU in a process of its own. Default flags; "jaxcnn,
options" is jaxcnn compiled with `jaxcnn.compiler.compiler_options()`. An accelerator is given 16 times the
images that a row's name says, lest it wait for the host. Exit code 0, whatever was measured, or 2 where the
call was wrong.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax

from experiments.benchmark import operations
from experiments.benchmark.again import with_second_look
from experiments.benchmark.config import SUITES, BadConfig, Config, Progress, as_other_libraries_need
from experiments.benchmark.measure import Measured, measure
from experiments.benchmark.report import Results, as_json, machine, tables
from experiments.benchmark.suites import compile, context, memory, nets, step
from jaxcnn._errors import missing_extra

ON_ACCELERATOR = 16  # times the images


def run(config: Config, progress: Progress = lambda text: None) -> Results:
    """All suites that are asked for.

    Raises:
        BadConfig: no row has the name that is asked for.
    """
    chosen = {
        "ops": operations.QUICK if config.quick else operations.OPERATIONS,
        "scaling": operations.SCALING[:1] if config.quick else operations.SCALING,
    }
    rows = [row for suite, table in chosen.items() if suite in config.suites for row in config.of(table)]
    with as_other_libraries_need():
        results = Results(  # networks first, as in a process of their own
            nets=nets.run(config, progress) if "nets" in config.suites else [],
            steps=step.run(config, progress) if "step" in config.suites else [],
            compile=compile.run(config, progress) if "compile" in config.suites else [],
            memory=memory.run(config, progress) if "memory" in config.suites else [],
            rows=_measured(rows, config, progress),
            contexts=context.run(config, progress) if "context" in config.suites else [],
            images=config.images,
        )
    if not results.anything:
        raise BadConfig(
            f"rows is {config.rows!r}; expected a part of a row's name in {', '.join(config.suites)}"
        )
    return results


def _measured(rows: Sequence[operations.Row], config: Config, progress: Progress) -> list[Measured]:
    measured = []
    for number, row in enumerate(rows, start=1):
        progress(f"{number} of {len(rows)}: {row.name}")
        measured += with_second_look(partial(measure, row), config)
        jax.clear_caches()  # programs of a row are of no use to the next
    return measured


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m experiments.benchmark", description="jaxcnn beside jax.grad, flax, equinox and torch."
    )
    parser.add_argument("--suite", action="append", metavar="NAME", help=f"of {', '.join(SUITES)} [all]")
    parser.add_argument(
        "--rows", default="", metavar="PATTERN", help="a part of a row's name, or a pattern as of files"
    )
    parser.add_argument("--quick", action="store_true", help="few rows, few samples: to see that it runs")
    parser.add_argument(
        "--images",
        type=int,
        metavar="FACTOR",
        help=f"times the images in the rows' names [1 on a CPU and with --quick, else {ON_ACCELERATOR}]",
    )
    parser.add_argument("--markdown", action="store_true", help="print markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers to FILE")
    given = parser.parse_args(argv)
    try:
        usual = 1 if given.quick or jax.default_backend() == "cpu" else ON_ACCELERATOR
        images = usual if given.images is None else given.images
        config = Config(tuple(given.suite or SUITES), given.rows, given.quick, images=images)
        if given.json is not None:
            _check_writable(given.json)
        results = _run_with_progress(config)
    except BadConfig as error:
        parser.error(str(error))
    except ModuleNotFoundError as error:
        extra = "train" if error.name == "optax" else "check"
        print(missing_extra("experiments.benchmark", error, extra), file=sys.stderr)
        return 2
    _show(results, given.markdown)
    if given.json is not None:
        given.json.write_text(
            json.dumps(as_json(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return 0


def _check_writable(path: Path) -> None:
    """Before minutes of measuring are lost."""
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise BadConfig(f"--json {path}: {error.strerror}; expected a file that can be written") from error


def _run_with_progress(config: Config) -> Results:
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        return run(config, lambda text: status.update(f"[{text}]".replace("[", r"\[")))


def _show(results: Results, markdown: bool) -> None:
    from rich.console import Console

    stated = "\n".join(f"{name}: {value}" for name, value in machine(results.images).items())
    if markdown:
        print(stated.replace("\n", "  \n"), *(table.markdown() for table in tables(results)), sep="\n\n")
        return
    console = Console(width=None if sys.stdout.isatty() else 240)
    console.print(stated, markup=False, highlight=False)
    for table in tables(results):
        console.print()
        table.show(console)
