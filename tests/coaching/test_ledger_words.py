"""A cue's reason never reads as if the value had been inside its band."""

from __future__ import annotations

from math import nan

import pytest

from tallrun.coaching.ledger import against_band


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (164.2, 169.2, 176.0, "164 against 169–176"),
        (168.6, 169.2, 176.0, "168.6 against 169.2–176.0"),
        (12.3, nan, 10.0, "12 against 10"),
        (10.3, nan, 10.0, "10.3 against 10.0"),
    ],
)
def test_digits_are_enough_to_see_the_side(value, low, high, words):
    assert against_band(value, low, high) == words
