"""The checkers, each called as its user would call it, with its defaults."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.test_util
import numpy as np

from experiments.planted.planted import Planted
from jaxcnn.check import Report, check_vjp
from jaxcnn.check.judge import judge as settle
from jaxcnn.check.vjp import reverse_question


def ours(row: Planted) -> str:
    """The verdict of `jaxcnn.check.check_vjp`."""
    return check_vjp(row.fun, row.reference, *row.examples("float64")).verdict.lower()


def ours_often(row: Planted, dtype: str, seeds: int) -> list[Report]:
    """The reports of `check_vjp` for one seed after another; everything is traced and compiled but once."""
    options = {
        name: parameter.default
        for name, parameter in inspect.signature(check_vjp).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in ("backward", "names")
    }
    question = reverse_question(row.fun, row.reference, row.examples(dtype), None, None, **options)
    if isinstance(question, Report):
        return [question] * seeds
    reports = []
    for question.seed in range(seeds):
        reports.append(settle(question))
    return reports


def check_grads(row: Planted) -> str:
    """The verdict of `jax.test_util.check_grads`."""
    try:
        jax.test_util.check_grads(row.fun, row.normal(0), order=1, modes=["rev"])
    except AssertionError:
        return "fail"
    return "pass"


def gradcheck(row: Planted, *, fast: bool = False) -> str:
    """The verdict of `torch.autograd.gradcheck`."""
    import torch

    tensors = [torch.from_numpy(np.array(x)).requires_grad_() for x in row.normal(0)]
    passed = torch.autograd.gradcheck(torch_function(row.fun), tensors, fast_mode=fast, raise_exception=False)
    return "pass" if passed else "fail"


def gradcheck_fast(row: Planted) -> str:
    """The verdict of `torch.autograd.gradcheck` in fast mode."""
    return gradcheck(row, fast=True)


CHECKERS: dict[str, Callable[[Planted], str]] = {
    "jaxcnn": ours,
    "check_grads": check_grads,
    "gradcheck": gradcheck,
    "gradcheck, fast": gradcheck_fast,
}


def torch_function(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A JAX function and its backward pass as a function of torch."""
    import torch

    forward = jax.jit(lambda *x: jax.tree.leaves(fun(*x)))
    pull = jax.jit(lambda x, dy: jax.vjp(lambda *x: jax.tree.leaves(fun(*x)), *x)[1](dy))

    def tensors(arrays):
        out = tuple(torch.from_numpy(np.array(x)) for x in arrays)
        return out if len(out) > 1 else out[0]

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *x):
            ctx.save_for_backward(*x)
            return tensors(forward(*(t.detach().numpy() for t in x)))

        @staticmethod
        def backward(ctx, *dy):
            return tensors(pull([t.detach().numpy() for t in ctx.saved_tensors], [t.numpy() for t in dy]))

    return Function.apply
