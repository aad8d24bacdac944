from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from support.records import NOW, ZONE, run_at, score
from tallrun.cli.recovery_common import load_protocol
from tallrun.insight import (
    CAVEAT,
    METRICS,
    CrossRow,
    LagResult,
    cross,
    exposure_of_run,
    flag_minutes,
    pain_after,
    questions_due,
    row_of,
    unmasked_mornings,
)
from tallrun.insight.crossing import MORE_WORDS, Estimate
from tallrun.insight.due import QUESTIONS
from tallrun.reasons import REASONS
from tallrun.recovery import History, Runner, Screen
from tallrun.recovery.wording import lint

PROTOCOL = load_protocol()
RUNNER = Runner(ZONE.key, "right")


def rows(n: int, rng: np.random.Generator, effect: float = 0.0, **extra: object) -> list[CrossRow]:
    found = []
    for i in range(n):
        fast, minutes = float(rng.uniform(0, 10)), float(rng.uniform(20, 40))
        pain = int(np.clip(round(2 + effect * (fast - 5) + rng.normal(0, 0.7)), 0, 10))
        columns: dict[str, float | None] = {"fast_minutes": fast, "run_minutes": minutes, "flat": 1.0}
        found.append(
            CrossRow(f"s{i}", NOW + timedelta(days=2 * i), columns | extra,  # type: ignore[operator]
                     {"same_day": 2, "next_morning": pain, "h48": None})
        )  # fmt: skip
    return found


def test_below_twelve_sessions_only_pairs_are_shown(rng: np.random.Generator) -> None:
    same_day, morning, h48 = cross(rows(11, rng, effect=0.5))
    assert morning.estimates == ()
    assert len(morning.pairs["fast_minutes"]) == 11
    assert "1 more session with a score" in morning.sentence
    assert (h48.n_sessions, h48.pairs) == (0, {})
    assert same_day.n_sessions == 11


def test_a_planted_pattern_is_found_and_worded_without_cause(rng: np.random.Generator) -> None:
    _, morning, _ = cross(rows(30, rng, effect=0.5))
    best = morning.estimates[0]
    assert best.column == "fast_minutes"
    assert best.points_per_sd > 0.5
    assert best.p < 0.01
    assert morning.left_out == {"flat": "no_variation"}
    assert "higher pain with more fast minutes" in morning.sentence
    assert morning.sentence.endswith(CAVEAT)


def test_without_a_pattern_it_says_so_about_as_often_as_promised(rng: np.random.Generator) -> None:
    trials = 200
    false = sum(
        any(item.p < 0.05 for item in cross(rows(15, rng), seed=i, permutations=400)[1].estimates)
        for i in range(trials)
    )
    print(f"false patterns {false} of {trials}")
    assert false / trials <= 0.09  # 5 % promised; 9 % is 2.6 standard errors away


def test_missing_is_never_zero(rng: np.random.Generator) -> None:
    data = rows(20, rng)
    holes = [
        CrossRow(row.session_id, row.started_at, row.columns | {"tilt": None if i % 2 else 3.0 + i}, row.pain)
        for i, row in enumerate(data)
    ]
    _, morning, _ = cross(holes)
    assert morning.left_out["tilt"] == "too_few_values"
    assert len(morning.pairs["tilt"]) == 10
    assert set(morning.left_out.values()) <= set(REASONS)


def test_constant_pain_gives_no_estimate(rng: np.random.Generator) -> None:
    same_day, _, _ = cross(rows(20, rng))
    assert same_day.estimates == ()
    assert CAVEAT in same_day.sentence


def test_the_same_seed_gives_the_same_answer(rng: np.random.Generator) -> None:
    data = rows(20, rng, effect=0.2)
    assert cross(data, seed=3) == cross(data, seed=3)


def test_scale_of_a_column_does_not_matter(rng: np.random.Generator) -> None:
    data = rows(20, rng, effect=0.4)
    scaled = [
        CrossRow(
            r.session_id,
            r.started_at,
            r.columns | {"fast_minutes": 60 * (r.columns["fast_minutes"] or 0)},
            r.pain,
        )
        for r in data
    ]
    a, b = cross(data)[1].estimates[0], cross(scaled)[1].estimates[0]
    assert a.points_per_sd == pytest.approx(b.points_per_sd)
    assert a.p == b.p


def test_a_row_joins_exposure_gait_and_pain() -> None:
    row = row_of(exposure_of_run(run_at(session_rpe=4.0)), {"cadence_spm": 166.0}, {"next_morning": 2})
    assert row.columns["load"] == 120.0
    assert row.columns["cadence_spm"] == 166.0
    assert row.columns["fast_minutes"] is None
    assert row.pain == {"same_day": None, "next_morning": 2, "h48": None}


