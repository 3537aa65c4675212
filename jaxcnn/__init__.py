"""Convolutional neural network operations for JAX with hand-derived, machine-checked gradients.

The operations are pure functions with a hand-written backward pass each; `jaxcnn.check` compares
anybody's hand-written gradient with a reference; `jaxcnn verify` judges the claims of the article
that the derivations come from. See the README for the conventions and the index of equations.
"""

from jaxcnn.convolution import conv as conv
from jaxcnn.convolution import conv_dA as conv_dA
from jaxcnn.convolution import conv_db as conv_db
from jaxcnn.convolution import conv_dW as conv_dW
from jaxcnn.convolution import convolve as convolve
