"""What really happened, in the words of the session contract (truth.json); everything is plain JSON data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallrun.numerics.recording import FloatArray
from tallrun.simulate.motion import Motion
from tallrun.simulate.programme import (
    ASYMMETRY_PCT,
    LOW_CADENCE_DEFICIT_SPM,
    RUN,
    SEGMENT_MODE,
    TILT_SHIFT_DEG,
)
from tallrun.simulate.schedule import GRID_S

TRUTH_VERSION = 1
FOOT_NAMES = ("left", "right")
PELVIS_RATE_HZ = 10.0
OWN_CADENCE_SHARE = 0.05
POPULATION_TILT_DEG = 12.0
LEAST_FLAG_S = 5.0


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def stride_rows(motion: Motion, duration_s: float) -> list[dict[str, Any]]:
    """One row per true initial contact within the session, in order of time."""
    contacts = motion.contacts
    rows: list[tuple[float, dict[str, Any]]] = []
    for number in range(2):
        foot = motion.falls(number)
        ic, fc = contacts.initial_s[foot.which], contacts.final_s[foot.which]
        placement = f"foot_{FOOT_NAMES[number]}"
        at_contact = motion.states(placement, ic)
        heading = motion.pelvis.heading_rad[foot.which]
        at_rest = motion.pelvis.under_m[foot.which]
        apart = at_rest - motion.pelvis_path_m(ic)
        ahead = apart[:, 0] * np.cos(heading) + apart[:, 1] * np.sin(heading)
        angle = np.degrees(-at_contact[:, 10] - foot.flat_rad)
        landing_angle = np.degrees(-motion.states(placement, foot.land_s)[:, 10] - foot.flat_rad)
        length = np.full(len(ic), np.nan)
        length[:-1] = np.linalg.norm(np.diff(foot.slid_m, axis=0), axis=1)
        stride_s = np.append(np.diff(ic), np.nan)
        standing = contacts.is_standing[foot.which]
        open_stride = standing | (np.append(ic[1:], np.inf) >= duration_s)
        length[open_stride] = stride_s[open_stride] = np.nan
        following = np.append(contacts.initial_s, np.nan)[foot.which + 1]
        final = np.where(standing | (fc >= duration_s), np.nan, fc)
        flight = following - final
        for k in np.flatnonzero((ic >= 0.0) & (ic < duration_s)):
            c = foot.which[k]
            row = {
                "foot": FOOT_NAMES[number],
                "initial_contact_s": float(ic[k]),
                "final_contact_s": _number(final[k]),
                "stride_length_m": _number(length[k]),
                "foot_strike_angle_deg": float(angle[k]),
                "foot_ahead_m": float(ahead[k]),
                "braking_dv_mps": _number(motion.pelvis.braking_dv_mps[c]),
                "stride_time_s": _number(stride_s[k]),
                "stance_time_s": _number(final[k] - ic[k]),
                "flight_time_s": _number(flight[k]),
                "mode": SEGMENT_MODE[motion.bouts[contacts.bout[c]].mode],
                "slip_m": float(contacts.slip_m[c]),
                "flat_s": float(foot.switch_s[k]),
                "landing_s": float(foot.land_s[k]),
                "landing_angle_deg": float(landing_angle[k]),
            }
            rows.append((float(ic[k]), row))
    return [row for _, row in sorted(rows, key=lambda item: item[0])]


def segment_rows(motion: Motion, duration_s: float) -> list[dict[str, Any]]:
    """One row per bout, half-open and gap-free, with the pelvis' vertical oscillation in it."""
    rows = []
    contacts = motion.contacts
    for k, bout in enumerate(motion.bouts):
        start, end = float(motion.borders_s[k]), float(motion.borders_s[k + 1])
        if start < -1e-9 or end > duration_s + 1e-9:
            continue
        inside = contacts.initial_s[(contacts.initial_s >= start + 5.0) & (contacts.initial_s < end - 2.0)]
        oscillation = None
        if bout.is_moving and len(inside) > 4:
            t = np.arange(inside[0], inside[-1], 0.005)
            rise = motion.grid.at("height_m", t) if motion.programme.surface != "treadmill" else 0.0
            z = motion.states("pelvis", t)[:, 2] - rise
            borders = np.searchsorted(t, inside[:-1])
            steps = np.split(z, borders[1:])
            oscillation = float(np.median([np.ptp(step) for step in steps if len(step) > 10]))
        rows.append(
            {
                "start_s": start,
                "end_s": end,
                "mode": SEGMENT_MODE[bout.mode],
                "speed_mps": bout.speed_mps,
                "incline_pct": bout.incline_pct,
                "vertical_oscillation_m": oscillation,
            }
        )
    return rows


