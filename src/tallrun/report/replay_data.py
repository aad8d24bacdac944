"""A recorded session run through the live pipeline again, with everything the replay page draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tallrun.coaching import BlockChange, CueAnswer, CueEnd, CueStart, ProbeResult, ledger_rows
from tallrun.errors import UsageError
from tallrun.gait.summary import Gait, told_gait
from tallrun.numerics.json_ready import json_ready
from tallrun.numerics.recording import Marker, Recording
from tallrun.pipeline import Analysis, FlagChanged, GaitTables, analyse
from tallrun.pipeline.batch import samples_end_s
from tallrun.pipeline.live_run import LiveEvent, LiveRun, LiveSetup, Safety
from tallrun.pipeline.setup_record import KnownSetup
from tallrun.pipeline.taps import marker_tap
from tallrun.reasons import REASONS
from tallrun.recovery import Protocol
from tallrun.report.corrections import Corrected
from tallrun.report.cycles import clean_strides
from tallrun.units import DEG_PER_RAD, STANDARD_GRAVITY_MPS2

#: Two replays of one moment may differ by rounding of stored samples (float32), never by a stride.
SAME_TIME_S = 0.02
FOCUSES = ("cadence", "tall", "tilt", "none")
TARGET_BOUNDS_SPM = (120.0, 220.0)
#: Columns of the stride table that the page uses, besides foot, mode and reasons.
PAGE_COLUMNS = (
    "initial_contact_s", "final_contact_s", "foot_flat_s", "stride_time_s", "cadence_spm", "stance_time_s",
    "flight_time_s", "foot_strike_angle_deg", "stride_length_m", "speed_mps", "belt_speed_mps", "pelvic_tilt_deg",
    "pelvic_tilt_sigma_deg", "foot_ahead_m", "quality",
)  # fmt: skip
WAVE_POINTS = 51
#: Whole numbers per unit in the wave file: degrees, g, metres forward, metres up.
WAVE_SCALES = (50.0, 100.0, 5000.0, 10000.0)
WAVE_GAP = -32768


@dataclass(frozen=True)
class WhatIf:
    """What a clinician would like to have tried; None leaves it as it was."""

    target_spm: float | None = None
    focus: str | None = None
    band_pct: float | None = None
    hold_s: float | None = None
    green_limit: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked to be different."""
        return self == WhatIf()

    def applied_to(self, setup: LiveSetup) -> LiveSetup:
        """Return the set-up with these wishes; raises UsageError for a value out of bounds."""
        low, high = TARGET_BOUNDS_SPM
        if self.target_spm is not None and not low <= self.target_spm <= high:
            raise UsageError(
                f"a target cadence must be {low:.0f} to {high:.0f} steps/min, got {self.target_spm:g}"
            )
        if self.focus is not None and self.focus not in FOCUSES:
            raise UsageError(f"focus must be one of {', '.join(FOCUSES)}, got {self.focus!r}")
        if self.band_pct is not None and not 0.5 <= self.band_pct <= 10.0:
            raise UsageError(f"the band must be ±0.5 to ±10 %, got {self.band_pct:g}")
        if self.hold_s is not None and not 2.0 <= self.hold_s <= 60.0:
            raise UsageError(f"the hold time must be 2 to 60 s, got {self.hold_s:g}")
        if self.green_limit is not None and not 0 <= self.green_limit <= 5:
            raise UsageError(f"the green pain limit must be 0 to 5, got {self.green_limit}")
        coach = setup.coach
        if self.band_pct is not None:
            coach = replace(coach, band_share=self.band_pct / 100.0)
        if self.hold_s is not None:
            coach = replace(coach, hold_s=self.hold_s)
        focus = setup.focus if self.focus is None else None if self.focus == "none" else self.focus
        return replace(
            setup,
            coach=coach,
            focus=focus,
            target_spm=setup.target_spm if self.target_spm is None else self.target_spm,
            green_limit=setup.green_limit if self.green_limit is None else self.green_limit,
        )


@dataclass(frozen=True)
class Replayed:
    """A finished replay. events : JSON-ready rows in order. same_cues : against the recorded marks, None unknown."""

    analysis: Analysis
    run: LiveRun
    known: KnownSetup
    what_if: WhatIf
    events: list[dict[str, Any]]
    same_cues: bool | None

    @property
    def recording(self) -> Recording:
        """What was replayed."""
        return self.analysis.recording

    @property
    def tables(self) -> GaitTables:
        """Tables of the replayed run."""
        return self.analysis.tables

    @property
    def cues(self) -> list[dict[str, Any]]:
        """Ledger of the replayed run."""
        return [json_ready(row) for row in ledger_rows(self.run.coach_events)]

    @property
    def stops(self) -> list[dict[str, Any]]:
        """Safety actions other than "go on"."""
        return [item for item in self.events if item["kind"] == "safety"]


