"""Two sessions, or two parts of one, at matched speed: differences, how sure, and what is larger than error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from tallrun.errors import UsageError
from tallrun.gait.summary import Gait, told_gait
from tallrun.insight import METRICS as BLOCK_METRICS
from tallrun.insight import (
    Block,
    Change,
    SessionBlocks,
    by_weight,
    compare_blocks,
    steady_blocks,
)
from tallrun.insight.baselines import SPEED_TOLERANCE
from tallrun.insight.between_days import DayError, own_error
from tallrun.insight.blocks import OwnSessions, metric_values
from tallrun.insight.change import LEAST_PAIRS, LEVEL
from tallrun.insight.over_time import OverTime, over_time
from tallrun.numerics.json_ready import json_ready
from tallrun.numerics.recording import FloatArray, Recording
from tallrun.pipeline import Analysis, GaitTables
from tallrun.pipeline.batch import samples_end_s
from tallrun.report.cycles import Cycle, foot_paths, pelvis_cycles, pitch_cycles
from tallrun.report.measured import error_between_days
from tallrun.report.stiffness import with_stiffness
from tallrun.report.tables import METRIC_BY_KEY_OF
from tallrun.words import clock

#: Where the errors come from that the differences are held against: several kinds may stand in one table.
ErrorFrom = Literal["between days", "one session", "scatter inside these two"]


@dataclass(frozen=True)
class Side:
    """One of the two: its name (untrusted), tables, stride shapes and blocks, cut to the wanted part.

    part_s : (start, end) in session seconds, None for all of it. session_id : tells two parts of one session from two.
    gait : what the session is about, and its blocks are of.
    """

    name: str
    tables: GaitTables
    blocks: tuple[Block, ...]
    started_at: datetime | None = None
    context: dict[str, Any] = field(default_factory=dict)
    waves: dict[str, np.ndarray] = field(default_factory=dict)
    pelvis_angles: FloatArray | None = None
    part_s: tuple[float, float] | None = None
    session_id: str | None = None
    time_zone: str | None = None
    recording: Recording | None = None
    gait: Gait = "run"

    @property
    def strides(self) -> pd.DataFrame:
        """Stride table of the wanted part."""
        strides = self.tables.strides
        if self.recording is not None:
            strides = with_stiffness(strides, self.recording.runner)
        if self.part_s is None:
            return strides
        at = strides["initial_contact_s"]
        return strides[(at >= self.part_s[0]) & (at < self.part_s[1])]

    def cut(self) -> Side:
        """Return it with the blocks of its part."""
        return replace(self, blocks=steady_blocks(self.strides.reset_index(drop=True), gait=self.gait))


@dataclass(frozen=True)
class Comparison:
    """What was compared and found. speed_mps None: the speeds do not match, and nothing is called real.

    gait : what was compared; running where one is a run and one a walk, and then nothing is.
    """

    a: Side
    b: Side
    speed_mps: float | None
    speed_range_mps: tuple[float, float] | None
    seconds: tuple[float, float]
    rows: tuple[Change, ...]
    unmatched: tuple[Change, ...]
    other_speeds_mps: tuple[float, ...]
    error_from: ErrorFrom
    errors: Mapping[str, DayError] = field(default_factory=dict)
    n_tests: int = 0
    over_time: tuple[OverTime, ...] = ()
    gait: Gait = "run"

    def as_json(self) -> dict[str, Any]:
        """Return everything but the figures; JSON-ready."""

        def row(item: Change) -> dict[str, Any]:
            error = self.errors.get(item.metric)
            found = vars(item) | {"ratio": item.ratio, "error_from": None if error is None else error.kind}
            return found | {"interval": None if item.interval is None else list(item.interval)}

        return json_ready(
            {
                "a": self.a.name,
                "b": self.b.name,
                "gait": self.gait,
                "matched": self.speed_mps is not None,
                "speed_mps": self.speed_mps,
                "speed_range_mps": self.speed_range_mps,
                "seconds_a": self.seconds[0],
                "seconds_b": self.seconds[1],
                "other_speeds_mps": list(self.other_speeds_mps),
                "error_from": self.error_from,
                "changes": [row(item) for item in self.rows],
                "n_real": sum(item.word == "real change" for item in self.rows),
                "n_tests": self.n_tests,
                "unmatched": [row(item) for item in self.unmatched],
                "over_time": [_over_time_json(item) for item in self.over_time],
            }
        )


def _over_time_json(item: OverTime) -> dict[str, Any]:
    dates = {name: None if at is None else at.isoformat() for name, at in
             (("began", item.began), ("half", item.half), ("done", item.done))}  # fmt: skip
    return {
        "metric": item.metric, "word": item.word, "start": item.start, "now": item.now, "change": item.change,
        "interval": None if item.interval is None else list(item.interval),
        "error_from": None if item.error is None else item.error.kind,
        "sessions": [[at.isoformat(), value] for at, value in zip(item.at, item.values, strict=True)],
    } | dates  # fmt: skip


def side_of(found: Analysis, name: str, part_s: tuple[float, float] | None = None) -> Side:
    """Return an analysed session as one side; raises UsageError for a part that is empty or turned round."""
    recording = found.recording
    if part_s is not None and not 0.0 <= part_s[0] < part_s[1]:
        raise UsageError(f"a part runs from an earlier to a later time, got {part_s[0]:g} to {part_s[1]:g} s")
    end_s = samples_end_s(recording)
    if part_s is not None and part_s[0] >= end_s:
        raise UsageError(
            f"the part from {clock(part_s[0])} on lies past the end of {name}, which is {clock(end_s)} long"
        )
    whole = Side(
        name, found.tables, (), _started(recording), recording.context, found.waves,
        found.pelvis_angles, part_s, recording.info.get("session_id"), recording.info.get("time_zone"), recording,
        told_gait(found.tables.summary),
    )  # fmt: skip
    return whole.cut()


def _started(recording: Recording) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(recording.info.get("started_at")))
    except ValueError:
        return None
    return found


def compare(
    a: Side, b: Side, history: Sequence[SessionBlocks] = (), speed_mps: float | None = None
) -> Comparison:
    """Compare at the speed both ran, or walked, longest, or at ``speed_mps``; the earlier one by its date is A.

    history : the runner's sessions, these two among them or not. Their repeats give the error between days, and they
    all make the lines over time. A limit is that of all rows together: of 20 pairs of sessions between which nothing
    changed about one shows any real change. Where no speed is shared, or a speed is unknown, all running is set side
    by side, and no difference is called real. Raises UsageError when ``speed_mps`` was not run in both.
    """
    if a.started_at is not None and b.started_at is not None and b.started_at < a.started_at:
        a, b = b, a
    gait = a.gait
    if a.gait != b.gait:  # nothing of one is held against the other
        gait, a, b = "run", replace(a, blocks=()), replace(b, blocks=())
    metrics = _metrics_of(gait)
    shared = shared_speeds(a.blocks, b.blocks)
    if speed_mps is not None:
        if not _near(a.blocks, speed_mps) or not _near(b.blocks, speed_mps):
            have = ", ".join(f"{3.6 * item:.1f}" for item in shared) or "none"
            doing = "walking" if gait == "walk" else "running"
            raise UsageError(
                f"both must have steady {doing} within 5 % of {3.6 * speed_mps:.1f} km/h; speeds in both: {have}"
            )
        chosen: float | None = speed_mps
    else:
        chosen = shared[0] if shared else None
    if chosen is None:
        rows = tuple(_unmatched(metric, a.blocks, b.blocks) for metric in metrics)
        return Comparison(
            a,
            b,
            None,
            None,
            (_seconds(a.blocks), _seconds(b.blocks)),
            (),
            _known(rows),
            (),
            "scatter inside these two",
            gait=gait,
        )
    # the k-th block at this speed against the k-th, so that both are equally far into the running
    pairs = min(len(_near(a.blocks, chosen)), len(_near(b.blocks, chosen)))
    old, new = _near(a.blocks, chosen)[:pairs], _near(b.blocks, chosen)[:pairs]
    is_one = a.session_id is not None and a.session_id == b.session_id
    own = OwnSessions.of(history)
    others = OwnSessions.of(item for item in own if item.session_id not in (a.session_id, b.session_id))
    errors: dict[str, DayError] = {} if is_one else _day_errors(a, b, old, new, others, chosen)
    level = LEVEL / max(1, len(metrics) if is_one else len(errors))
    rows = tuple(
        compare_blocks(
            metric, old, new, (), chosen, is_one_session=is_one, least_pairs=LEAST_PAIRS, level=level,
            between=errors.get(metric),
        )
        for metric in metrics
    )  # fmt: skip
    speeds = [item.speed_mps for item in (*old, *new) if item.speed_mps is not None]
    return Comparison(
        a,
        b,
        chosen,
        (min(speeds), max(speeds)),
        (_seconds(old), _seconds(new)),
        by_weight(_known(rows)),
        (),
        tuple(item for item in shared if abs(item - chosen) > SPEED_TOLERANCE * chosen),
        "one session" if is_one else "between days" if errors else "scatter inside these two",
        errors,
        len(metrics) if is_one else len(errors),
        over_time(
            own,
            chosen,
            metrics,
            partial(_trend_error, own, chosen, gait),
        ),
        gait,
    )


def _metrics_of(gait: Gait) -> tuple[str, ...]:
    return tuple(item for item in BLOCK_METRICS if item in METRIC_BY_KEY_OF[gait])


def _day_errors(
    a: Side, b: Side, old: Sequence[Block], new: Sequence[Block], others: OwnSessions, speed_mps: float
) -> dict[str, DayError]:
    """Return the error between days of every metric both sides know at this speed."""
    usual = _usual(old)
    found = {}
    for metric in _metrics_of(a.gait):
        if not len(metric_values(old, metric)) or not len(metric_values(new, metric)):
            continue
        error = (
            own_error(others, metric, speed_mps)  # what is published or tested is of running
            if a.gait == "walk"
            else error_between_days(others, metric, speed_mps, usual, (a.recording, b.recording))
        )
        if error is not None:
            found[metric] = error
    return found


def _trend_error(
    own: OwnSessions, speed_mps: float, gait: Gait, metric: str, values: np.ndarray
) -> DayError | None:
    """Return the error between days for a line over time: runs without one of their own have a figure's."""
    if gait == "walk":
        return own_error(own, metric, speed_mps)
    medians = own.medians_at(speed_mps, SPEED_TOLERANCE)
    middles = {
        name: float(np.nanmedian(column))
        for name, column in zip(BLOCK_METRICS, medians.T, strict=True)
        if np.isfinite(column).any()
    }
    return error_between_days(own, metric, speed_mps, middles)


