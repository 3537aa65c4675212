"""Wrong only at certain positions: an edge, every s-th index."""

import numpy as np

from jaxcnn.check.diagnosis.sample import Diagnosis, Kind, Sample


def at_the_edge(sample: Sample) -> Diagnosis | None:
    """The positions that are right form a box."""
    right, wrong = sample.live & ~sample.ever, sample.ever
    if not right.any():
        return None
    box = [(int(k.min()), int(k.max()) + 1) for k in np.nonzero(right)]
    # rows where nothing but zeros was seen belong to neither side
    inner = np.zeros(sample.shape, bool)
    inner[tuple(slice(*bounds) for bounds in box)] = True
    if np.any(wrong & inner):
        return None
    cut = [
        (a, low, n - high)
        for a, ((low, high), n) in enumerate(zip(box, sample.shape, strict=True))
        if (low, high) != (0, n)
    ]
    if len(cut) == 1 and cut[0][0] == 0 and len(sample.shape) > 1 and box[0][1] - box[0][0] == 1:
        return Diagnosis(
            Kind.BATCH,
            f"right only at index {box[0][0]} of axis 0 of {sample.shape[0]}: only that example is handled",
        )
    if any(2 * max(low, high) >= sample.shape[a] for a, low, high in cut):
        return None
    outside = sample.live & ~inner
    if not outside.any() or np.any(outside & ~wrong) or _few(sample):
        return None
    ends = [
        (a, end, count) for a, low, high in cut for end, count in (("first", low), ("last", high)) if count
    ]
    said = " and ".join(f"the {end} {count if count > 1 else 'index'} of axis {a}" for a, end, count in ends)
    kind = Kind.BORDER if any(low for _, low, _ in cut) else Kind.REMAINDER
    return Diagnosis(kind, f"wrong only at {said}: the border (padding) or a remainder is handled wrongly")


def at_every_other(sample: Sample) -> Diagnosis | None:
    """Right only at every s-th position along an axis."""
    for axis in range(len(sample.shape)):
        index = np.arange(sample.shape[axis]).reshape(-1, *[1] * (len(sample.shape) - 1 - axis))
        for step, start in ((s, r) for s in (2, 3, 4) for r in range(s) if sample.shape[axis] >= 2 * s):
            on = np.broadcast_to(index % step == start, sample.shape)
            for hit in (on, ~on):
                if (
                    np.array_equal(sample.ever, hit & sample.live)
                    and np.any(sample.live & ~hit)
                    and not _few(sample)
                ):
                    return Diagnosis(
                        Kind.STRIDE,
                        f"wrong only where the index along axis {axis} modulo {step} is "
                        f"{'' if hit is on else 'not '}{start}: a stride is handled wrongly",
                    )
    return None


def _few(sample: Sample) -> bool:
    """Whether too few cases are wrong to speak of positions."""
    return bool(np.sum(sample.wrong.reshape(len(sample.wrong), -1).any(axis=1)) < 4)
