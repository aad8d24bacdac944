"""The result of a session: the tables and summary of the session contract (5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, overload

from tallrun.gait.table import GaitTable

if TYPE_CHECKING:
    import pandas as pd

#: Changes when any event, parameter or flag may move; stored with every derived table.
ALGORITHM_VERSION = "3"


class _Frame:
    """A field that takes columns or a data frame and is a data frame from the first time somebody asks for it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, tables: None, owner: type) -> Self: ...
    @overload
    def __get__(self, tables: GaitTables, owner: type) -> pd.DataFrame: ...
    def __get__(self, tables: GaitTables | None, owner: type) -> Self | pd.DataFrame:
        if tables is None:
            raise AttributeError(self._name)  # the field has no default
        held = vars(tables)[self._name]
        if isinstance(held, GaitTable):
            held = vars(tables)[self._name] = held.frame()
        return held

    def __set__(self, tables: GaitTables, value: GaitTable | pd.DataFrame) -> None:
        vars(tables)[self._name] = value


@dataclass(frozen=True, kw_only=True)
class GaitTables:
    """What ``tallrun analyze`` writes. Frames as in design 5.2; ``summary`` is JSON-ready without NaN."""

    strides: _Frame = _Frame()
    segments: _Frame = _Frame()
    timeline: _Frame = _Frame()
    flags: list[dict[str, Any]]
    summary: dict[str, Any]

    def table(self, name: str) -> GaitTable:
        """Return ``strides``, ``segments`` or ``timeline`` as arrays by column name, without loading pandas."""
        held = vars(self)[name]
        return held if isinstance(held, GaitTable) else GaitTable.of(held)
