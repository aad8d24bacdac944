"""Boil the accuracy results down to the table of measurement errors that ships with the reports.

Run: ``python benchmarks/measured.py`` after ``make bench``; a test fails while the two differ.
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "accuracy.json"
SHIPPED = ROOT / "src" / "tallrun" / "report" / "measured.json"

#: Set-up as a report finds it -> section of the results.
SETUPS = {
    "100 Hz": "Simulated: clean, 100 Hz",
    "200 Hz": "Simulated: clean, 200 Hz",
    "400 Hz": "Simulated: clean, 400 Hz",
    "8 g": "Simulated: range 8 g",
    "500 dps": "Simulated: range 500 dps",
    "2 % lost": "Simulated: 2 % lost in 80-ms packets",
}
#: (quantity, when it applies, figure, unit) in each set-up.
FIGURES = (
    ("cadence_spm", "any", "cadence over 20 steps, largest"),
    ("stride_length_m", "treadmill", "stride length, bias, treadmill, not calibrated"),
    ("foot_strike_angle_deg", "any", "foot-strike angle, bias of a session, worst"),
    ("pelvic_tilt_deg", "treadmill", "pelvic tilt, RMSE, treadmill"),
    ("pelvic_tilt_deg", "road", "pelvic tilt, RMSE, road"),
)
#: What is not by set-up: (quantity, when, section, figure).
SINGLE = (
    ("stride_length_m", "calibrated", "Simulated: stride length calibrated to the belt",
     "stride length, bias of a session, worst"),
    ("stride_length_m", "road", "Real: jogs, one foot, turning all the time",
     "stride length, mean of a trial, worst"),
    ("stance_time_s", "pelvis alone", "Real: sacral trials against a force plate", "contact time, mean abs error"),
    ("cadence_spm", "pelvis alone", "Real: sacral trials against a force plate", "cadence, worst trial"),
)  # fmt: skip


def table(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the rows of the shipped table, in the order above."""
    found = {(row["section"], row["figure"]): row for row in rows}
    wanted = [(key, when, setup, section, figure) for setup, section in SETUPS.items()
              for key, when, figure in FIGURES]  # fmt: skip
    wanted += [(key, when, "any", section, figure) for key, when, section, figure in SINGLE]
    out = []
    for key, when, setup, section, figure in wanted:
        row = found.get((section, figure))
        if row is None or not isinstance(row["value"], int | float):
            continue
        out.append(
            {"quantity": key, "when": when, "set_up": setup, "value": round(abs(row["value"]), 3),
             "unit": str(row["unit"]), "kind": row["kind"], "source": f"{section}: {figure}"}
        )  # fmt: skip
    return out


def main() -> None:
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    content = {"speeds_mps": [2.5, 5.0], "rows": table(rows)}
    SHIPPED.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(content['rows'])} rows in {SHIPPED.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
