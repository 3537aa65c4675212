"""A real photograph, out of scikit-learn's two: the Summer Palace in Beijing."""

import numpy as np


def photograph() -> np.ndarray:
    """(427, 640, 3), numbers from 0 to 255."""
    from sklearn.datasets import load_sample_image

    return load_sample_image("china.jpg").astype(np.float32)


def grey() -> np.ndarray:
    """(427, 640), numbers from 0 to 1: the luminance of the photograph."""
    return photograph() @ np.array([0.299, 0.587, 0.114], np.float32) / 255
