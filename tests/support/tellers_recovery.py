"""What the rules say of a record: verdict, reason, way out, notices, questions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from support.lives import KINDS as LIVES
from support.lives import ZONE, in_memory
from support.recovery_histories import random_history
from support.report_sources import PROTOCOL
from support.telling import NOW, Said, teller
from tallrun.insight.due import QUESTIONS, everything_due
from tallrun.journal import advice
from tallrun.recovery import verdict, wording
from tallrun.recovery.model import ExerciseSession, History, PainScore, Runner, RunSession, Screen
from tallrun.recovery.reasons import _last_session
from tallrun.recovery.timeline import Timeline
from tallrun.recovery.verdicts import Assessor, Verdict


def score_of(value: int, at: datetime = NOW, kind: str = "morning", **more: Any) -> PainScore:
    return PainScore("p", at, kind, value, **more)  # type: ignore[arg-type]


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
def histories() -> list[tuple[History, datetime, Any]]:
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
                history, scores=(*history.scores, score_of(1, now, "rest", side="left", quality="burning"))
            ),
            replace(
                history, scores=(*history.scores, score_of(1, now, "rest", side="left", painkiller="oral"))
            ),
            replace(history, exercises=(*history.exercises, trained)),
            replace(history, runner=replace(history.runner, born_on=None)),
        ):
            texts.update(advised(changed, now, None))
        for ago in range(0, 30, 2):
            now = life.at(days + ago, 10.0)
            fresh = score_of(1, now, "rest", side="left")
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
        replace(history, scores=(*history.scores, score_of(4, now - timedelta(minutes=1), "rest")))
        for history, now, _ in histories()
    ]
    day = timedelta(days=1)
    limped = History(
        Runner(ZONE.key),
        (score_of(8, NOW - day, "during"),),
        (RunSession("r", NOW - day - timedelta(minutes=5), NOW - day + timedelta(minutes=5), limping=True),),
        screens=(
            Screen(NOW - 9 * day, dict.fromkeys((item.id for item in PROTOCOL.screening.questions), False)),
        ),
    )
    untested = History(Runner(ZONE.key), tuple(score_of(1, NOW - k * day, "rest") for k in range(10)))
    none = Assessor(Timeline(PROTOCOL, History(Runner(ZONE.key)), NOW), [])
    return {
        "holds": [
            *_lived(),
            *(text.format(run="run") for text in QUESTIONS.values()),
            *advised(limped, NOW, None),
            *advised(untested, NOW, None),
            *(text for row in histories() for text in advised(*row)),
            *(
                text
                for history, (_, now, plan) in zip(sore, histories(), strict=True)
                for text in advised(history, now, plan)
            ),
        ],
        "unknown": [_last_session(none, NOW.timestamp())],
        "empty": [text for history, now, plan in histories() for text in advised(empty(history), now, plan)],
        "contradictory": [
            text
            for change in (withheld, contradictory)
            for history, now, plan in histories()
            for text in advised(change(history), now, plan)
        ],
    }


@teller("yesterday")
def why_milder_than_yesterday() -> Said:
    def pair(now: int | None, then: int | None, rule: str = "MV1") -> str:
        base = verdict(PROTOCOL, *histories()[0][:1], None, histories()[0][1])
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
