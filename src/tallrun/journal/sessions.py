"""The index of recorded sessions: found in a folder, named by the person, with their tables and reports.

An id that comes from outside is only ever looked up in the index; no path is made from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np
import pandas as pd

from tallrun.errors import EntryError, SessionError, TallrunError
from tallrun.gait.summary import numbers_of, told_gait
from tallrun.journal import offers
from tallrun.journal.advice import advise, for_report
from tallrun.journal.clinic import read_clinic
from tallrun.journal.desk import NotThereError, Records, current_time, load_protocol
from tallrun.journal.shown import read_shown
from tallrun.journal.told import told_of
from tallrun.numerics.json_ready import json_ready
from tallrun.pipeline.watch import watch_summary
from tallrun.recovery.rungs import intervals
from tallrun.report import build_report
from tallrun.report.cycles import pelvis_cycles, pitch_cycles
from tallrun.report.earlier import earlier_bands, keep_cycles
from tallrun.report.history import own_history
from tallrun.report.measured import pace_mps
from tallrun.report.overlays import overlays_in_force, read_overlays
from tallrun.report.paper import Sheet
from tallrun.report.ran import KEY as RAN_KEY
from tallrun.report.ran import ran, ran_of
from tallrun.report.session_report import analysed
from tallrun.report.told import key_in
from tallrun.sessions import read_session, write_tables, write_text
from tallrun.sessions.folder import read_info
from tallrun.sessions.series import read_watch
from tallrun.sessions.watch_import import import_watch
from tallrun.store import Store
from tallrun.store.location import DATABASE_NAME, data_folder
from tallrun.store.store import IndexedSession

DERIVED = "derived"
REPORT = "report.html"
THUMBNAIL_POINTS = 48
#: Of what a person may call a session by; kept in the index, never written into the recording.
OWN_KEYS = ("tags", "note", "title")
_DECIDED_KEYS = (offers.SAME_RUN_KEY, offers.LEFT_OUT_KEY)
_HIDDEN_KEYS = (*OWN_KEYS, *_DECIDED_KEYS)
_SEARCHED_CONTEXT = ("surface", "session_kind", "shoes")


@dataclass
class ScanResult:
    """What a scan found. added, known, moved : session ids. refused : folder name -> one line why."""

    added: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def scan(mine: Records, folder: Path) -> ScanResult:
    """Index every session folder in ``folder`` (itself, its children and theirs); nothing is analysed.

    A session that is indexed keeps its entry; one whose folder is gone is pointed to the folder found here. Of two
    folders with the same id the first indexed one stays. Raises SessionError when the folder is not there.
    """
    if not folder.is_dir():
        raise SessionError(f"{folder} is not a folder; name the one that holds your sessions")
    result = ScanResult()
    known = {row.session_id: row for row in mine.store.sessions(None)}
    whose = {session_id: (row.runner_id, row.folder) for session_id, row in known.items()}
    places = [folder, *(path for pattern in ("*", "*/*") for path in sorted(folder.glob(pattern)))]
    for place in places:
        if place.name.startswith(".") or place.is_symlink() or not (place / "session.json").is_file():
            continue
        try:
            info = read_info(place)
            session_id = _id_of(info, place, known)
            runner_id, kept = whose.get(session_id, (None, place))
            if runner_id is None:
                _index(mine, session_id, place, info)
                result.added.append(session_id)
            elif runner_id != mine.runner_id:
                result.refused[place.name] = "The same session is in the records of another runner."
                continue
            elif is_same_place(kept, place):
                result.known.append(session_id)
            elif (kept / "session.json").is_file():
                result.refused[place.name] = "The same session is indexed from another folder already."
                continue
            else:
                _write_back(mine, known[session_id], folder=place)
                result.moved.append(session_id)
            whose[session_id] = (mine.runner_id, place)
        except (TallrunError, OSError) as error:
            result.refused[place.name] = str(error)
    if result.added:
        offers.settle(mine)
    return result


def take_watch_file(mine: Records, folder: Path, name: str, content: bytes) -> list[dict[str, Any]]:
    """Make sessions of a watch's file or an archive of them in ``folder``, index them, and say what became of each.

    name : as the browser tells it; only ever shown. Returns rows of name, what and line, in the file's order.
    """
    shown = "".join(letter for letter in name.replace("\\", "/").rpartition("/")[2] if letter.isprintable())[
        -80:
    ]
    with TemporaryDirectory(prefix="tallrun-") as place:
        # The name stays with the file for the line about it; what cannot be a name of a file here is left out.
        kept = Path(place) / (re.sub(r"[^\w.() -]", "_", shown).lstrip(".") or "file")
        kept.write_bytes(content)
        told = list(import_watch([kept], folder, "auto", mine.runner.time_zone, mine.now))
    if any(item.folder is not None for item in told):
        scan(mine, folder)
    return [
        {
            "name": item.name, "what": item.what,
            "line": item.lines[0].partition(", written to ")[0] if item.lines else f"{item.name}: no watch file",
        }
        for item in told
    ]  # fmt: skip


def hand_off(out: Path, data_dir: Path | None) -> str:
    """Offer imported runs to the records of this machine, where they are of one runner; return what to say of it."""
    if (data_folder(data_dir) / DATABASE_NAME).is_file():
        with Store.open(data_dir) as store:
            if len(store.runner_codes()) == 1 and not store.is_read_only:
                found = scan(Records(store, store.find_runner(), current_time()), out)
                return "tallrun due asks whether it counts as a run of yours" if found.added else ""
    return f"to count it as a run of yours: tallrun log-run --session {out}"


def runner_of_sessions(where: Path | str | None, *folders: Path) -> str | None:
    """Return the code of the one runner the records have all these sessions of; None where it is not known so."""
    with Store.open(where) as store:
        codes = {runner_id: code for code, runner_id in store.runner_codes().items()}
        whose = {row.folder.resolve(): row.runner_id for row in store.sessions(None)}
    found = {whose.get(folder.resolve()) for folder in folders}
    return codes.get(found.pop() or "") if len(found) == 1 else None


def is_same_place(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to the same folder, whatever links they go through."""
    return os.path.realpath(one) == os.path.realpath(other)


