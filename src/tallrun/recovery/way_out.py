"""The way out of every state that is no run: what must hold, what of it does, and who can do the rest, when.

Each condition is one the rules ask for; nothing here decides. What the runner can do names the question that asks
for it (``insight.due``), so that nobody waits for something nobody asked.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from tallrun.recovery import holds, wording
from tallrun.recovery.rungs import V0
from tallrun.recovery.timeline import DAY_S

if TYPE_CHECKING:
    from tallrun.recovery.verdicts import Assessment, Assessor

Who = Literal["runner", "time", "clinician"]
#: Days without any morning after which it is worth saying that the plan knows no other test.
_NO_TEST_DAYS = 7


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing a run needs. met : None where it is not known yet.

    text : the condition. action : what to do about it, None when met. who : runner, time or clinician, None when met.
    earliest : the first instant at which it can hold, None when met or up to a clinician. ask : the question of
    ``insight.due`` that asks for it, None when the runner can do nothing.
    """

    id: str
    met: bool | None
    text: str
    action: str | None = None
    who: Who | None = None
    earliest: datetime | None = None
    ask: str | None = None

    @property
    def mark(self) -> str:
        """✓ met, ✗ not met, ? not known."""
        return {True: "✓", False: "✗", None: "?"}[self.met]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "id": self.id, "met": self.met, "text": self.text, "action": self.action, "who": self.who,
            "earliest": None if self.earliest is None else self.earliest.isoformat(), "ask": self.ask,
        }  # fmt: skip


def way_out(at: Assessor, found: Assessment, now_s: float) -> tuple[Condition, ...]:
    """Return the conditions of a run as they stand; empty when the state is RUN.

    Where somebody is referred the only condition is a clinician's entry. Conditions come in the order of the states.
    """
    if found.state == "RUN":
        return ()
    if found.state in ("REFER", "CLINICIAN"):
        return (
            Condition(
                "clinician", False, "A dated entry by a physio or doctor that clears this.",
                "Ask a physio or doctor, and have the entry made.", "clinician",
            ),
        )  # fmt: skip
    if found.merged_of:
        # A run needs what both ask for: what one of them misses keeps it closed, the later of two longer.
        met: dict[str, Condition] = {}
        for item in itertools.chain(*(_Conditions(*each, now_s).all() for each in found.merged_of)):
            known = met.setdefault(item.id, item)
            if _closed_until(item) > _closed_until(known):
                met[item.id] = item
        return tuple(met.values())
    return _Conditions(at, found, now_s).all()


def _closed_until(item: Condition) -> tuple[bool, float]:
    return item.met is not True, float("-inf") if item.earliest is None else item.earliest.timestamp()


