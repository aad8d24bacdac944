"""Writes docs/walkthrough.md: three simulated runners through the real store and the real rules, and four lives.

    python docs/make_walkthrough.py [--days 182] [--out docs/walkthrough.md]

The runners do what they are told, log what they feel, and live through what their story holds. Pain comes from a
small seeded model of a sore tendon; it is a story to read the rules by, not a model of anybody's tendon. The lives
answer only what is due, with the forms that are offered (tests/support/lives.py). Same options, same text: no clock,
no unseeded chance.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from statistics import median_low
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.lives import KINDS, WatchDoor, in_memory
from support.lives import Life as LivedLife
from tallrun.cli.recovery_common import load_protocol
from tallrun.insight import morning_trend, pain_after, unmasked_mornings
from tallrun.recovery import (
    ClinicianEntry,
    Diagnosis,
    ExerciseSession,
    PainScore,
    PhaseEntry,
    RunSession,
    Screen,
    Verdict,
    verdict,
)
from tallrun.recovery.wording import state_name
from tallrun.store import Store
from tallrun.store.models import RunnerRow

ZONE = ZoneInfo("Europe/Amsterdam")
FIRST_DAY = date(2026, 1, 5)
PROTOCOL = load_protocol()
QUESTIONS = {question.id: False for question in PROTOCOL.screening.questions}
RARE_NOTICES = {PROTOCOL.texts.notices[name] for name in ("SEE_PHYSIO", "NO_DIAGNOSIS", "FLARE")}
MARKS = {"GREEN": "● GREEN", "AMBER": "◐ AMBER", "LATE": "◔ LATE", "RED": "■ RED", "UNKNOWN": "○ no grade yet"}


@dataclass
class Moment:
    """Something worth telling: a day, what happened, what the plan said."""

    day: int
    happened: str
    told: Verdict | None = None


@dataclass
class Runner:
    """A simulated person. level(day): how sore when rested; reaction(rung, chance): extra pain while running."""

    code: str
    side: str
    story: str
    level: Callable[[int], float]
    reaction: Callable[[str, random.Random], float]
    seed: int
    exercise_days: tuple[int, ...] = (0, 2, 4)
    diagnosed_on: int | None = 0
    events: dict[int, str] = field(default_factory=dict)


class Life:
    """One runner's six months: every entry goes through the store, every decision through the rules."""

    def __init__(self, runner: Runner, store: Store) -> None:
        self.runner, self.store = runner, store
        self.chance = random.Random(runner.seed)
        self.soreness = 0.0
        self.moments: list[Moment] = []
        self.last: tuple[str, str | None] | None = None
        self.verdicts: list[Verdict] = []
        start = self.at(0, 6)
        self.id = store.add_runner(runner.code, start)
        store.add_row(
            RunnerRow, self.id, at=start, by="runner", now=start, side=runner.side, site="sit_bone",
            time_zone=ZONE.key, born_on=date(1984, 5, 17), easy_speed_mps=2.7, fast_speed_mps=4.0, height_m=1.74,
            leg_length_m=0.91, mass_kg=68.0,
        )  # fmt: skip
        self.add(PhaseEntry(start, 1), start)
        self.screen(0)

    def at(self, day: int, hour: int, minute: int = 0) -> datetime:
        """Return a local clock time of a day of the story."""
        return datetime.combine(FIRST_DAY + timedelta(days=day), time(hour, minute), ZONE)

    def add(self, record: object, now: datetime, by: str = "runner") -> None:
        """Enter a record."""
        self.store.add(self.id, record, by=by, now=now)

    def feel(self, extra: float = 0.0) -> int:
        """Return a score 0-10 as this runner would give it now."""
        return max(0, min(10, round(self.soreness + extra + self.chance.uniform(-0.35, 0.35))))

    def score(self, at: datetime, kind: str, value: int, **more: object) -> None:
        """Log one pain score."""
        self.add(PainScore("", at, kind, value, side=self.runner.side, **more), at)  # type: ignore[arg-type]

    def screen(self, day: int, *, hour: int = 6, **answers: bool) -> None:
        """Answer the screen, no to all but ``answers``."""
        at = self.at(day, hour, 30)
        self.add(Screen(at, QUESTIONS | answers, frozenset({"ache"})), at)

    def live(self, days: int) -> None:
        """Live through the days."""
        for day in range(days):
            self.soreness = self.runner.level(day) + 0.55 * max(0.0, self.soreness - self.runner.level(day))
            if self.runner.diagnosed_on == day:
                at = self.at(day, 6, 10)
                self.add(Diagnosis(at, True, "proximal hamstring tendinopathy"), at, "physio")
            self.morning(day)
            told = self.advise(day)
            if self.trains_on(day - 1):
                self.score(self.at(day, 12), "h24", self.feel())
            if self.trains_on(day) and told.state != "REFER":
                self.exercise(day, int(told.inputs["exercise_phase"] or 1))
            event = self.runner.events.get(day)
            if event:
                getattr(self, f"event_{event}")(day)
            elif told.state == "RUN" and told.rung:
                self.run_as_told(day)
            elif told.state == "WALK" or (told.rung == "V0" and told.walking_allowed and day % 2):
                self.walk(day)
            self.score(self.at(day, 20), "rest", self.feel())

    def trains_on(self, day: int) -> bool:
        """Tell whether this is a strength day."""
        return day >= 0 and (FIRST_DAY + timedelta(days=day)).weekday() in self.runner.exercise_days

    def morning(self, day: int) -> None:
        """Log the bridge test; every third day sitting, every seventh the single-leg bridge of both sides."""
        self.score(self.at(day, 7), "morning", self.feel())
        if day % 3 == 0:
            self.score(self.at(day, 9), "rest", self.feel(0.2), provoked_by="sitting")
        if day % 7 == 0:
            other = "left" if self.runner.side == "right" else "right"
            self.score(self.at(day, 7, 5), "rest", self.feel(), load_test="single_leg_bridge")
            at = self.at(day, 7, 6)
            self.add(PainScore("", at, "rest", 0, side=other, load_test="single_leg_bridge"), at)

    def advise(self, day: int) -> Verdict:
        """Ask what the plan allows, doing the screen first when it is asked for."""
        now = self.at(day, 9, 30)
        told = verdict(PROTOCOL, self.store.history(self.id), None, now)
        if told.state == "LOG_FIRST" and any(
            "screen" in name or "quality" in name for name in told.inputs["missing"]
        ):
            self.screen(day, hour=9)
            told = verdict(PROTOCOL, self.store.history(self.id), None, self.at(day, 9, 31))
        self.store.note_advice(self.id, told, now)
        self.verdicts.append(told)
        rung_moved = told.rung is not None and self.last is not None and told.rung != self.last[1]
        stopped = told.state in ("REFER", "CLINICIAN", "REST48") and (
            self.last is None or self.last[0] != told.state
        )
        if day == 0 or rung_moved or stopped:
            self.moments.append(Moment(day, "", told))
        self.last = (
            told.state,
            told.rung if told.rung is not None else (self.last[1] if self.last else None),
        )
        return told

    def run_as_told(self, day: int) -> None:
        """Look once more before the run, for a score may have changed the plan, and do what it says."""
        now = self.at(day, 17, 27)
        self.score(self.at(day, 17, 25), "before", self.feel())
        told = verdict(PROTOCOL, self.store.history(self.id), None, now)
        self.store.note_advice(self.id, told, now)
        if told.state == "RUN" and told.rung:
            self.run(day, told.rung, told.run_minutes or 0.0)

    def run(self, day: int, rung: str, minutes: float, *, extra: float = 0.0, stopped: bool = False) -> None:
        """Run as told (or not), and log it."""
        started = self.at(day, 17, 30)
        length = timedelta(minutes=max(minutes, 1.0) * 1.25 + 10)
        reaction = self.runner.reaction(rung, self.chance) + extra
        ended = started + length
        peak = self.feel(reaction)
        run = RunSession(
            f"{self.runner.code}-{day}", started, ended, rung=rung, run_minutes=minutes, distance_m=minutes * 60 * 2.6,
            surface="road", speed_mps=2.6, session_rpe=4.0, limping=False, stop_reason="pain" if stopped else "none",
            advised=self.store.advice_before(self.id, started, ZONE),
        )  # fmt: skip
        self.soreness += 0.5 * max(0.0, reaction)
        scores = [
            PainScore(
                "", ended, "during", peak, side=self.runner.side, session_id=run.session_id, limping=False
            ),  # type: ignore[arg-type]
            PainScore(
                "", ended + timedelta(minutes=20), "after", self.feel(0.3 * reaction), side=self.runner.side
            ),  # type: ignore[arg-type]
        ]
        self.store.add_run(self.id, run, scores, by="runner", now=ended)

    def walk(self, day: int) -> None:
        """Walk half an hour and log it."""
        started = self.at(day, 17, 30)
        ended = started + timedelta(minutes=30)
        run = RunSession(
            f"{self.runner.code}-{day}", started, ended, rung="V0", run_minutes=0.0, distance_m=2600.0, surface="road",
            limping=False, advised=self.store.advice_before(self.id, started, ZONE),
        )  # fmt: skip
        scores = [
            PainScore(
                "", ended, "during", self.feel(-0.4), side=self.runner.side, provoked_by="level_walking"
            ),  # type: ignore[arg-type]
            PainScore("", ended + timedelta(minutes=20), "after", self.feel(-0.2), side=self.runner.side),  # type: ignore[arg-type]
        ]
        self.store.add_run(self.id, run, scores, by="runner", now=ended)

    def exercise(self, day: int, phase: int) -> None:
        """Do the first exercise of the phase."""
        at = self.at(day, 12, 30)
        for item in PROTOCOL.exercise.phases[phase - 1].exercises[:1]:
            self.add(
                ExerciseSession(
                    "", at, phase, item.name, 3, 8, None, self.feel(), self.feel(0.2), self.feel()
                ),
                at,
            )

    # what happens to people

    def event_too_far(self, day: int) -> None:
        """Run for an hour on trails, against the plan."""
        self.note(day, "Joins friends for an hour on hilly trails instead of the plan. It hurts 6 out of 10.")
        self.run(day, "F1", 60.0, extra=6.0 - self.soreness)
        self.soreness += 0.8

    def event_sprint(self, day: int) -> None:
        """Strain it in one movement."""
        self.note(
            day,
            "Sprints for a train. Sudden pain at the sit bone, a bruise in the evening. Answers the screen.",
        )
        self.soreness = 6.0
        sudden = next(item.id for item in PROTOCOL.screening.questions if item.rule == "SC3")
        self.screen(day, hour=19, **{sudden: True})

    def event_clinic(self, day: int) -> None:
        """Let the doctor clear the stop and cap the level."""
        self.note(
            day,
            "Dr M has seen her: a strain, no tear. Clears the stop; V1 at most for 3 weeks, then V4.",
        )
        at = self.at(day, 16)
        for entry in (
            ClinicianEntry(at, clears=True, note="strain, no tear on MRI", entered_by="Dr M"),
            ClinicianEntry(at, expires_at=at + timedelta(days=21), cap="V1", entered_by="Dr M"),
            ClinicianEntry(at, expires_at=at + timedelta(days=42), cap="V4", entered_by="Dr M"),
        ):
            self.add(entry, at, "Dr M")
        self.screen(day, hour=17)

    def event_physio(self, day: int) -> None:
        """Get a first diagnosis."""
        self.note(
            day, "Takes the record to a physio: first diagnosis in two years, and heavier strength work."
        )
        at = self.at(day, 16)
        self.add(Diagnosis(at, True, "proximal hamstring tendinopathy"), at, "physio")
        self.add(
            ClinicianEntry(at, note="heavier slow work, review in 6 weeks", entered_by="physio"), at, "physio"
        )

    def event_permit(self, day: int) -> None:
        """Let the physio open the faster levels."""
        self.note(
            day,
            "Review with the physio: hops and bridge are even on both sides. Levels up to I3 are permitted.",
        )
        at = self.at(day, 16)
        self.add(
            ClinicianEntry(at, permits_rung="I3", note="hop and bridge even", entered_by="physio"),
            at,
            "physio",
        )

    def note(self, day: int, happened: str) -> None:
        """Remember what happened, for the page."""
        self.moments.append(Moment(day, happened))


