"""Boil the accuracy results and the validation table down to the measurement errors that ship with the reports.

Run: ``python benchmarks/measured.py`` after ``make bench`` or ``benchmarks/validation.py``; a test fails while they
differ. Every value is in the unit of its quantity's name (s, m, °, steps/min) or a share in %, never in another.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "accuracy.json"
VALIDATION = ROOT / "benchmarks" / "results" / "validation.csv"
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
#: What a figure's unit is in the unit of the quantity's name.
FACTORS = {"steps/min": ("steps/min", 1.0), "%": ("%", 1.0), "°": ("°", 1.0), "ms": ("s", 1e-3)}
#: Speeds of the simulated sessions.
SIMULATED_MPS = (2.5, 5.0)
#: The optical jogs were at 1.1 to 2.1 m/s. Faster on a road nothing real was measured: their error, ten times that of
#: the simulated road, stands in, as a smaller one would claim more than is known.
ROAD_MPS = (1.1, 5.0)
#: (quantity, when it applies, figure) in each set-up.
FIGURES = (
    ("cadence_spm", "any", "cadence over 20 steps, largest"),
    ("stride_length_m", "treadmill", "stride length, bias, treadmill, not calibrated"),
    ("foot_strike_angle_deg", "any", "foot-strike angle, bias of a session, worst"),
    ("pelvic_tilt_deg", "treadmill", "pelvic tilt, RMSE, treadmill"),
    ("pelvic_tilt_deg", "road", "pelvic tilt, RMSE, road"),
)
#: What is not by set-up: (quantity, when, speeds, section, figure).
SINGLE = (
    ("stride_length_m", "calibrated", SIMULATED_MPS, "Simulated: stride length calibrated to the belt",
     "stride length, bias of a session, worst"),
    ("stride_length_m", "road", ROAD_MPS, "Real: jogs, one foot, turning all the time",
     "stride length, mean of a trial, worst"),
)  # fmt: skip
#: Of the trials against an outside truth, the worst counts: (quantity, when, quantity there, sensors there).
TRIALS = (
    ("stance_time_s", "pelvis alone", "contact time", "sacrum"),
    ("cadence_spm", "pelvis alone", "cadence", "sacrum"),
)


def table(rows: list[dict[str, object]], trials: list[dict[str, str]]) -> list[dict[str, object]]:
    """Return the rows of the shipped table, in the order above. trials : rows of the validation table."""
    found = {(row["section"], row["figure"]): row for row in rows}
    wanted = [(key, when, setup, SIMULATED_MPS, section, figure) for setup, section in SETUPS.items()
              for key, when, figure in FIGURES]  # fmt: skip
    wanted += [(key, when, "any", speeds, section, figure) for key, when, speeds, section, figure in SINGLE]
    out = []
    for key, when, setup, speeds, section, figure in wanted:
        row = found.get((section, figure))
        if row is not None and isinstance(row["value"], int | float):
            out.append(
                _row(key, when, setup, speeds, row["value"], str(row["unit"]), row["kind"], f"{section}: {figure}")
            )  # fmt: skip
    for key, when, quantity, sensors in TRIALS:
        its = [
            row for row in trials
            if (row["quantity"], row["sensors"], row["status"], row["gait"]) == (quantity, sensors, "validated", "run")
        ]  # fmt: skip
        if its:
            worst = max(its, key=lambda row: abs(float(row["bias"])))
            speeds = (
                min(float(row["speed_low_mps"]) for row in its),
                max(float(row["speed_high_mps"]) for row in its),
            )
            source = f"Real: {quantity}, {sensors}: mean error of {worst['data_set']}, the worst trial"
            out.append(_row(key, when, "any", speeds, float(worst["bias"]), worst["unit"], "real", source))
    return out


def _row(
    key: str, when: str, setup: str, speeds_mps: Iterable[float], value: float, unit: str, kind: object, source: str
) -> dict[str, object]:  # fmt: skip
    unit, factor = FACTORS[unit]
    return {
        "quantity": key, "when": when, "set_up": setup, "speeds_mps": list(speeds_mps),
        "value": round(abs(value) * factor, 6), "unit": unit, "kind": kind, "source": source,
    }  # fmt: skip


def made() -> list[dict[str, object]]:
    """Return the rows that the results as they stand give."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    with VALIDATION.open(encoding="utf-8", newline="") as file:
        return table(rows, list(csv.DictReader(file)))


def main() -> None:
    content = {"rows": made()}
    SHIPPED.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(content['rows'])} rows in {SHIPPED.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
