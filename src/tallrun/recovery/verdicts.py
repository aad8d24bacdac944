"""The verdict: what today allows, which rules decided it, and what would change it.

``verdict`` is pure: the clock comes in as ``now``. Every rule is evaluated; the most binding state wins
(decision-table sections 2 and 4). Advice not recorded with a session is worked out by the same rules as they
stood before that session.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tallrun.errors import EntryError
from tallrun.recovery import holds, wording
from tallrun.recovery.course import Course
from tallrun.recovery.grading import GradedSession
from tallrun.recovery.ladder import Ladder, Move
from tallrun.recovery.model import (
    RUNGS,
    STATES,
    Advice,
    History,
    PlannedSession,
    Screen,
    State,
    check_instant,
)
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.reasons import announced, reason
from tallrun.recovery.rungs import F1, V0, differences
from tallrun.recovery.timeline import DAY_S, HOUR_S, Mark, Timeline
from tallrun.recovery.way_out import Condition, way_out


@dataclass(frozen=True, slots=True)
class Verdict:
    """What today allows. Contract: design 5.5.

    rung : None in REFER and CLINICIAN. rules : decisive rule ids, state first. inputs : what was looked at,
    plain JSON values, unknown is None. sources : titles with ids. notices, changes_if, sentences : plain
    sentences. valid_until : at latest the end of the local date. reason : why, in one sentence with this runner's own
    numbers. way_out : what a run still needs, empty when the state is RUN.
    """

    state: State
    rung: str | None
    rules: tuple[str, ...]
    inputs: dict[str, Any]
    sources: tuple[str, ...]
    notices: tuple[str, ...]
    changes_if: str
    protocol: dict[str, str]
    as_of: datetime
    valid_until: datetime
    sentences: tuple[str, ...]
    run_minutes: float | None
    walking_allowed: bool
    reason: str = ""
    way_out: tuple[Condition, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``--json``: no NaN, instants as ISO-8601 with offset."""
        return {
            "state": self.state, "rung": self.rung, "rules": list(self.rules), "inputs": self.inputs,
            "sources": list(self.sources), "notices": list(self.notices), "changes_if": self.changes_if,
            "protocol": self.protocol, "as_of": self.as_of.isoformat(),
            "valid_until": self.valid_until.isoformat(), "sentences": list(self.sentences),
            "run_minutes": self.run_minutes, "reason": self.reason,
            "way_out": [item.as_json() for item in self.way_out],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Today:
    """Scores of today's local date from 03:00. worst : masked ones included, None when none."""

    day: int
    worst: int | None
    only_masked: bool
    walking: int | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything the rules found, before it is put into words.

    merged_of : where a clinician tightened the file, the two assessments this one is the stricter of, the more
    binding first, each with the assessor that made it and knows why; else empty.
    """

    state: State
    state_rules: tuple[str, ...]
    move: Move
    today: Today
    missing: tuple[str, ...]
    rest_until_s: float | None
    merged_of: tuple[tuple[Assessor, Assessment], ...] = ()


class Assessor:
    """Rules over one timeline; keeps what was worked out, so that a year costs little.

    earlier : the assessor of the same record as it stood before, whose settled part is taken over.
    """

    def __init__(self, timeline: Timeline, screens: list[Screen], earlier: Assessor | None = None) -> None:
        self.timeline, self.screens = timeline, screens
        self.protocol = timeline.protocol
        self.course: Course = Course(timeline, None if earlier is None else earlier.course)
        self.advice: list[Advice] = []
        self.ladder = Ladder(self.course, self.advice)
        self._screen_s = [screen.at.timestamp() for screen in screens]

    def fill_advice(self) -> None:
        """Work out, in order, what was advised before each session that does not say so itself."""
        for k, session in enumerate(self.timeline.sessions):
            if session.advised is not None:
                self.advice.append(session.advised)
                continue
            at_s = self.timeline.start_s[k]
            plan = PlannedSession(session.started_at, surface=session.surface)
            before = self.assess(at_s, plan, k)
            self.advice.append(Advice(before.state, RUNGS[before.move.rung], before.move.dose_min))

    def last_differences(self, now_s: float) -> tuple[tuple[str, Any, Any], ...]:
        """MV7: in what the last session was not the one advised; empty when it was."""
        steps = self.ladder.steps(self.course.sessions_before(now_s), now_s)
        if not steps:
            return ()
        last = steps[-1]
        return differences(self.protocol, last.session, self.advice[last.k], self.timeline.history.runner)

    def assess(self, now_s: float, plan: PlannedSession | None, count: int | None = None) -> Assessment:
        """Apply every rule at an instant. count : sessions before it (None: all that started by then)."""
        told = [] if count is None else self._told_at_start(count)
        if count is not None:
            # A session's own start is not part of the past its advice is worked out from.
            now_s = min(now_s, self.timeline.start_s[count]) - 1e-3
        course, protocol = self.course, self.protocol
        day = self.timeline.clock.day(now_s)
        today = self.today(day, now_s, told)
        screens = self.screens[: bisect_right(self._screen_s, now_s)]
        found = holds.reds(course, now_s)
        clear_s = holds.cleared_at_s(course, now_s)
        fired: dict[State, list[str]] = {state: [] for state in STATES}
        for rule in sorted(holds.screen_rules(course, screens, now_s, clear_s)):
            fired["REFER" if rule in holds.REFER_RULES else "CLINICIAN"].append(rule)
        fired["CLINICIAN"] += sorted(holds.clinician_rules(course, found, now_s, clear_s))
        rest_until_s = holds.rest_until_s(course, found, now_s)
        score_red = today.worst is not None and today.worst > protocol.pain.stop_above
        rest_s = protocol.holds.rest_after_red_h * HOUR_S
        if score_red or any(red.session is None and now_s - red.at_s < rest_s for red in found):
            fired["REST48"].append("TD1")
        if rest_until_s is not None:
            fired["REST48"].append("HD3")
        missing = holds.missing_today(course, screens, found, now_s, day, clear_s, told)
        if missing:
            fired["LOG_FIRST"].append("HD4")
        no_advance = self._fire_today(fired, today, now_s)
        move = self.ladder.move(now_s, day, found, no_advance, score_red, plan)
        if not self.ladder.spacing_met(move.rung, now_s, day):
            fired["REST_DAY"].append("TD4")
        if not fired["WALK"] and not fired["REST_DAY"]:
            fired["WALK" if move.rung == V0 else "RUN"].append("TD5")
        state = next(state for state in STATES if fired[state])
        return Assessment(state, tuple(fired[state]), move, today, missing, rest_until_s)

    def _told_at_start(self, k: int) -> list[Mark]:
        """Return the scores of the instant at which session ``k`` began, or of its minute if that is all that is known.

        They were told before it; what is about a session itself was not.
        """
        start, start_s = self.timeline.sessions[k].started_at, self.timeline.start_s[k]
        by_s = start_s if start.second or start.microsecond else start_s + 60.0 - 1e-3
        return [
            mark
            for mark in self.timeline.marks_between(start_s, min(by_s, self.timeline.end_s[k]))
            if mark.row is not None and mark.row.kind in ("morning", "rest", "before")
        ]

    def _fire_today(self, fired: dict[State, list[str]], today: Today, now_s: float) -> tuple[str, ...]:
        """TD2 and TD3; returns those that hold, for they also stop an advance."""
        pain, worst = self.protocol.pain, today.worst
        if worst is None or worst > pain.stop_above:
            return ()
        if worst > self.timeline.green_limit_at(now_s):
            fired["WALK"].append("TD2")
            return ("TD2",)
        base = self.course.baseline_on(today.day, now_s)
        if base is not None and worst >= base + pain.rest_day_rise:
            fired["REST_DAY"].append("TD3")
            return ("TD3",)
        return ()

    def today(self, day: int, now_s: float, told: Sequence[Mark] = ()) -> Today:
        """Scores of a local day up to an instant, and those told with a session's start."""
        t = self.timeline
        marks: list[Mark] = t.marks[
            bisect_left(t.mark_s, t.clock.starts_s(day)) : bisect_right(t.mark_s, now_s)
        ]
        # Further back than two days no zone on earth calls it today.
        early = t.marks[
            bisect_left(t.mark_s, now_s - 2 * DAY_S) : bisect_left(t.mark_s, t.clock.starts_s(day))
        ]
        marks = [m for m in early if m.row is not None and t.clock.same_day(m.row.at, now_s)] + marks
        marks += told
        walking = [m.score for m in marks if m.row is not None and m.row.provoked_by == "level_walking"]
        return Today(
            day,
            max((mark.score for mark in marks), default=None),
            bool(marks) and all(mark.masked for mark in marks),
            max(walking, default=None),
        )


def verdict(
    protocol: Protocol,
    history: History,
    screen: Screen | None,
    now: datetime,
    plan: PlannedSession | None = None,
) -> Verdict:
    """Return what the rules allow at ``now``.

    screen : the newest screen; None when it is the last of ``history.screens``. plan : what the runner means
    to do; its surface enters MV9. Rows after ``now`` are left out. Clinician entries in force tighten the
    protocol. Raises ConfigError when such an entry would loosen it,
    EntryError for a ``now`` without a time zone or outside 1900-2200.
    """
    at, found = assessed(protocol, history, now, screen, plan)
    return worded(at, found, now)


def assessed(
    protocol: Protocol,
    history: History,
    now: datetime,
    screen: Screen | None = None,
    plan: PlannedSession | None = None,
    earlier: Assessor | None = None,
) -> tuple[Assessor, Assessment]:
    """Return what the rules found at an instant, with the course behind it: a verdict before its words.

    earlier : the assessor of an earlier answer about the same record; makes it quicker, changes nothing.
    """
    at, as_of = assessor(protocol, history, screen, now, earlier)
    found = at.assess(as_of, plan)
    if at.protocol.stricter:
        # A stricter number can move a baseline, and with it what "higher than usual" means. Whatever it moves, what
        # a clinician tightens never allows more than the file alone would.
        plain = assessor(at.protocol.shipped, untightened(history), screen, now)[0]
        found = _stricter_of((at, found), (plain, plain.assess(as_of, plan)))
    return at, found


def untightened(history: History) -> History:
    """Return the history as it would be had no clinician tightened a number; holds, caps and limits stay."""
    return replace(history, clinician=tuple(replace(entry, tighten={}) for entry in history.clinician))


def _stricter_of(mine: tuple[Assessor, Assessment], plain: tuple[Assessor, Assessment]) -> Assessment:
    """Return what both assessments allow: the more binding state and the lower rung, each with its own rules."""
    found, other = mine[1], plain[1]
    both = tuple(sorted((mine, plain), key=lambda item: STATES.index(item[1].state)))
    first, second = both[0][1], both[1][1]
    rests = [item.rest_until_s for item in (first, second) if item.rest_until_s is not None]
    return replace(
        first,
        move=other.move if other.move.rung < found.move.rung else found.move,
        missing=first.missing or second.missing,
        rest_until_s=max(rests, default=None),
        merged_of=both,
    )


def grade_session(protocol: Protocol, history: History, session_id: str, now: datetime) -> GradedSession:
    """Grade of one run or walk as known at ``now``: grade, rule, baseline, windows and what is missing.

    Raises EntryError when the history has no such session by then.
    """
    at, now_s = assessor(protocol, history, None, now)
    for k, session in enumerate(at.timeline.sessions):
        if session.session_id == session_id:
            return at.course.grade(k, now_s)
    raise EntryError(
        f"There is no session {session_id!r} before {now.isoformat()}; check the id and the time."
    )


def assessor(
    protocol: Protocol,
    history: History,
    screen: Screen | None,
    now: datetime,
    earlier: Assessor | None = None,
) -> tuple[Assessor, float]:
    """Index a history at an instant; returns the assessor and the instant in seconds."""
    check_instant("The time of the verdict", now)
    now_s = now.timestamp()
    timeline = Timeline(protocol, history, now)
    screens = [row for row in history.screens if row.at.timestamp() <= now_s]
    if screen is not None and screen not in screens:
        screens.append(screen)
    screens.sort(key=lambda row: row.at.timestamp())
    at = Assessor(timeline, screens, earlier)
    at.fill_advice()
    return at, now_s


def worded(at: Assessor, found: Assessment, now: datetime) -> Verdict:
    """Put an assessment made for ``now`` into words."""
    protocol, t, course = at.protocol, at.timeline, at.course
    now_s, day, move = now.timestamp(), found.today.day, found.move
    advised = found.state not in ("REFER", "CLINICIAN")
    rung = RUNGS[move.rung] if advised else None
    rules = (*found.state_rules, *(move.rules if advised else ()))
    count = course.sessions_before(now_s)
    walking = found.today.walking
    can_walk = advised and (walking is None or walking <= protocol.pain.walking_limit)
    trend = course.trend_on(day, now_s)
    # The rules of the state and of the level are told with what the assessor that found them knows.
    by = found.merged_of[0][0] if found.merged_of else at
    movers = [each for each, part in found.merged_of if part.move == move]
    ladder = movers[0].ladder if movers else at.ladder
    last = by.course.grade(count - 1, now_s) if count else None
    inputs: dict[str, Any] = {
        "pain_today": found.today.worst,
        "pain_today_masked": found.today.only_masked,
        "walking_today": walking,
        "baseline": by.course.baseline_on(day, now_s),
        "trend": trend,
        "days_since_run": move.days_since_run,
        "base_rung": RUNGS[move.base],
        "green_streak": move.green_streak,
        "last_grade": last.grade if last is not None else None,
        "last_grade_rule": last.rule if last is not None else None,
        "exercise_sessions_7d": at.ladder.exercise_sessions(now_s, day, 7),
        "exercise_sessions_14d": at.ladder.exercise_sessions(now_s, day, 14),
        "exercise_phase": course.phase(now_s).phase,
        "missing": list(found.missing),
        "diagnosed": at.ladder.is_diagnosed(now_s),
        "reds_14d": sum(1 for red in holds.reds(by.course, now_s) if now_s - red.at_s <= 14 * DAY_S),
    }
    # where somebody is referred there is the referral text and nothing beside it
    notices = list(move.notices) if advised else []
    if found.state in ("WALK", "REST48", "LOG_FIRST") and not can_walk:
        notices.append("NO_WALK")
    if advised and found.today.only_masked:
        notices.append("MASKED")
    limits = tuple(name for top, name in dict.fromkeys(ladder.limits(now_s, day)) if top == move.rung)
    if advised and not inputs["diagnosed"] and not ("MV10" in rules and "diagnosis" in limits):
        notices.append("NO_DIAGNOSIS")
    if advised and inputs["exercise_sessions_7d"] < protocol.ladder.exercise_week_min:
        notices.append("EXERCISE_DUE")
    if "MV6" in move.rules and advised:
        notices.append("FLARE")
    if move.rung < F1 and advised:
        notices.append("FLAT_ONLY")
    until_s = t.clock.midnight_after_s(now_s)
    if found.rest_until_s is not None:
        until_s = min(until_s, found.rest_until_s)
    words = wording.Words(protocol)
    sentences = words.verdict(
        found.state, rung, found.state_rules, rules, found.missing, move.dose_min, found.today.worst, limits
    )
    if advised and "MV7" in rules:
        sentences += words.differed(at.last_differences(now_s))
    way = way_out(at, found, now_s)
    return Verdict(
        state=found.state,
        rung=rung,
        rules=rules,
        inputs=inputs,
        sources=protocol.sources_of(rules),
        notices=tuple(protocol.texts.notices[name] for name in notices)
        + (announced(at, found, now_s) if advised else ())
        + ((words.trend(trend),) if advised else ()),
        changes_if=words.changes_if(
            found.state,
            found.state_rules,
            found.missing,
            found.rest_until_s,
            t.clock,
            t.green_limit_at(now_s),
            is_before_runs=found.move.rung == V0,
        ),
        protocol={"name": protocol.name, "version": protocol.version, "sha256": protocol.sha256},
        as_of=now,
        valid_until=t.clock.local(until_s),
        sentences=sentences,
        run_minutes=move.dose_min if advised else None,
        walking_allowed=can_walk,
        reason=reason(at, found, now_s, way),
        way_out=way,
    )
