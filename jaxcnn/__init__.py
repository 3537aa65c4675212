"""Convolutional neural network operations for JAX with hand-derived, machine-checked gradients.

The operations are pure functions with a hand-written backward pass each; `jaxcnn.check` compares
anybody's hand-written gradient with a reference; `jaxcnn verify` judges the claims of the article
that the derivations come from. See the README for the conventions and the index of equations.

Besides the operations, which are all named here: `jaxcnn.layers`, layers and their parameters;
`jaxcnn.spatial`, images that are cut among devices; `jaxcnn.adapters`, for flax; `jaxcnn.compiler`, options
that make a jaxlib faster; `jaxcnn.window`, the arithmetic of windows; `jaxcnn.forms`, equivalent ways to
compute; `jaxcnn.oracles`, the definitions that `jax.grad` differentiates; `jaxcnn.loops`, the article's
printed formulas.
"""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from jaxcnn.activations import activation_dZ as activation_dZ
from jaxcnn.activations import gelu as gelu
from jaxcnn.activations import glu as glu
from jaxcnn.activations import mish as mish
from jaxcnn.activations import sigmoid as sigmoid
from jaxcnn.activations import silu as silu
from jaxcnn.activations import softplus as softplus
from jaxcnn.activations import tanh as tanh
from jaxcnn.adaptive_pooling import adaptive_avg_pool as adaptive_avg_pool
from jaxcnn.adaptive_pooling import adaptive_max_pool as adaptive_max_pool
from jaxcnn.adaptive_pooling import global_avg_pool as global_avg_pool
from jaxcnn.adaptive_pooling import global_max_pool as global_max_pool
from jaxcnn.convolution import conv as conv
from jaxcnn.convolution import conv_dA as conv_dA
from jaxcnn.convolution import conv_db as conv_db
from jaxcnn.convolution import conv_dW as conv_dW
from jaxcnn.convolution import convolve as convolve
from jaxcnn.linear import dense as dense
from jaxcnn.linear import dense_dA as dense_dA
from jaxcnn.linear import dense_dW as dense_dW
from jaxcnn.losses import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from jaxcnn.losses import huber as huber
from jaxcnn.losses import softmax_cross_entropy as softmax_cross_entropy
from jaxcnn.losses import squared_error as squared_error
from jaxcnn.lp_pooling import lp_pool as lp_pool
from jaxcnn.normalization import batch_norm as batch_norm
from jaxcnn.normalization import batch_norm_inference as batch_norm_inference
from jaxcnn.normalization import group_norm as group_norm
from jaxcnn.normalization import instance_norm as instance_norm
from jaxcnn.normalization import layer_norm as layer_norm
from jaxcnn.normalization import rms_norm as rms_norm
from jaxcnn.pooling import avg_pool as avg_pool
from jaxcnn.pooling import avg_pool_dA as avg_pool_dA
from jaxcnn.pooling import max_pool as max_pool
from jaxcnn.pooling import max_pool_dA as max_pool_dA
from jaxcnn.pooling import max_pool_index as max_pool_index
from jaxcnn.pooling import max_pool_mask as max_pool_mask
from jaxcnn.rectifiers import elu as elu
from jaxcnn.rectifiers import hardswish as hardswish
from jaxcnn.rectifiers import leaky_relu as leaky_relu
from jaxcnn.rectifiers import relu as relu
from jaxcnn.rectifiers import relu6 as relu6
from jaxcnn.softmaxes import log_softmax as log_softmax
from jaxcnn.softmaxes import softmax as softmax
from jaxcnn.stochastic import dropout as dropout
from jaxcnn.transposed_convolution import conv_transpose as conv_transpose
from jaxcnn.upsampling import pixel_shuffle as pixel_shuffle
from jaxcnn.upsampling import pixel_unshuffle as pixel_unshuffle
from jaxcnn.upsampling import upsample_bilinear as upsample_bilinear
from jaxcnn.upsampling import upsample_nearest as upsample_nearest

_MODULES = ("adapters", "check", "compiler", "derivations", "layers", "loops", "oracles", "spatial")


def __getattr__(name: str) -> _ModuleType:
    """Modules that `import jaxcnn` leaves for their first use."""
    if name in _MODULES:
        return _import_module(f"jaxcnn.{name}")
    raise AttributeError(f"module 'jaxcnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    """These modules too, for who looks what there is."""
    return sorted({*globals(), *_MODULES})


# every operation, and none of the modules: what `import *` takes and the generated pages show
__all__ = [name for name, value in vars().items() if callable(value) and name[0] != "_"]
