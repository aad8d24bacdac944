"""One sentence of reason with this runner's own numbers, and the doors that are about to close."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tallrun.recovery import holds
from tallrun.recovery.rungs import V0
from tallrun.recovery.timeline import DAY_S
from tallrun.recovery.way_out import mornings_to_go

if TYPE_CHECKING:
    from tallrun.recovery.verdicts import Assessment, Assessor
    from tallrun.recovery.way_out import Condition

#: So many days before a gap closes a door it is said.
ANNOUNCED_DAYS = 2


def reason(at: Assessor, found: Assessment, now_s: float, way: tuple[Condition, ...]) -> str:
    """Return why the state is what it is, from what this runner logged; empty where a referral says all."""
    if found.merged_of:
        at, found = found.merged_of[0]
    protocol, today = at.protocol, found.today
    if found.state == "REFER":
        return ""
    if found.state == "CLINICIAN":
        rules = [rule for rule in found.state_rules if rule in protocol.texts.rules]
        if "HD2" in rules:
            red = max(
                (red for red in holds.reds(at.course, now_s)
                 if holds.settling(at.course, red, now_s) == "not settled"),
                key=lambda item: item.at_s,
            )  # fmt: skip
            return f"After the red score or event of {day_of(at, red.at_s)} your scores did not come back to usual."
        return protocol.texts.rules[rules[0]] if rules else ""
    if found.state == "REST48":
        return _red(at, found, now_s)
    if found.state == "LOG_FIRST":
        return _missing_today(at, found, now_s)
    if "TD2" in found.state_rules:
        return f"Your worst score today is {today.worst}. Up to {at.timeline.green_limit_at(now_s)} is calm."
    if "TD3" in found.state_rules:
        base = at.course.baseline_on(today.day, now_s)
        return f"Your worst score today is {today.worst}. Your usual morning is {base}."
    if found.move.rung == V0 and found.state != "RUN":
        n_met = sum(item.met is True for item in way)
        if n_met < len(way):
            return f"{n_met} of the {len(way)} things that the first runs need are there."
    if "TD4" in found.state_rules:
        return f"Your last session was on {day_of(at, _last_start_s(at, now_s))}. The next run needs time after it."
    return _last_session(at, now_s)


def day_of(at: Assessor, at_s: float) -> str:
    """Return a day as a person says it."""
    local = at.timeline.clock.local(at_s)
    return f"{local:%a} {local.day} {local:%b}"


def _missing_today(at: Assessor, found: Assessment, now_s: float) -> str:
    """Say what is not known, the first of it, with what is."""
    missing = found.missing
    if "screen" in missing:
        taken = [row.at.timestamp() for row in at.screens if row.at.timestamp() <= now_s]
        if not taken:
            return "The screening questions were not answered yet."
        days = at.protocol.holds.screen_max_age_days
        return f"Your last screen was on {day_of(at, max(taken))}. A screen holds {days} days."
    if "screen_answers" in missing:
        return "Some screening questions have no answer yet."
    if "screen_after_red" in missing:
        return "There was a red score or event after your last screen."
    if "new_quality" in missing:
        return "Since your last screen the pain was told of in another way."
    if "age" in missing:
        return "Your date of birth is not known."
    if "settled" in missing:
        return "After the red score or event no calm morning was logged."
    if "baseline" in missing:
        least = at.protocol.baseline.min_mornings
        known = least - mornings_to_go(at, found.today.day, now_s)
        return f"Your usual morning is not known yet: {known} of {least} mornings so far."
    if found.today.only_masked:
        return f"Today's worst score, {found.today.worst}, was felt under a painkiller."
    if found.today.worst is not None:
        return "Today only the strength session has a score."
    before = [mark for mark in at.timeline.marks if mark.at_s <= now_s]
    last = f" The last one was {before[-1].score}, on {day_of(at, before[-1].at_s)}." if before else ""
    return f"There is no score for today yet.{last}"


def _red(at: Assessor, found: Assessment, now_s: float) -> str:
    reds = holds.reds(at.course, now_s)
    if found.today.worst is not None and found.today.worst > at.protocol.pain.stop_above:
        return f"Your worst score today is {found.today.worst}."
    if not reds:
        return ""
    red = reds[-1]
    scores = [mark.score for mark in at.timeline.marks_between(red.at_s, red.at_s)]
    if red.session is not None and at.course.grade(red.session, now_s).rule == "GR2":
        return f"You limped, or pain changed at once, in the session of {day_of(at, red.at_s)}."
    if scores:
        return f"Your score on {day_of(at, red.at_s)} was {max(scores)}."
    return f"There was a red score or event on {day_of(at, red.at_s)}."


def _last_start_s(at: Assessor, now_s: float) -> float:
    return at.timeline.start_s[at.course.sessions_before(now_s) - 1]


def _last_session(at: Assessor, now_s: float) -> str:
    count = at.course.sessions_before(now_s)
    if not count:
        return "There is no session on record yet."
    graded = at.course.grade(count - 1, now_s)
    day = day_of(at, at.timeline.start_s[count - 1])
    worst = max((score for score in graded.windows.values() if score is not None), default=None)
    if graded.grade == "UNKNOWN":
        return f"Your session of {day} has no grade: {_missing(graded.missing)}."
    told = "" if worst is None else f", your worst score around it was {worst}"
    return f"Your session of {day} was {graded.grade.lower()}{told}."


_WINDOWS = {
    "during": "the score during it", "after": "the score after it", "morning": "the morning after it",
    "h24": "the score a day later", "limping": "the answer about limping", "baseline": "your usual morning",
}  # fmt: skip


def _missing(missing: tuple[str, ...]) -> str:
    return (
        ", ".join(_WINDOWS[name] for name in missing[:3]) + " not known"
        if missing
        else "something is not known"
    )


def _settled_until_s(at: Assessor, now_s: float) -> list[float]:
    """Return until when a calm morning is waited for, of each RED that is not settled yet."""
    course, hold = at.course, at.protocol.holds
    clear_s = holds.cleared_at_s(course, now_s)
    return [
        red.at_s + hold.unsettled_days * DAY_S
        for red in holds.reds(course, now_s)
        if red.at_s >= clear_s
        and now_s < red.at_s + hold.unsettled_days * DAY_S
        and holds.settling(course, red, now_s) == "open"
    ]


def announced(at: Assessor, found: Assessment, now_s: float) -> tuple[str, ...]:
    """Say which doors a gap in the log or in running will close within days, before it does."""
    told = []
    course, ladder = at.course, at.protocol.ladder
    for each, _ in found.merged_of or ((at, found),):
        told += [
            f"Without a calm morning score by {day_of(at, until_s)}, the way back takes longer or needs your physio or "
            "doctor."
            for until_s in _settled_until_s(each, now_s)
        ]
    day, days = found.today.day, found.move.days_since_run
    if days is not None:
        limits = (ladder.gap_one_down_days, ladder.gap_two_down_days, ladder.gap_restart_days)
        left = next((limit - days for limit in sorted(limits) if limit > days), None)
        if left is not None and left <= ANNOUNCED_DAYS and found.move.rung > V0:
            last = date.fromordinal(day + left - 1)
            end = f"{last:%a} {last.day} {last:%b}"
            if found.state == "LOG_FIRST":
                # Nobody is told to run by a day on which the plan does not allow it yet.
                told.append(f"Your last run is long ago. From the day after {end} on the level starts lower.")
            elif found.state in ("RUN", "REST_DAY"):
                told.append(f"Without a run by {end}, the level starts lower.")
    is_known = course.baseline_on(day, now_s) is not None
    if is_known and course.baseline_on(day + ANNOUNCED_DAYS + 1, now_s) is None:
        last = date.fromordinal(day + ANNOUNCED_DAYS)
        told.append(f"Without morning scores by {last:%a} {last.day} {last:%b}, your usual morning is lost.")
    if course.is_changing_test(now_s):
        told.append(at.protocol.texts.notices["TEST_BOTH"])
    return tuple(dict.fromkeys(told))
