"""What no sensor was heard for is a gap up to the runner's own STOP."""

from __future__ import annotations

import numpy as np
import pytest

from tallrun.numerics.recording import Marker, Recording, SensorRecording, SensorSpec
from tallrun.pipeline.taps import Tap, tap_marker
from tallrun.pipeline.unheard import pressed_stop_s, unheard


def heard(*spans: tuple[float, float], place: str = "foot_left") -> SensorRecording:
    t_s = np.concatenate([np.arange(start, end, 0.01) for start, end in spans])
    return SensorRecording(SensorSpec(place, 100.0), t_s, np.zeros((t_s.size, 3)), None)


STOPPED = (tap_marker(70.0, Tap("held", item="stop")), tap_marker(75.0, Tap("stop")))


@pytest.mark.parametrize(
    ("sensors", "markers", "gaps"),
    [
        ({"foot_left": heard((0.0, 30.0))}, (), []),
        ({"foot_left": heard((0.0, 10.0), (11.5, 30.0))}, (), []),
        ({"foot_left": heard((0.0, 10.0), (50.0, 70.0))}, STOPPED, [(10.0, 50.0)]),
        # the other foot was heard meanwhile
        ({"foot_left": heard((0.0, 10.0), (50.0, 70.0)), "foot_right": heard((5.0, 60.0), place="foot_right")}, (), []),
        # asleep to the end; and after STOP was pressed, which is no run any more
        ({"foot_left": heard((0.0, 10.0))}, (Marker(40.0, "stop", "end"),), [(10.0, 40.0)]),
        ({"foot_left": heard((0.0, 70.0))}, (*STOPPED, Marker(200.0, "stop", "end")), []),
        ({}, (Marker(40.0, "stop", "end"),), []),
    ],
)  # fmt: skip
def test_gaps(sensors, markers, gaps):
    found = unheard(Recording(sensors, markers=markers))
    assert len(found) == len(gaps)
    for one, other in zip(found, gaps, strict=True):
        assert one == pytest.approx(other, abs=0.02)


def test_an_undone_stop_is_none():
    undone = (tap_marker(7.0, Tap("held", item="stop")), tap_marker(9.0, Tap("released", item="stop")))
    assert pressed_stop_s(undone) is None
    assert pressed_stop_s((*undone, *STOPPED)) == 70.0
    assert pressed_stop_s(STOPPED[1:]) == 75.0
