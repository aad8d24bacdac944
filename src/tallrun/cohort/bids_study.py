"""A folder of sessions as the recordings of a BIDS study: who, which day, which recording of the day."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tallrun.cohort.discover import find_sessions
from tallrun.cohort.row import fact_values
from tallrun.cohort.subjects import days_since_first, folder_subject
from tallrun.errors import FormatError
from tallrun.gait.summary import told_gait
from tallrun.pipeline import analyse
from tallrun.sessions import read_session
from tallrun.sessions.bids_export import StudyRun


def study_runs(
    root: Path,
    subject_level: int | None = None,
    whose: Mapping[str, str] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[StudyRun]:
    """Yield the recordings below ``root``: subjects 01, 02 ... in order of their names, a session for each local day.

    subject_level : folder level that names the subject where neither ``session.json`` does nor ``whose`` (session id ->
    a name). A session of nobody is a subject of its own; ``tell`` is told how many. A session without a known start
    comes last, as a day of its own with an unknown distance.
    Raises FormatError for a folder without sessions or with a run that was not finished, SessionError for one that
    cannot be read: a study that silently lacks a recording would be taken for whole.
    """
    starts: dict[str, dict[Path, str | None]] = {}
    n_nameless = 0
    for found in find_sessions(root):
        if found.problem is not None:
            raise FormatError(f"{found.name}: {found.problem}")
        recording = read_session(found.folder)
        facts = fact_values(recording)
        named = facts["subject_id"] or (whose or {}).get(str(recording.info.get("session_id")))
        named = named or (folder_subject(found.name, subject_level) if subject_level else None)
        n_nameless += named is None
        starts.setdefault(named or f"\uffff{found.name}", {})[found.folder] = facts["started_at"]
    if not starts:
        raise FormatError(f"{root} holds no session; expected session folders below it")
    if n_nameless > 1:
        tell(
            f"{n_nameless} sessions do not say whose they are, and each became a subject of its own: --subject-level "
            "takes the name from a level of folders, --data-dir from the records that list them"
        )
    width = max(2, len(str(len(starts))))
    for number, (_, sessions) in enumerate(sorted(starts.items(), key=lambda item: _natural(item[0])), 1):
        days = days_since_first({str(folder): start for folder, start in sessions.items()})
        place = {
            str(folder): (days[str(folder)], _instant(start), str(folder))
            for folder, start in sessions.items()
        }
        known = sorted({day for day in days.values() if day is not None})
        n_unknown = 0
        n_of_day: dict[str, int] = {}
        for name in sorted(place, key=lambda name: (place[name][0] is None, *place[name][1:])):
            day = days[name]
            if day is None:
                n_unknown += 1
            session = f"{(known.index(day) + 1) if day is not None else len(known) + n_unknown:02d}"
            n_of_day[session] = n_of_day.get(session, 0) + 1
            recording = read_session(Path(name))
            tables = analyse(recording).tables
            subject, task = f"{number:0{width}d}", task_of(tables.summary)
            yield StudyRun(recording, subject, session, n_of_day[session], day, tables.strides, task)


def task_of(summary: Mapping[str, Any]) -> str:
    """Return the BIDS task of a session."""
    return "walking" if told_gait(summary) == "walk" else "running"


def _instant(start: str | None) -> float:
    return 0.0 if start is None else datetime.fromisoformat(start).timestamp()


def _natural(name: str) -> list[tuple[int, str]]:
    """Order runner2 before runner10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
