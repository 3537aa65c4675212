"""The definitions that `jax.grad` differentiates: one rule-free function an operation.

Written from the mathematics alone, in jax, with no custom rule, no lax convolution and no window
primitive, and importing nothing of jaxcnn: they share no mistake with what they judge. Slow and
plain on purpose. They also support forward mode (`jax.jvp`), which the operations do not.
"""
