"""The benchmark runs, checks before it times, and says what is missed; nothing here depends on a clock."""

import itertools
import json
import os
import pickle
import time
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmark import again, faces, measure, operations, reference, targets, timing
from experiments.benchmark.command import main, run
from experiments.benchmark.config import AGAIN, BadConfig, Config
from experiments.benchmark.contenders import layout
from experiments.benchmark.report import Results, Table, as_json, geometric_mean, tables
from experiments.benchmark.suites import compile, context, memory, nets, step
from experiments.benchmark.suites.compile import Compiled
from experiments.benchmark.timing import Times
from experiments.networks import NETWORKS, build

OURS, LAX, TORCH = measure.OURS, measure.LAX, measure.TORCH


@pytest.fixture(scope="module")
def quick():
    """Two operations and a network, the cheapest run there is."""
    return run(Config(("ops", "nets", "memory"), quick=True))


def measured(ratio=2.0, *, row="a row", face="dA", target="", error=1e-6, held=True):
    times = {OURS: Times(1.0, 1.0, 1), LAX: Times(ratio, ratio, 1), TORCH: Times(1.0, 1.0, 1)}
    return measure.Measured(row, face, target, times, {OURS: error, LAX: 1e-6}, {}, 0.5, held)


def cells(table_title, results):
    return next((table.rows for table in tables(results) if table.title.startswith(table_title)), [])


def test_every_contender_of_a_quick_run_is_right_and_timed(quick):
    assert {one.row for one in quick.rows} == {row.name for row in operations.QUICK}
    for one in [*quick.rows, *quick.nets]:
        assert not one.failed
        assert {OURS, LAX} <= set(one.times) == set(one.errors)
    for one in quick.rows:  # in a network's gradient sums cancel, differently in every form
        # few channels' dW is one product over patches, which adds up one by one what lax adds up in blocks
        assert one.accuracy < (3 if one.face in ("dW", "gradient") else targets.ACCURACY)
        assert one.ratio(LAX) == one.times[LAX].least / one.times[OURS].least
    assert all(one.floor > 0 for one in quick.rows)


def test_the_numbers_are_written_as_json(quick):
    written = json.loads(json.dumps(as_json(quick)))
    assert len(written["times"]) == len(quick.rows) + len(quick.nets)
    assert written["times"][0]["times"][OURS]["samples"] >= 1
    assert {"jax", "jaxlib", "XLA_FLAGS"} <= set(written["machine"])


def test_what_is_wrong_is_not_timed():
    row, one = operations.QUICK[1], measure.Measured("wrong", "forward")
    expected = [reference.Expected(np.ones(3), 1.0)]

    def never():
        raise AssertionError("unreachable")

    measure.check_and_time(
        one,
        {
            "right": lambda: measure.Call(lambda: [np.ones(3)], list),
            "wrong": lambda: measure.Call(lambda: [np.full(3, 1.1)], list),
            "raises": never,
            "has none": lambda: None,
        },
        expected,
        reference.tolerance(row, "forward"),
        Config(seconds=1.0, samples=2),
    )
    assert set(one.times) == {"right"}
    assert one.failed == {
        "wrong": "wrong: error 1.0e-01 of the largest entry, above 1e-04",
        "raises": "AssertionError: unreachable",
    }


@pytest.mark.parametrize("bad", [np.full(2, np.nan), np.ones(3)], ids=["nan", "shape"])
def test_a_nan_or_another_shape_is_wrong_by_any_tolerance(bad):
    assert reference.error([bad], [reference.Expected(np.ones(2), 1.0)]) == np.inf


def test_samples_are_taken_in_turn_until_the_seconds_or_samples_are_used():
    order = []
    samples = {name: timing.Sample(lambda name=name: order.append(name)) for name in "abc"}
    assert {t.samples for t in timing.interleave(samples, seconds=10.0, most=20).values()} == {20}
    rounds = ["".join(order[start : start + 3]) for start in range(0, 60, 3)]
    assert {"".join(sorted(one)) for one in rounds} == {"abc"}
    pairs = {(before[-1], after[0]) for before, after in itertools.pairwise(rounds)}
    assert len(set(rounds)) == 6 and len(pairs) > 6  # no contender always comes after the same one
    assert {t.samples for t in timing.interleave(samples, seconds=0.0, most=3).values()} == {1}