def _steady() -> Runner:
    return Runner(
        "Anna", "right", "Eight weeks of ache at the right sit bone, seen by a physio. Does her strength work.",
        level=lambda day: 0.3 + 1.9 * 0.5 ** (day / 45),
        reaction=lambda rung, chance: chance.choice((0.0, 0.3, 0.5, 0.8)),
        seed=11, events={90: "permit"},
    )  # fmt: skip


def _stuck() -> Runner:
    return Runner(
        "Ben", "left",
        "Three out of ten for two years, on the left, never diagnosed. Cannot tell whether running makes it worse.",
        level=lambda day: 2.9,
        reaction=lambda rung, chance: 1.1 if rung >= "V5" and chance.random() < 0.6 else 0.1,
        seed=23, diagnosed_on=None, events={140: "physio"},
    )  # fmt: skip


def _reinjured() -> Runner:
    return Runner(
        "Carla", "right", "Right side, four months. Gets better, gets impatient, gets unlucky.",
        level=lambda day: (0.4 + 1.4 * 0.5 ** (day / 30)) if day <= 119 else (0.4 + 3.2 * 0.5 ** ((day - 119) / 16)),
        reaction=lambda rung, chance: chance.choice((0.0, 0.2, 0.6)),
        seed=37, events={65: "too_far", 119: "sprint", 128: "clinic"},
    )  # fmt: skip


