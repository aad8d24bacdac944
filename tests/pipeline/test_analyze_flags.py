"""Flags through the whole chain: seeded faults are told, sound running is not (many more in benchmarks/)."""

from __future__ import annotations

import pytest

from tallrun import simulate
from tallrun.gait.flag_terms import BaselineBin, OwnBaseline
from tallrun.pipeline import PipelineSetup, analyze_recording

RUNNER = simulate.Runner()
SOUND = simulate.Bout("run", 80.0, 3.0)


def flags_of(*bouts, baseline=None, seed=21):
    programme = simulate.Programme((simulate.Bout("stand", 10.0), *bouts))
    recording, _ = simulate.run(programme, RUNNER, simulate.three_sensors(200.0), seed)
    return analyze_recording(recording, PipelineSetup.of(recording, baseline)).flags


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("low_cadence", {"cadence_shift_spm": -18.0}),
        ("overstriding", {"overstride": 1.5}),
        ("asymmetry", {"contact_asymmetry_pct": 15.0}),
    ],
)
def test_a_seeded_fault_is_told_where_it_was(name, fault):
    flags = flags_of(SOUND, simulate.Bout("run", 130.0, 3.0, **fault), SOUND)
    told = [item for item in flags if item["flag"] == name]
    assert len(told) == 1
    assert told[0]["start_s"] == pytest.approx(90.0, abs=25.0)
    assert told[0]["end_s"] == pytest.approx(220.0, abs=25.0)


def test_tilt_is_held_against_the_own_baseline():
    own = OwnBaseline((BaselineBin(3.0, pelvic_tilt_deg=RUNNER.running_tilt_deg),))
    faulty = (
        simulate.Bout("run", 100.0, 3.0, end_tilt_shift_deg=6.5),
        simulate.Bout("run", 100.0, 3.0, tilt_shift_deg=6.5),
    )
    told = [item for item in flags_of(SOUND, *faulty, baseline=own) if item["flag"] == "anterior_pelvic_tilt"]
    assert len(told) == 1
    assert told[0]["evidence"]["reference_kind"] == "own_baseline"
    assert not [item for item in flags_of(SOUND, *faulty) if item["flag"] == "anterior_pelvic_tilt"]


def test_a_tilt_that_comes_within_seconds_may_be_the_strap_and_is_told_after_standing():
    own = OwnBaseline((BaselineBin(3.0, pelvic_tilt_deg=RUNNER.running_tilt_deg),))
    quick = simulate.Bout("run", 100.0, 3.0, tilt_shift_deg=7.5)
    assert flags_of(SOUND, quick, baseline=own) == []
    stand = simulate.Bout("stand", 12.0)
    told = flags_of(SOUND, quick, stand, quick, baseline=own)
    assert [item["flag"] for item in told] == ["anterior_pelvic_tilt"]
    assert told[0]["start_s"] > 200.0


def test_a_sound_run_at_changing_speed_raises_nothing():
    speeds = (2.8, 3.3, 2.4, 2.9)
    assert flags_of(*(simulate.Bout("run", 75.0, speed) for speed in speeds)) == []
