"""Which questions are open or coming: the scores a session and a day still need.

A question is due while its window is open and nothing unmasked was logged in it (windows: decision-table
section 1, in the protocol file). Pure; ``now`` comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tallrun.recovery.course import Course
from tallrun.recovery.grading import session_windows
from tallrun.recovery.model import RUNGS, History
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.rungs import V0, whole_minutes
from tallrun.recovery.timeline import DAY_S, HOUR_S, Mark, Timeline
from tallrun.recovery.verdicts import Assessment, Assessor, assessed, verdict
from tallrun.recovery.way_out import mask_ends_s, walked_on, way_out

QUESTIONS = {
    "morning": "Bridge test, 10 s: how much does it hurt, 0–10?",
    "during": "Worst pain during the {run}, 0–10?",
    "after": "Worst pain after the {run} so far, 0–10?",
    "limping": "Did you limp during or after the {run}?",
    "h24": "Pain now, one day after the {run}, 0–10?",
    "h48": "Pain now, two days after the {run}, 0–10?",
    "exercise": "Pain now, one day after the strength session, 0–10?",
    "screen": "The screening questions are due.",
    "now": "Pain now, 0–10? The worst of today so far.",
    "this_morning": "Did you do the bridge test this morning? Then say how much it hurt, 0–10, and when.",
    "both_tests": "The other bridge test, too: how much does it hurt, 0–10?",
    "other_side": "Single-leg bridge on the other side: how much does it hurt, 0–10?",
    "sitting": "After 20 minutes of sitting: how much does it hurt, 0–10?",
    "walk": "Walk 30 minutes, easy and level. Then log it here.",
    "run": "Log today's run when it is done.",
    "strength": "A strength session of your phase. Then log it here.",
    "exercise_pain": "Worst pain during the strength session and after it, 0–10?",
    "birth_date": "When were you born? The plan is for adults.",
}
#: Strength sessions are asked for when fewer than two lie in so many days, so that seven days always hold two.
STRENGTH_DAYS = 5
#: The other side's test is asked again so many days before it gets too old.
OTHER_SIDE_AHEAD_DAYS = 4
#: A late answer about this morning is dated so, unless another time is given.
USUAL_MORNING = "08:00"


@dataclass(frozen=True, slots=True)
class Form:
    """How a question is answered: what is sent where, and what the runner fills in.

    path, body : a POST of the REST API and what of it is known already. asks : name -> what is asked for, ``score``
    (0-10), ``yes_no``, ``time``, ``date`` or ``screen``. optional : names that may be left out. command : the same
    answer as a command; ``{name}`` stands for what is asked.
    """

    path: str
    body: Mapping[str, Any]
    asks: Mapping[str, str]
    command: str
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """One question; an answer counts from ``opens_at`` to ``closes_at``.

    session_id : the run or the exercise it is about; None: it is about the day. load_test : the test it asks for.
    form : how it is answered.
    """

    question: str
    text: str
    opens_at: datetime
    best_at: datetime
    closes_at: datetime
    session_id: str | None
    load_test: str | None = None
    form: Form | None = field(default=None)

    def is_open(self, now: datetime) -> bool:
        """Tell whether an answer counts now."""
        return self.opens_at <= now <= self.closes_at


def questions_due(protocol: Protocol, history: History, now: datetime) -> tuple[Due, ...]:
    """Return the questions that are open or will open, by the time they close.

    Sessions whose last window has passed ask nothing any more; neither does a window cut off by the next
    run (its scores serve that run). A runner without rows is asked for the morning and the screen. In REFER and
    CLINICIAN neither the morning's load test nor anything about exercise is asked.
    """
    course = Course(Timeline(protocol, history, now))
    return _questions(course, verdict(protocol, history, None, now).state in ("REFER", "CLINICIAN"), now)


def _questions(course: Course, is_referred: bool, now: datetime) -> tuple[Due, ...]:
    # Where somebody is referred nobody is asked to load the leg.
    found = [None if is_referred else _morning(course, now), _screen(course, now)]
    timeline, now_s = course.timeline, now.timestamp()
    for k in range(len(timeline.sessions)):
        if timeline.end_s[k] + course.protocol.windows.h48_until_h * HOUR_S >= now_s:
            found += _after_session(course, k, now)
    found += [] if is_referred else _after_exercise(course, now)
    return tuple(sorted((item for item in found if item is not None), key=lambda item: item.closes_at))


def everything_due(protocol: Protocol, history: History, now: datetime) -> tuple[Due, ...]:
    """Return all a runner can do for the next step: the questions, and what the way out of today's state asks for.

    Open ones come first, by the time they close, then those to come, by the time they open; each has its form.
    Sent where it says, an answer counts: nothing waits for something that is not in this list.
    """
    return due_of(*assessed(protocol, history, now), now)


def due_of(at: Assessor, found: Assessment, now: datetime) -> tuple[Due, ...]:
    """Return everything due of an assessment already made for ``now``."""
    now_s = now.timestamp()
    questions = _questions(at.course, found.state in ("REFER", "CLINICIAN"), now)
    unmasked = (_once_unmasked(item, at, now_s) for item in questions)
    items = {(item.question, item.session_id): item for item in unmasked if item is not None}
    for item in _steps(at, found, now_s):
        items[item.question, item.session_id] = item
    ready = [_with_form(item, at, found) for item in items.values()]
    return tuple(
        sorted(
            ready,
            key=lambda item: (not item.is_open(now), item.closes_at if item.is_open(now) else item.opens_at),
        )
    )


def _once_unmasked(item: Due, at: Assessor, now_s: float) -> Due | None:
    """Put off what was answered under a painkiller until it has worn off; None when the window closes before."""
    worn_off_s = mask_ends_s(at, now_s)
    if worn_off_s <= now_s or not item.is_open(at.timeline.clock.local(now_s)):
        return item
    kind = "h24" if item.question == "exercise" else item.question
    is_given = any(
        mark.row is not None and mark.row.kind == kind and mark.row.session_id in (None, item.session_id)
        for mark in at.timeline.marks_between(item.opens_at.timestamp(), now_s)
    )
    if not is_given:
        return item
    clock = at.timeline.clock
    if worn_off_s <= item.closes_at.timestamp():
        return replace(item, opens_at=clock.local(worn_off_s), best_at=clock.local(worn_off_s))
    if kind != "morning":
        return None
    day = clock.day(now_s) + 1
    opens_s, closes_s = clock.starts_s(day), clock.starts_s(day, at.protocol.windows.morning_until_hour)
    return _due(at.course, "morning", opens_s, opens_s + 4 * HOUR_S, closes_s, None)


def _steps(at: Assessor, found: Assessment, now_s: float) -> list[Due]:
    course, clock, day = at.course, at.timeline.clock, found.today.day
    night_s = clock.starts_s(day + 1)
    is_referred = found.state in ("REFER", "CLINICIAN")
    steps: list[Due] = []

    def ask(
        question: str, opens_s: float = now_s, closes_s: float = night_s, about: str | None = None
    ) -> None:
        steps.append(_due(course, question, opens_s, opens_s, max(closes_s, opens_s + HOUR_S), about))

    asked = {item.ask: item for item in reversed(way_out(at, found, now_s)) if item.ask is not None}
    for question in ("screen", "sitting", "birth_date"):
        if question in asked:
            opens_s = max(now_s, (asked[question].earliest or clock.local(now_s)).timestamp())
            ask(question, opens_s, clock.starts_s(clock.day(opens_s) + 1))
    if steps and steps[0].question == "screen":
        # Asked again soon after the last one it needs its reason.
        steps[0] = replace(steps[0], text=f"{QUESTIONS['screen']} {asked['screen'].text}")
    if "now" in asked and asked["now"].earliest is not None:
        ask("now", asked["now"].earliest.timestamp())
    if is_referred:
        return steps
    walk = asked.get("walk")
    if walk is not None and walk.earliest is not None and found.state != "REST48":
        if found.today.walking is None or found.today.walking <= at.protocol.pain.walking_limit:
            opens_s = walk.earliest.timestamp()
            ask("walk", opens_s, clock.starts_s(clock.day(opens_s) + 1))
    ran_today = walked_on(at, day, now_s)
    if found.state == "RUN" and not ran_today:
        ask("run")
    noon_s = clock.starts_s(day, at.protocol.windows.morning_until_hour)
    known = at.timeline.mornings(course.due_test(now_s)).get(day)
    if now_s > noon_s and known is None:
        ask("this_morning")
    if course.is_changing_test(now_s):
        late = at.timeline.mornings(at.protocol.exercise.late_test)
        of_day = day + (now_s > noon_s or day in late)
        ask(
            "both_tests",
            clock.starts_s(of_day),
            clock.starts_s(of_day, at.protocol.windows.morning_until_hour),
        )
    _ask_strength(at, found, now_s, ask, ran_today)
    return steps


def _ask_strength(at: Assessor, found: Assessment, now_s: float, ask: Any, ran_today: bool) -> None:
    """Strength work as often as the ladder needs it, its scores, and the other side before fast loads."""
    t, day, protocol = at.timeline, found.today.day, at.protocol
    days = [t.clock.day(at_s) for at_s in t.exercise_s]
    for row, of_day in zip(t.exercises, days, strict=True):
        if of_day == day and (row.pain_during is None or row.pain_after is None):
            ask("exercise_pain", row.at.timestamp(), about=row.exercise_id)
    recent = {of_day for of_day in days if day - of_day < STRENGTH_DAYS}
    # A run cuts off the questions about the strength work before it, so that goes after a run. Kept off the day between
    # two runs as well, it would be too rare for two in every seven days.
    can_run = found.move.rung > V0 and at.ladder.spacing_met(found.move.rung, now_s, day)
    is_free = ran_today or not (found.state in ("REST48", "RUN") or can_run)
    if day not in recent and len(recent) < protocol.ladder.exercise_week_min and is_free:
        ask("strength")
    state, runner = at.course.phase(now_s), t.history.runner
    if state.phase == 2 and state.phase_greens and runner.side != "both":
        fresh_s = now_s - (protocol.exercise.test_max_age_days - OTHER_SIDE_AHEAD_DAYS) * DAY_S
        other = [(at_s, row) for at_s, row in t.elsewhere if at_s >= fresh_s]
        late = protocol.exercise.late_test
        if not any(row.load_test == late and not t.is_masked(at_s, row) for at_s, row in other):
            ask("other_side", max(now_s, mask_ends_s(at, now_s)))


def _with_form(item: Due, at: Assessor, found: Assessment) -> Due:
    """Give a question its form, and the load test it is about its name."""
    now_s = at.timeline.until_s
    exercise, runner = at.protocol.exercise, at.timeline.history.runner
    due_test = at.course.due_test(now_s)
    test = {"morning": due_test, "this_morning": due_test, "both_tests": exercise.late_test}.get(
        item.question
    )
    name, about = item.question, item.session_id
    if name in ("morning", "both_tests"):
        form = _pain_form("morning", load_test=test)
    elif name == "this_morning":
        day = at.timeline.clock.local(now_s).date() if found.today is not None else None
        form = _pain_form("morning", load_test=test, at=f"{day}T{USUAL_MORNING}")
        form = replace(form, asks={**form.asks, "at": "time"}, optional=("at",))
    elif name in ("during", "after", "h24", "h48"):
        form = _pain_form(name, session_id=about)
    elif name == "exercise":
        form = _pain_form("h24", session_id=about)
    elif name == "now":
        form = _pain_form("rest")
    elif name == "sitting":
        form = _pain_form("rest", provoked_by="sitting")
    elif name == "other_side":
        other = "left" if runner.side == "right" else "right"
        form = _pain_form("rest", load_test=exercise.late_test, side=other, new_place=True)
    elif name == "limping":
        form = Form(
            f"/api/runs/{about}/limping", {}, {"limping": "yes_no"},
            f"tallrun pain limping --session {about} --limping {{limping}}",
        )  # fmt: skip
    elif name == "screen":
        form = Form("/api/screen", {}, {"answers": "screen"}, "tallrun screen")
    elif name == "birth_date":
        form = Form("/api/setup", {}, {"born_on": "date"}, "tallrun setup --born-on {born_on}")
    elif name in ("walk", "run"):
        form = _run_form(at, found, "V0" if name == "walk" else RUNGS[found.move.rung])
    elif name == "strength":
        state = at.course.phase(now_s)
        move = exercise.phases[state.phase - 1].exercises[0].name
        form = Form(
            "/api/exercises", {"phase": state.phase, "name": move}, {"pain_during": "score", "pain_after": "score"},
            f"tallrun exercise add --phase {state.phase} --name '{move}' --pain-during {{pain_during}} "
            "--pain-after {pain_after}",
        )  # fmt: skip
    else:
        form = Form(
            f"/api/exercises/{about}/pain", {}, {"pain_during": "score", "pain_after": "score"},
            f"tallrun exercise pain {about} --pain-during {{pain_during}} --pain-after {{pain_after}}",
        )  # fmt: skip
    return replace(item, load_test=test, form=form)


def _pain_form(kind: str, **known: Any) -> Form:
    given = {name: value for name, value in known.items() if value is not None}
    flags = {"session_id": "--session", "new_place": "--new-place"}
    command = f"tallrun pain add --kind {kind} --score {{score}}"
    for name, value in given.items():
        flag = flags.get(name, f"--{name.replace('_', '-')}")
        command += f" {flag}" if value is True else f" {flag} {value}"
    return Form("/api/pain", {"kind": kind, **given}, {"score": "score"}, command)


def _run_form(at: Assessor, found: Assessment, rung: str) -> Form:
    dose = found.move.dose_min if rung != "V0" else 0.0
    minutes = whole_minutes(at.protocol, rung, dose)
    body = {"rung": rung, "minutes": minutes, "run_minutes": dose}
    asks = {"pain_during": "score", "pain_after": "score", "limping": "yes_no"}
    command = (
        f"tallrun log-run --rung {rung} --minutes {minutes:g} --pain-during {{pain_during}} "
        "--pain-after {pain_after} --limping {limping}"
    )
    return Form("/api/runs", body, asks | {"at": "time"}, command, optional=("at",))


def _morning(course: Course, now: datetime) -> Due:
    timeline, windows = course.timeline, course.protocol.windows
    now_s = now.timestamp()
    day = timeline.clock.day(now_s)
    # The first of a day counts, masked or not: another answer would change nothing.
    known = timeline.mornings(course.due_test(now_s)).get(day)
    if known is not None or now_s > timeline.clock.starts_s(day, windows.morning_until_hour):
        day += 1
    opens_s, closes_s = timeline.clock.starts_s(day), timeline.clock.starts_s(day, windows.morning_until_hour)
    return _due(course, "morning", opens_s, opens_s + 4 * HOUR_S, closes_s, None)


def _screen(course: Course, now: datetime) -> Due | None:
    timeline = course.timeline
    taken = [row.at.timestamp() for row in timeline.history.screens if row.at <= now]
    now_s = now.timestamp()
    due_s = max(taken) + course.protocol.holds.screen_max_age_days * DAY_S if taken else now_s
    if due_s > now_s + 7 * DAY_S:
        return None
    opens_s = min(due_s, now_s)
    return _due(course, "screen", opens_s, opens_s, max(due_s, timeline.clock.midnight_after_s(now_s)), None)


def _after_session(course: Course, k: int, now: datetime) -> list[Due | None]:
    timeline, windows = course.timeline, course.protocol.windows
    session = timeline.sessions[k]
    start_s, end_s, close_s = timeline.start_s[k], timeline.end_s[k], timeline.close_s[k]
    now_s = now.timestamp()
    given = session_windows(timeline, start_s, end_s, close_s, course.due_test(start_s))
    night_s = timeline.clock.starts_s(timeline.clock.day(end_s) + 1)
    asked = {
        "during": (end_s, end_s, end_s + windows.during_question_min * 60),
        "after": (end_s, min(end_s + HOUR_S, night_s), night_s),
        "h24": (end_s + windows.h24_from_h * HOUR_S, end_s + DAY_S, end_s + windows.h24_until_h * HOUR_S),
        "h48": (end_s + windows.h48_from_h * HOUR_S, end_s + 2 * DAY_S, end_s + windows.h48_until_h * HOUR_S),
    }
    found = [
        _due(course, name, opens_s, best_s, min(closes_s, close_s), session.session_id)
        for name, (opens_s, best_s, closes_s) in asked.items()
        if not _answered(given[name]) and now_s <= min(closes_s, close_s) and opens_s < close_s
    ]
    answered = session.limping is not None or any(
        mark.row is not None and mark.row.limping is not None
        for mark in timeline.marks_between(start_s, close_s)
    )
    if not answered and now_s <= close_s:
        found.append(_due(course, "limping", end_s, end_s, close_s, session.session_id))
    return list(found)


def _after_exercise(course: Course, now: datetime) -> list[Due]:
    """Ask how the day after was, for the last strength session of each day; without it no phase moves up."""
    timeline, windows = course.timeline, course.protocol.windows
    now_s = now.timestamp()
    last_of_day = {timeline.clock.day(at_s): k for k, at_s in enumerate(timeline.exercise_s)}
    found = []
    for k in last_of_day.values():
        at_s = timeline.exercise_s[k]
        opens_s, closes_s = at_s + windows.h24_from_h * HOUR_S, at_s + windows.h24_until_h * HOUR_S
        if now_s <= closes_s and not _answered(timeline.marks_between(opens_s, closes_s)):
            found.append(
                _due(course, "exercise", opens_s, at_s + DAY_S, closes_s, timeline.exercises[k].exercise_id)
            )
    return found


def _answered(marks: list[Mark]) -> bool:
    return any(mark.fills and not mark.masked for mark in marks)


def _due(
    course: Course, question: str, opens_s: float, best_s: float, closes_s: float, session_id: str | None
) -> Due:
    clock = course.timeline.clock
    is_walk = any(
        row.session_id == session_id and (row.rung == "V0" or row.run_minutes == 0.0)
        for row in course.timeline.sessions
    )
    return Due(
        question,
        QUESTIONS[question].format(run="walk" if is_walk else "run"),
        clock.local(opens_s),
        clock.local(best_s),
        clock.local(closes_s),
        session_id,
    )
