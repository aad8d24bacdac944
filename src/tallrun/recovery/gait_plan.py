"""Which one change of gait is due (decision-table section 7, GT1-GT8): order, fade, probes, withdrawal, target.

The sessions come in as plain facts; nothing here looks at signals. Order: art:D3. One change at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallrun.errors import EntryError
from tallrun.recovery.model import GAIT_STEPS, Grade, State
from tallrun.recovery.protocol import Protocol

GaitAction = Literal["start", "stay", "again", "withdrawn", "wait", "none"]


@dataclass(frozen=True, slots=True)
class Probe:
    """A no-cue stretch. share_in_band : 0-1. speed_change : (speed - training speed) / training speed."""

    duration_s: float
    share_in_band: float
    speed_change: float = 0.0


@dataclass(frozen=True, slots=True)
class GaitSession:
    """One run as the gait plan sees it. flags : raised in it. step : the open step, None when none was."""

    grade: Grade
    flags: frozenset[str] = frozenset()
    step: str | None = None
    probe: Probe | None = None


@dataclass(frozen=True, slots=True)
class GaitFacts:
    """Everything the plan needs. sessions : old to new.

    state : today's verdict. moved_today : ladder, surface or speed changes today (GT2). own_cadence_spm,
    expected_cadence_spm : at this speed, both feet; None when unknown. tilt_change_deg,
    tilt_uncertainty_deg : None when unknown. strap_moved : the pelvis sensor shifted.
    first_step, max_cadence_rise_pct : from a clinician entry in force.
    """

    sessions: tuple[GaitSession, ...]
    state: State
    moved_today: bool
    own_cadence_spm: float | None = None
    expected_cadence_spm: float | None = None
    tilt_change_deg: float | None = None
    tilt_uncertainty_deg: float | None = None
    strap_moved: bool = False
    first_step: str | None = None
    max_cadence_rise_pct: float | None = None


@dataclass(frozen=True, slots=True)
class GaitDecision:
    """step : the step that is open or starts, None for none. cued : whether the next run has cues.

    target_spm : cadence target when the step is cadence. session_of_fade : 1-based place in the fade.
    """

    action: GaitAction
    step: str | None
    rule: str
    cued: bool
    target_spm: float | None
    session_of_fade: int | None
    sentence: str


def cadence_target_spm(
    protocol: Protocol, own_spm: float | None, expected_spm: float | None, max_rise_pct: float | None = None
) -> float | None:
    """GT7: min(1.05 x own at this speed, C_exp + 8); None when unknown or not above own."""
    if own_spm is None or expected_spm is None or not own_spm > 0 or not expected_spm > 0:
        return None
    rise = protocol.gait.cadence_rise_pct if max_rise_pct is None else max_rise_pct
    target = min(own_spm * (1 + rise / 100), expected_spm + protocol.gait.cadence_over_expected_spm)
    return target if target > own_spm else None


def probe_passed(protocol: Protocol, probe: Probe) -> bool | None:
    """Whether a probe shows the step kept; None when it is too short or at another speed."""
    gait = protocol.gait
    if probe.duration_s < gait.probe_min_s or abs(probe.speed_change) > gait.probe_speed_tolerance + 1e-9:
        return None
    return probe.share_in_band >= gait.probe_share


@dataclass(frozen=True, slots=True)
class _Course:
    """How one step went. turn : sessions since it was begun or begun again."""

    turn: int
    kept: bool
    again: bool
    withdrawn: bool


def _course_of(protocol: Protocol, sessions: tuple[GaitSession, ...], step: str) -> _Course:
    gait = protocol.gait
    turn = passed = failed = bad = red = 0
    kept = again = False
    for session in sessions:
        if session.step != step:
            continue
        turn += 1
        again = False
        if turn <= gait.trial_sessions:
            bad += session.grade in ("AMBER", "LATE")
            red += session.grade == "RED"
            if bad >= gait.trial_bad or red >= gait.trial_red:
                return _Course(turn, False, False, True)
        outcome = None if session.probe is None else probe_passed(protocol, session.probe)
        if turn <= gait.fade_sessions:
            continue
        if outcome is None:
            passed = 0
        elif outcome:
            passed += 1
            kept = kept or passed >= gait.kept_probes
        else:
            passed, failed = 0, failed + 1
            if failed >= gait.again_probes and not kept:
                turn, failed, bad, red, again = 0, 0, 0, 0, True
    return _Course(turn, kept, again, False)


def _flag_present(protocol: Protocol, sessions: tuple[GaitSession, ...], step: str) -> bool | None:
    """GT1: False when absent in 2 of the last 3 GREEN sessions; None with fewer than 3."""
    gait = protocol.gait
    green = [session for session in sessions if session.grade == "GREEN"][-gait.absent_of_last :]
    if len(green) < gait.absent_of_last:
        return None
    absent = sum(not session.flags & frozenset(gait.flags[step]) for session in green)
    return absent < gait.absent_needed


def gait_steps(protocol: Protocol, facts: GaitFacts) -> GaitDecision:
    """Decide which step is open, starts, or waits. Raises EntryError for an unknown step name."""
    for name in (facts.first_step, *(session.step for session in facts.sessions)):
        if name is not None and name not in GAIT_STEPS:
            raise EntryError(f"A gait step is one of {', '.join(GAIT_STEPS)}, got {name!r}.")
    gait, texts, sessions = protocol.gait, protocol.texts.gait, facts.sessions
    order = list(gait.order)
    if facts.first_step is not None:
        order.remove(facts.first_step)
        order.insert(0, facts.first_step)
    last_bad = bool(sessions) and sessions[-1].grade in ("AMBER", "LATE", "RED")

    def decide(
        action: GaitAction, step: str | None, rule: str, key: str, fade: int | None = None
    ) -> GaitDecision:
        cued = step is not None and action in ("start", "stay", "again") and not last_bad
        target = None
        if step == "cadence":
            target = cadence_target_spm(
                protocol, facts.own_cadence_spm, facts.expected_cadence_spm, facts.max_cadence_rise_pct
            )
        if step is not None and last_bad and action == "stay":
            rule, key = "GT5", "uncued"
        return GaitDecision(action, step, rule, cued, target, fade, texts[key])

    for step in order:
        course = _course_of(protocol, sessions, step)
        if course.kept:
            continue
        if course.withdrawn:
            return decide("withdrawn", None, "GT6", "withdrawn")
        if course.again:
            return decide("again", step, "GT4", "again", 1)
        if course.turn:
            return decide("stay", step, "GT3", step, course.turn + 1)
        present = _flag_present(protocol, sessions, step)
        if present is None:
            return decide("wait", None, "GT1", "wait")
        if not present:
            continue
        if step == "cadence" and facts.own_cadence_spm is not None and facts.expected_cadence_spm is not None:
            rise = facts.max_cadence_rise_pct
            if cadence_target_spm(protocol, facts.own_cadence_spm, facts.expected_cadence_spm, rise) is None:
                continue
        if step == "tilt" and not tilt_is_sure(facts):
            return decide("wait", None, "GT8", "wait")
        if facts.state != "RUN" or facts.moved_today or not sessions or sessions[-1].grade != "GREEN":
            return decide("wait", None, "GT2", "wait")
        return decide("start", step, "GT1", step, 1)
    return decide("none", None, "GT1", "none")


def tilt_is_sure(facts: GaitFacts) -> bool:
    """GT8: the tilt change is known, larger than its uncertainty, and the strap has not moved."""
    change, uncertainty = facts.tilt_change_deg, facts.tilt_uncertainty_deg
    if change is None or uncertainty is None or facts.strap_moved:
        return False
    return abs(change) > uncertainty
