"""A run with coach and safety rules around the gait pipeline. Pure: live, replay and "what if" share it.

Everything that happens is an item on the pipeline's time line: samples' findings, belt readings, taps, timers.
The order of those items decides every cue and every stop, so a recorded session gives them again, bit for bit.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tallrun.coaching import (
    CadenceTarget,
    Coach,
    CoachEvent,
    CoachSettings,
    CueEnd,
    CueStart,
    Focus,
    Part,
    Schedule,
    SeenStride,
    SessionPlan,
    own_cadence,
)
from tallrun.gait.asymmetry import AsymmetryJump, AsymmetryMonitor, JumpLimits
from tallrun.gait.eligible import SteadySpeed, is_clean_run, length_is_sure, timing_sigma_s
from tallrun.gait.flags import OWN_TILT_MARGIN_DEG
from tallrun.gait.rows import MODE_RUN
from tallrun.gait.strides import SHORTEST_STRIDE_S
from tallrun.numerics.recording import Marker, SampleBlock
from tallrun.pipeline.belt import STREAM_READINGS, carries_mps, held
from tallrun.pipeline.gait_pipeline import (
    Contact,
    GaitFailed,
    GaitPipeline,
    Occasion,
    PipelineEvent,
    StrideKnown,
)
from tallrun.pipeline.order import CLOCK_LAG_S
from tallrun.pipeline.setup import PipelineSetup
from tallrun.pipeline.taps import END_TEXT, Tap, tap_marker
from tallrun.pipeline.way import WaySoFar
from tallrun.recovery import Protocol
from tallrun.recovery.live import EventKind, LiveAction, LiveRules
from tallrun.recovery.live import LiveEvent as RuleEvent
from tallrun.sensors.events import TreadmillReading

#: Cadence is shown as the middle of this many strides, and not at all when the newest is older than this.
SHOWN_STRIDES = 8
SHOWN_MAX_AGE_S = 3.0
#: Belt changes by more than this suspend judgement until the strides are steady again.
BELT_STEP_SHARE = 0.01
LEARNING_STRIDES = 40
KILOMETRE_M = 1000.0
#: Over a longer stretch without a known speed the distance is not known any more.
LONGEST_UNKNOWN_S = 5.0
_INTERVAL_TAPS = ("skip", "repeat", "end_early")
#: What the safety rules have the runner walk for.
_WALKING_FOR = ("pain", "sensor")
_JUST_AFTER_S = 1e-6


@dataclass(frozen=True)
class LiveSetup:
    """What a live run knows before it starts.

    focus : "cadence", "tall" or "tilt", None to coach nothing. target_spm : a typed or clinician's cadence.
    max_rise_pct : how far above the own cadence the target may lie by a clinician's entry; None for the usual 5 %.
    green_limit : a clinician's, None for the protocol's.
    tilt_limit_deg : upper limit of pelvic tilt for "tall" and "tilt", from the own baseline; None withholds cues.
    intervals : run and walk parts of the advised level; empty for a free run. With them the blocks of ``plan`` count on
    the time spent in run parts, and nothing is cued outside of these. rung : the level they are of.
    """

    pipeline: PipelineSetup
    plan: SessionPlan
    protocol: Protocol
    focus: str | None = "cadence"
    target_spm: float | None = None
    green_limit: int | None = None
    tilt_limit_deg: float | None = None
    max_rise_pct: float | None = None
    coach: CoachSettings = field(default_factory=CoachSettings)
    intervals: tuple[Part, ...] = ()
    rung: str | None = None


def jump_limits(protocol: Protocol) -> JumpLimits:
    """Return the protocol's numbers of an asymmetry jump, as the monitor takes them."""
    live = protocol.live
    return JumpLimits(
        live.jump_points, live.jump_sd, live.jump_strides, live.jump_big_points, live.jump_big_strides,
        live.quality_min,
    )  # fmt: skip


@dataclass(frozen=True)
class Safety:
    """A safety rule spoke."""

    at_s: float
    action: LiveAction


@dataclass(frozen=True)
class Silenced:
    """Gait or coach failed: no cue will come any more, and the rules go on without gait (LV7)."""

    at_s: float
    part: str
    error: Exception