def _id_of(info: dict[str, Any], place: Path, known: Mapping[str, Any]) -> str:
    """Return the session's UUID, or one made from what it holds when it has none that is a UUID."""
    try:
        return str(UUID(str(info.get("session_id"))))
    except ValueError:
        pass
    from_place = str(uuid5(NAMESPACE_URL, place.absolute().as_uri()))  # what earlier versions indexed it by
    return from_place if from_place in known else str(uuid5(NAMESPACE_URL, f"sha256:{_contents(place)}"))


def _contents(place: Path) -> str:
    """Return a hash of the session's head and of its signals, by their sizes and ends."""
    digest = hashlib.sha256()
    for path in (place / "session.json", *sorted((place / "signals").glob("*.parquet"))):
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4096))
            digest.update(f"{path.name}:{size}:".encode() + file.read())
    return digest.hexdigest()


def _index(mine: Records, session_id: str, place: Path, info: dict[str, Any]) -> None:
    started = _started_at(info, place)
    summary = _read_json(place / DERIVED / "summary.json")
    context = info.get("context")
    known = dict(context) if isinstance(context, dict) else {}
    if not summary and read_watch(place) is not None:
        # What a watch says needs no analysis to be seen.
        summary = {"watch": json_ready(watch_summary(read_session(place)))}
    mine.store.index_session(
        mine.runner_id,
        session_id=session_id,
        started_at=started,
        folder=place,
        duration_s=_duration_s(place),
        # What was decided about a session is in the records, never in its folder.
        context={key: value for key, value in known.items() if key not in _DECIDED_KEYS},
        summary=summary,
    )


