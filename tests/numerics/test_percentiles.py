"""Percentiles equal numpy's, bit for bit."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tallrun.numerics.percentiles import percentiles

FINITE = st.floats(-1e300, 1e300)


@given(
    arrays.arrays(np.float64, st.integers(1, 40), elements=FINITE),
    st.lists(st.floats(0.0, 100.0), min_size=1),
)
@example(np.array([3.0]), [0.0, 50.0, 100.0])
@example(np.array([2.0, 1.0]), [0.0, 49.99, 50.0, 99.9, 100.0])
def test_percentiles_are_those_of_numpy(values: np.ndarray, percents: list[float]) -> None:
    kept = values.copy()
    assert percentiles(values, percents) == np.percentile(values, percents).tolist()
    np.testing.assert_array_equal(values, kept)


@given(arrays.arrays(np.float64, st.integers(5, 3000), elements=st.floats(0.0, 300.0)))
def test_the_numbers_of_a_summary_are_those_of_numpy(values: np.ndarray) -> None:
    assert percentiles(values, [5.0, 50.0, 95.0]) == np.percentile(values, [5.0, 50.0, 95.0]).tolist()
