"""What was felt after each session and on each morning, by the rules' own windows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tallrun.recovery.course import Course
from tallrun.recovery.model import History
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.timeline import Timeline


@dataclass(frozen=True)
class SessionPain:
    """Grade of one session and the worst score of each window; None where nothing was logged.

    lags : ``same_day`` (during or after), ``next_morning`` and ``h48``, for ``insight.cross``.
    """

    session_id: str
    started_at: datetime
    grade: str
    rule: str
    baseline: int | None
    windows: dict[str, int | None]

    @property
    def lags(self) -> dict[str, int | None]:
        """The three lags; None is missing, never 0."""
        felt = [score for name in ("during", "after") if (score := self.windows[name]) is not None]
        return {
            "same_day": max(felt, default=None),
            "next_morning": self.windows["morning"],
            "h48": self.windows["h48"],
        }


def pain_after(protocol: Protocol, history: History, now: datetime) -> tuple[SessionPain, ...]:
    """Return grade and window scores of every session that started by ``now``, oldest first, by the rules in force."""
    course = Course(Timeline(protocol.in_force(history.clinician, now), history, now))
    found = []
    for k, session in enumerate(course.timeline.sessions):
        graded = course.grade(k, now.timestamp())
        found.append(
            SessionPain(
                session.session_id,
                session.started_at,
                graded.grade,
                graded.rule,
                graded.baseline,
                graded.windows,
            )
        )
    return tuple(found)


def unmasked_mornings(
    protocol: Protocol, history: History, now: datetime, *, days: int = 28, load_test: str | None = None
) -> tuple[tuple[date, int], ...]:
    """Return (local date, score) of the last ``days`` dates, masked ones left out.

    load_test : whose scores; None is the test due now.
    """
    course = Course(Timeline(protocol, history, now))
    timeline, now_s = course.timeline, now.timestamp()
    test, today = load_test or course.due_test(now_s), timeline.clock.day(now_s)
    mornings = [timeline.mornings(test).get(today - back) for back in range(days - 1, -1, -1)]
    return tuple(
        (date.fromordinal(item.day), item.score)
        for item in mornings
        if item is not None and not item.masked and item.at_s <= now_s
    )
