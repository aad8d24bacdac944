"""The report says what the tables say, withholds with a reason, keeps left left, and survives hostile text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

import tallrun as tr
from support.html_reader import Page
from support.report_sources import (
    HOSTILE,
    PROTOCOL,
    demo_source,
    limping,
    one_foot_source,
    with_hostile_text,
)
from tallrun.cohort.row import stride_values
from tallrun.gait.summary import DISTRIBUTIONS
from tallrun.insight import Block, SessionBlocks, steady_blocks
from tallrun.recovery import wording
from tallrun.report import build_report
from tallrun.report.cycles import clean_strides
from tallrun.report.overlays import Overlay
from tallrun.report.session_report import analysed
from tallrun.report.stiffness import with_stiffness
from tallrun.report.tables import METRIC_BY_KEY, METRICS, metric_rows
from tallrun.words import share_words


@pytest.fixture(scope="module")
def demo_html() -> str:
    return build_report(demo_source())


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_every_number_of_the_metric_table_is_that_of_the_strides(demo_html):
    rows = clean_strides(with_stiffness(demo_source().tables.strides, demo_source().recording.runner))
    shown = Page(demo_html).tables["metrics"][1:]
    assert len(shown) == len(METRICS)
    for metric, cells in zip(METRICS, shown, strict=True):
        assert cells[0] == f"{metric.label} ({metric.scale})" if metric.scale else metric.label
        values = metric.factor * rows[metric.key].to_numpy(dtype=float)
        half = 0.5 * 10.0**-metric.digits + 1e-9
        low, middle, high = np.nanpercentile(values, [5, 50, 95])
        assert abs(number(cells[1]) - middle) <= half, metric.key
        first, last = (number(item) for item in cells[3].split(" to "))
        assert abs(first - low) <= half
        assert abs(last - high) <= half
        for place, foot in ((4, "left"), (5, "right")):
            side = np.nanmedian(values[(rows["foot"] == foot).to_numpy(dtype=bool)])
            assert abs(number(cells[place]) - side) <= half, (metric.key, foot)
        assert cells[7].split()[0] == str(int(np.isfinite(values).sum()))


def test_what_was_withheld_as_implausible_is_named():
    source = demo_source()
    quality = source.tables.summary["quality"]
    told = {
        "reason_counts": {"implausible": 3},
        "implausible_counts": {"pelvic_tilt_deg": 2, "stance_time_s": 1},
    }
    summary = source.tables.summary | {"quality": quality | told}
    shown = build_report(replace(source, tables=replace(source.tables, summary=summary)))
    assert "<code>pelvic_tilt_deg</code> 2" in shown
    assert "<code>stance_time_s</code> 1" in shown


def test_page_one_numbers_are_those_of_the_summary(demo_html):
    summary = demo_source().tables.summary
    words = " ".join(text for _, text in Page(demo_html).blocks)
    assert f"{summary['n_steps']} steps" in words
    assert f"{share_words(summary['quality']['valid_strides_pct'])} % of strides with clean times" in words
    assert f"{summary['run_time_s'] / 60:.1f} min running" in words


def test_figures_hold_nothing_beyond_the_session_and_share_one_time_axis(demo_html):
    data = json.loads(re.search(r'id="figure-data">(.*?)</script>', demo_html, re.DOTALL)[1])
    lanes = {name: item for name, item in data.items() if item["layout"].get("meta", {}).get("lane")}
    assert {"speed", "cadence", "contact", "flight", "strike-time", "tilt", "bounce", "asymmetry"} <= set(
        lanes
    )
    ranges = {tuple(item["layout"]["xaxis"]["range"]) for item in lanes.values()}
    margins = {(item["layout"]["margin"]["l"], item["layout"]["margin"]["r"]) for item in lanes.values()}
    assert len(ranges) == 1
    assert len(margins) == 1
    for item in lanes.values():
        assert all(len(trace["x"]) <= 2 * 420 + 2 for trace in item["data"])
    assert "stiffness" not in data or demo_source().recording.runner.mass_kg is not None


def test_loads_nothing_and_is_small(demo_html):
    page = Page(demo_html)
    assert not [
        attrs for tag, attrs in page.tags if attrs.get("src") or (attrs.get("href") or "").startswith("http")
    ]
    assert len(demo_html.encode()) < 8e6


def test_notes_of_a_clinician_are_shown_and_move_no_number():
    entry = Overlay("1", "2026-03-01T10:00:00+01:00", "K. Jansen", "contact_removed", 61.0, "stumble", "left")
    plain, noted = (build_report(replace(demo_source(), entries=entries)) for entries in ((), (entry,)))
    rows = Page(noted).tables["entries"][1:]
    assert rows == [["1:01", "K. Jansen", "no contact here, left foot", "stumble"]]
    assert "entries" not in Page(plain).tables
    assert Page(noted).tables["metrics"] == Page(plain).tables["metrics"]


def test_hostile_text_stays_text():
    page = Page(build_report(with_hostile_text(demo_source())))
    clean = Page(build_report(demo_source()))
    assert page.count("script") == clean.count("script") == 4
    assert page.count("img") == 0
    assert ("h1", " ".join(HOSTILE.split())) in page.blocks
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]


def test_what_is_not_known_is_withheld_with_its_reason():
    text = build_report(one_foot_source())
    page = Page(text)
    rows = {cells[0].split(" (")[0]: cells for cells in page.tables["metrics"][1:]}
    assert rows["Pelvic tilt from standing"][1] == "withheld: No pelvis sensor was worn."
    assert rows["Flight"][1].startswith("withheld: Only one foot")
    assert "left: too few clean strides of this foot" in rows["Cadence"][7]
    withheld = [words for tag, words in page.blocks if tag == "p" and ": withheld." in words]
    assert any(words.startswith("Pelvic tilt: withheld. No pelvis") for words in withheld)
    for tag, words in page.blocks:
        assert words not in ("–", "0.00", "nan", "None"), (tag, words)
    assert not re.search(r"\b(nan|None)\b", " ".join(words for _, words in page.blocks))


def test_an_empty_session_gives_a_report_of_reasons():
    source = demo_source()
    empty = replace(source.recording, sensors={}, treadmill=None, heart_rate=None)
    page = Page(build_report(analysed(empty, "empty", PROTOCOL)))
    assert all(cells[1].startswith("withheld:") for cells in page.tables["metrics"][1:])
    assert page.count("script") == 1  # the depths on a phone


@pytest.mark.parametrize(("right_longer_pct", "side"), [(12.0, "right"), (-12.0, "left")])
def test_left_stays_left(right_longer_pct, side):
    source = analysed(limping(right_longer_pct), "limp", PROTOCOL)
    text = build_report(source)
    page = Page(text)
    row = next(cells for cells in page.tables["metrics"] if cells[0] == "Ground contact")
    left, right = number(row[4]), number(row[5])
    assert (right > left) == (side == "right")
    told = [words for tag, words in page.blocks if "foot stayed on the ground longer" in words]
    assert told
    assert all(f"Your {side} foot" in words for words in told)
    data = json.loads(re.search(r'id="figure-data">(.*?)</script>', text, re.DOTALL)[1])
    for figure in data.values():
        for trace in figure["data"]:
            if trace.get("name", "").startswith(("L left", "R right")):
                assert trace["line"]["color"] == ("#0072B2" if trace["name"].startswith("L") else "#D55E00")
    contact = {
        trace["name"]: np.nanmedian([item for item in trace["y"] if item is not None])
        for trace in data["contact"]["data"]
    }
    assert (contact["R right"] > contact["L left"]) == (side == "right")
    assert (np.median(data["asymmetry"]["data"][0]["y"]) > 0) == (side == "right")


def made_history(shift_s: float, n: int = 5) -> tuple[SessionBlocks, ...]:
    """Earlier green sessions at the demo's speeds, their contact time off by ``shift_s``."""
    out = []
    for k in range(n):
        blocks = tuple(
            Block(item.start_s, item.end_s, item.speed_mps, item.n_strides,
                  {"stance_time_s": item.values["stance_time_s"] + shift_s + 0.0004 * (-1) ** k,
                   "cadence_spm": item.values["cadence_spm"] + 0.3 * (-1) ** k})
            for item in steady_blocks(demo_source().tables.strides)
        )  # fmt: skip
        out.append(SessionBlocks(f"s{k}", datetime(2026, 1, 1 + k, tzinfo=UTC), "GREEN", blocks))
    return tuple(out)


