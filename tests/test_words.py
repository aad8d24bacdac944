"""Words every room shares: one rounding of a length of time, a share that is all only when it is."""

from __future__ import annotations

import pytest

from tallrun.words import clock, minute_words, share_words


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.0, "0:00"), (476.6, "7:57"), (109.5, "1:50"), (110.5, "1:51"), (59.5, "1:00"), (3599.6, "1:00:00")],
)
def test_a_length_of_time_is_rounded_to_the_nearest_second(seconds, told):
    assert clock(seconds) == told


@pytest.mark.parametrize(
    ("minutes", "told"), [(1.49, "1.5 min"), (1.5, "1.5 min"), (2.0, "2 min"), (31.7, "32 min")]
)
def test_short_minutes_keep_their_tenths(minutes, told):
    assert minute_words(minutes) == told


@pytest.mark.parametrize(
    ("share", "told"), [(100.0, "100.0"), (99.99, "99.9"), (99.69, "99.7"), (0.01, "0.1"), (0.0, "0.0")]
)
def test_a_share_is_all_or_none_only_where_it_is(share, told):
    assert share_words(share) == told
