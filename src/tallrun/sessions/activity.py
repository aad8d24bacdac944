"""A run as watches and training platforms know it: one row a second, and how it becomes a session.

Cadence is steps per minute of both feet here; formats that store strides per minute convert at their own edge.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from tallrun.errors import FormatError
from tallrun.numerics.recording import FloatArray, HeartRate, Recording, Treadmill
from tallrun.sessions.checks import MAX_TIME_S
from tallrun.units import STEPS_PER_STRIDE

#: Columns of ``Activity.rows``; all float64, NaN where unknown.
ROW_COLUMNS = (
    "t_s", "heart_rate_bpm", "cadence_spm", "speed_mps", "distance_m", "stance_time_s", "duty_factor",
    "stance_left_pct", "vertical_oscillation_m", "step_length_m", "foot_strike_angle_left_deg",
    "foot_strike_angle_right_deg", "pelvic_tilt_deg", "overstride_index", "n_cues",
)  # fmt: skip
#: Half the window of strides a row speaks for.
_HALF_WINDOW_S = 1.5
MAX_ACTIVITY_ROWS = 1_000_000
#: What a watch says is believed inside these; outside it is unknown, not clipped. Watches write 0 for a contact time or
#: a length they did not measure.
_PLAUSIBLE = {
    "heart_rate_bpm": (20.0, 250.0), "cadence_spm": (0.0, 320.0), "speed_mps": (0.0, 15.0), "distance_m": (0.0, 1e6),
    "stance_time_s": (0.03, 2.0), "duty_factor": (0.01, 1.0), "stance_left_pct": (1.0, 99.0),
    "vertical_oscillation_m": (0.001, 0.5), "step_length_m": (0.05, 5.0), "foot_strike_angle_left_deg": (-90.0, 90.0),
    "foot_strike_angle_right_deg": (-90.0, 90.0), "pelvic_tilt_deg": (-90.0, 90.0), "overstride_index": (-100.0, 100.0),
    "n_cues": (0.0, 255.0),
}  # fmt: skip
#: Distance is the integral of speed over strides on this grid; unknown when more than this share of them has no speed.
_GRID_S = 0.05
_MOST_UNKNOWN_SHARE = 0.1


@dataclass(frozen=True)
class Activity:
    """``rows`` has the columns of ``ROW_COLUMNS``, ``t_s`` counted from ``started_at`` and rising."""

    started_at: datetime | None
    rows: pd.DataFrame
    treadmill: bool
    source: str
    extra: dict[str, Any] = field(default_factory=dict)
    time_zone: str | None = None


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


def activity_rows(recording: Recording, strides: pd.DataFrame, duration_s: float) -> pd.DataFrame:
    """Return one row for each second from 0 to ``duration_s``: medians of the strides within 1.5 s of it.

    Unknown values are NaN. ``distance_m`` adds up the belt's speed where there is a belt, else the strides' own from
    each contact to the next of that foot; it is unknown as a whole when over a tenth of the moving time has no speed.
    """
    t_s = np.arange(0.0, np.floor(duration_s) + 1.0)
    rows = pd.DataFrame({name: np.full(t_s.size, np.nan) for name in ROW_COLUMNS})
    rows["t_s"] = t_s
    moving = strides[strides["mode"].isin(["run", "walk"])]
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
        held = np.searchsorted(belt.t_s, t_s, side="right") - 1
        rows["speed_mps"] = np.where(held >= 0, belt.speed_mps[np.maximum(held, 0)], np.nan)
        rows["distance_m"] = np.concatenate(
            ([0.0], np.cumsum(np.nan_to_num(rows["speed_mps"].to_numpy())[:-1]))
        )
    else:
        rows["distance_m"] = _distance(moving, t_s)
    heart = recording.heart_rate
    if heart is not None and heart.t_s.size > 1:
        rows["heart_rate_bpm"] = np.interp(t_s, heart.t_s, heart.bpm, left=np.nan, right=np.nan)
    cues = [marker.t_s for marker in recording.markers if marker.kind == "cue"]
    rows["n_cues"] = np.histogram(cues, np.append(t_s, np.inf))[0].astype(np.float64)
    return rows


def _distance(moving: pd.DataFrame, t_s: FloatArray) -> FloatArray:
    """Return the distance covered at ``t_s`` (n,) by closed strides, feet averaged; all NaN when it cannot be known.

    Medians around each second would count a second and a half before and after every bout.
    """
    grid_s = np.arange(0.0, t_s[-1] + _GRID_S, _GRID_S)
    total_mps, known, covered = np.zeros((3, grid_s.size))
    closed = moving.dropna(subset=["initial_contact_s", "cadence_spm"])
    for _, side in closed.sort_values("initial_contact_s").groupby("foot"):
        start_s = side["initial_contact_s"].to_numpy(np.float64)
        end_s = start_s + 60.0 * STEPS_PER_STRIDE / side["cadence_spm"].to_numpy(np.float64)
        at = np.searchsorted(start_s, grid_s, side="right") - 1
        inside = (at >= 0) & (grid_s < end_s[np.maximum(at, 0)])
        speed_mps = np.where(inside, side["speed_mps"].to_numpy(np.float64)[np.maximum(at, 0)], np.nan)
        covered += inside
        known += np.isfinite(speed_mps)
        total_mps += np.nan_to_num(speed_mps)
    unknown = (covered > 0) & (known == 0)
    if not known.any() or np.count_nonzero(unknown) > _MOST_UNKNOWN_SHARE * np.count_nonzero(covered):
        return np.full(t_s.size, np.nan)
    mean_mps = total_mps / np.maximum(known, 1.0)
    mean_mps[unknown] = np.median(mean_mps[known > 0])
    distance_m = np.concatenate(([0.0], np.cumsum(mean_mps[:-1] * _GRID_S)))
    return np.interp(t_s, grid_s, distance_m)


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


def watch_rows(
    columns: dict[str, list[float | None]], stamps: list[datetime]
) -> tuple[datetime, pd.DataFrame]:
    """Return (start, rows) from what a watch file held: sorted by time, later of equal stamps kept, implausible to NaN.

    Raises FormatError when there are no points or too many.
    """
    if not stamps:
        raise FormatError("the file holds no points with a time: nothing to import")
    if len(stamps) > MAX_ACTIVITY_ROWS:
        raise FormatError(f"the file holds {len(stamps)} points; at most {MAX_ACTIVITY_ROWS} are accepted")
    started_at = min(stamps)
    rows = pd.DataFrame({"t_s": [(stamp - started_at).total_seconds() for stamp in stamps]})
    for name in ROW_COLUMNS[1:]:
        rows[name] = pd.Series(columns.get(name, [None] * len(stamps)), dtype=np.float64)
    rows = rows.drop_duplicates("t_s", keep="last").sort_values("t_s", ignore_index=True)
    if rows["t_s"].iloc[-1] > MAX_TIME_S:
        raise FormatError(
            f"its points lie {rows['t_s'].iloc[-1] / 86_400.0:.0f} days apart, more than one run: export the run alone"
        )
    for name, (low, high) in _PLAUSIBLE.items():
        rows[name] = rows[name].where(rows[name].between(low, high))
    return started_at, rows


def activity_recording(activity: Activity) -> Recording:
    """Return the session of a watch's run: no sensors, heart rate and belt speed where known, a summary in ``info``.

    ``info["activity"]`` holds ``duration_s``, ``distance_m`` and median ``cadence_spm``; None where unknown.
    """
    rows = activity.rows
    heart = rows[["t_s", "heart_rate_bpm"]].dropna()
    speed = rows[["t_s", "speed_mps"]].dropna()
    distance = rows["distance_m"].dropna()
    running = rows.loc[rows["cadence_spm"] > 0.0, "cadence_spm"]
    info: dict[str, Any] = {
        "session_id": str(uuid4()),
        "context": {"session_kind": "run"} | ({"surface": "treadmill"} if activity.treadmill else {}),
        "source": activity.source,
        "activity": {
            "duration_s": float(rows["t_s"].iloc[-1]),
            "distance_m": float(distance.iloc[-1] - distance.iloc[0]) if len(distance) else None,
            "cadence_spm": float(running.median()) if len(running) else None,
        }
        | activity.extra,
    }
    if activity.started_at is not None:
        info["started_at"] = activity.started_at.isoformat()
    if activity.time_zone is not None:
        info["time_zone"] = activity.time_zone
    belt = None
    if activity.treadmill and len(speed):
        belt = Treadmill(speed["t_s"].to_numpy(), speed["speed_mps"].to_numpy(), np.full(len(speed), np.nan))
    pulse = HeartRate(heart["t_s"].to_numpy(), heart["heart_rate_bpm"].to_numpy()) if len(heart) else None
    return Recording(sensors={}, treadmill=belt, heart_rate=pulse, info=info)
