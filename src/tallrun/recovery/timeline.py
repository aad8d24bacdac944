"""The raw history put in order once: seconds instead of dates, local days, masks, and which session cuts which.

Hours between two instants are taken on the absolute time line (``timestamp``), so a change to or from summer
time never stretches a window; dates are local and a day starts at 03:00 (decision-table section 1, windows).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby, islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from tallrun.recovery.model import ClinicianEntry, ExerciseSession, History, PainScore, RunSession
from tallrun.recovery.protocol import Protocol

HOUR_S = 3600.0
DAY_S = 86400.0
_EPOCH_DAY = date(1970, 1, 1).toordinal()
#: Activities that hardly ever hurt; pain in them is atypical (SC8, art:A1).
LEVEL_ACTIVITIES = ("level_walking", "lying")


@dataclass(frozen=True, slots=True)
class Mark:
    """One score on the time line. fills : False when it can only make a grade worse (exercise scores)."""

    at_s: float
    day: int
    score: int
    masked: bool
    fills: bool
    row: PainScore | None


@dataclass(frozen=True, slots=True)
class Morning:
    """First load test of one kind on one local day, before noon."""

    at_s: float
    day: int
    score: int
    masked: bool


@lru_cache(maxsize=1 << 16)
def _day(zone: ZoneInfo, day_starts_hour: int, at_s: float) -> int:
    # Every rule asks for the days of the same rows again and again.
    local = datetime.fromtimestamp(at_s, zone)
    return local.toordinal() - (local.hour < day_starts_hour)


class Clock:
    """Local days of one time zone."""

    def __init__(self, zone: str, day_starts_hour: int) -> None:
        self._zone = ZoneInfo(zone)
        self._starts = day_starts_hour

    def local(self, at_s: float) -> datetime:
        """Local date and time of an instant."""
        return datetime.fromtimestamp(at_s, self._zone)

    def day(self, at_s: float) -> int:
        """Ordinal of the local day an instant belongs to; before 03:00 it is still the day before."""
        return _day(self._zone, self._starts, at_s)

    def starts_s(self, day: int, hour: int | None = None) -> float:
        """Instant at which a local day begins, or another hour of that date."""
        clock = time(self._starts if hour is None else hour)
        return datetime.combine(date.fromordinal(day), clock, self._zone).astimezone(UTC).timestamp()

    def days(self, at: datetime) -> Callable[[float], int] | None:
        """Return the day count by the offset an instant was entered with; None where the zone says the same."""
        offset = at.utcoffset()
        if offset is None or offset == at.astimezone(self._zone).utcoffset():
            return None
        shift_s = offset.total_seconds() - self._starts * HOUR_S
        return lambda at_s: int((at_s + shift_s) // DAY_S) + _EPOCH_DAY

    def same_day(self, at: datetime, now_s: float) -> bool:
        """Whether an instant is of the local day of ``now_s``, by the zone in force or the one it was entered in.

        A runner who changes the time zone must not end a day that has begun.
        """
        at_s = at.timestamp()
        entered = self.days(at)
        if entered is None:
            return self.day(at_s) == self.day(now_s)
        return bool({self.day(at_s), entered(at_s)} & {self.day(now_s), entered(now_s)})

    def days_since(self, at: datetime, now_s: float) -> int:
        """Local days from an instant to ``now_s``: the fewer by the zone in force and the one it was entered in."""
        at_s = at.timestamp()
        since = self.day(now_s) - self.day(at_s)
        entered = self.days(at)
        return since if entered is None else max(0, min(since, entered(now_s) - entered(at_s)))

    def midnight_after_s(self, at_s: float) -> float:
        """End of the calendar date of an instant."""
        tomorrow = self.local(at_s).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(0), self._zone).astimezone(UTC).timestamp()


def superseded_ids(rows: list[PainScore]) -> set[str]:
    """Ids that other rows of the list stand in for. Rows that supersede each other in a circle hide nothing."""
    link = {row.pain_id: row.supersedes for row in rows if row.supersedes is not None}
    seen: set[str] = set()
    circles: set[str] = set()
    for first in link:
        path: list[str] = []
        row_id: str | None = first
        while row_id is not None and row_id not in seen:
            seen.add(row_id)
            path.append(row_id)
            row_id = link.get(row_id)
        if row_id in path:
            circles.update(path[path.index(row_id) :])
    return {older for newer, older in link.items() if newer not in circles}


class Timeline:
    """A history indexed for the protocol that its clinician's entries leave in force at ``until``.

    Rows after ``until`` and superseded rows are left out.
    """

    def __init__(self, protocol: Protocol, history: History, until: datetime) -> None:
        self.protocol, self.history = protocol.in_force(history.clinician, until), history
        self.until_s = until.timestamp()
        self.clock = Clock(history.runner.time_zone, protocol.windows.day_starts_hour)
        self._read_scores()
        self._read_sessions()

    def _read_scores(self) -> None:
        clock, runner = self.clock, self.history.runner
        known = [(row.at.timestamp(), row) for row in self.history.scores]
        known = [(at_s, row) for at_s, row in known if at_s <= self.until_s]
        hidden = superseded_ids([row for _, row in known])
        rows = [(at_s, row) for at_s, row in known if row.pain_id not in hidden]
        #: When painkillers were taken, old to new, whatever score they were named with: they work in the whole body.
        self.taken_s = sorted(
            row.painkiller_at.timestamp() if row.painkiller_at is not None else at_s
            for at_s, row in rows
            if row.painkiller != "none"
        )
        self.elsewhere: list[tuple[float, PainScore]] = []
        marks = []
        for at_s, row in rows:
            same_side = runner.side == "both" or row.side in (runner.side, "both")
            if row.site != runner.site or not same_side:
                self.elsewhere.append((at_s, row))
                continue
            masked = self.is_masked(at_s, row)
            marks.append(Mark(at_s, clock.day(at_s), row.score, masked, row.kind != "exercise", row))
        done = [(row.at.timestamp(), row) for row in self.history.exercises]
        done = sorted((pair for pair in done if pair[0] <= self.until_s), key=lambda pair: pair[0])
        for at_s, exercise in done:
            scores = (exercise.pain_before, exercise.pain_during, exercise.pain_after)
            worst = max((score for score in scores if score is not None), default=None)
            if worst is not None:
                marks.append(Mark(at_s, clock.day(at_s), worst, self.is_masked(at_s, None), False, None))
        # Of scores of one instant the worse is the later one; the first morning below looks for it itself.
        marks.sort(key=lambda mark: (mark.at_s, mark.score))
        self.marks = marks
        self.mark_s = [mark.at_s for mark in marks]
        self.injected = [(at_s, row) for at_s, row in rows if row.painkiller == "injection"]
        runs_s = sorted(run.started_at.timestamp() for run in self.history.sessions)
        parts = groupby(
            done, key=lambda pair: (clock.day(pair[0]), pair[1].phase, bisect_right(runs_s, pair[0]))
        )
        sittings = [rows for _, part in parts for rows in _sittings([row for _, row in part])]
        self.exercises = [_one_session(rows) if len(rows) > 1 else rows[0] for rows in sittings]
        #: When the first and the last exercise of each session were done.
        self.exercise_start_s = [rows[0].at.timestamp() for rows in sittings]
        self.exercise_s = [row.at.timestamp() for row in self.exercises]
        # What the rules look for across the whole history is picked out once.
        self.high_marks = [mark for mark in marks if mark.score > self.protocol.pain.stop_above]
        self.quality_marks = [m for m in marks if m.row is not None and m.row.quality is not None]
        self.quality_s = [mark.at_s for mark in self.quality_marks]
        self.level_marks = [m for m in marks if m.row is not None and m.row.provoked_by in LEVEL_ACTIVITIES]
        self._first_mornings: dict[tuple[str, int], list[Morning]] = {}
        self._mornings: dict[str, dict[int, Morning]] = {}
        #: First morning row of each day that names no test, by time, until ``name_test`` says which it was.
        self.unnamed: list[Morning] = []
        for mark in marks:
            answer = mark.row
            if answer is None or (answer.load_test is None and answer.kind != "morning"):
                continue
            local = clock.local(mark.at_s)
            if self.protocol.windows.day_starts_hour <= local.hour < self.protocol.windows.morning_until_hour:
                morning = Morning(mark.at_s, mark.day, mark.score, mark.masked)
                if answer.load_test is not None:
                    self._enter_morning(answer.load_test, morning)
                elif not self.unnamed or self.unnamed[-1].day != mark.day:
                    self.unnamed.append(morning)
                elif self.unnamed[-1].at_s == mark.at_s:
                    self.unnamed[-1] = morning

    def is_masked(self, at_s: float, row: PainScore | None) -> bool:
        """Whether a painkiller was at work when a score was felt, named with that score or with another one."""
        if row is not None and row.painkiller != "none" and row.painkiller_at is None:
            return True
        i = bisect_right(self.taken_s, at_s)
        return i > 0 and at_s - self.taken_s[i - 1] <= self.protocol.windows.masked_h * HOUR_S

    def name_test(self, morning: Morning, test: str) -> None:
        """Enter a morning that names no test under the one that was due then; the first of a day counts."""
        self._enter_morning(test, morning)
        self._first_mornings.clear()

    def _enter_morning(self, test: str, morning: Morning) -> None:
        days = self._mornings.setdefault(test, {})
        first = days.get(morning.day)
        if first is None or (morning.at_s, -morning.score) < (first.at_s, -first.score):
            days[morning.day] = morning

    def _read_sessions(self) -> None:
        found = [row for row in self.history.sessions if row.started_at.timestamp() <= self.until_s]
        found.sort(key=lambda row: (row.started_at.timestamp(), row.session_id))
        self.sessions: list[RunSession] = found
        self.start_s = [row.started_at.timestamp() for row in found]
        self.end_s = [row.ended_at.timestamp() for row in found]
        self.start_day = [self.clock.day(at_s) for at_s in self.start_s]
        graded_s = self.protocol.windows.h48_until_h * HOUR_S
        # A score after the next run's start serves only that run, so each session ends its claim there.
        self.close_s = [
            min(end_s + graded_s, self.start_s[i + 1] if i + 1 < len(found) else end_s + graded_s)
            for i, end_s in enumerate(self.end_s)
        ]

    def same_until_s(self, other: Timeline) -> float:
        """First instant at which two timelines tell something else; minus infinity for another runner or protocol."""
        mine, theirs = self.history, other.history
        if mine.runner != theirs.runner or self.protocol is not other.protocol:
            return float("-inf")
        return min(
            _differ_s(self.marks, other.marks, lambda mark: mark.at_s),
            _differ_s(self.elsewhere, other.elsewhere, lambda pair: pair[0]),
            _differ_s(self.taken_s, other.taken_s, float),
            _differ_s(self.sessions, other.sessions, lambda row: row.started_at.timestamp()),
            *(
                _differ_s(first, second, lambda row: row.at.timestamp())
                for first, second in (
                    (self.exercises, other.exercises),
                    (mine.screens, theirs.screens),
                    (mine.phases, theirs.phases),
                    (mine.setup_baselines, theirs.setup_baselines),
                    (mine.clinician, theirs.clinician),
                )
            ),
        )

    def marks_between(self, from_s: float, to_s: float) -> list[Mark]:
        """Scores with from_s <= instant <= to_s."""
        return self.marks[bisect_left(self.mark_s, from_s) : bisect_right(self.mark_s, to_s)]

    def mornings(self, test: str) -> dict[int, Morning]:
        """First load test ``test`` of each local day."""
        return self._mornings.get(test, {})

    def first_mornings(self, test: str, count: int) -> list[Morning]:
        """Return the first unmasked mornings on record for a test, at most ``count``."""
        key = (test, count)
        if key not in self._first_mornings:
            clear = (morning for _, morning in sorted(self.mornings(test).items()) if not morning.masked)
            self._first_mornings[key] = list(islice(clear, count))
        return self._first_mornings[key]

    def belongs_to_session(self, at_s: float) -> bool:
        """Whether an instant lies in the graded span of a run or walk."""
        i = bisect_right(self.start_s, at_s) - 1
        return i >= 0 and at_s <= self.close_s[i]

    def entries_at(self, at_s: float) -> list[ClinicianEntry]:
        """Clinician entries in force at an instant, oldest first."""
        active = [
            entry
            for entry in self.history.clinician
            if entry.at.timestamp() <= at_s
            and (entry.expires_at is None or at_s < entry.expires_at.timestamp())
        ]
        return sorted(active, key=lambda entry: entry.at.timestamp())

    def green_limit_at(self, at_s: float) -> int:
        """Highest green score in force: the newest entry that sets one, else the protocol's."""
        limits = [entry.green_limit for entry in self.entries_at(at_s) if entry.green_limit is not None]
        return self.protocol.green_limit(limits[-1] if limits else None)


def _differ_s(first: Sequence[Any], second: Sequence[Any], at_s: Callable[[Any], float]) -> float:
    """First instant of the rows that two lists do not share from their start on; infinity where they are the same."""
    pairs = zip(first, second, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1] or pair[0] == pair[1], pairs))
    return min((at_s(row) for row in (*first[shared:], *second[shared:])), default=float("inf"))


def _sittings(rows: list[ExerciseSession]) -> list[list[ExerciseSession]]:
    """Split a day's exercises into sessions: different exercises are one, the same one again begins another."""
    found: list[list[ExerciseSession]] = []
    for row in rows:
        if found and row.name and all(other.name and other.name != row.name for other in found[-1]):
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _one_session(rows: list[ExerciseSession]) -> ExerciseSession:
    """One strength session from its exercises: the last one, with the worst scores; unknown where one is."""

    def worst(scores: list[int | None]) -> int | None:
        known = [score for score in scores if score is not None]
        return max(known) if known and len(known) == len(scores) else None

    return replace(
        rows[-1],
        pain_before=worst([row.pain_before for row in rows]),
        pain_during=worst([row.pain_during for row in rows]),
        pain_after=worst([row.pain_after for row in rows]),
    )
