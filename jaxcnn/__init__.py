"""Convolutional neural network operations for JAX with hand-derived, machine-checked gradients.

The operations are pure functions with a hand-written backward pass each; `jaxcnn.check` compares
anybody's hand-written gradient with a reference; `jaxcnn verify` judges the claims of the article
that the derivations come from. See the README for the conventions and the index of equations.
"""

from jaxcnn.activations import activation_dZ as activation_dZ
from jaxcnn.activations import leaky_relu as leaky_relu
from jaxcnn.activations import log_softmax as log_softmax
from jaxcnn.activations import relu as relu
from jaxcnn.activations import sigmoid as sigmoid
from jaxcnn.activations import softmax as softmax
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
from jaxcnn.losses import softmax_cross_entropy as softmax_cross_entropy
from jaxcnn.losses import squared_error as squared_error
from jaxcnn.lp_pooling import lp_pool as lp_pool
from jaxcnn.pooling import avg_pool as avg_pool
from jaxcnn.pooling import avg_pool_dA as avg_pool_dA
from jaxcnn.pooling import max_pool as max_pool
from jaxcnn.pooling import max_pool_dA as max_pool_dA
from jaxcnn.pooling import max_pool_index as max_pool_index
from jaxcnn.pooling import max_pool_mask as max_pool_mask
from jaxcnn.transposed_convolution import conv_transpose as conv_transpose
from jaxcnn.upsampling import pixel_shuffle as pixel_shuffle
from jaxcnn.upsampling import pixel_unshuffle as pixel_unshuffle
from jaxcnn.upsampling import upsample_bilinear as upsample_bilinear
from jaxcnn.upsampling import upsample_nearest as upsample_nearest
