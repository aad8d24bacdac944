"""Screens and holds: what forbids running whatever the ladder says (decision-table section 2).

REFER and CLINICIAN last until a dated clinician entry that clears them; no later score or screen ends them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tallrun.recovery.course import Course, qualities_of
from tallrun.recovery.model import Screen
from tallrun.recovery.timeline import DAY_S, HOUR_S, Mark

#: Screening rules that mean REFER; the others mean CLINICIAN.
REFER_RULES = ("SC1", "SC2", "SC3", "SC4", "SC5", "SC6")
NEVER_S = float("-inf")


@dataclass(frozen=True, slots=True)
class Red:
    """One RED: a graded session (``session`` is its index) or the loose scores of one day (None).

    times_s : every instant that made it RED, in order; ``at_s`` is the latest.
    """

    times_s: tuple[float, ...]
    session: int | None
    sharp: bool = False

    @property
    def at_s(self) -> float:
        """Latest instant."""
        return self.times_s[-1]


def cleared_at_s(course: Course, now_s: float) -> float:
    """Instant of the newest clinician entry that clears holds; minus infinity when there is none."""
    cleared = [
        entry.at.timestamp()
        for entry in course.timeline.history.clinician
        if entry.clears and entry.at.timestamp() <= now_s
    ]
    return max(cleared, default=NEVER_S)


def reds(course: Course, now_s: float) -> list[Red]:
    """Every RED known at ``now_s``, by latest instant; loose scores of one day count once."""
    t = course.timeline
    found = []
    for k in range(course.sessions_before(now_s)):
        graded = course.grade(k, now_s)
        if graded.red_times_s:
            found.append(Red(graded.red_times_s, k, graded.sharp))
    loose_days: dict[int, list[float]] = {}
    for mark in t.high_marks:
        if mark.at_s <= now_s and not t.belongs_to_session(mark.at_s):
            loose_days.setdefault(mark.day, []).append(mark.at_s)
    found += [Red(tuple(times_s), None) for times_s in loose_days.values()]
    return sorted(found, key=lambda red: red.at_s)


def screen_rules(course: Course, screens: list[Screen], now_s: float, clear_s: float) -> set[str]:
    """SC rules that fired since the last clearing entry; of one and the same instant the worse one counts."""
    t, pain, hold = course.timeline, course.protocol.pain, course.protocol.holds
    fired: set[str] = set()
    today = t.clock.local(now_s).date()
    for screen in screens:
        if screen.at.timestamp() >= clear_s:
            fired.update(course.screened(screen)[0])
        for happened, days in (
            (screen.operation_on, hold.operation_days),
            (screen.injection_on, hold.injection_days),
        ):
            if happened is None or (t.clock.local(screen.at.timestamp()).date() - happened).days > days:
                continue
            if t.clock.starts_s(happened.toordinal()) > clear_s:
                fired.add("SC9")
    fired.update("SC9" for at_s, _ in t.injected if clear_s <= at_s <= now_s)
    for entry in t.entries_at(now_s):
        if entry.hold and entry.at.timestamp() >= clear_s:
            fired.add("SC9")
    born = t.history.runner.born_on
    if born is not None and clear_s == NEVER_S and age_years(born, today) < hold.adult_age_years:
        fired.add("SC7")
    first = bisect_left(t.start_s, clear_s)
    if any("LV2" in t.sessions[k].live_rules for k in range(first, course.sessions_before(now_s))):
        fired.add("SC3")
    if _atypical(course, now_s, clear_s):
        fired.add("SC8")
    for at_s, row in t.elsewhere:
        limit = pain.new_site_score if row.load_test is None else pain.other_side_test_score
        if clear_s <= at_s <= now_s and row.score >= limit:
            fired.add("SC8")
    return fired


def _atypical(course: Course, now_s: float, clear_s: float) -> bool:
    t, pain = course.timeline, course.protocol.pain
    days = set()
    felt = t.quality_marks[bisect_left(t.quality_s, clear_s) : bisect_right(t.quality_s, now_s)]
    if "tingling" in qualities_of(felt):
        return True
    for mark in t.level_marks:
        if clear_s <= mark.at_s <= now_s and mark.score >= pain.atypical_score:
            days.add(mark.day)
    return len(days) >= pain.atypical_days


def age_years(born: date, today: date) -> int:
    """Completed years of life."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def clinician_rules(course: Course, found: list[Red], now_s: float, clear_s: float) -> set[str]:
    """HD1 and HD2 over all REDs since the last clearing entry, whenever they came about."""
    hold = course.protocol.holds
    since = [red for red in found if red.at_s >= clear_s]
    fired = set()
    # Counted from the end of the first to the start of the last, so that a RED that goes on never counts less.
    for red in since:
        until_s = red.at_s + hold.red_window_days * DAY_S
        if sum(other.at_s >= red.at_s and other.times_s[0] <= until_s for other in since) >= hold.red_count:
            fired.add("HD1")
    if any(settling(course, red, now_s) == "not settled" for red in since):
        fired.add("HD2")
    return fired


Settling = Literal["settled", "open", "not settled", "not logged"]


