"""Many sessions into one set of tables. Needs the extra cluster: pip install 'tallrun[cluster]'."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

import tallrun as tr
from tallrun.sessions import write_session
from tallrun.simulate import Runner, run, steady_run, three_sensors

with TemporaryDirectory() as place:
    for number, speed_mps in enumerate((2.4, 2.8, 3.2)):
        recording, _ = run(steady_run(0.6, speed_mps), Runner(), three_sensors(), seed=number)
        Path(place, "study").mkdir(exist_ok=True)
        write_session(Path(place, "study", f"run{number}"), recording)
    command = [sys.executable, "-c", "from tallrun.cli import main; main()", "cohort", f"{place}/study"]
    subprocess.run([*command, "--out", f"{place}/tables", "--workers", "1"], check=True)
    sessions = pd.read_parquet(f"{place}/tables/sessions.parquet")
columns = [
    "session",
    "status",
    "speed_mps_median",
    "cadence_spm_median",
    "cadence_spm_sd",
    "peak_braking_g_median",
]
print(sessions[columns].to_string())
tr.draw("cohort.svg", {"one session each": (sessions["speed_mps_median"], sessions["cadence_spm_median"])},
        "Three sessions", "speed [m/s]", "cadence [steps/min]")  # fmt: skip
