"""What a compiled program sends from device to device, read from its text (HLO, of a CPU)."""

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
    found = []
    for result, kind in _CALL.findall(program):
        arrays = [
            (int(bits or 8) / 8, tuple(int(n) for n in sizes.split(",") if n))  # pred, a byte, has no number
            for _, bits, sizes in _ARRAY.findall(result)
        ]
        total = sum(width * math.prod(shape) for width, shape in arrays)
        found.append(Collective(kind, tuple(shape for _, shape in arrays), round(total)))
    return found
