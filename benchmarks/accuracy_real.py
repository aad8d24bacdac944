"""Accuracy on every public recording beside the checkout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from accuracy_simulated import mounting_rows
from tables import REAL, REAL_DATA, Row, at_least, at_most, told
from tallrun.numerics.recording import Recording
from tallrun.pipeline import GaitTables, analyze_recording
from tallrun.sessions import read_session
from tallrun.sessions.csv_import import import_csv
from tallrun.sessions.csv_layouts import PRESETS, Axes, CsvLayout, SensorColumns
from trial import pairs


def real_rows() -> list[Row]:
    """Every recording; an empty list where they are not there."""
    if not REAL_DATA.is_dir():
        return []
    rows = _jogs() + _walks() + _sacral() + _raw_sacrum() + _gaitmap() + _xio()
    jog = read_session(sorted(REAL_DATA.glob("pyshoe_jog_*"))[0])
    return rows + mounting_rows("Real: a jog turned in its mount", jog, REAL)


def _foot(name: str) -> tuple[Recording, GaitTables, np.ndarray]:
    recording = read_session(REAL_DATA / name)
    optical = pd.read_csv(REAL_DATA / name / "zero_velocity_instants.csv").to_numpy(float)
    return recording, analyze_recording(recording), optical


def _against_optics(tables: GaitTables, optical: np.ndarray) -> tuple[int, int, int, pd.DataFrame]:
    """Optical strides, those without a contact, extra contacts, and the lengths of those found."""
    strides = tables.strides
    contact = strides["initial_contact_s"].to_numpy()
    missed = extra = 0
    for begin, end in zip(optical[:-1, 0], optical[1:, 0], strict=True):
        n = int(((contact > begin) & (contact <= end)).sum())
        missed += n == 0
        extra += max(0, n - 1)
    flat = strides["foot_flat_s"].to_numpy()
    length = np.hypot(*np.diff(optical[:, 1:], axis=0).T)
    rows = []
    for k, begin in enumerate(optical[:-1, 0]):
        if not np.isfinite(flat).any():
            break
        at = int(np.nanargmin(np.abs(flat - begin)))
        measured = strides["stride_length_m"].iloc[at]
        if abs(flat[at] - begin) < 0.25 and np.isfinite(measured):
            rows.append(
                (length[k], measured, strides["quality"].iloc[at], "clipped" in strides["reasons"].iloc[at])
            )
    frame = pd.DataFrame(rows, columns=["optical_m", "measured_m", "quality", "is_clipped"])
    frame["error_pct"] = 100.0 * (frame["measured_m"] / frame["optical_m"] - 1.0)
    return len(optical) - 1, missed, extra, frame


def _jogs() -> list[Row]:
    section, found = "Real: jogs, one foot, turning all the time", []
    n = missed = extra = lead_in = 0
    running, moving = 0.0, 0.0
    for folder in sorted(REAL_DATA.glob("pyshoe_jog_*")):
        _, tables, optical = _foot(folder.name)
        count, without, more, lengths = _against_optics(tables, optical)
        n, missed, extra = n + count, missed + without, extra + more
        lengths["trial"] = folder.name.removeprefix("pyshoe_jog_2017-11-27-")
        found.append(lengths)
        lead_in += int((tables.strides["initial_contact_s"] < optical[0, 0] - 1.0).sum())
        running += tables.summary["run_time_s"]
        moving += tables.summary["run_time_s"] + tables.summary["walk_time_s"]
    lengths = pd.concat(found)
    whole = lengths[~lengths["is_clipped"]]
    cut = lengths[lengths["is_clipped"]]
    trials = lengths.groupby("trial")["error_pct"].mean()
    by_trial = ", ".join(f"{name} {value:+.1f}" for name, value in trials.items())
    error = lengths["error_pct"]
    return [
        at_most(section, "optical strides without a contact", float(missed), 0.0, "", REAL, f"{n} strides"),
        at_most(section, "contacts too many", float(extra), 0.0, "", REAL),
        at_most(section, "contacts in the standing lead-ins", float(lead_in), 0.0, "", REAL),
        at_most(
            section,
            "stride length, median abs error",
            float(error.abs().median()),
            2.5,
            "%",
            REAL,
            f"{len(lengths)} strides, no scale fitted",
        ),
        at_most(
            section,
            "stride length, mean of a trial, worst",
            float(trials.loc[trials.abs().idxmax()]),
            2.0,
            "%",
            REAL,
            by_trial,
        ),
        told(section, "stride length, SD", float(error.std()), "%", REAL),
        told(
            section,
            "median abs error, strides not clipped",
            _median(whole["error_pct"]),
            "%",
            REAL,
            f"{len(whole)} strides",
        ),
        told(
            section,
            "median abs error, strides clipped",
            _median(cut["error_pct"]),
            "%",
            REAL,
            f"{len(cut)} strides",
        ),
        told(
            section,
            "quality, not clipped against clipped",
            float(whole["quality"].mean() - cut["quality"].mean()),
            "",
            REAL,
            "difference of means",
        ),
        told(section, "share of strides with a length", 100.0 * len(lengths) / n, "%", REAL),
        at_least(section, "moving time labelled run", 100.0 * running / moving, 99.0, "%", REAL),
    ]


def _median(values: pd.Series) -> float | None:
    return float(values.abs().median()) if len(values) else None


def _walks() -> list[Row]:
    section, found = "Real: walks, one foot", []
    n = missed = extra = 0
    walking = moving = 0.0
    for folder in sorted(REAL_DATA.glob("pyshoe_walk_*")):
        _, tables, optical = _foot(folder.name)
        count, without, more, lengths = _against_optics(tables, optical)
        n, missed, extra = n + count, missed + without, extra + more
        found.append(lengths)
        walking += tables.summary["walk_time_s"]
        moving += tables.summary["run_time_s"] + tables.summary["walk_time_s"]
    error = pd.concat(found)["error_pct"]
    return [
        told(section, "optical strides without a contact", float(missed), "", REAL, f"{n} strides"),
        told(section, "contacts too many", float(extra), "", REAL),
        told(section, "stride length, median abs error", float(error.abs().median()), "%", REAL),
        told(section, "stride length, mean error", float(error.mean()), "%", REAL),
        at_least(section, "moving time labelled walk", 100.0 * walking / moving, 99.0, "%", REAL),
    ]


def _sacral() -> list[Row]:
    section, errors, cadence = "Real: sacral trials against a force plate", [], []
    n = missed = 0
    for folder in sorted(REAL_DATA.glob("sacrum_treadmill_*")):
        strides = analyze_recording(read_session(folder)).strides
        plate = pd.read_csv(folder / "contacts.csv").to_numpy(float)
        a, b = pairs(plate[:, 0], strides["initial_contact_s"].to_numpy(), 0.12)
        n += len(plate)
        missed += len(plate) - len(a)
        error = strides["stance_time_s"].to_numpy()[b] - (plate[a, 1] - plate[a, 0])
        errors.append(1e3 * error[np.isfinite(error)])
        ours = strides["initial_contact_s"].to_numpy()[b]
        cadence.append(
            60.0 * (len(a) - 1) * (1.0 / (ours[-1] - ours[0]) - 1.0 / (plate[a[-1], 0] - plate[a[0], 0]))
        )
    error = np.concatenate(errors)
    each = ", ".join(f"{np.mean(np.abs(item)):.1f}" for item in errors)
    return [
        told(section, "steps missed", float(missed), "", REAL, f"{n} steps"),
        at_most(
            section,
            "contact time, mean abs error",
            float(np.mean(np.abs(error))),
            15.0,
            "ms",
            REAL,
            f"by trial {each}; {len(error)} steps",
        ),
        told(section, "contact time, bias", float(np.mean(error)), "ms", REAL),
        at_most(section, "cadence, worst trial", max(cadence, key=abs), 0.5, "steps/min", REAL),
    ]


def _raw_sacrum() -> list[Row]:
    section = "Real: raw sacral accelerometer, about 161 steps/min"
    layout = CsvLayout(
        (SensorColumns(Axes(("Accel_LN_X", "Accel_LN_Y", "Accel_LN_Z"), "mps2"), None, "pelvis"),),
        "System_Timestamp_Plot_Zeroed",
        "ms",
    )
    recording = _imported("sacrum_raw_sample/sacrum_512hz.csv", (layout,))
    summary = analyze_recording(recording).summary
    return [
        told(section, "cadence, median", _middle(summary["cadence_spm"]), "steps/min", REAL),
        told(section, "contact time, median", _middle(summary["stance_time_s"], 1e3), "ms", REAL),
    ]


def _middle(item: dict, factor: float = 1.0) -> float | None:
    return factor * item["median"] if "median" in item else None


def _imported(path: str, layouts: tuple, sensors: tuple[str, ...] = ()) -> Recording:
    from tallrun.sessions.assembling import ImportFacts

    return import_csv([REAL_DATA / path], layouts, sensors, ImportFacts()).recording


def _gaitmap() -> list[Row]:
    section, rows = "Real: gaitmap walk, both feet", []
    recording = _imported("foreign/gaitmap_walk/imu_sample.csv", PRESETS["gaitmap"])
    events = pd.read_csv(REAL_DATA / "foreign/gaitmap_walk/stride_events_sample.csv")
    tables = analyze_recording(recording)
    n = missed = 0
    for name, label, column in (("ic", "initial", "initial_contact_s"), ("tc", "final", "final_contact_s")):
        differences = []
        for foot in ("left", "right"):
            theirs = np.unique(np.r_[events[events["foot"] == foot][name].to_numpy()]) / 204.8
            ours = np.sort(tables.strides[tables.strides["foot"] == foot][column].dropna().to_numpy())
            a, b = pairs(theirs, ours, 0.15)
            differences.append(1e3 * (ours[b] - theirs[a]))
            if name == "ic":
                n, missed = n + len(theirs), missed + len(theirs) - len(a)
        off = np.concatenate(differences)
        rows.append(
            told(
                section,
                f"{label} contact against their events, median",
                float(np.median(off)),
                "ms",
                REAL,
                f"SD {np.std(off):.1f} ms; theirs are computed, too",
            )
        )
    walked = tables.summary["walk_time_s"]
    total = walked + tables.summary["run_time_s"]
    return [
        told(section, "their contacts not found within 150 ms", float(missed), "", REAL, f"{n} contacts"),
        *rows,
        at_least(
            section, "moving time labelled walk", 100.0 * walked / total if total else None, 99.0, "%", REAL
        ),
    ]


def _xio() -> list[Row]:
    section = "Real: xio walk, a closed loop"
    recording = _imported("foreign/xio_walk/short_walk.csv", PRESETS["xio"], ("foot_right",))
    tables = analyze_recording(replace(recording))
    strides = tables.strides
    length = strides["stride_length_m"].to_numpy()
    yaw = np.nan_to_num(np.radians(strides["yaw_deg"].to_numpy()))
    # Each stride is laid along the heading half way through its own turn.
    heading = np.cumsum(yaw) - 0.5 * yaw
    steps = np.nan_to_num(length)
    x, y = float(np.sum(steps * np.cos(heading))), float(np.sum(steps * np.sin(heading)))
    walked = float(np.nansum(length))
    return [
        told(section, "contacts", float(len(strides)), "", REAL),
        told(section, "distance walked", walked, "m", REAL),
        told(
            section,
            "end to start, of the distance",
            100.0 * float(np.hypot(x, y)) / walked if walked else None,
            "%",
            REAL,
            "headings from each stride's turn",
        ),
    ]
