"""Augmentation: pure functions of a key and of images (B, h, w, C)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

Augmentation = Callable[[Array, Array], Array]


def random_crop(key: Array, images: Array, *, padding: int) -> Array:
    """Every image, padded by zeros, cropped to its size anywhere: shifted by up to `padding` pixels."""
    padded = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    corners = jax.random.randint(key, (len(images), 2), 0, 2 * padding + 1)
    corners = jnp.pad(corners, ((0, 0), (0, 1)))
    return jax.vmap(lambda image, corner: lax.dynamic_slice(image, corner, images.shape[1:]))(padded, corners)


def random_flip(key: Array, images: Array) -> Array:
    """Every image, or with a chance of 1/2 its mirror image, left and right exchanged."""
    flipped = jax.random.bernoulli(key, shape=(len(images), 1, 1, 1))
    return jnp.where(flipped, images[:, :, ::-1], images)


def crop_and_flip(key: Array, images: Array, *, padding: int) -> Array:
    """Both, each by a key of its own."""
    crop_key, flip_key = jax.random.split(key)
    return random_flip(flip_key, random_crop(crop_key, images, padding=padding))
