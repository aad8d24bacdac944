"""Lives of simulated runners who answer exactly what is due, with the forms that are offered, and nothing else.

A life has a kind (what happens in it) and a door (how it reaches tallrun: the journal's functions, the REST API or
the commands). At each visit the runner looks at Today, answers every open question the kind can answer, and looks
again. ``Life.faults`` collects every state that had no true way out.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from support.session_files import watch_session
from tallrun.insight.due import due_of
from tallrun.journal import advice, clinician, entries, offers, profile, sessions, today
from tallrun.journal.desk import Records, load_protocol
from tallrun.journal.today import DOINGS
from tallrun.recovery.model import (
    RUNGS,
    Advice,
    ClinicianEntry,
    Diagnosis,
    ExerciseSession,
    History,
    PainScore,
    PhaseEntry,
    Runner,
    RunSession,
    Screen,
)
from tallrun.recovery.verdicts import Assessor, Verdict, assessed, worded
from tallrun.store import Store

ZONE = ZoneInfo("Europe/Amsterdam")
FIRST_DAY = date(2026, 1, 5)
QUESTIONS = tuple(item.id for item in load_protocol().screening.questions)
AFTER_WALK = {"after", "limping", "h24", "h48", "morning", "during"}
BRIDGES = ("morning", "this_morning", "both_tests", "other_side")
#: Longest stretch a compliant, calm runner may go without a day for a run once the first run was open.
LONGEST_WAIT_DAYS = 14


class Door(Protocol):
    """One way into tallrun for one runner."""

    def look(self, now: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the verdict and what is due, as plain values."""

    def answer(self, now: datetime, form: Mapping[str, Any], given: dict[str, Any]) -> None:
        """Send a form with what was asked filled in."""


