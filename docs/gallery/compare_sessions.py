"""Two sessions at the same speed: what changed, and what cannot be told yet."""

import tallrun as tr
from tallrun.simulate import Runner, run, steady_run, three_sensors

sides = [
    run(steady_run(2.0, 2.8), Runner(cadence_offset_spm=offset), three_sensors(), seed=seed)[0]
    for seed, offset in ((1, 0.0), (2, 8.0))
]
found = tr.compare(*sides)
# 8 steps/min are seen, and are less than what one day may differ from another: no real change from these two alone.
print(found[["metric", "before", "after", "low", "high", "detectable", "word", "reason"]].to_string())
steps = [tr.analyze(side).strides for side in sides]
tr.draw("compare_sessions.svg",
        {name: (frame["initial_contact_s"], frame["cadence_spm"].where(frame["mode"] == "run"))
         for name, frame in zip(("before", "after"), steps, strict=True)},
        "A simulated runner, then with 8 steps/min more", "time [s]", "cadence [steps/min]")  # fmt: skip
