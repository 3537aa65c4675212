"""All rows."""

from experiments.planted import (
    activations,
    attention,
    convolution,
    dense,
    losses,
    normalization,
    numerical,
    pooling,
)

ROWS = [
    *convolution.ROWS,
    *pooling.ROWS,
    *activations.ROWS,
    *losses.ROWS,
    *normalization.ROWS,
    *dense.ROWS,
    *attention.ROWS,
    *numerical.ROWS,
]
BY_NAME = {row.name: row for row in ROWS}
FIELDS = tuple(dict.fromkeys(row.field for row in ROWS))
