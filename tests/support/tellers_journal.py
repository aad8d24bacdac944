"""What is said about entries, sessions, alerts and limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.lives import ZONE
from support.report_sources import PROTOCOL
from support.tellers_recovery import score_of
from support.telling import NOW, Said, teller
from tallrun.journal import clinician, entries, experiment, handout, offers, patients
from tallrun.journal.begun import Begun
from tallrun.pipeline.tapped import Tapped
from tallrun.recovery.model import History, PainScore, Runner, RunSession
from tallrun.store.store import IndexedSession


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


@teller()
def morning_of_the_other_test() -> Said:
    def told(*tests: str | None) -> list[str]:
        history, scores = History(Runner(ZONE.key)), [score_of(2, load_test=test) for test in tests]
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
    after = score_of(2, kind="after", session_id="r")

    def told(*more: PainScore) -> list[str]:
        return entries.twins_told(after, more)

    return {
        "holds": told(after),
        "fails": told(
            score_of(2, NOW - timedelta(minutes=1), "after", session_id="r"), replace(after, kind="rest")
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
            Runner(ZONE.key), tuple(score_of(value, NOW - timedelta(days=ago)) for value, ago in scores)
        )

    flags = [patients._flags("REFER", rules, PROTOCOL) for rules in (("SC1",), ("SC3",), ())]
    red = [patients.red_run(NOW.date(), is_walk=is_walk).text for is_walk in (True, False)]
    gait = [item.text for item in patients.gait_flags(NOW.date(), ("low_cadence", "asymmetry"))]
    return {
        "holds": [
            *told(scored((7, 1)), [1] * 8),
            *(item.text for flag in flags for item in flag),
            *red,
            *gait,
        ],
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