def _usual(blocks: Sequence[Block]) -> dict[str, float]:
    return {
        metric: float(np.median(values))
        for metric in BLOCK_METRICS
        if len(values := metric_values(blocks, metric))
    }


def shared_speeds(a: Sequence[Block], b: Sequence[Block]) -> tuple[float, ...]:
    """Return speeds [m/s] both sides ran at, at least 10 % apart, the longest shared first."""
    candidates = sorted({item.speed_mps for item in (*a, *b) if item.speed_mps is not None})
    scored = sorted(
        ((min(len(_near(a, speed)), len(_near(b, speed))), speed) for speed in candidates),
        key=lambda item: (-item[0], item[1]),
    )
    out: list[float] = []
    for score, speed in scored:
        if score and all(abs(speed - other) >= 2.0 * SPEED_TOLERANCE * other for other in out):
            near = [
                item.speed_mps for item in (*_near(a, speed), *_near(b, speed)) if item.speed_mps is not None
            ]
            out.append(float(np.median(near)))
    return tuple(out)


def waveforms_of(side: Side, speed_mps: float | None = None) -> list[Cycle]:
    """Return the waveforms of a side, foot pitch and the pelvis's angles; near the compared speed if there is one."""
    strides = side.tables.strides
    found = pitch_cycles(side.waves, strides, side.part_s, speed_mps, side.gait)
    if side.pelvis_angles is not None:
        found += pelvis_cycles(side.pelvis_angles, strides, side.part_s, speed_mps, side.gait)
    return found


