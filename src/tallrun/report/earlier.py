"""The runner's own earlier waveforms: kept beside each analysed session, drawn as a band behind a new one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tallrun.insight.baselines import LEAST_SESSIONS, NEWEST_SESSIONS, SPEED_TOLERANCE
from tallrun.numerics.recording import FloatArray
from tallrun.report.cycles import N_POINTS, PELVIS_SIGNALS, Cycle
from tallrun.sessions import write_text

CYCLES_FILE = "cycles.json"
_VERSION = 2
#: What is kept: angles, which compare between days; acceleration depends on where on the shoe the sensor sat.
_KEPT = ("foot pitch", *(signal for signal, _ in PELVIS_SIGNALS))


@dataclass(frozen=True)
class EarlierBand:
    """Middle of earlier sessions' mean waveforms of one signal and foot, and their standard deviation between them."""

    signal: str
    foot: str
    mean: FloatArray
    sd: FloatArray
    n_sessions: int


def keep_cycles(derived: Path, cycles: Sequence[Cycle], speed_mps: float | None) -> None:
    """Keep the angles of a session over the gait cycle in its ``derived`` folder, with their speed [m/s]."""
    rows = [
        {"signal": item.signal, "foot": item.foot, "mean": np.round(item.mean, 3).tolist(),
         "sd": np.round(item.sd, 3).tolist(), "n_strides": item.n_strides}
        for item in cycles if item.signal in _KEPT
    ]  # fmt: skip
    write_text(
        derived / CYCLES_FILE,
        json.dumps({"version": _VERSION, "speed_mps": speed_mps, "cycles_deg": rows}),
    )


def earlier_bands(folders: Iterable[Path], speed_mps: float | None) -> tuple[EarlierBand, ...]:
    """Return the own band of each signal and foot from three or more sessions within 5 % of a speed; empty without.

    folders : the ``derived`` folders of earlier comparable sessions, newest first; the first ten that fit count. One
    that cannot be read is passed over.
    """
    if speed_mps is None:
        return ()
    found: dict[tuple[str, str], list[list[float]]] = {
        (signal, foot): [] for signal in _KEPT for foot in ("left", "right")
    }
    for folder in folders:
        if all(len(rows) >= NEWEST_SESSIONS for rows in found.values()):
            break
        for which, mean in _kept(folder, speed_mps).items():
            if len(found[which]) < NEWEST_SESSIONS:
                found[which].append(mean)
    return tuple(
        EarlierBand(*which, np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1), len(rows))
        for which, rows in found.items()
        if len(rows) >= LEAST_SESSIONS
    )


def _kept(folder: Path, speed_mps: float) -> dict[tuple[str, str], list[float]]:
    try:
        told = json.loads((folder / CYCLES_FILE).read_text(encoding="utf-8"))
        if (
            told["version"] not in (1, _VERSION)
            or abs(float(told["speed_mps"]) - speed_mps) > SPEED_TOLERANCE * speed_mps
        ):
            return {}
        # The first version knew the foot alone.
        rows = {
            (str(row.get("signal", "foot pitch")), str(row["foot"])): [float(value) for value in row["mean"]]
            for row in told["foot_pitch_deg" if told["version"] == 1 else "cycles_deg"]
        }
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {
        which: mean
        for which, mean in rows.items()
        if which[0] in _KEPT and which[1] in ("left", "right") and len(mean) == N_POINTS
    }