def _started_at(info: dict[str, Any], place: Path) -> datetime:
    try:
        found = datetime.fromisoformat(str(info.get("started_at")))
    except ValueError:
        found = datetime.fromtimestamp((place / "session.json").stat().st_mtime, UTC).replace(microsecond=0)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _duration_s(place: Path) -> float | None:
    """Return the end of the last segment, or of a watch's rows; None before an analysis."""
    segments = _table(place, "segments")
    if segments is not None and not segments.empty:
        return float(segments["end_s"].max())
    watch = read_watch(place)
    return None if watch is None or not watch.rows["t_s"].size else float(watch.rows["t_s"][-1])


def indexed_id(mine: Records, place: str) -> str:
    """Return the id of a session given by its id or by its folder, which is indexed when it is not yet."""
    folder = Path(place)
    if not (folder / "session.json").is_file():
        return find(mine, place).session_id
    result = scan(mine, folder)
    found = [*result.added, *result.known, *result.moved]
    if not found:
        raise SessionError(next(iter(result.refused.values()), f"{folder} holds no session"))
    return found[0]


def find(mine: Records, session_id: str) -> IndexedSession:
    """Return a session's entry in the index; raises EntryError when there is none."""
    row = next((row for row in mine.store.sessions(mine.runner_id) if row.session_id == session_id), None)
    if row is None:
        raise NotThereError(f"There is no session with the id {session_id!r} in the records.")
    return row


def folder_of(row: IndexedSession) -> Path:
    """Return the session's folder; raises SessionError when it is gone or is no session any more."""
    folder = row.folder
    if not (folder / "session.json").is_file():
        raise SessionError(f"the folder of this session is gone: {folder}; scan the sessions folder again")
    return folder


def listing(mine: Records, query: str = "") -> list[dict[str, Any]]:
    """Return the indexed sessions, newest first; ``query`` words must all be found in name, context or tags."""
    words = query.casefold().split()
    runs = _rungs(mine)
    found = [
        entry(row, _counts(row, runs.keys()), runs, mine.zone)
        for row in reversed(mine.store.sessions(mine.runner_id))
    ]
    return [item for item in found if all(word in _text_of(item) for word in words)]


def one(mine: Records, session_id: str) -> dict[str, Any]:
    """Return one session as the list shows it; raises NotThereError.

    ``is_report_stale``: something was told of it since its report was made, or taken back.
    """
    row = find(mine, session_id)
    runs = _rungs(mine)
    shown = entry(row, _counts(row, runs.keys()), runs, mine.zone)
    if shown["has_report"]:
        known = key_in(row.folder / DERIVED / REPORT)
        shown["is_report_stale"] = known != told_of(mine, session_id, row.folder).key
    return shown


def _rungs(mine: Records) -> dict[str, str | None]:
    return {run.session_id: run.rung for run in mine.store.runs(mine.runner_id)}


def called_in(mine: Records, row: IndexedSession) -> str:
    """Return what a session of these records is called."""
    return name_of(row, _rungs(mine).get(row.session_id), mine.zone)


def _counts(row: IndexedSession, runs: Set[str]) -> bool:
    """Tell whether a session is in the record of runs, as a run or as another view of one."""
    return row.session_id in runs or row.context.get(offers.SAME_RUN_KEY) in runs


def name_of(row: IndexedSession, rung: str | None, zone: tzinfo) -> str:
    """Return what a session is called: its own title, else what it was and when; never a folder's name."""
    title = row.context.get("title")
    return (
        str(title)
        if title
        else called(row.started_at.astimezone(zone), rung, row.context.get("session_kind"))
    )