def pelvis_series(motion: Motion, duration_s: float) -> dict[str, list[float]]:
    """Pelvic tilt from standing at 10 Hz: as it is, and its mean over about one stride."""
    fine_hz = 100.0
    t = np.arange(0.0, duration_s + 1.0, 1.0 / fine_hz)
    tilt = np.degrees(motion.states("pelvis", t)[:, 10])
    width = 0.72
    sums = np.concatenate([[0.0], np.cumsum(tilt) / fine_hz])
    half = int(width / 2 * fine_hz)
    low, high = np.maximum(np.arange(len(t)) - half, 0), np.minimum(np.arange(len(t)) + half + 1, len(t))
    mean = (sums[high] - sums[low]) * fine_hz / (high - low)
    pick = slice(0, int(duration_s * fine_hz), int(fine_hz / PELVIS_RATE_HZ))
    return {
        "t_s": np.round(t[pick], 6).tolist(),
        "tilt_deg": np.round(tilt[pick], 4).tolist(),
        "tilt_mean_deg": np.round(mean[pick], 4).tolist(),
    }


def flag_rows(motion: Motion, duration_s: float) -> list[dict[str, Any]]:
    """Where each flag is truly present, with its severity as a multiple of the published threshold.

    ``reference_kind`` says against what: ``population`` (design thresholds of sci:A3, sci:A5, sci:A6, +12
    degrees of tilt from standing) or ``own_baseline`` (this runner's usual cadence and running tilt).
    """
    grid, runner = motion.grid, motion.runner
    running = np.array([bout.mode == RUN for bout in motion.bouts])[grid.bout]
    running &= (grid.t_s >= 0.0) & (grid.t_s <= duration_s)
    expected = runner.expected_cadence_spm(0.0) + 7.0 * np.maximum(grid.speed_mps, 1.8)
    usual = expected + runner.cadence_offset_spm
    series: list[tuple[str, str, FloatArray]] = [
        ("low_cadence", "population", (expected - grid.cadence_spm) / LOW_CADENCE_DEFICIT_SPM),
        ("low_cadence", "own_baseline", (1.0 - grid.cadence_spm / usual) / OWN_CADENCE_SHARE),
        ("overstriding", "population", grid.overstride),
        ("anterior_pelvic_tilt", "own_baseline", (grid.tilt_deg - runner.running_tilt_deg) / TILT_SHIFT_DEG),
        ("anterior_pelvic_tilt", "population", grid.tilt_deg / POPULATION_TILT_DEG),
        ("asymmetry", "population", np.abs(grid.asymmetry_pct) / ASYMMETRY_PCT),
    ]
    rows = []
    for flag, kind, severity in series:
        for begin, end in _runs(running & (severity >= 1.0)):
            start_s, end_s = float(grid.t_s[begin]), float(min(grid.t_s[end - 1] + GRID_S, duration_s))
            if end_s - start_s < LEAST_FLAG_S:
                continue
            rows.append(
                {
                    "flag": flag,
                    "start_s": max(0.0, start_s),
                    "end_s": end_s,
                    "severity": float(np.median(severity[begin:end])),
                    "reference_kind": kind,
                }
            )
    return sorted(rows, key=lambda row: (row["start_s"], row["flag"], row["reference_kind"]))


def _runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[0::2], edges[1::2], strict=True)]


def impairment_rows(
    motion: Motion, sensors: dict[str, dict[str, Any]], duration_s: float
) -> list[dict[str, Any]]:
    """Everything that spoils the data or the gait, as one list: kind, where, when, how much."""
    rows: list[dict[str, Any]] = []
    for k, bout in enumerate(motion.bouts):
        start, end = float(motion.borders_s[k]), float(motion.borders_s[k + 1])
        if start < -1e-9 or end > duration_s + 1e-9:
            continue
        span = {"start_s": start, "end_s": end}
        if bout.contact_asymmetry_pct:
            rows.append({"kind": "limp", **span, "contact_asymmetry_pct": bout.contact_asymmetry_pct})
        if bout.slip_share:
            rows.append({"kind": "slip", **span, "share": bout.slip_share, "slip_m": bout.slip_m})
    whole = {"start_s": 0.0, "end_s": duration_s}
    for placement, facts in sensors.items():
        if facts["lost_share"]:
            rows.append({"kind": "loss", "sensor": placement, **whole, "share": facts["lost_share"]})
        if facts["jitter_s"]:
            rows.append({"kind": "jitter", "sensor": placement, **whole, "sd_s": facts["jitter_s"]})
        share = max(facts.get("clipped_share_acc", 0.0), facts.get("clipped_share_gyr", 0.0))
        if share:
            rows.append({"kind": "clip", "sensor": placement, **whole, "share": share})
        if facts.get("mount_slip_at_s") is not None:
            rows.append(
                {
                    "kind": "mount_slip",
                    "sensor": placement,
                    "start_s": facts["mount_slip_at_s"],
                    "end_s": duration_s,
                }
            )
    return rows
