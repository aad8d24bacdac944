"""Analysed sessions for report, replay and comparison tests; each made once for all of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from tallrun import simulate
from tallrun.numerics.recording import Marker, Recording
from tallrun.pipeline import analyse
from tallrun.recovery import Protocol
from tallrun.report import ReportInput
from tallrun.report.compare import Side, side_of
from tallrun.report.overlays import Overlay
from tallrun.report.session_report import analysed
from tallrun.resources import protocol_texts
from tallrun.sessions import read_session

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])
HOSTILE = '</script><script>window.owned=1</script><img src=x onerror="window.owned=1">{{7*7}}\'"&'


@cache
def demo_source() -> ReportInput:
    """The bundled demo session, three sensors."""
    return analysed(read_session(RECORDINGS / "demo_treadmill"), "demo", PROTOCOL)


@cache
def one_foot_source() -> ReportInput:
    """One foot sensor, no pelvis."""
    return analysed(read_session(RECORDINGS / "one_foot"), "one foot", PROTOCOL)


def with_hostile_text(source: ReportInput) -> ReportInput:
    """The same run with markup in every text a person or a file can bring."""
    recording = source.recording
    info = recording.info | {
        "context": {"surface": HOSTILE, "shoes": HOSTILE, "session_kind": HOSTILE},
        "source": HOSTILE, "licence": HOSTILE, "session_id": HOSTILE,
        "bindings": {HOSTILE: {"config": HOSTILE, "sha256": HOSTILE}},
    }  # fmt: skip
    markers = (Marker(30.0, "note", HOSTILE), Marker(40.0, "lap", HOSTILE), Marker(50.0, "pain", "3"))
    entries = (Overlay("1", HOSTILE, HOSTILE, "contact_moved", 31.0, HOSTILE, HOSTILE, 31.1),)
    return replace(
        source, title=HOSTILE, recording=replace(recording, info=info, markers=markers), entries=entries
    )


@cache
def limping(right_longer_pct: float) -> Recording:
    """Two feet, the right one longer on the ground by this much (negative: the left)."""
    programme = simulate.Programme(
        (simulate.Bout("stand", 8.0), simulate.Bout("run", 80.0, 2.8, contact_asymmetry_pct=right_longer_pct))
    )
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(100.0), seed=5)
    return replace(recording, sensors={k: v for k, v in recording.sensors.items() if k != "pelvis"})


@cache
def steady_side(speed_mps: float, seed: int, shift_spm: float = 0.0) -> Side:
    """Two minutes of steady running as one side of a comparison."""
    programme = simulate.Programme(
        (simulate.Bout("stand", 6.0), simulate.Bout("run", 150.0, speed_mps, cadence_shift_spm=shift_spm))
    )
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(100.0), seed=seed)
    return side_of(analyse(recording, record_waves=True), f"run {seed}")
