"""Grade of one session from the scores around it (decision-table section 3, GR1-GR8).

Known-bad beats missing; masked scores can make a grade worse and never fill a window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tallrun.recovery.model import Grade
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.timeline import HOUR_S, Mark, Timeline

#: Live rules that settle a grade by themselves.
_LIVE_RED = ("LV1", "LV2", "LV3")
_LIVE_AMBER = ("LV4", "LV6")


@dataclass(frozen=True, slots=True)
class GradedSession:
    """A grade with what it rests on.

    baseline : B that was used, None when unknown. windows : worst score of before, during, after, morning,
    h24, h48, None where nothing was logged. missing : what keeps it from GREEN, ``masked`` included.
    red_times_s : the instants that made it RED, in order; empty otherwise. sharp : sharp quality was part of it.
    """

    grade: Grade
    rule: str
    baseline: int | None
    windows: dict[str, int | None]
    missing: tuple[str, ...]
    red_times_s: tuple[float, ...] = ()
    sharp: bool = False

    @property
    def red_at_s(self) -> float | None:
        """Latest instant that made it RED, None when it is not."""
        return self.red_times_s[-1] if self.red_times_s else None


def _worst(marks: Iterable[Mark]) -> int | None:
    return max((mark.score for mark in marks), default=None)


def _filled(marks: Iterable[Mark]) -> bool:
    return any(mark.fills and not mark.masked for mark in marks)


def session_windows(
    timeline: Timeline, start_s: float, end_s: float, close_s: float, test: str
) -> dict[str, list[Mark]]:
    """Return the scores that serve each window of a session, cut at ``close_s``."""
    w, clock = timeline.protocol.windows, timeline.clock
    night_s = clock.starts_s(clock.day(end_s) + 1)
    spans = timeline.marks_between(start_s, close_s)
    asked_s = end_s + w.during_question_min * 60.0

    def kind(mark: Mark) -> str:
        return mark.row.kind if mark.row is not None else "exercise"

    before = timeline.marks_between(start_s - w.before_max_min * 60.0, start_s)
    before = [mark for mark in before if mark.at_s < start_s or kind(mark) == "before"][-1:]
    during = [
        mark
        for mark in spans
        if (mark.at_s <= end_s and kind(mark) not in ("before", "after"))
        or (kind(mark) == "during" and mark.at_s <= asked_s)
    ]
    after = [
        mark
        for mark in spans
        if (mark.at_s > end_s or kind(mark) == "after") and mark.at_s < night_s and kind(mark) != "during"
    ]
    first = timeline.mornings(test).get(clock.day(end_s) + 1)
    morning = []
    if first is not None and first.at_s <= close_s:
        morning = [Mark(first.at_s, first.day, first.score, first.masked, True, None)]

    def later(from_h: float, until_h: float) -> list[Mark]:
        return [mark for mark in spans if end_s + from_h * HOUR_S <= mark.at_s <= end_s + until_h * HOUR_S]

    return {
        "before": before, "during": during, "after": after, "morning": morning,
        "h24": later(w.h24_from_h, w.h24_until_h), "h48": later(w.h48_from_h, w.h48_until_h),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What is known of a session besides scores. limping None: not answered and asked."""

    start_s: float
    end_s: float
    close_s: float
    limping: bool | None
    sharp: bool
    stopped_for_pain: bool
    live_rules: tuple[str, ...]


def grade_scores(
    protocol: Protocol,
    green_limit: int,
    base: int | None,
    strict: int | None,
    windows: dict[str, list[Mark]],
    span: list[Mark],
    facts: SessionFacts,
) -> GradedSession:
    """Apply GR1-GR8, worst first. span : every score from start to the close of the session.

    base : B, None unknown. strict : what a score is called bad by, known in more cases than B and never above it.
    """
    pain = protocol.pain
    values = {name: _worst(marks) for name, marks in windows.items()}
    red: list[tuple[str, float]] = [("GR1", mark.at_s) for mark in span if mark.score > pain.stop_above]
    if facts.limping or facts.sharp or any(rule in _LIVE_RED for rule in facts.live_rules):
        red.append(("GR2", facts.end_s))
    late = False
    if strict is not None:
        for mark in (*windows["morning"], *windows["h24"]):
            if mark.score >= strict + pain.morning_red_rise and mark.score >= pain.red_floor:
                red.append(("GR3", mark.at_s))
        for mark in windows["h48"]:
            if mark.score >= strict + pain.h48_red_rise and mark.score >= pain.red_floor:
                red.append(("GR4", mark.at_s))
        late = any(mark.score >= strict + pain.late_rise for mark in (*windows["h24"], *windows["h48"]))
    missing = tuple(
        [name for name in ("during", "after", "morning") if not _filled(windows[name])]
        + ([] if _filled(windows["h24"]) or _filled(windows["h48"]) else ["h24"])
        + ([] if facts.limping is not None else ["limping"])
        + ([] if base is not None else ["baseline"])
    )
    grade: Grade
    if red:
        rule = min(name for name, _ in red)
        times_s = tuple(sorted({at_s for _, at_s in red}))
        return GradedSession("RED", rule, base, values, missing, times_s, facts.sharp)
    if late:
        grade, rule = "LATE", "GR5"
    elif (
        any(mark.score > green_limit for mark in span)
        or (strict is not None and any(m.score >= strict + pain.amber_rise for m in windows["morning"]))
        or facts.stopped_for_pain
        or any(name in _LIVE_AMBER for name in facts.live_rules)
    ):
        grade, rule = "AMBER", "GR6"
    elif missing:
        grade, rule = "UNKNOWN", "GR7"
    else:
        grade, rule = "GREEN", "GR8"
    return GradedSession(grade, rule, base, values, missing, (), facts.sharp)
