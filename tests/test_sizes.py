"""Arguments in words: what can be read, what is refused, which sizes are tried, the smallest that fail."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.check import Report, Verdict
from jaxcnn.check.sizes import assignments, examples, over_sizes, read, read_named, read_range, smallest


def shapes(arguments, sizes):
    return [x.shape for x in examples(arguments, sizes, 0)]


@pytest.mark.parametrize(
    ("text", "dtype", "shape"),
    [
        ("float32[n, 3]", "float32", (2, 3)),
        ("float64[]", "float64", ()),
        ("bfloat16[ 4,n ]", "bfloat16", (4, 2)),
        ("int32[n] < 10", "int32", (2,)),
        ("bool[0]", "bool", (0,)),
        ("float16[1..3,5]", "float16", (1, 5)),
    ],
)
def test_an_array(text, dtype, shape):
    arguments, ranges = read([text, "float32[n]"], {"n": range(2, 5)})
    (x, _) = examples(arguments, {name: r[0] for name, r in ranges.items()}, 0)
    assert (x.dtype, x.shape) == (jnp.dtype(dtype), shape)


def test_a_name_stands_for_one_size_everywhere_and_a_range_for_one_of_its_own():
    arguments, ranges = read(["float32[n,2..3]", "float32[2..3,n]"], {"n": range(1, 5)})
    assert list(map(len, ranges.values())) == [4, 2, 2]
    assert shapes(arguments, dict(zip(ranges, (4, 2, 3), strict=True))) == [(4, 2), (3, 4)]


def test_integers_lie_below_their_bound_and_come_again():
    arguments, _ = read(["int32[200] < 3", "uint8[200]"], {})
    labels, bits = examples(arguments, {}, 0)
    assert (set(labels.tolist()), set(bits.tolist())) == ({0, 1, 2}, {0, 1})
    np.testing.assert_array_equal(examples(arguments, {}, 0)[0], labels)
    assert not np.array_equal(examples(arguments, {}, 1)[0], labels)


@pytest.mark.parametrize(
    ("text", "value"), [("0.5", 0.5), ("'SAME'", "SAME"), ("(2, 2)", (2, 2)), ("None", None)]
)
def test_a_literal_is_passed_on(text, value):
    (argument,), _ = read([text], {})
    assert examples([argument], {}, 0)[0].value == value


def test_ranges_include_their_end():
    assert (read_range("1..4"), read_range(" 3 "), read_range("0..0")) == (range(1, 5), range(3, 4), range(1))
    assert read_named("n = 2..3") == ("n", range(2, 4))


@pytest.mark.parametrize(
    ("texts", "named", "message"),
    [
        (["float33[2]"], {}, "'float33[2]': there is no dtype 'float33' of numbers; expected one such as"),
        (["str[2]"], {}, "'str[2]': there is no dtype 'str' of numbers"),
        (["float32[n]"], {}, "'float32[n]': there is no size 'n'; expected --size n=1..4"),
        (["float32[4..1]"], {}, "'4..1' is not a size; expected a number, or a range such as 1..4"),
        (["float32[-1]"], {}, "'-1' is not a size"),
        (["float32[2"], {}, "'float32[2' is not an argument; expected DTYPE[SIZES] such as float32[3,4]"),
        (["float32[2] < 3"], {}, "'float32[2] < 3': < 3; expected a bound of at least 1, of an integer"),
        (["int32[2] < 0"], {}, "'int32[2] < 0': < 0; expected a bound of at least 1"),
        (["float32[2]"], {"m": range(3)}, "there is no argument of size 'm'; expected one such as float32"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(texts, named, message):
    with pytest.raises(ValueError) as raised:
        read(texts, named)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("text", ["n", "=3", "2=3", "n=", "n=x", "n=3..1"])
def test_what_is_no_named_size(text):
    with pytest.raises(ValueError, match=r"is not a (named )?size; expected"):
        read_named(text)


def test_sizes_may_be_listed():
    assert read_named("n = 8, 2,4,4") == ("n", [2, 4, 8])
    with pytest.raises(ValueError, match="'2,x' are not sizes; expected numbers such as 2,4,8, or a range"):
        read_named("n=2,x")
    with pytest.raises(ValueError, match="are not sizes"):
        read_named("n=²,3")
    assert {sizes["n"] for sizes in assignments({"n": [2, 4, 8]}, 9, seed=0)} == {2, 4, 8}
    listed = {"n": list(range(2, 400, 2)), "m": list(range(1, 100, 2))}
    for most in (10_000, 30):  # all in order, or bisected
        found = smallest(listed, {"n": 398, "m": 99}, lambda s: s["n"] >= 37 and s["m"] >= 4, most=most)
        assert found == {"n": 38, "m": 5}


def test_sizes_come_in_order_with_the_smallest_and_the_largest():
    ranges = {"n": range(1, 9), "m": range(2, 9)}
    chosen = assignments(ranges, 5, seed=0)
    sums = [sum(sizes.values()) for sizes in chosen]
    assert chosen[0] == {"n": 1, "m": 2}
    assert chosen[-1] == {"n": 8, "m": 8}
    assert len(chosen) == 5
    assert sums == sorted(sums)
    assert assignments(ranges, 5, seed=0) == chosen != assignments(ranges, 5, seed=1)
    assert assignments({}, 5, seed=0) == [{}]
    assert len(assignments({"n": range(1, 3)}, 5, seed=0)) == 2


def failing(fails, seen=None):
    """A check that fails where `fails` says so, by shapes."""

    def check(inputs):
        outcome = fails(*(x.shape for x in inputs))
        if seen is not None:
            seen.append(tuple(x.shape for x in inputs))
        return Report(Verdict.FAIL if outcome else Verdict.PASS, "")

    return check


def test_the_smallest_of_few_failing_sizes_is_found():
    arguments, ranges = read(["float32[n,m]"], {"n": range(1, 6), "m": range(1, 6)})
    outcomes = over_sizes(arguments, ranges, failing(lambda x: x[0] * x[1] >= 6), geometries=3)
    sizes, report = outcomes[-1]
    assert (sizes, report.verdict) == ({"n": 2, "m": 3}, Verdict.FAIL)
    assert all(report.verdict is Verdict.PASS for _, report in outcomes[:-1])


def test_the_smallest_of_many_failing_sizes_is_bisected():
    arguments, ranges = read(["float32[n,m]"], {"n": range(1, 1000), "m": range(1, 1000)})
    seen = []
    check = failing(lambda x: x[0] >= 37 and x[1] >= 4, seen)
    ((*_, (sizes, _)), before) = over_sizes(arguments, ranges, check, geometries=2), len(seen)
    assert sizes == {"n": 37, "m": 4}
    assert before < 40


def test_trials_are_bounded():
    seen = []

    def fails(sizes):
        seen.append(sizes)
        return sizes["n"] >= 900

    assert smallest({"n": range(1, 1001)}, {"n": 1000}, fails, most=3)["n"] >= 900
    assert len(seen) == 3


def test_smaller_sizes_that_are_impossible_are_no_failures():
    def check(inputs):
        if len(inputs[0]) < 3:
            raise ValueError("too short")
        return Report(Verdict.FAIL, "")

    arguments, _ = read(["float32[3..5]"], {})
    (name,) = arguments[0].shape
    ((sizes, _),) = over_sizes(arguments, {name: range(3, 6)}, check, geometries=1)
    assert sizes == {name: 3}
    # drawn themselves, they are a wrong call
    with pytest.raises(ValueError, match="at axis 0 of argument 0 = 1: too short"):
        over_sizes(arguments, {name: range(1, 6)}, check, geometries=3)


def test_impossible_sizes_on_the_way_down_are_passed_over():
    def check(inputs):
        n = len(inputs[0])
        if n == 2:
            raise ValueError("not two")
        return Report(Verdict.FAIL if n >= 2 else Verdict.PASS, "")

    arguments, ranges = read(["float32[1..5]"], {})
    *_, (sizes, report) = over_sizes(arguments, ranges, check, geometries=2)
    assert (*sizes.values(), report.verdict) == (3, Verdict.FAIL)