@dataclass(frozen=True)
class PartChange:
    """Another part of the intervals began.

    part : None when the last one is over. is_held : pain or a check of the sensors comes first.
    """

    at_s: float
    part: Part | None
    is_held: bool


LiveEvent = PipelineEvent | CoachEvent | Safety | Silenced | PartChange


@dataclass(frozen=True)
class IntervalView:
    """Where the intervals stand. part, place, left_s : None once all are over. next : the part after this one.

    next_place : where ``next`` lies among the parts. is_last_run, is_next_last_run : whether a run of several is the
    last one.
    """

    part: Part | None
    place: int | None
    left_s: float | None
    next: Part | None
    is_last_run: bool
    is_held: bool
    #: Seconds of each kilometre of a run without walk breaks; None when the distance is not known.
    splits_s: tuple[float, ...] | None
    next_place: int | None = None
    is_next_last_run: bool = False


@dataclass(frozen=True)
class LiveView:
    """What the page shows, as numbers; wording is the page's business. None is unknown."""

    cadence_spm: float | None
    band: tuple[float, float] | None
    speed_mps: float | None
    incline_pct: float | None
    cue: CueStart | None
    block_kind: str | None
    block_number: int | None
    n_blocks: int
    block_left_s: float | None
    is_learning: bool
    stop: LiveAction | None
    referral_rule: str | None
    question: LiveAction | None
    n_contacts: int
    said_limping: bool = False
    is_silenced: bool = False
    #: Sensors that disagree with the others now: (placement, reason), reasons as in ``pipeline.agreement``.
    doubted_sensors: tuple[tuple[str, str], ...] = ()
    #: None for a free run.
    interval: IntervalView | None = None
    #: False where nothing is coached, or what it would be held against is not known.
    can_cue: bool = True
    #: Run so far, walks left out.
    run_m: float | None = None


@dataclass(frozen=True)
class _Timer:
    """Wakes coach and safety rules at a time they asked for."""


@dataclass(frozen=True)
class _Edge:
    """Wakes the intervals in time; when it passes decides ``LiveRun._pass_parts``."""