def called(started_at: datetime, rung: str | None, kind: Any = None) -> str:
    """Return kind and day of a session; rung : the level it was, None for a free run or one that does not count."""
    has_walks = rung is not None and intervals(load_protocol().work[rung]) is not None
    what = "Walk" if rung == "V0" else "Run/walk" if has_walks else "Run" if rung else str(kind or "session")
    what = what.replace("_", " ")
    name = f"{what[:1].upper()}{what[1:]}{f' {rung}' if rung else ''}"
    return f"{name}, {started_at:%a} {started_at.day} {started_at:%b %Y, %H:%M}"


def entry(row: IndexedSession, is_run: bool, rungs: Mapping[str, str | None], zone: tzinfo) -> dict[str, Any]:
    """Return one session as the list shows it. Numbers are null until it was analysed."""
    folder, context, summary = row.folder, dict(row.context), dict(row.summary)
    gait = told_gait(summary)
    present = (folder / "session.json").is_file()
    analysed = present and (folder / DERIVED / "summary.json").is_file()
    return {
        "session_id": row.session_id,
        "name": name_of(row, rungs.get(row.session_id), zone),
        "is_titled": bool(context.get("title")),
        "folder_name": folder.name,
        "started_at": row.started_at,
        "duration_s": row.duration_s,
        "context": {key: value for key, value in context.items() if key not in _HIDDEN_KEYS},
        "tags": [str(tag) for tag in context.get("tags") or []],
        "note": str(context.get("note") or ""),
        "gait": gait,
        "gait_time_s": summary.get("walk_time_s" if gait == "walk" else "run_time_s"),
        **asdict(ran_of(summary)),
        "cadence_spm": _median(numbers_of(summary, gait), "cadence_spm"),
        "valid_strides_pct": (summary.get("quality") or {}).get("valid_strides_pct"),
        "flags": sorted({str(flag.get("flag")) for flag in summary.get("flags") or []}),
        "is_present": present,
        "is_analysed": analysed,
        "has_report": analysed and (folder / DERIVED / REPORT).is_file(),
        "is_report_stale": False,
        "counts_as_run": is_run,
        "thumbnail": thumbnail(folder) if analysed else None,
    }


def _text_of(item: dict[str, Any]) -> str:
    parts = [item["name"], item["folder_name"], item["note"], *item["tags"], item["started_at"].isoformat()]
    parts += [str(item["context"].get(key) or "") for key in _SEARCHED_CONTEXT]
    return " ".join(parts).casefold()


def _median(summary: Mapping[str, Any], name: str) -> float | None:
    value = (summary.get(name) or {}).get("median")
    return None if value is None else float(value)


def thumbnail(folder: Path) -> list[float | None] | None:
    """Return cadence over the session in at most 48 points, None where it is unknown; None without a table."""
    path = folder / DERIVED / "timeline.parquet"
    try:
        changed_ns = path.stat().st_mtime_ns
    except OSError:
        return None
    return _thumbnail(folder, changed_ns)


@lru_cache(maxsize=512)
def _thumbnail(folder: Path, changed_ns: int) -> list[float | None] | None:
    table = _table(folder, "timeline")
    if table is None or table.empty:
        return None
    cadence = table["cadence_spm"].to_numpy(dtype=np.float64)
    parts = np.array_split(cadence, min(THUMBNAIL_POINTS, len(cadence)))
    return [round(float(np.nanmedian(part)), 1) if np.isfinite(part).any() else None for part in parts]


