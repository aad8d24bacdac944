"""Measurement errors come from the accuracy results; a session in which nothing changed is rarely called changed."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from support.report_sources import limping
from tallrun.cli.analyze import summary_lines
from tallrun.gait.summary import DISTRIBUTIONS
from tallrun.insight import Block, SessionBlocks
from tallrun.insight.between_days import published
from tallrun.insight.blocks import METRICS
from tallrun.pipeline import analyse
from tallrun.report.findings import find
from tallrun.report.measured import MeasuredError, error_values, measured_error, middle_errors
from tallrun.report.own import Against, against_own, own_rows
from tallrun.report.tables import METRIC_BY_KEY, error_words, metric_rows
from tallrun.report.tables import METRICS as SHOWN

BENCH = Path(__file__).resolve().parents[2] / "benchmarks" / "measured.py"


def test_the_shipped_table_is_the_one_that_was_measured():
    spec = importlib.util.spec_from_file_location("measured_bench", BENCH)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    assert json.loads(bench.SHIPPED.read_text(encoding="utf-8"))["rows"] == bench.made()


def test_every_shipped_error_is_in_the_unit_of_its_name_and_of_a_likely_size():
    rows = json.loads(files("tallrun.report").joinpath("measured.json").read_text(encoding="utf-8"))["rows"]
    units = {"s": "s", "m": "m", "deg": "°", "spm": "steps/min"}
    for row in rows:
        assert row["unit"] in ("%", units[row["quantity"].rsplit("_", 1)[1]]), row
        largest = {"s": 0.05, "m": 0.3, "°": 10.0, "steps/min": 5.0, "%": 10.0}[row["unit"]]
        assert 0.0 < row["value"] < largest, row


@pytest.mark.parametrize("metric", SHOWN, ids=lambda item: item.key)
def test_report_terminal_and_comparison_show_one_error(metric):
    """An absolute error of a tenth of the value is a tenth of the value wherever it is shown."""
    value = {"deg": 5.0, "s": 0.25, "m": 2.0, "spm": 170.0, "npm": 9000.0}.get(
        metric.key.rsplit("_", 1)[1], 3.0
    )
    shown = error_words(metric, value, MeasuredError(0.1 * value, False, "real", "x"))["error"]
    share = error_words(metric, value, MeasuredError(10.0, True, "real", "x"))["error"]
    assert shown == share
    assert float(shown.split()[1]) == pytest.approx(0.1 * metric.factor * value, rel=0.06)


def test_the_error_of_an_angle_is_not_the_scatter_of_its_median():
    tables = analyse(limping(0.0)).tables
    rows = {row["key"]: row for row in metric_rows(tables.summary, tables.strides, limping(0.0))}
    assert set(rows) == {item.key for item in SHOWN}
    angle = rows["foot_strike_angle_deg"]
    scatter = float(angle["interval"].removeprefix("± "))
    error = float(angle["error"].removeprefix("± ").split()[0])
    assert error > 5.0 * scatter
    assert "(simulated)" in angle["error"]
    assert rows["peak_impact_g"]["error"] == "not known"
    assert rows["stance_time_s"]["error"] == "not known"


@pytest.mark.parametrize("key", [item.key for item in SHOWN])
def test_what_was_not_measured_has_no_error(key):
    recording = limping(0.0)
    assert measured_error(key, recording, None) is None
    assert measured_error(key, recording, 1.0) is None, "slower than any test"
    slow = {
        name: replace(item, spec=replace(item.spec, rate_hz=50.0)) for name, item in recording.sensors.items()
    }
    found = measured_error(key, replace(recording, sensors=slow), 2.8)
    assert found is None, "a rate below any test"


def test_a_narrower_range_or_a_loss_never_makes_it_surer():
    recording = limping(0.0)
    for key in ("cadence_spm", "foot_strike_angle_deg", "stride_length_m"):
        usual = measured_error(key, recording, 2.8)
        assert usual is not None
        narrow = {
            name: replace(item, spec=replace(item.spec, acc_range_g=8.0, gyr_range_dps=500.0))
            for name, item in recording.sensors.items()
        }
        lossy = {
            name: replace(item, t_s=item.t_s[::2], acc_mps2=item.acc_mps2[::2], gyr_radps=item.gyr_radps[::2])
            for name, item in recording.sensors.items()
        }
        for sensors in (narrow, lossy):
            other = measured_error(key, replace(recording, sensors=sensors), 2.8)
            assert other is not None
            assert other.value >= usual.value


USUAL = dict.fromkeys(METRICS, 100.0)
#: How far each metric moves from day to day: as the published figures say where there is one.
DAYS = {name: 1.0 if (figure := published(name, USUAL)) is None else figure.sd for name in METRICS}


def made_session(k: int, rng: np.random.Generator, day: float = 1.0, n: int = 12) -> SessionBlocks:
    """A session in which nothing changed: each metric moves from day to day, and less within the day."""
    blocks = []
    days = {name: day * DAYS[name] * rng.normal() for name in METRICS}
    for speed_mps in (2.6, 3.2):
        for i in range(n):
            values = {name: 100.0 + days[name] + 0.3 * DAYS[name] * rng.normal() for name in METRICS}
            blocks.append(Block(10.0 * i, 10.0 * i + 9.0, speed_mps, 30, values))
    return SessionBlocks(
        f"s{k}", datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=k), "GREEN", tuple(blocks)
    )


@pytest.mark.parametrize("n_sessions", [3, 6, 20])
def test_of_twenty_unchanged_sessions_about_one_shows_a_change(n_sessions):
    rng = np.random.default_rng(n_sessions)
    trials = 150
    false = 0
    for _ in range(trials):
        history = [made_session(k, rng) for k in range(n_sessions)]
        found = against_own(made_session(99, rng).blocks, history, None)
        assert len({item.metric.key for item in found}) > 10
        false += any(item.word == "real change" for item in found)
    assert false / trials <= 0.10, false  # 5 % promised, three standard errors on top


def test_a_large_change_is_still_found():
    rng = np.random.default_rng(5)
    history = [made_session(k, rng) for k in range(10)]
    now = [
        replace(item, values=dict(item.values) | {"cadence_spm": item.values["cadence_spm"] + 25.0})
        for item in made_session(99, rng).blocks
    ]
    words = {item.metric.key: item.word for item in against_own(now, history, None)}
    assert words["cadence_spm"] == "real change"


def test_the_terminal_names_the_error_of_the_report_and_which_error_it_is():
    recording = limping(0.0)
    tables = analyse(recording).tables
    lines = summary_lines(tables.summary, middle_errors(tables, recording))
    shown = {
        row["key"]: row.get("error", "–") for row in metric_rows(tables.summary, tables.strides, recording)
    }
    for key in DISTRIBUTIONS:
        (line,) = [line for line in lines if line.startswith(METRIC_BY_KEY[key].label + " ")]
        error = line[38:45].strip()  # the column under "±"
        assert (error == "–") == (shown[key] == "not known" or shown[key] == "–"), line
        if error != "–":
            assert float(error) == pytest.approx(float(shown[key].removeprefix("± ").split()[0]), abs=0.06)
    assert any("measurement error" in line and "truth" in line for line in lines)
    errors = error_values(tables.summary, middle_errors(tables, recording))
    assert set(errors) == {
        key for key, item in tables.summary.items() if isinstance(item, dict) and "median" in item
    }
    cadence = middle_errors(tables, recording)["cadence_spm"]
    assert errors["cadence_spm"]["value"] == cadence.of(tables.summary["cadence_spm"]["median"])
    assert errors["cadence_spm"]["kind"] in ("simulated", "real")
    # of a rate that no test covers nothing is claimed
    slow = {
        name: replace(item, spec=replace(item.spec, rate_hz=50.0)) for name, item in recording.sensors.items()
    }
    assert not any(middle_errors(tables, replace(recording, sensors=slow)).values())


def test_an_own_baseline_names_scatter_and_measurement_error_apart():
    recording = limping(0.0)
    item = Against(
        METRIC_BY_KEY["cadence_spm"], 2.8, 170.0, 165.0, (163.0, 167.0), 3.0, 4, "real change", "own"
    )
    for speed_mps, is_known in ((2.8, True), (9.0, False)):
        (row,) = own_rows([replace(item, speed_mps=speed_mps)], recording)
        assert (row["error"] != "not known") == is_known
        assert (float(row["detectable"]), row["error_kind"]) == (3.0, "own days")
    (finding,) = find([], 600.0, [item])
    assert "from your own GREEN sessions that follow each other" in finding.how_sure
    (finding,) = find([], 600.0, [replace(item, error_kind="published")])
    assert "other runners" in finding.how_sure
