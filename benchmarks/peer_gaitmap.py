"""Trajectory and events of gaitmap on handed-over samples; runs in its own environment, prints JSON.

    .venv-bench/bin/python benchmarks/peer_gaitmap.py SAMPLES.npz

``SAMPLES.npz``: acc [m/s2] and gyr [deg/s] in foot axes, rate [Hz], flat (sample numbers of foot-flat). The first
call compiles and is not counted.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
from gaitmap.event_detection import HerzerEventDetection
from gaitmap.trajectory_reconstruction import StrideLevelTrajectory
from gaitmap.utils.coordinate_conversion import convert_left_foot_to_fbf


def main() -> None:
    samples = np.load(sys.argv[1])
    rate = float(samples["rate"])
    frame = pd.DataFrame(
        np.hstack([samples["acc"], samples["gyr"]]),
        columns=["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"],
    )
    flat = np.unique(samples["flat"])
    strides = pd.DataFrame({"s_id": np.arange(len(flat) - 1), "start": flat[:-1], "end": flat[1:]})
    strides = strides[(strides["end"] - strides["start"]).between(0.3 * rate, 2.0 * rate)]
    strides = strides.set_index("s_id")
    events = strides.assign(min_vel=strides["start"])
    body = convert_left_foot_to_fbf(frame)

    def both() -> None:
        HerzerEventDetection().detect(body, strides, sampling_rate_hz=rate)
        StrideLevelTrajectory().estimate(frame, events, sampling_rate_hz=rate)

    both()
    begin = time.process_time()
    both()
    taken_s = time.process_time() - begin
    print(
        json.dumps(
            {
                "samples_per_s": len(frame) / taken_s,
                "version": f"gaitmap {version('gaitmap')}, {len(strides)} strides",
            }
        )
    )


if __name__ == "__main__":
    main()
