"""Agreement figures held against published examples and a plain reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.cohort.agreement import agreement, intraclass

#: Shrout & Fleiss 1979, table 2: six targets by four judges; printed ICC(2,1) = .29, ICC(3,1) = .71.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
#: Bland & Altman 1986, table 1: peak flow [l/min], first reading by the large and by the mini meter.
LARGE = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], float)
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], float)


def naive_intraclass(table):
    """The two-way analysis of variance, sum by sum."""
    n, k = len(table), len(table[0])
    grand = sum(sum(row) for row in table) / (n * k)
    row_means = [sum(row) / k for row in table]
    column_means = [sum(row[j] for row in table) / n for j in range(k)]
    rows = sum(k * (mean - grand) ** 2 for mean in row_means) / (n - 1)
    columns = sum(n * (mean - grand) ** 2 for mean in column_means) / (k - 1)
    total = sum((value - grand) ** 2 for row in table for value in row)
    error = (total - rows * (n - 1) - columns * (k - 1)) / ((n - 1) * (k - 1))
    return (
        (rows - error) / (rows + (k - 1) * error + k / n * (columns - error)),
        (rows - error) / (rows + (k - 1) * error),
    )


def test_the_published_intraclass_correlations():
    absolute, consistent = intraclass(SHROUT_FLEISS)
    assert round(absolute, 2) == 0.29
    assert round(consistent, 2) == 0.71


def test_the_published_limits_of_agreement():
    found = agreement(MINI, LARGE)
    assert round(found.bias, 1) == -2.1
    assert round(found.sd, 1) == 38.8
    # The paper takes 2 SD, of rounded figures: -79.7 to 75.5.
    assert found.bias - 2.0 * found.sd == pytest.approx(-79.7, abs=0.1)
    assert found.bias + 2.0 * found.sd == pytest.approx(75.5, abs=0.1)
    assert found.limit_low == pytest.approx(found.bias - 1.96 * found.sd)
    assert found.limit_high == pytest.approx(found.bias + 1.96 * found.sd)


@given(
    st.lists(st.lists(st.floats(-100, 100), min_size=2, max_size=2), min_size=3, max_size=30).filter(
        lambda rows: np.var([sum(row) for row in rows]) > 1e-3
    )
)
def test_intraclass_equals_the_plain_sums(rows):
    expected = naive_intraclass(rows)
    found = intraclass(np.array(rows))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_an_offset_spoils_agreement_but_not_consistency():
    values = np.array([150.0, 160.0, 170.0, 180.0])
    found = agreement(values, values + 5.0)
    assert found.bias == pytest.approx(5.0)
    assert found.sd == pytest.approx(0.0, abs=1e-9)
    assert found.icc_31 == pytest.approx(1.0)
    assert found.icc_a1 == pytest.approx(166.6667 / (166.6667 + 12.5), rel=1e-4)


def test_unknown_values_are_left_out_and_too_few_say_so():
    values = np.array([1.0, 2.0, np.nan, 4.0])
    assert agreement(values, values + 1.0).n == 3
    few = agreement(np.array([1.0, np.nan, 3.0]), np.array([1.0, 2.0, 3.0]))
    assert (few.n, few.bias, few.reason) == (2, None, "too_few_values")


def test_values_that_never_vary_have_no_intraclass_correlation():
    same = agreement(np.full(5, 7.1), np.full(5, 7.1))
    assert (same.bias, same.icc_a1, same.icc_31, same.reason) == (0.0, None, None, "no_variation")
