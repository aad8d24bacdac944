"""From the points of a watch file to rows: time, distance, cadence; what is doubtful is named, never guessed.

Distance belongs to time and to a part (a segment, a track): points are put in order of time, no line is drawn from one
part to the next, and neither the order of the parts in the file nor a point written twice changes the sum.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unicodedata import digit, normalize

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tallrun.errors import FormatError
from tallrun.numerics.believed import BELIEVED
from tallrun.numerics.recording import FloatArray
from tallrun.sessions.checks import MAX_TIME_S, names_of_strangers
from tallrun.sessions.watch_distance import in_mps, told_distance
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
NO_DATE = "the watch had no date: when the run began is not known (give it with --started-at)"
MAX_ACTIVITY_ROWS = 1_000_000
#: What a watch says is believed inside these; outside it is unknown, not clipped. Watches write 0 for a pulse, a
#: contact time or a length they did not measure.
PLAUSIBLE = BELIEVED | {
    "altitude_m": (-450.0, 9000.0), "power_w": (0.0, 2500.0), "stance_time_s": (0.03, 2.0), "duty_factor": (0.01, 1.0),
    "stance_left_pct": (1.0, 99.0), "vertical_oscillation_m": (0.001, 0.5), "step_length_m": (0.05, 5.0),
    "foot_strike_angle_left_deg": (-90.0, 90.0), "foot_strike_angle_right_deg": (-90.0, 90.0),
    "pelvic_tilt_deg": (-90.0, 90.0), "overstride_index": (-100.0, 100.0), "n_cues": (0.0, 255.0),
}  # fmt: skip
_LAP_PLAUSIBLE = {
    "duration_s": (0.0, MAX_TIME_S), "distance_m": BELIEVED["distance_m"],
    "heart_rate_bpm": BELIEVED["heart_rate_bpm"], "max_heart_rate_bpm": BELIEVED["heart_rate_bpm"],
    "cadence_spm": (1.0, 245.0),
}  # fmt: skip
#: No runner makes more strides a minute; above, the file counts steps.
MOST_STRIDES_PER_MIN = 125.0
#: A step no runner makes [m]: with it, a lone high value is a spike in a field of strides.
_IMPOSSIBLE_STEP_M = 1.9
#: Programs known to write steps where the format wants strides.
_STEP_WRITERS = re.compile(r"qdomyos|\bqz\b|trackmyindoorworkout|track my indoor|codoon", re.I)
#: Laps of nothing for so long measured nothing; a silence of over a day parts two runs.
_NOTHING_S, _OTHER_RUN_S = 30.0, 86_400.0
#: So few points, so far from the rest, are a clock that was set late or a watch that was touched.
_MOST_ASTRAY, _MOST_ASTRAY_SHARE, _ASTRAY_S = 3, 0.1, 3600.0
#: Outside these years no watch wrote a run: its clock was never set, or counts in another calendar.
_FIRST_YEAR, _LAST_YEAR = 2001, 2100
#: Year, month and day between dashes or slashes, then the clock, each part of one or two digits.
_LOOSE_TIME = re.compile(r"(\d{4}[-/]\d{1,2}[-/]\d{1,2})[T ]+(\d{1,2}:\d{1,2}:\d{1,2})(.*)")


@dataclass
class Points:
    """What a reader found, in the file's order.

    at : when; a datetime, or seconds of a watch whose clock was never set, or None.
    part : its segment; no distance is counted from one part to another.
    values : columns of ``ROW_COLUMNS`` in our units, and as written: ``cadence`` (a minute), ``lat_deg``, ``lon_deg``,
    ``leg_m`` (metres since the point before).
    total_m : what the file's own summary says of the distance, None without one.
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
    total_m: float | None = None

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


def moment(text: str) -> datetime | None:
    """Return the time a file writes: ISO 8601 as strictly or loosely as programs do, or seconds since 1970; else None.

    Without a zone it has none here either; digits may be those of any script.
    """
    plain = "".join(str(digit(letter)) if letter.isdigit() else letter for letter in normalize("NFKC", text))
    plain = re.sub(r"\s*(UTC|GMT)$", "Z", plain.strip().upper())
    plain = re.sub(r"(?<=[+-]\d\d:\d\d)Z$", "", plain).replace("٫", ".")
    try:
        if re.fullmatch(r"\d{9,10}(\.\d+)?|\d{12,13}", plain):
            return datetime.fromtimestamp(
                float(plain) / (1000.0 if len(plain) > 11 and "." not in plain else 1.0), UTC
            )
        found = _LOOSE_TIME.fullmatch(plain)
        if found is not None:
            day, clock, rest = found[1].split(found[1][4]), found[2].split(":"), found[3]
            plain = "-".join((day[0], *(f"{part:>02}" for part in day[1:]))) + "T"
            plain += ":".join(f"{part:>02}" for part in clock) + rest
        at = datetime.fromisoformat(plain)
        if at.tzinfo is not None:
            at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at