class JournalDoor:
    """The journal's functions, on a store that may hold other runners, too."""

    def __init__(self, store: Store, code: str, now: datetime, **known: Any) -> None:
        self.store, self.code = store, code
        profile.set_up(
            store, code, {"side": "left", "time_zone": ZONE.key, "born_on": date(1985, 6, 30)} | known, by="runner",
            now=now, diagnosed_by="clinician", phase=1,
        )  # fmt: skip
        self.runner_id = store.find_runner(code)

    def mine(self, now: datetime) -> Records:
        """The records at a moment."""
        return Records(self.store, self.runner_id, now)

    def look(self, now: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        mine = self.mine(now)
        return advice.advise(mine).as_json(), today.due(mine)

    def answer(self, now: datetime, form: Mapping[str, Any], given: dict[str, Any]) -> None:
        mine, body = self.mine(now), {**form["body"], **given}
        path = form["path"].removeprefix("/api")
        if path == "/pain":
            entries.add_pain(mine, body, by="runner", new_place=bool(body.pop("new_place", False)))
        elif path == "/screen":
            entries.keep_screen(mine, body["answers"], by="runner", qualities=["ache"])
        elif path == "/exercises":
            entries.add_exercise(mine, body, by="runner")
        elif path == "/runs":
            pain = (None, body.pop("pain_during", None), body.pop("pain_after", None))
            entries.log_run(mine, entries.RunAnswers(**body, pain=pain), by="runner")
        elif path == "/setup":
            profile.set_up(self.store, body.pop("code"), body, by="runner", now=now)
        elif path.startswith("/sessions/"):
            pain = (None, body.pop("pain_during", None), body.pop("pain_after", None))
            stop = "pain" if body.pop("stopped_for_pain") else "none"
            ways = {name: body.pop(name) for name in ("count", "same_run", "as_planned") if name in body}
            told = entries.RunAnswers(**body, stop_reason=stop, pain=pain)
            offers.count(mine, path.split("/")[2], told, by="runner", **ways)
        elif path.startswith("/runs/"):
            entries.answer_limping(mine, path.split("/")[2], body["limping"], by="runner")
        else:
            entries.answer_exercise(mine, path.split("/")[2], by="runner", **body)

    def clear(self, now: datetime) -> None:
        """A clinician's visit."""
        clinician.enter(self.mine(now), by="physio", clears=True)


class WatchDoor(JournalDoor):
    """The journal's functions for somebody who types no run: a watch writes it, a scan finds it, its offer is met."""

    def __init__(self, store: Store, code: str, now: datetime, files: Path) -> None:
        super().__init__(store, code, now)
        self.files, self.n = files, 0

    def answer(self, now: datetime, form: Mapping[str, Any], given: dict[str, Any]) -> None:
        if form["path"] != "/api/runs":
            return super().answer(now, form, given)
        blocks: list[tuple[float, float, float]] = []
        dose, whole = form["body"]["run_minutes"], form["body"]["minutes"]
        if dose == 0.0:
            blocks = [(whole, 110.0, 1.3)]
        elif dose == whole:
            blocks.append((dose, 165.0, 2.5))
        else:
            n = max(1, round(dose))
            blocks += [(dose / n, 165.0, 2.5), ((whole - dose) / n, 110.0, 1.3)] * n
        # A watch writes whole seconds: it ended a little before now, or it would not be over yet.
        start = now - timedelta(minutes=sum(minutes for minutes, *_ in blocks), seconds=30)
        self.n += 1
        watch_session(self.files / f"run{self.n}", start.isoformat(), blocks)
        sessions.scan(self.mine(now), self.files)
        return None


class MemoryDoor:
    """The rules alone, on a history in memory: as the journal keeps the same answers, and many times faster."""

    def __init__(self, now: datetime, **known: Any) -> None:
        fields = {"time_zone": ZONE.key, "side": "left", "born_on": date(1985, 6, 30)} | known
        self.history = History(
            Runner(**fields), diagnoses=(Diagnosis(now, True),), phases=(PhaseEntry(now, 1),)
        )
        self.protocol = load_protocol()
        self.told: Verdict | None = None
        self.at: Assessor | None = None

    def look(self, now: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        self.at, found = at, found = assessed(self.protocol, self.history, now, earlier=self.at)
        self.told, due = worded(at, found, now), due_of(at, found, now)
        return self.told.as_json(), [
            {"question": item.question, "session_id": item.session_id, "open": item.is_open(now),
             "form": {"path": item.form.path, "body": item.form.body, "asks": item.form.asks}}
            for item in due
            if item.form is not None
        ]  # fmt: skip

    def _add(self, name: str, row: Any) -> None:
        self.history = replace(self.history, **{name: (*getattr(self.history, name), row)})

    def answer(self, now: datetime, form: Mapping[str, Any], given: dict[str, Any]) -> None:
        body, path = {**form["body"], **given}, form["path"].removeprefix("/api")
        runner = self.history.runner
        count = len(self.history.scores) + len(self.history.sessions) + len(self.history.exercises)
        if path == "/pain":
            body.pop("new_place", None)
            at = datetime.fromisoformat(body.pop("at")).replace(tzinfo=ZONE) if "at" in body else now
            self._add("scores", PainScore(str(count), at, **{"side": runner.side, **body}))
        elif path == "/screen":
            self._add("screens", Screen(now, body["answers"], frozenset({"ache"})))
        elif path == "/exercises":
            self._add("exercises", ExerciseSession(str(count), now, **body))
        elif path == "/runs":
            start = now - timedelta(minutes=body["minutes"])
            advised = (
                None if self.told is None else Advice(self.told.state, self.told.rung, self.told.run_minutes)
            )
            self._add("sessions", RunSession(str(count), start, now, rung=body["rung"], run_minutes=body["run_minutes"],
                                             limping=body["limping"], advised=advised))  # fmt: skip
            for kind in ("during", "after"):
                row = PainScore(f"{count}{kind}", now, kind, body[f"pain_{kind}"], side=runner.side)  # type: ignore[arg-type]
                self._add("scores", row)
        elif path == "/setup":
            born = date.fromisoformat(body["born_on"])
            self.history = replace(self.history, runner=replace(runner, born_on=born))
        else:
            name, about = path.split("/")[1:3]
            key, field_name = ("session_id", "sessions") if name == "runs" else ("exercise_id", "exercises")
            rows = tuple(replace(row, **given) if getattr(row, key) == about else row
                         for row in getattr(self.history, field_name))  # fmt: skip
            self.history = replace(self.history, **{field_name: rows})

    def clear(self, now: datetime) -> None:
        """A clinician's visit."""
        self._add("clinician", ClinicianEntry(now, clears=True))


class RestDoor:
    """The REST API; ``client`` has get and post, and its server reads the time from ``clock``."""

    def __init__(self, client: Any, clock: list[datetime], now: datetime) -> None:
        self.client, self.clock = client, clock
        self._post(now, "/api/setup", {"side": "left", "time_zone": ZONE.key, "born_on": "1985-06-30",
                                       "diagnosed_by": "clinician", "phase": 1})  # fmt: skip

    def _post(self, now: datetime, path: str, body: Mapping[str, Any]) -> None:
        self.clock[0] = now
        answer = self.client.post(path, json=body)
        assert answer.status_code < 300, (path, body, answer.text)

    def look(self, now: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        self.clock[0] = now
        found = self.client.get("/api/today").json()
        return found["verdict"], found["due"]

    def answer(self, now: datetime, form: Mapping[str, Any], given: dict[str, Any]) -> None:
        more = {"qualities": ["ache"]} if form["path"] == "/api/screen" else {}
        self._post(now, form["path"], {**form["body"], **given, **more})


class CommandDoor:
    """The commands; ``invoke(arguments, now)`` runs one and returns what it printed."""

    def __init__(self, invoke: Callable[[list[str], datetime], str], now: datetime) -> None:
        self.invoke = invoke
        invoke(shlex.split("setup --side left --time-zone Europe/Amsterdam --born-on 1985-06-30 --phase 1 "
                           "--diagnosis clinician --json"), now)  # fmt: skip

    def look(self, now: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        import json

        return json.loads(self.invoke(["advise", "--json"], now)), json.loads(
            self.invoke(["due", "--json"], now)
        )

    def answer(self, now: datetime, form: Mapping[str, Any], given: dict[str, Any]) -> None:
        said = {name: {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
                for name, value in given.items()}  # fmt: skip
        words = shlex.split(form["command"].format(**said))[1:]
        if words == ["screen"]:
            words += ["--rest-no", "--quality", "ache"]
        self.invoke([*words, "--json"], now)


def calm(life: Life, day: int, name: str) -> int:
    """0 or 1."""
    return 1 if life.chance.random() < 0.5 else 0


def always_three(life: Life, day: int, name: str) -> int:
    """3, whatever is asked."""
    return 3


def flare(life: Life, day: int, name: str) -> int:
    """Calm, but the first run after the day of the flare hurts, and the week after it settles slowly."""
    if life.flared_on is None and day >= life.kind.day and name in ("pain_during", "during"):
        life.flared_on = day
        return 6
    since = None if life.flared_on is None else day - life.flared_on
    if since is not None and since <= 4:
        return (5, 4, 3, 2, 1)[since] if name != "morning" or since else 1
    return calm(life, day, name)


@dataclass(frozen=True)
class Kind:
    """What happens in a life.

    hours : when the runner looks at tallrun. feel : (life, day, what is asked) -> score. away : days without a look.
    idle : days on which the runner answers but neither runs nor trains. masked : days with a painkiller. refuses :
    questions never answered. day : of the event.
    """

    name: str
    hours: tuple[float, ...] = (7.5, 13.0, 18.5, 21.5)
    feel: Callable[[Life, int, str], int] = calm
    away: range = range(0)
    idle: range = range(0)
    masked: range = range(0)
    refuses: tuple[str, ...] = ()
    day: int = 20
    shoe_day: int | None = None


KINDS = (
    Kind("steady"),
    Kind("flare", feel=flare),
    Kind("flare and silence", feel=flare, away=range(21, 32)),
    Kind("forgotten week", away=range(18, 25)),
    Kind("holiday of three weeks", away=range(20, 41)),
    Kind("new shoes", shoe_day=15),
    Kind("cold", idle=range(16, 23)),
    Kind("painkillers", masked=range(12, 16)),
    Kind("only evenings", hours=(18.0, 21.5)),
    Kind("evenings, no morning test", hours=(18.0, 21.5), refuses=BRIDGES),
    Kind("no bridge test", refuses=BRIDGES),
    Kind("stuck at 3", feel=always_three),
)


def varied(seed: int) -> Kind:
    """A kind with its days, hours and lengths drawn at random."""
    rnd = Random(seed)
    kind = rnd.choice(KINDS)
    shift = rnd.randrange(-8, 20)

    def moved(span: range) -> range:
        return (
            range(max(0, span.start + shift), max(0, span.stop + shift + rnd.randrange(4))) if span else span
        )

    hours = kind.hours
    if hours[0] < 12:
        hours = (rnd.uniform(5.0, 11.5), *(hour for hour in hours[1:] if rnd.random() < 0.8), 21.5)
    return Kind(
        kind.name, tuple(sorted(hours)), kind.feel, moved(kind.away), moved(kind.idle), moved(kind.masked),
        kind.refuses, max(3, kind.day + shift), kind.shoe_day,
    )  # fmt: skip


@dataclass
class Life:
    """One runner's days. best : highest rung with the day it was first advised for a run."""

    kind: Kind
    door: Door
    seed: int = 0
    faults: list[str] = field(default_factory=list)
    first_day_of: dict[str, int] = field(default_factory=dict)
    states: list[tuple[int, str, str | None]] = field(default_factory=list)
    told: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    flared_on: int | None = None

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.cleared_at: int | None = None

    @staticmethod
    def at(day: int, hour: float) -> datetime:
        """A local time of a day of the life."""
        minutes = round(hour * 60)
        return datetime.combine(FIRST_DAY + timedelta(days=day), time(minutes // 60, minutes % 60), ZONE)

    def live(self, days: int) -> Life:
        """Live through the days."""
        for day in range(days):
            if day in self.kind.away:
                continue
            for hour in self.kind.hours:
                self.visit(day, self.at(day, hour))
        return self

    def visit(self, day: int, now: datetime) -> None:
        """Answer every open question, then look again; some answers open others."""
        verdict, due = self.door.look(now)
        for turn in range(6):
            self.check(day, now, verdict, due)
            if verdict["state"] == "RUN":
                self.first_day_of.setdefault(verdict["rung"], day)
            open_items = [item for item in due if item["open"] and self.can(day, now, item)]
            if any(item["question"] == "count" for item in open_items):
                # What is done already is told before it is done again.
                open_items = [item for item in open_items if item["form"]["path"] != "/api/runs"]
            if any(item["question"] not in DOINGS for item in open_items):
                # An answer can change the plan: what is done is looked up once more.
                open_items = [item for item in open_items if item["question"] not in DOINGS]
            if not open_items:
                break
            if turn == 5:
                self.fault(day, f"the same questions come again: {[item['question'] for item in open_items]}")
            # The run last, so that it does not cut off the questions of the strength work; it takes its time.
            for item in sorted(open_items, key=lambda item: item["form"]["path"] == "/api/runs"):
                now += timedelta(minutes=1 + item["form"]["body"].get("minutes", 0))
                self.door.answer(now, item["form"], self.filled(day, now, item))
            verdict, due = self.door.look(now)
        self.states.append((day, verdict["state"], verdict["rung"]))
        self.told.append((day, verdict))
        if verdict["state"] == "CLINICIAN" and hasattr(self.door, "clear"):
            self.cleared_at = day if self.cleared_at is None else self.cleared_at
            if day - self.cleared_at >= 3:
                self.door.clear(now + timedelta(minutes=1))
                self.cleared_at = None

    def can(self, day: int, now: datetime, item: Mapping[str, Any]) -> bool:
        """Whether this runner answers a question now; a masked answer is given once and not repeated."""
        name = item["question"]
        if name in self.kind.refuses:
            return False
        if name in ("walk", "run", "strength"):
            return day not in self.kind.idle and now.hour >= 12
        if day in self.kind.masked and any(kind == "score" for kind in item["form"]["asks"].values()):
            key = (day, name, item["session_id"])
            seen = self.__dict__.setdefault("_masked_seen", set())
            is_new = key not in seen
            seen.add(key)
            return is_new
        return True

    def filled(self, day: int, now: datetime, item: Mapping[str, Any]) -> dict[str, Any]:
        """What the runner writes into a form."""
        given: dict[str, Any] = {}
        for name, what in item["form"]["asks"].items():
            if what == "score":
                asked = name if name.startswith("pain_") else item["question"]
                given[name] = self.kind.feel(self, day, asked)
            elif what == "yes_no":
                given[name] = name in ("count", "as_planned")
            elif what == "date":
                given[name] = "1985-06-30"
            elif what == "screen":
                given[name] = dict.fromkeys(QUESTIONS, False)
        if day in self.kind.masked and item["form"]["path"] == "/api/pain":
            given["painkiller"] = "oral"
        return given

    # -- what must hold --------------------------------------------------------------------------------

    def fault(self, day: int, text: str) -> None:
        """Note what was wrong."""
        self.faults.append(f"{self.kind.name}, seed {self.seed}, day {day}: {text}")

    def check(self, day: int, now: datetime, verdict: dict[str, Any], due: list[dict[str, Any]]) -> None:
        """Every state that is no run has a true way out, and everything in it that the runner can do is asked."""
        state, way = verdict["state"], verdict["way_out"]
        unmet = [item for item in way if not item["met"]]
        if state == "RUN":
            if way:
                self.fault(day, "RUN has a way out")
            return
        if not unmet:
            self.fault(day, f"{state} {verdict['rung']} ({verdict['rules']}) with every condition met: {way}")
        asked = {item["question"] for item in due}
        for item in unmet:
            if item["who"] == "runner":
                wanted = AFTER_WALK if item["ask"] == "after_walk" else {item["ask"]}
                if item["ask"] == "walk" and state == "REST48":
                    continue
                if not wanted & asked:
                    self.fault(
                        day,
                        f"{state}: {item['id']} is the runner's, and nothing asks for it ({sorted(asked)})",
                    )
            if item["earliest"] is not None and datetime.fromisoformat(item["earliest"]) < now - timedelta(
                minutes=1
            ):
                self.fault(day, f"{item['id']} could have been met since {item['earliest']}")
            if item["who"] is not None and not item["action"]:
                self.fault(day, f"{item['id']} says nothing to do")
        if not due and not all(item["who"] in ("time", "clinician") for item in unmet):
            self.fault(day, f"{state} with nothing due")
        if state in ("CLINICIAN", "REFER") and self.kind.feel is calm:
            self.fault(day, f"a calm life was sent to a clinician by {verdict['rules']}")

    def longest_wait(self) -> int:
        """Longest stretch of days without a running day after the first one, days away left out."""
        ran = [day for day, state, _ in self.states if state == "RUN"]
        gaps = [
            later - earlier - len([d for d in (*self.kind.away, *self.kind.idle) if earlier < d < later])
            for earlier, later in pairwise(ran)
        ]
        return max(gaps, default=0)

    def reached(self, rung: str) -> int | None:
        """Day on which a rung, or a higher one, was first advised for a run."""
        days = [day for name, day in self.first_day_of.items() if RUNGS.index(name) >= RUNGS.index(rung)]
        return min(days, default=None)


def in_journal(folder: Path | str, kind: Kind, seed: int = 0, code: str = "me") -> tuple[Store, Life]:
    """A life through the journal's functions, in a store of its own."""
    store = Store.open(folder)
    return store, Life(kind, JournalDoor(store, code, Life.at(0, 6.0)), seed)


def in_memory(kind: Kind, seed: int = 0, **known: Any) -> Life:
    """A life by the rules alone."""
    return Life(kind, MemoryDoor(Life.at(0, 6.0), **known), seed)
