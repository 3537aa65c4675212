"""Figure 5: how often each pixel is used."""

import numpy as np

from experiments.figures.sheet import INPUT, KERNEL, Sheet
from jaxcnn import window

N, F = 6, 3
PADDINGS = {
    "valid": (0, 0),
    "same": window.same_padding(N, F),
    "full": window.full_padding(F),
}


def counts(padding: tuple[int, int]) -> np.ndarray:
    """How many windows see each pixel: of each axis the library's count, and their products."""
    along = np.array(window.coverage(N, F, padding=padding), np.float32)
    return along[:, None] * along


def draw(step: int | None) -> Sheet:
    """One matrix for each padding."""
    corner = {name: counts(padding)[0, 0] for name, padding in PADDINGS.items()}
    middle = {name: counts(padding).max() for name, padding in PADDINGS.items()}
    sheet = Sheet(
        11.6,
        "Figure 5 · How often each pixel is used",
        f"Each number tells in how many windows of a {F}×{F} kernel that pixel takes part. Without "
        f"padding (valid) a corner takes part in {corner['valid']:.0f}, the middle in "
        f"{middle['valid']:.0f}. The article says that padding solves this; same padding only narrows it "
        f"to {corner['same']:.0f} against {middle['same']:.0f}. L4 holds for full padding, p ≥ f − 1, "
        f"where every pixel takes part in {corner['full']:.0f} (and where every window sees the whole "
        "image).",
    )
    x = 0.5
    for name, (p, q) in PADDINGS.items():
        padded = np.pad(counts((p, q)), ((p, q), (p, q)))
        words = np.vectorize(lambda count: f"{count:.0f}" if count else "")(padded)
        y = 1 + (2 - p)
        grid = sheet.matrix(name, padded, x, y, INPUT, border=p, shades=padded / middle["full"], words=words)
        grid.window((0, 0), (F, F), KERNEL)
        n_out = window.output_size(N, F, padding=(p, q))
        sheet.text((x + grid.right) / 2, y - 0.5, f"{name}: p = {p}, output {n_out}×{n_out}", size=12)
        x = grid.right + 0.75
    return sheet
