"""The result of a session: the tables and summary of the session contract (5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

#: Changes when any event, parameter or flag may move; stored with every derived table.
ALGORITHM_VERSION = "2"


@dataclass(frozen=True)
class GaitTables:
    """What ``tallrun analyze`` writes. Frames as in design 5.2; ``summary`` is JSON-ready without NaN."""

    strides: pd.DataFrame
    segments: pd.DataFrame
    timeline: pd.DataFrame
    flags: list[dict[str, Any]]
    summary: dict[str, Any]


def json_ready(value: Any) -> Any:
    """Return ``value`` with NaN and infinities as None and numpy scalars as plain ones."""
    if isinstance(value, dict):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(item) for item in value]
    if isinstance(value, np.ndarray):
        return [json_ready(item) for item in value.tolist()]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
