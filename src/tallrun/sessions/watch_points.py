"""From the points of a watch file to rows: time, distance, cadence; what is doubtful is named, never guessed.

Distance belongs to time and to a part (a segment, a track): points are put in order of time, no line is drawn from one
part to the next, and neither the order of the parts in the file nor a point written twice changes the sum.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tallrun.errors import FormatError
from tallrun.numerics.recording import FloatArray
from tallrun.sessions.checks import MAX_TIME_S, names_of_strangers
from tallrun.units import STEPS_PER_STRIDE

#: Columns of a watch's rows; all float64, NaN where unknown.
ROW_COLUMNS = (
    "t_s", "heart_rate_bpm", "cadence_spm", "speed_mps", "distance_m", "altitude_m", "power_w", "stance_time_s",
    "duty_factor", "stance_left_pct", "vertical_oscillation_m", "step_length_m", "foot_strike_angle_left_deg",
    "foot_strike_angle_right_deg", "pelvic_tilt_deg", "overstride_index", "n_cues",
)  # fmt: skip
LAP_COLUMNS = (
    "start_s", "duration_s", "distance_m", "heart_rate_bpm", "max_heart_rate_bpm", "cadence_spm",
)  # fmt: skip
CADENCES = ("auto", "strides", "steps")
MAX_ACTIVITY_ROWS = 1_000_000
#: What a watch says is believed inside these; outside it is unknown, not clipped. Watches write 0 for a pulse, a
#: contact time or a length they did not measure.
PLAUSIBLE = {
    "heart_rate_bpm": (20.0, 250.0), "cadence_spm": (0.0, 245.0), "speed_mps": (0.0, 15.0), "distance_m": (0.0, 1e6),
    "altitude_m": (-450.0, 9000.0), "power_w": (0.0, 2500.0), "stance_time_s": (0.03, 2.0), "duty_factor": (0.01, 1.0),
    "stance_left_pct": (1.0, 99.0), "vertical_oscillation_m": (0.001, 0.5), "step_length_m": (0.05, 5.0),
    "foot_strike_angle_left_deg": (-90.0, 90.0), "foot_strike_angle_right_deg": (-90.0, 90.0),
    "pelvic_tilt_deg": (-90.0, 90.0), "overstride_index": (-100.0, 100.0), "n_cues": (0.0, 255.0),
}  # fmt: skip
_LAP_PLAUSIBLE = {
    "duration_s": (0.0, MAX_TIME_S), "distance_m": (0.0, 1e6), "heart_rate_bpm": (20.0, 250.0),
    "max_heart_rate_bpm": (20.0, 250.0), "cadence_spm": (1.0, 245.0),
}  # fmt: skip
#: No runner makes more strides a minute; above, the file counts steps.
MOST_STRIDES_PER_MIN = 125.0
#: A step no runner makes [m]: with it, a lone high value is a spike in a field of strides.
_IMPOSSIBLE_STEP_M = 1.9
#: Programs known to write steps where the format wants strides.
_STEP_WRITERS = re.compile(r"qdomyos|\bqz\b|trackmyindoorworkout|track my indoor|codoon", re.I)
#: Faster than any runner: the line between two such points was not run.
_FASTEST_MPS = PLAUSIBLE["speed_mps"][1]
#: A longer silence is a hole worth a word; a longer one than a day parts two runs.
_HOLE_S, _OTHER_RUN_S = 30.0, 86_400.0
_EARTH_RADIUS_M = 6_371_008.8
#: Sports on foot win over the others' words ("trail run"), except where the other is part of the word ("swimrun").
_FOOT_WORDS = re.compile(
    r"\b(virtual_?)?(run|jog|walk|hik|trek|treadmill|orienteer|marche|course a|lauf|wander)", re.I
)
_OTHER_WORDS = re.compile(
    r"bik(e|ing)|cycl|\b\w*ride\b|riding|\bmtb|\bbmx|swim|\brow|\bski|snow|skat|kayak|cano|paddl|surf|sail|climb|yoga|strength"
    r"|elliptic|driv|\bcar\b|motor|flight|flying|golf|tennis|soccer|football|basketball|gym\b|spinning|triathlon|duathlon"
    r"|multi_?sport|transition|wheelchair|rad(fahren|sport)|velo\b|v[ée]lo|weight|crossfit|pilates|boxing|danc|horse|hunt"
    r"|fishing|diving",
    re.I,
)
_FOOT_NUMBERS, _OTHER_NUMBERS = {"9": "running", "10": "walking", "4": "hiking"}, {"1": "cycling"}


@dataclass
class Points:
    """What a reader found, in the file's order.

    at : when; a datetime, or seconds of a watch whose clock was never set, or None.
    part : its segment; no distance is counted from one part to another.
    values : columns of ``ROW_COLUMNS`` in our units, and as written: ``cadence`` (a minute), ``lat_deg``, ``lon_deg``.
    laps : totals of each lap: ``at``, columns of ``LAP_COLUMNS`` but ``start_s``, and ``cadence`` as written.
    left : names of values of points that have no column here, as the file writes them.
    """

    at: list[datetime | float | None] = field(default_factory=list)
    part: list[int] = field(default_factory=list)
    values: list[dict[str, float]] = field(default_factory=list)
    laps: list[dict[str, object]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)
    odd_where: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)

    def add(self, at: datetime | float | None, part: int, values: dict[str, float]) -> None:
        """Add one point. Raises FormatError when there are too many."""
        if len(self.at) >= MAX_ACTIVITY_ROWS:
            raise FormatError(f"the file holds more than {MAX_ACTIVITY_ROWS} points")
        self.at.append(at)
        self.part.append(part)
        self.values.append(values)

    def note_odd(self, what: str, where: str) -> None:
        """Count a value that was no number or no time; the place of the first is told."""
        self.odd[what] += 1
        self.odd_where.setdefault(what, where)

    def left_note(self) -> list[str]:
        """Return the sentence that names what points held and is not kept; nothing where all of it is."""
        return [f"not kept: {names_of_strangers(self.left)}"] if self.left else []

    def odd_notes(self) -> list[str]:
        """Return a sentence for each kind of value that could not be read."""
        return [
            f"{n} value{'s' if n > 1 else ''} of {what} could not be read and count as unknown "
            f"({'first ' if n > 1 else ''}{self.odd_where[what]})"
            for what, n in self.odd.items()
        ]


@dataclass(frozen=True)
class WatchTable:
    """Rows in order of time from ``started_at`` (None when the watch had no clock), laps, and what was done."""

    started_at: datetime | None
    rows: pd.DataFrame
    laps: pd.DataFrame
    cadence_stored_as: str | None
    recorded_s: float
    notes: tuple[str, ...]


def sport_on_foot(name: str | None) -> tuple[str | None, bool | None]:
    """Return (sport in words, whether it is on foot); None when the word is unknown or there is none."""
    text = (name or "").strip()
    if not text or text.casefold() in ("other", "generic", "unknown", "default", "activity"):
        return None, None
    if text in _FOOT_NUMBERS or text in _OTHER_NUMBERS:
        return (_FOOT_NUMBERS | _OTHER_NUMBERS)[text], text in _FOOT_NUMBERS
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).replace("_", " ").replace("-", " ")
    if _FOOT_WORDS.search(words):
        return text, True
    return text, False if _OTHER_WORDS.search(words) else None


def refuse_other_sports(where: object, names: Sequence[str | None]) -> tuple[str | None, tuple[str, ...]]:
    """Return (sport, notes) of a file's parts. Raises FormatError, naming it, when one is of a sport not on foot."""
    sports, notes = [], []
    for name in dict.fromkeys(names):
        sport, on_foot = sport_on_foot(name)
        if on_foot is False:
            raise FormatError(
                f"{where} is an activity of sport {str(sport)[:40]}; only running and walking are imported"
            )
        if on_foot:
            sports.append(str(sport))
        elif sport is not None:
            notes.append(f"the file calls its sport {sport[:40]!r}; it was read as a run")
    return (sports[0] if sports else None), tuple(notes)


