"""How what is said of a record is entered into the index of tellers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from support.lives import ZONE

KINDS = ("holds", "fails", "unknown", "empty", "contradictory")
Said = Mapping[str, Iterable[str]]
TELLERS: dict[str, Callable[[], Said]] = {}
#: Of a teller with many sentences: those that only a known record can carry. Of others it is everything said of one.
CLAIMS: dict[str, re.Pattern[str]] = {}
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=ZONE)


def teller(claims: str = "") -> Callable[[Callable[[], Said]], Callable[[], Said]]:
    """Enter a function into the index."""

    def enter(make: Callable[[], Said]) -> Callable[[], Said]:
        TELLERS[make.__name__] = make
        if claims:
            CLAIMS[make.__name__] = re.compile(claims, re.IGNORECASE)
        return make

    return enter
