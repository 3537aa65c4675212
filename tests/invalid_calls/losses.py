"""Wrong calls of losses."""

import numpy as np

from invalid_calls.common import F32, FLOATING, LABELS, C, Call, V
from jaxcnn import binary_cross_entropy_with_logits, huber, softmax_cross_entropy, squared_error

WRONG: dict[str, dict[str, Call]] = {
    "softmax_cross_entropy": {
        "a list of labels": (
            lambda: softmax_cross_entropy(V, [0, 1, 2, 0]),
            TypeError,
            "t is a list; expected a JAX or NumPy array",
        ),
        "words for labels": (
            lambda: softmax_cross_entropy(V, np.array(["a", "b", "c", "d"])),
            TypeError,
            "t has dtype <U1; expected integer labels, or a distribution of Z's dtype float64",
        ),
        "Boolean labels": (
            lambda: softmax_cross_entropy(V, C > 0),
            TypeError,
            "t has dtype bool; expected integer labels, or a distribution of Z's dtype float64",
        ),
        "float labels": (
            lambda: softmax_cross_entropy(V, C),
            ValueError,
            "t has shape (4,); expected Z's, (4, 3), or integer labels",
        ),
        "labels with an axis too many": (
            lambda: softmax_cross_entropy(V, LABELS[:, None]),
            ValueError,
            "t has shape (4, 1); expected (4,), a label for each row of Z",
        ),
        "a batch that does not fit": (
            lambda: softmax_cross_entropy(V, LABELS[:3]),
            ValueError,
            "t has shape (3,); expected (4,), a label for each row of Z",
        ),
        "a label too high": (
            lambda: softmax_cross_entropy(V, LABELS + 1),
            ValueError,
            "t has the label 3; expected 0 to 2",
        ),
        "a label below zero": (
            lambda: softmax_cross_entropy(V, LABELS - 1),
            ValueError,
            "t has the label -1; expected 0 to 2",
        ),
        "a distribution that would broadcast": (
            lambda: softmax_cross_entropy(V, V[:, :1]),
            ValueError,
            "t has shape (4, 1); expected Z's, (4, 3), or integer labels",
        ),
        "a distribution of another dtype": (
            lambda: softmax_cross_entropy(V, V.astype(F32)),
            TypeError,
            "t has dtype float32; expected integer labels, or a distribution of Z's dtype float64",
        ),
        "no classes": (
            lambda: softmax_cross_entropy(V[:, :0], LABELS),
            ValueError,
            "Z has shape (4, 0); expected (…, K) with at least 1 class",
        ),
        "integer logits": (
            lambda: softmax_cross_entropy(LABELS, LABELS),
            TypeError,
            f"Z has dtype int64; expected {FLOATING}",
        ),
        "a smoothing above one": (
            lambda: softmax_cross_entropy(V, V, label_smoothing=1.5),
            ValueError,
            "label_smoothing is 1.5; expected a finite Python number from 0 to 1",
        ),
        "a smoothing that is no number": (
            lambda: softmax_cross_entropy(V, V, label_smoothing="some"),
            TypeError,
            "label_smoothing is 'some'; expected a finite Python number from 0 to 1",
        ),
        "weights of examples": (
            lambda: softmax_cross_entropy(V, V, weights=C),
            ValueError,
            "weights has shape (4,); expected (3,), one number a class",
        ),
        "weights of another dtype": (
            lambda: softmax_cross_entropy(V, V, weights=C[:3].astype(F32)),
            TypeError,
            "Z has dtype float64, weights has dtype float32; expected one dtype; convert with .astype",
        ),
        "a list of weights": (
            lambda: softmax_cross_entropy(V, V, weights=[1.0, 1.0, 2.0]),
            TypeError,
            "weights is a list; expected a JAX or NumPy array",
        ),
    },
    "binary_cross_entropy_with_logits": {
        "Boolean truths": (
            lambda: binary_cross_entropy_with_logits(V, V > 0),
            TypeError,
            f"t has dtype bool; expected {FLOATING}",
        ),
        "truths that would broadcast": (
            lambda: binary_cross_entropy_with_logits(V, V[0]),
            ValueError,
            "t has shape (3,); expected Z's, (4, 3)",
        ),
    },
    "squared_error": {
        "a number for t": (
            lambda: squared_error(V, 0.0),
            TypeError,
            "t is a float; expected a JAX or NumPy array",
        ),
        "targets that would broadcast": (
            lambda: squared_error(V, V[:, :1]),
            ValueError,
            "t has shape (4, 1); expected A's, (4, 3)",
        ),
        "two dtypes": (
            lambda: squared_error(V, V.astype(F32)),
            TypeError,
            "A has dtype float64, t has dtype float32; expected one dtype; convert with .astype",
        ),
    },
    "huber": {
        "a delta of zero": (
            lambda: huber(V, V, 0),
            ValueError,
            "delta is 0; expected a finite Python number above 0",
        ),
        "no delta": (
            lambda: huber(V, V, None),
            TypeError,
            "delta is None; expected a finite Python number above 0",
        ),
        "an infinite delta": (
            lambda: huber(V, V, float("inf")),
            ValueError,
            "delta is inf; expected a finite Python number above 0",
        ),
        "targets that would broadcast": (
            lambda: huber(V, V[:, :1]),
            ValueError,
            "t has shape (4, 1); expected A's, (4, 3)",
        ),
    },
}
