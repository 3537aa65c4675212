"""Channels last, as the rows are, to channels first and back, by the role of each array."""

import numpy as np


def first(role: str, x: np.ndarray) -> np.ndarray:
    """(B, *n, C) → (B, C, *n); (*f, C, K) → (K, C, *f); (C, K) → (K, C); all else as it is."""
    return np.transpose(x, axes_of(role, x.ndim))


def last(role: str, x: np.ndarray) -> np.ndarray:
    """The inverse of `first`."""
    return np.transpose(x, np.argsort(axes_of(role, x.ndim)))


def axes_of(role: str, ndim: int) -> tuple[int, ...]:
    """The transposition that `first` is."""
    if role == "image":
        return (0, ndim - 1, *range(1, ndim - 1))
    if role in ("kernel", "matrix"):
        return (ndim - 1, ndim - 2, *range(ndim - 2))
    return tuple(range(ndim))
