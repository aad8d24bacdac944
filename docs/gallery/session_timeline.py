"""A session folder in, five-second medians out."""

from tempfile import TemporaryDirectory

import tallrun as tr
from tallrun.sessions import write_session

with TemporaryDirectory() as place:
    write_session(f"{place}/run", tr.simulate.bundled("demo_treadmill")[0])
    timeline = tr.analyze(tr.read(f"{place}/run")).timeline
tr.draw("session_timeline.svg", {"both feet": (timeline["t_s"], timeline["cadence_spm"])},
        "Cadence of the demo run", "time [s]", "cadence [steps/min]")  # fmt: skip