class _Conditions:
    """The conditions of one assessment."""

    def __init__(self, at: Assessor, found: Assessment, now_s: float) -> None:
        self.at, self.found, self.now_s = at, found, now_s
        self.clock, self.protocol = at.timeline.clock, at.protocol
        self.day = found.today.day
        self.words = wording.Words(at.protocol)

    def all(self) -> tuple[Condition, ...]:
        """Every condition, in the order of the states they keep closed."""
        conditions = [self._rest(), *self._logged(), self._pain(), self._spacing()]
        if self.found.move.rung == V0:
            conditions += self._gate()
        return tuple(item for item in conditions if item is not None)

    def _at(self, at_s: float) -> datetime:
        return self.clock.local(at_s)

    def _rest(self) -> Condition | None:
        until_s = self.found.rest_until_s
        hours = f"{self.protocol.holds.rest_after_red_h:g}"
        if until_s is None and self.found.state != "REST48":
            return None
        text = f"{hours} hours since the last red score or event."
        if until_s is None:
            # Today's score is red by itself; its rest begins with it.
            until_s = self.now_s + self.protocol.holds.rest_after_red_h * 3600.0
        return Condition(
            "rest", False, text, "Rest from running. It needs time only.", "time", self._at(until_s)
        )

    def _logged(self) -> list[Condition | None]:
        missing = set(self.found.missing)
        now = self._at(self.now_s)
        found: list[Condition | None] = []
        screen = missing & {"screen", "screen_answers", "screen_after_red", "new_quality"}
        found.append(
            Condition(
                "screen", False, self._screen_wanted(screen), "Answer the screening questions.", "runner",
                self._at(self._screen_from_s(screen)), "screen",
            )
            if screen
            else Condition("screen", True, "The screening questions are answered.")
        )  # fmt: skip
        if "age" in missing:
            found.append(
                Condition("age", False, "Your date of birth.", "Say when you were born.", "runner", now, "birth_date")
            )  # fmt: skip
        found += [self._settled() if "settled" in missing else None, self._baseline("baseline" in missing)]
        if "today" in missing:
            ask, earliest_s = today_ask(self.at, self.found, self.now_s)
            found.append(
                Condition(
                    "today", None, "A score for today without a painkiller.", "Say how much it hurts.", "runner",
                    self._at(earliest_s), ask,
                )
            )  # fmt: skip
        else:
            found.append(Condition("today", True, "There is a score for today."))
        return found

    def _screen_wanted(self, missing: set[str]) -> str:
        if missing != {"screen"}:
            return f"A full screen: {self.words.missing(tuple(sorted(missing - {'screen'})))}."
        days = self.protocol.holds.screen_max_age_days
        return f"A full screen: {f'the last is over {days} days old' if self.at.screens else 'there is none yet'}."

    def _screen_from_s(self, missing: set[str]) -> float:
        """Return when to ask: at once, but of a RED that only goes on after its screen when its rest ends.

        Every score that says it still hurts would ask for another screen within the minute, and no run waits for it.
        A higher one than before that screen asks at once, as a new RED does.
        """
        rest_until_s = self.found.rest_until_s
        if missing != {"screen_after_red"} or rest_until_s is None:
            return self.now_s
        last_s = max(screen.at.timestamp() for screen in self.at.screens)
        reds = [red for red in holds.reds(self.at.course, self.now_s) if red.at_s > last_s]
        began_s = min(red.times_s[0] for red in reds)
        scores = [
            (mark.at_s > last_s, mark.score) for mark in self.at.timeline.marks_between(began_s, self.now_s)
        ]
        worst = [
            max((score for is_later, score in scores if is_later is side), default=-1)
            for side in (False, True)
        ]
        if worst[1] > worst[0] or any(red.times_s[0] > last_s for red in reds):
            return self.now_s
        return max(self.now_s, self.clock.starts_s(self.clock.day(rest_until_s)))

    def _mornings_to_go(self, count: int) -> float:
        """Return when so many mornings from now on can all be logged."""
        day = self.day + (0 if morning_is_open(self.at, self.day, self.now_s) else 1) + count - 1
        return max(self.clock.starts_s(day), self.now_s)

    def _settled(self) -> Condition:
        return Condition(
            "settled", None, "Calm mornings after the red session or score. They were not logged.",
            "Log the bridge test in the morning.", "runner", self._at(self._mornings_to_go(1)), "morning",
        )  # fmt: skip

    def _baseline(self, is_missing: bool) -> Condition:
        course, b = self.at.course, self.protocol.baseline
        if not is_missing:
            base = course.baseline_on(self.day, self.now_s)
            return Condition("baseline", True, f"Your usual morning is known: {base}.")
        to_go = mornings_to_go(self.at, self.day, self.now_s)
        text = f"Your usual morning: {b.min_mornings - to_go} of {b.min_mornings} mornings so far."
        action = f"Log the bridge test before {self.protocol.windows.morning_until_hour}:00."
        if knows_no_morning(self.at, self.now_s):
            action += " The plan has no other test. If you cannot do it, ask a physio for a plan of your own."
        return Condition(
            "baseline", False, text, action, "runner", self._at(self._mornings_to_go(to_go)), "morning"
        )

    def _pain(self) -> Condition:
        today, pain = self.found.today, self.protocol.pain
        limit = self.at.timeline.green_limit_at(self.now_s)
        base = self.at.course.baseline_on(self.day, self.now_s)
        if base is not None:
            limit = min(limit, base + pain.rest_day_rise - 1)
        text = f"All scores of a day at {limit} or less, the limit for a run."
        if today.worst is None:
            return Condition("pain", None, text)
        if today.worst <= limit:
            return Condition("pain", True, f"{text} Today's worst is {today.worst}.")
        tomorrow_s = self.clock.starts_s(self.day + 1)
        text = f"{text} Today's worst is {today.worst}."
        return Condition("pain", False, text, "It needs a calmer day.", "time", self._at(tomorrow_s))

    def _spacing(self) -> Condition:
        rung, ladder = self.found.move.rung, self.at.ladder
        days = next((k for k in range(8) if ladder.spacing_met(rung, self.now_s, self.day + k)), 7)
        # A walk keeps a day free, too; it is not called a run.
        has_run = self.found.move.days_since_run is not None
        text = f"Enough days since the last {'run' if has_run else 'session'}."
        if days == 0:
            is_first = self.at.course.sessions_before(self.now_s) == 0
            return Condition(
                "spacing", True, "No session is logged, so none is too recent." if is_first else text
            )
        opens_s = self.clock.starts_s(self.day + days)
        return Condition("spacing", False, text, "It needs time only.", "time", self._at(opens_s))

    def _gate(self) -> list[Condition]:
        ladder = self.protocol.ladder
        gate = self.at.ladder.gate(self.now_s, self.day)
        now = self._at(self.now_s)
        peak, bridge, sitting = ladder.gate_peak, ladder.gate_bridge, ladder.gate_sitting
        open_s = walk_settles_s(self.at, self.now_s)
        return [
            _part(
                "walk", gate["walk"], f"A green walk of 30 minutes, pain at {peak} or less.",
                "Answer what is asked about the walk." if open_s else self._walk_wanted(),
                self._at(open_s or self._walk_from_s()), "after_walk" if open_s else "walk",
            ),
            _part(
                "bridge", gate["bridge"], f"A bridge test at {bridge} or less in the last {ladder.gate_days} days.",
                "Log the bridge test in the morning.", self._at(self._mornings_to_go(1)), "morning",
            ),
            _part(
                "sitting", gate["sitting"], f"20 minutes of sitting at {sitting} or less in {ladder.gate_days} days.",
                "Sit for 20 minutes and say how it feels.", self._at(self._sitting_from_s()), "sitting",
            ),
            _part(
                "gate_screen", gate["screen"], f"A screen of the last {ladder.gate_days} days.",
                "Answer the screening questions.", now, "screen",
            ),
        ]  # fmt: skip

    def _sitting_from_s(self) -> float:
        """Return when to ask about sitting: a score of today stands until tomorrow, a masked one until it wears off."""
        t, today_s = self.at.timeline, self.clock.starts_s(self.day)
        scores = [
            mark for mark in t.marks
            if mark.row is not None and mark.row.provoked_by == "sitting" and today_s <= mark.at_s <= self.now_s
        ]  # fmt: skip
        if not scores:
            return self.now_s
        if scores[-1].masked and scores[-1].score <= self.protocol.ladder.gate_sitting:
            return max(self.now_s, mask_ends_s(self.at, self.now_s))
        return self.clock.starts_s(self.day + 1)

    def _walk_wanted(self) -> str:
        action = "Walk 30 minutes, easy and level, and log it."
        if "baseline" in self.found.missing:
            # An easy walk is allowed before; without a usual morning it has no grade.
            action += " An earlier walk is fine, too, but does not count for this."
        return action

    def _walk_from_s(self) -> float:
        """Return when a walk can count: once the usual morning is known, and not twice a day."""
        if "baseline" in self.found.missing:
            return self._mornings_to_go(mornings_to_go(self.at, self.day, self.now_s))
        if self.found.rest_until_s is not None:
            return self.found.rest_until_s
        return self.clock.starts_s(self.day + 1) if walked_on(self.at, self.day, self.now_s) else self.now_s


