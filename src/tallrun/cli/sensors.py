"""Commands of the sensors group: scan, pair, calibrate, record, doctor."""

from __future__ import annotations

import typer

from tallrun.cli import sensors_calibrate, sensors_doctor, sensors_pair, sensors_record, sensors_scan


def register(app: typer.Typer) -> None:
    """Add this group's commands to ``app``."""
    app.command("scan")(sensors_scan.scan_sensors)
    app.command("pair")(sensors_pair.pair_sensor)
    app.command("calibrate")(sensors_calibrate.calibrate)
    app.command("record")(sensors_record.record)
    app.command("doctor")(sensors_doctor.doctor)
