"""Train a CNN on small images, by hand-written gradients or by autodiff: `python -m experiments.train`.

data           digits, MNIST, Fashion-MNIST, CIFAR-10      data.py, idx.py, cifar.py
augmentation   pure functions of a key and images          augmentation.py
networks       of experiments.networks, and a little one   models.py
optimisers     and schedules, of optax                     optimizers.py
a step         the loss, its gradient, the update          step.py
the loop       epochs, tests, what stops a run             loop.py
where          devices that share a batch, processes       devices.py, processes.py
what is kept   a history, checkpoints, pictures            records.py, history.py, checkpoints.py, pictures.py
what comes     the network as files, and its use           export.py, predict.py
"""

from experiments.train.command import main as main
from experiments.train.config import Config as Config
from experiments.train.errors import BadCheckpoint as BadCheckpoint
from experiments.train.errors import BadConfig as BadConfig
from experiments.train.errors import BadData as BadData
from experiments.train.errors import CannotWrite as CannotWrite
from experiments.train.errors import MissingExtra as MissingExtra
from experiments.train.errors import NonFiniteLoss as NonFiniteLoss
from experiments.train.loop import Result as Result
from experiments.train.loop import run as run
