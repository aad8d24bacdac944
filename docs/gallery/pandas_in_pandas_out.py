"""Data frames in, data frames out: one foot, no file."""

import numpy as np
import pandas as pd

import tallrun as tr

recording, _ = tr.simulate.bundled("one_foot")
sensor = recording.sensors["foot_right"]
names = ["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"]
frame = pd.DataFrame(np.hstack([sensor.acc_mps2, sensor.gyr_radps]), columns=names).assign(t_s=sensor.t_s)

strides = tr.analyze({"foot_right": frame}, acc_range_g=16, gyr_range_dps=2000).strides
running = strides[strides["mode"] == "run"]
print(running[["initial_contact_s", "stance_time_s", "stride_length_m"]].head())
tr.draw("pandas_in_pandas_out.svg", {"run": (running["initial_contact_s"], running["stride_length_m"])},
        "Stride length", "time [s]", "stride length [m]")  # fmt: skip
