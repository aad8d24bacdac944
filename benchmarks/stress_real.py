"""The public recordings, deformed in ways that must not change the answer.

    python benchmarks/stress_real.py                    # every variant, a line each
    python benchmarks/stress_real.py --only loss rate   # those whose name begins so

A variant is the same walk or jog cut, shifted, thinned, resampled, turned, mirrored, made noisy or stamped
anew. What is held against the optical positions: contacts missed and extra, stride length and its sigma, labels.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.signal import resample_poly
from scipy.spatial.transform import Rotation

from tables import REAL_DATA
from tallrun.numerics.recording import Recording, SensorRecording, SensorSpec
from tallrun.pipeline import GaitTables, analyze_recording
from tallrun.sessions import read_session

Array = NDArray[np.float64]
Rng = np.random.Generator
SEEDS = (1, 2, 3)
STANDING_S = 1.0


@dataclass(frozen=True)
class Signals:
    """One foot's samples (t [s], acc [m/s2], gyr [rad/s]), the optical instants (t, x, y), and what is declared."""

    t: Array
    acc: Array
    gyr: Array
    optical: Array
    rate_hz: float = 200.0
    foot: str = "right"
    acc_range_g: float | None = None
    gyr_range_dps: float | None = None


Change = Callable[[Signals, Rng], Signals]


def load(folder: Path) -> Signals:
    sensor = read_session(folder).sensors["foot_right"]
    optical = pd.read_csv(folder / "zero_velocity_instants.csv").to_numpy(float)
    assert sensor.gyr_radps is not None
    return Signals(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, optical)


def analysed(signals: Signals) -> GaitTables:
    spec = SensorSpec(
        f"foot_{signals.foot}",
        signals.rate_hz,
        acc_range_g=signals.acc_range_g,
        gyr_range_dps=signals.gyr_range_dps,
    )
    sensor = SensorRecording(spec, signals.t, signals.acc, signals.gyr)
    return analyze_recording(Recording({spec.placement: sensor}))


def cut(begin: float, end: float) -> Change:
    """Keep the part of the moving time from share ``begin`` to ``end``; what stands outside goes."""

    def change(s: Signals, rng: Rng) -> Signals:
        first, last = s.optical[0, 0], s.optical[-2, 0]
        lo = -np.inf if begin <= 0.0 else first + begin * (last - first)
        hi = np.inf if end >= 1.0 else first + end * (last - first)
        keep = (s.t >= lo) & (s.t <= hi)
        optical = s.optical[(s.optical[:, 0] >= lo) & (s.optical[:, 0] <= hi - 0.3)]
        optical = optical.copy()
        zero = s.t[keep][0]
        optical[:, 0] -= zero
        return replace(s, t=s.t[keep] - zero, acc=s.acc[keep], gyr=s.gyr[keep], optical=optical)

    return change


def shifted(offset_s: float) -> Change:
    def change(s: Signals, rng: Rng) -> Signals:
        return replace(s, t=s.t + offset_s, optical=s.optical + np.array([offset_s, 0.0, 0.0]))

    return change


def lost(share: float, packet: int) -> Change:
    def change(s: Signals, rng: Rng) -> Signals:
        n = len(s.t) // packet + 1
        keep = np.repeat(rng.random(n) >= share, packet)[: len(s.t)]
        keep[0] = True
        return replace(s, t=s.t[keep], acc=s.acc[keep], gyr=s.gyr[keep])

    return change


def resampled(rate_hz: float) -> Change:
    """At another rate, as a sensor of that rate would see it: an even grid, low-passed when it is coarser."""

    def change(s: Signals, rng: Rng) -> Signals:
        fine = 200.0
        grid = np.arange(s.t[0], s.t[-1], 1.0 / fine)
        both = CubicSpline(s.t, np.hstack([s.acc, s.gyr]))(grid)
        if rate_hz < fine:
            both = resample_poly(both, round(rate_hz), round(fine), axis=0, padtype="line")
            t = s.t[0] + np.arange(len(both)) / rate_hz
        else:
            t = np.arange(s.t[0], s.t[-1], 1.0 / rate_hz)
            both = CubicSpline(s.t, np.hstack([s.acc, s.gyr]))(t)
        return replace(s, t=t, acc=both[:, :3], gyr=both[:, 3:], rate_hz=rate_hz)

    return change


def noisy(acc_mps2: float, gyr_radps: float) -> Change:
    def change(s: Signals, rng: Rng) -> Signals:
        return replace(
            s,
            acc=s.acc + acc_mps2 * rng.standard_normal(s.acc.shape),
            gyr=s.gyr + gyr_radps * rng.standard_normal(s.gyr.shape),
        )

    return change


