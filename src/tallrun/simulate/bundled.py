"""The small sessions that lie in ``recordings/``: what they are made of, so that anyone can make them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tallrun.errors import UsageError
from tallrun.numerics.recording import Recording
from tallrun.simulate.imu import SensorSetup
from tallrun.simulate.library import named_programme
from tallrun.simulate.programme import ROAD, RUN, STAND, WALK, Bout, Programme, Runner
from tallrun.simulate.session import run, three_sensors

LICENCE = "CC0-1.0"


def demo_treadmill() -> tuple[Recording, dict[str, Any]]:
    """Three sensors on a treadmill: stand, walk, run, a minute of overstriding, a slight asymmetry late."""
    *feet, _ = three_sensors(200.0, loss=0.001, jitter_s=0.0003)
    pelvis = SensorSetup("pelvis", 100.0, packet_samples=8, loss=0.001, jitter_s=0.0003)
    return run(named_programme("demo"), Runner(), (*feet, pelvis), seed=20261)


def one_foot() -> tuple[Recording, dict[str, Any]]:
    """One sensor on the right foot, on the road: stand, walk, forty seconds of running, stand."""
    bouts = (Bout(STAND, 8.0), Bout(WALK, 12.0, 1.4), Bout(RUN, 40.0, 2.7), Bout(STAND, 5.0))
    sensors = (SensorSetup("foot_right", 200.0, jitter_s=0.0003),)
    return run(Programme(bouts, ROAD, "one_foot"), Runner(foot_strike_angle_deg=5.0), sensors, seed=20262)


BUNDLED: dict[str, Callable[[], tuple[Recording, dict[str, Any]]]] = {
    make.__name__: make for make in (demo_treadmill, one_foot)
}


def bundled(name: str) -> tuple[Recording, dict[str, Any]]:
    """Make the session that lies in ``recordings/`` under this name, licence line included.

    Raises
    ------
    UsageError
        When there is none of this name.
    """
    if name not in BUNDLED:
        raise UsageError(f"no bundled session named {name!r}; choose one of {', '.join(BUNDLED)}")
    recording, truth = BUNDLED[name]()
    return replace(recording, info={**recording.info, "licence": LICENCE}), truth
