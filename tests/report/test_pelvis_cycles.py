"""The pelvis over the gait cycle: against the simulated body, both feet, the stride table, and the own earlier band."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tallrun import simulate
from tallrun.pipeline import analyse
from tallrun.pipeline.analysis import Analysis
from tallrun.report import figures
from tallrun.report.cycles import PELVIS_SIGNALS, Cycle, pelvis_cycles, resample_cycles
from tallrun.report.earlier import earlier_bands, keep_cycles
from tallrun.simulate.session import motion_of

PROGRAMME = simulate.Programme((simulate.Bout("stand", 8.0), simulate.Bout("run", 40.0, 3.0)))


@pytest.fixture(scope="module")
def run() -> tuple[Analysis, list[Cycle]]:
    recording, _ = simulate.run(PROGRAMME, sensors=simulate.three_sensors(100.0), seed=4)
    found = analyse(recording, record_waves=True)
    return found, pelvis_cycles(found.pelvis_angles, found.tables.strides)


def one(cycles: list[Cycle], signal: str, foot: str) -> Cycle:
    return next(item for item in cycles if (item.signal, item.foot) == (signal, foot))


def test_the_waveforms_are_those_of_the_body(run: tuple[Analysis, list[Cycle]]) -> None:
    found, cycles = run
    assert {(item.signal, item.foot) for item in cycles} == {
        (signal, foot) for signal, _ in PELVIS_SIGNALS for foot in ("left", "right")
    }
    t_s = np.arange(0.0, 48.0, 0.002)
    yaw, tilt, roll = np.degrees(motion_of(PROGRAMME, seed=4).states("pelvis", t_s)[:, 9:12]).T
    strides = found.tables.strides
    for item in cycles:
        rows = strides[(strides["foot"] == item.foot) & (strides["initial_contact_s"] > 12.0)].iloc[:-2]
        series = {"pelvic tilt": tilt, "pelvic obliquity": roll, "pelvic rotation": yaw}[item.signal]
        start, length = rows["initial_contact_s"].to_numpy(), rows["stride_time_s"].to_numpy()
        truth = resample_cycles(t_s, series, start, length).mean(axis=0)
        shown = item.mean
        if item.signal == "pelvic rotation":
            truth = truth - truth[:-1].mean()
        assert np.abs(shown - truth).max() < 1.5, (item.signal, item.foot, np.abs(shown - truth).max())
        assert np.corrcoef(shown, truth)[0, 1] > 0.95
        assert item.toe_off_pct is not None


def test_both_feet_see_one_pelvis_half_a_cycle_apart(run: tuple[Analysis, list[Cycle]]) -> None:
    _, cycles = run
    for signal, _ in PELVIS_SIGNALS:
        left, right = (one(cycles, signal, foot).mean[:-1] for foot in ("left", "right"))
        np.testing.assert_allclose(np.roll(left, 50), right, atol=0.6)
    # The left side is up over the left foot's stance where it is down over the right's: mirrored, not the same.
    left, right = (one(cycles, "pelvic obliquity", foot).mean for foot in ("left", "right"))
    assert np.corrcoef(left, right)[0, 1] < -0.8


def test_the_waveform_and_the_table_tell_the_same(run: tuple[Analysis, list[Cycle]]) -> None:
    found, cycles = run
    strides = found.tables.strides
    for foot in ("left", "right"):
        rows = strides[strides["foot"] == foot]
        tilt = one(cycles, "pelvic tilt", foot).mean
        assert tilt[:50].mean() == pytest.approx(rows["pelvic_tilt_deg"].median(), abs=0.5)
        for signal, column in PELVIS_SIGNALS[1:]:
            shown = np.ptp(one(cycles, signal, foot).mean[:51])
            assert shown == pytest.approx(rows[column].median(), rel=0.2)


def test_strides_without_a_sure_number_and_records_without_a_pelvis_draw_nothing(
    run: tuple[Analysis, list[Cycle]],
) -> None:
    found, _ = run
    strides = found.tables.strides.copy()
    strides["pelvic_tilt_deg"] = np.nan
    assert {item.signal for item in pelvis_cycles(found.pelvis_angles, strides)} == {
        "pelvic obliquity",
        "pelvic rotation",
    }
    assert pelvis_cycles(np.empty((0, 4)), found.tables.strides) == []
    assert analyse(found.recording).pelvis_angles.shape == (0, 4)
    early = pelvis_cycles(found.pelvis_angles, found.tables.strides, (0.0, 9.0))
    assert early == []


def test_the_own_earlier_band_is_of_its_own_signal(run: tuple[Analysis, list[Cycle]], tmp_path: Path) -> None:
    _, cycles = run
    folders = []
    for k in range(3):
        folder = tmp_path / str(k)
        folder.mkdir()
        keep_cycles(folder, [replace(item, mean=item.mean + k) for item in cycles], 3.0)
        folders.append(folder)
    bands = earlier_bands(folders, 3.05)
    assert len(bands) == len(cycles)
    for band in bands:
        same = one(cycles, band.signal, band.foot)
        np.testing.assert_allclose(band.mean, same.mean + 1.0, atol=2e-3)
        np.testing.assert_allclose(band.sd, 1.0, atol=2e-3)
    drawn = figures.waveforms(cycles, "pelvic tilt", bands)
    assert drawn is not None
    names = [trace.get("name", "") for trace in drawn["data"]]
    assert sum("own earlier band" in name for name in names) == 2
    assert earlier_bands(folders, 4.0) == ()
    # Kept by an earlier version: the foot alone.
    (folders[0] / "cycles.json").write_text(
        '{"version": 1, "speed_mps": 3.0, "foot_pitch_deg": [{"foot": "left", "mean": '
        + str([0.0] * 101)
        + "}]}"
    )
    assert len(earlier_bands(folders, 3.0)) == 0
