"""Every hand-written cotangent against `jax.vjp` of its oracle: one property for all operations.

What each test kills is shown in `test_planted_rules.py`.
"""

from functools import partial

import jax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxcnn.check import check_vjp
from jaxcnn.derivations.derivation import Derivation
from jaxcnn.derivations.search import check_case
from jaxcnn.derivations.table import DERIVATIONS

every_derivation = pytest.mark.parametrize("derivation", DERIVATIONS, ids=lambda d: d.name)
SEEDS = st.integers(0, 2**16)
FEWER = max(2, settings().max_examples // 3)


@every_derivation
@given(data=st.data())
def test_cotangents_equal_those_of_the_oracle(derivation: Derivation, data: st.DataObject):
    check_case(derivation, data.draw(derivation.cases), seed=data.draw(SEEDS)).assert_pass()


@every_derivation
@settings(max_examples=FEWER)
@given(data=st.data())
def test_under_transformations(derivation: Derivation, data: st.DataObject):
    case = data.draw(derivation.cases)
    options = {"seed": data.draw(SEEDS), "transformations": ("vmap", "eager"), "cases": 12}
    check_case(derivation, case, **options).assert_pass()


@every_derivation
@settings(max_examples=FEWER)
@given(data=st.data())
def test_gradients_of_gradients(derivation: Derivation, data: st.DataObject):
    """The backward pass, seen as a function of inputs and cotangent, has the right cotangents too."""
    case = data.draw(derivation.cases)
    if not derivation.exact:
        check_case(derivation, case, seed=data.draw(SEEDS), transformations=("second order",)).assert_pass()
        return

    def backward(function, *inputs):
        live = [k for k, x in enumerate(case.inputs) if x.dtype.kind == "f"]
        inputs, dZ = inputs[: len(case.inputs)], inputs[len(case.inputs) :]

        def on_live(*values):
            full = list(inputs)
            for k, value in zip(live, values, strict=True):
                full[k] = value
            return tuple(jax.tree.leaves(function(*full, **case.keywords)))

        return jax.vjp(on_live, *(inputs[k] for k in live))[1](dZ)

    outputs = jax.eval_shape(partial(derivation.operation, **case.keywords), *case.inputs)
    check_vjp(
        partial(backward, derivation.operation),
        partial(backward, derivation.oracle),
        *case.inputs,
        *(jax.numpy.zeros(Z.shape, Z.dtype) for Z in jax.tree.leaves(outputs)),
        exact=True,
        seed=data.draw(SEEDS),
        cases=24,
        transformations=("jit",),
    ).assert_pass()
