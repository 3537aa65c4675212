"""IDX, the format of MNIST and of Fashion-MNIST, gzipped or not.

byte 0, 1     0
byte 2        code of the dtype, 0x08: unsigned bytes
byte 3        number of axes
then          the size of each axis, 4 bytes, the highest first
then          the entries, the last axis fastest
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from experiments.train.errors import BadData

UNSIGNED_BYTES = 0x08
GZIP = b"\x1f\x8b"  # a gzip file starts so, and an IDX file does not


def read(folder: Path, name: str, axes: int) -> tuple[Path, np.ndarray]:
    """The file `name` or `name`.gz in the folder, and its unsigned bytes as an array of so many axes.

    Raises:
        BadData: it is missing or damaged, or holds something else.
    """
    path = next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)
    if path is None:
        raise BadData(folder, f"there is no {name}", f"that file, or {name}.gz")
    return path, _parsed(path, _contents(path), axes)


def _contents(path: Path) -> bytes:
    try:
        contents = path.read_bytes()
        return gzip.decompress(contents) if contents.startswith(GZIP) else contents
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadData(path, f"its gzip is damaged: {error}", "a whole gzip file") from error
    except OSError as error:
        raise BadData(path, f"it cannot be read: {error.strerror}", "a file") from error


def _parsed(path: Path, contents: bytes, axes: int) -> np.ndarray:
    start = 4 + 4 * axes
    if len(contents) < 4:
        raise BadData(path, f"it has {len(contents)} bytes", f"a header of {start}")
    zero, code, ndim = struct.unpack(">HBB", contents[:4])
    if zero != 0:
        raise BadData(path, f"its magic number starts with 0x{zero:04x}", "0x0000, as of an IDX file")
    if code != UNSIGNED_BYTES:
        raise BadData(path, f"its dtype code is 0x{code:02x}", f"0x{UNSIGNED_BYTES:02x}, unsigned bytes")
    if ndim != axes:
        raise BadData(path, f"its number of axes is {ndim}", f"{axes}")
    if len(contents) < start:
        raise BadData(path, f"it has {len(contents)} bytes", f"a header of {start}")
    shape = struct.unpack(f">{axes}I", contents[4:start])
    if 0 in shape:
        raise BadData(path, f"its shape is {shape}", "at least 1 along every axis")
    size, came = math.prod(shape), len(contents) - start
    if came != size:
        raise BadData(path, f"{came} bytes follow the header", f"{size}, for the shape {shape}")
    return np.frombuffer(contents, np.uint8, offset=start).reshape(shape)
