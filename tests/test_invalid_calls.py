"""Calls that are wrong, each with the whole message that it gets: tables over all public operations.

A message names the operation, the argument, what came and what was expected, so that a newcomer can mend
the call. Its beginning, `operation: `, is a table's outer key. Nearly all calls are refused before anything
is traced, so that all of them together take seconds.
"""

import re
from inspect import isfunction

import pytest
from invalid_calls import activations, convolution, linear, losses, normalization, pooling, spatial, window
from invalid_calls import layers as wrong_layers

import jaxcnn
from jaxcnn import layers

TABLES = (convolution, pooling, spatial, activations, linear, losses, normalization, wrong_layers, window)
WRONG = {operation: mistakes for table in TABLES for operation, mistakes in table.WRONG.items()}
ROWS = {
    f"{operation}: {mistake}": (call, kind, f"{operation}: {message}")
    for operation, mistakes in WRONG.items()
    for mistake, (call, kind, message) in mistakes.items()
}


@pytest.mark.parametrize(("call", "kind", "message"), ROWS.values(), ids=ROWS)
def test_a_wrong_call_is_refused_with_a_message_that_mends_it(call, kind, message):
    with pytest.raises(kind, match=rf"^{re.escape(message)}(\n|$)"):  # where it was traced JAX adds a note
        call()


def test_no_operation_stands_in_two_tables():
    assert sum(len(table.WRONG) for table in TABLES) == len(WRONG)


def test_every_public_operation_has_two_rows():
    public = {name for name, value in vars(jaxcnn).items() if callable(value) and name[0] != "_"}
    assert {name for name in public if len(WRONG.get(name, ())) < 2} == set()


def test_every_layer_has_a_row():
    made_here = {
        name
        for name, value in vars(layers).items()
        if isfunction(value) and value.__module__ == layers.__name__ and name[0] != "_"
    }
    assert made_here - WRONG.keys() == set()
