"""Three networks for small images as data, and what is made of them: layers of jaxcnn.

A network is a tuple of the blocks below. `build` makes a `layers.Layer`; the benchmark makes the same of lax
and of torch, from the same parameters. All end in logits.

    lenet       LeNet-5 with ReLU and max-pools           LeCun et al., 1998
    resnet      ResNet-8 for CIFAR, three stages          He et al., "Deep residual learning", 2016
    mobilenet   depthwise-separable blocks                Howard et al., "MobileNets", 2017
    small       two dense, two depthwise convolutions and two max-pools, without normalisation
"""

from typing import NamedTuple

from jaxcnn import layers

CLASSES = 10


class Conv(NamedTuple):
    """A convolution with a square kernel of odd size f and the padding p = (f − 1)/2."""

    features: int
    size: int = 3
    stride: int = 1
    groups: int = 1
    use_bias: bool = False


class Dense(NamedTuple):
    """Logits or features."""

    features: int


class MaxPool(NamedTuple):
    """Size and stride are one."""

    size: int = 2


class Residual(NamedTuple):
    """branch(A) + shortcut(A); an empty shortcut is A."""

    branch: tuple
    shortcut: tuple = ()


class BatchNorm(NamedTuple):
    """Scaled and shifted."""


class Relu(NamedTuple):
    """max(Z, 0)."""


class GlobalAvgPool(NamedTuple):
    """(B, h, w, C) → (B, C)."""


class Flatten(NamedTuple):
    """(B, h, w, C) → (B, h w C)."""


Network = tuple[NamedTuple, ...]


def _conv_norm_relu(features: int, size: int = 3, stride: int = 1, groups: int = 1) -> Network:
    return (Conv(features, size, stride, groups), BatchNorm(), Relu())


def _basic_block(features: int, stride: int, same: bool) -> Network:
    branch = (*_conv_norm_relu(features, 3, stride), Conv(features), BatchNorm())
    shortcut = () if same else (Conv(features, 1, stride), BatchNorm())
    return (Residual(branch, shortcut), Relu())


def _separable(channels: int, features: int, stride: int = 1) -> Network:
    return (*_conv_norm_relu(channels, 3, stride, groups=channels), *_conv_norm_relu(features, 1))


NETWORKS: dict[str, Network] = {
    "lenet": (
        *(Conv(6, 5, use_bias=True), Relu(), MaxPool()),
        *(Conv(16, 5, use_bias=True), Relu(), MaxPool()),
        *(Flatten(), Dense(120), Relu(), Dense(84), Relu(), Dense(CLASSES)),
    ),
    "resnet": (
        *_conv_norm_relu(16),
        *_basic_block(16, 1, same=True),
        *_basic_block(32, 2, same=False),
        *_basic_block(64, 2, same=False),
        *(GlobalAvgPool(), Dense(CLASSES)),
    ),
    "mobilenet": (
        *_conv_norm_relu(32),
        *_separable(32, 64),
        *_separable(64, 128, 2),
        *_separable(128, 128),
        *_separable(128, 256, 2),
        *_separable(256, 256),
        *(GlobalAvgPool(), Dense(CLASSES)),
    ),
    "small": (
        *(Conv(32, use_bias=True), Relu(), Conv(32, groups=32, use_bias=True), Relu(), MaxPool()),
        *(Conv(64, use_bias=True), Relu(), Conv(64, groups=64, use_bias=True), Relu(), MaxPool()),
        *(Flatten(), Dense(CLASSES)),
    ),
}


def build(network: Network) -> layers.Layer:
    """The network of jaxcnn's layers; params and state as of `layers.sequential`."""
    return layers.sequential(*map(_layer, network))


def _layer(block: NamedTuple) -> layers.Layer:
    match block:
        case Conv(features, f, stride, groups, use_bias):
            padding = (f - 1) // 2
            return layers.Conv(
                features, (f, f), stride=stride, padding=padding, groups=groups, use_bias=use_bias
            )
        case Dense(features):
            return layers.Dense(features)
        case BatchNorm():
            return layers.BatchNorm()
        case Relu():
            return layers.Relu
        case MaxPool(f):
            return layers.MaxPool((f, f))
        case GlobalAvgPool():
            return layers.GlobalAvgPool
        case Flatten():
            return layers.Flatten()
        case Residual(branch, shortcut):
            return layers.residual(build(branch), build(shortcut) if shortcut else None)
    raise TypeError(f"no block of a network: {block!r}")
