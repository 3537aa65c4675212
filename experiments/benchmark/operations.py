"""The rows of the suites `ops` and `scaling`: which operation, on what, and what it is held to, as data.

Images are (B, *n, C), all paddings symmetric, so that every library computes the same.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

CONVOLUTION = ("forward", "dA", "dW")
WHOLE = ("forward", "backward", "gradient")
FIRST_LAYER = ("forward", "dW", "gradient")

# What each argument of an operation is, and its result last: tells the layout that another library needs.
ROLES = {
    "conv": ("image", "kernel", "image"),
    "conv_transpose": ("image", "kernel", "image"),
    "conv_bias_relu": ("image", "kernel", "vector", "image"),
    "batch_norm": ("image", "vector", "vector", "image"),
    "instance_norm": ("image", "vector", "vector", "image"),
    "group_norm": ("image", "vector", "vector", "image"),
    "layer_norm": ("rows", "vector", "vector", "rows"),
    "rms_norm": ("rows", "vector", "rows"),
    "dense": ("rows", "matrix", "vector", "rows"),
    "softmax_cross_entropy": ("rows", "labels", "losses"),
    "softmax": ("rows", "rows"),
    "log_softmax": ("rows", "rows"),
    "global_avg_pool": ("image", "rows"),
    "global_max_pool": ("image", "rows"),
}


@dataclass(frozen=True)
class Row:
    """One line of the table, for each of its faces.

    Attributes:
        name: what it is called.
        operation: jaxcnn's name of it, or "conv_bias_relu".
        shape: of the first argument.
        keywords: of jaxcnn's operation.
        kernel: f and K of a convolution, K of a dense layer.
        faces: what is timed: "forward"; "dA", "dW" or all cotangents, "backward", with the residuals given;
            "gradient", forward and backward pass in one program.
        target: the line of `targets.TARGETS` that it belongs to, if any.
        held: whether the line's numbers are demanded of it; they were set on such rows. The others are shown.
        dtype: of all floating arguments.
    """

    name: str
    operation: str
    shape: tuple[int, ...]
    keywords: dict[str, Any] = field(default_factory=dict)
    kernel: tuple[int, ...] = ()
    faces: tuple[str, ...] = WHOLE
    target: str = ""
    held: bool = True
    dtype: str = "float32"

    @property
    def roles(self) -> tuple[str, ...]:
        """Of the arguments and, last, of the result."""
        return ROLES.get(self.operation, ("image", "image"))

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.shape) - 2

    def times(self, images: int) -> "Row":
        """The row with so many times the images, or rows."""
        return replace(self, shape=(images * self.shape[0], *self.shape[1:]))

    def arrays(self) -> list[np.ndarray]:
        """The arguments, normal and in float64; weights keep the variance."""
        rng = np.random.default_rng(0)
        made = [rng.standard_normal(self.shape)]
        C = self.shape[-1]
        for role in self.roles[1:-1]:
            if role == "kernel":
                *f, K = self.kernel
                c = C // self.keywords.get("groups", 1)
                shape = (*f, c, K) if self.operation != "conv_transpose" else (*f, K, C)
                made.append(rng.standard_normal(shape) / math.sqrt(math.prod(shape[:-1])))
            elif role == "matrix":
                made.append(rng.standard_normal((C, self.kernel[-1])) / math.sqrt(C))
            elif role == "labels":
                made.append(rng.integers(0, C, self.shape[:-1]).astype(np.int32))
            else:
                made.append(rng.standard_normal(self.kernel[-1:] or (C,)))
        return made

    def rounded(self) -> list[np.ndarray]:
        """The arguments in the row's dtype; labels in their own."""
        dtype = jnp.dtype(self.dtype)
        return [x.astype(dtype) if np.issubdtype(x.dtype, np.floating) else x for x in self.arrays()]


