"""The one pipeline: sample blocks in; contacts, strides and flags out; the same live, replayed and in a cohort.

Engines take every sample as it comes. What they find is put in order of data time (``EventOrder``), so the
events, and the tables at the end, do not depend on chunking or on how sensors interleave.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from tallrun.errors import UsageError
from tallrun.gait.acc_only import AccFootEngine
from tallrun.gait.eligible import QUALITY_LIMIT
from tallrun.gait.flag_terms import score_overstride
from tallrun.gait.flags import Flag, FlagEngine
from tallrun.gait.foot import FootEngine
from tallrun.gait.join import LEARNING_WAIT_S, WAIT_S, StrideJoiner
from tallrun.gait.pelvis import PelvisEngine
from tallrun.gait.rows import MODE_RUN, FootContact, PelvisStep, foot_contacts, pelvis_steps
from tallrun.gait.segments import ActivityBins, build_segments, segment_table
from tallrun.gait.strides import Stride, stride_table
from tallrun.gait.summary import summarise, timeline_table
from tallrun.numerics.json_ready import json_ready
from tallrun.numerics.recording import FloatArray, SampleBlock, SensorSpec
from tallrun.pipeline.agreement import SensorAgreement, SensorDoubt
from tallrun.pipeline.belt import STREAM_READINGS, carries_mps, held
from tallrun.pipeline.ledger import BELT_CHANGE_SHARE, belt_calibration, quality_ledger
from tallrun.pipeline.order import EventOrder
from tallrun.pipeline.setup import PipelineSetup
from tallrun.pipeline.tables import ALGORITHM_VERSION, GaitTables
from tallrun.sensors.events import TreadmillReading

#: What comes up at one time comes up in this order: rows of the engines, occasions, waking the joiner because a stride
#: has waited long enough.
_PLACES = ("foot_left", "foot_right", "pelvis")
_RANK_PELVIS = _PLACES.index("pelvis")
_RANK_OCCASION = 4
_RANK_DEADLINE = 5

#: A pelvis step with no contact of any foot within this time was not seen by the feet; so many in a row without a
#: longer pause than this are strides of their own: the feet's sensors were dead, loose or left at home.
UNSEEN_S = 1.2
UNSEEN_STEPS = 16


Engine = FootEngine | AccFootEngine | PelvisEngine


@dataclass(slots=True)  # one for each row: a frozen one takes three times as long to make
class Contact:
    """One foot row as its engine told it; the quickest news there is, before the feet are joined."""

    at_s: float
    foot: str
    row: FootContact


@dataclass(slots=True)
class StrideKnown:
    """A joined stride."""

    at_s: float
    stride: Stride


@dataclass(frozen=True)
class FlagChanged:
    """A flag opened (``end_s`` None) or closed."""

    at_s: float
    flag: Flag


@dataclass(frozen=True)
class Occasion:
    """Something put on the time line by ``schedule`` has come up: a belt reading, a tap, a timer."""

    at_s: float
    what: Any


@dataclass(frozen=True)
class GaitFailed:
    """The gait engines failed at this point and say no more; what is scheduled still comes up."""

    at_s: float
    error: Exception


@dataclass(frozen=True)
class AgreementChanged:
    """A sensor began or ceased to disagree with the others."""

    at_s: float
    doubt: SensorDoubt


PipelineEvent = Contact | StrideKnown | FlagChanged | AgreementChanged | Occasion | GaitFailed


class GaitPipeline:
    """Sample blocks of a session in, gait events out.

    Feed blocks of all sensors in about the order of their times: a sensor may lag the others by up to 0.25 s
    (one call of ``feed`` may carry blocks of several sensors that span any length). ``finish`` ends the session.
    guarded : an exception in the engines is told as ``GaitFailed`` instead of raised, and the time line goes on
    without them: during a run taps and timers must never wait for gait.
    """

    def __init__(self, setup: PipelineSetup, *, guarded: bool = False) -> None:
        self.setup = setup
        self._guarded = guarded
        self._failure: Exception | None = None
        #: What became known and was not yet handed out.
        self._told: list[PipelineEvent] = []
        self._specs = {spec.placement: spec for spec in setup.specs}
        self._engines: dict[str, Engine] = {
            name: _engine_for(spec, setup) for name, spec in self._specs.items() if name != "trunk"
        }
        self._bins = {name: ActivityBins() for name in self._specs}
        self._order = EventOrder(tuple(self._specs))
        feet = tuple(foot for foot in ("left", "right") if f"foot_{foot}" in self._specs)
        self._joiner = StrideJoiner(feet, "pelvis" in self._specs, setup.stride_gain)
        stepping = tuple(self._engines)
        learning = tuple(name for name, item in self._engines.items() if isinstance(item, FootEngine))
        self.agreement = SensorAgreement(stepping, learning)
        self._belt_mps: dict[str, float] = {}
        self._unseen: deque[PelvisStep] | None = deque() if feet and "pelvis" in self._specs else None
        self._alone = StrideJoiner((), True)
        self._unseen_until_s = -math.inf
        self._contacts_s: list[float] = []
        self._flag_engine = FlagEngine(setup.runner, setup.baseline)
        self._learned: set[str] = set()
        self._belt: list[TreadmillReading] = []
        self._belt_s: list[float] = []
        self._strides: list[Stride] = []
        self._flags: list[Flag] = []
        self._last_s = 0.0
        self.end_s = math.inf
        self._finished = False

    @property
    def known_until_s(self) -> float:
        """Time up to which everything has been handed out; minus infinity before the first sample."""
        return max(self._order.watermark_s, self._order.now_s)

    def feed(self, *blocks: SampleBlock) -> list[PipelineEvent]:
        """Take blocks of one or several sensors; return what became known, in order.

        Raises UsageError for a placement that was not set up. Empty blocks change nothing.
        """
        for block in blocks:
            if block.placement not in self._specs:
                raise UsageError(
                    f"samples of '{block.placement}' came, but the session was set up for "
                    f"{', '.join(self._specs) or 'no sensor'}"
                )
            if block.t_s.size == 0:
                continue
            self._contain(self._see, block)
            last_s = float(block.t_s.max())
            self._last_s = max(self._last_s, last_s)
            self._order.saw(block.placement, last_s)
        return self._drain()

    def feed_treadmill(self, reading: TreadmillReading) -> list[PipelineEvent]:
        """Take a belt reading; it holds from its time on (``pipeline.belt``)."""
        return self.schedule(reading.t_s, reading)

    def schedule(self, time_s: float, what: Any) -> list[PipelineEvent]:
        """Put something on the time line; it comes back as ``Occasion`` once everything before it is known.

        A time already passed takes effect at once. What lies after the end of the session never comes up.
        """
        self._order.put(time_s, _RANK_OCCASION, what)
        return self._drain()

    def tick(self, clock_s: float) -> list[PipelineEvent]:
        """Let the session clock go on although no samples come."""
        self._order.tick(clock_s)
        return self._drain()

    def finish(self) -> list[PipelineEvent]:
        """End the session: open strides, flags and segments are closed. A second call returns nothing."""
        if self._finished:
            return []
        self._finished = True
        self.end_s = max(self._last_s, self._order.clock_s)
        self._contain(self._end_engines)
        out = self._drain(upto_s=math.inf)
        self._contain(self._end_strides, self._order.now_s)
        return out + self._hand_out()

    def status(self) -> dict[str, Any]:
        """Return each engine's own status by placement."""
        return {name: engine.status() for name, engine in self._engines.items()}

    def waves(self) -> dict[str, FloatArray]:
        """Return each foot's stride shapes, (n_contacts, 101, 4), rows in the order of its contacts.

        Pitch [rad], |f| [m/s2], forward and up [m], from foot-flat to foot-flat. Empty unless the set-up asked for
        ``record_waves``; feet without a gyroscope are left out.
        """
        out = {}
        for name, engine in self._engines.items():
            if isinstance(engine, FootEngine):
                out[name.removeprefix("foot_")] = engine.waves
        return out

    def pelvis_angles(self) -> FloatArray:
        """Return the pelvis's attitude over time, see ``PelvisEngine.angles``; empty unless waves were asked for."""
        engine = self._engines.get("pelvis")
        return engine.angles() if isinstance(engine, PelvisEngine) else np.empty((0, 4))

    def tables(self) -> GaitTables:
        """Return the tables over everything seen so far (complete after ``finish``); needs ``keep_strides``."""
        segments = build_segments(self._strides, list(self._bins.values()), self._last_s)
        strides = stride_table(self._strides)
        flags = json_ready([item.as_dict() for item in self._flags])
        worn = {name: spec.has_gyroscope for name, spec in self._specs.items()}
        ledger = quality_ledger(strides, self.status(), self._specs)
        ledger["steps_seen"] = dict(self.agreement.counts)
        ledger["disagreements"] = self.agreement.finish(self._last_s)
        ledger["calibration"] = belt_calibration(self._strides, self.setup)
        summary = summarise(strides, segments, flags, ledger, worn)
        summary["algorithm"] = ALGORITHM_VERSION
        return GaitTables(
            strides=strides,
            segments=segment_table(segments),
            timeline=timeline_table(strides, segments, self._last_s),
            flags=flags,
            summary=json_ready(summary),
        )

    def _see(self, block: SampleBlock) -> None:
        self._bins[block.placement].feed(block.t_s, block.acc_mps2, block.gyr_radps)
        engine = self._engines.get(block.placement)
        if engine is not None:
            self._queue(block.placement, _feed(engine, block))

    def _end_engines(self) -> None:
        for name, engine in self._engines.items():
            self._queue(name, engine.finish())

    def _end_strides(self, now_s: float) -> None:
        for stride in self._joiner.release(now_s, final=True):
            self._take_foot_stride(stride, now_s)
        self._take_unseen(math.inf, now_s, is_closing=True)
        self._tell_flags(self._flag_engine.finish(), now_s)

    def _contain(self, step: Callable[..., None], *args: Any) -> None:
        """Take a step of the engines, unless they have failed; a guarded pipeline tells a failure once."""
        if self._failure is not None:
            return
        n_told = len(self._told)
        try:
            step(*args)
        except Exception as error:
            del self._told[n_told:]
            if not self._guarded:
                raise
            self._failure = error
            self._told.append(GaitFailed(max(0.0, self.known_until_s), error))

    def _queue(self, placement: str, rows: np.ndarray) -> None:
        rank = _PLACES.index(placement)
        for row in pelvis_steps(rows) if rank == _RANK_PELVIS else foot_contacts(rows):
            self._order.put(row.emitted_at_s, rank, row)

    def _drain(self, upto_s: float | None = None) -> list[PipelineEvent]:
        for now_s, rank, item in self._order.ready(upto_s):
            if rank == _RANK_OCCASION:
                self._take_occasion(now_s, item)
            elif rank != _RANK_DEADLINE or self._joiner.is_due(now_s):
                self._contain(self._join, now_s, rank, item)
        return self._hand_out()

    def _hand_out(self) -> list[PipelineEvent]:
        out, self._told = self._told, []
        return out

    def _take_occasion(self, now_s: float, what: Any) -> None:
        if now_s > self.end_s:
            return
        if isinstance(what, TreadmillReading):
            self._belt.append(what)
            self._belt_s.append(what.t_s)
        self._told.append(Occasion(now_s, what))

    def _join(self, now_s: float, rank: int, row: Any) -> None:
        """Take a row of an engine, or only the time; hand on the strides that are known now."""
        if rank == _RANK_PELVIS:
            self._take_step(now_s, row)
        elif rank != _RANK_DEADLINE:
            self._take_contact(now_s, _PLACES[rank], row)
        for stride in self._joiner.release(now_s):
            self._take_foot_stride(stride, now_s)

    def _take_step(self, now_s: float, row: PelvisStep) -> None:
        self._wake_at(self._joiner.add_pelvis(row))
        self._tell_doubts(self.agreement.saw("pelvis", row.step_s, now_s), now_s)
        if self._unseen is not None:
            self._unseen.append(row)
            self._take_unseen(now_s - LEARNING_WAIT_S - WAIT_S, now_s, is_closing=False)

    def _take_contact(self, now_s: float, placement: str, row: FootContact) -> None:
        foot = placement.removeprefix("foot_")
        if foot not in self._learned:
            self._learned.add(foot)
            self._joiner.learned(foot, now_s)
        self._wake_at(self._joiner.add_contact(foot, row))
        self._told.append(Contact(now_s, foot, row))
        self._tell_doubts(self.agreement.saw(placement, row.initial_contact_s, now_s), now_s)
        if self._unseen is not None:
            insort(self._contacts_s, row.initial_contact_s)

    def _wake_at(self, deadline_s: float) -> None:
        if deadline_s < math.inf:
            self._order.put(deadline_s, _RANK_DEADLINE, None)

    def _take_foot_stride(self, stride: Stride, now_s: float) -> None:
        """Take a stride of the joiner, after what only the pelvis saw before it."""
        self._take_unseen(stride.initial_contact_s, now_s, is_closing=True)
        self._take_stride(stride, now_s)
        placement = f"foot_{stride.foot}"
        if placement in self._specs and stride.quality >= QUALITY_LIMIT:
            belt_mps, before_mps = stride.belt_speed_mps, self._belt_mps.get(placement, math.nan)
            self._belt_mps[placement] = belt_mps
            ratio = stride.speed_mps / belt_mps if belt_mps > 0.0 else math.nan
            # a belt that gathers speed or slows is told of later than the foot feels it
            is_steady = abs(belt_mps - before_mps) <= BELT_CHANGE_SHARE * belt_mps
            if is_steady and math.isfinite(ratio):
                self._tell_doubts(self.agreement.saw_speed(placement, now_s, ratio), now_s)

    def _take_unseen(self, before_s: float, now_s: float, *, is_closing: bool) -> None:
        """Make strides of the pelvis steps before ``before_s`` that no foot has seen; forget the others.

        is_closing : no step before that time can be added any more.
        """
        rows = self._unseen
        if rows is None:
            return
        while rows and rows[0].step_s < before_s:
            step_s = rows[0].step_s
            if self._is_seen(step_s):
                rows.popleft()
                continue
            if step_s - self._unseen_until_s > UNSEEN_S:
                n_in_row = self._n_unseen_in_row()
                if n_in_row < UNSEEN_STEPS:
                    if n_in_row == len(rows) and not is_closing:
                        break
                    rows.popleft()
                    continue
            self._unseen_until_s = step_s
            self._alone.add_pelvis(rows.popleft())
        for stride in self._alone.release(-math.inf, final=is_closing):
            stride.emitted_at_s = max(now_s, stride.emitted_at_s)
            self._take_stride(stride, now_s)

    def _n_unseen_in_row(self) -> int:
        n, last_s = 0, math.nan
        for row in islice(self._unseen or (), UNSEEN_STEPS):
            if row.step_s - last_s > UNSEEN_S or self._is_seen(row.step_s):
                break
            n, last_s = n + 1, row.step_s
        return n

    def _is_seen(self, step_s: float) -> bool:
        times = self._contacts_s
        if len(times) > 4096:
            del times[:2048]
        place = bisect_right(times, step_s)
        if place and step_s - times[place - 1] <= UNSEEN_S:
            return True
        return place < len(times) and times[place] - step_s <= UNSEEN_S

    def _take_stride(self, stride: Stride, now_s: float) -> None:
        reading = self._belt_at(stride.initial_contact_s)
        if reading is not None:
            carried_mps = carries_mps(reading)
            stride.belt_speed_mps = math.nan if carried_mps is None else carried_mps
            stride.incline_pct = math.nan if reading.incline_pct is None else reading.incline_pct
        elif self.setup.typed_speed_mps is not None:
            stride.belt_speed_mps = self.setup.typed_speed_mps
        if stride.mode == MODE_RUN:
            score_overstride(stride, self.setup.runner, self.setup.baseline)
        if self.setup.keep_strides:
            self._strides.append(stride)
        self._told.append(StrideKnown(now_s, stride))
        self._tell_flags(self._flag_engine.feed(stride), now_s)

    def _tell_flags(self, flags: list[Flag], now_s: float) -> None:
        for flag in flags:
            if flag.end_s is not None:
                self._flags.append(flag)
            self._told.append(FlagChanged(now_s, flag))

    def _tell_doubts(self, doubts: list[SensorDoubt], now_s: float) -> None:
        for doubt in doubts:
            self._told.append(AgreementChanged(now_s, doubt))

    def _belt_at(self, time_s: float) -> TreadmillReading | None:
        place = bisect_right(self._belt_s, time_s)
        return held(self._belt[max(place - STREAM_READINGS - 1, 0) : place], time_s)


def _feed(engine: Engine, block: SampleBlock) -> np.ndarray:
    if not isinstance(engine, FootEngine):
        return engine.feed(block.t_s, block.acc_mps2, block.gyr_radps)
    if block.gyr_radps is None:
        raise UsageError(
            f"samples of '{block.placement}' came without a gyroscope, but the session was set up with one; "
            "set has_gyroscope to false for this sensor"
        )
    return engine.feed(block.t_s, block.acc_mps2, block.gyr_radps)


def _engine_for(spec: SensorSpec, setup: PipelineSetup) -> Engine:
    if spec.placement == "pelvis":
        return PelvisEngine(spec, neutral=setup.pelvis_neutral, record_waves=setup.record_waves)
    foot = spec.placement.removeprefix("foot_")
    if spec.has_gyroscope:
        kept = setup.kept_biases_radps.get(spec.placement)
        return FootEngine(spec, foot, record_waves=setup.record_waves, kept_bias_radps=kept)
    return AccFootEngine(spec, foot)