class LiveRun:
    """Blocks, belt readings and taps in; gait, cue and safety events out; ``view`` for the page.

    ``markers`` collects what belongs into the record: taps, cues and stops, with the times at which they took
    effect.
    """

    def __init__(self, setup: LiveSetup) -> None:
        self.setup = setup
        self.gait = GaitPipeline(setup.pipeline, guarded=True)
        self.markers: list[Marker] = []
        self.coach_events: list[CoachEvent] = []
        self.safety_events: list[Safety] = []
        self._target: CadenceTarget | None = None
        self.schedule = Schedule(setup.intervals) if setup.intervals else None
        self.part_changes: list[PartChange] = []
        self._part: PartChange | None = None
        self._splits = _Splits()
        self._way = WaySoFar()
        self._coach = Coach(
            setup.plan, self._focus(), setup.coach, None if self.schedule is None else self._plan_s
        )
        self._rules = LiveRules(setup.protocol, setup.green_limit)
        baseline = setup.pipeline.baseline
        own, own_sd = baseline.asymmetry if baseline else (math.nan, math.nan)
        self._monitor = AsymmetryMonitor(own, own_sd, jump_limits(setup.protocol))
        self._steady = SteadySpeed()
        self._posture_steady = SteadySpeed()
        self._learned: list[tuple[float, float]] = []
        self._shown: deque[tuple[float, float]] = deque(maxlen=SHOWN_STRIDES)
        self._belt: deque[TreadmillReading] = deque(maxlen=STREAM_READINGS + 1)
        self._speed_mps = math.nan
        self._cue: CueStart | None = None
        self._stop: LiveAction | None = None
        self._referral_rule: str | None = None
        self._question: LiveAction | None = None
        self._said_limping = False
        self._timers: set[tuple[float, type]] = set()
        self._edges: list[float] = []
        self._n_contacts = 0
        self._held = 0
        self._ended = False
        self.is_silenced = False
        #: Steady strides in blocks with cues for which a band was known, and how many of them lay in it.
        self.n_judged, self.n_in_band = 0, 0
        if self.schedule is not None:
            self._wake_for_parts(0.0)
        else:
            for block in setup.plan.blocks:
                self.gait.schedule(block.start_s, _Timer())
                self.gait.schedule(block.end_s, _Timer())

    def feed(self, *blocks: SampleBlock) -> list[LiveEvent]:
        """Take sample blocks; return what follows, in order."""
        return self._handle(self.gait.feed(*blocks))

    def feed_treadmill(self, reading: TreadmillReading) -> list[LiveEvent]:
        """Take a belt reading."""
        return self._handle(self.gait.feed_treadmill(reading))

    def tick(self, clock_s: float) -> list[LiveEvent]:
        """Let the session clock go on; questions and the timer never wait for a sensor."""
        return self._handle(self.gait.tick(clock_s))

    def tap(self, tap: Tap) -> list[LiveEvent]:
        """Take a tap; it takes effect at once, at the time up to which everything is known."""
        return self.tap_at(max(0.0, self.gait.known_until_s), tap)

    def tap_at(self, at_s: float, tap: Tap) -> list[LiveEvent]:
        """Put a tap on the time line, where it took effect or will."""
        events = self._handle(self.gait.schedule(at_s, tap))
        if at_s == 0.0:  # before the first sample the session clock starts with it
            events += self.tick(CLOCK_LAG_S)
        return events

    def end_at(self, end_s: float) -> list[LiveEvent]:
        """Let the session clock go to the recorded end, however long before it the last sample came."""
        return self.tick(end_s)

    def finish(self) -> list[LiveEvent]:
        """End the run; its end goes into the record, so that a replay ends there, too."""
        events = self._handle(self.gait.finish())
        end_s = self.gait.end_s
        if not self._ended:
            events += self._pass_parts(end_s)
        self.markers.append(Marker(end_s, "stop", END_TEXT))
        return events + self._coached(end_s, self._coach.finish, end_s)

    @property
    def has_target(self) -> bool:
        """Return whether there is something to cue: a cadence target was learned or set, or a tilt limit given."""
        if self.setup.focus == "cadence":
            return self._target is not None
        return self.setup.tilt_limit_deg is not None

    def view(self, now_s: float) -> LiveView:
        """Return what is to be shown at session time ``now_s``."""
        fresh = [value for at, value in self._shown if now_s - at <= SHOWN_MAX_AGE_S]
        plan_s = self._plan_s(now_s)
        block = self.setup.plan.block_at(plan_s)
        is_probe = block is not None and block.kind == "probe"
        belt = held(tuple(self._belt), now_s)
        return LiveView(
            cadence_spm=median(fresh) if len(fresh) >= 3 else None,
            band=None if block is None or is_probe or self.setup.focus != "cadence" else self._coach.band,
            speed_mps=belt.speed_mps if belt and belt.speed_mps is not None else _known(self._speed_mps),
            incline_pct=belt.incline_pct if belt else None,
            cue=self._cue,
            block_kind=block.kind if block else None,
            block_number=self.setup.plan.index_of(block) if block else None,
            n_blocks=len(self.setup.plan.blocks),
            block_left_s=block.end_s - plan_s if block else None,
            is_learning=self._target is None and self.setup.focus == "cadence",
            stop=self._stop,
            referral_rule=self._referral_rule,
            question=self._question,
            n_contacts=self._n_contacts,
            said_limping=self._said_limping,
            is_silenced=self.is_silenced,
            doubted_sensors=tuple(
                sorted((name, doubt.reason) for name, doubt in self.gait.agreement.open.items())
            ),
            run_m=self._way.metres,
            interval=self._interval_view(now_s),
            can_cue=self.setup.focus == "cadence" or (self.setup.focus is not None and self.has_target),
        )

    def _interval_view(self, now_s: float) -> IntervalView | None:
        schedule = self.schedule
        if schedule is None or self._ended or self._stop is not None:
            return None
        place = schedule.place_at(now_s)
        part = None if place is None else schedule.parts[place]
        ahead = [] if place is None else [(at, item) for at, item in enumerate(schedule.parts) if at > place]
        after_place, after = next(((at, item) for at, item in ahead if item.length_s > 0.0), (None, None))
        runs = [at for at, item in enumerate(schedule.parts) if item.kind == "run"]
        last_run = runs[-1] if sum(item.kind == "run" for item in self.setup.intervals) > 1 else None
        return IntervalView(
            part=part,
            place=place,
            left_s=schedule.left_s(now_s),
            next=after,
            next_place=after_place,
            is_last_run=place is not None and place == last_run,
            is_next_last_run=after_place is not None and after_place == last_run,
            is_held=schedule.held_s is not None,
            splits_s=self.splits_s,
        )

    @property
    def splits_s(self) -> tuple[float, ...] | None:
        """Seconds of each kilometre of a run without walk breaks; None when the distance is not known."""
        return self._splits.km_s if sum(item.kind == "run" for item in self.setup.intervals) == 1 else ()

    def is_open(self, tap: Tap) -> bool:
        """Return whether a tap on the intervals still meets the part it was meant for."""
        schedule, at_s = self.schedule, max(0.0, self.gait.known_until_s)
        return (
            schedule is not None
            and not self._ended
            and self._stop is None
            and _told(schedule, at_s, tap) is not schedule
        )

    @property
    def learning_end_s(self) -> float:
        """When the learning of the usual steps ended, in session time; 0 when there was none."""
        ends = [item.end_s for item in self.setup.plan.blocks if item.kind == "learning"]
        if not ends or self.schedule is None:
            return max(ends, default=0.0)
        return self.schedule.when_s(max(ends)) or math.inf

    def _plan_s(self, now_s: float) -> float:
        """Return the time on which the blocks count."""
        return now_s if self.schedule is None else self.schedule.plan_s(now_s)

    def _wake_for_parts(self, now_s: float) -> None:
        """Note where parts and, just after it, where blocks begin or end, and be woken there."""
        if self.schedule is None:
            return
        edges = {part.start_s for part in self.schedule.parts} | {part.end_s for part in self.schedule.parts}
        for block in self.setup.plan.blocks:
            at_s = self.schedule.when_s(block.end_s)
            if at_s is not None:
                edges.add(at_s + _JUST_AFTER_S)
        self._edges = [] if self.schedule.held_s is not None else sorted(at for at in edges if at >= now_s)
        for at_s in self._edges:
            self._wake(at_s, _Edge())

    def _replan(self, at_s: float, schedule: Schedule) -> list[LiveEvent]:
        """Take a new layout of what is to come."""
        if schedule is self.schedule:
            return []
        self.schedule = schedule
        self._wake_for_parts(at_s)
        return self._enter(at_s)

    def _pass_parts(self, upto_s: float) -> list[LiveEvent]:
        """Let the edges up to a time pass, each at its own time, in order: of parts, and of the blocks in them.

        Nothing here waits for a timer, so the pieces in which samples come change nothing.
        """
        out: list[LiveEvent] = []
        while self._edges and self._edges[0] <= upto_s:
            at_s = self._edges.pop(0)
            out += self._enter(at_s)
            out += self._coached(at_s, self._coach.advance, at_s)
        return out

    def _enter(self, at_s: float) -> list[LiveEvent]:
        """Tell of a part that began; outside of run parts no cue goes on."""
        schedule = self.schedule
        if schedule is None:
            return []
        now = PartChange(at_s, schedule.part_at(at_s), schedule.held_s is not None)
        before = self._part
        if before is not None and (before.part, before.is_held) == (now.part, now.is_held):
            return []
        self._part = now
        self.part_changes.append(now)
        out: list[LiveEvent] = [now]
        if not schedule.is_running(at_s):
            out += self._coached(at_s, self._coach.rest, at_s)
        return out

    def cadence_band(self, speed_mps: float) -> tuple[float, float]:
        """Return the coached band [steps/min] at a speed; NaN where there is no target or nothing to raise."""
        target = self._target
        if target is None or not target.is_step(speed_mps):
            return math.nan, math.nan
        value = target.at(speed_mps)
        share = self.setup.coach.band_share
        return (1.0 - share) * value, (1.0 + share) * value

    def _handle(self, events: list[PipelineEvent]) -> list[LiveEvent]:
        out: list[LiveEvent] = []
        for event in events:
            out += self._pass_parts(event.at_s)
            out.append(event)
            if isinstance(event, Contact):
                out += self._coached(event.at_s, self._see, event)
            elif isinstance(event, StrideKnown):
                out += self._coached(event.at_s, self._see_posture, event)
                jump = self._try(event.at_s, out, self._monitor.feed, event.stride, event.at_s)
                if jump is not None:
                    out += self._jump(event.at_s, jump)
            elif isinstance(event, Occasion):
                out += self._occasion(event)
            elif isinstance(event, GaitFailed):
                out += self._silence(event.at_s, "gait", event.error)
        return out

    def _try(self, at_s: float, out: list[LiveEvent], step: Callable[..., Any], *args: Any) -> Any:
        """Take a step of judging or coaching. Its failure ends the coaching, never the run or its safety rules."""
        if self.is_silenced:
            return None
        try:
            return step(*args)
        except Exception as error:
            out += self._silence(at_s, "coach", error)
            return None

    def _coached(
        self, at_s: float, step: Callable[..., Sequence[CoachEvent] | None], *args: Any
    ) -> list[LiveEvent]:
        out: list[LiveEvent] = []
        events = self._try(at_s, out, step, *args)
        return out + self._note(events or [])

    def _silence(self, at_s: float, part: str, error: Exception) -> list[LiveEvent]:
        """Say no more about gait. What a person tells is judged as before, as with a lost sensor (LV7)."""
        if self.is_silenced:
            return []
        self.is_silenced = True
        self._shown.clear()
        self.markers.append(Marker(at_s, "note", f"{part} failed: {type(error).__name__}"))
        out: list[LiveEvent] = [Silenced(at_s, part, error)]
        if self._cue is not None:
            out += self._note([CueEnd(self._cue.cue_id, at_s, "stopped")])
        return out + self._rule(at_s, "sensor_lost")

    def _occasion(self, event: Occasion) -> list[LiveEvent]:
        if isinstance(event.what, Tap):
            return self._tapped(event.at_s, event.what)
        if isinstance(event.what, TreadmillReading):
            old = self._belt[-1].speed_mps if self._belt else None
            new = event.what.speed_mps
            self._belt.append(event.what)
            if new is not None and (old is None or abs(new - old) > BELT_STEP_SHARE * max(new, 0.1)):
                self._steady.clear()
            return []
        if isinstance(event.what, _Timer):
            return self._coached(event.at_s, self._coach.advance, event.at_s) + self._rule(event.at_s, "tick")
        return []

    def _see(self, contact: Contact) -> list[CoachEvent]:
        row = contact.row
        self._n_contacts += 1
        closed_s = row.next_initial_contact_s
        stride_s = closed_s - row.initial_contact_s
        if not stride_s > SHORTEST_STRIDE_S:
            return []
        cadence = 120.0 / stride_s
        length_m = row.stride_length_m
        is_sure = length_is_sure(row.stride_length_sigma_m, length_m)
        own_speed = length_m * self.setup.pipeline.stride_gain / stride_s if is_sure else math.nan
        told = held(tuple(self._belt), contact.at_s)
        belt = carries_mps(told) if told else self.setup.pipeline.typed_speed_mps
        speed = own_speed if belt is None else belt
        incline = told.incline_pct if told and told.incline_pct is not None else math.nan
        sigma_s = timing_sigma_s(row.timing_sigma_s, row.quality)
        clean = is_clean_run(row.mode, sigma_s, row.reasons, incline)
        is_on = self.schedule is None or self.schedule.is_running(contact.at_s)
        if row.mode == MODE_RUN:
            self._shown.append((contact.at_s, cadence))
            self._speed_mps = speed
            self._way.add(contact.foot, row, own_speed, belt)
            if is_on and self.schedule is not None:
                self._splits.add(closed_s, speed)
        steady = clean and self._steady.add(own_speed)
        if row.mode != MODE_RUN:
            self._steady.clear()
        if steady and self._target is None:
            self._learn(contact.at_s, cadence, speed)
        if self.setup.focus != "cadence":
            return []
        is_judged = steady and is_on and self._target is not None
        seen = SeenStride(contact.at_s, closed_s, cadence, speed, is_judged)
        block = self.setup.plan.block_at(self._plan_s(contact.at_s))
        low, high = self.cadence_band(speed)
        if seen.is_clean and block is not None and block.kind == "cued" and low <= high:
            self.n_judged += 1
            self.n_in_band += low <= cadence <= high
        return self._coach.see(seen)

    def _see_posture(self, known: StrideKnown) -> list[CoachEvent]:
        """Show the coach the pelvis of a joined stride, when posture is the focus.

        A tilt whose own uncertainty is as large as the margin of the limit says nothing (GT8).
        """
        if self.setup.focus not in ("tall", "tilt"):
            return []
        stride = known.stride
        clean = is_clean_run(stride.mode, stride.timing_sigma_s, stride.reasons, stride.incline_pct)
        if not clean:
            self._posture_steady.clear()
        steady = clean and self._posture_steady.add(stride.pace_mps)
        sure = 2.0 * stride.pelvic_tilt_sigma_deg < OWN_TILT_MARGIN_DEG
        value = stride.pelvic_tilt_deg if sure else math.nan
        is_on = self.schedule is None or self.schedule.is_running(known.at_s)
        seen = SeenStride(known.at_s, stride.initial_contact_s, value, stride.pace_mps, steady and is_on)
        return self._coach.see(seen)

    def _learn(self, at_s: float, cadence: float, speed_mps: float) -> None:
        """Take the own cadence from the learning block: the middle of its steady strides."""
        self._learned.append((cadence, speed_mps))
        block = self.setup.plan.block_at(self._plan_s(at_s))
        if block is not None and block.kind == "learning":
            return
        if len(self._learned) < LEARNING_STRIDES:
            return
        learned = self._learned[-400:]
        spm = median(item for item, _ in learned)
        at_mps = median(item for _, item in learned)
        own, own_mps = own_cadence(self.setup.pipeline.baseline, spm, at_mps)
        runner = self.setup.pipeline.runner
        gait = self.setup.protocol.gait
        rise_pct = gait.cadence_rise_pct if self.setup.max_rise_pct is None else self.setup.max_rise_pct
        self._target = CadenceTarget(
            own,
            own_mps,
            runner,
            1.0 + rise_pct / 100.0,
            self.setup.target_spm,
            gait.cadence_over_expected_spm,
        )

    def _focus(self) -> Focus | None:
        if self.setup.focus == "cadence":
            return Focus("cadence", self.cadence_band)
        limit = self.setup.tilt_limit_deg
        if self.setup.focus in ("tall", "tilt") and limit is not None:
            return Focus("tall" if self.setup.focus == "tall" else "tilt", lambda _speed: (math.nan, limit))
        return None

    def _tapped(self, at_s: float, tap: Tap) -> list[LiveEvent]:
        self.markers.append(tap_marker(at_s, tap))
        if tap.kind in ("held", "released"):
            self._held = max(0, self._held + (1 if tap.kind == "held" else -1))
            return self._rule(at_s, "tick")
        if tap.kind in _INTERVAL_TAPS:
            if self.schedule is None or self._ended or self._stop is not None:
                return []
            return self._replan(at_s, _told(self.schedule, at_s, tap))
        if tap.kind == "pain":
            return self._rule(at_s, "score", tap.score)
        if tap.kind == "limping":
            self._said_limping = self._said_limping or self._stop is None
            return self._rule(at_s, "limping", 1.0)
        if tap.kind == "red_flag":
            questions = self.setup.protocol.screening.questions
            self._referral_rule = next((item.rule for item in questions if item.id == tap.item), None)
        if tap.kind == "sensor_back" and self.is_silenced:
            return []
        if tap.kind in ("red_flag", "sensor_lost", "sensor_back"):
            return self._rule(at_s, tap.kind)
        self._ended = True
        if self.schedule is not None:
            self.schedule, self._edges = self.schedule.hold(at_s), []
        return self._coached(at_s, self._coach.stop, at_s)

    def _jump(self, at_s: float, jump: AsymmetryJump) -> list[LiveEvent]:
        self.markers.append(Marker(at_s, "note", f"asymmetry jump {jump.index_pct:+.1f} %"))
        return self._rule(at_s, "jump")

    def _rule(self, at_s: float, kind: EventKind, value: float | None = None) -> list[LiveEvent]:
        """Ask the safety rules; everything but "go on" silences the coach at once."""
        out: list[LiveEvent] = []
        for action in self._rules.feed(RuleEvent(at_s, kind, value)):
            out.append(Safety(at_s, action))
            self.safety_events.append(Safety(at_s, action))
            self._question = action if action.action in ("ASK", "WALK") else None
            if action.action in ("STOP", "REFER"):
                self._stop = action
                self.markers.append(Marker(at_s, "stop", f"{action.rule} {action.sentence}"))
            if action.action == "WALK":
                self._try(at_s, out, self._monitor.reset)
        if self._rules.state.cues_allowed and not self._held and not self._ended:
            self._try(at_s, out, self._coach.resume)
        else:
            out += self._coached(at_s, self._coach.stop, at_s)
        state = self._rules.state
        out += self._hold_parts(at_s, state.stopped or state.waiting_for in _WALKING_FOR)
        for due_s in (state.walk_until_s, state.answer_until_s):
            if due_s is not None:
                # An answer in the very last instant still counts, so the rules are woken just after it.
                self._wake(math.nextafter(due_s, math.inf))
        return out

    def _hold_parts(self, at_s: float, must_wait: bool) -> list[LiveEvent]:
        """Pain outranks the intervals: their clock stands while the rules have the runner walk, and after a stop."""
        if self.schedule is None or self._ended:
            return []
        return self._replan(at_s, self.schedule.hold(at_s) if must_wait else self.schedule.go_on(at_s))

    def _note(self, events: Sequence[CoachEvent]) -> list[LiveEvent]:
        """Keep coach events, set timers for what they end, and mark cues in the record."""
        out: list[LiveEvent] = []
        for event in events:
            self.coach_events.append(event)
            out.append(event)
            if isinstance(event, CueStart):
                self._cue = event
                self.markers.append(
                    Marker(
                        event.at_s, "cue", f"{event.cue_id} {event.mode} {event.direction}: {event.sentence}"
                    )
                )
                self._wake(event.at_s + self.setup.coach.cue_s)
            elif isinstance(event, CueEnd):
                self._cue = None
        return out

    def _wake(self, at_s: float, what: _Timer | _Edge | None = None) -> None:
        key = (at_s, type(what))
        if key not in self._timers:
            self._timers.add(key)
            self.gait.schedule(at_s, what or _Timer())


