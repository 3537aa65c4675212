"""Article sections "Strided Convolution" and "The Transition to the Third Dimension": sizes (L6–L8)."""

import itertools
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxcnn import window
from jaxcnn.derivations.claims.grids import axes, extent, geometry, planes
from jaxcnn.derivations.claims.witnesses import attempt, keywords, shape_of
from jaxcnn.derivations.ledger import NOWHERE, Case, Claim, Comparison, Domain, Part
from jaxcnn.derivations.proofs import sizes as proofs
from jaxcnn.loops.window import output_size, starts


def names(call: Callable[[], Any], *numbers: int) -> Comparison:
    """The call raises a ValueError whose message names these numbers."""
    try:
        return Comparison(f"no error: {call()}", list(numbers))
    except ValueError as error:
        message = str(error)
    found = [number for number in numbers if re.search(rf"\b{number}\b", message)]
    return Comparison(found, list(numbers), inputs={"message": message})


# ------------------------------------------------------------------------------------- L6


def quotient(case: Case) -> tuple[int, int]:
    """(n + 2p − f, s)."""
    return case["n"] + sum(case["p"]) - case["f"], case["s"]


def count(case: Case) -> int:
    """The number of windows, by walking."""
    return len(starts(case["n"], case["f"], s=case["s"], p=case["p"], d=case["d"]))


