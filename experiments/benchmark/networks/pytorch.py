"""By torch's functions, in the channels_last format; running statistics, which cost little, are left out."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from experiments import networks
from experiments.benchmark.contenders import layout, pytorch
from experiments.networks import Network

ROLES = {4: "kernel", 2: "matrix", 1: "vector"}


def gradient(network: Network, params: Any, images: np.ndarray, labels: np.ndarray) -> Any:
    """The call for loss and gradients, in the order of `jax.tree.leaves`."""
    tensors, loss = objective(network, params, images, labels)

    def run() -> list[Tensor]:
        value = loss()
        return [value, *torch.autograd.grad(value, tensors)]

    return run


def objective(
    network: Network, params: Any, images: np.ndarray, labels: np.ndarray
) -> tuple[list[Tensor], Callable[[], Tensor]]:
    """The parameters as tensors, in the order of `jax.tree.leaves`, and the mean cross-entropy with them."""
    leaves, tree = jax.tree.flatten(params)
    tensors = [pytorch.tensor(layout.first(ROLES[x.ndim], x), "float32").requires_grad_() for x in leaves]
    own = jax.tree.unflatten(tree, tensors)
    A = pytorch.tensor(images, "float32").permute(0, 3, 1, 2)
    t = pytorch.tensor(labels, "float32")
    return tensors, lambda: F.cross_entropy(apply(network, own, A), t)


def read(results: list[Tensor]) -> list[np.ndarray]:
    """Loss and gradients, channels last."""
    loss, *gradients = (x.detach().cpu().numpy() for x in results)
    return [loss, *(layout.last(ROLES[x.ndim], x) for x in gradients)]


def apply(network: Network, params: Any, A: Tensor) -> Tensor:
    """Every block in turn, channels first; the order in which Flatten takes the pixels is jaxcnn's."""
    for block, p in zip(network, params, strict=True):
        A = _block(block, p, A)
    return A


def _block(block: Any, p: Any, A: Tensor) -> Tensor:
    match block:
        case networks.Conv(_, f, stride, groups):
            return F.conv2d(A, p["W"], p.get("b"), stride, (f - 1) // 2, 1, groups)
        case networks.Dense():
            return F.linear(A, p["W"], p["b"])
        case networks.BatchNorm():
            return F.batch_norm(A, None, None, p["gamma"], p["beta"], training=True)
        case networks.Relu():
            return F.relu(A)
        case networks.MaxPool(f):
            return F.max_pool2d(A, f)
        case networks.GlobalAvgPool():
            return A.mean((2, 3))
        case networks.Flatten():
            return A.permute(0, 2, 3, 1).flatten(1)
        case networks.Residual(branch, shortcut):
            past = apply(shortcut, p["shortcut"], A) if shortcut else A
            return apply(branch, p["layer"], A) + past
    raise TypeError(f"no block of a network: {block!r}")
