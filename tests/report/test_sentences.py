"""Each sentence of a report is carried by its record: each condition with its three answers, records of all kinds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from support.html_reader import Page
from support.report_sources import PROTOCOL, demo_source, one_foot_source, steady_side
from tallrun.cli.analyze import summary_lines
from tallrun.cohort.row import result_values
from tallrun.insight import Change
from tallrun.pipeline.setup_record import KEY
from tallrun.recovery.wording import lint
from tallrun.report import ReportInput, build_report
from tallrun.report.compare import Comparison, compare
from tallrun.report.compare_page import build_compare_page, build_handout, summary_words
from tallrun.report.figures import thin_series
from tallrun.report.findings import find
from tallrun.report.pages import when_words
from tallrun.report.sentences import SENTENCES, stood_out, usual_words
from tallrun.report.session_report import analysed

FLAG = {"flag": "low_cadence", "start_s": 10.0, "end_s": 70.0,
        "evidence": {"window_s": 60.0, "n_strides": 80, "value": 150.0, "reference": 165.0,
                     "reference_kind": "population", "terms": [], "uncertainty": None}}  # fmt: skip


def empty() -> ReportInput:
    """A record without one sample."""
    recording = replace(demo_source().recording, sensors={}, treadmill=None, heart_rate=None, markers=())
    return analysed(recording, "empty", PROTOCOL)


def withheld() -> ReportInput:
    """A run of which nothing is clean enough to judge."""
    source = demo_source()
    strides = source.tables.strides.assign(quality=0.1, reasons="low_quality")
    none = {"value": None, "reason": "low_quality"}
    summary = {
        name: none if isinstance(value, dict) and "median" in value else value
        for name, value in source.tables.summary.items()
    } | {"flags": [], "asymmetry_contact_pct": none}
    return replace(
        source, tables=replace(source.tables, strides=strides, flags=[], summary=summary), waves={}
    )


def contradictory() -> ReportInput:
    """A flag in a session without running."""
    source = empty()
    return replace(
        source,
        tables=replace(source.tables, flags=[FLAG], summary=source.tables.summary | {"flags": [FLAG]}),
    )


def sound() -> ReportInput:
    """The demo with no flag up."""
    source = demo_source()
    return replace(
        source, tables=replace(source.tables, flags=[], summary=source.tables.summary | {"flags": []})
    )


def told(source: ReportInput) -> str:
    """The words of page one."""
    return " ".join(words for _, words in Page(build_report(source)).blocks)


@pytest.mark.parametrize("name", sorted(SENTENCES))
@pytest.mark.parametrize("held", [True, False, None])
def test_every_sentence_has_words_for_every_answer_and_every_record(name, held):
    for source in (sound(), demo_source(), one_foot_source(), empty(), withheld(), contradictory()):
        words = replace(SENTENCES[name], holds=lambda _: held).about(source)
        assert not re.search(r"\b(None|nan)\b|[{}_]", words), words
        for sentence in re.findall(r"[^.]+\.", words):
            assert lint(sentence.strip()) == (), sentence
        SENTENCES[name].about(source)


@pytest.mark.parametrize("make", [empty, withheld, contradictory])
def test_nothing_is_called_unremarkable_that_was_not_looked_at(make):
    words = told(make())
    for claim in (
        "Nothing stood out",
        "No flag was up",
        "Nothing changed",
        "That is a result",
        "as usual",
        "steps a minute. People",
    ):
        assert claim not in words, claim
    assert re.search(r"Nothing can be said about this (run|session)\.", words)


def test_what_was_not_judged_is_named():
    one_foot = one_foot_source()
    judged = replace(
        one_foot,
        tables=replace(one_foot.tables, flags=[], summary=one_foot.tables.summary | {"flags": []}),
    )
    head, more = stood_out(judged, 0, drift_known=False)
    assert head == "Nothing stood out in what could be judged."
    assert "Not known in this run: tilt of your pelvis, left against right." in more[0]
    assert "not known" in more[1]
    assert stood_out(judged, 2, drift_known=True) == ("", [])
    assert stood_out(sound(), 0, drift_known=True)[1][0].startswith(
        "No flag was up. Looked at: steps a minute,"
    )


def test_the_terminal_says_what_the_report_says():
    for source in (sound(), one_foot_source(), withheld(), empty(), contradictory()):
        words = " ".join(summary_lines(source.tables.summary))
        claims = "No flag was up" in words
        assert claims == (SENTENCES["flag_up"].holds(source) is False)
        assert "Flag low cadence" not in words or source.tables.summary["run_time_s"] > 0


def test_a_flag_that_was_not_looked_for_is_no_zero_in_a_cohort():
    row = result_values(withheld().tables.summary, withheld().recording)
    assert not any(name.startswith("flag_") for name in row)
    known = result_values(sound().tables.summary, sound().recording)
    assert (known["flag_asymmetry_n"], known["flag_asymmetry_s"]) == (0, 0.0)
    one = result_values(one_foot_source().tables.summary, one_foot_source().recording)
    assert "flag_anterior_pelvic_tilt_n" not in one


@pytest.mark.parametrize("name", ["low_cadence", "overstriding", "anterior_pelvic_tilt", "asymmetry"])
@pytest.mark.parametrize("value", [None, float("nan"), 12.0])
def test_a_flag_of_unknown_size_is_still_told(name, value):
    source = sound()
    flag = FLAG | {"flag": name, "evidence": FLAG["evidence"] | {"value": value, "reference": 9.0}}
    summary = source.tables.summary | {"flags": [flag]}
    (first, *_) = find([flag], 600.0)
    assert lint(first.sentence) == (), first.sentence
    assert ("not known" in first.sentence) == (value != 12.0)
    assert any(f"Flag {name.replace('_', ' ')}" in line for line in summary_lines(summary))
    # the order in which a missing value stands between others decides nothing
    others = [flag | {"evidence": flag["evidence"] | {"value": number}} for number in (3.0, 7.0)]
    orders = [[flag, *others], [others[0], flag, others[1]], [*others, flag]]
    assert len({find(order, 600.0)[0].sentence for order in orders}) == 1


def test_no_cue_is_only_said_of_a_run_that_was_coached():
    plain = replace(sound(), cues=())
    assert "no cue is known of" in SENTENCES["cues_came"].about(plain)
    coached = replace(plain, recording=replace(plain.recording, info=plain.recording.info | {KEY: {}}))
    assert SENTENCES["cues_came"].about(coached) == "No cue was given."


def test_an_empty_record_has_no_minutes():
    assert SENTENCES["time_running"].about(empty()) == "running time not known"


@pytest.mark.parametrize("unchanged", ["", "No real change against your usual: cadence."])
@pytest.mark.parametrize("has_history", [True, False])
@pytest.mark.parametrize("has_baseline", [True, False])
def test_the_own_baseline_always_has_words(unchanged, has_history, has_baseline):
    assert usual_words(unchanged, has_history, has_baseline)


def comparison(*words: str, metric: str = "cadence_spm", speed_mps: float | None = 2.8) -> Comparison:
    side = steady_side(2.8, 1)
    rows = tuple(
        Change(metric, 160.0, 165.0, 5.0, 2.0, word, "no_own_error" if word == "cannot tell" else None)
        for word in words
    )
    return replace(compare(side, side), rows=rows, speed_mps=speed_mps)


def test_a_comparison_of_nothing_is_no_result():
    for found in (comparison(), comparison(speed_mps=None)):
        assert "No real change" not in summary_words(found)
        assert "No real change" not in build_handout(found)
        assert "That is a result" not in build_compare_page(found)
    assert "We cannot tell." in build_handout(comparison())
    assert "No real change." in build_handout(comparison("no real change"))
    # a change that has no plain words is still a change
    wordless = build_handout(comparison("real change", metric="duty_factor"))
    assert "No real change" not in wordless
    assert "Something changed" in wordless


@pytest.mark.parametrize(
    ("at", "zone", "wanted"),
    [
        ("2026-07-01T22:30:00+00:00", "Europe/Berlin", "Thursday 02 July 2026, 00:30 (Europe/Berlin)"),
        ("2026-01-01T08:00:00-05:00", "Asia/Kolkata", "Thursday 01 January 2026, 18:30 (Asia/Kolkata)"),
        ("2026-07-01T22:30:00+00:00", "Etc/UTC", "Wednesday 01 July 2026, 22:30 (UTC)"),
        ("2026-07-01T22:30:00+00:00", "Etc/GMT-3", "Thursday 02 July 2026, 01:30 (Etc/GMT-3)"),
        ("2026-07-01T22:30:00+00:00", None, "Wednesday 01 July 2026, 22:30 (UTC)"),
        ("2026-07-01T22:30:00+02:00", "No/Where", "Wednesday 01 July 2026, 22:30 (UTC+0200)"),
        ("2026-07-01T22:30:00", "Europe/Berlin", "Wednesday 01 July 2026, 22:30 (zone not known)"),
        ("rubbish", "Europe/Berlin", "day not known"),
        (None, None, "day not known"),
    ],
)  # fmt: skip
def test_a_time_is_told_in_the_zone_it_names(at, zone, wanted):
    assert when_words(at, zone) == wanted


def test_report_and_comparison_tell_one_time():
    source = demo_source()
    info = source.recording.info | {"started_at": "2026-07-01T22:30:00+00:00", "time_zone": "Europe/Berlin"}
    advice = {"name": "Walk today", "rung": None, "as_of": "2026-07-01T22:30:00+00:00", "rules": [], "sources": [],
              "changes_if": "", "sentences": ["Walk today."], "looked_at": []}  # fmt: skip
    page = build_report(replace(source, recording=replace(source.recording, info=info), advice=advice))
    assert page.count("Thursday 02 July 2026, 00:30 (Europe/Berlin)") == 2
    side = replace(
        steady_side(2.8, 1), started_at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC), time_zone="Europe/Berlin"
    )
    for text in (build_compare_page(compare(side, side)), build_handout(compare(side, side))):
        assert text.count("Thursday 02 July 2026, 00:30 (Europe/Berlin)") == 2


@pytest.mark.parametrize("n", [2, 40, 5000])
def test_no_line_runs_across_what_is_not_known(n):
    """Values that stop for ten minutes, as missing rows or as NaN: something in the middle says so."""
    at = np.concatenate([np.linspace(0.0, 300.0, n), np.linspace(880.0, 1200.0, n)])
    for t_s, values in (
        (at, np.ones(len(at))),
        (np.append(at, np.linspace(301.0, 879.0, 50)), np.append(np.ones(len(at)), np.full(50, np.nan))),
    ):
        order = np.argsort(t_s)
        minutes, shown = thin_series(t_s[order], values[order])
        if n > 2:
            assert any(
                5.0 < at_min < 880 / 60 and value is None
                for at_min, value in zip(minutes, shown, strict=True)
            )
    assert thin_series(pd.Series([1.0]).to_numpy(), np.array([2.0])) == ([round(1 / 60, 4)], [2.0])
