"""Two versions of a method against each other: here the same run with and without its gyroscope."""

from dataclasses import replace

import numpy as np

import tallrun as tr

recording, _ = tr.simulate.bundled("one_foot")
sensor = recording.sensors["foot_right"]
poorer = replace(sensor, gyr_radps=None, spec=replace(sensor.spec, has_gyroscope=False))
first = tr.analyze(recording).strides
second = tr.analyze(replace(recording, sensors={"foot_right": poorer})).strides
first, second = (frame[frame["mode"] == "run"] for frame in (first, second))
times = second["initial_contact_s"].to_numpy()
nearest = [int(np.argmin(np.abs(times - at))) for at in first["initial_contact_s"]]
difference_ms = 1000 * (second["stance_time_s"].to_numpy()[nearest] - first["stance_time_s"].to_numpy())
difference_ms[np.abs(times[nearest] - first["initial_contact_s"].to_numpy()) > 0.04] = (
    np.nan
)  # not the same contact
mean, sd = np.nanmean(difference_ms), np.nanstd(difference_ms, ddof=1)
low, high = mean - 1.96 * sd, mean + 1.96 * sd
print(f"{np.isfinite(difference_ms).sum()} of {len(first)} contacts paired; contact time {mean:+.1f} ms, "
      f"limits of agreement {low:.1f} to {high:.1f} ms")  # fmt: skip
tr.draw("compare_versions.svg", {"without gyroscope minus with": (1000 * first["stance_time_s"], difference_ms)},
        "Agreement of contact time", "contact time [ms]", "difference [ms]")  # fmt: skip
