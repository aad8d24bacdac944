"""tallrun as a library: recordings and DataFrames in, DataFrames with units out.

Reached as ``import tallrun as tr``; the names in ``tallrun.__all__`` are the contract, all else is private.
Nothing here reads a clock or a data folder of a runner: what is given is all that is used.

Examples
--------
>>> import tallrun as tr
>>> recording, truth = tr.simulate.bundled("one_foot")
>>> tables = tr.analyze(recording)
>>> tables.strides.attrs["units"]["stride_length_m"]
'm'
>>> tables.strides.attrs["definitions"]["stance_time_s"]
'From initial to final contact of one foot.'
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallrun.columns import definition_of, unit_of
from tallrun.errors import ConfigError, SignalError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from tallrun.numerics.recording import Recording, RunnerProfile, SensorRecording
    from tallrun.pipeline import GaitTables
    from tallrun.recovery import History, PlannedSession, Screen, Verdict

#: Columns of ``compare``.
COMPARED = (
    "metric", "before", "after", "difference", "low", "high", "detectable", "word", "reason", "n_pairs",
)  # fmt: skip
_ACC = ("acc_x", "acc_y", "acc_z")
_GYR = ("gyr_x", "gyr_y", "gyr_z")
#: Body-frame columns of other libraries: for one foot some of them mirror an axis, so they cannot be turned back.
_BODY_COLUMNS = {"acc_pa", "acc_ml", "acc_si", "acc_is"}


def read(path: str | Path) -> Recording:
    """Read a session folder.

    Raises SessionError with one line when it is not one, or is damaged.

    Examples
    --------
    >>> read("no/such/folder")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    SessionError: ...
    """
    from tallrun.sessions import read_session

    return read_session(Path(path))


def recording_of(
    frames: Mapping[str, pd.DataFrame],
    *,
    rate_hz: float | None = None,
    acc_unit: str = "mps2",
    gyr_unit: str = "radps",
    acc_range_g: float | None = None,
    gyr_range_dps: float | None = None,
    runner: RunnerProfile | None = None,
) -> Recording:
    """Make a recording of DataFrames, one per placement.

    Parameters
    ----------
    frames
        ``{placement: frame}``; placements are foot_left, foot_right, pelvis, trunk. Columns ``acc_x``, ``acc_y``,
        ``acc_z`` and, where there is a gyroscope, ``gyr_x``, ``gyr_y``, ``gyr_z``, in the sensor's own axes however it
        was mounted (the sensor frame of gaitmap and mobgap). Time is the column ``t_s`` [s]; without one, rows are
        taken as evenly spaced at ``rate_hz``. NaN is a missing sample.
    rate_hz
        Nominal sampling rate; needed without ``t_s``.
    acc_unit, gyr_unit
        mps2, g or mg; radps, dps or mdps. Frames of gaitmap and mobgap hold dps.
    acc_range_g, gyr_range_dps
        Full scale of the sensor, so that clipped samples are known as such.
    runner
        Height, leg length, mass; unknown by default.

    Raises
    ------
    SignalError
        When columns are missing, stamps do not rise, or the numbers cannot be in the declared unit.

    Examples
    --------
    >>> import pandas as pd
    >>> still = pd.DataFrame({"acc_x": [0.0] * 500, "acc_y": [0.0] * 500, "acc_z": [1.0] * 500})
    >>> recording = recording_of({"foot_left": still}, rate_hz=100, acc_unit="g")
    >>> float(recording.sensors["foot_left"].acc_mps2[0, 2])
    9.80665
    """
    from tallrun.numerics.recording import PLACEMENTS, Recording, RunnerProfile

    unknown = sorted(set(frames) - set(PLACEMENTS))
    if unknown or not frames:
        raise SignalError(
            f"placements are {', '.join(PLACEMENTS)}, got {', '.join(map(repr, unknown)) or 'none'}"
        )
    sensors = {
        place: _sensor(place, frame, rate_hz, acc_unit, gyr_unit, acc_range_g, gyr_range_dps)
        for place, frame in frames.items()
    }
    return Recording(sensors=sensors, runner=runner or RunnerProfile(), info={"source": "data frames"})


def analyze(data: Recording | str | Path | Mapping[str, pd.DataFrame], **how: Any) -> GaitTables:
    """Turn a recording into strides, segments, timeline, flags and a summary.

    Parameters
    ----------
    data
        A recording, a session folder, or DataFrames (then ``how`` goes to ``recording_of``).

    Returns
    -------
    Tables as in docs/session-format.md; each frame carries ``attrs["units"]`` and
    ``attrs["definitions"]``. Without a stride the tables are empty
    and the summary says why.
    """
    from tallrun.gait.warm import warm_up
    from tallrun.kernel_cache import prepare
    from tallrun.pipeline import analyse

    if how and not isinstance(data, Mapping) and not hasattr(data, "columns"):
        raise UsageError(f"{', '.join(sorted(how))}: only for DataFrames; a recording carries its own")
    if isinstance(data, Mapping):
        known = [name for name in signature(recording_of).parameters if name != "frames"]
        if unknown := sorted(set(how) - set(known)):
            raise UsageError(f"{', '.join(unknown)}: not known for DataFrames, which take {', '.join(known)}")
        recording = recording_of(data, **how)
    else:
        recording = _recording(data)
    prepare(warm_up)
    return _with_units(analyse(recording).tables)


def running(tables: GaitTables) -> pd.DataFrame:
    """Return the strides that every middle of a run is made of: running, of sure times, without what is not sure.

    A value that is not sure by its own uncertainty is NaN. Medians of these are those of ``tables.summary``, of
    ``tallrun analyze``, of the report and of ``sessions.csv``; ``tables.strides`` also holds walking and doubtful
    strides, and ``compare`` takes the middle of blocks at one speed only. Empty without running.

    Examples
    --------
    >>> import tallrun as tr
    >>> tables = tr.analyze(tr.simulate.bundled("one_foot")[0])
    >>> bool(tr.running(tables)["stride_length_m"].median() == tables.summary["stride_length_m"]["median"])
    True
    """
    from tallrun.gait.summary import sure_gait

    frame = sure_gait(tables.strides, "run")
    frame.attrs = dict(tables.strides.attrs)
    return frame


def flags(tables: GaitTables) -> pd.DataFrame:
    """Return the flags as a frame: flag, start_s, end_s, value, reference, reference_kind, uncertainty, n_strides.

    No flag gives an empty frame with these columns; whether anything could be judged is in ``tables.summary``.

    Examples
    --------
    >>> import tallrun as tr
    >>> list(tr.flags(tr.analyze(tr.simulate.bundled("one_foot")[0])).columns[:3])
    ['flag', 'start_s', 'end_s']
    """
    import pandas as pd

    columns = ["flag", "start_s", "end_s", "value", "reference", "reference_kind", "uncertainty", "n_strides"]
    rows = [
        {"flag": item["flag"], "start_s": item["start_s"], "end_s": item["end_s"]}
        | {name: item["evidence"].get(name) for name in columns[3:]}
        for item in tables.flags
    ]
    return pd.DataFrame(rows, columns=columns)


def compare(
    a: Recording | str | Path, b: Recording | str | Path, *, speed_mps: float | None = None
) -> pd.DataFrame:
    """Compare two recordings at matched speed, one row a metric.

    Returns a frame with metric, before, after, difference, low, high (95 % of the middle difference), detectable, word
    (real change, no real change, cannot tell), reason, n_pairs; ``attrs`` holds ``speed_mps`` (None: the speeds do not
    match, and nothing is called real), ``error_from`` and ``gait``: two runs, or two walks in numbers of walking. Of a
    run and a walk nothing is compared: the frame is empty. Without the runner's earlier sessions the error between days
    is unknown, so a large difference is "cannot tell". before and after are middles of blocks of 30 strides at the
    compared speed: a little different from those of all running (``running``).
    Raises UsageError when ``speed_mps`` was not run in both.
    """
    import pandas as pd

    from tallrun.pipeline import analyse
    from tallrun.report.compare import compare as compare_sides
    from tallrun.report.compare import side_of

    sides = []
    for name, item in (("a", a), ("b", b)):
        sides.append(side_of(analyse(_recording(item)), name))
    found = compare_sides(sides[0], sides[1], speed_mps=speed_mps)
    rows = [
        {
            "metric": row.metric,
            "before": row.before,
            "after": row.after,
            "difference": row.difference,
            "low": None if row.interval is None else row.interval[0],
            "high": None if row.interval is None else row.interval[1],
            "detectable": row.detectable,
            "word": row.word,
            "reason": row.reason,
            "n_pairs": row.n_pairs,
        }
        for row in (found.rows or found.unmatched)
    ]
    frame = pd.DataFrame(rows, columns=COMPARED)
    frame.attrs["speed_mps"] = found.speed_mps
    frame.attrs["error_from"] = found.error_from
    frame.attrs["gait"] = found.gait
    return frame


def verdict(
    history: History,
    now: datetime,
    *,
    protocol: str = "pht",
    screen: Screen | None = None,
    plan: PlannedSession | None = None,
) -> Verdict:
    """Return what the rules allow at ``now`` for what was logged; see docs/recovery.md.

    now : with a time zone. protocol : name of a shipped protocol. Missing data never gives a run.
    Raises ConfigError for an unknown protocol, EntryError for a ``now`` without a time zone.
    """
    from tallrun.recovery import Protocol
    from tallrun.recovery import verdict as decide
    from tallrun.resources import protocol_texts

    texts = protocol_texts()
    if protocol not in texts:
        raise ConfigError(f"protocols are {', '.join(sorted(texts))}, got {protocol!r}")
    return decide(Protocol.from_toml(texts[protocol]), history, screen, now, plan)


def _recording(data: Any) -> Recording:
    """Return what was given as a recording; raises SignalError for what is none, with how to make one."""
    from tallrun.numerics.recording import Recording

    if isinstance(data, (str, Path)):
        return read(data)
    if hasattr(data, "columns"):
        raise SignalError(
            "a frame does not say where it was worn: give {'foot_left': frame}, or another placement"
        )
    if not isinstance(data, Recording):
        raise SignalError(
            f"expected a session folder, a recording or DataFrames by placement, got {type(data).__name__}; "
            "recording_of makes a recording of DataFrames"
        )
    return data


def _sensor(
    place: str,
    frame: pd.DataFrame,
    rate_hz: float | None,
    acc_unit: str,
    gyr_unit: str,
    acc_range_g: float | None,
    gyr_range_dps: float | None,
) -> SensorRecording:
    import numpy as np

    from tallrun.numerics.recording import SensorRecording, SensorSpec
    from tallrun.sessions.foreign_units import (
        ACC_UNITS,
        GYR_UNITS,
        UnitWords,
        check_declared_acc,
        check_declared_gyr,
        check_declared_time,
        unit_factor,
    )

    if not hasattr(frame, "columns"):
        raise SignalError(f"{place}: expected a DataFrame, got {type(frame).__name__}")
    words = UnitWords("{unit}, and t_s is in seconds", 'acc_unit="{unit}"', 'gyr_unit="{unit}"')
    acc_names, gyr_names = _columns(place, frame)
    acc = unit_factor(ACC_UNITS, acc_unit, "acceleration") * frame[list(acc_names)].to_numpy(np.float64)
    gyr = None
    if gyr_names:
        gyr = unit_factor(GYR_UNITS, gyr_unit, "angular rate") * frame[list(gyr_names)].to_numpy(np.float64)
    if "t_s" in frame.columns:
        t_s = frame["t_s"].to_numpy(np.float64)
        if not np.all(np.isfinite(t_s)) or np.any(np.diff(t_s) <= 0.0):
            raise SignalError(f"{place}: t_s must rise from row to row, without missing values")
        check_declared_time(t_s, "s", place, words)
        steps_s = np.diff(t_s)
        rate_hz = rate_hz or (1.0 / float(np.median(steps_s)) if steps_s.size else None)
    elif rate_hz is not None:
        t_s = np.arange(len(frame)) / rate_hz
    else:
        raise SignalError(f"{place}: give a column t_s [s], or rate_hz for evenly spaced rows")
    if rate_hz is None:
        raise SignalError(f"{place}: one row does not tell a sampling rate; give rate_hz")
    check_declared_acc(t_s, acc, acc_unit, place, words)
    if gyr is not None:
        check_declared_gyr(acc, gyr, gyr_unit, place, place, words)
    spec = SensorSpec(
        place, rate_hz, acc_range_g, gyr_range_dps if gyr is not None else None, gyr is not None
    )
    return SensorRecording(spec, t_s, acc, gyr)


def _columns(place: str, frame: pd.DataFrame) -> tuple[tuple[str, ...], tuple[str, ...]]:
    have = set(map(str, frame.columns))
    if set(_ACC) <= have:
        return _ACC, _GYR if set(_GYR) <= have else ()
    if have & _BODY_COLUMNS:
        raise SignalError(
            f"{place}: these are body-frame columns, which may be mirrored; give the sensor frame ({', '.join(_ACC)})"
        )
    raise SignalError(
        f"{place}: expected columns {', '.join(_ACC)}, got {', '.join(map(str, frame.columns)) or 'none'}"
    )


def _with_units(tables: GaitTables) -> GaitTables:
    for name in ("strides", "segments", "timeline"):
        frame = getattr(tables, name)
        frame.attrs["units"] = {column: unit_of(str(column)) for column in frame.columns}
        frame.attrs["definitions"] = {column: definition_of(name, str(column)) for column in frame.columns}
    return tables
