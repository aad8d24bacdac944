"""A planned session against the verdict (decision-table section 5, PG1-PG7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tallrun.recovery.ladder import Step
from tallrun.recovery.model import RUNGS, History, PlannedSession, Screen
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.rungs import F1, H1, I1, INDEX, V0, V1, V9, is_sloped, run_minutes
from tallrun.recovery.verdicts import Assessor, Verdict, assessor, untightened, verdict


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """accepted : every guard passed. rules : the guards that refused, empty when accepted (PG1 for a walk).

    cap_m, cap_minutes : the most PG3 allows, None when it did not refuse or the state is not RUN.
    sentences : plain sentences.
    """

    accepted: bool
    rules: tuple[str, ...]
    cap_m: float | None
    cap_minutes: float | None
    sentences: tuple[str, ...]


def plan_guard(
    protocol: Protocol,
    history: History,
    screen: Screen | None,
    now: datetime,
    plan: PlannedSession,
    today: Verdict | None = None,
) -> PlanAnswer:
    """Check a planned session. today : a verdict already made for the same ``now``; else it is made here.

    A planned value that is None is taken as the rung says; a rung that is None is placed by its minutes.
    """
    at, now_s = assessor(protocol, history, screen, now)
    protocol = at.protocol
    if protocol.stricter and today is None:
        today = verdict(protocol, history, screen, now, plan)
    answer = _answer(at, now_s, screen, now, plan, today)
    if not (protocol.stricter and answer.accepted):
        return answer
    # What a clinician tightened never lets through what the file alone would refuse.
    plain = assessor(protocol.shipped, untightened(history), screen, now)[0]
    return _answer(plain, now_s, screen, now, plan, today)


def _answer(
    at: Assessor,
    now_s: float,
    screen: Screen | None,
    now: datetime,
    plan: PlannedSession,
    today: Verdict | None,
) -> PlanAnswer:
    protocol, history = at.protocol, at.timeline.history
    said = verdict(protocol, history, screen, now, plan) if today is None else today
    rung = _planned_rung(protocol, plan)
    texts = protocol.texts
    if rung == V0:
        return walk_answer(protocol, said)
    refused: list[str] = []
    cap_m = cap_minutes = None
    day = at.timeline.clock.day(now_s)
    qualifying = at.ladder.qualifying(now_s, day)
    if said.state != "RUN":
        refused.append("PG1")
    if said.rung is None or rung > INDEX[said.rung]:
        refused.append("PG2")
    # On a day that is none for a run no dose is offered, not even a smaller one.
    if rung >= V9 and qualifying and said.state == "RUN":
        cap_m, cap_minutes = _spike(protocol, plan, qualifying)
        if cap_m is not None or cap_minutes is not None:
            refused.append("PG3")
    if not qualifying and rung > V1:
        refused.append("PG4")
    if qualifying and _raised(protocol, plan, rung, at, qualifying, day) > 1:
        refused.append("PG5")
    easy = history.runner.easy_speed_mps
    too_fast = rung < I1 and None not in (plan.speed_mps, easy) and (plan.speed_mps or 0) > (easy or 0)
    too_steep = rung < H1 and is_sloped(protocol, plan.incline_min_pct, plan.incline_max_pct)
    if too_fast or too_steep:
        refused.append("PG6")
    if rung < F1 and (plan.cambered or plan.surface == "trail"):
        refused.append("MV9")
    if rung >= I1 and (_run_next_to(at, plan) or {"I", "H"} <= plan.kinds):
        refused.append("PG7")
    if not refused:
        return PlanAnswer(True, (), None, None, (texts.plan["accept"],))
    sentences = [texts.plan["refuse"], *(texts.rules[rule] for rule in refused)]
    if cap_m is not None:
        sentences.append(texts.plan["cap"].format(cap=f"{cap_m / 1000:.2f} km"))
    elif cap_minutes is not None:
        sentences.append(texts.plan["cap"].format(cap=f"{cap_minutes:.0f} min"))
    return PlanAnswer(False, tuple(refused), cap_m, cap_minutes, tuple(sentences))


def _planned_rung(protocol: Protocol, plan: PlannedSession) -> int:
    if plan.rung is not None:
        return INDEX[plan.rung]
    if plan.run_minutes is None:
        return F1
    return next((INDEX[r] for r in RUNGS[: V9 + 1] if plan.run_minutes <= protocol.run_min[r]), F1)


def walk_answer(protocol: Protocol, said: Verdict) -> PlanAnswer:
    """PG1: a walk is allowed in every state but REFER and CLINICIAN while walking is at most 3.

    In REST48 the walking score of today must be known: nothing logged is not "at most 3".
    """
    walking = said.inputs["walking_today"]
    known = said.state != "REST48" or walking is not None
    if said.walking_allowed and known:
        return PlanAnswer(True, (), None, None, (protocol.texts.plan["walk_accept"],))
    key = "refuse" if said.state in ("REFER", "CLINICIAN") or walking is None else "walk_refuse"
    return PlanAnswer(False, ("PG1",), None, None, (protocol.texts.plan[key],))


def _spike(
    protocol: Protocol, plan: PlannedSession, qualifying: list[Step]
) -> tuple[float | None, float | None]:
    """PG3: distance, else minutes, above 1.10 x the longest of 30 days; both rounded to 10 m or 1 min."""
    share = protocol.ladder.spike_share
    longest_m = max(
        (s.session.distance_m for s in qualifying if s.session.distance_m is not None), default=None
    )
    if plan.distance_m is not None and longest_m is not None:
        cap_m = round(round(longest_m / 10) * 10 * share / 10) * 10.0
        return (cap_m, None) if round(plan.distance_m / 10) * 10 > cap_m else (None, None)
    minutes = plan.run_minutes
    if minutes is None:
        return None, None
    cap = float(int(share * round(max(run_minutes(s.session) for s in qualifying)) + 1e-9))
    return (None, cap) if round(minutes) > cap else (None, None)


def _raised(
    protocol: Protocol, plan: PlannedSession, rung: int, at: Assessor, qualifying: list[Step], day: int
) -> int:
    """PG5: how many of minutes, runs per week, speed and incline go above the last qualifying session."""
    last = qualifying[-1].session
    raised = 0
    if plan.run_minutes is not None:
        # The minutes a rung asks for are the ladder's own step and not a rise of the runner's making.
        asked = max(run_minutes(last), protocol.run_min[RUNGS[rung]] if rung < V9 else 0.0)
        raised += plan.run_minutes > asked + 1e-9
    if plan.speed_mps is not None and last.speed_mps is not None:
        raised += plan.speed_mps > last.speed_mps + 1e-9
    if plan.incline_max_pct is not None:
        raised += plan.incline_max_pct > (last.incline_max_pct or 0.0) + 1e-9
    if plan.runs_per_week is not None:
        raised += plan.runs_per_week > sum(1 for step in qualifying if day - step.day < 7)
    return raised


def _run_next_to(at: Assessor, plan: PlannedSession) -> bool:
    """PG7: a run on the day before or after the planned one (later runs of the plan are in the history)."""
    day = at.timeline.clock.day(plan.starts_at.timestamp())
    runs = zip(at.timeline.start_day, at.timeline.sessions, strict=True)
    return any(abs(other - day) == 1 and session.rung != "V0" for other, session in runs)
