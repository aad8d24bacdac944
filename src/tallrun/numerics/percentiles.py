"""Percentiles, bit for bit those of numpy, which loads all of its masked arrays for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallrun.numerics.recording import FloatArray


def percentiles(values: FloatArray, percents: Sequence[float]) -> list[float]:
    """Return percentiles of finite values (n,), n > 0, on the line between the two values beside each."""
    places = [percent / 100.0 * (values.size - 1) for percent in percents]
    beside = [(int(place), min(int(place) + 1, values.size - 1)) for place in places]
    ordered = np.partition(values, sorted({at for pair in beside for at in pair}))
    out = []
    for place, (low, high) in zip(places, beside, strict=True):
        share, step = place - low, ordered[high] - ordered[low]
        # from the nearer side, as numpy does it
        nearer = ordered[high] - step * (1.0 - share) if share >= 0.5 else ordered[low] + step * share
        out.append(float(nearer))
    return out