def test_a_real_change_is_a_finding_and_none_is_printed_as_such():
    changed = Page(build_report(replace(demo_source(), history=made_history(-0.03))))
    words = [text for _, text in changed.blocks]
    assert any("stayed on the ground longer than usual" in text for text in words)
    assert any("real change: more than" in text for text in words)
    same = Page(build_report(replace(demo_source(), history=made_history(0.0))))
    words = [text for _, text in same.blocks]
    assert any(
        text.startswith("No real change against your usual:") and "ground contact" in text for text in words
    )
    assert not any("than usual at this speed" in text for text in words)
    assert {row[-1] for row in same.tables["own"][1:]} == {"no real change"}


def test_at_most_three_findings_and_advice_shows_rule_inputs_and_source():
    advice = {
        "state": "LOG_FIRST", "name": "Log first", "rung": "V1", "rules": ["TD5"], "sources": ["Clinic note"],
        "changes_if": "A score of 4 or more changes this.",
        "looked_at": [("worst pain today", "1"), ("pain grade of the last session", "no session yet")],
        "sentences": ["Your plan for today: level V1."], "as_of": "2026-11-21T09:27:00+01:00",
    }  # fmt: skip
    text = build_report(replace(demo_source(), history=made_history(-0.03), advice=advice))
    findings = re.search(r'<ol class="findings">(.*?)</ol>', text, re.DOTALL)[1]
    assert 1 <= findings.count("<li>") <= 3
    words = " ".join(item for _, item in Page(text).blocks)
    assert "rule TD5" in words
    assert "worst pain today 1; pain grade of the last session no session yet." in words
    assert "Log first, level V1" in words
    assert "LOG_FIRST" not in words
    assert "Source: Clinic note" in words


