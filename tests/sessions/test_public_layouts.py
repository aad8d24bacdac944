"""Files in the shapes of public data sets, made small here, through the command lines docs/importing.md gives for them.

Shapes as the makers' own pages and loaders describe them; the data sets themselves are not reachable from tests.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from support.session_files import swinging_sensor
from tallrun.cli import main
from tallrun.pipeline import analyze_recording
from tallrun.sessions import read_session

ROOT = Path(__file__).resolve().parents[2]
FOOT, PELVIS = swinging_sensor("foot_right", rate_hz=204.8), swinging_sensor("pelvis", rate_hz=204.8, seed=2)


@pytest.fixture(autouse=True)
def only_these_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", ("formats",))
    monkeypatch.chdir(tmp_path)


def documented(start: str) -> list[str]:
    """The one command of docs/importing.md that starts so, as words."""
    text = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
    text = re.sub(r"\\\n\s*", "", text)
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return shlex.split(line)[1:]


def run(words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert not stopped.value.code


def test_toronto_stamps_lie_in_a_row_and_other_variables_are_passed_over(tmp_path: Path) -> None:
    """`imu` n x 6, `ts` 1 x n, `gt` and indices beside them, as the makers' demo reads them."""
    imu = np.column_stack((FOOT.acc_mps2, FOOT.gyr_radps))  # type: ignore[arg-type]  # it has a gyroscope
    content = {
        "imu": imu,
        "ts": (1.5e9 + FOOT.t_s)[None, :],
        "gt": np.zeros((9, 3)),
        "gt_idx": np.arange(9)[None, :],
    }
    savemat(tmp_path / "processed_data.mat", content)
    run(documented("tallrun import matlab processed_data.mat"))
    sensor = read_session(tmp_path / "HALLWAY").sensors["foot_right"]
    np.testing.assert_allclose(sensor.acc_mps2, FOOT.acc_mps2, rtol=1e-6)
    np.testing.assert_allclose(sensor.t_s, FOOT.t_s, atol=1e-6)


def test_daliac_has_no_header_and_two_sensors_in_one_file(tmp_path: Path) -> None:
    """Twenty-four sensor columns (four places, six each) and a label; 204.8 Hz; no names."""
    table = np.zeros((FOOT.t_s.size, 25))
    table[:, 12:15], table[:, 15:18] = PELVIS.acc_mps2, np.degrees(PELVIS.gyr_radps)  # type: ignore[arg-type]
    table[:, 18:21], table[:, 21:24] = FOOT.acc_mps2, np.degrees(FOOT.gyr_radps)  # type: ignore[arg-type]
    np.savetxt(tmp_path / "dataset_1.txt", table, delimiter=",", fmt="%.9g")
    run(documented("tallrun import csv dataset_1.txt"))
    recording = read_session(tmp_path / "DALIAC")
    for placement, sensor in (("pelvis", PELVIS), ("foot_right", FOOT)):
        back = recording.sensors[placement]
        assert back.spec.rate_hz == 204.8
        np.testing.assert_allclose(back.acc_mps2, sensor.acc_mps2, rtol=1e-6)
        np.testing.assert_allclose(back.gyr_radps, sensor.gyr_radps, atol=1e-6)  # type: ignore[arg-type]


def test_marea_has_one_accelerometer_a_file_and_a_line_of_names(tmp_path: Path) -> None:
    """One header line, three columns in m/s^2, 128 Hz, a file for each place."""
    for seed, name in enumerate(("LF", "RF", "Waist")):
        values = swinging_sensor(rate_hz=128.0, gyroscope=False, seed=seed).acc_mps2
        np.savetxt(
            tmp_path / f"Sub1_{name}.txt",
            values,
            delimiter=",",
            header="accX,accY,accZ",
            comments="",
            fmt="%.9g",
        )
    run(documented("tallrun import csv Sub1_LF.txt"))
    recording = read_session(tmp_path / "MAREA")
    assert list(recording.sensors) == ["foot_left", "foot_right", "pelvis"]
    for sensor in recording.sensors.values():
        assert sensor.gyr_radps is None
        assert sensor.spec.rate_hz == 128.0
        assert sensor.t_s.size == 384


def test_the_sacral_sample_of_alcantara_is_read_by_its_names(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "sacrum_raw_sample" / "sacrum_512hz.csv"
    (tmp_path / "Sample_test_data.csv").write_bytes(source.read_bytes())
    run(documented("tallrun import csv Sample_test_data.csv"))
    sensor = read_session(tmp_path / "SACRUM").sensors["pelvis"]
    assert sensor.spec.rate_hz == pytest.approx(512.0, rel=0.001)
    raw = np.genfromtxt(source, delimiter=",", skip_header=1)
    np.testing.assert_allclose(sensor.acc_mps2, raw[:, :3], rtol=1e-6)


@pytest.mark.parametrize(
    ("start", "place", "file"),
    [
        ("tallrun import csv walk.csv", "xio_walk/short_walk.csv", "walk.csv"),
        ("tallrun import csv imu_sample.csv", "gaitmap_walk/imu_sample.csv", "imu_sample.csv"),
    ],
)
def test_the_public_walks_come_in_as_documented_and_are_walking(
    real_data: Path, tmp_path: Path, start: str, place: str, file: str
) -> None:
    (tmp_path / file).write_bytes((real_data / "foreign" / place).read_bytes())
    words = documented(start)
    run(words)
    summary = analyze_recording(read_session(tmp_path / words[-1])).summary
    assert summary["n_contacts"] >= 10
    assert summary["walk_time_s"] > 10.0
    assert summary["run_time_s"] == 0.0
