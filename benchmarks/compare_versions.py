"""The stride tables of another version, held against this one's on the same sessions.

    python benchmarks/compare_versions.py BASE SESSION...

BASE holds a folder for each session, as the other version's ``tallrun analyze SESSION --out BASE/NAME`` wrote it.
Printed: contacts, and the medians of cadence, contact time and stride length, as they were and as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from tallrun.pipeline import analyze_recording
from tallrun.sessions import read_session

NAMES = ("cadence_spm", "stance_time_s", "stride_length_m")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", type=Path)
    parser.add_argument("sessions", type=Path, nargs="+")
    options = parser.parse_args()
    print("| session | contacts | " + " | ".join(NAMES) + " |\n|---|---|---|---|---|")
    for folder in options.sessions:
        kept = options.base / folder.name / "strides.parquet"
        if not kept.is_file():
            continue
        old, new = pd.read_parquet(kept), analyze_recording(read_session(folder)).strides
        cells = [f"{old[name].median():.3f} → {new[name].median():.3f}" for name in NAMES]
        print(f"| {folder.name} | {len(old)} → {len(new)} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
