"""What a compiled program sends from device to device, read from its text (HLO)."""

import math
import re
from typing import NamedTuple

KINDS = ("all-reduce", "all-gather", "all-to-all", "collective-permute", "reduce-scatter")
_CALL = re.compile(rf" = (.*?) ({'|'.join(KINDS)})\(")
_ARRAY = re.compile(r"([a-z]+)(\d*)\[([\d,]*)\]")


class Collective(NamedTuple):
    """One instruction.

    Attributes:
        kind: of `KINDS`.
        shapes: of the arrays that come out, on each device.
        bytes: of these arrays.
    """

    kind: str
    shapes: tuple[tuple[int, ...], ...]
    bytes: int


def collectives(program: str) -> list[Collective]:
    """All of them, of `compiled.as_text()`, in its order."""
    return [
        Collective(kind, tuple(shape for _, shape in _arrays(result)), array_bytes(result))
        for result, kind in _CALL.findall(program)
    ]


def array_bytes(shapes: str) -> int:
    """Of all arrays in a shape, or a tuple of shapes, as in `f32[2,3]{1,0}`."""
    return round(sum(width * math.prod(shape) for width, shape in _arrays(shapes)))


def _arrays(shapes: str) -> list[tuple[float, tuple[int, ...]]]:
    """Of each the bytes of an entry, and the sizes; pred, a byte, has no number."""
    return [
        (int(bits or 8) / 8, tuple(int(n) for n in sizes.split(",") if n))
        for _, bits, sizes in _ARRAY.findall(shapes)
    ]