def watch_table(
    points: Points, cadence: str = "auto", writer: str = "", *, positions_first: bool = False
) -> WatchTable:
    """Return the rows of a watch file: by time, two points of one moment joined, what cannot be to NaN.

    cadence : what the file counts a minute. ``positions_first`` takes the distance from positions where there are some,
    else from the device where it has one.

    Raises FormatError when nothing has a time, for two runs in one file, or for an unknown ``cadence``.
    """
    if cadence not in CADENCES:
        raise FormatError(f"--cadence must be one of {', '.join(CADENCES)}, got {cadence!r}")
    notes = [*points.notes, *points.odd_notes(), *points.left_note()]
    stamps, kept, origin = _dated(points, notes)
    if not stamps.size and not points.laps:
        raise FormatError("the file holds no points with a time: nothing to import")
    t_s, raw = stamps, [points.values[i] for i in kept]
    part = np.array([points.part[i] for i in kept], np.int64)

    def column(name: str) -> FloatArray:
        return np.array([values.get(name, np.nan) for values in raw], np.float64)

    table = pd.DataFrame({"t_s": t_s} | {name: column(name) for name in ROW_COLUMNS[1:]})
    for name, (low, high) in PLAUSIBLE.items():
        table[name] = table[name].where(table[name].between(low, high))
    counted, stored_as = steps_per_min(column("cadence"), table["speed_mps"].to_numpy(), cadence, writer)
    if np.isfinite(counted).any():
        table["cadence_spm"] = np.where(counted <= PLAUSIBLE["cadence_spm"][1], counted, np.nan)
    device_m, lat, lon = table["distance_m"].to_numpy(), column("lat_deg"), column("lon_deg")
    # A watch cannot have recorded a run at the sea off Ghana: 0, 0 is what receivers write before they know.
    lat = np.where((lat == 0.0) & (lon == 0.0), np.nan, lat)
    if np.isfinite(lat).sum() > 1 and (positions_first or not np.isfinite(device_m).any()):
        table["distance_m"], told = distance_along(t_s, lat, lon, part)
        notes += told
    else:
        table["distance_m"], told = device_distance(t_s, device_m)
        notes += told
    rows, told = join_moments(table)
    notes += told
    laps = _laps(points.laps, origin, stored_as, notes)
    if not len(rows):
        rows = _rows_of_totals(laps)
        notes.append("the file holds only the totals of its laps, no points")
    at = origin if isinstance(origin, datetime) else None
    if at is None:
        notes.append("the watch had no date: when the run began is not known (give it with --started-at)")
    return WatchTable(at, rows, laps, stored_as, _recorded_s(t_s, part, laps), tuple(notes))