def rename(
    mine: Records, session_id: str, *, title: str | None = None, note: str | None = None,
    tags: list[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Change what a session is called in the index; None leaves as it was. Returns its entry."""
    row = find(mine, session_id)
    context = dict(row.context)
    for key, value in (("title", title), ("note", note), ("tags", tags)):
        if value is not None:
            context[key] = value
    _write_back(mine, row, context=context)
    return one(mine, session_id)


def _write_back(mine: Records, row: IndexedSession, **changes: Any) -> None:
    values: dict[str, Any] = {
        "started_at": row.started_at, "folder": row.folder, "duration_s": row.duration_s,
        "context": dict(row.context), "summary": dict(row.summary),
    }  # fmt: skip
    mine.store.index_session(mine.runner_id, session_id=row.session_id, **(values | changes))


def analyse(
    mine: Records, session_id: str, progress: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """Analyse a session, write its tables and report beside it, and return its entry in the index."""
    row = find(mine, session_id)
    folder = folder_of(row)
    recording = read_session(folder)
    protocol = mine.protocol
    source = analysed(
        recording,
        called_in(mine, row),
        protocol,
        progress or (lambda share: None),
        history=own_history(mine.store, mine.runner_id, protocol, mine.now, leave_out=(session_id,)),
        advice=for_report(advise(mine), protocol),
        entries=overlays_in_force(read_overlays(folder)),
    )
    tables = source.tables
    write_tables(folder / DERIVED, tables)
    speed_mps = pace_mps(tables.strides)
    cycles = pitch_cycles(source.waves, tables.strides)
    cycles += [] if source.pelvis is None else pelvis_cycles(source.pelvis, tables.strides)
    keep_cycles(folder / DERIVED, cycles, speed_mps)
    source = replace(
        source, earlier=earlier_bands(_earlier(mine, row), speed_mps),
        sheet=Sheet(mine.code, read_clinic(mine.store).letterhead), length_unit=read_shown(mine.store).length,
        told=told_of(mine, session_id, folder, source.pain),
    )  # fmt: skip
    write_text(folder / DERIVED / REPORT, build_report(source))
    mine.store.note_file(mine.runner_id, folder / DERIVED / REPORT, "report", mine.now)
    ends = tables.segments["end_s"]
    _write_back(
        mine,
        row,
        summary=tables.summary | {RAN_KEY: asdict(ran(recording, tables))},
        duration_s=float(ends.max()) if len(ends) else row.duration_s,
    )
    return one(mine, session_id)


def _earlier(mine: Records, row: IndexedSession) -> list[Path]:
    """Return the derived folders of the sessions before this one in the same shoe, newest first."""
    shoe = row.context.get("shoes")
    return [
        item.folder / DERIVED
        for item in reversed(mine.store.sessions(mine.runner_id))
        if item.started_at < row.started_at and item.context.get("shoes") == shoe
    ]


def report_path(mine: Records, session_id: str) -> Path:
    """Return the report's file; raises SessionError when it was not made yet."""
    path = folder_of(find(mine, session_id)) / DERIVED / REPORT
    if not path.is_file() or path.is_symlink():
        raise SessionError("There is no report of this session yet; make it first.")
    return path


def summary(mine: Records, session_id: str) -> dict[str, Any]:
    """Return the session's summary; raises SessionError before an analysis."""
    found = _read_json(folder_of(find(mine, session_id)) / DERIVED / "summary.json")
    if not found:
        raise SessionError("This session was not analysed yet; analyse it first.")
    return found


def table(mine: Records, session_id: str, name: str, start: int = 0, count: int = 5000) -> dict[str, Any]:
    """Return rows of strides, segments or timeline as columns of plain values, unknown ones null.

    ``n_rows`` is the length of the whole table.
    """
    if name not in ("strides", "segments", "timeline"):
        raise EntryError(f"There is no table {name!r}; there are strides, segments and timeline.")
    frame = _table(folder_of(find(mine, session_id)), name)
    if frame is None:
        raise SessionError("This session was not analysed yet; analyse it first.")
    part = frame.iloc[start : start + count]
    columns = {str(column): json_ready(part[column].tolist()) for column in part.columns}
    return {"n_rows": len(frame), "start": start, "columns": columns}


def _table(folder: Path, name: str) -> pd.DataFrame | None:
    path = folder / DERIVED / f"{name}.parquet"
    if not path.is_file():
        return None
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise SessionError(f"{path} cannot be read ({error}); analyse the session again") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise SessionError(f"{path} cannot be read ({error}); analyse the session again") from error
    return found if isinstance(found, dict) else {}
