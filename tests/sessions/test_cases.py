"""Small inputs beside the checkout (../shared/cases), each run by its own commands and held against the right value.

A folder without a line here fails: what is expected of it is not known.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.cases import Ran, run_case

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
FOLDERS = sorted(path.name for path in CASES.glob("[0-9]*")) if CASES.is_dir() else []


def runs(*expected: tuple[float, float | None, float | None] | None) -> Callable[[Ran], None]:
    """Each import is a run of (seconds, metres, steps a minute), or none at all."""

    def check(ran: Ran) -> None:
        found = ran.activities()
        assert len(found) == len(expected)
        for one, wanted in zip(found, expected, strict=True):
            assert (one is None) == (wanted is None), ran.text
            if one is not None and wanted is not None:
                got = (one["duration_s"], one["distance_m"], one["cadence_spm"])
                assert got == pytest.approx(wanted, abs=0.5)

    return check


def samples(*expected: tuple[str, int, float] | None) -> Callable[[Ran], None]:
    """Each import is a sensor with this many samples over so many seconds, or none."""

    def check(ran: Ran) -> None:
        found = ran.sessions()
        assert len(found) == len(expected)
        for one, wanted in zip(found, expected, strict=True):
            assert (one is None) == (wanted is None), ran.text
            if one is not None and wanted is not None:
                sensor = one.sensors[wanted[0]]
                assert sensor.t_s.size == wanted[1]
                assert np.ptp(sensor.t_s) == pytest.approx(wanted[2], abs=0.05)

    return check


def says(*words: str) -> Callable[[Ran], None]:
    def check(ran: Ran) -> None:
        for word in words:
            assert word in ran.text

    return check


def order_of_distance(ran: Ran) -> None:
    (session,) = ran.sessions()
    assert session is not None
    assert session.watch is not None
    along_m = session.watch.rows["distance_m"]
    assert along_m[0] >= 0.0
    assert np.all(np.diff(along_m) >= 0.0)


def pulse(bpm: float, rows: int) -> Callable[[Ran], None]:
    def check(ran: Ran) -> None:
        session = ran.sessions()[0]
        assert session is not None
        assert session.heart_rate is not None
        assert session.heart_rate.bpm.tolist() == [bpm] * rows

    return check


def no_start(ran: Ran) -> None:
    (session,) = ran.sessions()
    assert session is not None
    assert session.info.get("started_at") is None


def watch_comes_back(ran: Ran) -> None:
    first, back = ran.sessions()
    assert first is not None
    assert back is not None
    assert first.watch is not None
    assert back.watch is not None
    for name in ("distance_m", "speed_mps", "cadence_spm", "heart_rate_bpm"):
        assert back.watch.rows[name] == pytest.approx(first.watch.rows[name], abs=0.01, nan_ok=True)
    assert "watch.csv" in ran.text
    assert "check units and axes" not in ran.text


EXPECTED: dict[str, tuple[Callable[[Ran], None], ...]] = {
    "01": (runs((3630.0, 180.0, None)),),
    "02": (runs((3630.0, 180.0, None)), order_of_distance),
    "04": (runs((30.0, 81.0, None)),),
    "05": (runs((30.0, 90.0, 168.0)), pulse(150.0, 31)),
    "06": (runs(None), says("cycling")),
    "08": (runs((29.0, 87.0, None), (30.0, 90.0, None), (30.0, 90.0, None)), says("line 2", "line 5")),
    "10": (
        runs((30.0, 90.0, 150.0), (30.0, 90.0, 172.0), (30.0, 90.0, 150.0), (30.0, 90.0, 172.0)),
        says("--cadence"),
    ),
    "11": (runs((30.0, 90.0, None)), pulse(150.0, 31)),
    "12": (runs((1800.0, 5000.0, None), (30.0, 90.0, None)), says("only the totals of its laps")),
    "14": (runs((18.0, 54.0, 170.0), (30.0, 90.0, 170.0), (30.0, 90.0, 170.0)), says("never closed")),
    "15": (runs((30.0, 90.0, 170.0)), no_start, says("the watch had no date")),
    "16": (runs(None, None), says("kind course", "course.tcx is a course")),
    "18": (runs((29.0, 87.0, None), (28.0, 90.0, 170.0)), says("1 point left out", "2 points left out")),
    "20": (runs((30.0, 90.0, 170.0), (30.0, 90.0, 170.0)), watch_comes_back),
    "21": (says("speed_mps=2.683", "incline_pct=9.0", "total_distance_m=318.0", "unknown 0"),),
    "22": (says("nan  nan", ": 140.0"),),
    "23": (says("FootPodReading", "speed_mps=3.0", "cadence_spm=170.0"),),
    "24": (samples(("foot_left", 120, 1.19)), says("accelerometer and gyroscope")),
    "25": (samples(("foot_left", 120, 2.33)),),
    "27": (samples(("pelvis", 120, 1.19), ("foot_left", 120, 1.19)),),
    "28": (samples(("foot_left", 120, 119 / 60.0)),),
    "30": (samples(("foot_left", 120, 119 / 204.8)),),
    "32": (samples(None, None), says("choose one by its number", "120 samples", "3 samples")),
    "33": (
        samples(*[("foot_left", 120, 1.19)] * 3),
        says("channels without labels were taken for x, y and z in their order"),
    ),
    "34": (samples(None), says("--imu-variable imu_data --time-variable timestamps_all")),
    "35": (says("Imported 1 scores", "notes"), lambda ran: _count(ran, "Imported 1 scores", 3)),
}  # fmt: skip


def _count(ran: Ran, text: str, n: int) -> None:
    assert ran.text.count(text) == n


@pytest.mark.parametrize("name", FOLDERS or [pytest.param("", id="none there")])
def test_a_folder_prints_what_is_right(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not name:
        why = "cases not found at shared/cases beside the checkout"
        (pytest.fail if os.environ.get("TALLRUN_REQUIRE_REAL_DATA") == "1" else pytest.skip)(why)
    checks = EXPECTED.get(name[:2])
    assert checks, f"what is right for {name} is not written down here"
    ran = run_case(CASES / name, tmp_path, capsys, monkeypatch)
    assert ran.words
    assert "Traceback" not in ran.text
    for check in checks:
        check(ran)