def biased(gyr_dps: float, acc_mps2: float = 0.0) -> Change:
    def change(s: Signals, rng: Rng) -> Signals:
        way = rng.standard_normal((2, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        return replace(s, gyr=s.gyr + np.radians(gyr_dps) * way[0], acc=s.acc + acc_mps2 * way[1])

    return change


def scaled(gyr: float = 1.0, acc: float = 1.0) -> Change:
    return lambda s, rng: replace(s, gyr=gyr * s.gyr, acc=acc * s.acc)


def turned(s: Signals, rng: Rng) -> Signals:
    matrix = Rotation.random(rng=rng).as_matrix()
    return replace(s, acc=s.acc @ matrix.T, gyr=s.gyr @ matrix.T)


def mirrored(s: Signals, rng: Rng) -> Signals:
    return replace(s, acc=s.acc * [1, -1, 1], gyr=s.gyr * [-1, 1, -1], foot="left")


def digitised(acc_g: float, gyr_dps: float, *, is_told: bool) -> Change:
    def change(s: Signals, rng: Rng) -> Signals:
        def read(values: Array, full: float) -> Array:
            return np.clip(np.round(values / full * 32768), -32768, 32767) * full / 32768

        return replace(
            s,
            acc=read(s.acc, acc_g * 9.80665),
            gyr=read(s.gyr, np.radians(gyr_dps)),
            acc_range_g=acc_g if is_told else None,
            gyr_range_dps=gyr_dps if is_told else None,
        )

    return change


def stamped(jitter_s: float, step_s: float = 0.0) -> Change:
    """An even clock, then jitter, then stamps rounded to ``step_s``; order is kept as a link keeps it."""

    def change(s: Signals, rng: Rng) -> Signals:
        t = s.t[0] + np.arange(len(s.t)) * (s.t[-1] - s.t[0]) / (len(s.t) - 1)
        t = t + jitter_s * rng.standard_normal(len(t))
        t = np.maximum.accumulate(t) + 1e-6 * np.arange(len(t))
        return replace(s, t=np.round(t / step_s) * step_s if step_s else t)

    return change


def declared(rate_hz: float) -> Change:
    return lambda s, rng: replace(s, rate_hz=rate_hz)


def chained(*changes: Change) -> Change:
    def change(s: Signals, rng: Rng) -> Signals:
        for item in changes:
            s = item(s, rng)
        return s

    return change


def variants() -> dict[str, Change]:
    out: dict[str, Change] = {"as it is": lambda s, rng: s}
    for begin in (0.05, 0.12, 0.2, 0.27, 0.35, 0.44, 0.5, 0.6):
        out[f"cut from {begin:.2f}"] = cut(begin, 1.0)
    for end in (0.4, 0.47, 0.55, 0.63, 0.72, 0.81, 0.9):
        out[f"cut to {end:.2f}"] = cut(0.0, end)
    for begin in (0.1, 0.3, 0.5):
        out[f"cut {begin:.1f} to {begin + 0.3:.1f}"] = cut(begin, begin + 0.3)
    out["shift 1234.567 s"] = shifted(1234.567)
    out["shift 30000 s"] = shifted(30000.1)
    for share in (0.02, 0.05):
        for packet in (1, 4, 8, 16):
            out[f"loss {share:.0%} x {packet}"] = lost(share, packet)
    for rate in (50.0, 64.0, 100.0, 104.0, 128.0, 250.0, 400.0, 500.0):
        out[f"rate {rate:.0f}"] = resampled(rate)
        out[f"rate {rate:.0f}, bare"] = chained(resampled(rate), cut(0.1, 0.9))
    out["noise 0.3, 0.02"] = noisy(0.3, 0.02)
    out["noise 1.0, 0.05"] = noisy(1.0, 0.05)
    for dps in (1.0, 2.0, 5.0):
        out[f"bias {dps:.0f} dps"] = biased(dps)
        out[f"bias {dps:.0f} dps, bare"] = chained(biased(dps), cut(0.05, 0.95))
    out["bias acc 0.3"] = biased(0.0, 0.3)
    for factor in (0.98, 0.99, 1.01, 1.02):
        out[f"scale gyr {factor}"] = scaled(gyr=factor)
        out[f"scale acc {factor}"] = scaled(acc=factor)
    out["turned"] = turned
    out["mirrored"] = mirrored
    out["digits 16 g 2000 dps"] = digitised(16, 2000, is_told=True)
    out["digits 16 g 500 dps told"] = digitised(16, 500, is_told=True)
    out["digits 16 g 500 dps untold"] = digitised(16, 500, is_told=False)
    out["digits 8 g 2000 dps"] = digitised(8, 2000, is_told=True)
    out["digits 4 g 2000 dps"] = digitised(4, 2000, is_told=True)
    out["stamps even"] = stamped(0.0)
    for ms in (1.0, 2.0, 3.0, 5.0):
        out[f"stamps {ms:.0f} ms jitter"] = stamped(ms / 1e3)
    out["stamps rounded to 1 ms"] = stamped(0.0, 0.001)
    out["stamps rounded to 4 ms"] = stamped(0.0, 0.004)
    for rate in (180.0, 196.0, 204.8, 208.0, 225.0):
        out[f"declared {rate}"] = declared(rate)
    out["all: bare, 2 % loss, 2 ms jitter, bias 1, noise"] = chained(
        stamped(0.002), lost(0.02, 8), biased(1.0), noisy(0.3, 0.02), turned, cut(0.05, 0.95)
    )
    return out


RANDOM = ("loss", "noise", "bias", "turned", "stamps", "all")


@dataclass
class Score:
    """What one variant of one recording gave."""

    n: int
    missed: int
    extra: int
    errors: Array  # of lengths [%]
    n_sure: int  # lengths within two of their sigmas
    n_length: int
    n_good: int
    right: float


def score(signals: Signals, mode: str) -> Score:
    tables = analysed(signals)
    strides, optical = tables.strides, signals.optical
    contact = strides["initial_contact_s"].to_numpy()
    per = np.histogram(contact, optical[:, 0])[0]
    n = len(per)
    outside = int((contact < optical[0, 0] - STANDING_S).sum())
    flat = strides["foot_flat_s"].to_numpy()
    length = np.hypot(*np.diff(optical[:, 1:], axis=0).T)
    found, good, sure = [], 0, 0
    for k, begin in enumerate(optical[:-1, 0]):
        if not len(flat) or not np.isfinite(flat).any():
            break
        at = int(np.nanargmin(np.abs(flat - begin)))
        measured = strides["stride_length_m"].iloc[at]
        if abs(flat[at] - begin) < 0.25 and np.isfinite(measured):
            found.append(100.0 * (measured / length[k] - 1.0))
            good += strides["quality"].iloc[at] >= 0.6
            sure += abs(measured - length[k]) < 2.0 * strides["length_sigma_m"].iloc[at]
    moving = tables.segments[tables.segments["mode"].isin(["run", "walk"])]
    span = (moving["end_s"] - moving["start_s"]).to_numpy()
    right = float(span[(moving["mode"] == mode).to_numpy()].sum() / span.sum()) if span.sum() else np.nan
    return Score(n, int((per == 0).sum()), int(np.maximum(per - 1, 0).sum()) + outside, np.array(found),
                 int(sure), len(found), int(good), right)  # fmt: skip


def trials() -> Iterator[tuple[str, str, Signals]]:
    for kind, mode in (("jog", "run"), ("walk", "walk")):
        for folder in sorted(REAL_DATA.glob(f"pyshoe_{kind}_*")):
            yield f"{kind} {folder.name[-8:]}", mode, load(folder)


def line(name: str, scores: list[tuple[str, Score]]) -> str:
    text = f"{name:<40}"
    for kind in ("jog", "walk"):
        group = [(label, item) for label, item in scores if label.startswith(kind)]
        errors = np.concatenate([item.errors for _, item in group])
        means = [(float(np.mean(item.errors)), label[-8:]) for label, item in group if len(item.errors) > 4]
        worst = max(means, key=lambda pair: abs(pair[0]), default=(np.nan, ""))
        n = sum(item.n for _, item in group)
        missed, extra = sum(item.missed for _, item in group), sum(item.extra for _, item in group)
        right = np.array([item.right for _, item in group])
        wrong = int((~(right > 0.99)).sum())
        text += (
            f" | {kind} n {n:4d} miss {missed:3d} extra {extra:3d}"
            f" med {np.median(np.abs(errors)) if len(errors) else np.nan:4.2f}"
            f" mean {np.mean(errors) if len(errors) else np.nan:+5.2f}"
            f" worst {worst[0]:+5.2f} max {np.abs(errors).max() if len(errors) else np.nan:4.1f}"
            f" in 2 sigma {100.0 * sum(i.n_sure for _, i in group) / max(len(errors), 1):3.0f}%"
            f" got {100.0 * sum(i.n_length for _, i in group) / n:3.0f}%"
            f" q {100.0 * sum(i.n_good for _, i in group) / n:3.0f}% mislabelled {wrong}"
        )
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--each", action="store_true", help="a line for each recording, too")
    options = parser.parse_args()
    recordings = list(trials())
    for name, change in variants().items():
        if options.only and not any(name.startswith(begin) for begin in options.only):
            continue
        seeds = SEEDS if name.startswith(RANDOM) else SEEDS[:1]
        scores = []
        for label, mode, signals in recordings:
            for seed in seeds:
                scores.append((label, score(change(signals, np.random.default_rng(seed)), mode)))
                if options.each:
                    item = scores[-1][1]
                    mean = np.mean(item.errors) if len(item.errors) else np.nan
                    found = f"n {item.n} miss {item.missed} extra {item.extra} mean {mean:+.2f}"
                    print(f"  {label} seed {seed}: {found} right {item.right:.3f}")
        print(line(name, scores), flush=True)


if __name__ == "__main__":
    main()
