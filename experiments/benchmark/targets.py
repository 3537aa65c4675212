"""What the measurements must be, and what they aim at; the report puts its numbers beside."""

from typing import NamedTuple

EVERYWHERE = 0.95  # jax.grad's time over ours, in every row
COMPILING = 1.3  # our compile time over jax.grad's, at most
IMPORTING = 1.1  # import jaxcnn over import jax, at most
RESIDUALS = {"resnet": 0.6}  # our residual bytes over jax.grad's, at most
ACCURACY = 2.0  # our error over lax's, at most
LARGE_POOL = 10.0  # seconds to compile a 31×31 max-pool's gradient, at most


class Target(NamedTuple):
    """A line of the table.

    Attributes:
        name: of what.
        rows: the `Row.target` that it holds for, or a network's name.
        faces: which of their faces.
        must: jax.grad's time over ours, at least.
        aim: our time over torch's, at most.
        options: whether the aim is with `jaxcnn.compiler.compiler_options`.
    """

    name: str
    rows: str
    faces: tuple[str, ...]
    must: float
    aim: float
    options: bool = False


TARGETS = [
    Target("max-pool backward", "max-pool", ("backward",), 40, 1.0),
    Target("overlapping average-pool backward", "avg-pool", ("backward",), 8, 1.0),
    Target("depthwise forward and dA", "depthwise", ("forward", "dA"), 20, 1.3),
    Target("depthwise dW", "depthwise", ("dW",), 6, 2.0),
    Target("grouped forward and dA", "grouped", ("forward", "dA"), 2.5, 1.5),
    Target("grouped dW", "grouped", ("dW",), 30, 1.5),
    Target("first layer forward, dW", "first layer", ("forward", "dW"), 1.3, 1.1),
    Target("strided dA", "strided", ("dA",), 1.2, 1.3),
    Target("dense convolution", "dense", ("forward", "dA", "dW"), 0.95, 1.3, options=True),
    Target("gradient of the small CNN", "small", ("gradient",), 5, 1.0),
    Target("gradient of the MobileNet-like network", "mobilenet", ("gradient",), 8, 1.0),
    Target("gradient of the ResNet-like network", "resnet", ("gradient",), 1.2, 1.0),
]