def test_what_is_only_the_calendar_is_no_pattern(rng: np.random.Generator) -> None:
    """In any recovery pain falls and load rises; a pattern must not be found in that more often than promised."""
    shapes = {
        "straight": lambda at: (5.0 - 4.0 * at, 10.0 + 20.0 * at),
        "fading": lambda at: (5.0 * np.exp(-3.0 * at), 10.0 + 15.0 * np.sqrt(at)),
        "turning": lambda at: (2.0 + 2.0 * np.cos(3.0 * at), 10.0 + 20.0 * at**2),
    }
    for name, shape in shapes.items():
        false, trials = 0, 100
        for k in range(trials):
            n = 24
            at = np.linspace(0.0, 1.0, n)
            pain, minutes = shape(at)
            data = [
                CrossRow(f"s{i}", NOW + timedelta(days=2 * i),
                         {"run_minutes": minutes[i] + rng.normal(0, 2.0),
                          "load": 4.0 * minutes[i] + rng.normal(0, 9.0)},
                         {"next_morning": int(np.clip(round(pain[i] + rng.normal(0, 0.8)), 0, 10))})
                for i in range(n)
            ]  # fmt: skip
            false += any(item.p < 0.05 for item in cross(data, seed=k, permutations=400)[1].estimates)
        assert false / trials <= 0.12, (name, false)  # 5 % promised; three standard errors and rounding


def test_a_pure_trend_is_left_out(rng: np.random.Generator) -> None:
    data = [
        CrossRow(row.session_id, row.started_at, row.columns | {"load": 100.0 + 7.0 * i}, row.pain)
        for i, row in enumerate(rows(24, rng, effect=0.5))
    ]
    assert cross(data)[1].left_out["load"] == "no_variation"


def test_an_absent_flag_is_not_flagged_only_where_it_was_looked_for() -> None:
    known = {"median": 165.0, "p05": 160.0, "p95": 170.0, "n": 90}
    none = {"value": None, "reason": "no_pelvis"}
    summary = {"cadence_spm": known, "foot_strike_angle_deg": none, "pelvic_tilt_deg": none,
               "asymmetry_contact_pct": 1.0,
               "flags": [{"flag": "low_cadence", "start_s": 0.0, "end_s": 90.0}]}  # fmt: skip
    assert flag_minutes(summary) == {
        "low_cadence": 1.5, "overstriding": None, "anterior_pelvic_tilt": None, "asymmetry": 0.0,
    }  # fmt: skip
    assert set(flag_minutes({}).values()) == {None}
    row = row_of(exposure_of_run(run_at()), {}, {}, flag_minutes(summary))
    assert (row.columns["flagged_asymmetry"], row.columns["flagged_overstriding"]) == (0.0, None)
    assert row_of(exposure_of_run(run_at()), {}, {}).columns["flagged_asymmetry"] is None


def test_every_pattern_is_told_in_plain_words() -> None:
    columns = [*row_of(exposure_of_run(run_at()), dict.fromkeys(METRICS), {}).columns]
    for column in columns:
        for points in (0.8, -0.8):
            told = LagResult("next_morning", 20, {}, (Estimate(column, points, 0.01),), {}).sentence
            assert "_" not in told
            assert lint(told.removesuffix(f" {CAVEAT}")) == ()
        assert column in MORE_WORDS


# what is due


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


SCREEN = Screen(at("2026-02-20T09:00"), {})


def names(history: History, now: datetime) -> dict[str, bool]:
    return {item.question: item.is_open(now) for item in questions_due(PROTOCOL, history, now)}


def test_a_new_runner_is_asked_for_the_morning_and_the_screen() -> None:
    assert names(History(RUNNER), at("2026-03-02T08:00")) == {"morning": True, "screen": True}
    assert names(History(RUNNER), at("2026-03-02T13:00")) == {"morning": False, "screen": True}


def test_the_morning_closes_at_noon_and_the_next_one_comes() -> None:
    history = History(RUNNER, screens=(SCREEN,), scores=(score(1, at("2026-03-02T07:00")),))
    (due,) = questions_due(PROTOCOL, history, at("2026-03-02T08:00"))
    assert (due.question, due.opens_at, due.closes_at) == (
        "morning",
        at("2026-03-03T03:00"),
        at("2026-03-03T12:00"),
    )


def test_the_first_morning_of_a_day_stands_though_it_is_masked() -> None:
    """Another answer of that morning would change nothing, so it is not asked for."""
    history = History(
        RUNNER, screens=(SCREEN,), scores=(score(1, at("2026-03-02T07:00"), painkiller="oral"),)
    )
    assert names(history, at("2026-03-02T08:00"))["morning"] is False


