"""The networks with normalisation and residual or depthwise blocks can learn a few images by heart."""

import jax
import numpy as np
import pytest

pytest.importorskip("optax")

from experiments.networks import NETWORKS, build
from experiments.train import Config
from experiments.train.optimizers import optimizer, schedule
from experiments.train.step import compiled, initial

BATCH, SIZE, STEPS = 8, 8, 80


@pytest.mark.parametrize("name", ["resnet", "mobilenet"])
def test_a_small_batch_is_learned_by_heart(name):
    """Noise: nothing but the images themselves tells the labels."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (1, BATCH, SIZE, SIZE, 3), np.uint8)
    labels = rng.integers(0, 10, (1, BATCH), np.int32)
    config, model = Config(model=name, batch_size=BATCH), build(NETWORKS[name])
    rule = optimizer("adam", schedule("cosine", 3e-3, STEPS))
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        training = initial(config, model, rule, images.shape[2:])
        train = compiled(config, model, rule, lambda key, images: images, 255).train
        for step in range(STEPS):
            training, told = train(training, step, images, labels)
    assert told.accuracy == 1
    assert told.loss < 0.01
