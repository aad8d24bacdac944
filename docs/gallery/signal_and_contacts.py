"""Contacts over the signal they were found in."""

import numpy as np

import tallrun as tr

recording, _ = tr.simulate.bundled("one_foot")
sensor = recording.sensors["foot_right"]
strides = tr.analyze(recording).strides
running = strides[strides["mode"] == "run"].iloc[10:14]
begin, end = running["initial_contact_s"].iloc[0] - 0.2, running["initial_contact_s"].iloc[-1] + 0.2
part = (sensor.t_s > begin) & (sensor.t_s < end)
stances = list(zip(running["initial_contact_s"], running["final_contact_s"], strict=True))
tr.draw("signal_and_contacts.svg", {"foot_right": (sensor.t_s[part], np.linalg.norm(sensor.acc_mps2[part], axis=1))},
        "Specific force at the shoe; shaded: stance", "time [s]", "[m/s²]", points=False, bands=stances)  # fmt: skip
