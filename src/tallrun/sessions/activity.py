"""A run as watches and training platforms know it: one row a second, and how it becomes a session.

Cadence is steps per minute of both feet here; formats that store strides per minute convert at their own edge.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from tallrun.errors import FormatError
from tallrun.gait.eligible import sure_values
from tallrun.numerics.recording import FloatArray, HeartRate, Marker, Recording, Treadmill, WatchData
from tallrun.pipeline.belt import STANDING_MPS, held_speed
from tallrun.pipeline.watch import watch_summary
from tallrun.pipeline.way import way_along
from tallrun.sessions.sports import sport_on_foot
from tallrun.sessions.watch_points import LAP_COLUMNS, NO_DATE, ROW_COLUMNS, WatchTable

#: Half the window of strides a row speaks for.
_HALF_WINDOW_S = 1.5
#: Nobody runs so fast for so long.
_FASTEST_LONG_MPS, _LONG_RUN_S = 7.0, 300.0
#: A local time without a zone, read as UTC, lies up to 14 hours ahead.
_MOST_AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class Activity:
    """A run of a watch.

    rows : the columns of ``ROW_COLUMNS``, ``t_s`` counted from ``started_at`` and rising.
    laps : the columns of ``LAP_COLUMNS``. sport : in the file's own word, None where it does not say.
    notes : what was doubtful and what was done about it, in plain sentences.
    """

    started_at: datetime | None
    rows: pd.DataFrame
    treadmill: bool
    source: str
    extra: dict[str, Any] = field(default_factory=dict)
    time_zone: str | None = None
    laps: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(LAP_COLUMNS), dtype=np.float64)
    )
    sport: str | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, table: WatchTable, treadmill: bool, source: str, sport: str | None, notes: tuple[str, ...]
    ) -> Activity:
        """Return the activity of a watch's rows; totals of the laps stand in where no row has a distance.

        Raises FormatError when a file that does not say it was on foot moves faster than anybody runs.
        """
        extra: dict[str, Any] = {}
        if table.cadence_stored_as is not None:
            extra["cadence_stored_as"] = table.cadence_stored_as
        span_s = float(table.rows["t_s"].iloc[-1])
        if abs(table.recorded_s - span_s) > 0.5:
            extra["timer_s"] = table.recorded_s
        if not sport_on_foot(sport)[1]:
            _refuse_faster_than_feet(table)
        lap_m = table.laps["distance_m"]
        if table.rows["distance_m"].isna().all() and len(lap_m) and lap_m.notna().all():
            extra["distance_m"] = float(lap_m.sum())
        return cls(
            table.started_at, table.rows, treadmill, source, extra, laps=table.laps, sport=sport,
            notes=(*table.notes, *notes),
        )  # fmt: skip


def dated(activity: Activity, started_at: datetime) -> Activity:
    """Return the activity with the start that a person tells; that the watch had none is said no longer."""
    notes = tuple(note for note in activity.notes if note != NO_DATE)
    return replace(activity, started_at=started_at, notes=notes)


def notes_to_tell(activity: Activity) -> list[str]:
    """Return the notes, and before them what cadence was taken for where the file may mean something else."""
    taken = activity.extra.get("cadence_stored_as")
    if taken != "steps" and not (taken is not None and "GPX" in activity.source):
        return list(activity.notes)
    return [
        f"cadence was taken for {taken} a minute; if that is wrong, import with --cadence",
        *activity.notes,
    ]


def in_time_zone(activity: Activity, name: str) -> Activity:
    """Return the activity with its start on the clock of a time zone; watches write UTC, and days count locally.

    Raises FormatError for a zone that does not exist or a date the calendar does not hold.
    """
    try:
        zone = ZoneInfo(name)
        started_at = None if activity.started_at is None else activity.started_at.astimezone(zone)
    except (ValueError, OSError, OverflowError, ZoneInfoNotFoundError):
        raise FormatError(
            f"--time-zone must be an IANA name such as Europe/Berlin, got {name[:60]!r}"
        ) from None
    return replace(activity, started_at=started_at, time_zone=name)


def refuse_future(name: str, started_at: datetime | None, now: datetime) -> None:
    """Raise FormatError when a recording began after ``now``: some clock is wrong, and advice goes by dates."""
    if started_at is not None and started_at > now + _MOST_AHEAD:
        at = started_at.isoformat(timespec="minutes")
        raise FormatError(
            f"{name}: dated {at}, which is still to come; import it by itself with --started-at"
        )


def activity_rows(recording: Recording, strides: pd.DataFrame, duration_s: float) -> pd.DataFrame:
    """Return one row for each second from 0 to ``duration_s``: medians of the strides within 1.5 s of it.

    Values that are not sure by their own uncertainty count as unknown, NaN. ``distance_m`` is that of
    ``pipeline.way``: unknown as a whole when over a tenth of the moving time has no speed.
    """
    if recording.watch is not None and not recording.sensors:
        # A watch's run has rows of its own, by the second or as the watch wrote them.
        return pd.DataFrame(recording.watch.rows).reindex(columns=list(ROW_COLUMNS)).astype(np.float64)
    t_s = np.arange(0.0, np.floor(duration_s) + 1.0)
    rows = pd.DataFrame({name: np.full(t_s.size, np.nan) for name in ROW_COLUMNS})
    rows["t_s"] = t_s
    every = strides[strides["mode"].isin(["run", "walk"])]
    moving = sure_values(every)
    for name in ("cadence_spm", "speed_mps", "stance_time_s", "duty_factor", "overstride_index"):
        rows[name] = _windowed(moving, name, t_s)
    for name in ("vertical_oscillation_m", "pelvic_tilt_deg"):
        if name in moving:
            rows[name] = _windowed(moving, name, t_s)
    left, right = moving[moving["foot"] == "left"], moving[moving["foot"] == "right"]
    rows["foot_strike_angle_left_deg"] = _windowed(left, "foot_strike_angle_deg", t_s)
    rows["foot_strike_angle_right_deg"] = _windowed(right, "foot_strike_angle_deg", t_s)
    stance_left, stance_right = (_windowed(side, "stance_time_s", t_s) for side in (left, right))
    rows["stance_left_pct"] = 100.0 * stance_left / (stance_left + stance_right)
    rows["step_length_m"] = _windowed(moving, "stride_length_m", t_s) / 2.0
    belt = recording.treadmill
    if belt is not None and belt.t_s.size:
        belt_mps = held_speed(belt, t_s)
        # under a belt that stands or is not known somebody who moves goes by the own strides, as the distance does
        is_own = ~(belt_mps > STANDING_MPS) & rows["speed_mps"].notna()
        rows["speed_mps"] = rows["speed_mps"].where(is_own, belt_mps)
    rows["distance_m"] = way_along(every, t_s)
    heart = recording.heart_rate
    if heart is not None and heart.t_s.size > 1:
        rows["heart_rate_bpm"] = np.interp(t_s, heart.t_s, heart.bpm, left=np.nan, right=np.nan)
    cues = [marker.t_s for marker in recording.markers if marker.kind == "cue"]
    rows["n_cues"] = np.histogram(cues, np.append(t_s, np.inf))[0].astype(np.float64)
    return rows


def _windowed(strides: pd.DataFrame, name: str, t_s: FloatArray) -> FloatArray:
    known = strides[["initial_contact_s", name]].dropna().sort_values("initial_contact_s")
    at_s, values = known["initial_contact_s"].to_numpy(np.float64), known[name].to_numpy(np.float64)
    first = np.searchsorted(at_s, t_s - _HALF_WINDOW_S, side="left")
    last = np.searchsorted(at_s, t_s + _HALF_WINDOW_S, side="right")
    return np.array(
        [
            np.median(values[i:j]) if j > i else np.nan
            for i, j in zip(first.tolist(), last.tolist(), strict=True)
        ],
        np.float64,
    )


def activity_recording(activity: Activity) -> Recording:
    """Return the session of a watch's run: no sensors; rows, laps, heart rate, belt speed, a summary in ``info``.

    ``info["activity"]`` holds ``duration_s``, ``distance_m`` and median ``cadence_spm``; None where unknown.
    """
    rows = activity.rows
    heart = rows[["t_s", "heart_rate_bpm"]].dropna()
    speed = rows[["t_s", "speed_mps"]].dropna()
    running = rows.loc[rows["cadence_spm"] > 0.0, "cadence_spm"]
    duration_s = float(rows["t_s"].iloc[-1])
    facts: dict[str, Any] = {
        "duration_s": duration_s,
        "distance_m": covered_m(rows),
        "cadence_spm": float(running.median()) if len(running) else None,
    } | activity.extra
    if activity.sport is not None:
        facts["sport"] = activity.sport
    if activity.notes:
        facts["notes"] = list(activity.notes)
    info: dict[str, Any] = {
        "session_id": str(uuid4()),
        "context": {"session_kind": _kind(activity.sport)}
        | ({"surface": "treadmill"} if activity.treadmill else {}),
        "source": activity.source,
        "activity": facts,
    }
    if activity.started_at is not None:
        info["started_at"] = activity.started_at.isoformat()
    if activity.time_zone is not None:
        info["time_zone"] = activity.time_zone
    belt = None
    if activity.treadmill and len(speed):
        belt = Treadmill(speed["t_s"].to_numpy(), speed["speed_mps"].to_numpy(), np.full(len(speed), np.nan))
    pulse = HeartRate(heart["t_s"].to_numpy(), heart["heart_rate_bpm"].to_numpy()) if len(heart) else None
    laps = activity.laps
    marks = tuple(
        Marker(float(at_s), "lap", "") for at_s in laps["start_s"].iloc[1:] if 0.0 < at_s <= duration_s
    )
    watch = WatchData(
        {name: rows[name].to_numpy(np.float64) for name in rows.columns},
        {name: laps[name].to_numpy(np.float64) for name in laps.columns},
    )
    return Recording(sensors={}, treadmill=belt, heart_rate=pulse, markers=marks, info=info, watch=watch)


@dataclass(frozen=True)
class WatchRun:
    """What the record of a run without sensors needs, from a watch's session; None where the watch does not say.

    duration_s : from start to end. minutes : recorded, pauses left out; run_minutes : those of them that were running.
    """

    session_id: str | None
    started_at: datetime | None
    duration_s: float
    minutes: float
    run_minutes: float | None
    fastest_mps: float | None
    distance_m: float | None
    surface: str | None
    session_kind: str
    climb_m: float | None
    heart_rate_bpm: float | None


def watch_run(recording: Recording) -> WatchRun | None:
    """Return a watch's session as a run for the record; None when no watch recorded it."""
    summary = watch_summary(recording)
    if summary is None:
        return None
    started_at, info = recording.info.get("started_at"), recording.info
    surface = recording.context.get("surface")
    return WatchRun(
        session_id=None if info.get("session_id") is None else str(info["session_id"]),
        started_at=None if started_at is None else datetime.fromisoformat(str(started_at)),
        duration_s=summary["duration_s"],
        minutes=summary["recorded_s"] / 60.0,
        run_minutes=None if summary["run_s"] is None else summary["run_s"] / 60.0,
        fastest_mps=summary["fastest_minute_mps"],
        distance_m=summary["distance_m"],
        surface=None if surface is None else str(surface),
        session_kind=str(recording.context.get("session_kind", "run")),
        climb_m=summary["climb_m"],
        heart_rate_bpm=summary["heart_rate_bpm"],
    )