def _month(life: Life, number: int, days: range) -> list[str]:
    now = life.at(days.stop - 1, 21)
    history = life.store.history(life.id)
    graded = [
        item for item in pain_after(PROTOCOL, history, now + timedelta(days=3))
        if days.start <= (item.started_at.date() - FIRST_DAY).days < days.stop
    ]  # fmt: skip
    runs = [
        run
        for run in history.sessions
        if run.rung != "V0" and (run.started_at.date() - FIRST_DAY).days in days
    ]
    mornings = unmasked_mornings(PROTOCOL, history, now, days=len(days))
    grades = Counter(item.grade for item in graded)
    told = [found for found in life.verdicts if (found.as_of.date() - FIRST_DAY).days in days]
    rungs = [found.rung for found in told if found.rung is not None]
    strength = sum(1 for item in history.exercises if (item.at.date() - FIRST_DAY).days in days)
    points = [(day.toordinal(), score) for day, score in mornings]
    trend = morning_trend(PROTOCOL, points, now.date().toordinal(), days=28)
    lines = [f"### Month {number}: {_day(days.start)} to {_day(days.stop - 1)}", ""]
    level = "no level advised"
    if rungs:
        level = f"level {rungs[0]}" if rungs[0] == rungs[-1] else f"level {rungs[0]} → {rungs[-1]}"
    marks = ", ".join(f"{MARKS[name]} {grades[name]}" for name in MARKS if grades[name])
    middle = median_low([score for _, score in mornings]) if mornings else None
    walks = len(graded) - len(runs)
    lines.append(
        f"{_count(len(runs), 'run')}, {_count(walks, 'walk')}, {_count(strength, 'strength exercise')}; {level}. "
        f"Grades: {marks or 'none'}. Middle morning score: {'–' if middle is None else middle}. {trend.sentence}"
    )
    lines.append("")
    lines += _told([item for item in life.moments if item.day in days])
    notices = Counter(text for found in told for text in found.notices if text in RARE_NOTICES)
    lines += [f"* On {_count(count, 'day')} the plan also said: {text}" for text, count in notices.items()]
    return lines if lines[-1] == "" else [*lines, ""]


