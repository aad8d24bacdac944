"""Rows of the database <-> the frozen data classes of ``recovery`` (same names, same meaning).

A data class says what was observed or decided; the row adds when and by whom it was entered and what it
replaces. Only the fields whose Python type has no column type are converted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import Row

from tallrun.errors import UsageError
from tallrun.recovery import model
from tallrun.store import models

#: Fields that say who entered a record and where it stands; ``Store`` fills these columns itself.
_ROW_FIELDS = frozenset({"entered_by", "supersedes"})


@dataclass(frozen=True)
class Kind:
    """How one data class is kept: its table, which field is the row's ``at``, what is converted."""

    record: type[Any]
    table: type[Any]
    at_field: str = "at"
    packed: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = field(default_factory=dict)

    def fields(self) -> tuple[str, ...]:
        """Names of all fields of the data class, in its own order."""
        return tuple(item.name for item in fields(self.record))

    def names(self) -> tuple[str, ...]:
        """Names of the data class's fields that are columns of their own."""
        return tuple(item.name for item in fields(self.record) if item.name != self.at_field)


def _pack_advice(advice: model.Advice | None) -> dict[str, Any] | None:
    return None if advice is None else asdict(advice)


def _unpack_advice(kept: dict[str, Any] | None) -> model.Advice | None:
    return None if kept is None else model.Advice(**kept)


_SET = (sorted, frozenset)
_TUPLE = (list, tuple)
_MAPPING = (dict, dict)

KINDS: tuple[Kind, ...] = (
    Kind(model.Diagnosis, models.DiagnosisRow),
    Kind(model.ClinicianEntry, models.ClinicianRow, packed={"tighten": _MAPPING}),
    Kind(model.PainScore, models.PainRow),
    Kind(model.ExerciseSession, models.ExerciseRow),
    Kind(
        model.RunSession, models.RunRow, at_field="started_at",
        packed={"live_rules": _TUPLE, "advised": (_pack_advice, _unpack_advice)},
    ),
    Kind(model.Screen, models.ScreenRow, packed={"answers": _MAPPING, "qualities": _SET}),
    Kind(model.PhaseEntry, models.PhaseRow),
    Kind(model.GaitChange, models.GaitChangeRow),
    Kind(model.Questionnaire, models.QuestionnaireRow),
    Kind(model.SetupBaseline, models.SetupBaselineRow),
    Kind(model.PlannedSession, models.PlanRow, at_field="starts_at", packed={"kinds": _SET}),
)  # fmt: skip
_BY_RECORD = {kind.record: kind for kind in KINDS}


def kind_of(record: type[Any]) -> Kind:
    """Return how records of this class are kept; raises UsageError for a class the store does not keep."""
    try:
        return _BY_RECORD[record]
    except KeyError:
        known = ", ".join(item.record.__name__ for item in KINDS)
        raise UsageError(f"the store does not keep {record.__name__}; it keeps {known}") from None


def to_columns(record: Any) -> dict[str, Any]:
    """Return the columns of a record, ``at`` among them; the row's own id is left to the store."""
    kind = kind_of(type(record))
    columns = {
        name: getattr(record, name)
        for name in kind.names()
        if name not in _ROW_FIELDS and name != kind.table.key
    }
    for name, (pack, _) in kind.packed.items():
        columns[name] = pack(columns[name])
    return columns | {"at": getattr(record, kind.at_field)}


def from_rows(record: type[Any], rows: list[Row[Any]]) -> tuple[Any, ...]:
    """Return the records of rows of one table, in the same order."""
    kind = kind_of(record)
    names = kind.names()
    packed = kind.packed
    found = []
    for row in rows:
        columns = row._mapping
        values = {name: columns[name] for name in names}
        for name, (_, unpack) in packed.items():
            values[name] = unpack(values[name])
        found.append(record(**{kind.at_field: columns["at"]}, **values))
    return tuple(found)


#: Fields of ``recovery.model.History`` and what they hold.
HISTORY: dict[str, type[Any]] = {
    "scores": model.PainScore,
    "sessions": model.RunSession,
    "exercises": model.ExerciseSession,
    "screens": model.Screen,
    "clinician": model.ClinicianEntry,
    "diagnoses": model.Diagnosis,
    "phases": model.PhaseEntry,
    "gait_changes": model.GaitChange,
    "questionnaires": model.Questionnaire,
    "setup_baselines": model.SetupBaseline,
}


def runner_of(profile: Row[Any]) -> model.Runner:
    """Return the part of a profile row that the rules read."""
    return model.Runner(
        time_zone=profile.time_zone,
        side=profile.side,
        site=profile.site,
        born_on=profile.born_on,
        easy_speed_mps=profile.easy_speed_mps,
    )
