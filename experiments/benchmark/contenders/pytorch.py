"""torch, on the memory that jaxcnn has: a channels-last array is torch's channels_last format."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from experiments.benchmark.contenders import layout
from experiments.benchmark.operations import Row


def function(row: Row) -> Callable[..., Tensor] | None:
    """The operation on channels-first views, or None."""
    keywords = dict(row.keywords)
    if row.operation in ("conv", "conv_transpose", "conv_bias_relu"):
        name = f"conv_transpose{row.rank}d" if row.operation == "conv_transpose" else f"conv{row.rank}d"
        convolve = getattr(F, name)
        if row.operation == "conv_bias_relu":
            return lambda A, W, b: F.relu(convolve(A, W, b, **keywords))
        return lambda A, W: convolve(A, W, None, **keywords)
    if row.operation in ("max_pool", "avg_pool") and row.rank == 2:
        window, extra = keywords.pop("window"), {}
        if row.operation == "avg_pool":
            extra = {"count_include_pad": False}
        pool = getattr(F, f"{row.operation}2d")
        return lambda A: pool(A, window, **keywords, **extra)
    return OPERATIONS.get(row.operation, lambda **_: None)(**keywords)


OPERATIONS: dict[str, Callable[..., Callable[..., Tensor]]] = {
    "adaptive_avg_pool": lambda output_size: lambda A: F.adaptive_avg_pool2d(A, output_size),
    "adaptive_max_pool": lambda output_size: lambda A: F.adaptive_max_pool2d(A, output_size),
    "global_avg_pool": lambda spatial: lambda A: A.mean((2, 3)),
    "global_max_pool": lambda spatial: lambda A: A.amax((2, 3)),
    "batch_norm": lambda: lambda A, gamma, beta: F.batch_norm(A, None, None, gamma, beta, training=True),
    "instance_norm": lambda: lambda A, gamma, beta: F.instance_norm(A, None, None, gamma, beta),
    "group_norm": lambda groups: lambda A, gamma, beta: F.group_norm(A, groups, gamma, beta),
    "layer_norm": lambda: lambda A, gamma, beta: F.layer_norm(A, A.shape[-1:], gamma, beta),
    "rms_norm": lambda: lambda A, gamma: F.rms_norm(A, A.shape[-1:], gamma, 1e-5),
    "dense": lambda: F.linear,
    "softmax_cross_entropy": lambda: lambda Z, t: F.cross_entropy(Z, t, reduction="none"),
    "softmax": lambda: lambda Z: torch.softmax(Z, -1),
    "log_softmax": lambda: lambda Z: torch.log_softmax(Z, -1),
    "upsample_nearest": lambda factor: lambda A: F.interpolate(A, scale_factor=factor, mode="nearest"),
    "upsample_bilinear": lambda factor: lambda A: F.interpolate(A, scale_factor=factor, mode="bilinear"),
    "pixel_shuffle": lambda factor: lambda A: F.pixel_shuffle(A, factor[0]),
    "relu": lambda: F.relu,
    "leaky_relu": lambda: F.leaky_relu,
    "relu6": lambda: F.relu6,
    "elu": lambda: F.elu,
    "hardswish": lambda: F.hardswish,
    "sigmoid": lambda: torch.sigmoid,
    "tanh": lambda: torch.tanh,
    "softplus": lambda: F.softplus,
    "silu": lambda: F.silu,
    "gelu": lambda: F.gelu,
    "mish": lambda: F.mish,
}


def tensor(x: np.ndarray, dtype: str) -> Tensor:
    """On the device that JAX uses; integers as torch's labels."""
    made = torch.from_numpy(np.array(x, np.int64 if np.issubdtype(x.dtype, np.integer) else np.float32))
    made = made if made.dtype == torch.int64 else made.to(getattr(torch, dtype))
    return made.cuda() if jax.default_backend() == "gpu" else made


def call(
    f: Callable[..., Tensor], row: Row, arrays: Sequence[np.ndarray], dZ: np.ndarray, face: str
) -> Callable[[], list[Tensor]]:
    """A face of f, as in `faces.call`; the arrays are channels last."""
    inputs = [_view(role, tensor(x, row.dtype)) for role, x in zip(row.roles, arrays, strict=False)]
    cotangent = _view(row.roles[-1], tensor(dZ, row.dtype))
    leaves = [x.requires_grad_() for x in inputs if x.is_floating_point()]
    if face == "forward":

        def run() -> list[Tensor]:
            with torch.no_grad():
                return [f(*inputs)]

        return run
    if face == "gradient":

        def run() -> list[Tensor]:
            Z = f(*inputs)
            return [Z, *torch.autograd.grad(Z, leaves, cotangent)]

        return run
    Z = f(*inputs)
    wanted = {"dA": leaves[:1], "dW": leaves[1:2]}.get(face, leaves)
    return lambda: list(torch.autograd.grad(Z, wanted, cotangent, retain_graph=True))


def read(row: Row, face: str, results: Sequence[Tensor]) -> list[np.ndarray]:
    """The results, channels last."""
    floating = [role for role in row.roles[:-1] if role != "labels"]
    roles = {
        "forward": [row.roles[-1]],
        "dA": floating[:1],
        "dW": floating[1:2],
        "gradient": [row.roles[-1], *floating],
    }.get(face, floating)
    arrays = (x.detach().float().cpu().numpy() for x in results)
    return [layout.last(role, x) for role, x in zip(roles, arrays, strict=True)]


def wait(results: Any) -> None:
    """For the end of all calls; a CPU's have ended."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _view(role: str, x: Tensor) -> Tensor:
    """A detached channels-first view of the same memory; a kernel in torch's default format."""
    axes = layout.axes_of(role, x.ndim)
    seen = x.permute(axes)
    return (seen.contiguous() if role in ("kernel", "matrix") else seen).detach()
