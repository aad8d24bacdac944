"""Moves on the ladder (decision-table section 4: MV1-MV11, BL1-BL6, EX4).

All moves are reckoned from the last base rung and the lowest result wins; moves are never added.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from tallrun.recovery import mornings as baselines
from tallrun.recovery.course import BAD, Course
from tallrun.recovery.holds import Red
from tallrun.recovery.model import RUNGS, Advice, PlannedSession, RunSession
from tallrun.recovery.rungs import (
    F1,
    F2,
    I1,
    I2,
    INDEX,
    TOP,
    V0,
    V1,
    V9,
    done_rung,
    dose_minutes,
    down,
    is_against_advice,
    is_complete,
    run_minutes,
)  # fmt: skip
from tallrun.recovery.timeline import HOUR_S, Mark


@dataclass(frozen=True, slots=True)
class Step:
    """One session as the ladder sees it. base : rung advised for it, or min(advised, done) against advice.

    red_cap : MV6 of a RED dated before this run and within its rest, which this run did not keep; else None.
    """

    k: int
    session: RunSession
    day: int
    base: int
    done: int
    against: bool
    complete: bool
    red_cap: int | None


@dataclass(frozen=True, slots=True)
class Move:
    """Result of the ladder: rung index, rules that decided it, and what the sentence needs."""

    rung: int
    rules: tuple[str, ...]
    base: int
    notices: tuple[str, ...]
    dose_min: float | None
    green_streak: int
    days_since_run: int | None


class Ladder:
    """Ladder of one course. ``advice`` gives what was advised before session ``k``."""

    def __init__(self, course: Course, advice: list[Advice]) -> None:
        self.course, self.advice = course, advice
        self.timeline, self.protocol = course.timeline, course.protocol
        self._steps: list[Step] = []
        self._days_memo: dict[float, tuple[set[int], int | None]] = {}

    def steps(self, count: int, now_s: float) -> list[Step]:
        """Sessions that count as steps among the first ``count``, old to new.

        A V0 walk on the way is a step only while the ladder stands at V0, or when its grade is bad.
        """
        while len(self._steps) < count:
            self._steps.append(self._raw_step(len(self._steps)))
        found = []
        for k in range(count):
            step = self._steps[k]
            if step.done == V0 and step.base > V0 and self.course.grade(k, now_s).grade not in BAD:
                continue
            found.append(step)
        return found

    def _raw_step(self, k: int) -> Step:
        session, advice = self.timeline.sessions[k], self.advice[k]
        done = done_rung(self.protocol, session)
        previous = self._steps[-1].base if self._steps else V0
        advised = previous if advice.rung is None else INDEX[advice.rung]
        if done == V0:
            # A walk never carries a pending step up, and never opens the first runs by itself.
            advised = min(advised, previous)
        against = is_against_advice(self.protocol, session, advice, self.timeline.history.runner)
        base = min(advised, done) if against else advised
        red_cap, rests = self._red_before(k, base)
        base = min(base, red_cap)
        in_rest = rests and done > V0
        return Step(
            k, session, self.timeline.start_day[k], base, done, against or in_rest,
            is_complete(self.protocol, session, advice), base if in_rest else None,
        )  # fmt: skip

    def _red_before(self, k: int, base: int) -> tuple[int, bool]:
        """Highest base that REDs dated before session ``k`` leave it, and whether they asked for rest then.

        Advice kept with a session may be older than a score logged just before the start. A loose RED since
        the last step counts whatever the advice said; a RED of an earlier session when it is of the same day.
        """
        t = self.timeline
        start_s, day = t.start_s[k], t.start_day[k]
        # A V0 walk on the way does not use up a RED: the ladder has not moved yet.
        last = next((step for step in reversed(self._steps) if step.done > V0 or step.base == V0), None)
        since_s = t.start_s[last.k] if last is not None else float("-inf")
        today_s = t.clock.starts_s(day)
        loose = [
            m.at_s for m in t.high_marks if since_s <= m.at_s < start_s and not t.belongs_to_session(m.at_s)
        ]
        same_day = [at_s for at_s in loose if at_s >= today_s]
        for earlier in range(k - 1, -1, -1):
            if t.close_s[earlier] < today_s:
                break
            graded = self.course.grade(earlier, start_s)
            same_day += [at_s for at_s in graded.red_times_s if today_s <= at_s < start_s]
        rest_s = self.protocol.holds.rest_after_red_h * HOUR_S
        rests = bool(same_day) or any(start_s - at_s < rest_s for at_s in loose)
        if same_day or (loose and last is not None):
            return down(base if last is None else last.base, 2), rests
        return base, rests

    # -- the move -------------------------------------------------------------------------------------

    def move(
        self,
        now_s: float,
        today: int,
        found: list[Red],
        no_advance: tuple[str, ...],
        score_red: bool,
        plan: PlannedSession | None,
    ) -> Move:
        """Rung for today. no_advance : TD2 or TD3 when they hold; score_red : today's p is RED (TD1)."""
        steps = self.steps(self.course.sessions_before(now_s), now_s)
        last = steps[-1] if steps else None
        base = last.base if last is not None else V0
        streak = self.green_streak(steps, now_s)
        after_s = self.timeline.start_s[last.k] if last is not None else float("-inf")
        loose = any(red.session is None and red.at_s >= after_s for red in found)
        blocks: tuple[str, ...] = ()
        notices: list[str] = []

        rung, rules = self._by_grade(steps, now_s)
        if base == V0 and rules in (("MV1",), ("MV2",)) and rung >= V0:
            rung, rules = self._first_run(steps, now_s, today, no_advance)
        elif rules == ("MV1",) and base < TOP:
            blocks = (*no_advance, *self._blocks(base, now_s, today, found))
            if blocks:
                rung, rules = base, blocks
        results = [(rung, rules)]
        if loose or (
            score_red and self._high_since(max(after_s, self.timeline.clock.starts_s(today)), now_s)
        ):
            results.append((down(base, 2), ("MV6",)))
        elif score_red:
            # Today's RED came before the last run, so its base is already the lowered one.
            results.append((base, ("MV6",)))
        if last is not None and last.red_cap is not None:
            results.append((last.red_cap, ("MV6",)))
        days = self._days_since_run(steps, today)
        if days is not None:
            results += self._after_break(base, days, now_s, today)
        results += self._other_surface(base, last, plan, now_s, today)
        lowest = min(result for result, _ in results)
        decided = [name for result, names in results if result == lowest for name in names]
        for cap, name in self._caps(now_s, today):
            if cap < lowest:
                lowest, decided = cap, [name]
            elif cap == lowest and cap < results[0][0]:
                decided.append(name)
        if self.is_stuck(steps, now_s, today):
            notices.append("SEE_PHYSIO")
        longest = self.longest_qualifying_min(now_s, today)
        dose = dose_minutes(self.protocol, RUNGS[lowest], longest)
        return Move(lowest, tuple(dict.fromkeys(decided)), base, tuple(notices), dose, streak, days)

    def _high_since(self, from_s: float, now_s: float) -> bool:
        return any(from_s <= mark.at_s <= now_s for mark in self.timeline.high_marks)

    def _by_grade(self, steps: list[Step], now_s: float) -> tuple[int, tuple[str, ...]]:
        """MV1-MV7 from the grade of the last step."""
        if not steps:
            return V0, ("MV2",)
        last, ladder = steps[-1], self.protocol.ladder
        grade = self.course.grade(last.k, now_s).grade
        if grade == "RED":
            return down(last.base, 2), ("MV6",)
        if grade == "LATE":
            return down(last.base, 1), ("MV5",)
        if grade == "AMBER":
            if last.against:
                return down(last.base, 1), ("MV7",)
            if last.base >= I1:
                return F2, ("MV3",)
            if self.amber_streak(steps, now_s) >= ladder.amber_streak:
                return down(last.base, 1), ("MV4",)
            return last.base, ("MV3",)
        if last.against:
            return last.base, ("MV7",)
        if grade == "GREEN" and self.green_streak(steps, now_s) >= ladder.green_streak:
            return min(last.base + 1, TOP), ("MV1",)
        return last.base, ("MV2",)

    def green_streak(self, steps: list[Step], now_s: float) -> int:
        """Complete GREEN in a row at this rung and surface, as advised; a GREEN cut short is passed over."""
        if not steps:
            return 0
        base, surface = steps[-1].base, steps[-1].session.surface
        streak, later_day = 0, steps[-1].day
        for step in reversed(steps):
            if later_day - step.day >= self.protocol.ladder.gap_breaks_streak_days or step.against:
                break
            if self.course.grade(step.k, now_s).grade != "GREEN":
                break
            later_day = step.day
            if not step.complete:
                continue
            if step.done != base or step.session.surface != surface:
                break
            streak += 1
        return streak

    def amber_streak(self, steps: list[Step], now_s: float) -> int:
        """AMBER at this rung, UNKNOWN and GREEN cut short passed over; broken by GREEN and by any move."""
        streak = 0
        for step in reversed(steps):
            grade = self.course.grade(step.k, now_s).grade
            if step.against or step.base != steps[-1].base or grade in ("LATE", "RED"):
                break
            if grade == "AMBER":
                streak += 1
            elif grade == "GREEN" and step.complete:
                break
        return streak

    # -- what holds the level -------------------------------------------------------------------------

    def _blocks(self, base: int, now_s: float, today: int, found: list[Red]) -> tuple[str, ...]:
        ladder, t = self.protocol.ladder, self.timeline
        blocks = []
        if self.course.trend_on(today, now_s) in (baselines.RISING, baselines.UNKNOWN):
            blocks.append("BL1")
        if self.exercise_sessions(now_s, today, ladder.exercise_week_days) < ladder.exercise_week_min:
            blocks.append("BL2")
        count = self.course.sessions_before(now_s)
        runs_s = t.start_s[:count]
        if any(
            change.event != "withdrawn"
            and change.at.timestamp() <= now_s
            and count - bisect_left(runs_s, change.at.timestamp()) <= ladder.gait_quiet_sessions
            for change in t.history.gait_changes
        ):
            blocks.append("BL3")
        steps = self.steps(count, now_s)
        if self.is_stuck(steps, now_s, today):
            blocks.append("BL4")
        target, phase = base + 1, self.course.phase(now_s).phase
        if (
            (target >= F1 and phase < 2)
            or (target >= I1 and (phase < 3 or not self._green_days(steps, now_s, today, found)))
            or (target >= I2 and self._permitted(now_s) < target)
        ):
            blocks.append("BL5")
        if any("LV5" in step.session.live_rules for step in steps[-ladder.jump_quiet_sessions :]):
            blocks.append("BL6")
        return tuple(blocks)

    def exercise_sessions(self, now_s: float, today: int, days: int) -> int:
        """Exercise sessions on the last ``days`` local dates, today included."""
        t = self.timeline
        first_s = t.clock.starts_s(today - days + 1)
        return bisect_right(t.exercise_s, now_s) - bisect_left(t.exercise_s, first_s)

    def _green_days(self, steps: list[Step], now_s: float, today: int, found: list[Red]) -> bool:
        """14 days all GREEN: the record reaches back that far, nothing else was graded since, no loose RED."""
        days = self.protocol.ladder.green_days
        recent = [step for step in steps if today - step.day <= days]
        reaches_back = bool(steps) and today - steps[0].day >= days
        return (
            bool(recent)
            and reaches_back
            and not any(today - self.timeline.clock.day(red.at_s) <= days for red in found)
            and all(self.course.grade(s.k, now_s).grade == "GREEN" and not s.against for s in recent)
        )

    def _permitted(self, now_s: float) -> int:
        rungs = [INDEX[e.permits_rung] for e in self.timeline.entries_at(now_s) if e.permits_rung is not None]
        return max(rungs, default=I1)

    def is_stuck(self, steps: list[Step], now_s: float, today: int) -> bool:
        """BL4: no new best rung for 42 days with mornings no lower, or VISA-H down by 10 or more."""
        ladder, t = self.protocol.ladder, self.timeline
        totals = [
            row.total
            for row in sorted(t.history.questionnaires, key=lambda row: row.at.timestamp())
            if row.at.timestamp() <= now_s
        ]
        if len(totals) > 1 and max(totals[:-1]) - totals[-1] >= ladder.visa_h_drop:
            return True
        if not steps or today - steps[0].day < ladder.plateau_days:
            return False
        best = max(step.base for step in steps)
        reached = next(step.day for step in steps if step.base == best)
        if best == TOP or today - reached < ladder.plateau_days:
            return False
        now_median = self._median_morning(today, now_s)
        then_median = self._median_morning(today - ladder.plateau_days, now_s)
        if now_median is None or then_median is None:
            return True
        return then_median - now_median < ladder.plateau_drop

    def _median_morning(self, day: int, now_s: float) -> int | None:
        test, window = self.course.due_test(now_s), self.protocol.ladder.plateau_window_days
        known = self.timeline.mornings(test)
        found = (known.get(day - back) for back in range(window))
        scores = [m.score for m in found if m is not None and not m.masked and m.at_s <= now_s]
        return baselines.low_median(scores) if scores else None

    # -- breaks, surfaces, caps, the first run --------------------------------------------------------

    def _days_since_run(self, steps: list[Step], today: int) -> int | None:
        last = next((step for step in reversed(steps) if step.done > V0), None)
        return None if last is None else today - last.day

    def _after_break(
        self, base: int, days: int, now_s: float, today: int
    ) -> list[tuple[int, tuple[str, ...]]]:
        ladder = self.protocol.ladder
        if days >= ladder.gap_restart_days:
            if self.gate_is_open(now_s, today):
                return [(V1, ("MV8",))]
            return [(V0, ("MV11",))]
        if base == V0:
            # A break of some weeks must not hold at V0 whom a longer one lets start again through MV11.
            return []
        if days >= ladder.gap_two_down_days:
            return [(min(max(V0, base - 2), V9), ("MV8",))]
        if days >= ladder.gap_one_down_days:
            return [(min(max(V0, base - 1), F2), ("MV8",))]
        return []

    def _other_surface(
        self, base: int, last: Step | None, plan: PlannedSession | None, now_s: float, today: int
    ) -> list[tuple[int, tuple[str, ...]]]:
        if last is None or base < V1:
            return []
        surface = last.session.surface
        if plan is not None and plan.surface is not None:
            surface = plan.surface
        t, days = self.timeline, self.protocol.ladder.surface_days
        for k in range(self.course.sessions_before(now_s) - 1, -1, -1):
            if today - t.start_day[k] > days:
                break
            step = self._steps[k]
            if step.session.surface == surface and not step.against:
                if self.course.grade(k, now_s).grade == "GREEN":
                    return []
        return [(max(V1, base - 1), ("MV9",))]

    def _caps(self, now_s: float, today: int) -> list[tuple[int, str]]:
        caps = [(rung, "MV10") for rung, _ in self.limits(now_s, today)]
        phase = self.course.phase(now_s).phase
        if phase < 3:
            caps.append((F2 if phase == 2 else V9, "EX4"))
        return sorted(caps)

    def limits(self, now_s: float, today: int) -> list[tuple[int, str]]:
        """MV10: the highest level that each limit in force allows: strength, clinician or diagnosis."""
        found = []
        if self.exercise_sessions(now_s, today, self.protocol.ladder.exercise_lapse_days) == 0:
            found.append((F2, "strength"))
        found += [(INDEX[e.cap], "clinician") for e in self.timeline.entries_at(now_s) if e.cap is not None]
        if not self.is_diagnosed(now_s):
            found.append((F2, "diagnosis"))
        return found

    def is_diagnosed(self, now_s: float) -> bool:
        """Whether a clinician's diagnosis is on record."""
        return any(
            row.by_clinician and row.at.timestamp() <= now_s for row in self.timeline.history.diagnoses
        )

    def _first_run(
        self, steps: list[Step], now_s: float, today: int, no_advance: tuple[str, ...]
    ) -> tuple[int, tuple[str, ...]]:
        if not self.gate_is_open(now_s, today):
            return V0, ("MV11",)
        return (V0, no_advance) if no_advance else (V1, ("MV11",))

    def gate_is_open(self, now_s: float, today: int) -> bool:
        """MV11: newest V0 walk GREEN with peak <= 2, bridge and sitting <= 3, screen clear, all <= 7 days old."""
        return all(met for met in self.gate(now_s, today).values())

    def gate(self, now_s: float, today: int) -> dict[str, bool | None]:
        """Return the parts of MV11, walk, bridge, sitting and screen: met, not met, or not known (None).

        None: not logged, or a walk whose questions are still open.
        """
        ladder, t = self.protocol.ladder, self.timeline
        count = self.course.sessions_before(now_s)
        self.steps(count, now_s)
        test = self.course.due_test(now_s)
        first_s = t.clock.starts_s(today - ladder.gate_days)
        bridge = sitting = None
        for mark in t.marks[bisect_left(t.mark_s, first_s) : bisect_right(t.mark_s, now_s)]:
            row = mark.row
            if self.course.is_test(mark, test):
                bridge = mark
            if row is not None and row.provoked_by == "sitting":
                sitting = mark

        def is_calm(mark: Mark | None, limit: int) -> bool | None:
            if mark is None or (mark.masked and mark.score <= limit):
                return None
            return mark.score <= limit

        return {
            "walk": self._gate_walk(count, now_s, today),
            "bridge": is_calm(bridge, ladder.gate_bridge),
            "sitting": is_calm(sitting, ladder.gate_sitting),
            "screen": self._screened_since(first_s, now_s),
        }

    def _gate_walk(self, count: int, now_s: float, today: int) -> bool | None:
        ladder = self.protocol.ladder
        walk = next((step for step in reversed(self._steps[:count]) if step.done == V0), None)
        if walk is None or today - walk.day > ladder.gate_days or not walk.complete:
            return False
        graded = self.course.grade(walk.k, now_s)
        peak = graded.windows["during"]
        if peak is not None and peak > ladder.gate_peak:
            return False
        if (
            graded.grade == "UNKNOWN"
            and graded.baseline is not None
            and now_s < self.timeline.close_s[walk.k]
        ):
            return None
        return graded.grade == "GREEN" and peak is not None

    def _screened_since(self, first_s: float, now_s: float) -> bool:
        at = [row.at.timestamp() for row in self.timeline.history.screens if row.at.timestamp() <= now_s]
        return bool(at) and max(at) >= first_s

    def longest_qualifying_min(self, now_s: float, today: int) -> float | None:
        """Longest qualifying run of the last 30 days in run minutes; None when there is none."""
        return max((run_minutes(step.session) for step in self.qualifying(now_s, today)), default=None)

    def qualifying(self, now_s: float, today: int) -> list[Step]:
        """Return runs of the last 30 days graded GREEN or AMBER and not against advice, old to new."""
        count = self.course.sessions_before(now_s)
        self.steps(count, now_s)
        days = self.protocol.ladder.qualifying_days
        return [
            step
            for step in self._steps[:count]
            if today - step.day <= days
            and step.done > V0
            and not step.against
            and self.course.grade(step.k, now_s).grade in ("GREEN", "AMBER")
        ]

    def spacing_met(self, rung: int, now_s: float, today: int) -> bool:
        """Whether the run dates known by ``now_s`` leave room for a run on day ``today`` (section 1, spacing).

        A level that came down from I or H keeps their spacing for the days of a GREEN fortnight: coming down
        must never open a running day that staying up would not.
        """
        ladder = self.protocol.ladder
        days, last_hard = self._run_days(now_s)
        if today in days:
            return False
        came_down = last_hard is not None and today - last_hard <= ladder.green_days
        if F1 <= rung <= F2 and not came_down:
            row = 0
            while today - 1 - row in days:
                row += 1
            limit = ladder.f1_runs_per_week if rung == F1 else ladder.f2_runs_per_week
            week = sum(1 for day in days if 0 < today - day < 7)
            return row < ladder.days_in_a_row and week < limit
        return not any(today - back in days for back in range(1, ladder.run_date_spacing_days))

    def _run_days(self, now_s: float) -> tuple[set[int], int | None]:
        """Return the dates of the steps, and the last one at I or H; a later day that is asked about moves neither."""
        if now_s not in self._days_memo:
            steps, clock = self.steps(self.course.sessions_before(now_s), now_s), self.timeline.clock
            now_day = clock.day(now_s)
            days = {now_day - clock.days_since(step.session.started_at, now_s) for step in steps}
            hard = (step.day for step in steps if max(step.base, step.done) >= I1)
            self._days_memo[now_s] = days, max(hard, default=None)
        return self._days_memo[now_s]