def _told(moments: list[Moment]) -> list[str]:
    """One line a moment; steps up in a row, each after two green sessions, share a line."""
    lines: list[str] = []
    steps: list[Moment] = []

    def close() -> None:
        if steps:
            climbed = ", ".join(
                f"{item.told.rung} ({_day(item.day)})" for item in steps if item.told is not None
            )
            lines.append(f"* Up after two green sessions each time (MV1): {climbed}.")
            steps.clear()

    for moment in moments:
        found = moment.told
        if found is not None and found.state == "RUN" and found.rules == ("TD5", "MV1"):
            steps.append(moment)
            continue
        close()
        if found is None:
            lines.append(f"* **{_day(moment.day)}** *{moment.happened}*")
            continue
        name = state_name(PROTOCOL, found.state, found.rules)
        head = name if found.rung is None else f"{name} · level {found.rung}"
        said = [text for text in found.sentences if text != PROTOCOL.texts.rules["TD5"]]
        lines.append(f"* **{_day(moment.day)} {head}** ({', '.join(found.rules)}). {' '.join(said)}")
    close()
    return lines


def _day(day: int) -> str:
    return (FIRST_DAY + timedelta(days=day)).strftime("%d %b").lstrip("0")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def tell(runner: Runner, days: int) -> list[str]:
    """Return one runner's chapter."""
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        life = Life(runner, store)
        life.live(days)
        lines = [f"## {runner.code}", "", runner.story, ""]
        for number, first in enumerate(range(0, days, 30), start=1):
            if first + 15 < days:
                lines += _month(life, number, range(first, min(first + 30, days)))
        last = life.verdicts[-1]
        lines += [
            f"Last day, {_day(days - 1)}: **{state_name(PROTOCOL, last.state, last.rules)}"
            f"{f' · level {last.rung}' if last.rung else ''}**. {' '.join(last.sentences)} {last.changes_if}", "",
        ]  # fmt: skip
    return lines


