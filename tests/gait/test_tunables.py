"""Every tunable of the engines was held against the recordings: it is seen there, or listed as insensitive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallrun.gait.acc_only_kernel import AccFootParams
from tallrun.gait.foot_params import FootParams
from tallrun.gait.pelvis_params import PelvisParams

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "tunables.json"
#: What a sensor says of itself.
GIVEN = {"rate_hz", "has_gyroscope", "clip_mps2", "clip_g"}


@pytest.mark.parametrize("params", [FootParams, PelvisParams, AccFootParams])
def test_every_tunable_is_seen_by_a_recording_or_listed_as_insensitive(params):
    """After a new tunable or another value: ``python benchmarks/mutation_params.py --only NAME``."""
    lists = json.loads(RESULTS.read_text(encoding="utf-8"))[params.__name__]
    looked_at = lists["seen"] | lists["insensitive"]
    assert not lists["seen"].keys() & lists["insensitive"].keys()
    tunables = {name: value for name, value in params._field_defaults.items() if name not in GIVEN}
    assert looked_at == {
        name: pytest.approx(value) for name, value in tunables.items() if not isinstance(value, bool)
    }