def runner_sentences(page: Page) -> list[str]:
    """What is said to the runner on page one, without the fine print of codes and sources."""
    start = next(k for k, item in enumerate(page.blocks) if item == ("h2", "Goal and cues"))
    stop = next(k for k, item in enumerate(page.blocks) if item == ("h2", "Figures"))
    out = []
    for tag, words in page.blocks[start:stop]:
        if tag in ("p", "li") and not words.startswith(("Looked at", "Source")) and "· rule " not in words:
            out += [part for part in re.split(r"(?<=[.?])\s", words) if part]
    return out


@pytest.mark.parametrize("shift_s", [-0.03, 0.03, None])
def test_every_sentence_passes_the_lint(shift_s):
    history = () if shift_s is None else made_history(shift_s)
    page = Page(build_report(replace(demo_source(), history=history, pain=[(60.0, 2)])))
    wrong = {text: found for text in runner_sentences(page) if (found := wording.lint(text))}
    assert wrong == {}


def test_every_word_the_report_can_say_passes_the_lint():
    from tallrun.report import compare_page, findings

    said = [text for pair in findings._OWN_WORDS.values() for text in pair]
    said += [text for pair in findings._DRIFT_WORDS.values() for text in pair]
    said += [text for words in compare_page._PLAIN.values() for text in words[:3]]
    said += [metric.meaning for metric in METRICS]
    wrong = {}
    for text in said:
        found = [item for item in wording.lint(text) if not item.startswith("reads at")]
        if found:
            wrong[text] = found
    assert wrong == {}


def test_library_summary_report_and_cohort_give_one_middle():
    source = demo_source()
    summary, strides = source.tables.summary, source.tables.strides
    rows = {row["key"]: row for row in metric_rows(summary, strides, source.recording)}
    beside = stride_values(source.tables.table("strides"))
    running = tr.running(source.tables)
    for key in DISTRIBUTIONS:
        metric = METRIC_BY_KEY[key]
        middle = summary[key]["median"]
        assert float(running[key].median()) == middle
        assert (rows[key]["median"], rows[key]["n"]) == (
            metric.show(metric.factor * middle), str(summary[key]["n"])
        )  # fmt: skip
        left = beside.get(f"{key}_left_median")
        assert left is None or rows[key]["left"] == metric.show(metric.factor * left)
