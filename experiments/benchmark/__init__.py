"""What jaxcnn costs beside lax with `jax.grad`, flax, equinox and torch: `python -m experiments.benchmark`.

row         what is computed, as data                     operations.py, and experiments/networks.py
contenders  one file a library: the same row by it        contenders/
face        forward, dA, dW, backward or gradient         faces.py
reference   the oracle in float64                         reference.py
timing      round-robin samples over a row's contenders   timing.py
again       a second look at what seems to lose           again.py
floor       what the machine cannot go below              floor.py
targets     what the ratios must be, and what they aim at targets.py
suites      ops, context, nets, step, memory, compile      suites/
"""
