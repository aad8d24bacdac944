"""How well two ways of measuring the same things agree: bias, limits of agreement, intraclass correlation.

Sources: Bland & Altman 1986 (Lancet 327:307-310) for bias and limits; Shrout & Fleiss 1979 (Psychol Bull
86:420-428) and McGraw & Wong 1996 (Psychol Methods 1:30-46) for the intraclass correlations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Fewer pairs than this give no spread worth a name.
LEAST_PAIRS = 3
LIMITS_SD = 1.96


@dataclass(frozen=True)
class Agreement:
    """Second minus first, in the metric's unit; None where too few pairs (``reason``) or nothing varies.

    n : pairs with both values known. limit_low, limit_high : 95 % limits of agreement. icc_a1, icc_31 :
    agreement in the value itself, and consistency (a constant offset is forgiven).
    """

    n: int
    bias: float | None = None
    sd: float | None = None
    limit_low: float | None = None
    limit_high: float | None = None
    icc_a1: float | None = None
    icc_31: float | None = None
    reason: str | None = None


def agreement(first: FloatArray, second: FloatArray) -> Agreement:
    """Return how well two float64 (n,) arrays of the same things agree; pairs with a NaN are left out.

    The limits are bias ± 1.96 SD of the differences (n - 1 in the denominator), as in Bland & Altman 1986.
    """
    known = np.isfinite(first) & np.isfinite(second)
    first, second = first[known], second[known]
    n = int(first.size)
    if n < LEAST_PAIRS:
        return Agreement(n, reason="too_few_values")
    difference = second - first
    bias, sd = float(np.mean(difference)), float(np.std(difference, ddof=1))
    absolute, consistent = intraclass(np.column_stack([first, second]))
    return Agreement(
        n, bias, sd, bias - LIMITS_SD * sd, bias + LIMITS_SD * sd, absolute, consistent,
        None if absolute is not None else "no_variation",
    )  # fmt: skip


def intraclass(values: FloatArray) -> tuple[float | None, float | None]:
    """Return ICC(A,1) and ICC(3,1) of float64 (n targets, k ways of measuring); (None, None) when nothing varies.

    With the mean squares of the two-way table, rows R, columns C and error E:
    ICC(A,1) = (R - E) / (R + (k-1) E + k (C - E) / n), McGraw & Wong's case 2A, Shrout & Fleiss's ICC(2,1);
    ICC(3,1) = (R - E) / (R + (k-1) E), Shrout & Fleiss, McGraw & Wong's ICC(C,1).
    They are not bounded below by 0: a negative one says that targets differ less than the two measurements do.
    """
    n, k = values.shape
    if n < 2 or k < 2:
        return None, None
    grand = float(values.mean())
    rows = k * float(np.sum((values.mean(axis=1) - grand) ** 2)) / (n - 1)
    columns = n * float(np.sum((values.mean(axis=0) - grand) ** 2)) / (k - 1)
    left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + grand
    error = float(np.sum(left**2)) / ((n - 1) * (k - 1))
    consistency = rows + (k - 1) * error
    absolute = consistency + k * (columns - error) / n
    # What rounding alone leaves of identical values must not be divided by itself.
    least = 1e-20 * max(grand * grand, 1e-300)
    if consistency <= least or absolute <= least:
        return None, None
    return (rows - error) / absolute, (rows - error) / consistency
