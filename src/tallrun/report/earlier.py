"""The runner's own earlier waveforms: kept beside each analysed session, drawn as a band behind a new one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tallrun.insight.baselines import LEAST_SESSIONS, NEWEST_SESSIONS, SPEED_TOLERANCE
from tallrun.numerics.recording import FloatArray
from tallrun.report.cycles import N_POINTS, Cycle
from tallrun.sessions import write_text

CYCLES_FILE = "cycles.json"
_VERSION = 1


@dataclass(frozen=True)
class EarlierBand:
    """Middle of earlier sessions' mean waveforms of one foot, and their standard deviation between sessions."""

    foot: str
    mean: FloatArray
    sd: FloatArray
    n_sessions: int


def keep_cycles(derived: Path, cycles: Sequence[Cycle], speed_mps: float | None) -> None:
    """Keep the foot-pitch waveforms of a session in its ``derived`` folder, with the speed they belong to [m/s]."""
    rows = [
        {"foot": item.foot, "mean": np.round(item.mean, 3).tolist(), "sd": np.round(item.sd, 3).tolist(),
         "n_strides": item.n_strides}
        for item in cycles if item.signal == "foot pitch"
    ]  # fmt: skip
    write_text(
        derived / CYCLES_FILE,
        json.dumps({"version": _VERSION, "speed_mps": speed_mps, "foot_pitch_deg": rows}),
    )


def earlier_bands(folders: Iterable[Path], speed_mps: float | None) -> tuple[EarlierBand, ...]:
    """Return the own band of each foot from sessions within 5 % of a speed; empty with fewer than three, or no speed.

    folders : the ``derived`` folders of earlier comparable sessions, newest first; the first ten that fit count. One
    that cannot be read is passed over.
    """
    if speed_mps is None:
        return ()
    found: dict[str, list[list[float]]] = {"left": [], "right": []}
    for folder in folders:
        if all(len(rows) >= NEWEST_SESSIONS for rows in found.values()):
            break
        for foot, mean in _kept(folder, speed_mps).items():
            if len(found[foot]) < NEWEST_SESSIONS:
                found[foot].append(mean)
    return tuple(
        EarlierBand(foot, np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1), len(rows))
        for foot, rows in found.items()
        if len(rows) >= LEAST_SESSIONS
    )


def _kept(folder: Path, speed_mps: float) -> dict[str, list[float]]:
    try:
        told = json.loads((folder / CYCLES_FILE).read_text(encoding="utf-8"))
        if (
            told["version"] != _VERSION
            or abs(float(told["speed_mps"]) - speed_mps) > SPEED_TOLERANCE * speed_mps
        ):
            return {}
        rows = {str(row["foot"]): [float(value) for value in row["mean"]] for row in told["foot_pitch_deg"]}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {foot: mean for foot, mean in rows.items() if foot in ("left", "right") and len(mean) == N_POINTS}