def _dated(points: Points, notes: list[str]) -> tuple[FloatArray, NDArray[np.int64], datetime | float | None]:
    """Return (seconds from the start, places of the points kept, the start); stamps without a date or a wild one go."""
    dated = [i for i, at in enumerate(points.at) if isinstance(at, datetime)]
    counted = [i for i, at in enumerate(points.at) if isinstance(at, float)]
    undated = len(points.at) - len(dated) - len(counted)
    if undated:
        notes.append(f"{undated} point{'s' if undated > 1 else ''} without a time left out")
    chosen = dated if len(dated) >= len(counted) else counted
    if dated and counted:
        less = min(len(dated), len(counted))
        notes.append(f"{less} point(s) left out: the watch's clock was set in the middle of the run")
    if not chosen:
        lap_starts = [lap["at"] for lap in points.laps if isinstance(lap.get("at"), datetime)]
        origin = min(lap_starts, default=None)  # type: ignore[type-var]
        return np.zeros(0), np.zeros(0, np.int64), origin  # type: ignore[return-value]
    if chosen is dated:
        epoch = datetime(2000, 1, 1, tzinfo=UTC)
        moments = [at for at in points.at if isinstance(at, datetime)]
        since_s = np.array([(at - epoch).total_seconds() for at in moments])
    else:
        since_s = np.array([points.at[i] for i in chosen], np.float64)
    keep = _main_run(since_s, notes)
    first_s = float(since_s[keep].min())
    places = np.array(chosen, np.int64)[keep]
    first = int(places[np.argmin(since_s[keep])])
    return since_s[keep] - first_s, places, points.at[first]


def _main_run(since_s: FloatArray, notes: list[str]) -> NDArray[np.bool_]:
    """Tell which stamps belong to the run; a few wild dates before or after it are dropped, two runs refused."""
    order = np.argsort(since_s, kind="stable")
    cluster = np.empty(since_s.size, np.int64)
    cluster[order] = np.concatenate(([0], np.cumsum(np.diff(since_s[order]) > _OTHER_RUN_S)))
    sizes = np.bincount(cluster)
    main = int(np.argmax(sizes))
    others = since_s.size - int(sizes[main])
    if others and (others > max(3, 0.02 * since_s.size) or others * 2 >= sizes[main]):
        days = (since_s.max() - since_s.min()) / 86_400.0
        raise FormatError(f"its points lie {days:.0f} days apart, more than one run: export the run alone")
    if others:
        notes.append(
            f"{others} point{'s' if others > 1 else ''} left out: more than a day away from the other "
            f"{int(sizes[main])}, a clock not yet set"
        )
    keep = cluster == main
    span_s = float(np.ptp(since_s[keep]))
    if span_s > MAX_TIME_S:
        raise FormatError(
            f"its points lie {span_s / 86_400.0:.0f} days apart, more than one run: export the run alone"
        )
    return np.asarray(keep)