def test_questions_follow_a_run_through_two_days() -> None:
    run = run_at(at("2026-03-02T18:00"), minutes=30)
    history = History(RUNNER, screens=(SCREEN,), sessions=(run,))
    expected = {
        "2026-03-02T18:40": {"during", "after", "limping"},
        "2026-03-02T23:00": {"after", "limping"},
        "2026-03-03T08:00": {"morning", "limping"},
        "2026-03-03T15:00": {"h24", "limping"},
        "2026-03-03T23:00": {"limping"},
        "2026-03-04T11:00": {"morning", "h48", "limping"},
        "2026-03-05T03:00": {"morning"},
    }
    for text, wanted in expected.items():
        now = at(text)
        found = {name for name, is_open in names(history, now).items() if is_open}
        assert found == wanted, text


def test_answers_and_the_next_run_close_questions() -> None:
    run = run_at(at("2026-03-02T18:00"), minutes=30, limping=False)
    answered = (score(2, at("2026-03-02T18:31"), "after"), score(2, at("2026-03-03T18:00"), "h24"))
    history = History(RUNNER, screens=(SCREEN,), sessions=(run,), scores=answered)
    assert set(names(history, at("2026-03-03T19:00"))) == {"morning", "h48"}
    second = run_at(at("2026-03-04T07:00"), minutes=30, limping=False)
    both = History(RUNNER, screens=(SCREEN,), sessions=(run, second), scores=answered)
    asked = [item for item in questions_due(PROTOCOL, both, at("2026-03-04T11:00")) if item.question == "h48"]
    assert [item.session_id for item in asked] == [second.session_id]


def test_the_screen_comes_back_after_four_weeks() -> None:
    history = History(RUNNER, screens=(SCREEN,))
    assert "screen" not in names(history, at("2026-03-05T09:00"))
    assert names(history, at("2026-03-15T09:00"))["screen"] is True
    assert names(history, at("2026-03-25T09:00"))["screen"] is True


def test_windows_are_hours_across_the_change_to_summer_time() -> None:
    run = run_at(at("2026-03-28T12:00"), minutes=60)
    due = {
        item.question: item
        for item in questions_due(PROTOCOL, History(RUNNER, sessions=(run,)), at("2026-03-28T14:00"))
    }
    assert due["h24"].best_at == at("2026-03-29T14:00")  # 24 h later the clock shows one more
    assert due["h24"].best_at.timestamp() - run.ended_at.timestamp() == 86400


def test_of_a_walk_nobody_is_asked_about_a_run() -> None:
    # a walk that was typed has no level and no minutes of running
    for told, word in (
        ({"rung": "V0"}, "walk"), ({"rung": "V1"}, "run"), ({"run_minutes": 0.0}, "walk"), ({}, "run"),
    ):  # fmt: skip
        run = run_at(at("2026-03-02T18:00"), minutes=30, **told)
        due = questions_due(
            PROTOCOL, History(RUNNER, screens=(SCREEN,), sessions=(run,)), at("2026-03-02T19:00")
        )
        texts = [item.text for item in due if item.session_id == run.session_id]
        assert len(texts) == 5
        assert all(f"the {word}" in text and not lint(text) for text in texts), texts


def test_question_texts_pass_the_lint() -> None:
    for text in (item.format(run=run) for item in QUESTIONS.values() for run in ("run", "walk")):
        assert lint(text) == (), text


# pain after sessions


def test_pain_after_gives_grades_and_lags() -> None:
    run = run_at(at("2026-03-02T18:00"), minutes=30, limping=False)
    scores = (
        score(3, at("2026-03-02T18:30"), "during"),
        score(2, at("2026-03-02T20:00"), "after"),
        score(1, at("2026-03-03T07:00")),
        score(1, at("2026-03-04T18:30"), "h48"),
    )
    (found,) = pain_after(PROTOCOL, History(RUNNER, sessions=(run,), scores=scores), at("2026-03-06T09:00"))
    assert found.lags == {"same_day": 3, "next_morning": 1, "h48": 1}
    assert found.grade == "UNKNOWN"  # no baseline yet, so not green
    (bare,) = pain_after(PROTOCOL, History(RUNNER, sessions=(run,)), at("2026-03-06T09:00"))
    assert bare.lags == {"same_day": None, "next_morning": None, "h48": None}


def test_mornings_are_the_first_unmasked_test_of_each_day() -> None:
    scores = (
        score(1, at("2026-03-01T07:00")),
        score(4, at("2026-03-01T09:00")),
        score(2, at("2026-03-02T07:00"), painkiller="oral"),
        score(3, at("2026-03-04T07:00")),
    )
    found = unmasked_mornings(PROTOCOL, History(RUNNER, scores=scores), at("2026-03-04T09:00"))
    assert [(day.isoformat(), value) for day, value in found] == [("2026-03-01", 1), ("2026-03-04", 3)]
