"""Wrong calls of sizes and paddings."""

from invalid_calls.common import Call
from jaxcnn import window

WRONG: dict[str, dict[str, Call]] = {
    "output_size": {
        "a window that does not fit": (
            lambda: window.output_size(3, 5),
            ValueError,
            "n is 3, 3 after padding (0, 0), smaller than the window's extent 5; expected n + padding of "
            "at least 5, so that one window fits",
        ),
        "stride zero": (
            lambda: window.output_size(6, 3, stride=0),
            ValueError,
            "stride is 0; expected an integer of at least 1",
        ),
        "a float": (
            lambda: window.output_size(6.0, 3),
            TypeError,
            "n is 6.0; expected an integer of at least 0",
        ),
        "a name for the padding": (
            lambda: window.output_size(6, 3, padding="SAME"),
            TypeError,
            "padding is 'SAME'; expected a (low, high) pair of integers",
        ),
    },
    "same_padding": {
        "stride zero": (
            lambda: window.same_padding(6, 3, stride=0),
            ValueError,
            "stride is 0; expected an integer of at least 1",
        ),
    },
    "full_padding": {
        "no tap": (lambda: window.full_padding(0), ValueError, "f is 0; expected an integer of at least 1"),
    },
    "coverage": {
        "a float": (
            lambda: window.coverage(6.0, 3),
            TypeError,
            "n is 6.0; expected an integer of at least 0",
        ),
    },
    "ceil_padding": {
        "a pair of one": (
            lambda: window.ceil_padding(6, 3, padding=(1,)),
            TypeError,
            "padding is (1,); expected a (low, high) pair of integers",
        ),
    },
    "adaptive_windows": {
        "no window": (
            lambda: window.adaptive_windows(5, 0),
            ValueError,
            "n_out is 0; expected an integer of at least 1",
        ),
    },
    "valid_convolutions": {
        "no tap": (
            lambda: window.valid_convolutions(28, 0),
            ValueError,
            "f is 0; expected an integer of at least 1",
        ),
    },
}