def steps_per_min(
    raw: FloatArray, speed_mps: FloatArray, how: str, writer: str = ""
) -> tuple[FloatArray, str | None]:
    """Return (steps a minute of both feet, what the file counts: strides or steps); None without a value above zero.

    With ``auto`` one value over 125 proves steps, unless by the speed such steps were longer than a runner's.
    """
    positive = raw > 0.0
    if not positive.any():
        return raw, None
    if how == "auto":
        how = "strides"
        with np.errstate(invalid="ignore", divide="ignore"):
            step_m = np.median((60.0 * speed_mps / raw)[positive & (speed_mps > 0.5)].tolist() or [np.nan])
        if _STEP_WRITERS.search(writer) or (
            np.nanmax(raw) > MOST_STRIDES_PER_MIN and not step_m > _IMPOSSIBLE_STEP_M
        ):
            how = "steps"
    if how == "steps":
        return raw, how
    return np.where(raw <= MOST_STRIDES_PER_MIN, STEPS_PER_STRIDE * raw, np.nan), how


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


def join_moments(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return (rows in order of time, one for each moment; notes): what two points of a moment know is put together."""
    if not table["t_s"].duplicated().any():
        return table.sort_values("t_s", ignore_index=True), []
    by_moment = table.groupby("t_s", sort=True)
    rows = by_moment.mean()
    rows["distance_m"] = by_moment["distance_m"].max()
    differing = (by_moment.nunique() > 1).sum()
    notes = [
        f"{int(n)} moment(s) hold two values of {name}; "
        f"{'the larger' if name == 'distance_m' else 'their mean'} was taken"
        for name, n in differing.items()
        if n
    ]
    return rows.reset_index()[list(table.columns)], notes


def _laps(
    laps: list[dict[str, object]], origin: datetime | float | None, stored_as: str | None, notes: list[str]
) -> pd.DataFrame:
    """Return the laps as a table; a lap without a start follows the one before it."""
    rows: list[dict[str, float]] = []
    end_s = 0.0
    for lap in laps:
        row = {name: float(lap.get(name, np.nan)) for name in LAP_COLUMNS[1:]}  # type: ignore[arg-type]
        raw = lap.get("cadence")
        if isinstance(raw, float) and raw > 0.0:
            steps = stored_as == "steps" or raw > MOST_STRIDES_PER_MIN
            row["cadence_spm"] = raw if steps else STEPS_PER_STRIDE * raw
        for name, (low, high) in _LAP_PLAUSIBLE.items():
            if not low <= row[name] <= high:
                row[name] = np.nan
        at = lap.get("at")
        start_s = end_s
        if isinstance(at, datetime) and isinstance(origin, datetime):
            start_s = (at - origin).total_seconds()
        elif isinstance(at, float) and isinstance(origin, float):
            start_s = at - origin
        if not -_OTHER_RUN_S <= start_s <= MAX_TIME_S:
            notes.append("a lap with a wild date left out")
            continue
        rows.append({"start_s": start_s} | row)
        end_s = start_s + (row["duration_s"] if np.isfinite(row["duration_s"]) else 0.0)
    return pd.DataFrame(rows, columns=list(LAP_COLUMNS), dtype=np.float64).sort_values(
        "start_s", ignore_index=True, kind="stable"
    )


def _rows_of_totals(laps: pd.DataFrame) -> pd.DataFrame:
    """Return a row for the start and one for each lap's end, from totals alone."""
    if not len(laps) or not laps["duration_s"].gt(0.0).any():
        raise FormatError("the file holds no points with a time: nothing to import")
    ends_s = laps["start_s"] + laps["duration_s"].fillna(0.0)
    rows = pd.DataFrame({"t_s": np.concatenate(([0.0], ends_s.to_numpy()))})
    for name in ROW_COLUMNS[1:]:
        rows[name] = np.nan
    if laps["distance_m"].notna().all():
        rows["distance_m"] = np.concatenate(([0.0], np.cumsum(laps["distance_m"].to_numpy())))
    return rows.drop_duplicates("t_s").sort_values("t_s", ignore_index=True)


def _recorded_s(t_s: FloatArray, part: NDArray[np.int64], laps: pd.DataFrame) -> float:
    """Return the seconds recorded: those of the laps where they say, else of the parts without the pauses between."""
    if len(laps) and laps["duration_s"].notna().all() and laps["duration_s"].sum() > 0.0:
        return float(laps["duration_s"].sum())
    spans = pd.DataFrame({"t": t_s, "part": part}).groupby("part")["t"].agg(["min", "max"])
    total, until = 0.0, -np.inf
    for first, last in spans.sort_values("min").itertuples(index=False, name=None):
        total += max(0.0, last - max(first, until))
        until = max(until, last)
    return total
