"""Wrong calls of upsampling and pixel shuffles."""

from invalid_calls.common import Z22, A, B, Call
from jaxcnn import pixel_shuffle, pixel_unshuffle, upsample_bilinear, upsample_nearest

WRONG: dict[str, dict[str, Call]] = {
    "upsample_nearest": {
        "an integer for the factor": (
            lambda: upsample_nearest(B, 2),
            TypeError,
            "factor is 2; expected a tuple, one integer for each spatial axis",
        ),
        "a float in the factor": (
            lambda: upsample_nearest(B, (1.5, 2)),
            TypeError,
            "factor[0] is 1.5; expected an integer of at least 1",
        ),
        "a factor of another rank": (
            lambda: upsample_nearest(B, (2,)),
            ValueError,
            "A has shape (1, 4, 4, 1), rank 4; expected rank 3 (batch, 1 spatial, channels) or 2 (no "
            "batch), given factor (2,)",
        ),
    },
    "upsample_bilinear": {
        "a factor of zero": (
            lambda: upsample_bilinear(B, (2, 0)),
            ValueError,
            "factor[1] is 0; expected an integer of at least 1",
        ),
        "one for align_corners": (
            lambda: upsample_bilinear(B, (2, 2), align_corners=1),
            TypeError,
            "align_corners is 1; expected True or False",
        ),
        "an image of no pixels": (
            lambda: upsample_bilinear(B[:, :0], (2, 2)),
            ValueError,
            "A has spatial size (0, 4); expected at least 1 pixel on every spatial axis",
        ),
    },
    "pixel_shuffle": {
        "channels that the factor does not divide": (
            lambda: pixel_shuffle(A, (2, 2)),
            ValueError,
            "A has 6 channels; expected a multiple of 4, the product of factor = (2, 2)",
        ),
        "a factor with batch and channels": (
            lambda: pixel_shuffle(A, (1, 2, 2, 1)),
            ValueError,
            "factor is (1, 2, 2, 1); expected 1 to 3 entries, one for each spatial axis",
        ),
    },
    "pixel_unshuffle": {
        "pixels that the factor does not divide": (
            lambda: pixel_unshuffle(Z22, (2, 3)),
            ValueError,
            "spatial axis 1 of Z has 2 pixels; expected a multiple of factor[1] = 3",
        ),
        "a factor of another rank": (
            lambda: pixel_unshuffle(Z22, (2,)),
            ValueError,
            "Z has shape (1, 2, 2, 1), rank 4; expected rank 3 (batch, 1 spatial, channels) or 2 (no "
            "batch), given factor (2,)",
        ),
    },
}
