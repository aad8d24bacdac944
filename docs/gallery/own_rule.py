"""An own rule on the strides: contact times that grow over the run."""

import numpy as np

import tallrun as tr

strides = tr.analyze(tr.simulate.bundled("demo_treadmill")[0]).strides
running = strides[(strides["mode"] == "run") & strides["stance_time_s"].notna()]
middle_ms = 1000 * running["stance_time_s"].rolling(40, min_periods=40).median()
reference_ms = middle_ms.dropna().iloc[0]
is_long = (middle_ms > 1.01 * reference_ms).to_numpy()  # NaN: not known, so the rule does not speak
print(
    f"contact time over 101 % of the first 40 strides in {is_long.sum()} of {middle_ms.notna().sum()} windows"
)
t_s = running["initial_contact_s"].to_numpy()
edges = np.flatnonzero(np.diff(np.concatenate([[0], is_long.astype(int), [0]])))
bands = [(t_s[a], t_s[b - 1]) for a, b in zip(edges[::2], edges[1::2], strict=True)]
tr.draw("own_rule.svg", {"median of 40 strides": (t_s, middle_ms)}, "Contact time; shaded: the own rule speaks",
        "time [s]", "contact time [ms]", points=False, bands=bands)  # fmt: skip