class _Splits:
    """Times of the kilometres of a run; None from the first stretch on over which the speed was not known."""

    def __init__(self) -> None:
        self.km_s: tuple[float, ...] | None = ()
        self._last_s: float | None = None
        self._began_s = 0.0
        self._left_m = KILOMETRE_M

    def add(self, at_s: float, speed_mps: float) -> None:
        """Take the speed of a stride that closed at ``at_s``."""
        if self.km_s is None or not math.isfinite(speed_mps):
            return
        if self._last_s is None:
            self._last_s = self._began_s = at_s
        passed_s = at_s - self._last_s
        if passed_s <= 0.0:
            return
        if passed_s > LONGEST_UNKNOWN_S:
            self.km_s = None
            return
        self._last_s = at_s
        self._left_m -= speed_mps * passed_s
        if self._left_m <= 0.0:
            end_s = at_s + self._left_m / speed_mps
            self.km_s = (*self.km_s, end_s - self._began_s)
            self._began_s = end_s
            self._left_m += KILOMETRE_M


def _told(schedule: Schedule, at_s: float, tap: Tap) -> Schedule:
    """Return the schedule after a tap on the intervals; the same object when the tap meets nothing."""
    if not (tap.item.isascii() and tap.item.isdigit()):
        return schedule
    place = int(tap.item)
    if tap.kind == "skip":
        return schedule.skip(at_s, place)
    return schedule.repeat(at_s, place) if tap.kind == "repeat" else schedule.end_early(at_s, place)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