def replay(
    recording: Recording,
    protocol: Protocol,
    what_if: WhatIf | None = None,
    *,
    record_waves: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Replayed:
    """Run a recording through the live pipeline again.

    Raises UsageError for a wish out of bounds, SessionError for a damaged set-up record.
    """
    wish = what_if or WhatIf()
    events: list[dict[str, Any]] = []

    def collect(found: list[LiveEvent]) -> None:
        events.extend(row for item in found if (row := event_row(item)) is not None)

    done = analyse(
        recording, protocol, change=wish.applied_to, on_events=collect, record_waves=record_waves,
        progress=progress,
    )  # fmt: skip
    run, known = done.run, done.known
    assert run is not None  # a protocol was given
    assert known is not None
    same = _same_cues(recording.markers, run.markers) if wish.is_empty and known.is_recorded else None
    return Replayed(done, run, known, wish, events, same)


def event_row(event: LiveEvent) -> dict[str, Any] | None:
    """Return an event as plain data; None for single contacts and strides, which are in the tables."""
    if isinstance(event, FlagChanged):
        opened = event.flag.end_s is None
        return json_ready(
            {"at_s": event.at_s, "kind": "flag_open" if opened else "flag_close"} | event.flag.as_dict()
        )
    if isinstance(event, Safety):
        action = event.action
        return json_ready(
            {"at_s": event.at_s, "kind": "safety", "action": action.action, "rule": action.rule,
             "sentence": action.sentence}
        )  # fmt: skip
    names: tuple[tuple[type, str], ...] = (
        (CueStart, "cue_start"), (CueEnd, "cue_end"), (CueAnswer, "cue_answer"), (ProbeResult, "probe"),
        (BlockChange, "block"),
    )  # fmt: skip
    for kind, name in names:
        if isinstance(event, kind):
            values = {key: getattr(event, key) for key in event.__dataclass_fields__}
            # a block has a kind of its own; ours says which sort of event this is
            if "kind" in values:
                values["block"] = values.pop("kind")
            return json_ready({"at_s": event.at_s, "kind": name} | values)
    return None


def _same_cues(recorded: Sequence[Marker], replayed: Sequence[Marker]) -> bool:
    def marks(markers: Sequence[Marker]) -> list[Marker]:
        return sorted((item for item in markers if item.kind == "cue"), key=lambda item: item.t_s)

    then, now = marks(recorded), marks(replayed)
    return len(then) == len(now) and all(
        abs(a.t_s - b.t_s) <= SAME_TIME_S and a.text == b.text for a, b in zip(then, now, strict=True)
    )


def replay_summary(done: Replayed, fixed: Corrected | None = None) -> dict[str, Any]:
    """Return what ``tallrun replay --json`` prints; JSON-ready. Contacts are counted as detected.

    fixed : the stride table with the corrections in force; adds their counts.
    """
    summary = done.tables.summary
    wish = {key: value for key, value in vars(done.what_if).items() if value is not None}
    return json_ready(
        {
            "set_up": "recorded" if done.known.is_recorded else "defaults",
            "what_if": wish,
            "n_contacts": summary["n_contacts"],
            "run_time_s": summary["run_time_s"],
            "cues": done.cues,
            "same_cues_as_recorded": done.same_cues,
            "safety": done.stops,
            "corrections": None if fixed is None else fixed.counts(),
            "events": done.events,
        }
    )


def page_data(done: Replayed, title: str, tables: GaitTables | None = None) -> dict[str, Any]:
    """Return everything the replay page needs except the stride shapes; JSON-ready.

    Unknown values are null. ``strides`` are columns in the order of the stride table.
    """
    tables = tables or done.tables
    strides = tables.strides
    told = {code for item in strides["reasons"] for code in str(item).split(";")} | {"corrected"}
    return json_ready(
        {
            "title": title,
            "started_at": done.recording.info.get("started_at"),
            "time_zone": done.recording.info.get("time_zone"),
            "duration_s": samples_end_s(done.recording),
            "sensors": sorted(done.recording.sensors),
            "set_up": "recorded" if done.known.is_recorded else "defaults",
            "same_cues_as_recorded": done.same_cues,
            "focus": done.run.setup.focus,
            "target_spm": done.run.setup.target_spm,
            "band_pct": 100.0 * done.run.setup.coach.band_share,
            "hold_s": done.run.setup.coach.hold_s,
            "strides": stride_columns(strides),
            "reasons": {code: sentence for code, sentence in REASONS.items() if code in told},
            "segments": [[float(a), float(b), str(mode)] for a, b, mode in tables.segments[
                ["start_s", "end_s", "mode"]].itertuples(index=False)],
            "flags": tables.flags,
            "cues": done.cues,
            "safety": done.stops,
            "was_live": was_live(done),
            "given_cues": [{"t_s": item.t_s, "text": item.text} for item in done.recording.markers
                           if item.kind == "cue"],
            "marks": marks_of(done.recording),
            "typical": typical_shapes(done.analysis.waves, strides, told_gait(tables.summary)),
        }
    )  # fmt: skip


def stride_columns(strides: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the columns of a stride table that the page uses, in its order; unknown is None."""
    table: dict[str, list[Any]] = {
        name: _column(strides[name].to_numpy(dtype=np.float64)) for name in PAGE_COLUMNS
    }
    table["foot"] = ["" if item is pd.NA else str(item) for item in strides["foot"]]
    table["mode"] = [str(item) for item in strides["mode"]]
    table["reasons"] = [str(item) for item in strides["reasons"]]
    return table


def was_live(done: Replayed) -> bool:
    """Whether the replayed cues and safety actions are those the runner was given, not what would have come."""
    return done.same_cues is True


def corrections_for_page(fixed: Corrected) -> dict[str, Any]:
    """Return what the page needs to turn the table as detected into the corrected one; JSON-ready.

    ``changed`` : columns of the changed rows with ``detected_row`` (null: added) and ``by``. ``removed`` : rows of the
    table as detected.
    """
    at = [place for place, name in enumerate(fixed.corrected_by) if name]
    detected = [int(row) for row in fixed.detected_row[at]]
    return json_ready(
        {
            "changed": stride_columns(fixed.strides.iloc[at])
            | {"detected_row": [row if row >= 0 else None for row in detected],
               "by": [fixed.corrected_by[place] for place in at]},
            "removed": list(fixed.removed),
            "not_applied": fixed.not_applied,
            "counts": fixed.counts(),
        }
    )  # fmt: skip


def marks_of(recording: Recording) -> list[dict[str, Any]]:
    """Return pain taps and notes of a recording; their text is untrusted."""
    out = []
    for marker in recording.markers:
        tap = marker_tap(marker)
        if tap is not None and tap.kind == "pain":
            out.append({"t_s": marker.t_s, "kind": "pain", "score": tap.score, "text": marker.text})
        elif marker.kind in ("note", "lap", "stop", "sync_tap"):
            out.append({"t_s": marker.t_s, "kind": marker.kind, "score": None, "text": marker.text})
    return out


def wave_bytes(waves: dict[str, np.ndarray]) -> tuple[bytes, dict[str, int]]:
    """Return the stride shapes as little-endian int16, left rows then right rows, and the rows of each foot.

    A row is (51 points, 4 kinds): pitch, |f|, forward, up, each times ``WAVE_SCALES``; ``WAVE_GAP`` is unknown.
    """
    parts, rows = [], {}
    factor = np.array([DEG_PER_RAD, 1.0 / STANDARD_GRAVITY_MPS2, 1.0, 1.0]) * np.array(WAVE_SCALES)
    for foot in ("left", "right"):
        shapes = waves.get(foot)
        if shapes is None or not len(shapes):
            rows[foot] = 0
            continue
        scaled = shapes[:, ::2, :] * factor
        whole = np.where(np.isfinite(scaled), np.clip(np.rint(scaled), -32767, 32767), WAVE_GAP)
        parts.append(whole.astype("<i2").tobytes())
        rows[foot] = len(shapes)
    return b"".join(parts), rows


def typical_shapes(waves: dict[str, np.ndarray], strides: pd.DataFrame, gait: Gait) -> dict[str, Any]:
    """Return each foot's median and SD over its clean strides of a gait: pitch [deg], |f| [g], forward, up [m]."""
    names = ("pitch_deg", "force_g", "forward_m", "up_m")
    factor = (DEG_PER_RAD, 1.0 / STANDARD_GRAVITY_MPS2, 1.0, 1.0)
    out: dict[str, Any] = {}
    for foot, shapes in waves.items():
        rows = strides[strides["foot"] == foot]
        if len(rows) != len(shapes):
            continue
        kept = shapes[rows.index.isin(clean_strides(rows, gait).index)][:, ::2, :]
        kept = kept[np.isfinite(kept).all(axis=(1, 2))]
        if len(kept) < 10:
            continue
        kept = kept[:: max(1, len(kept) // 600)]
        out[foot] = {"n": len(kept)}
        for place, name in enumerate(names):
            values = factor[place] * kept[:, :, place]
            out[foot][name] = {
                "median": _column(np.median(values, axis=0)),
                "sd": _column(values.std(axis=0)),
            }
    return out


def _column(values: np.ndarray) -> list[float | None]:
    return [round(value, 4) if math.isfinite(value) else None for value in values.tolist()]