def _part(name: str, met: bool | None, text: str, action: str, earliest: datetime, ask: str) -> Condition:
    if met:
        return Condition(name, True, text)
    return Condition(name, met, text, action, "runner", earliest, ask)


def morning_is_open(at: Assessor, day: int, now_s: float) -> bool:
    """Whether this morning's load test can still be logged: the first of a day counts, masked or not."""
    known = at.timeline.mornings(at.course.due_test(now_s)).get(day)
    return known is None and now_s <= at.timeline.clock.starts_s(day, at.protocol.windows.morning_until_hour)


def mornings_to_go(at: Assessor, day: int, now_s: float) -> int:
    """Return how many more mornings the baseline needs; at least 1 while it is unknown."""
    known = at.timeline.mornings(at.course.due_test(now_s))
    b = at.protocol.baseline
    recent = [known[d] for d in range(day - b.days + 1, day + 1) if d in known]
    return max(1, b.min_mornings - sum(not morning.masked for morning in recent))


def knows_no_morning(at: Assessor, now_s: float) -> bool:
    """Whether scores were logged for a week or more and not one load test among them."""
    t = at.timeline
    if any(t.mornings(test) for test in (at.protocol.exercise.early_test, at.protocol.exercise.late_test)):
        return False
    return bool(t.mark_s) and now_s - t.mark_s[0] >= _NO_TEST_DAYS * DAY_S