def watch_table(
    points: Points, cadence: str = "auto", writer: str = "", *, positions_first: bool = False
) -> WatchTable:
    """Return the rows of a watch file: by time, two points of one moment joined, what cannot be to NaN.

    cadence : what the file counts a minute. ``positions_first`` takes the distance from positions where there are some,
    else from the device where it has one.

    Raises FormatError when nothing or one moment only has a time, for two runs in one file, or for an unknown
    ``cadence``.
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
    laps = _laps(points.laps, origin, stored_as, notes)
    total_m = (
        points.total_m
        if points.total_m is not None
        else float(laps["distance_m"].sum(skipna=False) or np.nan)
    )
    table["distance_m"], told = told_distance(
        t_s, part, device_m, column("leg_m"), (lat, lon), total_m, positions_first=positions_first
    )
    notes += told
    speed_mps, told = in_mps(t_s, table["distance_m"].to_numpy(), column("speed_mps"))
    table["speed_mps"] = np.where(speed_mps <= PLAUSIBLE["speed_mps"][1], speed_mps, np.nan)
    notes += told
    rows, told = join_moments(table)
    notes += told
    if len(rows) == 1 and not len(laps):
        raise FormatError("the file holds one moment only, which is no run: nothing to import")
    if not len(rows):
        rows = _rows_of_totals(laps)
        notes.append("the file holds only the totals of its laps, no points")
    at = origin if isinstance(origin, datetime) else None
    if at is not None and not _FIRST_YEAR <= at.year < _LAST_YEAR:
        notes.append(f"the watch's clock says {at:%Y}, which was never set or is of another calendar")
        at = None
    if at is None:
        notes.append(NO_DATE)
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
    keep &= ~_few_astray(since_s, keep, notes)
    span_s = float(np.ptp(since_s[keep]))
    if span_s > MAX_TIME_S:
        raise FormatError(
            f"its points lie {span_s / 86_400.0:.0f} days apart, more than one run: export the run alone"
        )
    return np.asarray(keep)


def _few_astray(since_s: FloatArray, keep: NDArray[np.bool_], notes: list[str]) -> NDArray[np.bool_]:
    """Tell which few stamps at either end lie over an hour from the run: they would stretch it by a time nobody ran."""
    astray = np.zeros(since_s.size, np.bool_)
    at_s = np.sort(since_s[keep])
    most = min(_MOST_ASTRAY, int(_MOST_ASTRAY_SHARE * at_s.size))
    gaps = np.flatnonzero(np.diff(at_s) > _ASTRAY_S)
    before, after = gaps[gaps < most], gaps[gaps >= at_s.size - 1 - most]
    if before.size:
        astray |= keep & (since_s <= at_s[before[-1]])
    if after.size:
        astray |= keep & (since_s > at_s[after[0]])
    n = int(astray.sum())
    if n:
        notes.append(
            f"{n} point{'s' if n > 1 else ''} left out: over an hour away from the other {at_s.size - n}"
        )
    return astray


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
            bool(np.any((raw > MOST_STRIDES_PER_MIN) & (raw <= PLAUSIBLE["cadence_spm"][1])))
            and not step_m > _IMPOSSIBLE_STEP_M
        ):
            how = "steps"
    if how == "steps":
        return raw, how
    return np.where(raw <= MOST_STRIDES_PER_MIN, STEPS_PER_STRIDE * raw, np.nan), how


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
    table = pd.DataFrame(rows, columns=list(LAP_COLUMNS), dtype=np.float64)
    if table["distance_m"].eq(0.0).all() and table["duration_s"].sum() >= _NOTHING_S:
        table["distance_m"] = np.nan  # nothing measured it
    return table.sort_values("start_s", ignore_index=True, kind="stable")


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
