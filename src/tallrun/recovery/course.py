"""Grades, baselines and exercise phases along a history, as known at any instant.

They lean on each other, each on strictly earlier things only: the grade of a session needs the baseline of
its day, the baseline leaves out mornings after earlier bad sessions, the load test follows the exercise phase,
the phase follows grades of earlier exercise sessions. Results that can no longer change are kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

from tallrun.recovery import mornings as baselines
from tallrun.recovery.grading import GradedSession, SessionFacts, grade_scores, session_windows
from tallrun.recovery.model import Screen
from tallrun.recovery.screening import fired_rules, unanswered
from tallrun.recovery.timeline import DAY_S, HOUR_S, Mark, Timeline

BAD = ("AMBER", "LATE", "RED")
#: A score is no part of the past that says which test was due.
_JUST_BEFORE_S = 1e-3


def qualities_of(marks: list[Mark]) -> set[str]:
    """Qualities of pain named with some scores."""
    return {mark.row.quality for mark in marks if mark.row is not None and mark.row.quality is not None}


@dataclass(frozen=True, slots=True)
class PhaseState:
    """Exercise phase and what counts towards the next.

    greens : GREEN in a row. phase_greens : GREEN in this phase. bad : AMBER or LATE since the last GREEN.
    raised_s : when the phase with the later load test was first reached; None where it never was.
    held_from, red_at_s : the phase before a RED and its instant, None otherwise. highest : highest phase so
    far; the load test follows it, so that a step back does not change the test (and lose the baseline).
    """

    phase: int = 1
    greens: int = 0
    phase_greens: int = 0
    bad: int = 0
    held_from: int | None = None
    red_at_s: float | None = None
    highest: int = 1
    raised_s: float | None = None


class Course:
    """Everything derived along one timeline. ``now_s`` of each call is what is known by then.

    earlier : a course of the same record as it stood before; what both timelines tell alike is not worked out again.
    """

    def __init__(self, timeline: Timeline, earlier: Course | None = None) -> None:
        self.timeline = timeline
        self.protocol = timeline.protocol
        self._final: dict[int, GradedSession] = {}
        self._final_exercise: dict[int, GradedSession] = {}
        self._baseline_memo: dict[tuple[int, float], tuple[int | None, int | None]] = {}
        self._grade_memo: dict[tuple[int, float], GradedSession] = {}
        self._screened: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._phase_memo: dict[float, PhaseState] = {}
        self._phase_prefix: list[PhaseState] = []
        self._graded_s = self.protocol.windows.h48_until_h * HOUR_S
        if earlier is not None:
            self._take_over(earlier)
        # Old to new: the phase that says which test was due follows from earlier mornings only.
        for morning in timeline.unnamed:
            timeline.name_test(morning, self.due_test(morning.at_s - _JUST_BEFORE_S))

    def _take_over(self, earlier: Course) -> None:
        """Take what is known by an instant up to which nothing differs: it rests on rows up to that instant only."""
        t, was = self.timeline, earlier.timeline
        same_s = t.same_until_s(was)
        self._final = {k: kept for k, kept in earlier._final.items() if was.close_s[k] < same_s}
        self._final_exercise = {
            k: kept for k, kept in earlier._final_exercise.items() if earlier._exercise_close_s(k) < same_s
        }
        # Nobody asks again what was known when the earlier course was asked: only row times come again.
        known_s = min(same_s, was.until_s)
        self._baseline_memo = {key: kept for key, kept in earlier._baseline_memo.items() if key[1] < known_s}
        self._grade_memo = {key: kept for key, kept in earlier._grade_memo.items() if key[1] < known_s}
        self._phase_memo = {at_s: kept for at_s, kept in earlier._phase_memo.items() if at_s < known_s}
        settled = bisect_left(was.exercise_s, same_s - self._graded_s)
        self._phase_prefix = earlier._phase_prefix[:settled]

    # -- grades ---------------------------------------------------------------------------------------

    def grade(self, k: int, now_s: float) -> GradedSession:
        """Grade of run session ``k`` as known at ``now_s``."""
        if k in self._final:
            return self._final[k]
        if (k, now_s) in self._grade_memo:
            return self._grade_memo[k, now_s]
        t = self.timeline
        start_s, end_s = t.start_s[k], t.end_s[k]
        close_s = min(t.close_s[k], now_s)
        test = self.due_test(start_s)
        windows = session_windows(t, start_s, end_s, close_s, test)
        span = t.marks_between(start_s, close_s)
        session = t.sessions[k]
        answers = [mark.row.limping for mark in span if mark.row is not None and mark.row.limping is not None]
        limping = True if session.limping or any(answers) else session.limping
        if limping is None and answers:
            limping = False
        felt_sharp = any(mark.row is not None and mark.row.quality == "sharp" for mark in span)
        sharp = session.sharp_change or (felt_sharp and "sharp" not in self.known_qualities(start_s))
        facts = SessionFacts(
            start_s, end_s, close_s, limping, sharp, session.stop_reason == "pain", session.live_rules
        )
        base = self.baseline_on(t.start_day[k], start_s)
        strict = self.strict_baseline_on(t.start_day[k], start_s)
        graded = grade_scores(self.protocol, t.green_limit_at(start_s), base, strict, windows, span, facts)
        self._grade_memo[k, now_s] = graded
        if now_s >= t.close_s[k]:
            self._final[k] = graded
        return graded

    def exercise_grade(self, k: int, now_s: float) -> GradedSession:
        """Grade of exercise session ``k``; limping is not asked (decision-table section 7)."""
        if k in self._final_exercise:
            return self._final_exercise[k]
        t, row = self.timeline, self.timeline.exercises[k]
        at_s = t.exercise_s[k]
        close_s = min(self._exercise_close_s(k), now_s)
        test = self.due_test(at_s)
        windows = session_windows(t, at_s, at_s, close_s, test)
        day = t.clock.day(at_s)
        for name, score in (("during", row.pain_during), ("after", row.pain_after)):
            if score is not None:
                masked = any(mark.masked for mark in t.marks_between(at_s, at_s))
                windows[name] = [*windows[name], Mark(at_s, day, score, masked, True, None)]
        facts = SessionFacts(at_s, at_s, close_s, False, False, False, ())
        base = self.baseline_on(day, at_s)
        strict = self.strict_baseline_on(day, at_s)
        # Each exercise of the session counts, also where another one's score is missing.
        span = t.marks_between(t.exercise_start_s[k], close_s)
        graded = grade_scores(self.protocol, t.green_limit_at(at_s), base, strict, windows, span, facts)
        if now_s >= self._exercise_close_s(k):
            self._final_exercise[k] = graded
        return graded

    def _exercise_close_s(self, k: int) -> float:
        """End of the scores that serve an exercise session: as for a run, the next run's start cuts it."""
        t, at_s = self.timeline, self.timeline.exercise_s[k]
        following = bisect_right(t.start_s, at_s)
        cut_s = t.start_s[following] if following < len(t.start_s) else float("inf")
        return min(at_s + self._graded_s, cut_s)

    def sessions_before(self, now_s: float) -> int:
        """Count of sessions that started before or at an instant."""
        return bisect_right(self.timeline.start_s, now_s)

    # -- baseline and trend ---------------------------------------------------------------------------

    def due_test(self, now_s: float) -> str:
        """Load test in force at an instant: that of the exercise phase, once its baseline is there.

        Both tests are logged on the mornings around a change of phase; until the later one has its mornings, and at
        most for the days of a baseline, the earlier one goes on, so that no day is without a test.
        """
        exercise = self.protocol.exercise
        state = self.phase(now_s)
        if state.highest < exercise.late_test_from_phase:
            return exercise.early_test
        return exercise.early_test if self.is_changing_test(now_s) else exercise.late_test

    def is_changing_test(self, now_s: float) -> bool:
        """Whether the phase has changed the load test and the later test has too few mornings for a baseline."""
        exercise, b, t = self.protocol.exercise, self.protocol.baseline, self.timeline
        raised_s = self.phase(now_s).raised_s
        if raised_s is None or not raised_s <= now_s < raised_s + b.days * DAY_S:
            return False
        day = t.clock.day(now_s)

        def is_known(test: str) -> bool:
            known = t.mornings(test)
            recent = (known.get(day - back) for back in range(1, b.days + 1))
            count = sum(item is not None and not item.masked for item in recent)
            return count >= b.min_mornings or self._setup(day, now_s, test) is not None

        return is_known(exercise.early_test) and not is_known(exercise.late_test)

    def is_test(self, mark: Mark, test: str) -> bool:
        """Whether a score is a load test ``test``; a morning that names none is the one due at its own time."""
        row = mark.row
        if row is None or (row.load_test is None and row.kind != "morning"):
            return False
        return (row.load_test or self.due_test(mark.at_s - _JUST_BEFORE_S)) == test

    def baseline_on(self, day: int, now_s: float) -> int | None:
        """Baseline for a local day: the mornings of the days before it, bad ones left out.

        The day's own morning is judged against B and therefore is not part of it, except while the three
        set-up mornings are being collected.
        """
        return self._baselines(day, now_s)[0]

    def strict_baseline_on(self, day: int, now_s: float) -> int | None:
        """Baseline to call a score bad by: where B is not known because mornings were left out, what is left of them.

        Known-bad beats missing: a session that takes B away takes no RED away with it.
        """
        return self._baselines(day, now_s)[1]

    def _baselines(self, day: int, now_s: float) -> tuple[int | None, int | None]:
        key = (day, now_s)
        if key not in self._baseline_memo:
            self._baseline_memo[key] = self._reckon_baselines(day, now_s)
        return self._baseline_memo[key]

    def _reckon_baselines(self, day: int, now_s: float) -> tuple[int | None, int | None]:
        t, b = self.timeline, self.protocol.baseline
        test = self.due_test(now_s)
        known = t.mornings(test)
        found = [known[d] for d in range(day - b.days, day) if d in known]
        mornings = [morning for morning in found if not morning.masked]
        n_bad = 0
        if len(mornings) >= b.min_mornings:
            left_out_s = b.leave_out_after_bad_h * HOUR_S
            first = bisect_left(t.start_s, mornings[0].at_s - left_out_s - DAY_S)
            bad = [
                (t.start_s[k], t.end_s[k] + left_out_s)
                for k in range(first, bisect_left(t.start_s, now_s))
                if self.grade(k, now_s).grade in BAD
            ]
            n_bad = sum(any(lo < m.at_s <= hi for lo, hi in bad) for m in mornings)
        scores = sorted(morning.score for morning in mornings)
        # As many as follow a bad session are left out, from the top: a worse session never raises what is usual.
        kept = scores[: len(scores) - n_bad]
        setup = self._setup(day, now_s, test) if len(kept) < b.min_mornings else None
        usual = baselines.baseline(self.protocol, kept, setup)
        if not n_bad:
            return usual, usual
        rest = min(baselines.low_median(kept or scores[:1]), b.highest)
        usual = None if usual is None else min(usual, rest)
        return usual, rest if usual is None else usual

    def _setup(self, day: int, now_s: float, test: str) -> int | None:
        t, b = self.timeline, self.protocol.baseline
        found: list[tuple[int, int]] = [
            (t.clock.day(row.at.timestamp()), row.score)
            for row in t.history.setup_baselines
            if row.load_test == test and row.at.timestamp() <= now_s
        ]
        first = [m for m in t.first_mornings(test, b.min_mornings) if m.at_s <= now_s]
        if len(first) >= b.min_mornings:
            found.append((first[-1].day, baselines.low_median([m.score for m in first])))
        recent = [entry for entry in found if day - entry[0] <= b.setup_max_age_days]
        return max(recent)[1] if recent else None

    def trend_on(self, day: int, now_s: float) -> str:
        """Trend of the last days' mornings; masked ones can make it RISING, never fill it."""
        t, b = self.timeline, self.protocol.baseline
        test = self.due_test(now_s)
        known = t.mornings(test)
        found = [known[d] for d in range(day - b.trend_days + 1, day + 1) if d in known]
        mornings = [morning for morning in found if morning.at_s <= now_s]
        clear = baselines.trend(self.protocol, [(m.day, m.score) for m in mornings if not m.masked])
        if any(m.masked for m in mornings) and clear != baselines.RISING:
            with_masked = baselines.trend(self.protocol, [(m.day, m.score) for m in mornings])
            return with_masked if with_masked == baselines.RISING else clear
        return clear

    def screened(self, screen: Screen) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Rules a screen fires and questions it leaves open."""
        key = id(screen)
        if key not in self._screened:
            self._screened[key] = (fired_rules(self.protocol, screen), unanswered(self.protocol, screen))
        return self._screened[key]

    def known_qualities(self, at_s: float) -> set[str]:
        """Qualities of pain that are not new at an instant: usual, screened, or logged before the last screen."""
        known = set(self.protocol.screening.usual_qualities)
        screens = [row for row in self.timeline.history.screens if row.at.timestamp() <= at_s]
        if screens:
            last = max(screens, key=lambda row: row.at.timestamp())
            known |= last.qualities
            if not last.qualities:
                before_s = last.at.timestamp()
                t = self.timeline
                known |= qualities_of(t.quality_marks[: bisect_right(t.quality_s, before_s)])
        return known

    # -- exercise phase -------------------------------------------------------------------------------

    def phase(self, now_s: float) -> PhaseState:
        """Exercise phase as known at an instant (EX1-EX3), from the newest stated phase on."""
        if now_s not in self._phase_memo:
            self._phase_memo[now_s] = self._phase(now_s)
        return self._phase_memo[now_s]

    def _phase(self, now_s: float) -> PhaseState:
        t = self.timeline
        count = bisect_left(t.exercise_s, now_s)
        settled = bisect_right(t.exercise_s, now_s - self._graded_s)
        while len(self._phase_prefix) < settled:
            k = len(self._phase_prefix)
            previous = self._phase_prefix[k - 1] if k else PhaseState()
            self._phase_prefix.append(self._step(previous, k, t.exercise_s[k] + self._graded_s))
        state = self._phase_prefix[settled - 1] if settled else PhaseState()
        for k in range(settled, count):
            state = self._step(state, k, now_s)
        last_s = t.exercise_s[count - 1] if count else float("-inf")
        return self._released(self._stated(state, last_s, now_s), now_s)

    def _stated(self, state: PhaseState, after_s: float, until_s: float) -> PhaseState:
        for row in sorted(self.timeline.history.phases, key=lambda row: row.at.timestamp()):
            if after_s < row.at.timestamp() <= until_s:
                # Who states a phase knows its test; the days of both tests are for a phase that was earned.
                state = PhaseState(phase=row.phase, highest=row.phase)
        return state

    def _step(self, state: PhaseState, k: int, now_s: float) -> PhaseState:
        t, x = self.timeline, self.protocol.exercise
        at_s = t.exercise_s[k]
        before_s = t.exercise_s[k - 1] if k else float("-inf")
        state = self._released(self._stated(state, before_s, at_s), at_s)
        graded = self.exercise_grade(k, now_s)
        if graded.grade == "RED":
            # A second RED while held finds phase 1 as the old one.
            return PhaseState(
                1,
                held_from=state.phase,
                red_at_s=graded.red_at_s,
                highest=state.highest,
                raised_s=state.raised_s,
            )
        if graded.grade in ("AMBER", "LATE"):
            if state.bad + 1 < x.bad_to_move_down:
                return replace(state, greens=0, bad=state.bad + 1)
            held_from = None if state.held_from is None else max(1, state.held_from - 1)
            lower = max(1, state.phase - 1)
            return replace(state, phase=lower, greens=0, phase_greens=0, bad=0, held_from=held_from)
        if graded.grade == "UNKNOWN" or t.exercises[k].phase < state.phase:
            return replace(state, greens=0)
        up = state.greens + 1 >= x.green_to_move_up and state.phase < 3 and state.held_from is None
        if up and (state.phase < 2 or self._both_sides_calm(now_s)):
            higher = max(state.highest, state.phase + 1)
            is_first = state.highest < x.late_test_from_phase <= higher
            return PhaseState(state.phase + 1, highest=higher, raised_s=at_s if is_first else state.raised_s)
        return replace(state, greens=state.greens + 1, phase_greens=state.phase_greens + 1, bad=0)

    def _released(self, state: PhaseState, now_s: float) -> PhaseState:
        """EX3: after a RED only phase 1 until a morning is at most B+1, then one phase below the old."""
        if state.held_from is None or state.red_at_s is None:
            return state
        t = self.timeline
        day = t.clock.day(state.red_at_s)
        exercise = self.protocol.exercise
        late = state.highest >= exercise.late_test_from_phase
        test = exercise.late_test if late else exercise.early_test
        mornings = self._plain_mornings(test, day)
        base = baselines.baseline(self.protocol, mornings, self._setup(day, now_s, test))
        if base is None:
            return state
        for ahead in range(1, t.clock.day(now_s) - day + 1):
            morning = t.mornings(test).get(day + ahead)
            if (
                morning is not None
                and not morning.masked
                and state.red_at_s < morning.at_s <= now_s
                and morning.score <= base + self.protocol.pain.settled_rise
            ):
                return PhaseState(
                    max(1, state.held_from - 1), bad=state.bad, highest=state.highest, raised_s=state.raised_s
                )
        return state

    def _plain_mornings(self, test: str, day: int) -> list[int]:
        known = self.timeline.mornings(test)
        found = (known.get(day - back) for back in range(self.protocol.baseline.days, 0, -1))
        return [m.score for m in found if m is not None and not m.masked]

    def _both_sides_calm(self, now_s: float) -> bool:
        """EX1, P2 to P3: the newest single-leg bridge of either side is at most 2 and not masked."""
        x, t = self.protocol.exercise, self.timeline
        latest: dict[str, tuple[float, int]] = {}
        tests = [(m.at_s, m.row, m.masked) for m in t.marks if m.row is not None]
        tests += [(at_s, row, t.is_masked(at_s, row)) for at_s, row in t.elsewhere]
        for at_s, row, masked in tests:
            fresh = now_s - x.test_max_age_days * DAY_S <= at_s <= now_s
            if row is None or row.load_test != x.late_test or masked or not fresh:
                continue
            for side in ("left", "right") if row.side == "both" else (row.side,):
                if side not in latest or latest[side][0] <= at_s:
                    latest[side] = (at_s, row.score)
        limit = x.test_before_energy_storage
        return all(side in latest and latest[side][1] <= limit for side in ("left", "right"))