def walked_on(at: Assessor, day: int, now_s: float) -> bool:
    """Whether a run or walk began on a local day."""
    return any(of_day == day and start_s <= now_s for of_day, start_s in
               zip(at.timeline.start_day, at.timeline.start_s, strict=True))  # fmt: skip


def walk_settles_s(at: Assessor, now_s: float) -> float | None:
    """Return until when the last walk's questions stay open; None where it is graded or there is none."""
    count = at.course.sessions_before(now_s)
    if count == 0 or at.ladder.gate(now_s, at.timeline.clock.day(now_s))["walk"] is not None:
        return None
    # The day after's question opens last; from then on it is the answers that are waited for.
    return max(at.timeline.end_s[count - 1] + at.protocol.windows.h24_from_h * 3600.0, now_s)


def today_ask(at: Assessor, found: Assessment, now_s: float) -> tuple[str, float]:
    """Return which question gives today's score, and from when: after a painkiller only once it has worn off."""
    clock = at.timeline.clock
    day = found.today.day
    opens_s = max(now_s, mask_ends_s(at, now_s))
    if morning_is_open(at, day, now_s) and opens_s <= clock.starts_s(
        day, at.protocol.windows.morning_until_hour
    ):
        return "morning", opens_s
    return "now", opens_s


def mask_ends_s(at: Assessor, now_s: float) -> float:
    """Return when the last painkiller has worn off; ``now_s`` or earlier when none is at work."""
    t = at.timeline
    n = bisect_right(t.taken_s, now_s)
    return t.taken_s[n - 1] + at.protocol.windows.masked_h * 3600.0 + 1.0 if n else float("-inf")


def day_words(at: datetime, now: datetime) -> str:
    """Return an instant as a person reads it beside today: now, a clock time, tomorrow, or a date."""
    here = at.astimezone(now.tzinfo)
    if here <= now:
        return "now"
    if here.date() == now.date():
        return f"today from {here:%H:%M}"
    if here.date() == now.date() + timedelta(days=1):
        return "tomorrow" if here.hour <= 3 else f"tomorrow from {here:%H:%M}"
    return f"{_weekday(here.date())} {here.day} {here:%b}"


def _weekday(day: date) -> str:
    return day.strftime("%a")
