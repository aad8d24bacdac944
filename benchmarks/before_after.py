"""Whether a change of the engines' code left every number as it was, bit for bit.

    python benchmarks/before_after.py KEPT.pickle            # the first time: keeps what the engines say
    python benchmarks/before_after.py KEPT.pickle            # from then on: holds them against what was kept
    python benchmarks/before_after.py KEPT.pickle --again    # keeps it anew

Looked at: the rows, shapes and status of each engine by itself (foot, foot without gyroscope, pelvis with and without
one; whole and in odd blocks), the joined tables, and what a live run says, of all recordings that are there (shipped
ones, and those in ``../shared/data``) and of simulated sessions of many kinds. The table says per kind how many are the
same; what differs is named with the greatest difference of each column.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tallrun import simulate
from tallrun.gait.acc_only import LEAST_RATE_HZ, AccFootEngine
from tallrun.gait.foot import FootEngine
from tallrun.gait.pelvis import PelvisEngine
from tallrun.numerics.recording import Recording, SensorRecording
from tallrun.pipeline import analyse
from tallrun.recovery import Protocol
from tallrun.resources import protocol_texts
from tallrun.sessions import read_session

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT / "recordings", ROOT.parent / "shared" / "data", ROOT.parent / "shared" / "data" / "foreign")
#: Odd sizes of blocks, as a radio might bring them.
BLOCKS = (1, 7, 16, 3, 250, 20)

STAND = simulate.Bout("stand", 6.0)
JOG = (
    STAND,
    simulate.Bout("walk", 10.0, 1.4),
    simulate.Bout("run", 30.0, 2.8),
    simulate.Bout("walk", 6.0, 1.2),
)
SPRINT = (STAND, simulate.Bout("run", 8.0, 4.0), simulate.Bout("run", 12.0, 7.0), simulate.Bout("stand", 4.0))
BEND = (STAND, simulate.Bout("run", 15.0, 3.2, turn_radius_m=20.0), simulate.Bout("run", 15.0, 3.2, incline_pct=6.0),
        simulate.Bout("stairs", 8.0, 0.5), simulate.Bout("car", 12.0))  # fmt: skip
SLIDE = (STAND, simulate.Bout("run", 30.0, 3.0, slip_share=0.2, slip_m=0.08), STAND)

#: Name: bouts, what the sensors are like, seed.
SIMULATED: dict[str, tuple[tuple[simulate.Bout, ...], dict[str, Any], int]] = {
    "jog 200 Hz": (JOG, {}, 1),
    "jog 50 Hz": (JOG, {"rate_hz": 50.0}, 2),
    "jog 104 Hz, 7 % lost, jitter": (JOG, {"rate_hz": 104.0, "loss": 0.07, "packet_samples": 4, "jitter_s": 0.002}, 3),
    "jog 400 Hz, bursts lost": (JOG, {"rate_hz": 400.0, "loss": 0.05, "burst_packets": 3.0, "duplicate": 0.02}, 4),
    "sprint 4 g, 500 dps": (SPRINT, {"acc_range_g": 4.0, "gyr_range_dps": 500.0}, 5),
    "sprint 8 g, 1000 dps": (SPRINT, {"acc_range_g": 8.0, "gyr_range_dps": 1000.0, "rate_hz": 100.0}, 6),
    "bend, slope, stairs, car": (BEND, {}, 7),
    "slides, the mount slips": (SLIDE, {"slip_at_s": 20.0, "slip_deg": 20.0}, 8),
}  # fmt: skip


def simulated() -> Iterator[tuple[str, Recording]]:
    """Yield the simulated sessions, three sensors each; the first one mirrored and with unknown ranges, too."""
    for name, (bouts, sensor, seed) in SIMULATED.items():
        setups = [simulate.SensorSetup(place, **{"rate_hz": 200.0, **sensor})
                  for place in ("foot_left", "foot_right", "pelvis")]  # fmt: skip
        programme = simulate.Programme(bouts, surface="road", name=name)
        recording = simulate.run(programme, None, setups, seed=seed)[0]
        yield name, recording
        if name.startswith(("jog 200", "sprint")):
            yield f"{name}, mirrored, range not given", mirrored(recording)


def mirrored(recording: Recording) -> Recording:
    """Return the recording as a mirror shows it, feet exchanged, ranges not told."""
    flip, other = np.array([1.0, -1.0, 1.0]), {"foot_left": "foot_right", "foot_right": "foot_left"}
    sensors = {}
    for name, item in recording.sensors.items():
        place = other.get(name, name)
        spec = item.spec.__class__(place, item.spec.rate_hz)
        gyr = None if item.gyr_radps is None else -item.gyr_radps * flip
        sensors[place] = SensorRecording(spec, item.t_s, item.acc_mps2 * flip, gyr)
    return Recording(sensors=sensors)


def recordings(kept: Path) -> Iterator[tuple[str, Recording]]:
    """Yield all sessions; the simulated ones are kept beside ``kept``, for making them takes longer than reading."""
    for folder in FOLDERS:
        for place in sorted(folder.glob("*/session.json")):
            yield place.parent.name, read_session(place.parent)
    made = kept.with_suffix(".simulated")
    if not made.is_file():
        made.write_bytes(pickle.dumps(list(simulated())))
    yield from pickle.loads(made.read_bytes())


def engines(name: str, item: SensorRecording) -> Iterator[tuple[str, Any]]:
    """Yield what every engine that fits a sensor says, whole and in odd blocks."""
    kinds: list[tuple[str, Any]] = []
    if name.startswith("foot_"):
        foot = name.removeprefix("foot_")
        if item.spec.has_gyroscope:
            kinds.append(("foot", lambda: FootEngine(item.spec, foot, record_waves=True)))
        if item.spec.rate_hz >= LEAST_RATE_HZ:
            kinds.append(("foot without gyroscope", lambda: AccFootEngine(item.spec, foot)))
    elif name == "pelvis":
        bare = item.spec.__class__("pelvis", item.spec.rate_hz, item.spec.acc_range_g, has_gyroscope=False)
        kinds.append(("pelvis without gyroscope", lambda: PelvisEngine(bare)))
        if item.spec.has_gyroscope:
            kinds.append(("pelvis", lambda: PelvisEngine(item.spec)))
    for kind, make in kinds:
        for way, sizes in (("whole", (len(item.t_s),)), ("blocks", BLOCKS)):
            engine, rows, at, turn = make(), [], 0, 0
            while at < len(item.t_s):
                cut = slice(at, at + sizes[turn % len(sizes)])
                gyr = None if item.gyr_radps is None or "without" in kind else item.gyr_radps[cut]
                rows.append(engine.feed(item.t_s[cut], item.acc_mps2[cut], gyr))
                at, turn = cut.stop, turn + 1
            rows.append(engine.finish())
            yield f"{kind}, {way}", np.concatenate(rows)
            yield f"{kind}, {way}: status", repr(engine.status())
            if kind == "foot":
                yield f"{kind}, {way}: shapes", engine.waves


def whole(recording: Recording, protocol: Protocol) -> Iterator[tuple[str, Any]]:
    """Yield the joined tables and what a live run says."""
    said: list[Any] = []
    tables = analyse(recording, protocol, on_events=said.extend).tables
    yield "joined strides", tables.strides
    yield "segments and timeline", tables.segments.to_csv() + tables.timeline.to_csv()
    yield "flags and summary", repr(tables.flags) + json.dumps(tables.summary, sort_keys=True, default=str)
    yield "live run", "\n".join(map(repr, said))


def digest(value: Any) -> str:
    """Return a hash over every bit of a table, array or text."""
    if isinstance(value, pd.DataFrame):
        parts = [f"{name}:{column.dtype}:".encode() + (
            column.to_numpy().tobytes() if column.dtype.kind in "fiub" else "\n".join(map(str, column)).encode()
        ) for name, column in value.items()]  # fmt: skip
        return hashlib.sha256(b"".join(parts)).hexdigest()
    return hashlib.sha256(value.encode() if isinstance(value, str) else value.tobytes()).hexdigest()


def difference(old: Any, new: Any) -> str:
    """Say what differs, column by column where the tables are alike in size."""
    if isinstance(old, str):
        pairs = [(a, b) for a, b in zip(old.splitlines(), new.splitlines(), strict=False) if a != b]
        return f"{len(pairs)} lines, first {pairs[0]}" if pairs else f"{len(old)} → {len(new)} characters"
    if len(old) != len(new):
        return f"{len(old)} → {len(new)} rows"
    names = list(old.columns) if isinstance(old, pd.DataFrame) else old.dtype.names or ()
    out = []
    for name in names:
        a, b = np.asarray(old[name]), np.asarray(new[name])
        if a.dtype.kind == "f" and a.tobytes() != b.tobytes():
            count = np.sum((a != b) & ~(np.isnan(a) & np.isnan(b)))
            out.append(f"{name} {np.nanmax(np.abs(a - b), initial=0.0):.3g} ({count})")
        elif a.dtype.kind != "f" and not pd.Series(a).equals(pd.Series(b)):
            out.append(f"{name} ({np.sum(a.astype(str) != b.astype(str))})")
    return ", ".join(out) or "values"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kept", type=Path)
    parser.add_argument("--again", action="store_true", help="keep what the engines say now")
    options = parser.parse_args()
    protocol = Protocol.from_toml(protocol_texts()["pht"])
    found: dict[tuple[str, str], Any] = {}
    for name, recording in recordings(options.kept):
        for place, item in recording.sensors.items():
            found |= {(f"{name}: {place}", kind): value for kind, value in engines(place, item)}
        found |= {(name, kind): value for kind, value in whole(recording, protocol)}
    if options.again or not options.kept.is_file():
        options.kept.write_bytes(pickle.dumps(found))
        print(f"kept {len(found)} results")
        return
    kept = pickle.loads(options.kept.read_bytes())
    print("| what | results | rows | before | after | differ |\n|---|---|---|---|---|---|")
    for kind in dict.fromkeys(kind for _, kind in kept | found):
        keys = [key for key in kept | found if key[1] == kind]
        sides = [[digest(side[key]) if key in side else "none" for key in keys] for side in (kept, found)]
        rows = sum(len(found[key]) for key in keys if key in found and not isinstance(found[key], str))
        names = [hashlib.sha256("".join(side).encode()).hexdigest()[:12] for side in sides]
        differ = sum(a != b for a, b in zip(*sides, strict=True))
        print(f"| {kind} | {len(keys)} | {rows or ''} | {names[0]} | {names[1]} | {differ} |")
    bad = [
        key
        for key in kept | found
        if key not in kept or key not in found or digest(kept[key]) != digest(found[key])
    ]
    for key in bad:
        print(*key, sep=" | ", end=": ")
        print(difference(kept[key], found[key]) if key in kept and key in found else "only on one side")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
