"""Augmentation: pure functions of a key and of images (…, h, w, C).

However the axes before h are laid out, an image undergoes what its number in their order decides.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

Augmentation = Callable[[Array, Array], Array]


def random_crop(key: Array, images: Array, *, padding: int) -> Array:
    """Every image, padded by zeros, cropped to its size anywhere: shifted by up to `padding` pixels."""
    *batch, height, width, C = images.shape
    padded = jnp.pad(images, (*((0, 0) for _ in batch), (padding, padding), (padding, padding), (0, 0)))
    corners = jax.random.randint(key, (*batch, 2), 0, 2 * padding + 1)

    def crop(image: Array, corner: Array) -> Array:
        return lax.dynamic_slice(image, (*corner, 0), (height, width, C))

    for _ in batch:
        crop = jax.vmap(crop)
    return crop(padded, corners)


def random_flip(key: Array, images: Array) -> Array:
    """Every image, or with a chance of 1/2 its mirror image, left and right exchanged."""
    flipped = jax.random.bernoulli(key, shape=(*images.shape[:-3], 1, 1, 1))
    return jnp.where(flipped, images[..., ::-1, :], images)


def crop_and_flip(key: Array, images: Array, *, padding: int) -> Array:
    """Both, each by a key of its own."""
    crop_key, flip_key = jax.random.split(key)
    return random_flip(flip_key, random_crop(crop_key, images, padding=padding))
