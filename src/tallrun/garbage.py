"""How often Python looks for garbage in cycles, of which hardly anything here leaves any."""

from __future__ import annotations

import gc

#: After so many new objects, and among older ones every few times.
_SELDOM = (20_000, 5, 5)


def look_seldom() -> None:
    """Let this process look for garbage seldom.

    Python looks after every 700 new objects: a fifth of the time of a short command, a tenth of a cohort's worker's,
    and some hundredths of an analysis.
    """
    gc.set_threshold(*_SELDOM)
