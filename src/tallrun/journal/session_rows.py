"""What the records hold about one session, as plain rows for an export; the one place that joins the two."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallrun.journal.desk import Records

WHICH = ("session", "all", "none")
#: The pain questions around a run: the day before it, and up to 48 hours after.
_BEFORE, _AFTER = timedelta(hours=24), timedelta(hours=48)


@dataclass(frozen=True)
class FoundRecords:
    """``rows``: lists under ``pain``, ``exercises`` and ``questionnaires``; ``notes``: why something is not there."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


_NO_RECORDS = FoundRecords(notes=("there are no records here: no pain, exercises or forms are in it",))


def records_of_session(
    info: dict[str, Any], duration_s: float, which: str, runner: str | None, data_dir: str | None, out: str
) -> FoundRecords:
    """Return what is in force in the records about a session; looking is noted in the access log.

    With ``session``, rows count when they name the session, or lie around it in time while the session is known to the
    records: whoever exports a recording of somebody else must not get this runner's pain with it.

    Without ``runner`` they are those of whoever the records have the session of, else of the only runner there is.
    which : one of ``WHICH``. Raises EntryError when the runner cannot be told, StoreError when the records cannot be
    opened.
    """
    from tallrun.journal.desk import Records, current_time
    from tallrun.store import Store
    from tallrun.store.location import DATABASE_NAME, data_folder, is_url

    if which == "none":
        return FoundRecords()
    if not is_url(data_dir) and not (Path(data_folder(data_dir)) / DATABASE_NAME).exists():
        return _NO_RECORDS
    session_id = str(info.get("session_id"))
    with Store.open(data_dir) as store:
        if runner is None and not store.runner_codes():
            return _NO_RECORDS
        whose = {row.runner_id for row in store.sessions(None) if row.session_id == session_id}
        runner_id = whose.pop() if runner is None and len(whose) == 1 else store.find_runner(runner)
        mine = Records(store, runner_id, current_time())
        known = {row.session_id for row in store.sessions(mine.runner_id)}
        known |= {run.session_id for run in store.runs(mine.runner_id)}
        window = _window(info, duration_s) if session_id in known else None
        rows = _rows(mine, session_id, window, everything=which == "all")
        store.log_access(mine.runner_id, "runner", "fhir export", mine.now, out)
    notes = []
    if which == "session" and window is None:
        notes.append(
            "the records do not know this session: only rows that name it are in it (or --records all)"
        )
    return FoundRecords(rows, tuple(notes))


def _window(info: dict[str, Any], duration_s: float) -> tuple[datetime, datetime] | None:
    try:
        start = datetime.fromisoformat(str(info.get("started_at")))
        return start - _BEFORE, start + timedelta(seconds=duration_s) + _AFTER
    except (ValueError, OverflowError):
        return None


def _rows(
    mine: Records, session_id: str, window: tuple[datetime, datetime] | None, *, everything: bool
) -> dict[str, list[dict[str, Any]]]:
    from tallrun.store.models import ExerciseRow, PainRow, QuestionnaireRow

    def wanted(row: Any) -> bool:
        around = window is not None and window[0] <= row.at <= window[1]
        return everything or around or getattr(row, "session_id", None) == session_id

    pain = mine.store.entries(PainRow, mine.runner_id)
    masked = _masked(pain, mine.protocol.windows.masked_h)
    forms = mine.store.entries(QuestionnaireRow, mine.runner_id)
    chosen = [row for row in forms if wanted(row)]
    if window is not None and not chosen:
        # A form is filled in every few weeks: the newest before the run tells where the runner stood.
        chosen = [row for row in forms if row.at <= window[1]][-1:]
    return {
        "pain": [
            dict(row._mapping) | {"masked": hidden}
            for row, hidden in zip(pain, masked, strict=True)
            if wanted(row)
        ],
        "exercises": [
            dict(row._mapping) for row in mine.store.entries(ExerciseRow, mine.runner_id) if wanted(row)
        ],
        "questionnaires": [dict(row._mapping) for row in chosen],
    }


def _masked(pain: Sequence[Any], masked_h: float) -> list[bool]:
    """Tell of each score whether a painkiller taken in the hours before may have hidden pain, as the rules do."""
    taken = sorted(row.painkiller_at or row.at for row in pain if row.painkiller != "none")
    result = []
    for row in pain:
        i = bisect_right(taken, row.at)
        own = row.painkiller != "none" and row.painkiller_at is None
        result.append(own or (i > 0 and row.at - taken[i - 1] <= timedelta(hours=masked_h)))
    return result
