"""A slipped strap against a true change of posture: what the pelvis engine makes of either, and who is flagged.

    python benchmarks/pelvis_strap.py [--runners 4]

A slip turns a clean simulated recording in its mount from 90 s on: by 3 to 20 degrees, about each axis of the body
and a random one, at once (with and without the gyroscope feeling it) to within a minute. A posture is simulated.
Simulated rows check the implementation; they say nothing about people.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from tallrun import simulate
from tallrun.gait.flag_terms import BaselineBin, OwnBaseline
from tallrun.numerics.recording import Recording, SensorRecording
from tallrun.pipeline import PipelineSetup, analyze_recording
from tallrun.simulate.imu import SensorSetup

Array = NDArray[np.float64]
SPEED_MPS = 2.8
EVENT_S, STOP_S, AGAIN_S, END_S = 90.0, 290.0, 302.0, 352.0
AXES = {
    "forward tip": (0.0, 1.0, 0.0),
    "backward tip": (0.0, -1.0, 0.0),
    "sideways": (1.0, 0.0, 0.0),
    "around the waist": (0.0, 0.0, 1.0),
}
SLIP_DEG = (3.0, 5.0, 8.0, 12.0, 20.0)
#: 0 s: at once, and the gyroscope feels nothing of it, as the simulator's own slip.
SLIP_OVER_S = (0.0, 0.1, 2.0, 10.0, 30.0, 60.0)
POSTURE_DEG = (-8.0, 4.0, 8.0, 12.0)
POSTURE_OVER_S = (4.0, 15.0, 60.0, 180.0)
SETUP = (SensorSetup("pelvis", 100.0, mounting_body_from_sensor="aligned"),)


@dataclass
class Outcome:
    """Shares of running steps after the change by how their tilt is told; flags; tilt after the next standing."""

    n: int = 0
    trusted: float = 0.0
    doubted: float = 0.0
    withheld: float = 0.0
    own_flags: int = 0
    population_flags: int = 0
    again: float = 0.0
    error_deg: float = 0.0

    def add(self, recording: Recording, truth: dict[str, object], own_deg: float) -> None:
        """Analyse one session against the population's limit and against the runner's own."""
        own = OwnBaseline((BaselineBin(SPEED_MPS, pelvic_tilt_deg=own_deg),))
        tables = analyze_recording(recording)
        told = [*tables.flags, *analyze_recording(recording, PipelineSetup.of(recording, own)).flags]
        kinds = {
            item["evidence"]["reference_kind"]
            for item in told
            if item["flag"] == "anterior_pelvic_tilt" and EVENT_S - 40.0 <= item["start_s"]
        }
        rows = tables.strides[tables.strides["mode"] == "run"]
        at = rows["initial_contact_s"].to_numpy()
        tilt, sigma = rows["pelvic_tilt_deg"].to_numpy(), rows["pelvic_tilt_sigma_deg"].to_numpy()
        late = (at > EVENT_S + 15.0) & (at < STOP_S)
        again = (at > AGAIN_S + 20.0) & (at < END_S)
        pelvis = truth["pelvis"]
        assert isinstance(pelvis, dict)
        off = tilt - np.interp(at, np.array(pelvis["t_s"]), np.array(pelvis["tilt_mean_deg"], float))
        sure = again & (sigma < 2.5)
        self.n += 1
        self.trusted += float((sigma[late] < 2.5).mean())
        self.doubted += float((sigma[late] >= 2.5).mean())
        self.withheld += float(np.isnan(tilt[late]).mean())
        self.own_flags += "own_baseline" in kinds
        self.population_flags += "population" in kinds
        self.again += float(sure[again].mean())
        self.error_deg = max(self.error_deg, float(np.abs(off[sure]).mean()) if sure.any() else 0.0)

    def join(self, other: Outcome) -> None:
        """Add another's counts to these."""
        for name in vars(self):
            if name != "error_deg":
                setattr(self, name, getattr(self, name) + getattr(other, name))
        self.error_deg = max(self.error_deg, other.error_deg)

    def row(self, name: str) -> str:
        """One line of the table."""
        share = [100.0 * value / self.n for value in (self.trusted, self.doubted, self.withheld, self.again)]
        return (
            f"{name:44s} {self.n:4d} {share[0]:8.0f} {share[1]:8.0f} {share[2]:8.0f} {self.own_flags:6d} "
            f"{self.population_flags:6d} {share[3]:8.0f} {self.error_deg:6.2f}"
        )


