"""The binary version of CIFAR-10: records of 1 label and 3072 pixels, the red ones first, row by row."""

from pathlib import Path

import numpy as np

from experiments.train.errors import BadData

FOLDER = "cifar-10-batches-bin"  # what the archive unpacks to
TRAINING = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = "test_batch.bin"
CHANNELS, SIZE = 3, 32
RECORD = 1 + CHANNELS * SIZE * SIZE


def read(folder: Path, name: str) -> tuple[Path, np.ndarray, np.ndarray]:
    """The file, in the folder or in `FOLDER` below it, its images (N, 32, 32, 3) and its labels (N,).

    Raises:
        BadData: it is missing, or no whole number of records.
    """
    path = next((path for path in (folder / name, folder / FOLDER / name) if path.exists()), None)
    if path is None:
        raise BadData(folder, f"there is no {name}", f"that file, or {FOLDER}/{name}")
    try:
        contents = path.read_bytes()
    except OSError as error:
        raise BadData(path, f"it cannot be read: {error.strerror}", "a file") from error
    if not contents or len(contents) % RECORD:
        raise BadData(path, f"it has {len(contents)} bytes", f"records of {RECORD}")
    records = np.frombuffer(contents, np.uint8).reshape(-1, RECORD)
    planes = records[:, 1:].reshape(-1, CHANNELS, SIZE, SIZE)
    return path, planes.transpose(0, 2, 3, 1), records[:, 0]