def _refuse_faster_than_feet(table: WatchTable) -> None:
    along = table.rows[["t_s", "distance_m"]].dropna()
    step_s, step_m = along["t_s"].diff(), along["distance_m"].diff()
    moving = step_m > 0.0
    if step_s[moving].sum() >= _LONG_RUN_S:
        mean_mps = float(step_m[moving].sum() / step_s[moving].sum())
        if mean_mps > _FASTEST_LONG_MPS:
            raise FormatError(
                f"the file does not say its sport, and moves at {3.6 * mean_mps:.0f} km/h over "
                f"{step_s[moving].sum() / 60.0:.0f} min, which no runner does; nothing was imported"
            )


def covered_m(rows: pd.DataFrame) -> float | None:
    """Return the distance of a watch's rows; a first value that cannot have been run by then is where it starts."""
    distance = rows[["t_s", "distance_m"]].dropna()
    if not len(distance):
        return None
    first_s, first_m = float(distance["t_s"].iloc[0]), float(distance["distance_m"].iloc[0])
    started_m = first_m if first_m > 15.0 * first_s + 20.0 else 0.0
    return float(distance["distance_m"].iloc[-1]) - started_m


def _kind(sport: str | None) -> str:
    word = (sport or "").casefold()
    if "hik" in word or "trek" in word:
        return "hike"
    return "walk" if "walk" in word else "run"