def session(
    runner: simulate.Runner, seed: int, shift_deg: float = 0.0, over_s: float = 0.0
) -> tuple[Recording, dict[str, object]]:
    """Stand, walk, run; at EVENT_S the posture may change; stand, run on with the new posture."""
    changed: tuple[simulate.Bout, ...] = (simulate.Bout("run", STOP_S - EVENT_S, SPEED_MPS),)
    if shift_deg and over_s > 4.0:
        changed = (
            simulate.Bout("run", over_s, SPEED_MPS, end_tilt_shift_deg=shift_deg),
            simulate.Bout("run", STOP_S - EVENT_S - over_s, SPEED_MPS, tilt_shift_deg=shift_deg),
        )
    elif shift_deg:
        changed = (simulate.Bout("run", STOP_S - EVENT_S, SPEED_MPS, tilt_shift_deg=shift_deg),)
    bouts = (
        simulate.Bout("stand", 10.0),
        simulate.Bout("walk", 20.0, 1.4),
        simulate.Bout("run", EVENT_S - 30.0, SPEED_MPS),
        *changed,
        simulate.Bout("stand", AGAIN_S - STOP_S),
        simulate.Bout("run", END_S - AGAIN_S, SPEED_MPS, tilt_shift_deg=shift_deg),
    )
    return simulate.run(simulate.Programme(bouts), runner, SETUP, seed)


def slipped(sensor: SensorRecording, axis: Array, angle_deg: float, over_s: float) -> SensorRecording:
    """The same motion seen by a sensor that turns on its mount from EVENT_S on, within ``over_s``."""
    share = np.clip((sensor.t_s - EVENT_S) / max(over_s, 1e-9), 0.0, 1.0)
    angle = np.radians(angle_deg) * share * share * (3.0 - 2.0 * share)
    turned = Rotation.from_rotvec(angle[:, None] * axis).inv()
    rate = np.gradient(angle, sensor.t_s)[:, None] * axis if over_s > 0.0 else 0.0
    assert sensor.gyr_radps is not None
    return replace(
        sensor, acc_mps2=turned.apply(sensor.acc_mps2), gyr_radps=turned.apply(sensor.gyr_radps + rate)
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runners", type=int, default=4)
    options = parser.parse_args()
    slips: dict[tuple[str, str], Outcome] = defaultdict(Outcome)
    postures: dict[str, Outcome] = defaultdict(Outcome)
    rng = np.random.default_rng(17)
    for k in range(options.runners):
        runner = simulate.random_runner(30 + k)
        # every second runner is two degrees beyond the own usual already
        own_deg = runner.running_tilt_deg - 2.0 * (k % 2)
        recording, truth = session(runner, 60 + k)
        postures["none"].add(recording, truth, own_deg)
        for degrees in SLIP_DEG:
            any_axis = rng.standard_normal(3)
            for name, axis in {**AXES, "any": tuple(any_axis / np.linalg.norm(any_axis))}.items():
                for over_s in SLIP_OVER_S:
                    moved = slipped(recording.sensors["pelvis"], np.array(axis), degrees, over_s)
                    item = replace(recording, sensors={"pelvis": moved})
                    found = Outcome()
                    found.add(item, truth, own_deg)
                    for key in (
                        ("size", f"{degrees:g} deg"),
                        ("axis", name),
                        ("within", f"{over_s:g} s"),
                    ):
                        slips[key].join(found)
                    if found.own_flags or found.population_flags:
                        print(f"flagged: runner {k}, {name} by {degrees:g} deg within {over_s:g} s, {found}")
        for degrees in POSTURE_DEG:
            for over_s in POSTURE_OVER_S:
                changed, changed_truth = session(runner, 60 + k, degrees, over_s)
                postures[f"{degrees:g} deg within {over_s:g} s"].add(changed, changed_truth, own_deg)
    print(
        f"{'':44s} {'n':>4} {'trusted':>8} {'doubted':>8} {'withheld':>8} {'flag by':>13} {'after standing':>15}"
    )
    print(
        f"{'':44s} {'':4} {'%':>8} {'%':>8} {'%':>8} {'own':>6} {'popul.':>6} {'trusted %':>8} {'off deg':>6}"
    )
    for (group, name), outcome in slips.items():
        print(outcome.row(f"slip, {group}: {name}"))
    for name, outcome in postures.items():
        print(outcome.row(f"posture: {name}"))


if __name__ == "__main__":
    main()
