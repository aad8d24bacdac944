"""Runs of watch files as session folders: a folder, an archive or single files, one line about each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from tallrun.errors import FormatError, TallrunError
from tallrun.numerics.recording import Recording
from tallrun.sessions.activity import Activity, activity_recording, in_time_zone, refuse_future
from tallrun.sessions.apple_import import import_apple
from tallrun.sessions.fit_import import import_fit
from tallrun.sessions.folder import write_session
from tallrun.sessions.json_import import import_polar, import_suunto
from tallrun.sessions.watch_archive import watch_files
from tallrun.sessions.xml_import import import_gpx, import_tcx

What = Literal["imported", "there already", "refused", "no watch files"]


@dataclass(frozen=True)
class Told:
    """What became of one file or of one run in it. lines : what to say of it; the first names the file."""

    name: str
    what: What
    lines: tuple[str, ...]
    folder: Path | None = None


def import_watch(
    paths: list[Path], out: Path, cadence: str, time_zone: str | None, now: datetime
) -> Iterator[Told]:
    """Write every run at ``paths`` as a session folder in ``out``, named by its start.

    The same run in two files (start and length) is written once. A file that cannot be read, or a run that is dated
    after ``now``, costs itself only.
    Raises FormatError when a path does not exist.
    """
    made: dict[tuple[str | None, int], str] = {}
    for found in watch_files(paths):
        if found.trouble is not None or found.path is None:
            yield Told(found.name, "refused", (f"{found.name}: {found.trouble}",))
        elif found.kind is None:
            yield Told(found.name, "no watch files", ())
        else:
            try:
                activities = _activities(found.path, found.kind, cadence)
            except TallrunError as error:
                trouble = str(error).removeprefix(f"{found.path}: ").replace(str(found.path), "it")
                yield Told(found.name, "refused", (f"{found.name}: {trouble}",))
                continue
            for activity in activities:
                try:
                    refuse_future(found.name, activity.started_at, now)
                except FormatError as error:
                    yield Told(found.name, "refused", (str(error),))
                    continue
                yield _save_one(activity, out, found.name, time_zone, made)


def _activities(path: Path, kind: str, cadence: str) -> list[Activity]:
    if kind == "apple":
        return import_apple(path)[0]
    if kind == "polar":
        return import_polar(path, cadence)
    readers = {"fit": import_fit, "tcx": import_tcx, "gpx": import_gpx, "suunto": import_suunto}
    return [readers[kind](path, cadence)]


def _save_one(
    activity: Activity, out: Path, name: str, time_zone: str | None, made: dict[tuple[str | None, int], str]
) -> Told:
    shown = name.rpartition("/")[2]
    activity = replace(activity, source=f"{activity.source.partition(':')[0]}: {shown}")
    if time_zone is not None:
        activity = in_time_zone(activity, time_zone)
    start = None if activity.started_at is None else f"{activity.started_at:%Y-%m-%d_%H-%M-%S}"
    key = (
        None if activity.started_at is None else f"{activity.started_at.timestamp():.0f}",
        round(float(activity.rows["t_s"].iloc[-1])),
    )
    folder = out / (start or f"undated_{key[1]}s_{Path(shown).stem[:40]}")
    if (start is not None and key in made) or folder.exists():
        there = made.get(key, folder.name)
        line = f"{name}: the run of {there} is there already, left as it is"
        return Told(name, "there already", (line,), out / there)
    recording = activity_recording(activity)
    write_session(folder, recording)
    made[key] = folder.name
    line = f"{name}: {activity_line(recording)}, written to {folder}"
    return Told(name, "imported", (line, *(f"  note: {note}" for note in activity.notes)), folder)


def activity_line(recording: Recording) -> str:
    """Return a watch's run in one line: rows, seconds, metres, steps a minute, as far as they are known."""
    facts = recording.info["activity"]
    shown = {"duration_s": "s", "distance_m": "m", "cadence_spm": "steps/min"}
    parts = [f"{facts[key]:.0f} {unit}" for key, unit in shown.items() if facts[key] is not None]
    n_rows = 0 if recording.watch is None else len(recording.watch.rows["t_s"])
    return f"{n_rows} rows: {', '.join(parts)}"