def paths_of(side: Side, speed_mps: float | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the middle foot path of each foot of a side; near the compared speed if there is one."""
    return foot_paths(side.waves, side.tables.strides, side.part_s, speed_mps, side.gait)


def _near(blocks: Sequence[Block], speed_mps: float) -> tuple[Block, ...]:
    return tuple(
        item
        for item in blocks
        if item.speed_mps is not None and abs(item.speed_mps - speed_mps) <= SPEED_TOLERANCE * speed_mps
    )


def _seconds(blocks: Sequence[Block]) -> float:
    return float(sum(item.end_s - item.start_s for item in blocks))


def _known(rows: Sequence[Change]) -> tuple[Change, ...]:
    """Leave out what neither session measured."""
    return tuple(item for item in rows if item.before is not None or item.after is not None)


def _unmatched(metric: str, a: Sequence[Block], b: Sequence[Block]) -> Change:
    old = [item.values[metric] for item in a if metric in item.values]
    new = [item.values[metric] for item in b if metric in item.values]
    first = float(np.median(old)) if old else None
    second = float(np.median(new)) if new else None
    difference = None if first is None or second is None else second - first
    reason = "too_few_strides" if difference is None else "speed_unmatched"
    return Change(metric, first, second, difference, None, "cannot tell", reason)