#: Lives told, with what happens in them and the days they are followed.
WATCH_ONLY = "watch-only"
LIVES = (
    ("steady", "Feels 0 or 1 out of 10 all along and answers what is asked.", 50),
    (
        "flare and silence",
        "The run on day 20 hurts 6 out of 10. From the next day on nothing is logged, for eleven days.",
        50,
    ),
    ("stuck at 3", "Every score is 3, whatever is asked.", 50),
    (
        WATCH_ONLY,
        "Feels 0 or 1 like the first. Types no run: a watch writes each, and the runner only says that it counts.",
        50,
    ),
)


def lived(name: str, story: str, days: int) -> list[str]:
    """Return one life: what each day said when it said something new, and what a run then needed."""
    if name == WATCH_ONLY:
        kind = next(kind for kind in KINDS if kind.name == "steady")
        with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "records") as store:
            door = WatchDoor(store, "me", LivedLife.at(0, 6.0), Path(folder) / "files")
            life = LivedLife(kind, door).live(days)
    else:
        life = in_memory(next(kind for kind in KINDS if kind.name == name)).live(days)
    lines = [f"### {name.capitalize()}", "", story, ""]
    last: tuple[object, ...] = ()
    said_on = 0
    runs: list[int] = []
    for day, told in life.told:
        if told["state"] == "RUN":
            runs.append(day)
        unmet = [item for item in told["way_out"] if not item["met"]]
        doable = tuple(item["id"] for item in unmet if item["who"] != "time")
        now = (told["rung"], told["state"] if told["state"] not in ("RUN", "REST_DAY") else "runs", doable)
        if now == last:
            continue
        last = now
        name = state_name(PROTOCOL, told["state"], tuple(told["rules"]))
        head = name if told["rung"] is None else f"{name} · level {told['rung']}"
        said_on = day
        lines.append(f"* **{_day(day)} {head}** ({', '.join(told['rules'])}). {told['reason']}")
        lines += [
            f"  * {'✗' if item['met'] is False else '?'} {item['text']} {item['action'] or ''}".rstrip()
            for item in unmet
            if item["who"] != "time"
        ]
    reached = ", ".join(
        f"{rung} on {_day(day)}" for rung in ("V1", "V9", "F2") if (day := life.reached(rung)) is not None
    )
    told = f"First advised: {reached}." if reached else "No run was advised."
    if days - said_on > 7:
        told = f"From {_day(said_on)} to the last day, {_day(days - 1)}, the plan said nothing new. {told}"
    return [*lines, "", f"{told} States without a way out: {len(life.faults)}.", ""]


def main() -> None:
    """Write the page."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--days", type=int, default=182)
    options.add_argument("--out", type=Path, default=Path(__file__).with_name("walkthrough.md"))
    chosen = options.parse_args()
    lines = [
        "# Three runners, six months; four lives", "",
        "Generated by `python docs/make_walkthrough.py`; nothing here is typed by hand. The runners are simulated, the",
        f"store and the rules (protocol {PROTOCOL.name} {PROTOCOL.version}) are the real ones. Rule ids stand in",
        "brackets. Not a medical device.", "",
    ]  # fmt: skip
    for runner in (_steady(), _stuck(), _reinjured()):
        lines += tell(runner, chosen.days)
    lines += [
        "# Four lives by the questions", "",
        "These runners do nothing but answer what is due and do what is planned. Each line is a day on which the plan",
        "said something new. The reason is about the runner's own numbers. Under it stands what a run still needed and",
        "the runner could do: ✗ is not met, ? is not known yet. What only needs time is left out.", "",
    ]  # fmt: skip
    for name, story, length in LIVES:
        lines += lived(name, story, length)
    chosen.out.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
