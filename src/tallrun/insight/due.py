"""Which questions are open or coming: the scores a session and a day still need.

A question is due while its window is open and nothing unmasked was logged in it (windows: decision-table
section 1, in the protocol file). Pure; ``now`` comes in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tallrun.recovery.course import Course
from tallrun.recovery.grading import session_windows
from tallrun.recovery.model import History
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.timeline import DAY_S, HOUR_S, Mark, Timeline
from tallrun.recovery.verdicts import verdict

QUESTIONS = {
    "morning": "Bridge test, 10 s: how much does it hurt, 0-10?",
    "during": "Worst pain during the run, 0-10?",
    "after": "Worst pain after the run so far, 0-10?",
    "limping": "Did you limp during or after the run?",
    "h24": "Pain now, one day after the run, 0-10?",
    "h48": "Pain now, two days after the run, 0-10?",
    "exercise": "Pain now, one day after the strength session, 0-10?",
    "screen": "The screening questions are due again.",
}


@dataclass(frozen=True, slots=True)
class Due:
    """One question; an answer counts from ``opens_at`` to ``closes_at``.

    session_id : the run or the exercise it is about; None: it is about the day.
    """

    question: str
    text: str
    opens_at: datetime
    best_at: datetime
    closes_at: datetime
    session_id: str | None

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
    # Where somebody is referred nobody is asked to load the leg.
    is_referred = verdict(protocol, history, None, now).state in ("REFER", "CLINICIAN")
    found = [None if is_referred else _morning(course, now), _screen(course, now)]
    timeline, now_s = course.timeline, now.timestamp()
    for k in range(len(timeline.sessions)):
        if timeline.end_s[k] + protocol.windows.h48_until_h * HOUR_S >= now_s:
            found += _after_session(course, k, now)
    found += [] if is_referred else _after_exercise(course, now)
    return tuple(sorted((item for item in found if item is not None), key=lambda item: item.closes_at))


def _morning(course: Course, now: datetime) -> Due:
    timeline, windows = course.timeline, course.protocol.windows
    now_s = now.timestamp()
    day = timeline.clock.day(now_s)
    known = timeline.mornings(course.due_test(now_s)).get(day)
    answered = known is not None and not known.masked
    if answered or now_s > timeline.clock.starts_s(day, windows.morning_until_hour):
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
    return Due(
        question,
        QUESTIONS[question],
        clock.local(opens_s),
        clock.local(best_s),
        clock.local(closes_s),
        session_id,
    )
