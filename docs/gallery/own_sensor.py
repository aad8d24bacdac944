"""An own sensor: other units, other axes, no clock but its rate."""

import numpy as np
import pandas as pd

import tallrun as tr

sensor = tr.simulate.bundled("one_foot")[0].sensors["foot_right"]
turned = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # mounted a quarter turn round
mine = pd.DataFrame(
    np.hstack([1000 * sensor.acc_mps2 @ turned.T / 9.80665, np.degrees(sensor.gyr_radps @ turned.T)]),
    columns=["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"],
)
strides = tr.analyze({"foot_right": mine}, rate_hz=sensor.spec.rate_hz, acc_unit="mg", gyr_unit="dps").strides
running = strides[strides["mode"] == "run"]
print(running[["cadence_spm", "stride_length_m", "foot_strike_angle_deg"]].median())
tr.draw("own_sensor.svg", {"quarter turn": (running["initial_contact_s"], running["foot_strike_angle_deg"])},
        "The mounting is found from the data", "time [s]", "strike angle [°]")  # fmt: skip
