"""The files ``tallrun analyze`` writes, held against the session contract (design 5.2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tallrun.reasons import REASONS

FILES = {
    "strides.parquet",
    "strides.csv",
    "segments.parquet",
    "timeline.parquet",
    "flags.json",
    "summary.json",
}
STRIDES = (
    "foot", "initial_contact_s", "final_contact_s", "stride_time_s", "stance_time_s", "flight_time_s",
    "duty_factor", "cadence_spm", "stride_length_m", "speed_mps", "foot_strike_angle_deg", "peak_impact_g",
    "overstride_index", "mode", "quality", "timing_sigma_s", "length_sigma_m", "angle_sigma_deg", "reasons",
    "emitted_at_s",
)  # fmt: skip
TIMELINE = (
    "t_s", "mode", "cadence_spm", "speed_mps", "pelvic_tilt_deg", "vertical_oscillation_m", "quality",
)  # fmt: skip
DISTRIBUTIONS = (
    "cadence_spm", "stride_length_m", "speed_mps", "stance_time_s", "flight_time_s", "foot_strike_angle_deg",
    "peak_impact_g", "pelvic_tilt_deg", "vertical_oscillation_m",
)  # fmt: skip
MODES = {"run", "walk", "stand", "other"}
FLAGS = {"low_cadence", "overstriding", "anterior_pelvic_tilt", "asymmetry"}
EVIDENCE = {"window_s", "n_strides", "value", "reference", "reference_kind", "terms", "uncertainty"}


def _refuse(name: str) -> None:
    raise AssertionError(f"JSON holds {name}")


def strict_json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def check_output(folder: Path, end_s: float) -> dict[str, Any]:
    """Check every file of an analysis; return the summary."""
    assert {path.name for path in folder.iterdir()} == FILES
    strides = pd.read_parquet(folder / "strides.parquet")
    check_strides(strides)
    again = pd.read_csv(folder / "strides.csv")
    assert list(again.columns) == list(strides.columns)
    assert len(again) == len(strides)
    if len(strides):
        np.testing.assert_allclose(
            again["initial_contact_s"], strides["initial_contact_s"], rtol=0, atol=1e-9
        )
    check_segments(pd.read_parquet(folder / "segments.parquet"), end_s)
    timeline = pd.read_parquet(folder / "timeline.parquet")
    assert tuple(timeline.columns[: len(TIMELINE)]) == TIMELINE
    np.testing.assert_allclose(timeline["t_s"], 5.0 * np.arange(len(timeline)))
    assert set(timeline["mode"]) <= MODES
    flags = strict_json((folder / "flags.json").read_text())
    for flag in flags:
        assert flag["flag"] in FLAGS
        assert flag["end_s"] >= flag["start_s"]
        assert set(flag["evidence"]) == EVIDENCE
        assert flag["evidence"]["reference_kind"] in ("own_baseline", "population")
    summary = strict_json((folder / "summary.json").read_text())
    check_summary(summary, strides)
    assert summary["flags"] == flags
    return summary


def check_strides(strides: pd.DataFrame) -> None:
    assert tuple(strides.columns[: len(STRIDES)]) == STRIDES
    assert strides["mode"].isin(MODES).all()
    assert strides["quality"].between(0.0, 1.0).all()
    assert strides["initial_contact_s"].notna().all()
    keys = list(zip(strides["initial_contact_s"], strides["foot"].fillna(""), strict=True))
    assert keys == sorted(keys)
    codes = {code for text in strides["reasons"].fillna("") for code in text.split(";") if code}
    assert codes <= set(REASONS)
    closed = strides[strides["stride_time_s"].notna()]
    np.testing.assert_allclose(closed["cadence_spm"] * closed["stride_time_s"], 120.0)
    known = closed[closed["stride_length_m"].notna()]
    np.testing.assert_allclose(known["speed_mps"] * known["stride_time_s"], known["stride_length_m"])
    np.testing.assert_allclose(
        (strides["final_contact_s"] - strides["initial_contact_s"]).dropna(),
        strides["stance_time_s"].dropna(),
    )


def check_segments(segments: pd.DataFrame, end_s: float) -> None:
    assert list(segments.columns) == ["start_s", "end_s", "mode"]
    assert segments["mode"].isin(MODES).all()
    if end_s > 0.0:
        assert segments["start_s"].iloc[0] == 0.0
        assert segments["end_s"].iloc[-1] == end_s
        np.testing.assert_array_equal(segments["start_s"].iloc[1:], segments["end_s"].iloc[:-1])
        assert (segments["end_s"] > segments["start_s"]).all()


def check_summary(summary: dict[str, Any], strides: pd.DataFrame) -> None:
    assert isinstance(summary["n_steps"], int)
    for name in ("run_time_s", "walk_time_s"):
        assert summary[name] >= 0.0
    for name in DISTRIBUTIONS:
        item = summary[name]
        if "median" in item:
            assert set(item) == {"median", "p05", "p95", "n"}
            assert item["p05"] <= item["median"] <= item["p95"]
        else:
            assert item["value"] is None
            assert item["reason"] in REASONS
    assert summary["algorithm"]
    assert summary["quality"]["n_strides"] == len(strides)