def floor(case: Case) -> Comparison:
    """⌊(n + 2p − f)/s + 1⌋."""
    room, s = quotient(case)
    return Comparison(room // s + 1, count(case))


def absolute(case: Case) -> Comparison:
    """|(n + 2p − f)/s + 1|."""
    room, s = quotient(case)
    return Comparison(abs(room / s + 1), count(case))


def positive(case: Case) -> Comparison:
    """There is at least one window."""
    return Comparison(count(case) >= 1, True)


def library_size(case: Case) -> Comparison:
    """`window.output_size`, which refuses a map without a pixel, against counting."""
    n, f, s, p, d = geometry(case)
    got = attempt(lambda: window.output_size(n, f, stride=s, padding=p, dilation=d))
    return Comparison(got, count(case) or "ValueError")


def library_error(case: Case) -> Comparison:
    """The error of `window.output_size` names the padded size and the extent."""
    n, f, s, p, d = geometry(case)
    return names(lambda: window.output_size(n, f, stride=s, padding=p, dilation=d), n + sum(p), extent(f, d))


def conv_error(case: Case) -> Comparison:
    """The error of `jaxcnn.conv` names them too."""
    n, f, s, p, d = geometry(case)
    return names(
        lambda: shape_of((2, n, 1), (f, 1, 1), stride=s, padding=[p], dilation=d), n + sum(p), extent(f, d)
    )


def strided(thorough: bool) -> Iterator[Case]:
    """n, f, s and p on both sides, kernels too large for the image included."""
    largest = 12 if thorough else 8
    for n, f, s, p in itertools.product(range(1, largest), range(1, largest), range(1, 4), range(3)):
        yield {"n": n, "f": f, "s": s, "p": (p, p), "d": 1}


def dilated(thorough: bool) -> Iterator[Case]:
    """The same with dilation and uneven padding."""
    for case in strided(thorough):
        for d in (1, 2, 3):
            yield case | {"d": d, "p": (case["p"][0], max(case["p"][1] - 1, 0))}


def too_small(thorough: bool) -> Iterator[Case]:
    """Those in which no window fits."""
    return (case for case in dilated(thorough) if not count(case))


def few_too_small(thorough: bool) -> Iterator[Case]:
    """Some of those."""
    return itertools.islice(too_small(thorough), 0, None, 1 if thorough else 20)


L6 = Claim(
    number=6,
    section="Strided Convolution",
    statement="n_out = |(n_in + 2p − f)/s + 1|.",
    reading="The bars are floor signs that the transcription lost.",
    cases=strided,
    printed=floor,
    domain=Domain("n + 2p ≥ f − s", lambda case: sum(quotient(case)) >= 0),
    correction="n_out = ⌊(n + p + q − d(f−1) − 1)/s⌋ + 1 where n + p + q ≥ d(f−1) + 1; else no window fits, "
    "which is an error and not an empty array.",
    corrected=library_size,
    parts=(
        Part(
            "there is an output pixel",
            positive,
            strided,
            Domain("n + 2p ≥ f", lambda case: quotient(case)[0] >= 0),
            (proofs.SOME_WINDOW,),
        ),
        Part(
            "with the bars as an absolute value",
            absolute,
            strided,
            Domain(
                "s divides n + 2p − f ≥ −s",
                lambda case: quotient(case)[0] % case["s"] == 0 and sum(quotient(case)) >= 0,
            ),
            (proofs.ABSOLUTE_SIZE,),
        ),
        Part(
            "jaxcnn.window's size is right with dilation and uneven padding",
            library_size,
            dilated,
            identities=(proofs.SIZE,),
        ),
        Part("its error names the padded size and the extent", library_error, too_small),
        Part("so does jaxcnn.conv's", conv_error, few_too_small),
    ),
    printed_identities=(proofs.PRINTED_SIZE,),
    corrected_identities=(proofs.SIZE,),
)

# ------------------------------------------------------------------------------------- L7


def map_size(case: Case) -> tuple[int, ...]:
    """The size of the result, spatial axes by walking and then the filters."""
    return (*output_size(*geometry(case)), case["K"])


def square(case: Case) -> Comparison:
    """The printed size, which knows one n, f, s and p: those of the first axis."""
    (n, *_), (f, *_), (s, *_), (p, *_) = (case[name] for name in "nfsp")
    side = (n + 2 * p[0] - f) // s + 1
    return Comparison((side, side, case["K"]), map_size(case))


def ceiling(case: Case) -> Comparison:
    """The outer bracket read as a ceiling: every entry rounded up."""
    sides = (
        -(-(n + sum(p) - f) // s) + 1 for n, f, s, p in zip(*(case[name] for name in "nfsp"), strict=True)
    )
    return Comparison((*sides, case["K"]), map_size(case))


def library_shape(case: Case) -> Comparison:
    """The shape of `jaxcnn.conv`."""
    A, W = (2, *case["n"], case["C"]), (*case["f"], case["C"], case["K"])
    return Comparison(shape_of(A, W, **keywords(case))[1:], map_size(case))


def volumes(thorough: bool) -> Iterator[Case]:
    """Square and other images and kernels."""
    largest = 6 if thorough else 4
    for n, n_w, f, f_w, s, p in itertools.product(
        (4, 5), range(3, 3 + largest), (2, 3), (2, 3), (1, 2, 3), (0, 1)
    ):
        p_ = ((p, p), (p, p))
        yield {"n": (n, n_w), "f": (f, f_w), "s": (s, s), "p": p_, "d": (1, 1), "C": 2, "K": 3}


def on_a_square(case: Case) -> bool:
    """One n, one f, one s, one p on all axes."""
    return all(len(set(case[name])) == 1 for name in "nfsp")


L7 = Claim(
    number=7,
    section="The Transition to the Third Dimension",
    statement="[n, n, c] * [f, f, c] = ⌈|(n + 2p − f)/s + 1|, |(n + 2p − f)/s + 1|, n_f⌉.",
    reading="The outer brackets enclose a tuple, the inner bars are floors. n, f, s, p are the first axis's.",
    cases=volumes,
    printed=square,
    domain=Domain("square images and kernels", on_a_square, sharp=False),
    correction="Each axis has its own n, f, s, p, q, d and n_out; the last entry is the number of filters.",
    corrected=library_shape,
    parts=(
        Part(
            "with ceilings for floors",
            ceiling,
            volumes,
            Domain(
                "s divides n + 2p − f on every axis",
                lambda case: all((n + sum(p) - f) % s == 0 for n, f, s, p, _ in axes(case)),
            ),
        ),
        Part("jaxcnn.conv has that size with unequal axes, uneven padding, dilation", library_shape, planes),
    ),
)

# ------------------------------------------------------------------------------------- L8


def accepted(case: Case) -> list[int]:
    """The kernel channels that `jaxcnn.conv` accepts for an image of C channels."""
    C, G, K = case["C"], case["groups"], case["K"]
    call = partial(shape_of, (1, 4, C), groups=G)
    return [c for c in range(1, C + 2) if attempt(partial(call, (2, c, K))) != "ValueError"]


def equal_channels(case: Case) -> Comparison:
    """Only C is accepted."""
    return Comparison(accepted(case), [case["C"]])


def group_channels(case: Case) -> Comparison:
    """C/groups is accepted, as by lax, where groups divides C and K."""
    C, G, K = case["C"], case["groups"], case["K"]
    run = partial(lax.conv_general_dilated, window_strides=(1,), padding="VALID", feature_group_count=G)

    def lax_accepts(c: int) -> bool:
        A, W = jax.ShapeDtypeStruct((1, C, 4), jnp.float32), jax.ShapeDtypeStruct((K, c, 2), jnp.float32)
        return attempt(lambda: jax.eval_shape(run, A, W)) != "ValueError"

    return Comparison(accepted(case), [c for c in range(1, C + 2) if lax_accepts(c)])


def channel_error(case: Case) -> Comparison:
    """The error names the kernel's channels and the image's."""
    return names(lambda: shape_of((1, 4, case["C"]), (2, case["W_C"], 1)), case["W_C"], case["C"])


def grouped(thorough: bool) -> Iterator[Case]:
    """Channels, groups and filters, divisible and not."""
    largest = 7 if thorough else 5
    for C, G in itertools.product(range(1, largest), range(1, 5)):
        for K in {G, G + 1}:
            yield {"C": C, "groups": G, "K": K}


def mismatched(thorough: bool) -> Iterator[Case]:
    """Unequal channels; one channel, which must not be broadcast, included."""
    for C, W_C in itertools.permutations(range(1, 6 if thorough else 5), 2):
        yield {"C": C, "W_C": W_C}


L8 = Claim(
    number=8,
    section="The Transition to the Third Dimension",
    statement="The filter and the image must have the same number of channels.",
    reading="Of all channel numbers only the image's own is accepted for the filter.",
    cases=grouped,
    printed=equal_channels,
    domain=Domain("groups = 1", lambda case: case["groups"] == 1),
    correction="The filter has C/groups channels, where groups divides C and the number of filters.",
    corrected=group_channels,
    parts=(
        Part("a mismatch is an error that names both numbers", channel_error, mismatched),
        Part(
            "a mismatch is silently broadcast",
            lambda case: Comparison(case["W_C"] in accepted(case | {"groups": 1, "K": 1}), True),
            mismatched,
            NOWHERE,
        ),
    ),
)
