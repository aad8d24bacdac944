"""What was checked against an outside truth, next to what others reached: docs/validation.md and its table.

    python benchmarks/validation.py            # the recordings beside the checkout; about a minute
    python benchmarks/validation.py --page     # only write the page again from benchmarks/results/validation.csv

``validation.csv`` is made for machines: one row for each quantity, set-up, gait and data set. ``mean_abs_error``,
``bias`` and ``sd`` are over the strides or steps with a truth (``n``); an empty cell is not known, and a row whose
``status`` is ``not validated`` has nothing to be checked against.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from tables import REAL_DATA
from tallrun.pipeline import analyze_recording
from tallrun.sessions import read_session
from trial import pairs

TABLE = Path(__file__).parent / "results" / "validation.csv"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"


@dataclass(frozen=True)
class Check:
    """One quantity of one set-up against one outside truth."""

    quantity: str
    unit: str
    sensors: str
    gait: str
    speed_low_mps: float | None
    speed_high_mps: float | None
    status: str
    mean_abs_error: float | None = None
    bias: float | None = None
    sd: float | None = None
    n: int = 0
    n_without_value: int = 0
    data_set: str = ""
    truth: str = ""
    note: str = ""


#: Quantity -> what others reached with the same kind of sensor.
PUBLISHED = {
    "contact time, sacrum": "RMSE 20 ms, bias 13 ms: Patoz 2022, 100 runners at 2.5 to 3.6 m/s",
    "contact time, foot": "bias under 12 ± 10 ms, precision under 4 ± 3 ms: Falbriard 2018, 41 runners",
    "cadence, sacrum": "ICC 0.93 over studies of wearables",
    "stride length, foot": "0.022 ± 0.157 m: Zrenner 2018, 27 runners",
    "speed, foot": "0.032 ± 0.274 m/s: Zrenner 2018; 0.00 ± 0.01 and 0.09 ± 0.06 with a personal gain: Falbriard 2021",
    "foot-strike angle, foot": "2.0 ± 5.9° and 1.6 ± 1.1° precision: Falbriard 2020, 26 runners",
    "pelvic tilt, pelvis": "bias about 0.3°: Asgari and Heller 2025, 24 runners; RMSE 2.8° in sprints",
    "vertical oscillation, pelvis": "about 2 mm: Asgari and Heller 2025",
    "initial contact, foot": "precision 2 ± 1 ms: Falbriard 2018, 41 runners",
    "asymmetry, two feet": "",
}

#: Recordings anybody can download, and how they come in.
FETCH = (
    (
        "Alcantara 2021: sacral accelerations and ground forces on slopes",
        "10.5281/zenodo.5224624",
        "contact time and cadence of the sacrum",
        "tallrun import csv Sample_test_data.csv --placement pelvis "
        "--acc-columns Accel_LN_X,Accel_LN_Y,Accel_LN_Z --acc-unit mps2 "
        "--time-column System_Timestamp_Plot_Zeroed --time-unit ms --out SACRUM",
    ),
    (
        "University of Toronto: foot-mounted sensor with optical positions",
        "10.21227/v1z6-9z84",
        "stride length",
        "tallrun import matlab processed_data.mat --placement foot_right --out HALLWAY",
    ),
    (
        "Prolonged treadmill walking, hiking, running: shoes and lower back",
        "10.1038/s41597-026-07445-3",
        "contact time, speed, tilt",
        "",
    ),
    (
        "DaLiAc: ankle and hip on a treadmill at 8.3 and 12 km/h",
        "",
        "cadence",
        "tallrun import csv dataset_1.txt --placement pelvis --acc-columns 13,14,15 --gyr-columns 16,17,18 "
        "--placement foot_right --acc-columns 19,20,21 --gyr-columns 22,23,24 --acc-unit mps2 --gyr-unit dps "
        "--rate-hz 204.8 --out DALIAC",
    ),
    (
        "MAREA: waist and both feet, accelerometers at 128 Hz",
        "",
        "contacts of accelerometers",
        "tallrun import csv Sub1_LF.txt Sub1_RF.txt Sub1_Waist.txt --placement foot_left --placement foot_right "
        "--placement pelvis --acc-columns 1,2,3 --acc-unit mps2 --rate-hz 128 --out MAREA",
    ),
)


def _check(
    name: str, unit: str, gait: str, speeds, errors, missing: int, data: str, truth: str, note=""
) -> Check:
    quantity, sensors = name.rsplit(", ", 1)
    off = np.asarray(errors, float)
    off = off[np.isfinite(off)]
    low, high = speeds
    if not len(off):
        return Check(
            quantity, unit, sensors, gait, low, high, "withheld", n_without_value=missing, data_set=data
        )
    return Check(
        quantity, unit, sensors, gait, low, high, "validated", float(np.abs(off).mean()), float(off.mean()),
        float(off.std()), len(off), missing, data, truth, note,
    )  # fmt: skip


def sacral() -> list[Check]:
    """Contact time and cadence of the sacrum, each trial apart and by slope."""
    out = []
    everything: list[float] = []
    of_trials: list[float] = []
    for folder in sorted(REAL_DATA.glob("sacrum_treadmill_*")):
        recording = read_session(folder)
        strides = analyze_recording(recording).strides
        plate = pd.read_csv(folder / "contacts.csv").to_numpy(float)
        a, b = pairs(plate[:, 0], strides["initial_contact_s"].to_numpy(), 0.1)
        error = 1e3 * (strides["stance_time_s"].to_numpy()[b] - (plate[a, 1] - plate[a, 0]))
        context = recording.info.get("context", {})
        speed, incline = context.get("speed_mps"), context.get("incline_pct", 0.0)
        missing = len(plate) - int(np.isfinite(error).sum())
        data = folder.name
        note = "level" if not incline else f"{incline:.0f} % uphill"
        out.append(
            _check(
                "contact time, sacrum", "ms", "run", (speed, speed), error, missing, data, "force plate", note
            )
        )
        ours = strides["initial_contact_s"].to_numpy()[b]
        spm = 60.0 * (len(a) - 1) * (1.0 / (ours[-1] - ours[0]) - 1.0 / (plate[a[-1], 0] - plate[a[0], 0]))
        out.append(
            _check("cadence, sacrum", "steps/min", "run", (speed, speed), [spm], 0, data, "force plate", note)
        )
        everything += error[np.isfinite(error)].tolist()
        of_trials.append(float(np.nanmean(error)))
    if everything:
        note = f"all trials together; mean of a trial: mean abs {np.mean(np.abs(of_trials)):.1f} ms, "
        note += f"worst {max(of_trials, key=abs):+.1f} ms"
        out.append(
            _check(
                "contact time, sacrum",
                "ms",
                "run",
                (2.5, 4.2),
                everything,
                0,
                "every sacral trial",
                "force plate",
                note,
            )
        )
    return out


def optical() -> list[Check]:
    """Stride length of one foot against optical positions."""
    out = []
    for gait, pattern, speeds in (("run", "pyshoe_jog_*", (1.1, 2.1)), ("walk", "pyshoe_walk_*", (0.8, 1.6))):
        errors: list[float] = []
        missing = 0
        for folder in sorted(REAL_DATA.glob(pattern)):
            strides = analyze_recording(read_session(folder)).strides
            truth = pd.read_csv(folder / "zero_velocity_instants.csv").to_numpy(float)
            flat, length = strides["foot_flat_s"].to_numpy(), strides["stride_length_m"].to_numpy()
            for begin, true in zip(truth[:-1, 0], np.hypot(*np.diff(truth[:, 1:], axis=0).T), strict=True):
                near = int(np.nanargmin(np.abs(flat - begin))) if np.isfinite(flat).any() else -1
                if near >= 0 and abs(flat[near] - begin) < 0.25 and np.isfinite(length[near]):
                    errors.append(100.0 * (length[near] / true - 1.0))
                else:
                    missing += 1
        note = "one laboratory, slow, turning all the time"
        out.append(
            _check(
                "stride length, foot", "%", gait, speeds, errors, missing, pattern, "optical positions", note
            )
        )
    return out


#: Strides at either end of a walk on a belt while the belt starts and stops: they take up to 1.6 s instead of 1.0.
BELT_RAMP_STRIDES = 4


def belts() -> list[Check]:
    """Speed of one foot on a belt of known speed; what is withheld is counted, not judged."""
    out = []
    for folder in sorted(REAL_DATA.glob("pbl_control_*")):
        strides = analyze_recording(read_session(folder)).strides
        truth = pd.read_csv(folder / "truth.csv").set_index("quantity")["value"]
        speed = float(truth["belt_speed_mps"])
        # the speed that is known is the belt's once it runs
        moving = strides[strides["mode"] == "walk"].iloc[BELT_RAMP_STRIDES:-BELT_RAMP_STRIDES]
        sigma = next((item for item in ("length_sigma_m", "stride_length_sigma_m") if item in moving), None)
        error = 100.0 * (moving["speed_mps"] / speed - 1.0)
        sure = np.isfinite(error)
        if sigma is not None:
            sure &= moving[sigma] < 0.1 * moving["stride_length_m"]
        out.append(
            _check(
                "speed, foot",
                "%",
                "walk",
                (speed, speed),
                error[sure],
                int((~sure).sum()),
                folder.name,
                "belt speed",
                "commodity sensor: 8 g, 500 Hz, two holes of 50 ms in each stride; without the belt's start and stop",
            )
        )
    return out


def missing() -> list[Check]:
    """What no recording in hand can check."""
    rows = (
        ("contact time, foot", "ms", "run", 2.0, 6.0),
        ("initial contact, foot", "ms", "run", 2.0, 6.0),
        ("stride length, foot", "%", "run", 2.2, 6.0),
        ("foot-strike angle, foot", "deg", "run", 2.0, 6.0),
        ("pelvic tilt, pelvis", "deg", "run", 2.0, 6.0),
        ("vertical oscillation, pelvis", "m", "run", 2.0, 6.0),
        ("asymmetry, two feet", "%", "run", 2.0, 6.0),
        ("contact time, sacrum", "ms", "run", 4.2, 6.0),
        ("contact time, sacrum", "ms", "walk", 0.5, 2.0),
    )
    return [Check(*name.rsplit(", ", 1)[:1], unit, name.rsplit(", ", 1)[1], gait, low, high, "not validated")
            for name, unit, gait, low, high in rows]  # fmt: skip


def page(checks: pd.DataFrame) -> str:
    """The documentation page."""
    out = [
        "# Validation: what was checked against an outside truth\n",
        "Written by `python benchmarks/validation.py`; nothing here is typed. Simulated runs are no validation and",
        "are not on this page (docs/accuracy.md has them). For machines: `benchmarks/results/validation.csv`.",
        "Errors are measured minus true, over strides or steps. *Others* is the best figure published for that kind of",
        "sensor; different runners and conditions, so it tells the size to expect, not who is better.\n",
    ]
    for (quantity, sensors), part in checks.groupby(["quantity", "sensors"], sort=False):
        out.append(f"## {str(quantity).capitalize()}, {sensors}\n")
        out.append(f"Others: {PUBLISHED.get(f'{quantity}, {sensors}', '') or 'no figure found'}.\n")
        out.append("| gait, speed | ours: mean abs, bias, SD | n | without a value | against | data |")
        out.append("|---|---|---|---|---|---|")
        for row in part.itertuples():
            low, high = row.speed_low_mps, row.speed_high_mps
            speed = f"{low:.1f} m/s" if low == high else f"{low:.1f} to {high:.1f} m/s"
            if row.status == "validated":
                figures = f"{row.mean_abs_error:.1f}, {row.bias:+.1f}, {row.sd:.1f} {row.unit}"
            else:
                figures = f"**{row.status}**"
            against = (
                "; ".join(item for item in (row.truth, row.note) if isinstance(item, str) and item)
                or "nothing"
            )
            data = row.data_set if isinstance(row.data_set, str) else ""
            blank = row.n_without_value or ""
            out.append(f"| {row.gait}, {speed} | {figures} | {row.n or ''} | {blank} | {against} | {data} |")
        out.append("")
    out.append("## Recordings to download\n")
    out.append("| data set | DOI | checks | command |")
    out.append("|---|---|---|---|")
    for name, doi, checked, command in FETCH:
        link = f"[{doi}](https://doi.org/{doi})" if doi else "none"
        shown = f"`{command}`" if command else "no importer was tried on it"
        out.append(f"| {name} | {link} | {checked} | {shown} |")
    out.append(
        "\nNone of these is fetched or shipped; a figure from them is printed here only when they were measured.\n"
    )
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", action="store_true", help="only write the page again from the kept table")
    if not parser.parse_args().page:
        if not REAL_DATA.is_dir():
            raise SystemExit(f"no recordings at {REAL_DATA}; nothing was measured and nothing written")
        rows = sacral() + optical() + belts() + missing()
        columns = [item.name for item in fields(Check)]
        frame = pd.DataFrame([asdict(row) for row in rows], columns=columns)
        frame.to_csv(TABLE, index=False, float_format="%.4g")
    checks = pd.read_csv(TABLE)
    PAGE.write_text(page(checks))
    print(checks.to_string())


if __name__ == "__main__":
    main()
