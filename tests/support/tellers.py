"""Everything that says a sentence about a person's record, driven by records of five kinds.

``TELLERS`` is the index: a name, and what is said of a record for which it holds, does not hold, is not known, that is
empty, or that contradicts itself. A kind that there cannot be is left out. ``ELSEWHERE`` names what is no such
sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.lives import KINDS as LIVES
from support.lives import ZONE, in_memory
from support.recovery_histories import random_history
from support.report_sources import PROTOCOL, RECORDINGS
from tallrun.cli.analyze import summary_lines, watch_lines
from tallrun.cli.clinic import _correction_lines, _replay_lines
from tallrun.cli.cohort import report_lines
from tallrun.cli.data import _receipt_lines
from tallrun.coaching.coach import PHRASES
from tallrun.coaching.intervals import Part
from tallrun.coaching.ledger import CueStart, ProbeResult
from tallrun.insight import experiment as trial
from tallrun.insight.change import Change
from tallrun.insight.crossing import MORE_WORDS, Estimate, LagResult, cross
from tallrun.insight.due import QUESTIONS, everything_due
from tallrun.insight.trends import morning_trend
from tallrun.insight.weeks import WeekDay, week_start, weeks
from tallrun.journal import advice, clinician, entries, experiment, handout, offers, patients
from tallrun.journal.begun import Begun
from tallrun.live import end, setup, state
from tallrun.pipeline.live_run import IntervalView, LiveView
from tallrun.pipeline.tapped import Tapped
from tallrun.recovery import verdict, wording
from tallrun.recovery.live import LiveAction
from tallrun.recovery.model import ExerciseSession, History, PainScore, Runner, RunSession, Screen
from tallrun.recovery.reasons import _last_session
from tallrun.recovery.timeline import Timeline
from tallrun.recovery.verdicts import Assessor, Verdict
from tallrun.report import compare_page, findings, goal, methods, sentences, tables, watch
from tallrun.report.drift import Drift
from tallrun.report.own import Against
from tallrun.report.tables import ASYMMETRY, METRIC_BY_KEY
from tallrun.report.told import TOLD_WORDS, ToldBeside, told_words
from tallrun.sensors.config import FirmwareConfig
from tallrun.sensors.warnings import placement_warnings
from tallrun.sessions import read_session
from tallrun.store.store import IndexedSession

KINDS = ("holds", "fails", "unknown", "empty", "contradictory")
Said = Mapping[str, Iterable[str]]
TELLERS: dict[str, Callable[[], Said]] = {}
#: Of a teller with many sentences: those that only a known record can carry. Of others it is everything said of one.
CLAIMS: dict[str, re.Pattern[str]] = {}
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=ZONE)
#: Where a sentence is written that is not one about a person's record, and what it is instead.
ELSEWHERE = {
    "report/figures.py": "titles and axes of figures, the same whatever the record",
    "report/figure_list.py": "captions of figures, the same whatever the record",
    "report/lanes.py": "titles of figures",
    "report/compare_page.py cycle_charts": "titles of figures",
    "report/compare_page.py run_charts": "titles of figures",
    "report/tables.py definition_rows": "definitions",
    "cli/cohort.py compare_lines": "two versions of the program, not a person (tests/cohort/test_compare.py)",
    "recovery/verdicts.py assessor": "the name of an argument in a refusal",
    "live/end.py finish_run": "a part of the program that failed, with its own error",
    "live/stage.py _words": "a part of the program that failed, with its own error",
    "live/cut_off.py": "where the files of a run are that was cut off",
    "live/stage.py plain_words": "a refusal of a command, without the command",
    "live/stage.py Stage.check_feet": "what to do now",
    "live/stage.py Stage.stand": "what to do now",
    "live/hub.py LiveHub._taken": "why a tap was refused (tests/live/test_hub.py)",
    "journal/sessions.py scan": "why a folder was refused (tests/cli/test_sessions.py)",
}


def teller(claims: str = "") -> Callable[[Callable[[], Said]], Callable[[], Said]]:
    """Enter a function into the index."""

    def enter(make: Callable[[], Said]) -> Callable[[], Said]:
        TELLERS[make.__name__] = make
        if claims:
            CLAIMS[make.__name__] = re.compile(claims, re.IGNORECASE)
        return make

    return enter


# recovery: verdict, reason, way out, notices, due


def empty(history: History) -> History:
    """Nothing was ever logged."""
    return History(Runner(history.runner.time_zone))


def withheld(history: History) -> History:
    """Every score was given under a painkiller, and nobody answered about limping or the screen."""
    return replace(
        history,
        scores=tuple(replace(row, painkiller="oral", limping=None) for row in history.scores),
        sessions=tuple(replace(row, limping=None) for row in history.sessions),
        screens=tuple(replace(row, answers=dict.fromkeys(row.answers)) for row in history.screens),
    )


def contradictory(history: History) -> History:
    """Runs that end as they begin, without pain and with a limp, and two scores of one instant far apart."""
    twins = tuple(replace(row, pain_id=f"{row.pain_id}-b", score=10 - row.score) for row in history.scores)
    runs = tuple(
        replace(row, ended_at=row.started_at + timedelta(minutes=1), limping=True, stop_reason="none")
        for row in history.sessions
    )
    return replace(history, scores=history.scores + twins, sessions=runs)


def words_of_verdict(said: Verdict) -> list[str]:
    """Every sentence of a verdict."""
    inputs = [f"{name}: {value}." for name, value in advice.inputs_in_words(said, PROTOCOL)]
    actions = [item.action for item in said.way_out if item.action]
    return [
        *said.sentences,
        *said.notices,
        said.changes_if,
        said.reason,
        *inputs,
        *actions,
        *(item.text for item in said.way_out),
    ]


def advised(history: History, now: datetime, plan: Any) -> list[str]:
    """What is said today of a history."""
    asked = everything_due(PROTOCOL, history, now)
    return words_of_verdict(verdict(PROTOCOL, history, None, now, plan)) + [item.text for item in asked]


@cache
def _histories() -> list[tuple[History, datetime, Any]]:
    return [random_history(seed, PROTOCOL) for seed in range(24)]


def _lived() -> set[str]:
    """What is said in some lives, and in the weeks after them to somebody who tells nothing more."""
    texts: set[str] = set()
    for name, away, days in (("flare and silence", range(9, 20), 24), ("cold", range(0), 24)):
        kind = next(item for item in LIVES if item.name == name)
        life = in_memory(replace(kind, day=8, away=away, hours=(7.5, 18.5)), 3).live(days)
        for _, told in life.told:
            texts |= {*told["sentences"], *told["notices"], told["reason"], told["changes_if"]}
            texts |= {text or "" for item in told["way_out"] for text in (item["text"], item["action"])}
        history = life.door.history  # type: ignore[attr-defined]
        now = life.at(days, 10.0)
        trained = ExerciseSession("e", now, 2, pain_during=1, pain_after=1)
        for changed in (
            replace(
                history, scores=(*history.scores, _score(1, now, "rest", side="left", quality="burning"))
            ),
            replace(
                history, scores=(*history.scores, _score(1, now, "rest", side="left", painkiller="oral"))
            ),
            replace(history, exercises=(*history.exercises, trained)),
            replace(history, runner=replace(history.runner, born_on=None)),
        ):
            texts.update(advised(changed, now, None))
        for ago in range(0, 30, 2):
            now = life.at(days + ago, 10.0)
            fresh = _score(1, now, "rest", side="left")
            texts |= {
                *advised(history, now, None),
                *advised(replace(history, scores=(*history.scores, fresh)), now, None),
            }
    return texts


@teller(
    r"Your (last|worst)? ?score|Mornings (did|are|were)|settled\.|usual morning is|"
    r"(the|your) last (run|session)(?!: no)(?!: not)|was (green|amber|red)"
)
def verdicts() -> Said:
    sore = [
        replace(history, scores=(*history.scores, _score(4, now - timedelta(minutes=1), "rest")))
        for history, now, _ in _histories()
    ]
    day = timedelta(days=1)
    limped = History(
        Runner(ZONE.key),
        (_score(8, NOW - day, "during"),),
        (RunSession("r", NOW - day - timedelta(minutes=5), NOW - day + timedelta(minutes=5), limping=True),),
        screens=(
            Screen(NOW - 9 * day, dict.fromkeys((item.id for item in PROTOCOL.screening.questions), False)),
        ),
    )
    untested = History(Runner(ZONE.key), tuple(_score(1, NOW - k * day, "rest") for k in range(10)))
    none = Assessor(Timeline(PROTOCOL, History(Runner(ZONE.key)), NOW), [])
    return {
        "holds": [
            *_lived(),
            *QUESTIONS.values(),
            *advised(limped, NOW, None),
            *advised(untested, NOW, None),
            *(text for row in _histories() for text in advised(*row)),
            *(
                text
                for history, (_, now, plan) in zip(sore, _histories(), strict=True)
                for text in advised(history, now, plan)
            ),
        ],
        "unknown": [_last_session(none, NOW.timestamp())],
        "empty": [text for history, now, plan in _histories() for text in advised(empty(history), now, plan)],
        "contradictory": [
            text
            for change in (withheld, contradictory)
            for history, now, plan in _histories()
            for text in advised(change(history), now, plan)
        ],
    }


@teller("yesterday")
def why_milder_than_yesterday() -> Said:
    def pair(now: int | None, then: int | None, rule: str = "MV1") -> str:
        base = verdict(PROTOCOL, *_histories()[0][:1], None, _histories()[0][1])
        today = replace(
            base, state="RUN", inputs=base.inputs | {"pain_today": now}, reason="Your worst score today is 3."
        )
        return advice.why(
            today,
            replace(base, state="WALK", rules=(rule,), inputs=base.inputs | {"pain_today": then}),
            PROTOCOL,
        )

    return {
        "holds": [pair(3, 2, rule) for rule in PROTOCOL.texts.rules],
        "fails": [pair(2, 3)],
        "unknown": [pair(3, None), pair(None, 3)],
    }


@teller()
def not_the_plan() -> Said:
    words = wording.Words(PROTOCOL)
    return {
        "holds": words.differed(
            [
                ("minutes", 30.0, 24.0),
                ("rung", "V3", "V2"),
                ("speed", 3.1, 2.8),
                ("incline", -4.0, 1.0),
                ("state", None, None),
            ]
        ),
        "fails": words.differed([]),
        "contradictory": words.differed([("minutes", 0.0, 0.0), ("speed", 0.0, 2.8)]),
    }


# insight


@teller()
def patterns() -> Said:
    def told(estimates: Iterable[tuple[str, float, float]], n: int) -> str:
        return LagResult("h24", n, {}, tuple(Estimate(*item) for item in estimates), {}).sentence

    return {
        "holds": [
            told([(column, sign, 0.01)], 14)
            for column in (*MORE_WORDS, "new_column_m")
            for sign in (0.5, -0.5)
        ],
        "fails": [told([("run_minutes", 0.1, 0.6)], 14)],
        "unknown": [told([], n) for n in (0, 1, 11, 12, 40)],
        "empty": [item.sentence for item in cross([])],
        "contradictory": [told([("run_minutes", 0.5, 0.01), ("distance_m", -0.5, 0.02)], 14)],
    }


@teller()
def trends() -> Said:
    def told(scores: Iterable[int], days: int = 7) -> str:
        return morning_trend(
            PROTOCOL, [(10 + k, score) for k, score in enumerate(scores)], 16, days=days
        ).sentence

    return {
        "holds": [
            told((0, 1, 2, 3, 4, 5, 6)),
            told((6, 5, 4, 3, 2, 1, 0)),
            told((1, 1, 2, 1, 2, 2, 2)),
            told((3, 0, 4, 1)),
        ],
        "fails": [told((2, 2, 2, 2, 2, 2, 2))],
        "unknown": [told((2,)), told((2, 3)), told((2, 3, 2, 3), 28)],
        "empty": [told(())],
        "contradictory": [told((0, 10, 0, 10, 0, 10, 0))],
    }


@teller()
def trial_findings() -> Said:
    plan = trial.register("own cadence", "cued cadence", 6, 3)

    def told(scores: Iterable[int | None], **more: bool) -> str:
        runs = [trial.Outcome(way, score) for way, score in zip(plan.order, scores, strict=False)]
        return trial.words_of(plan, trial.judge(plan, runs, **({"stopped_for_pain": False} | more)))

    cued = [1 if way == "B" else 4 for way in plan.order]
    return {
        "holds": [told(cued), told([5 - score for score in cued])],
        "fails": [told([1, 2] * 6)],
        "unknown": [told([None] * 12), told([2] * 3 + [None] * 9)],
        "empty": [told([]), told([], closed=True)],
        "contradictory": [told(cued, stopped_for_pain=True), told([2] * 12, closed=True)],
    }


@teller()
def trial_standing() -> Said:
    def told(state: str, done: int, upcoming: dict[str, Any] | None = None, finding: str = "") -> list[str]:
        return experiment.standing(state, upcoming, done, 14, finding)

    run = {"way": "cued cadence", "rung": "V4", "run_minutes": 20.0}
    off = SimpleNamespace(rung="V4", run_minutes=20.0)
    mine = SimpleNamespace(protocol=PROTOCOL)
    ran = RunSession("r", NOW - timedelta(hours=1), NOW, rung="V4", run_minutes=20.0)
    return {
        "holds": [*told("open", 0, run | {"counts": False}), *told("open", 1, run | {"counts": True})],
        "fails": [*told("ended", 5), *told("waiting", 1)],
        "unknown": [
            *told("waiting", 14),
            experiment._off_dose(mine, off, replace(ran, run_minutes=None)),
            experiment._off_dose(mine, off, replace(ran, rung=None)),
        ],
        "empty": experiment.status(
            SimpleNamespace(store=SimpleNamespace(entries=lambda *_: []), runner_id="x")
        )["sentences"],
        "contradictory": [
            experiment._off_dose(mine, off, replace(ran, rung="V2")),
            experiment._off_dose(mine, off, replace(ran, run_minutes=1.0)),
        ],
    }


# journal


def _score(value: int, at: datetime = NOW, kind: str = "morning", **more: Any) -> PainScore:
    return PainScore("p", at, kind, value, **more)  # type: ignore[arg-type]


@teller()
def morning_of_the_other_test() -> Said:
    def told(*tests: str | None) -> list[str]:
        history, scores = History(Runner(ZONE.key)), [_score(2, load_test=test) for test in tests]
        mine = SimpleNamespace(
            protocol=PROTOCOL, store=SimpleNamespace(history=lambda *_: history), runner_id="x", now=NOW
        )
        return [text or "" for text in entries.not_counted(mine, scores)]

    return {
        "holds": told("single_leg_bridge"),
        "fails": told("double_leg_bridge"),
        "unknown": told(None),
        "empty": told(),
    }


@teller()
def scores_of_one_minute() -> Said:
    after = _score(2, kind="after", session_id="r")

    def told(*more: PainScore) -> list[str]:
        return entries.twins_told(after, more)

    return {
        "holds": told(after),
        "fails": told(
            _score(2, NOW - timedelta(minutes=1), "after", session_id="r"), replace(after, kind="rest")
        ),
        "empty": told(),
        "contradictory": told(replace(after, score=7), after),
    }


@teller()
def sessions_offered() -> Said:
    mine = SimpleNamespace(zone=ZONE)

    def told(run: RunSession, **more: Any) -> str:
        return offers.words_of(
            mine, offers.Waiting(None, run, "watch", 30.0, more.pop("is_dated", True), **more)
        )  # type: ignore[arg-type]

    run = RunSession("r", NOW - timedelta(hours=1), NOW, run_minutes=20.0, distance_m=4000.0)
    bare = replace(run, distance_m=None, run_minutes=None)
    return {
        "holds": [
            told(run, climb_m=80.0, heart_rate_bpm=140.0),
            told(run, told=Tapped(((60.0, 2), (90.0, 6)), ("LV1",), stopped=True)),
            told(run, told=Tapped((), ("LV2", "LV3"), limped=True, stopped=True)),
            told(replace(run, rung="V0")),
            told(run, twin=run),
        ],
        "fails": [told(bare, plan=SimpleNamespace(rung="V4"))],
        "unknown": [told(bare, is_dated=False), told(bare, climb_m=None)],
        "empty": [told(replace(bare, started_at=NOW))],
        "contradictory": [told(replace(run, distance_m=0.0), climb_m=900.0, heart_rate_bpm=0.0)],
    }


@teller(r"worst pain")
def calendar_of_weeks() -> Said:
    def told(*days: WeekDay, over: bool = True) -> list[str]:
        at = NOW.date() + timedelta(days=20 if over else 0)
        found = weeks({item.day: item for item in days}, at, 4 if over else 1)
        return [text for week in found for text in week.sentences]

    first = week_start(NOW.date())
    day = WeekDay(first, ("V4",), n_runs=1, n_walks=1, run_minutes=12.0, worst=3, n_masked=1)
    next_week = replace(day, day=first + timedelta(days=7), run_minutes=20.0)
    return {
        "holds": [
            *told(day, next_week),
            *told(day, over=False),
            *told(replace(day, planned=(), n_advised=1)),
            *told(replace(day, n_advised=1)),
        ],
        "fails": told(day, replace(next_week, n_runs=0, n_walks=0, run_minutes=0.0)),
        "unknown": told(replace(day, worst=None, n_masked=0)),
        "empty": told(),
        "contradictory": told(replace(day, planned=(), run_minutes=0.0), next_week),
    }


@teller()
def runs_that_wait() -> Said:
    def waits(*runs: RunSession) -> list[str]:
        ask, told = offers.not_in_record(runs, NOW)
        return [ask.text, ask.action or "", told]

    run = RunSession("r", NOW - timedelta(hours=1), NOW)
    kept = [offers.not_in_record(runs, NOW, moves=False)[1] for runs in ([run], [run, run])]
    entry = IndexedSession("r", "me", run.started_at, None, Path("cut"), {}, {})
    begun = [
        offers.not_in_record([run], NOW, begun=[Begun(entry, (), is_going_on)])[0].action or ""
        for is_going_on in (True, False)
    ]
    ask, told = offers.not_in_record([run], NOW, begun=[Begun(entry, (), False, is_list=True)])
    return {
        "holds": [*waits(run), *kept, *begun],
        "unknown": [ask.text, ask.action or "", told],
        "contradictory": waits(run, run),
    }


@teller()
def alerts() -> Said:
    def told(history: History, mornings: Iterable[int | None]) -> list[str]:
        rows = [{"date": NOW.date(), "score": score} for score in mornings]
        found = (
            *patients._over(history, PROTOCOL, NOW, ZONE),
            *patients._silent(history, NOW),
            *patients._missed(rows),
        )
        return [item.text for item in found]

    def scored(*scores: tuple[int, float]) -> History:
        return History(
            Runner(ZONE.key), tuple(_score(value, NOW - timedelta(days=ago)) for value, ago in scores)
        )

    flags = [patients._flags("REFER", rules, PROTOCOL) for rules in (("SC1",), ("SC3",), ())]
    red = [patients.red_run(NOW.date(), is_walk=is_walk).text for is_walk in (True, False)]
    return {
        "holds": [*told(scored((7, 1)), [1] * 8), *(item.text for flag in flags for item in flag), *red],
        "fails": told(scored((1, 1)), [1] * 8),
        "unknown": [
            *told(scored((1, 3.5)), [None] * 8),
            *told(scored((1, 30)), [1, None, None, 1, 1, 1, 1, 1]),
        ],
        "empty": told(History(Runner(ZONE.key)), []),
        "contradictory": told(scored((9, 1), (0, 1)), [1, None] * 4),
    }


@teller()
def limits_on_paper() -> Said:
    row = dict.fromkeys(
        (
            "clears",
            "hold",
            "cap",
            "permits_rung",
            "green_limit",
            "first_gait_step",
            "max_cadence_rise_pct",
            "note",
            "expires_at",
        )
    ) | {"tighten": {}}
    full = row | {
        "clears": True,
        "hold": True,
        "cap": "V4",
        "permits_rung": "F1",
        "green_limit": 2,
        "note": "Easy.",
        "first_gait_step": "tall",
        "max_cadence_rise_pct": 3.0,
        "expires_at": NOW,
    }

    def own(*rows: dict[str, Any]) -> list[str]:
        return handout.own_limits([{"in_force": True} | item for item in rows])

    def planned(**more: Any) -> str:
        mine = SimpleNamespace(zone=ZONE, protocol=PROTOCOL)
        return handout._planned(mine, {"starts_at": NOW, "rung": None, "run_minutes": None} | more) + "."

    return {
        "holds": [
            *handout._pain_limits(3, 5),
            clinician.in_words(full),
            *own(full),
            planned(rung="F1", run_minutes=30.0),
            *(planned(rung=rung) for rung in PROTOCOL.work),
        ],
        "fails": own(full | {"in_force": False}),
        "unknown": [planned()],
        "empty": [clinician.in_words(row), *own(row)],
        "contradictory": [clinician.in_words(row | {"hold": True, "permits_rung": "F1"})],
    }


# live


def _view(**more: Any) -> LiveView:
    blank = LiveView(None, None, None, None, None, None, None, 1, None, False, None, None, None, 0)
    return replace(blank, **more)


def _shown(
    view: LiveView, phase: Any = "running", sensors: Iterable[Any] = (), failures: Iterable[str] = ()
) -> list[str]:
    """Every word of a message to the page."""
    found = state.live_state(view, PROTOCOL, list(sensors), 5.0, phase, failures=list(failures))
    stop, part, question = found["stop"] or {}, found["interval"] or {}, found["question"] or {}
    return [
        found["cadence_text"],
        found["block_text"],
        found["sentence"] or "",
        *found["notices"],
        *(str(stop.get(key, "")) for key in ("sentence", "reason", "next", "undo")),
        *(str(part.get(key, "")) for key in ("now", "next", "say", "of")),
        str(question.get("text", "")),
        *(item["text"] for item in found["red_flags"]),
        *(item["name"] for item in found["sensors"]),
    ]


@teller(
    r"uneven|you said|battery|block \d|quick|\btall\b|buckle|then (run|walk)|\bpain (score )?(was|stayed)"
)
def live_words() -> Said:
    live = PROTOCOL.texts.live
    stops = [
        _view(
            stop=LiveAction(1.0, action, rule, "RED", live[action]),
            said_limping=limps,
            referral_rule=referral,
        )
        for action, referral in (("STOP", None), ("REFER", "SC1"), ("REFER", None))
        for limps in (True, False)
        for rule in (*state.STOP_REASONS, None)
    ]
    asks = [
        _view(question=LiveAction(1.0, "ASK", rule, None, text))
        for rule in ("LV4", "LV6")
        for text in live.values()
    ]
    cues = [
        _view(
            cue=CueStart(
                1, 1.0, focus, "voice", way, 1.0, 2.0, 3.0, 160.0, 1.0, 0.5, PHRASES[focus][way], 0.4
            ),
            cadence_spm=160.0,
            block_kind=block,
            block_number=1,
            n_blocks=3,
            block_left_s=left,
        )
        for focus in ("cadence", "tall", "tilt")
        for way in ("up", "down")
        for block, left in (("learning", 0.4), ("cued", 59.6), ("uncued", 61.0), ("probe", 3600.0))
    ]
    parts = [
        Part("warm_up", 0.0, 300.0),
        Part("run", 300.0, 360.0, 1, 2),
        Part("walk", 360.0, 361.0, 1, 2),
        Part("run", 361.0, 900.0, 2, 2),
        Part("cool_down", 900.0, 990.0),
    ]
    spans = [
        _view(
            interval=IntervalView(part, place, 3.0, after, part.index == 2, held, splits),
            block_kind="cued",
            block_number=1,
            block_left_s=1.0,
        )
        for place, (part, after) in enumerate(zip(parts, [*parts[1:], None], strict=True))
        for held in (True, False)
        for splits in (None, (), (300.0, 301.0))
    ]
    over = _view(interval=IntervalView(None, None, None, None, False, False, None))
    lights = [
        state.SensorLight(place, "ok", 99.0, pct)
        for place in ("foot_left", "pelvis", "trunk")
        for pct in (14.4, 90.0)
    ]
    dark = [state.SensorLight(place, "lost") for place in ("foot_left", "foot_right", "unheard_of")]
    doubts = tuple(
        (place, reason) for place in ("foot_left", "foot_right") for reason in (*state.DOUBTS, "another")
    )
    return {
        "holds": [
            text for view in (*stops, *asks, *cues, *spans, over) for text in _shown(view, sensors=lights)
        ],
        "fails": [
            *_shown(_view(cadence_spm=160.0, n_contacts=9)),
            *_shown(_view(can_cue=False, block_kind="cued")),
        ],
        "unknown": [
            text
            for view in (
                _view(n_contacts=4),
                _view(n_contacts=4, is_learning=True),
                _view(doubted_sensors=doubts, is_silenced=True),
            )
            for text in _shown(
                view, sensors=dark, failures=[state.FAILED.format(part="gait"), state.RECORDER_FAILED]
            )
        ],
        "empty": [text for phase in ("waiting", "running", "ended") for text in _shown(_view(), phase)],
        "contradictory": _shown(
            _view(stop=stops[0].stop, cue=cues[0].cue, is_silenced=True, interval=spans[0].interval)
        ),
    }


def _raw(**more: Any) -> Any:
    share = None if "n_judged" in more or "has_target" in more else 0.9
    run = {
        "safety_events": [],
        "is_silenced": False,
        "has_target": True,
        "n_judged": 100,
        "n_in_band": 60,
        "schedule": None,
        "splits_s": None,
        "coach_events": [ProbeResult(600.0, 570.0, 600.0, 28.0, 40, share, 2.7)],
        "gait": SimpleNamespace(end_s=600.0),
    }
    plan = {"focus": "cadence", "plan": SimpleNamespace(cued_s=300.0), "intervals": (), "rung": None}
    return SimpleNamespace(
        run=SimpleNamespace(**{name: more.pop(name, value) for name, value in run.items()}),
        setup=SimpleNamespace(**{name: more.pop(name, value) for name, value in plan.items()}),
    )


@teller(r"in your band|of strides|you ran|rule")
def end_of_a_run() -> Said:
    def told(cadence: float | None, cues: list[dict[str, Any]], **more: Any) -> list[str]:
        known = SimpleNamespace(summary={"run_time_s": 600.0, "cadence_spm": {"median": cadence}})
        raw = _raw(**more)
        probe = [f"{name}: {words}." for name, words in end._probe_rows(raw)]  # type: ignore[arg-type]
        return [
            *end.after_lines(known, cues, raw),
            end._band_words(raw) + ".",
            end._cue_words(cues) + ".",
            *probe,
        ]  # type: ignore[arg-type]

    answer = {"answer": {"in_band_share": 0.6, "n_strides": 20}}
    walked = {"run_time_s": 0.0, "walk_time_s": 600.0, "walking": {"cadence_spm": {"median": 110.0}}}
    stop = SimpleNamespace(action=LiveAction(1.0, "STOP", "LV1", "RED", PROTOCOL.texts.live["STOP"]))
    return {
        "holds": [
            *told(165.0, [answer]),
            *told(165.0, [answer, answer]),
            *told(165.0, [], safety_events=[stop]),
            *end.after_lines(SimpleNamespace(summary=walked), [], _raw(rung="V0")),  # type: ignore[arg-type]
        ],
        "fails": [
            *told(165.0, []),
            *told(165.0, [], focus=None),
            *told(165.0, [], focus="tall"),
            *told(165.0, [], plan=SimpleNamespace(cued_s=0.0)),
        ],
        "unknown": [
            *told(None, [{"answer": None}], n_judged=0),
            *told(None, [], n_judged=3),
            *told(None, [], has_target=False, n_judged=0),
            *told(None, [], has_target=False, focus="tall"),
            *told(None, [], is_silenced=True, n_judged=0),
            *end.after_lines(None, [], _raw(n_judged=0)),
            *end.after_lines(None, [], _raw(rung="V0")),
        ],
        "empty": end.after_lines(None, [], _raw(n_judged=0, n_in_band=0)),
        "contradictory": told(
            None, [answer | {"answer": {"in_band_share": None, "n_strides": 0}}], n_judged=0
        ),
    }


@teller()
def plan_of_a_run() -> Said:
    def told(found: Verdict, focus: str | None, is_walk: bool = False, **decided: Any) -> list[str]:
        decision = SimpleNamespace(
            **(
                {"step": "cadence", "rule": "GT1", "sentence": next(iter(PROTOCOL.texts.gait.values()))}
                | decided
            )
        )
        plan = SimpleNamespace(
            protocol=PROTOCOL,
            verdict=found,
            decision=decision,
            may_cue=found.state == "RUN",
            forbids_running=found.state in ("REFER", "CLINICIAN", "REST48"),
            focus=decision.step,
        )
        return setup.plan_lines(plan, focus, is_walk)  # type: ignore[arg-type]

    found = [verdict(PROTOCOL, history, None, now, plan) for history, now, plan in _histories()]
    runs = [replace(item, state="RUN", rung="V4") for item in found[:2]]
    first, run, walk = (
        Part("warm_up", 0.0, 300.0),
        Part("run", 300.0, 420.0, 1, 1),
        Part("walk", 420.0, 480.0, 1, 1),
    )
    last = Part("cool_down", 480.0, 780.0)
    return {
        "holds": [text for item in runs for focus in (None, "tall", "none") for text in told(item, focus)]
        + setup.part_lines((first, run, walk, last))
        + setup.part_lines((first, run, last))
        + setup.part_lines((first,)),
        "fails": [
            text
            for item in found
            if item.state != "RUN"
            for focus in (None, "cadence")
            for is_walk in (False, True)
            for text in told(item, focus, is_walk)
        ],
        "empty": setup.part_lines(()),
    }


# report


FLAG = {
    "flag": "low_cadence",
    "start_s": 10.0,
    "end_s": 70.0,
    "evidence": {
        "window_s": 60.0,
        "n_strides": 80,
        "value": 150.0,
        "reference": 165.0,
        "reference_kind": "population",
        "terms": [],
        "uncertainty": None,
    },
}
NONE = {"value": None, "reason": "low_quality"}
DISTRIBUTION = {"median": 165.0, "p05": 160.0, "p95": 170.0, "n": 400}


def summary(**more: Any) -> dict[str, Any]:
    """A whole summary of a run of ten minutes without a flag."""
    from tallrun.cli.analyze import _ROWS

    keys = ("cadence_spm", "pelvic_tilt_deg", "vertical_oscillation_m", *(key for _, key, *_ in _ROWS))
    found: dict[str, Any] = {key: dict(DISTRIBUTION) for key in keys}
    return (
        found
        | {
            "n_steps": 1600,
            "n_contacts": 1600,
            "run_time_s": 600.0,
            "walk_time_s": 60.0,
            "flags": [],
            "asymmetry_contact_pct": 1.2,
            "watch": None,
            "walking": found | {"asymmetry_contact_pct": NONE},
            "quality": {"valid_strides_pct": 99.0, "calibration": CALIBRATED},
        }
        | more
    )


CALIBRATED = {
    "is_calibrated": True,
    "gain_applied": 1.06,
    "gain_found": 1.05,
    "n_strides": 300,
    "reason": None,
}


def _unknown_summary(**more: Any) -> dict[str, Any]:
    known = summary()
    return (
        {
            name: NONE if isinstance(value, dict) and "median" in value else value
            for name, value in known.items()
        }
        | {"walking": dict.fromkeys(known["walking"], NONE)}
        | {"asymmetry_contact_pct": NONE, "quality": {"valid_strides_pct": None, "calibration": CALIBRATED}}
        | more
    )


NOTHING = {"n_steps": 0, "n_contacts": 0, "run_time_s": 0.0, "walk_time_s": 0.0}
WATCH = {
    "duration_s": 700.0,
    "recorded_s": 690.0,
    "run_s": 600.0,
    "distance_m": 2000.0,
    "speed_mps": 2.9,
    "fastest_minute_mps": 3.1,
    "climb_m": 12.0,
    "heart_rate_bpm": 140.0,
    "max_heart_rate_bpm": 160.0,
    "measures": {"cadence_spm": DISTRIBUTION},
    "laps": [],
}
NO_WATCH = {name: None for name in WATCH} | {"duration_s": 0.0, "recorded_s": 0.0, "measures": {}, "laps": []}


def _source(found: dict[str, Any], sampled: bool = True, **more: Any) -> Any:
    sensors = {"foot_left": SimpleNamespace(t_s=SimpleNamespace(size=9 if sampled else 0))}
    recording = SimpleNamespace(sensors=sensors, info=more.pop("info", {}))
    given = {"cues": [], "pain": [], "goal": None, "told": ToldBeside()} | more
    return SimpleNamespace(
        tables=SimpleNamespace(summary=found, segments=[1] if sampled else []), recording=recording, **given
    )


@teller(r"stood out in|No flag was up|cues? came|^No cue|no goal$")
def report_sentences() -> Said:
    def told(source: Any) -> list[str]:
        words = [item.about(source) for item in sentences.SENTENCES.values()]
        for known in (True, False):
            head, more = sentences.stood_out(source, 0, known)
            words += [head, *more]
        return words

    coached = {sentences.KEY: {}}
    walk = _unknown_summary(run_time_s=0.0, walk_time_s=600.0, walking=summary()["walking"])
    return {
        "holds": told(_source(summary(flags=[FLAG]), cues=[1], pain=[1], goal=1))
        + told(_source(summary(), cues=[1, 2]))
        + told(_source(summary(pelvic_tilt_deg=NONE))),
        "fails": told(_source(summary(), info=coached))
        + told(_source(summary(**NOTHING)))
        + told(_source(walk)),
        "unknown": told(_source(_unknown_summary()))
        + told(_source(_unknown_summary(watch=WATCH), sampled=False))
        + told(_source(_unknown_summary(watch=NO_WATCH), sampled=False))
        + told(_source(_unknown_summary(cadence_spm={}))),
        "empty": told(_source(_unknown_summary(**NOTHING), sampled=False)),
        "contradictory": told(_source(summary(**NOTHING, flags=[FLAG]))),
    }


@teller()
def against_usual() -> Said:
    return {
        "holds": [
            sentences.usual_words(
                findings.unchanged_words([_against("cadence_spm", 160.0, "no real change")]), True, True
            )
        ],
        "fails": [sentences.usual_words("", True, True), sentences.usual_words("", True, True, "walk")],
        "unknown": [sentences.usual_words("", True, False)],
        "empty": [sentences.usual_words("", False, False), findings.unchanged_words([])],
        "contradictory": [sentences.usual_words("", False, True)],
    }


def _against(
    key: str, value: float, word: str = "real change", limit: float | None = 0.1, n: int = 5
) -> Against:
    return Against(
        METRIC_BY_KEY[key], 2.7, value, 1.0, (0.9, 1.1), limit, n, word, None if limit is None else "own"
    )


def _change(key: str, **more: Any) -> Change:
    return replace(Change(key, 1.0, 2.0, 1.0, 0.2, "real change", None, (0.8, 1.2), 6), **more)


def _found(
    flags: Iterable[dict[str, Any]] = (), against: Iterable[Against] = (), drift: Iterable[Change] = ()
) -> list[str]:
    shown = {**METRIC_BY_KEY, ASYMMETRY.key: ASYMMETRY}
    drifts = [Drift(shown[item.metric], item) for item in drift]
    return [
        text if text.endswith(".") else f"{text}."
        for one in (*([item] for item in flags), [])
        for part in (
            [(one, (), ())] if one else [((), [a], ()) for a in against] + [((), (), [d]) for d in drifts]
        )
        for item in findings.find(part[0], 600.0, part[1], part[2])
        for text in (item.sentence, item.detail, item.how_sure)
    ]


@teller(r"^You|usual|real change|first third")
def report_findings() -> Said:
    def flags(**evidence: Any) -> list[dict[str, Any]]:
        return [
            FLAG | {"flag": name, "evidence": FLAG["evidence"] | evidence} for name in findings._FLAG_METRIC
        ]  # type: ignore[operator]

    terms = ["foot_strike_angle", "foot_ahead", "braking", "cadence_deficit", "another_term"]
    own = {"reference_kind": "own_baseline", "uncertainty": 2.0}
    both = [_against(key, value) for key in findings._OWN_WORDS for value in (0.5, 2.0)]
    moved = [
        _change(key, difference=sign * 10.0)
        for key in (*findings._DRIFT_WORDS, ASYMMETRY.key)
        for sign in (1, -1)
    ]
    return {
        "holds": _found(
            [*flags(**own, terms=terms), *flags(terms=terms[:1]), *flags(value=-7.0)], both, moved
        ),
        "fails": _found(
            [],
            [replace(item, word="no real change") for item in both],
            [replace(item, word="no real change") for item in moved],
        ),
        "unknown": _found(
            [*flags(value=None, uncertainty=None), *flags(reference=float("nan"))],
            [replace(item, word="cannot tell", detectable=None) for item in both],
            [replace(item, word="cannot tell", detectable=None) for item in moved],
        ),
        "empty": _found(),
        "contradictory": _found(
            [*flags(reference_kind="own_baseline", uncertainty=0.0)],
            [_against("cadence_spm", 2.0, limit=None, n=1)],
            [_change("cadence_spm", difference=None), _change("cadence_spm", before=None)],
        ),
    }


@teller()
def answers_to_cues() -> Said:
    def told(**answer: Any) -> list[str]:
        return goal.cue_sentences([{"answer": answer}])

    known = {"before": 160.0, "after": 166.0, "in_band_share": 0.8, "n_strides": 20, "back_s": 9.0}
    values = [
        goal.cue_value({"value": value, "low": low, "high": 176.1}) + "."
        for value, low in ((164.0, 169.2), (168.6, 169.2), (180.0, None))
    ]
    inputs = goal.inputs_in_words({"inputs": {"trend": "STEADY", "diagnosed": True, "pain_today": 3}})
    return {
        "holds": [
            *told(**known),
            *told(**known | {"n_strides": 1}),
            *values,
            *(f"{a}: {b}." for a, b in inputs),
        ],
        "fails": told(**known | {"in_band_share": 0.0, "back_s": None}),
        "unknown": [
            *told(before=160.0, after=166.0, in_band_share=0.8, n_strides=20),
            *told(**known | {"in_band_share": None}),
            *told(before=None, after=None),
            *(f"{a}: {b}." for a, b in goal.inputs_in_words({"inputs": {"baseline": None}})),
        ],
        "empty": [
            *goal.cue_sentences([{"answer": None}]),
            *goal.cue_sentences([]),
            *(f"{a}: {b}." for a, b in goal.inputs_in_words(None)),
        ],
        "contradictory": told(**known | {"before": None}),
    }


@teller()
def scale_of_lengths() -> Said:
    plain = CALIBRATED | {"is_calibrated": False, "gain_applied": 1.0}
    return {
        "holds": [
            tables.calibration_words(CALIBRATED),
            tables.calibration_words(CALIBRATED | {"n_strides": 1}),
            tables.belt_words(CALIBRATED | {"gain_found": 1.1, "is_at_bound": True}),
            tables.belt_words(CALIBRATED | {"gain_found": 1.03}),
        ],
        "fails": [
            tables.calibration_words(plain),
            tables.belt_words(CALIBRATED),
            tables.belt_words(CALIBRATED | {"gain_found": None}),
        ],
        "unknown": [tables.calibration_words(plain | {"gain_found": None, "reason": "low_quality"})],
        "empty": [tables.calibration_words(plain | {"gain_found": None, "reason": "no_belt"}, "walk")],
    }


@teller()
def told_beside() -> Said:
    return {
        "holds": [told_words(ToldBeside([(kind, 2)])) for kind in TOLD_WORDS],
        "empty": [told_words(ToldBeside())],
    }


@teller()
def methods_of_a_paper() -> Said:
    two, one = (read_session(RECORDINGS / name) for name in ("demo_treadmill", "one_foot"))
    bare = replace(one, sensors={name: replace(item, gyr_radps=None) for name, item in one.sensors.items()})
    return {
        "holds": [methods.methods_paragraph(two, 1.06)],
        "fails": [methods.methods_paragraph(two), methods.methods_paragraph(one, 1.0)],
        "unknown": [methods.methods_paragraph(bare)],
        "empty": [methods.methods_paragraph(replace(two, sensors={}))],
    }


def _compared(rows: Iterable[Change], **more: Any) -> Any:
    calibrations = (CALIBRATED, CALIBRATED | {"gain_found": 1.03})
    a, b = (
        SimpleNamespace(name=name, tables=SimpleNamespace(summary={"quality": {"calibration": found}}))
        for name, found in zip(("one", "two"), calibrations, strict=True)
    )
    given = {
        "a": a,
        "b": b,
        "speed_mps": 2.8,
        "errors": {},
        "speed_range_mps": (2.7, 2.9),
        "seconds": (60.0, 61.0),
        "rows": tuple(rows),
        "unmatched": (),
        "n_tests": 0,
        "over_time": (),
        "error_from": "between days",
    }
    return SimpleNamespace(**given | more)


@teller(r"known in both|changed by|^You|Nothing changed for certain\.$|[1-9]\d* of \d+ changed since")
def comparisons() -> Said:
    from tallrun.insight.between_days import DayError
    from tallrun.insight.over_time import OverTime

    def told(rows: Iterable[Change], **more: Any) -> list[str]:
        found = _compared(rows, **more)
        plain = [compare_page.plain_sentence(row) for row in found.rows if row.word == "real change"]
        rest = [compare_page.shown_row(row).why for row in found.rows]
        lines = [
            line for line in compare_page.text_lines(found) if not line.startswith(" ") and "  " not in line
        ]
        return [
            compare_page.summary_words(found),
            f"{compare_page.window_words(found)}.",
            *lines,
            *plain,
            *rest,
            *compare_page.error_sentences(found),
            compare_page.unmatched_words(found),
        ]

    of_walk = summary(cadence_spm={}, run_time_s=0.0, walk_time_s=60.0) | {
        "quality": {"calibration": CALIBRATED}
    }
    walk = SimpleNamespace(name="one", tables=SimpleNamespace(summary=of_walk))
    keys = [key for key in compare_page._PLAIN if key in METRIC_BY_KEY or key == ASYMMETRY.key]
    real = [_change(key, difference=sign) for key in keys for sign in (1.0, -1.0)]
    same = [replace(row, word="no real change", difference=0.01) for row in real]
    dim = [replace(row, word="cannot tell", reason="no_own_error") for row in real]
    thin = [replace(row, word="cannot tell", interval=None, n_pairs=n) for row in real for n in (1, 2)]
    blank = [
        replace(
            row,
            word="cannot tell",
            before=None,
            after=None,
            difference=None,
            detectable=None,
            interval=None,
            reason="low_quality",
        )
        for row in real
    ]
    at = (NOW - timedelta(days=20), NOW - timedelta(days=10), NOW)
    line = OverTime(
        "cadence_spm", at, (160.0, 162.0, 168.0), 160.0, 168.0, (4.0, 9.0), "real change", None, *at
    )
    errors = {kind: DayError("cadence_spm", 1.0, 9.0, kind) for kind in compare_page.ERROR_KINDS}  # type: ignore[arg-type]
    return {
        "holds": [
            *told(real, n_tests=4, errors=errors),
            *told(real[:1], n_tests=1),
            *told([*real[:1], *same], over_time=(line,)),
        ],
        "fails": [
            *told(same),
            *told(same[:1]),
            *told([*same, *thin[:1]], over_time=(replace(line, word="no real change"),)),
        ],
        "unknown": [
            *told(dim),
            *told(dim[:1]),
            *told([*dim[:1], *same]),
            *told(thin),
            *told(blank),
            *told(dim, n_tests=3),
            *told([], unmatched=tuple(blank), speed_mps=None, speed_range_mps=None),
            *told([], speed_mps=None, speed_range_mps=None),
            *told([], speed_mps=None, speed_range_mps=None, a=walk),
            *told([], speed_mps=None, speed_range_mps=None, a=walk, b=walk),
        ],
        "empty": told([]),
        "contradictory": told([*real[:1], *dim[:1], *blank[:1]], speed_mps=None, speed_range_mps=None),
    }


@teller()
def watch_reports() -> Said:
    def told(found: dict[str, Any]) -> list[str]:
        return [" ".join(part for part in row if part) + "." for row in watch.watch_rows(found)]

    return {
        "holds": [
            *told(WATCH),
            *told(WATCH | {"measures": {key: DISTRIBUTION for key, *_ in watch._STRIDE_NUMBERS}}),
        ],
        "fails": told(WATCH | {"run_s": 0.0, "distance_m": 0.0, "speed_mps": 0.0}),
        "unknown": told(NO_WATCH | {"duration_s": 600.0, "recorded_s": 600.0}),
        "empty": told(NO_WATCH),
        "contradictory": told(WATCH | {"recorded_s": 800.0, "run_s": 900.0}),
    }


# lines of commands


@teller(
    r"No flag was up|^Flag .*(cadence|index|tilt|left) -?\d|"
    r"^(Clean strides|Foot-strike angle|Heart rate|Distance|Speed) \d"
)
def analyze_lines() -> Said:
    def tidy(lines: Iterable[str]) -> list[str]:
        return [" ".join(line.split()) for line in lines]

    flags = [FLAG | {"flag": name} for name in findings._FLAG_METRIC]
    none = [
        FLAG | {"flag": name, "evidence": FLAG["evidence"] | {"value": None}}
        for name in findings._FLAG_METRIC
    ]  # type: ignore[operator]
    watched = ("distance_m", "speed_mps", "heart_rate_bpm", "max_heart_rate_bpm")
    return {
        "holds": tidy([*summary_lines(summary(flags=flags)), *watch_lines(WATCH)]),
        "fails": tidy(
            [*summary_lines(summary()), *summary_lines(summary(quality={"valid_strides_pct": None}))]
        ),
        "unknown": tidy(
            [
                *summary_lines(_unknown_summary()),
                *summary_lines(_unknown_summary(flags=none)),
                *watch_lines(NO_WATCH),
                *watch_lines(WATCH | dict.fromkeys(watched)),
            ]
        ),
        "empty": tidy(summary_lines(_unknown_summary(**NOTHING))),
        "contradictory": tidy(summary_lines(summary(**NOTHING, flags=[FLAG]))),
    }


@teller(r"the same cues|NOT the cues|corrected")
def replays() -> Said:
    def told(cues: int, stops: int, **more: Any) -> list[str]:
        cue = {
            "at_s": 61.0,
            "focus": "cadence",
            "direction": "up",
            "value": 150.0,
            "low": 160.0,
            "high": 166.0,
        }
        stop = {"at_s": 61.0, "action": "STOP", "rule": None, "sentence": PROTOCOL.texts.live["STOP"]}
        done = {
            "known": SimpleNamespace(is_recorded=True),
            "what_if": SimpleNamespace(is_empty=True),
            "same_cues": None,
        }
        lines = _replay_lines(SimpleNamespace(cues=[cue] * cues, stops=[stop] * stops, **done | more))
        return [" ".join(line.split()) for line in lines]

    def fixed(many: int, touched: int, **why: str) -> list[str]:
        return _correction_lines(SimpleNamespace(n_applied=many, n_changed=touched, not_applied=why))

    return {
        "holds": [*told(1, 1, same_cues=True), *told(2, 2, same_cues=True), *fixed(1, 1), *fixed(2, 3)],
        "fails": told(0, 0, same_cues=False),
        "unknown": told(
            0, 0, known=SimpleNamespace(is_recorded=False), what_if=SimpleNamespace(is_empty=False)
        ),
        "empty": fixed(0, 0),
        "contradictory": fixed(1, 0, one="there is no contact within 0.1 s"),
    }


@teller(r"removed|checked|rows|outside|ok,? [1-9]")
def receipts() -> Said:
    def told(**more: Any) -> list[str]:
        blank = {
            "erased_at": NOW.isoformat(),
            "scope": "runner me",
            "rows": {},
            "removed": [],
            "left": [],
            "verified": [],
        }
        return [" ".join(line.split()) for line in _receipt_lines(blank | more)]

    def cohort(**counts: int) -> list[str]:
        known = (
            dict.fromkeys(("sessions", "ok", "refused", "failed", "analysed_now", "beyond_limit"), 0) | counts
        )
        rows = {"strides.parquet": {"rows": counts.get("rows", 0)}}
        options = {"is_deidentified": bool(counts)}
        return report_lines({"counts": known, "took_s": 1.0, "options": options, "tables": rows}, Path("out"))  # type: ignore[arg-type]

    item = {"what": "session folder", "path": "x", "bytes": 1000}
    return {
        "holds": [
            *told(rows={"pain scores": 3}, removed=[item], verified=["a search found no trace"]),
            *cohort(sessions=9, ok=9, analysed_now=9, rows=900),
        ],
        "fails": [*told(left=[item | {"why": "it lies outside the data folder"}])],
        "unknown": [
            *told(left=[{"what": "file", "path": "x"}]),
            *cohort(sessions=1, failed=1, beyond_limit=1, rows=1),
        ],
        "empty": [*told(), *cohort()],
        "contradictory": told(removed=[item], left=[item]),
    }


@teller()
def sensors_at_a_place() -> Said:
    def told(place: str, imu: Any, verified: str = "hardware") -> list[str]:
        config: FirmwareConfig = SimpleNamespace(imu=imu, verified=verified, limits=[])  # type: ignore[assignment]
        return placement_warnings(config, place)

    def imu(
        acc: float | None, gyr: float | None, rate: float = 200.0, stamp: str = "counter", gyro: bool = True
    ) -> Any:
        return SimpleNamespace(
            acc_range_g=acc,
            gyr_range_dps=gyr,
            rate_hz=rate,
            has_gyroscope=gyro,
            time=SimpleNamespace(stamp=stamp),
        )

    return {
        "holds": [
            *told("foot_left", imu(2.0, 250.0, 1.0)),
            *told("pelvis", imu(2.0, 250.0, 10.0)),
            *told("foot_left", imu(16.0, None, gyro=False)),
        ],
        "fails": told("foot_left", imu(16.0, 2000.0)),
        "unknown": told("foot_left", imu(None, None, stamp="none"), "documents"),
        "empty": told("treadmill", None),
    }
