"""How far a session's number may lie from the truth: the shipped table of measured errors, by quantity and set-up.

Not the scatter of a median: that falls with every stride, while an angle that is 2° off stays 2° off. The table is
made from the accuracy results (docs/accuracy.md); where a quantity, a set-up or a speed was not measured there is no
number, and that is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from tallrun.gait.eligible import paces_mps, sure_values
from tallrun.gait.table import TableLike
from tallrun.numerics.recording import Recording
from tallrun.pipeline.tables import GaitTables

if TYPE_CHECKING:
    from tallrun.insight.between_days import DayError, Kind
    from tallrun.insight.blocks import OwnSessions

ERROR_SOURCE = (
    "Simulated means tests of the program on made-up runners, which is no claim about people. The figures are those of "
    "docs/accuracy.md."
)
#: Of a sensor's samples this share may be missing before the tests with lost packets are the ones that count.
LOST_SHARE = 0.005

#: Where an error between days is from, for the row and in a sentence.
ERROR_KINDS: dict[Kind, tuple[str, str]] = {
    "own": (
        "own days",
        "own days: from your own GREEN sessions that follow each other, day and mounting in them",
    ),
    "published": ("published", "published: other runners measured twice a week apart (sci:A8)"),
    "design": (
        "working figure",
        "working figure: 3° for a sensor put on again; no trial stands behind it (sci:A4)",
    ),
    "validation": (
        "own tests",
        "own tests: the largest error in the program’s tests (docs/accuracy.md), no day in it",
    ),
}


@dataclass(frozen=True)
class MeasuredError:
    """Largest error of a session found in tests like this run, in the unit of the quantity's name.

    is_share : in % of the value. kind : simulated, real.
    """

    value: float
    is_share: bool
    kind: str
    source: str

    def of(self, value: float) -> float:
        """Return the error in the unit of a value."""
        return abs(value) * self.value / 100.0 if self.is_share else self.value


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        files("tallrun.report").joinpath("measured.json").read_text(encoding="utf-8")
    )
    return found


def pace_mps(strides: TableLike) -> float | None:
    """Return the middle speed of running strides: the belt's where known, else the feet's where sure; None unknown."""
    running = sure_values(strides[strides["mode"] == "run"])
    paces = paces_mps(running)
    known = paces[np.isfinite(paces)].tolist()
    return float(median(known)) if known else None


def measured_error(
    key: str, recording: Recording, speed_mps: float | None, is_calibrated: bool = False
) -> MeasuredError | None:
    """Return the measured error of a quantity in runs like this one, None where nothing like it was measured.

    speed_mps : the belt's where it is known. The worst of everything that applies counts.
    """
    if speed_mps is None:
        return None
    quantity = "stride_length_m" if key == "speed_mps" else key
    feet = [item for place, item in recording.sensors.items() if place.startswith("foot_")]
    pelvis = recording.sensors.get("pelvis")
    if not feet:
        whens, setups = {"pelvis alone"}, {"any"}
        if quantity == "pelvic_tilt_deg":
            whens, setups = {_surface(recording)}, _setups([] if pelvis is None else [pelvis])
    else:
        worn = feet if quantity != "pelvic_tilt_deg" else [] if pelvis is None else [pelvis]
        whens = (
            {"calibrated"}
            if quantity == "stride_length_m" and is_calibrated
            else {"any", _surface(recording)}
        )
        setups = _setups(worn)
        setups = setups | {"any"} if setups else setups
    fitting = [
        row for row in _table()["rows"]
        if row["quantity"] == quantity and row["when"] in whens and row["set_up"] in setups
        and row["speeds_mps"][0] <= speed_mps <= row["speeds_mps"][1]
    ]  # fmt: skip
    if not fitting:
        return None
    worst = max(fitting, key=lambda row: float(row["value"]))
    return MeasuredError(
        float(worst["value"]), worst["unit"] == "%", str(worst["kind"]), str(worst["source"])
    )


def middle_errors(tables: GaitTables, recording: Recording) -> dict[str, MeasuredError | None]:
    """Return the measured error of each quantity of a session's summary at the session's own speed; None not known."""
    pace = pace_mps(tables.table("strides"))
    is_calibrated = bool(tables.summary["quality"]["calibration"]["is_calibrated"])
    return {
        key: measured_error(key, recording, pace, is_calibrated)
        for key, value in tables.summary.items()
        if isinstance(value, dict) and "median" in value
    }


def error_values(
    summary: Mapping[str, Any], errors: Mapping[str, MeasuredError | None]
) -> dict[str, dict[str, Any] | None]:
    """Return how far each middle may lie from the truth, in its own unit, and by what kind of test; None unmeasured."""
    return {
        key: None
        if error is None
        else {"value": error.of(summary[key]["median"]), "kind": error.kind, "source": error.source}
        for key, error in errors.items()
    }


def _surface(recording: Recording) -> str:
    on_belt = recording.treadmill is not None or recording.context.get("surface") == "treadmill"
    return "treadmill" if on_belt else "road"


def _setups(worn: list[Any]) -> set[str]:
    """Return the set-ups of the tests that count for these sensors; empty when none was like them."""
    out: set[str] = set()
    for item in worn:
        spec = item.spec
        rate = max((hz for hz in (100, 200, 400) if hz <= 1.05 * spec.rate_hz), default=None)
        if rate is None or not spec.has_gyroscope:
            return set()
        out.add(f"{rate} Hz")
        if spec.acc_range_g is not None and spec.acc_range_g <= 8:
            out.add("8 g")
        if spec.gyr_range_dps is not None and spec.gyr_range_dps <= 500:
            out.add("500 dps")
        if item.t_s.size > 1:
            span_s = float(item.t_s[-1] - item.t_s[0])
            if item.t_s.size < (1.0 - LOST_SHARE) * span_s * spec.rate_hz:
                out.add("2 % lost")
    return out


def error_between_days(
    history: OwnSessions,
    metric: str,
    speed_mps: float,
    usual: Mapping[str, float],
    recordings: Iterable[Recording | None] = (),
) -> DayError | None:
    """Return what a metric may differ by from day to day: the one error of comparisons and of own baselines.

    usual : middle values of this runner at this speed. recordings : the runs looked at; where nothing else is known,
    the error measured of such sensors stands in.
    """
    from tallrun.insight.between_days import (
        day_error,  # insight is much to load for who asks for a measured error
    )

    sizes = [
        told.of(usual[metric])
        for recording in recordings
        if recording is not None
        and metric in usual
        and (told := measured_error(metric, recording, speed_mps)) is not None
    ]
    return day_error(history, metric, speed_mps, usual, max(sizes, default=None))