def clocked(monkeypatch, first, done):
    """A call that takes 0.3 blocks, the first so many: a result for each call in `done`."""
    clock = [0.0]

    def call():
        clock[0] += (0.3 if done else first) * timing.BLOCK
        return len(done)

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    return call


def test_a_sample_is_of_as_many_calls_as_fill_a_block(monkeypatch):
    """Also of what is slow at first: the least of fewer calls would be less."""
    done = []
    one = timing.sample(clocked(monkeypatch, 0.9, done), done.append)
    assert one.calls == 4
    tried = list(range(5))
    assert done == tried  # 0.9 + 4 · 0.3 ≥ 2; each is waited for
    one.run()
    assert done == [*tried, 5, 6, 7, 8]
    times = timing.interleave({"": one}, seconds=1, most=2)[""]
    assert times.least == pytest.approx(0.3 * timing.BLOCK)


def test_what_is_slow_at_first_is_not_timed_call_by_call(monkeypatch):
    done = []
    assert timing.sample(clocked(monkeypatch, 3, done), done.append).calls == 4


def test_a_contender_s_spinning_threads_have_stopped_before_the_next_is_timed(monkeypatch):
    events = []
    monkeypatch.setattr(time, "sleep", lambda seconds: events.append(seconds))
    samples = {
        "spins": timing.Sample(lambda: events.append("spins"), spins=True),
        "ours": timing.Sample(lambda: events.append("ours")),
    }
    timing.interleave(samples, seconds=1.0, most=5)
    after = [events[at + 1] for at, event in enumerate(events) if event == "spins"]
    assert after == [timing.SPIN] * 5 and events.count(timing.SPIN) == 5


