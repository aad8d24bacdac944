"""A table of a session as arrays by column name: all that gait itself needs; a data frame is made for who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # pandas takes longer to load than the gait of a minute
    import pandas as pd


class GaitTable:
    """Columns of one length: numbers (n,), and text as objects (n,), None where unknown.

    It is asked as a data frame is: ``table["mode"]`` is a column, ``table[table["mode"] == "run"]`` the rows where
    that holds, ``"mode" in table`` whether there is such a column, ``len(table)`` the number of rows. What keeps to
    these takes either (``TableLike``).
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self.columns = dict(columns)

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Self:
        """Return the columns of a data frame; whatever its index."""
        found: dict[str, NDArray[Any]] = {}
        for name, column in frame.items():
            if column.dtype.kind == "O":
                texts = zip(column.tolist(), column.isna().tolist(), strict=True)
                found[str(name)] = text_array([None if unknown else str(text) for text, unknown in texts])
            elif column.dtype.kind == "f":
                found[str(name)] = column.to_numpy(np.float64, na_value=np.nan)
            else:
                found[str(name)] = column.to_numpy()
        return cls(found)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    @overload
    def __getitem__(self, which: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, which: NDArray[np.bool_]) -> GaitTable: ...
    def __getitem__(self, which: str | NDArray[np.bool_]) -> NDArray[Any] | GaitTable:
        if isinstance(which, str):
            return self.columns[which]
        return GaitTable({name: values[which] for name, values in self.columns.items()})

    def assign(self, **columns: NDArray[Any]) -> GaitTable:
        """Return the table with these columns new or in the place of others."""
        return GaitTable(self.columns | columns)

    def frame(self) -> pd.DataFrame:
        """Return a data frame of its own copy of the columns; text is pandas' ``string``."""
        import pandas as pd

        return pd.DataFrame(
            {
                name: pd.array(values, dtype="string") if values.dtype == object else values
                for name, values in self.columns.items()
            }
        )


#: What a function of a table's columns takes, and gives back of the same kind.
TableLike = TypeVar("TableLike", "pd.DataFrame", GaitTable)


def text_array(values: Sequence[str | None]) -> NDArray[Any]:
    """Return text as a column (n,); None is unknown."""
    return np.array(values, dtype=object)
