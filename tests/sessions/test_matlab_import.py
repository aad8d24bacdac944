"""MATLAB files in the University of Toronto layout."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from support.session_files import swinging_sensor
from tallrun.errors import FormatError, SignalError
from tallrun.sessions import read_session
from tallrun.sessions.assembling import ImportFacts
from tallrun.sessions.matlab_import import import_matlab

SENSOR = swinging_sensor("foot_right")


def mat_file(tmp_path: Path, **changes: Any) -> Path:
    imu = np.column_stack((SENSOR.acc_mps2, SENSOR.gyr_radps))
    content = {"imu": imu, "ts": 1.5e9 + SENSOR.t_s, "gt": np.zeros((600, 3))} | changes
    path = tmp_path / "trial.mat"
    savemat(path, {name: value for name, value in content.items() if value is not None})
    return path


def test_imu_and_ts_become_a_session(tmp_path: Path) -> None:
    sensor = import_matlab(mat_file(tmp_path), "foot_right", ImportFacts()).recording.sensors["foot_right"]
    np.testing.assert_allclose(sensor.t_s, SENSOR.t_s, atol=1e-6)
    np.testing.assert_array_equal(sensor.acc_mps2, SENSOR.acc_mps2)
    np.testing.assert_array_equal(sensor.gyr_radps, SENSOR.gyr_radps)
    assert sensor.spec.rate_hz == pytest.approx(200.0)


def test_a_public_jog_survives_the_way_through_matlab(real_data: Path, tmp_path: Path) -> None:
    jog = next(path.parent for path in sorted(real_data.glob("pyshoe_jog_*/session.json")))
    sensor = read_session(jog).sensors["foot_right"]
    assert sensor.gyr_radps is not None
    path = mat_file(tmp_path, imu=np.column_stack((sensor.acc_mps2, sensor.gyr_radps)), ts=sensor.t_s)
    back = import_matlab(path, "foot_right", ImportFacts()).recording.sensors["foot_right"]
    np.testing.assert_array_equal(back.acc_mps2, sensor.acc_mps2)
    np.testing.assert_array_equal(back.t_s, sensor.t_s)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ts": None}, r"expected variables imu \(n x 6\) and ts \(n\); it has imu \(600, 6\)"),
        ({"imu": np.zeros((600, 5))}, "imu must be numbers of shape n x 6"),
        ({"imu": np.array(["a"])}, "imu must be numbers of shape n x 6"),
        ({"ts": np.zeros(10)}, "ts must be 600 numbers"),
    ],
)
def test_wrong_variables_are_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        import_matlab(mat_file(tmp_path, **changes), "foot_right", ImportFacts())


def test_wrong_units_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SignalError, match=r"fits --acc-unit mps2"):
        import_matlab(mat_file(tmp_path), "foot_right", ImportFacts(), acc_unit="g")


def test_level_73_and_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "new.mat").write_bytes(b"MATLAB 7.3 MAT-file, Platform")
    with pytest.raises(FormatError, match="save it again with"):
        import_matlab(tmp_path / "new.mat", "foot_right", ImportFacts())
    with pytest.raises(FormatError, match="cannot be read"):
        import_matlab(tmp_path / "none.mat", "foot_right", ImportFacts())


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    path = mat_file(tmp_path)
    content = path.read_bytes()
    for cut in [0, 1, 127, 128, *rng.integers(0, 28_900, 40).tolist()]:
        path.write_bytes(content[:cut])
        with pytest.raises(FormatError):
            import_matlab(path, "foot_right", ImportFacts())


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def test_a_small_file_that_unpacks_to_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallrun.sessions.door._ROOM_BYTES", 64 * 2**20)
    n_bytes = 240 * 2**20
    for shape in ((n_bytes // 8, 1), (5_000_000, 6)):
        head = (
            element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<ii", *shape)) + element(1, b"imu")
        )
        packer = zlib.compressobj()
        packed = packer.compress(struct.pack("<II", 14, len(head) + 8 + n_bytes) + head)
        packed += packer.compress(struct.pack("<II", 9, n_bytes))
        packed += b"".join(packer.compress(bytes(2**20)) for _ in range(n_bytes >> 20)) + packer.flush()
        start = b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + b"\x00\x01IM"
        path = tmp_path / f"{shape[0]}.mat"
        path.write_bytes(start + struct.pack("<II", 15, len(packed)) + packed)
        assert path.stat().st_size < 2**19
        with pytest.raises(FormatError) as caught:
            import_matlab(path, "foot_right", ImportFacts())
        assert "\n" not in str(caught.value)