def conv(
    name: str, n: int | tuple[int, ...], C: int, K: int, f: int = 3, *, B: int = 32, s: int = 1, **other: Any
) -> Row:
    """A convolution that keeps the size but for its stride: p = d (f − 1)/2."""
    n = (n, n) if isinstance(n, int) else n
    row = {key: other.pop(key) for key in ("faces", "target", "held", "dtype", "operation") if key in other}
    d = other.get("dilation", 1)
    keywords = {"stride": s, "padding": d * (f - 1) // 2, **other}
    row = {"operation": "conv", "faces": CONVOLUTION, **row}
    return Row(name, shape=(B, *n, C), kernel=(*(f,) * len(n), K), keywords=keywords, **row)


def depthwise(name: str, n: int, C: int, f: int = 3, **other: Any) -> Row:
    """A convolution of each channel alone."""
    return conv(f"depthwise {name}", n, C, C, f, groups=C, **other)


def pool(operation: str, f: int, s: int, p: int = 0, C: int = 64, B: int = 32, n: int = 32, **other) -> Row:
    """A pool with a square window."""
    row: dict[str, Any] = {key: other.pop(key) for key in ("faces", "target", "dtype") if key in other}
    keywords = {"window": (f, f), "stride": s, "padding": p, **other}
    extra = "".join(f", {key} {value}" for key, value in other.items())
    name = f"{operation} {f}×{f}/{s}, {C} ch, {n}×{n}, batch {B}{extra}"
    return Row(_typed(name, row), operation, (B, n, n, C), keywords, **row)


def _typed(name: str, row: dict[str, Any]) -> str:
    return f"{name}, {row['dtype']}" if "dtype" in row else name


BF16: dict[str, Any] = {"dtype": "bfloat16"}
IMAGES = (32, 32, 32, 64)

OPERATIONS = [
    # dense
    conv("conv 3×3, 32→64, 32×32", 32, 32, 64, target="dense", faces=(*CONVOLUTION, "gradient")),
    conv("conv 3×3, 64→64, 16×16, batch 128", 16, 64, 64, B=128, target="dense"),
    conv("conv 3×3, 256→256, 8×8", 8, 256, 256, target="dense"),
    conv("conv 3×3, 512→512, 4×4", 4, 512, 512, target="dense"),
    conv("conv 1×1, 64→128, 32×32", 32, 64, 128, 1, target="dense"),
    conv("conv 5×5, 32→64, 16×16", 16, 32, 64, 5, target="dense"),
    conv("conv 3×3, dilation 2, 32→64, 32×32", 32, 32, 64, dilation=2, target="dense"),
    conv("conv 3×3, 64→64, 32×32, batch 1", 32, 64, 64, B=1, target="dense"),
    conv("conv 3×3, 32→64, 32×32, bfloat16", 32, 32, 64, **BF16),
    conv("conv 1-D 5, 64→64, 1024", (1024,), 64, 64, 5, target="dense"),
    conv("conv 3-D 3×3×3, 16→32, 16×16×16, batch 4", (16, 16, 16), 16, 32, B=4, target="dense"),
    conv("conv 3×3 + bias + relu, 32→64, 32×32", 32, 32, 64, operation="conv_bias_relu", faces=WHOLE),
    # strided
    conv("conv 3×3/2, 32→64, 32×32", 32, 32, 64, s=2, target="strided", faces=(*CONVOLUTION, "gradient")),
    conv("conv 1×1/2, 64→128, 32×32", 32, 64, 128, 1, s=2),
    conv("conv 7×7/2, 3→64, 64×64, batch 8", 64, 3, 64, 7, B=8, s=2, faces=FIRST_LAYER),
    Row(
        "conv_transpose 4×4/2, 64→32, 16×16",
        "conv_transpose",
        (32, 16, 16, 64),
        {"stride": 2, "padding": 1},
        kernel=(4, 4, 32),
        faces=("forward", "backward"),
    ),
    # first layers
    conv("conv 3×3, 3→32, 32×32", 32, 3, 32, target="first layer", faces=FIRST_LAYER),
    conv("conv 3×3, 1→32, 32×32", 32, 1, 32, target="first layer", faces=FIRST_LAYER),
    conv(
        "conv 3×3, 3→32, 32×32, batch 128",
        32,
        3,
        32,
        B=128,
        target="first layer",
        held=False,
        faces=FIRST_LAYER,
    ),
    conv("conv 5×5, 1→6, 28×28", 28, 1, 6, 5, faces=FIRST_LAYER),
    # depthwise
    depthwise("3×3, 64 ch, 32×32", 32, 64, target="depthwise", faces=(*CONVOLUTION, "gradient")),
    depthwise("3×3/2, 64 ch, 32×32", 32, 64, s=2, target="depthwise"),
    depthwise("5×5, 64 ch, 16×16", 16, 64, 5, target="depthwise", held=False),
    depthwise("5×5/2, 64 ch, 16×16", 16, 64, 5, s=2, target="depthwise", held=False),
    depthwise("3×3, 512 ch, 4×4", 4, 512, target="depthwise", held=False),
    depthwise("3×3, 64 ch, 32×32, batch 1", 32, 64, B=1, target="depthwise", held=False),
    depthwise("3×3, 64 ch, 16×16, batch 128", 16, 64, B=128, target="depthwise", held=False),
    depthwise("3×3, 64 ch, 32×32, bfloat16", 32, 64, **BF16),
    # grouped
    *(
        conv(f"conv 3×3, {G} groups, 128→128, 16×16", 16, 128, 128, groups=G, target="grouped")
        for G in (4, 32)
    ),
    *(
        conv(f"conv 3×3, {G} groups, 128→128, 8×8", 8, 128, 128, groups=G, B=8, target="grouped", held=False)
        for G in (2, 8, 16)
    ),
    # pools
    pool("max_pool", 2, 2, target="max-pool"),
    pool("max_pool", 3, 2, 1, target="max-pool"),
    pool("max_pool", 3, 1, 1, target="max-pool"),
    pool("max_pool", 2, 2, C=32, B=128),
    pool("max_pool", 2, 2, B=1),
    pool("max_pool", 2, 2, **BF16),
    pool("max_pool", 3, 1, 1, C=8, n=64),
    pool("avg_pool", 2, 2),
    pool("avg_pool", 3, 2, 1, target="avg-pool"),
    pool("avg_pool", 3, 1, 1, target="avg-pool"),
    pool("avg_pool", 2, 2, **BF16),
    pool("lp_pool", 2, 2, order=2, faces=("forward", "backward")),
    Row("adaptive_avg_pool to 7×7, 64 ch, 32×32", "adaptive_avg_pool", IMAGES, {"output_size": (7, 7)}),
    Row("adaptive_max_pool to 7×7, 64 ch, 32×32", "adaptive_max_pool", IMAGES, {"output_size": (7, 7)}),
    Row("global_avg_pool, 64 ch, 32×32", "global_avg_pool", IMAGES, {"spatial": 2}),
    Row("global_max_pool, 64 ch, 32×32", "global_max_pool", IMAGES, {"spatial": 2}),
    # normalisations
    Row("batch_norm, 64 ch, 32×32", "batch_norm", IMAGES),
    Row("batch_norm, 256 ch, 8×8, batch 128", "batch_norm", (128, 8, 8, 256)),
    Row("batch_norm, 64 ch, 32×32, bfloat16", "batch_norm", IMAGES, **BF16),
    Row("layer_norm, 64 ch, 32×32", "layer_norm", IMAGES),
    Row("layer_norm, 768 ch, 4096 rows", "layer_norm", (32, 128, 768)),
    Row("rms_norm, 768 ch, 4096 rows", "rms_norm", (32, 128, 768)),
    Row("group_norm, 8 groups, 64 ch, 32×32", "group_norm", IMAGES, {"groups": 8}),
    Row("instance_norm, 64 ch, 32×32", "instance_norm", IMAGES),
    # pointwise, dense, losses, the rest
    *(Row(f"{g}, 64 ch, 32×32", g, IMAGES) for g in ("relu", "leaky_relu", "relu6", "elu", "hardswish")),
    *(Row(f"{g}, 64 ch, 32×32", g, IMAGES) for g in ("sigmoid", "tanh", "softplus", "silu", "gelu", "mish")),
    Row("relu, 64 ch, 32×32, bfloat16", "relu", IMAGES, **BF16),
    Row("dense, 1024→1024, batch 128", "dense", (128, 1024), kernel=(1024,)),
    Row("dense, 512→10, batch 32", "dense", (32, 512), kernel=(10,)),
    Row("softmax_cross_entropy, 1000 classes, batch 128", "softmax_cross_entropy", (128, 1000)),
    Row("softmax_cross_entropy, 10 classes, batch 4096", "softmax_cross_entropy", (4096, 10)),
    Row("softmax, 1000 classes, 1024 rows", "softmax", (1024, 1000)),
    Row("log_softmax, 1000 classes, 1024 rows", "log_softmax", (1024, 1000)),
    Row("dropout, 64 ch, 32×32", "dropout", IMAGES, {"rate": 0.5}),
    Row("upsample_nearest 2×2, 64 ch, 16×16", "upsample_nearest", (32, 16, 16, 64), {"factor": (2, 2)}),
    Row("upsample_bilinear 2×2, 64 ch, 16×16", "upsample_bilinear", (32, 16, 16, 64), {"factor": (2, 2)}),
    Row("pixel_shuffle 2×2, 64 ch, 16×16", "pixel_shuffle", (32, 16, 16, 64), {"factor": (2, 2)}),
]

SCALING = [
    *(
        conv(f"conv 3×3, 32→32, 16×16, batch {B}", 16, 32, 32, B=B, faces=("gradient",))
        for B in (1, 8, 32, 128)
    ),
    *(
        conv(f"conv 3×3, {C}→{C}, 8×8", 8, C, C, faces=("gradient",))
        for C in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    ),
    *(depthwise(f"3×3, 32 ch, 16×16, batch {B}", 16, 32, B=B, faces=("gradient",)) for B in (1, 8, 32, 128)),
    *(depthwise(f"3×3, {C} ch, 16×16, batch 8", 16, C, B=8, faces=("gradient",)) for C in (2, 8, 128, 512)),
    *(pool("max_pool", 2, 2, B=B, faces=("gradient",)) for B in (1, 8, 32, 128)),
    *(pool("max_pool", 2, 2, C=C, faces=("gradient",)) for C in (1, 4, 16)),
    *(pool("max_pool", f, 1, f // 2, C=8, n=32, B=8, faces=("gradient",)) for f in (3, 7, 15)),
]

QUICK = [
    conv("conv 3×3, 4→8, 8×8, batch 2", 8, 4, 8, B=2, faces=("dW", "gradient")),
    pool("max_pool", 2, 2, C=4, B=2, n=8, faces=("backward",)),
]