def test_an_accelerator_s_sample_is_of_queued_calls(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    done = []
    one = timing.sample(lambda: done.append("call") or len(done), done.append)
    assert not done
    one.run()
    assert done == ["call"] * timing.QUEUED + [timing.QUEUED]  # one wait, for the last
    monkeypatch.setattr(time, "perf_counter", iter([0.0, 30.0]).__next__)
    assert timing.interleave({"": one}, seconds=1, most=1)[""].least == 30 / timing.QUEUED


def test_more_images_than_a_row_s_name_says():
    assert [row.shape[0] for row in Config(images=3).of(operations.QUICK)] == [6, 6]
    with pytest.raises(BadConfig, match="images is 0; expected 1 or more"):
        Config(images=0)


def test_a_target_is_met_or_missed_by_its_worst_row():
    def row_of(*ratios, others=()):
        kind = {"face": "backward", "target": "max-pool"}
        rows = [measured(r, **kind) for r in ratios] + [measured(r, held=False, **kind) for r in others]
        return cells("Targets", Results(rows, [], [], [], [], []))[0]

    met = ("max-pool backward", "40", "45", "met", "90", "47.4", "–", "–")
    assert row_of(50.0, 45.0) == (*met, "1", "1.00", "met", "1.00")  # and beside torch
    assert row_of(50.0, 39.0)[2:5] == ("39", "MISSED", "78")
    assert row_of(50.0, others=(2.0, 8.0))[2:8] == ("50", "met", "100", "50", "2.00", "4.00")


def _slow_in(process, config):
    """Two faces: one seems to lose in that process, the other in every other."""
    samples, took = config.samples, (1.0, 2.0) if os.getpid() == process else (2.0, 1.0)
    times = [{OURS: Times(ours, ours, samples), LAX: Times(1.0, 1.0, samples)} for ours in took]
    return [measure.Measured("a row", face, times=one) for face, one in zip(("dA", "dW"), times, strict=True)]


def test_a_row_that_seems_to_lose_is_looked_at_again_in_a_fresh_process():
    found = again.with_second_look(partial(_slow_in, os.getpid()), Config(samples=2))
    assert [one.ratio(LAX) for one in found] == [1.0, 1.0]
    assert [one.at_first for one in found] == [None, 0.5]
    assert [one.times[OURS].samples for one in found] == [2, 2 * AGAIN]
    results = Results(found, [], [], [], [], [])
    assert cells("Seemed to lose", results) == [("a row", "dW", "0.50", "1.00")]
    assert not cells("Below", results)


def test_what_does_not_seem_to_lose_is_not_looked_at_again():
    calls = []
    (one,) = again.with_second_look(lambda config: calls.append(config) or [measured(0.96)], Config())
    assert len(calls) == 1 and one.at_first is None


def test_an_accelerator_is_not_asked_for_by_a_second_process(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    results = Results(again.with_second_look(partial(_slow_in, os.getpid()), Config()), [], [], [], [], [])
    assert cells("Seemed to lose", results) == [("a row", "dW", "0.50", "0.50")]
    assert cells("Below", results) == [("a row", "dW", "0.50")]


def test_a_whole_network_can_be_measured_in_another_process():
    (net,) = nets.nets(Config(quick=True))
    for suite in (nets, step):
        assert pickle.loads(pickle.dumps(partial(suite._measured, net))).args[0].name == net.name


def test_what_seems_to_lose_and_is_lax_s_own_program_has_the_time_of_both():
    """So it does not lose, and is not looked at again."""
    expected = [reference.Expected(np.ones(3), 1.0)]

    def timed(ours, theirs):
        def contender(name, seconds, text):
            return lambda: measure.Call(
                lambda: [time.sleep(seconds), np.ones(3)][1:], list, program=lambda: text
            )

        one = measure.Measured("a row", "forward")
        both = {OURS: contender(OURS, 0.02, ours), LAX: contender(LAX, 0.002, theirs)}
        measure.check_and_time(one, both, expected, 1e-4, Config(seconds=1.0, samples=2))
        return one

    same, other = timed("a program", "a program"), timed("a program", "another")
    assert (same.same, same.loses, same.ratio(LAX), same.times[OURS].samples) == (True, False, 1.0, 4)
    assert not other.same and other.loses and other.ratio(LAX) < 0.2
    for one, ratio in ((same, "1.00 ="), (other, f"{other.ratio(LAX):.2f}")):
        assert cells("Operations", Results([one], [], [], [], [], []))[0][-4] == ratio
    assert not cells("Below", Results([same], [], [], [], [], []))
    assert len(cells("Below", Results([other], [], [], [], [], []))) == 1


def test_programs_are_the_same_but_for_names():
    A = jnp.ones((4, 4))

    def of(f):
        return faces.program(faces.call(f, [A], A, "gradient"))

    assert of(lambda A: jnp.sin(2 * A)) == of(lambda B: jnp.sin(B * 2))
    assert of(lambda A: jnp.sin(2.25 * A)) != of(lambda A: jnp.sin(2.5 * A))


def test_programs_whose_constants_xla_does_not_print_are_not_told_to_be_one():
    A, rng = jnp.ones((4, 100), jnp.float32), np.random.default_rng(0)
    of_each = [
        faces.program(faces.call(lambda A, c=c: A * c[None], [A], A, "forward"))
        for c in rng.standard_normal((2, 100)).astype(np.float32)
    ]
    assert of_each[0] == of_each[1]
    assert not measure._are_one(*(lambda text=text: text for text in of_each))


@pytest.mark.parametrize(("ours", "rounds"), [([1.2], 1), ([1.4, 1.2], 2), ([1.4], 1 + AGAIN)])
def test_a_network_that_seems_to_compile_slowly_is_compiled_again(ours, rounds, monkeypatch):
    taken = {OURS: iter(ours), LAX: iter(())}
    calls = []

    def seconds(gradient):
        calls.append(gradient)
        return next(taken[gradient], max(ours) if gradient == OURS else 1.0)

    monkeypatch.setattr(compile, "_compile", seconds)
    net = SimpleNamespace(gradient=lambda library: library, arguments=())
    assert compile.compile_seconds(net, rounds=1) == {OURS: min(ours), LAX: 1.0}
    assert calls == [OURS, LAX] * rounds


def test_losses_inaccuracies_and_missed_limits_are_shown():
    results = Results(
        [measured(0.94), measured(0.96), measured(error=3e-6)],
        [],
        [],
        [memory.Memory("resnet", {OURS: 7, LAX: 10}, {}, {})],
        [Compiled("resnet", {OURS: 1.4, LAX: 1.0})],
        [measured(0.5, face="it reads a norm: value")],
    )
    assert cells("Below", results) == [("a row", "dA", "0.94"), ("a row", "it reads a norm: value", "0.50")]
    assert len(cells("Error", results)) == 1
    assert "0.6, MISSED" in cells("Memory", results)[0]
    assert "1.3, MISSED" in cells("Compiling", results)[0]


def test_an_operation_in_a_program_is_timed_if_its_loss_is_lax_s(monkeypatch):
    config = Config(("context",), operations.QUICK[0].name, quick=True)
    found = context.run(config, lambda text: None)
    assert {one.face for one in found} == {
        f"{name}: {face}" for name in context.CONTEXTS for face in ("value", "gradient")
    }
    assert all({OURS, LAX} == set(one.times) and not one.failed for one in found)
    function = context.ours.function
    monkeypatch.setattr(context.ours, "function", lambda row: lambda *x: 1.01 * function(row)(*x))
    wrong = context.run(config, lambda text: None)
    assert not wrong[0].times and wrong[0].failed[OURS].startswith("wrong: loss")


def test_every_target_has_rows():
    rows = {(row.target, face) for row in operations.OPERATIONS for face in row.faces}
    rows |= {(name, "gradient") for name in NETWORKS}
    for target in targets.TARGETS:
        assert all((target.rows, face) in rows for face in target.faces), target
    assert {row.target for row in operations.OPERATIONS} - {""} <= {target.rows for target in targets.TARGETS}


def test_names_of_rows_are_their_own():
    for table in (operations.OPERATIONS, operations.SCALING):
        names = [row.name for row in table]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", operations.OPERATIONS, ids=lambda row: row.name)
def test_the_oracle_takes_every_row(row):
    arrays = [
        jax.ShapeDtypeStruct(x.shape, jnp.float32 if x.dtype.kind == "f" else x.dtype) for x in row.arrays()
    ]
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        shape = jax.eval_shape(reference.oracle(row), *arrays).shape
        for library in ("ours", "plain"):
            f = __import__(f"experiments.benchmark.contenders.{library}", fromlist=["function"]).function(row)
            assert jax.eval_shape(f, *arrays).shape == shape


@pytest.mark.parametrize("role", ["image", "kernel", "matrix", "rows"])
def test_a_layout_has_its_inverse(role):
    x = np.arange(24).reshape((2, 3, 4) if role != "matrix" else (4, 6))
    np.testing.assert_array_equal(layout.last(role, layout.first(role, x)), x)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_ends_in_logits(name):
    net = build(NETWORKS[name])
    params, state = jax.eval_shape(lambda: net.init(jax.random.key(0), (32, 32, 3), jnp.float32))
    Z, _ = jax.eval_shape(
        lambda p, s, A: net.apply(p, s, A), params, state, jnp.ones((2, 32, 32, 3), jnp.float32)
    )
    assert Z.shape == (2, 10)


def test_residuals_leave_arguments_out_and_count_once():
    x = jnp.ones((4, 4), jnp.float32)

    def twice(x, w):
        y = jnp.sin(w)  # a residual by its cosine, and y itself by both products
        return x * y + y * x * 2.0

    kept = memory.residuals(twice, x, x)
    assert [aval.shape for aval in kept if aval.shape] == [(4, 4)] * len(kept)
    assert len(kept) < len(jax.tree.leaves(jax.vjp(twice, x, x)[1]))


def test_residuals_leave_constants_out():
    """jax.nn.relu keeps a condition, and zeros."""
    assert [aval.dtype for aval in memory.residuals(jax.nn.relu, jnp.ones((4, 4), jnp.float32))] == [bool]


def test_geometric_mean():
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)


def test_markdown():
    table = Table("T", ("a", "b"), [("1", "x|y")], "Note.")
    assert table.markdown() == "**T**\n\n| a | b |\n| --- | --- |\n| 1 | x\\|y |\n\nNote."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--suite", "speed"],
            "suite is 'speed'; expected one of ops, scaling, context, nets, step, memory, compile",
        ),
        (
            ["--suite", "ops", "--rows", "nothing"],
            "rows is 'nothing'; expected a part of a row's name in ops",
        ),
        (["--json", "no/such/folder/x.json"], "no/such/folder/x.json: No such file or directory"),
        (["--json", "."], "--json .: Is a directory; expected a file that can be written"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_wrong_call_is_told_and_ends_with_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_a_suite_that_is_not_known_is_refused():
    with pytest.raises(BadConfig, match="expected one of"):
        Config(("speed",))