def settling(course: Course, red: Red, now_s: float) -> Settling:
    """Tell how the mornings went after a RED: the worst of its instants counts.

    ``open``: the days for it are not over. ``not settled``: they were logged and stayed above B+1 (HD2).
    ``not logged``: they are over and nobody knows; that asks for mornings, not for a clinician.
    """
    base = None
    if red.session is not None:
        graded = course.grade(red.session, now_s)
        base = graded.baseline
        h48 = graded.windows["h48"]
        if red.sharp and base is not None and h48 is not None:
            if h48 >= base + course.protocol.pain.h48_red_rise:
                return "not settled"
    order: tuple[Settling, ...] = ("not settled", "not logged", "open", "settled")
    return min((_settling(course, at_s, base, now_s) for at_s in red.times_s), key=order.index)


def _settling(course: Course, red_s: float, base: int | None, now_s: float) -> Settling:
    """Settling after one instant. Silence is no pain: without a bad score in it, it is only not known.

    Bad is what is above B+1: a morning within the days, the last score within them, or any score after them and
    before mornings enough for a new baseline, one of them calm, were logged. Scores of the rest after the RED, other
    than mornings, are the flare itself and say nothing about how it ended.
    """
    t, hold = course.timeline, course.protocol.holds
    due_s = red_s + hold.unsettled_days * DAY_S
    day = t.clock.day(red_s)
    for known_s in (red_s, now_s):
        if base is None:
            base = course.baseline_on(t.clock.day(known_s), known_s)
    strict = course.strict_baseline_on(day, red_s) if base is None else base
    calm = (
        course.protocol.baseline.highest if strict is None else strict
    ) + course.protocol.pain.settled_rise
    tests = {course.due_test(red_s), course.due_test(now_s)}
    mornings = sorted(
        (morning.at_s, morning.score > calm, morning.masked)
        for test in tests
        for of_day, morning in t.mornings(test).items()
        if of_day >= day and red_s < morning.at_s <= now_s
    )
    within = [item for item in mornings if item[0] <= due_s]
    if any(not bad and not masked for _, bad, masked in within) and base is not None:
        return "settled"
    if now_s < due_s:
        return "open"
    if any(bad for _, bad, _ in within):
        return "not settled"
    rested_s = red_s + hold.rest_after_red_h * HOUR_S
    told = [
        mark.score > calm for mark in t.marks_between(rested_s, due_s) if mark.score > calm or not mark.masked
    ]
    if any(told[-1:]):
        return "not settled"
    later = [at_s for at_s, bad, masked in mornings if at_s > due_s and not bad and not masked]
    clear = [at_s for at_s, _, masked in mornings if not masked]
    least = course.protocol.baseline.min_mornings
    again_s = max(later[0], clear[least - 1]) if later and len(clear) >= least else float("inf")
    if any(mark.score > calm and due_s < mark.at_s <= min(now_s, again_s) for mark in
           t.marks_between(due_s, now_s)):  # fmt: skip
        return "not settled"
    return "settled" if again_s <= now_s and base is not None else "not logged"


def rest_until_s(course: Course, found: list[Red], now_s: float) -> float | None:
    """End of the rest after the REDs (HD3), later than ``now_s``; a run during it starts it again."""
    t = course.timeline
    rest_s = course.protocol.holds.rest_after_red_h * HOUR_S
    until_s = NEVER_S
    for red in found:
        until_s = max(until_s, red.at_s + rest_s)
        for k in range(bisect_right(t.start_s, red.at_s), course.sessions_before(now_s)):
            if t.start_s[k] >= until_s:
                break
            if t.sessions[k].rung != "V0":
                until_s = max(until_s, t.end_s[k] + rest_s)
    return until_s if until_s > now_s else None


def missing_today(
    course: Course,
    screens: list[Screen],
    found: list[Red],
    now_s: float,
    today: int,
    clear_s: float = NEVER_S,
    told: Sequence[Mark] = (),
) -> tuple[str, ...]:
    """Return what HD4 asks for. told : scores that count for today beside those up to ``now_s``.

    One of screen, screen_answers, screen_after_red, new_quality, settled, baseline, today, age. ``settled``: after
    a RED the mornings were not logged (HD2's other half); a clinician's clearing entry ends it, too.
    """
    t, hold = course.timeline, course.protocol.holds
    missing = []
    if not screens:
        missing.append("screen")
    else:
        last = max(screens, key=lambda row: row.at.timestamp())
        last_s = last.at.timestamp()
        if (t.clock.local(now_s).date() - t.clock.local(last_s).date()).days > hold.screen_max_age_days:
            missing.append("screen")
        if any(course.screened(row)[1] for row in screens if row.at.timestamp() == last_s):
            missing.append("screen_answers")
        if any(red.at_s > last_s for red in found):
            missing.append("screen_after_red")
        felt = qualities_of(
            t.quality_marks[bisect_right(t.quality_s, last_s) : bisect_right(t.quality_s, now_s)]
        )
        if felt and felt - course.known_qualities(now_s):
            missing.append("new_quality")
    if any(red.at_s >= clear_s and settling(course, red, now_s) == "not logged" for red in found):
        missing.append("settled")
    if course.baseline_on(today, now_s) is None:
        missing.append("baseline")
    scores = t.marks[bisect_left(t.mark_s, t.clock.starts_s(today)) : bisect_right(t.mark_s, now_s)]
    if not any(mark.fills and not mark.masked for mark in (*scores, *told)):
        missing.append("today")
    if t.history.runner.born_on is None:
        missing.append("age")
    return tuple(missing)
