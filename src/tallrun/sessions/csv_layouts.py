"""Which column of a CSV file is what: the description an importer follows, and presets for known exports.

Sources of the presets: the two public recordings named in docs/importing.md for ``gaitmap`` and ``xio``; the export
headers of the Movella DOT app, the Movesense showcase app and phyphox as found in public files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

NOT_RECORDED = "-"


@dataclass(frozen=True)
class Axes:
    """Column names of x, y and z (``-`` for an axis that was not recorded) and their unit.

    ``unit`` None takes the unit from the header's brackets, as in ``Acceleration x (m/s^2)``.
    """

    columns: tuple[str, str, str]
    unit: str | None = None


@dataclass(frozen=True)
class SensorColumns:
    """The columns of one sensor; ``placement`` None is named by the caller."""

    acc: Axes | None = None
    gyr: Axes | None = None
    placement: str | None = None


@dataclass(frozen=True)
class CsvLayout:
    """How to read one kind of CSV file.

    time_column : None when rows are counted (``rate_hz`` is then needed).
    time_unit : one of s, ms, us, ns, or ``samples`` for a sample counter (``rate_hz`` is then needed); None takes the
        header's word, else s. Clock times (08:00:00.010) are known by their look.
    time_modulus_ticks : where the device's counter wraps, in ticks of ``time_unit``.
    header_rows : rows of column names; two are joined with a blank, column by column.
    file_name_has : the layout is tried only for files whose name has this in it (any case).
    """

    sensors: tuple[SensorColumns, ...]
    time_column: str | None
    time_unit: str | None = "s"
    rate_hz: float | None = None
    time_modulus_ticks: float | None = None
    header_rows: int = 1
    file_name_has: str = ""


def _axes(pattern: str, unit: str | None = None, letters: str = "xyz") -> Axes:
    x, y, z = (pattern.replace("*", letter) for letter in letters)
    return Axes((x, y, z), unit)


def _movesense(acc: str, gyr: str, time: str) -> CsvLayout:
    return CsvLayout((SensorColumns(_axes(acc, "mps2"), _axes(gyr, "dps")),), time, "ms")


_DOT = (SensorColumns(_axes("Acc_*", "mps2"), _axes("Gyr_*", "dps")),)
_PHYPHOX_ACC = _axes("Acceleration * (m/s^2)", "mps2")
_PHYPHOX_GYR = _axes("Gyroscope * (rad/s)", "radps")

#: Layouts of each preset in the order they are tried; the first whose columns are all there is taken.
PRESETS: dict[str, tuple[CsvLayout, ...]] = {
    # pandas leaves the names over an index without a name empty.
    "gaitmap": tuple(
        CsvLayout(
            sensors=tuple(
                SensorColumns(
                    _axes(f"{side}_sensor acc_*", "mps2"),
                    _axes(f"{side}_sensor gyr_*", "dps"),
                    f"foot_{side}",
                )
                for side in ("left", "right")
            ),
            time_column=time_column,
            time_unit="samples",
            rate_hz=204.8,
            header_rows=2,
        )
        for time_column in ("sensor axis", "")
    ),
    "tallrun": (
        CsvLayout((SensorColumns(_axes("acc_* [m/s^2]", "mps2"), _axes("gyr_* [rad/s]", "radps")),), "t [s]"),
        CsvLayout((SensorColumns(acc=_axes("acc_* [m/s^2]", "mps2")),), "t [s]"),
    ),
    "xio": (
        CsvLayout(
            (SensorColumns(_axes("Accelerometer * (g)", "g"), _axes("Gyroscope * (deg/s)", "dps")),),
            "Time (s)",
        ),
    ),
    "xsens-dot": (
        CsvLayout(_DOT, "SampleTimeFine", "us", time_modulus_ticks=2.0**32),
        CsvLayout(_DOT, "PacketCounter", "samples", rate_hz=60.0),
    ),
    "movesense": (
        _movesense("acc*", "gyro*", "timestamp"),
        _movesense("acc_*", "gyro_*", "timestamp"),
        _movesense("acc_*", "gyr_*", "timestamp"),
        CsvLayout((SensorColumns(acc=_axes("*", "mps2")),), "timestamp", "ms", file_name_has="acc"),
        CsvLayout((SensorColumns(gyr=_axes("*", "dps")),), "timestamp", "ms", file_name_has="gyr"),
    ),
    "phyphox": (
        CsvLayout((SensorColumns(_PHYPHOX_ACC, _PHYPHOX_GYR),), "Time (s)"),
        CsvLayout((SensorColumns(acc=_PHYPHOX_ACC),), "Time (s)"),
        CsvLayout((SensorColumns(gyr=_PHYPHOX_GYR),), "Time (s)"),
    ),
}


def with_units(layout: CsvLayout, acc: str | None, gyr: str | None, time: str | None) -> CsvLayout:
    """Return a layout with the units a person declared in the place of its own; None keeps them."""
    sensors = tuple(
        replace(
            sensor,
            acc=replace(sensor.acc, unit=acc) if sensor.acc is not None and acc is not None else sensor.acc,
            gyr=replace(sensor.gyr, unit=gyr) if sensor.gyr is not None and gyr is not None else sensor.gyr,
        )
        for sensor in layout.sensors
    )
    return replace(layout, sensors=sensors, time_unit=layout.time_unit if time is None else time)
