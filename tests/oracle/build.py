"""From one row of the decision table's notation to a full raw history, as a runner would have logged it.

Nothing here applies a rule: a G becomes a run with its six scores, a trend becomes a week of mornings, ``red_h``
becomes a dated score of 6. What the notation leaves open is filled with the table's defaults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tallrun.recovery.model import (
    RUNGS,
    Advice,
    ClinicianEntry,
    Diagnosis,
    ExerciseSession,
    GaitChange,
    History,
    PainScore,
    PhaseEntry,
    PlannedSession,
    Runner,
    RunSession,
    Screen,
)  # fmt: skip
from tallrun.recovery.protocol import Protocol

ZONE = "Europe/Amsterdam"
TZ = ZoneInfo(ZONE)
TODAY = date(2026, 6, 17)
KEYS = (
    "B", "p", "gap", "red_h", "trend", "ex7", "ex14", "screen_d", "screen", "surface", "reds14", "unsettled_d", "P",
    "green14", "diagnosed", "clinician", "cap", "gate", "gait", "day_run", "age",
)  # fmt: skip


class NotReadableError(Exception):
    """The row uses notation this builder does not know."""


def at(days_ago: float, hour: int, minute: int = 0) -> datetime:
    """Local instant on a date so many days before TODAY."""
    day = TODAY - timedelta(days=days_ago)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=TZ)


NOW = at(0, 18)


@dataclass
class Marked:
    """One letter of the sessions column."""

    letter: str
    rung: str | None
    against: bool


@dataclass
class Raw:
    """Rows being collected."""

    scores: list[PainScore] = field(default_factory=list)
    sessions: list[RunSession] = field(default_factory=list)
    red_at: list[datetime] = field(default_factory=list)

    def add(self, when: datetime, kind: str, score: int, **extra: object) -> None:
        if when <= NOW:
            self.scores.append(PainScore(f"p{len(self.scores)}", when, kind, score, **extra))  # type: ignore[arg-type]


def parse_sessions(text: str) -> list[Marked]:
    """Letters of the sessions column with their marks, old to new."""
    found = []
    for word in text.replace(",", " ").split():
        if word in ("-", "–"):
            continue
        match = re.fullmatch(r"([GATRUg])((?:@[VFIH]\d|!)*)", word)
        if match is None:
            raise NotReadableError(f"session {word!r}")
        rung = re.search(r"@([VFIH]\d)", match[2])
        found.append(Marked(match[1], rung[1] if rung else None, "!" in match[2]))
    return found


def parse_given(text: str) -> dict[str, str]:
    """``key=value`` words of the given column."""
    given = {}
    for word in text.replace(",", " ").split():
        if word in ("-", "–"):
            continue
        key, sep, value = word.partition("=")
        if not sep or key not in KEYS:
            raise NotReadableError(f"given {word!r}")
        given[key] = value
    return given


def masked_score(text: str) -> tuple[int | None, bool]:
    """``2`` -> (2, False), ``2*`` -> (2, True), ``-`` or ``?`` -> (None, False)."""
    text = text.strip()
    if text in ("-", "–", "?", ""):
        return None, False
    return int(text.rstrip("*")), text.endswith("*")


def clear_answers(protocol: Protocol) -> dict[str, bool | None]:
    return {question.id: False for question in protocol.screening.questions}


def fired_answers(protocol: Protocol, rule: str) -> dict[str, bool | None]:
    """Answers that fire one rule and nothing else."""
    answers = clear_answers(protocol)
    mine = [question for question in protocol.screening.questions if question.rule == rule]
    roles = set()
    for question in mine:
        if question.role not in roles:
            answers[question.id] = True
            roles.add(question.role)
    return answers


def morning_pattern(trend: str, base: int) -> dict[int, int]:
    """Scores of the mornings by days ago that give a trend while their middle stays ``base``."""
    low = max(base - 1, 0)
    rising = [low] * 3 + [low + 1] * 3
    values = {"rising": rising, "falling": rising[::-1]}.get(trend, [base] * 6)
    return dict(zip(range(6, 0, -1), values, strict=True))


def build_grade(
    base: str, scores: str, marks: str, protocol: Protocol
) -> tuple[History, PlannedSession | None]:
    """Row of section 8.1: one run three days ago with the six scores of its windows."""
    raw = Raw()
    test = protocol.exercise.late_test
    value, _ = masked_score(base)
    if value is not None:
        for ago in range(4, 12):
            raw.add(at(ago, 11), "morning", value, load_test=test)
    when = {
        "before": at(3, 20, 30), "during": at(3, 21, 30), "after": at(3, 23, 30),
        "morning": at(2, 11), "h24": at(2, 22), "h48": at(1, 22, 30),
    }  # fmt: skip
    cells = [cell.strip() for cell in scores.split("/")]
    if len(cells) != 6:
        raise NotReadableError(f"scores {scores!r}: six values expected")
    for (kind, instant), cell in zip(when.items(), cells, strict=True):
        score, masked = masked_score(cell)
        if score is None:
            continue
        extra: dict[str, object] = {"load_test": test} if kind == "morning" else {}
        if masked:
            # Taken just before: it masks 24 h from then on, and so never a later score that alone decides.
            extra |= {"painkiller": "oral", "painkiller_at": instant - timedelta(minutes=1)}
        raw.add(instant, kind, score, **extra)
    limping: bool | None = False
    stop, live, sharp = "none", [], False
    for mark in marks.replace(",", " ").split():
        if mark in ("-", "–"):
            continue
        if mark == "limp":
            limping = True
        elif mark == "limp?":
            limping = None
        elif mark == "stop":
            stop = "pain"
        elif mark == "sharp":
            sharp = True
        elif re.fullmatch(r"LV[1-7]", mark):
            live.append(mark)
        else:
            raise NotReadableError(f"mark {mark!r}")
    run = RunSession(
        "run", at(3, 21), at(3, 22), rung="V3", run_minutes=15, surface="treadmill", limping=limping,
        stop_reason=stop, live_rules=tuple(live), sharp_change=sharp, advised=Advice("RUN", "V3", 15),
    )  # fmt: skip
    history = History(
        Runner(ZONE, born_on=date(1990, 1, 1)), tuple(raw.scores), (run,), phases=(PhaseEntry(at(60, 12), 2),)
    )
    return history, None


def build_mornings(values: list[str], protocol: Protocol, include_today: bool) -> History:
    """Row of baselines (mornings before today) or trends (the last one is today)."""
    raw = Raw()
    last = 0 if include_today else 1
    for index, text in enumerate(values):
        score, masked = masked_score(text)
        if score is None:
            continue
        extra = {"painkiller": "oral"} if masked else {}
        when = at(len(values) - 1 - index + last, 11)
        raw.add(when, "morning", score, load_test=protocol.exercise.late_test, **extra)
    return History(
        Runner(ZONE, born_on=date(1990, 1, 1)), tuple(raw.scores), phases=(PhaseEntry(at(60, 12), 2),)
    )


class VerdictRow:
    """Row of section 8.2, as raw history."""

    def __init__(self, rung: str, sessions: str, given: str, protocol: Protocol) -> None:
        self.protocol = protocol
        self.rung = rung.strip()
        if self.rung not in RUNGS:
            raise NotReadableError(f"rung {rung!r}")
        self.marked = parse_sessions(sessions)
        self.given = parse_given(given)
        self.gap = int(self.given.get("gap", "2"))
        self.base, _ = masked_score(self.given.get("B", "1"))
        self.level = 1 if self.base is None else min(self.base, 3)
        self.phase = int(self.given.get("P", "2").lstrip("P"))
        self.p, self.p_masked = masked_score(self.given.get("p", "1"))
        unknown_base = self.base is None
        late = self.phase >= 2
        self.past_phase = (1 if late else 2) if unknown_base else self.phase
        exercise = protocol.exercise
        self.past_test = exercise.late_test if self.past_phase >= 2 else exercise.early_test
        self.raw = Raw()

    # -- days -----------------------------------------------------------------------------------------

    def place(self) -> list[tuple[int, Marked]]:
        """Days ago of every listed session, with runs added that the given column asks for."""
        marked = self.marked
        red_h = self._red_h()
        if red_h is not None and marked and marked[-1].letter == "R" and "gap" not in self.given:
            red_at = NOW - timedelta(hours=red_h)
            if red_at > at(0, 3):
                self.gap = 0
        day_run = int(self.given.get("day_run", "0"))
        placed: list[tuple[int, Marked]] = []
        ago = self.gap
        for index, mark in enumerate(reversed(marked)):
            if index:
                in_row = index < day_run
                before = 1 if in_row else (3 if mark.letter == "R" else 2)
                ago += before
            placed.append((ago, mark))
        while len(placed) < day_run:
            ago = placed[-1][0] + 1 if placed else self.gap
            placed.append((ago, Marked("g", None, False)))
        first = placed[-1][0] if placed else self.gap
        extra_reds = int(self.given.get("reds14", "0")) - sum(1 for m in marked if m.letter == "R")
        for index in range(max(0, extra_reds)):
            step = max(1, min(2, (13 - first) // max(1, extra_reds)))
            placed.append((first + step * (index + 1), Marked("R", None, False)))
        first = placed[-1][0] if placed else self.gap
        high = RUNGS.index(self.rung) >= RUNGS.index("F2")
        if high and self.given.get("green14", "no") != "yes" and first + 2 <= 14:
            first += 2
            placed.append((first, Marked("U", None, False)))
        if RUNGS.index(self.rung) > 0:
            anchor = min(first + 12, 28)
            if anchor > first:
                placed.append((anchor, Marked("g", None, False)))
        return placed[::-1]

    def _red_h(self) -> float | None:
        if "red_h" in self.given:
            return float(self.given["red_h"])
        if "unsettled_d" in self.given:
            return float(self.given["unsettled_d"]) * 24 + 2
        return None

    # -- sessions -------------------------------------------------------------------------------------

    def add_session(self, ago: int, mark: Marked, is_last: bool, next_ago: int | None) -> None:
        raw, level = self.raw, self.level
        rung = mark.rung or self.rung
        start, end = at(ago, 4), at(ago, 5)
        red_h = self._red_h() if is_last and mark.letter == "R" else None
        red_at = None if red_h is None else NOW - timedelta(hours=red_h)
        if red_at is not None and at(ago, 4) <= red_at <= at(ago, 23):
            start, end = red_at - timedelta(hours=1), red_at
        minutes = self.protocol.run_min[rung]
        walk = rung == "V0"
        advised_rung = self.rung if (mark.rung is None or is_last or mark.against) else mark.rung
        state = "WALK" if advised_rung == "V0" else "RUN"
        higher = RUNGS.index(rung) > RUNGS.index(advised_rung)
        if mark.against and not higher:
            state = "CLINICIAN" if walk else "REST_DAY"
        dose = self.protocol.run_min[advised_rung]
        session = RunSession(
            f"s{ago}", start, end, rung=rung, run_minutes=minutes * (0.5 if mark.letter == "g" else 1.0),
            planned_run_minutes=minutes, surface="treadmill", limping=False,
            stop_reason="other" if mark.letter == "g" else "none", advised=Advice(state, advised_rung, dose),
        )  # fmt: skip
        during, h24 = min(level, 2), level
        if walk and self.given.get("gate", "fail") == "fail":
            during = 3
        if mark.letter == "A":
            during = 4
        elif mark.letter == "T":
            h24 = level + 2
        elif mark.letter == "U":
            session = replace(session, limping=None)
        elif mark.letter == "R":
            if red_at is None or red_at == end:
                session = replace(session, limping=True)
                raw.red_at.append(end)
            else:
                raw.add(red_at, "rest", 6)
                raw.red_at.append(red_at)
        raw.sessions.append(session)
        raw.add(start + timedelta(minutes=30), "during", during)
        raw.add(max(end, at(ago, 12)) + timedelta(minutes=1), "after", level)
        raw.add(at(ago - 1, 2), "h24", h24)
        close = next_ago == ago - 1
        if not close:
            raw.add(at(ago - 1, 22, 30), "h48", level)

    def add_mornings(self, placed: list[tuple[int, Marked]]) -> None:
        """Daily mornings up to yesterday; today's only where the last run needs it."""
        raw, days = self.raw, [ago for ago, _ in placed]
        first = max(days, default=0) + 20
        trend = self.given.get("trend", "steady").lower()
        needs_today = 1 in days and self.p is not None and not self.p_masked
        pattern = morning_pattern(trend, self.level)
        dropped_from = dropped_until = None
        if "unsettled_d" in self.given and raw.red_at:
            red_at = max(raw.red_at)
            dropped_from, dropped_until = red_at, red_at + timedelta(days=int(self.given["unsettled_d"]))
        for ago in range(first, 0, -1):
            score = pattern.get(ago, self.level)
            if trend in ("unknown", "?") and ago <= 6 and ago + 1 not in days:
                continue
            hour = 3 if ago in days else 11
            when = at(ago, hour, 30 if hour == 3 else 0)
            if (
                dropped_from is not None
                and dropped_until is not None
                and dropped_from < when <= dropped_until
            ):
                continue
            raw.add(when, "morning", score, load_test=self.past_test)
        if needs_today and self.p is not None:
            raw.add(at(0, 11), "morning", min(self.p, self.level + 1), load_test=self.past_test)

    # -- the whole row --------------------------------------------------------------------------------

    def build(self) -> tuple[History, PlannedSession | None]:
        given, raw = self.given, self.raw
        placed = self.place()
        last_index = max((i for i, (_, m) in enumerate(placed)), default=-1)
        for index, (ago, mark) in enumerate(placed):
            following = placed[index + 1][0] if index + 1 < len(placed) else None
            self.add_session(ago, mark, index == last_index, following)
        self.add_mornings(placed)
        if self.p is not None:
            extra = {"painkiller": "oral"} if self.p_masked else {}
            raw.add(at(0, 17), "rest", self.p, **extra)
        gate = given.get("gate")
        if gate == "pass":
            walked = any(ago <= 7 and (mark.rung or self.rung) == "V0" for ago, mark in placed)
            if not walked:
                self.rung, keep = "V0", self.rung
                self.add_session(3, Marked("G", None, False), False, None)
                self.rung = keep
            raw.add(at(2, 15), "rest", 2, provoked_by="sitting")
        surface = given.get("surface", "same")
        plan = None
        if surface != "same":
            other = surface if surface in ("treadmill", "road", "trail") else "road"
            plan = PlannedSession(NOW, surface=other)  # type: ignore[arg-type]
        past = () if self.past_phase == self.phase else (PhaseEntry(at(0, 16), self.phase),)
        history = History(
            Runner(ZONE, born_on=self._born_on()),
            tuple(raw.scores),
            tuple(raw.sessions),
            exercises=self._exercises(placed),
            screens=self._screens(gate == "pass"),
            clinician=self._entries(),
            diagnoses=() if given.get("diagnosed", "yes") == "no" else (Diagnosis(at(90, 12), True),),
            phases=(PhaseEntry(at(80, 12), self.past_phase), *past),
            gait_changes=self._gait(placed),
        )
        return history, plan

    def _born_on(self) -> date | None:
        age = self.given.get("age", "17" if self.given.get("screen") == "SC7" else "35")
        return None if age in ("?", "-") else date(TODAY.year - int(age), 1, 1)

    def _exercises(self, placed: list[tuple[int, Marked]]) -> tuple[ExerciseSession, ...]:
        week = int(self.given.get("ex7", "3"))
        fortnight = int(self.given.get("ex14", str(max(week, 3))))
        week = min(week, fortnight)
        # Just before a run, so that the run's scores are not also the exercise's.
        run_days = [ago for ago, _ in placed]
        recent = [ago for ago in run_days if 1 <= ago <= 6] or [4]
        older = [ago for ago in run_days if 8 <= ago <= 13] or [9]
        days = [recent[-1]] * week + [older[-1]] * (fortnight - week)
        return tuple(ExerciseSession(f"e{i}", at(ago, 3, i), self.past_phase) for i, ago in enumerate(days))

    def _screens(self, gate: bool) -> tuple[Screen, ...]:
        given, clear = self.given, clear_answers(self.protocol)
        ache = frozenset({"ache"})
        fired = given.get("screen", "clear")
        if fired in ("-", "?", "none", "missing"):
            return ()
        screens = [Screen(at(int(given.get("screen_d", "10")), 12), clear, ache)]
        if gate and "screen_d" not in given:
            screens.append(Screen(at(3, 13), clear, ache))
        if self.raw.red_at and "screen_d" not in given:
            screens.append(Screen(min(max(self.raw.red_at) + timedelta(minutes=30), NOW), clear, ache))
        if fired == "SC9":
            screens.append(Screen(at(0, 17, 30), clear, ache, injection_on=TODAY - timedelta(days=3)))
        elif re.fullmatch(r"SC[1-68]", fired):
            screens.append(Screen(at(0, 17, 30), fired_answers(self.protocol, fired), ache))
        elif fired not in ("clear", "ok", "SC7"):
            raise NotReadableError(f"screen={fired}")
        return tuple(screens)

    def _entries(self) -> tuple[ClinicianEntry, ...]:
        entries = []
        said = self.given.get("clinician", "no")
        if said in ("ok", "yes"):
            entries.append(ClinicianEntry(at(30, 12), permits_rung="H3"))
        elif said == "hold":
            entries.append(ClinicianEntry(at(1, 12), hold=True))
        elif said in ("clear", "cleared"):
            entries.append(ClinicianEntry(NOW - timedelta(minutes=1), clears=True))
        elif match := re.fullmatch(r"green([0-5])", said):
            entries.append(ClinicianEntry(at(60, 12), green_limit=int(match[1])))
        elif said not in ("no", "none"):
            raise NotReadableError(f"clinician={said}")
        if "cap" in self.given:
            entries.append(ClinicianEntry(at(30, 12), cap=self.given["cap"]))
        return tuple(entries)

    def _gait(self, placed: list[tuple[int, Marked]]) -> tuple[GaitChange, ...]:
        if self.given.get("gait", "old") != "new":
            return ()
        return (GaitChange(at(placed[-1][0] if placed else 0, 4), "cadence"),)
