"""The shipped sessions are what the simulator makes today, licence line included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tallrun import simulate
from tallrun.sessions import read_session
from tallrun.sessions._files import read_json

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


@pytest.mark.parametrize("name", list(simulate.BUNDLED))
def test_shipped_session_is_reproduced_by_its_seed(name: str) -> None:
    made, truth = simulate.bundled(name)
    shipped = read_session(RECORDINGS / name)
    assert shipped.info["licence"] == "CC0-1.0"
    assert shipped.info["session_id"] == made.info["session_id"]
    assert set(shipped.sensors) == set(made.sensors)
    for place, sensor in made.sensors.items():
        stored = shipped.sensors[place]
        np.testing.assert_allclose(stored.t_s, sensor.t_s, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(stored.acc_mps2.astype(np.float32), sensor.acc_mps2.astype(np.float32))
        np.testing.assert_array_equal(
            stored.gyr_radps.astype(np.float32), sensor.gyr_radps.astype(np.float32)
        )
    stored_truth = read_json(RECORDINGS / name / "truth.json")
    assert [row["foot"] for row in stored_truth["strides"]] == [row["foot"] for row in truth["strides"]]
    for stored_row, row in zip(stored_truth["strides"], truth["strides"], strict=True):
        assert stored_row["initial_contact_s"] == pytest.approx(row["initial_contact_s"], abs=1e-9)
        assert stored_row["stride_length_m"] == pytest.approx(row["stride_length_m"], abs=1e-9)
    assert stored_truth["flags"] == truth["flags"]


def test_shipped_sessions_are_small() -> None:
    for name in simulate.BUNDLED:
        size = sum(path.stat().st_size for path in (RECORDINGS / name).rglob("*") if path.is_file())
        assert size <= 4_000_000
