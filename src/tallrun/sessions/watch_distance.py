"""How far a watch's run went: by its positions, its own counting or its summary, and never across a break.

Positions, device and summary are held against each other: a device that counts nothing, kilometres or metres since the
point before gives way, and is told of.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tallrun.numerics.believed import BELIEVED
from tallrun.numerics.recording import FloatArray

#: Faster than any runner: the line between two such points was not run.
_FASTEST_MPS = BELIEVED["speed_mps"][1]
_EARTH_RADIUS_M = 6_371_008.8
#: Less cannot tell two distances apart; so many steps tell a unit, to this share.
_WORTH_M, _FEW_STEPS, _UNIT_TOLERANCE = 50.0, 10, 0.12
#: A longer silence is a hole worth a word.
_HOLE_S = 30.0


def told_distance(
    t_s: FloatArray,
    part: NDArray[np.int64],
    device_m: FloatArray,
    leg_m: FloatArray,
    position_deg: tuple[FloatArray, FloatArray],
    total_m: float,
    *,
    positions_first: bool,
) -> tuple[FloatArray, list[str]]:
    """Return (metres at each point; what was done): by positions, or by the device where these do not gainsay it.

    total_m : what the file's summary says, NaN without one.
    """
    if not np.isfinite(device_m).any() and np.isfinite(leg_m).any():
        device_m = np.full(t_s.size, np.nan)
        order = np.argsort(t_s, kind="stable")
        device_m[order] = np.cumsum(np.nan_to_num(leg_m[order]))
    by_device, told = device_distance(t_s, device_m)
    has_positions = np.isfinite(position_deg[0]).sum() > 1
    along, told_along = distance_along(t_s, *position_deg, part) if has_positions else (by_device, told)
    if has_positions and (positions_first or not np.isfinite(device_m).any()):
        return along, told_along
    device_ran_m, along_m = _range(by_device), _range(along) if has_positions else np.nan
    if _agree(device_ran_m, total_m) or not np.isfinite(device_ran_m):
        return by_device, told
    # Not what the summary says: a device that went on counting while the recording was off?
    cut_m = _without_breaks(t_s, part, by_device)
    if _agree(_range(cut_m), total_m):
        return cut_m, [
            *told,
            f"{device_ran_m - _range(cut_m):.0f} m between parts of the recording not counted",
        ]
    for other_m, what, taken in ((along_m, "positions", "were"), (total_m, "summary", "was")):
        if other_m > _WORTH_M and not 0.5 * other_m <= device_ran_m and not _agree(device_ran_m, other_m):
            said = (
                f"its points say {device_ran_m:.0f} m, its {what} {other_m:.0f} m; the {what} {taken} taken"
            )
            return (along if what == "positions" else np.full(t_s.size, np.nan)), [said]
    if np.isfinite(total_m):
        told = [
            *told,
            f"its summary says {total_m:.0f} m, its points {device_ran_m:.0f} m; the points were taken",
        ]
    return by_device, told


def _agree(one_m: float, other_m: float) -> bool:
    return bool(abs(one_m - other_m) <= max(50.0, 0.05 * other_m))


def _range(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.ptp(known)) if known.size else np.nan


def _without_breaks(t_s: FloatArray, part: NDArray[np.int64], along_m: FloatArray) -> FloatArray:
    """Return the distance without what it rose from one part to the next."""
    result = along_m.copy()
    known = np.flatnonzero(np.isfinite(along_m))
    known = known[np.argsort(t_s[known], kind="stable")]
    rise_m = np.diff(along_m[known], prepend=along_m[known[:1]])
    rise_m[1:][np.diff(part[known]) != 0] = 0.0
    result[known] = along_m[known[:1]] + np.cumsum(rise_m)
    return result


def in_mps(t_s: FloatArray, along_m: FloatArray, speed: FloatArray) -> tuple[FloatArray, list[str]]:
    """Return (speed in m/s, what was done); some programs write km/h or miles an hour where the format wants m/s."""
    known = np.flatnonzero(np.isfinite(along_m) & np.isfinite(speed))
    known = known[np.argsort(t_s[known], kind="stable")]
    step_s, step_m = np.diff(t_s[known]), np.diff(along_m[known])
    moving = (step_m > 0.5) & (step_s > 0.0) & (step_s <= _HOLE_S)
    if moving.sum() >= _FEW_STEPS:
        ratio = float(np.median(speed[known][1:][moving] * step_s[moving] / step_m[moving]))
        for unit, factor in (("km/h", 3.6), ("miles an hour", 1.0 / 0.44704)):
            if abs(ratio / factor - 1.0) < _UNIT_TOLERANCE:
                return speed / factor, [f"its speed fits its distance in {unit} and was read so"]
    return speed, []


def distance_along(
    t_s: FloatArray, lat_deg: FloatArray, lon_deg: FloatArray, part: NDArray[np.int64]
) -> tuple[FloatArray, list[str]]:
    """Return (metres since the first position for each point, NaN without one; what was left out, in words).

    Points are taken in order of time within each part. Parts that share a point are one part; of parts recorded at the
    same time (two devices) the one with most points counts.
    """
    notes: list[str] = []
    result = np.full(t_s.size, np.nan)
    known = np.flatnonzero(np.isfinite(lat_deg) & np.isfinite(lon_deg) & np.isfinite(t_s))
    if not known.size:
        return result, notes
    frame = pd.DataFrame({"t": t_s[known], "lat": lat_deg[known], "lon": lon_deg[known], "part": part[known]})
    frame["part"] = frame["part"].map(_joined_parts(frame))
    tracks = [track.groupby("t", as_index=False)[["lat", "lon"]].mean() for _, track in frame.groupby("part")]
    tracks.sort(key=lambda track: (-len(track), float(track["t"].iloc[0]), float(track["lat"].iloc[0])))
    taken: list[tuple[float, float]] = []
    ends, legs, holes, hole_m, jumps = [], [], 0, 0.0, 0
    dropped_s = 0.0
    for track in tracks:
        first, last = float(track["t"].iloc[0]), float(track["t"].iloc[-1])
        shared_s = sum(max(0.0, min(last, b) - max(first, a)) for a, b in taken)
        if shared_s > 1.0:
            dropped_s += shared_s
            continue
        taken.append((first, last))
        at, leg_m, told = _legs(track)
        ends.append(at)
        legs.append(leg_m)
        holes, hole_m, jumps = holes + told[0], hole_m + told[1], jumps + told[2]
    at = np.concatenate(ends)
    order = np.argsort(at, kind="stable")
    along_m = np.concatenate(([0.0], np.cumsum(np.concatenate(legs)[order])))
    result[known] = along_m[np.searchsorted(at[order], t_s[known], side="right")]
    if dropped_s:
        notes.append(
            f"{dropped_s:.0f} s are there twice, in tracks of the same time; the track with most points counts"
        )
    if holes:
        notes.append(
            f"{holes} hole{'s' if holes > 1 else ''} of over {_HOLE_S:.0f} s in the track: {hole_m:.0f} m "
            "straight across are in the distance"
        )
    if jumps:
        notes.append(
            f"{jumps} jump{'s' if jumps > 1 else ''} faster than {_FASTEST_MPS:.0f} m/s not counted as distance"
        )
    return result, notes


def _joined_parts(frame: pd.DataFrame) -> dict[int, int]:
    """Return the part that each part belongs to: parts holding the very same point at the same time are one."""
    owner = {int(name): int(name) for name in frame["part"].unique()}

    def root(name: int) -> int:
        while owner[name] != name:
            name = owner[name]
        return name

    twice = frame[frame.duplicated(["t", "lat", "lon"], keep=False)]
    for _, same in twice.groupby(["t", "lat", "lon"]) if twice["part"].nunique() > 1 else ():
        names = sorted({root(int(name)) for name in same["part"]})
        for name in names[1:]:
            owner[name] = names[0]
    return {name: root(name) for name in owner}


def _legs(track: pd.DataFrame) -> tuple[FloatArray, FloatArray, tuple[int, float, int]]:
    """Return (end of each leg, its metres, (holes, metres across them, jumps)) of one track in order of time."""
    t, lat, lon = (track[name].to_numpy(np.float64) for name in ("t", "lat", "lon"))
    if t.size > 2:
        fast = _arc_m(lat[:-1], lon[:-1], lat[1:], lon[1:]) > _FASTEST_MPS * np.diff(t)
        past = _arc_m(lat[:-2], lon[:-2], lat[2:], lon[2:]) <= _FASTEST_MPS * (t[2:] - t[:-2])
        stray = np.concatenate(([False], fast[:-1] & fast[1:] & past, [False]))
        # Of two strays side by side one is the other's neighbour: only lone ones are known to be astray.
        stray &= ~np.concatenate(([False], stray[:-1]))
        n_stray, (t, lat, lon) = int(stray.sum()), (values[~stray] for values in (t, lat, lon))
    else:
        n_stray = 0
    leg_m, step_s = _arc_m(lat[:-1], lon[:-1], lat[1:], lon[1:]), np.diff(t)
    jump = leg_m > _FASTEST_MPS * step_s
    leg_m = np.where(jump, 0.0, leg_m)
    hole = (step_s > _HOLE_S) & ~jump & (leg_m > 1.0)
    return t[1:], leg_m, (int(hole.sum()), float(leg_m[hole].sum()), int(jump.sum()) + n_stray)


def _arc_m(lat_a: FloatArray, lon_a: FloatArray, lat_b: FloatArray, lon_b: FloatArray) -> FloatArray:
    """Great-circle distance between positions in degrees (haversine)."""
    a, b = np.radians(lat_a), np.radians(lat_b)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lon_b - lon_a) / 2) ** 2
    return np.asarray(2.0 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))


def device_distance(t_s: FloatArray, device_m: FloatArray) -> tuple[FloatArray, list[str]]:
    """Return (the device's own distance, never falling as time rises; what was done to it).

    Some files begin at zero again with each lap: a fall to under half is a new beginning, a lesser one a bad value.
    """
    result, notes = device_m.copy(), []
    known = np.flatnonzero(np.isfinite(device_m))
    known = known[np.lexsort((device_m[known], t_s[known]))]
    offset_m, last_m, last_t, restarts, odd = 0.0, 0.0, 0.0, 0, 0
    for i, place in enumerate(known.tolist()):
        value = float(device_m[place])
        if value + offset_m < last_m - 1.0 and t_s[place] > last_t:
            following = device_m[known[i + 1 : i + 4]]
            stays = following.size == 0 or float(np.median(following)) + offset_m < last_m - 1.0
            if value < 0.5 * (last_m - offset_m) and stays:
                offset_m, restarts = last_m, restarts + 1
            else:
                odd += 1
                result[place] = np.nan
                continue
        elif value + offset_m - last_m > _FASTEST_MPS * (t_s[place] - last_t) + 200.0 and i:
            following = device_m[known[i + 1 : i + 2]]
            if following.size and float(following[0]) < value - 1.0:  # a spike: the next one is below again
                odd += 1
                result[place] = np.nan
                continue
        last_m, last_t = max(last_m, value + offset_m), float(t_s[place])
        result[place] = last_m
    if restarts:
        notes.append(f"the distance begins at zero again {restarts} time(s) and was added up")
    if odd:
        notes.append(f"{odd} value(s) of distance do not fit those around them and count as unknown")
    return result, notes
