"""The result of a session: the tables and summary of the session contract (5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

#: Changes when any event, parameter or flag may move; stored with every derived table.
ALGORITHM_VERSION = "3"


@dataclass(frozen=True)
class GaitTables:
    """What ``tallrun analyze`` writes. Frames as in design 5.2; ``summary`` is JSON-ready without NaN."""

    strides: pd.DataFrame
    segments: pd.DataFrame
    timeline: pd.DataFrame
    flags: list[dict[str, Any]]
    summary: dict[str, Any]
