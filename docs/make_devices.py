"""Writes docs/devices.md: each supported device and mode, what of it was checked and how (``make docs``).

The checks are tests; one that does not exist any more, and a config that is gone, are errors.
"""

from __future__ import annotations

import re
from pathlib import Path

from tallrun.resources import firmware_config_texts
from tallrun.sensors.config import ConfigSet, FirmwareConfig

ROOT = Path(__file__).parents[1]
VENDOR, SIG = "sensors/test_vendor_codecs.py", "sensors/test_sig_codecs.py"
POLAR = ("sensors/test_polar_pmd.py", "test_published_delta_contents")
MOVESENSE = (VENDOR, "test_movesense_imu9_value_as_captured")
#: Bytes that others made, and where they are tested; a config without is only read in documents.
GOLDEN = {
    "polar-h10": POLAR,
    "polar-verity-sense-sdk": POLAR,
    "movesense-imu6-104": MOVESENSE,
    "movesense-imu6-208": MOVESENSE,
    "metamotion-bmi160": (VENDOR, "test_metamotion_examples"),
    "metamotion-bmi270": (VENDOR, "test_metamotion_examples"),
    "witmotion-wt9011dcl": (VENDOR, "test_witmotion_default_frame"),
    "sig-treadmill": (SIG, "test_treadmill_examples"),
    "sig-heart-rate": (SIG, "test_heart_rate_examples"),
    "sig-foot-pod": (SIG, "test_running_speed_examples"),
}
#: What such a byte test covers where it is not this very mode.
REMARKS = {
    "movesense-imu6-104": "a capture with the magnetometer on (IMU9)",
    "movesense-imu6-208": "a capture with the magnetometer on (IMU9)",
}
#: Own formats, checked against our own document by an implementation of another language.
OWN = {"open-packet": ("sensors/test_c_encoder.py", "")}
EMULATED = {
    "imu": ("ble/test_every_sensor_model.py", "test_samples_come_back_as_they_were_recorded"),
    "treadmill": ("ble/test_every_sensor_model.py", "test_treadmill_and_strap_are_read_each_second"),
    "heart_rate": ("ble/test_every_sensor_model.py", "test_treadmill_and_strap_are_read_each_second"),
    "foot_pod": ("ble/test_every_sensor_model.py", "test_a_foot_pod_is_read_each_second_and_alone"),
}
REAL_STACK = {
    "open-packet": ("bluez/test_bluez.py", "test_three_sensors_are_recorded_whole_and_packet_sizes_are_not_mistaken"),
}  # fmt: skip
GIVES = {
    "imu": "strides, and the flags its signals carry",
    "treadmill": "belt speed and incline",
    "heart_rate": "heart rate",
    "foot_pod": "a run of its own kind: cadence, pace, step length, distance; no flags",
}
TRYING_OUT = {"ti-sensortag-cc2650", "nordic-thingy52"}
HEAD = """# Devices

Made by `make docs` from the configs and the tests that are named here. No device was tried in the hand unless a row
says so.

* **bytes of others**: packets from a vendor's document, software or a public capture are decoded to the values
  published with them.
* **real stack**: heard, paired and recorded through Linux' own kernel, `bluetoothd` and D-Bus in a virtual machine
  (`tests/bluez`), the sensor's side emulated.
* **emulated**: our own emulator sends its packets over a virtual radio and the values come back; it shares the codec
  with the reader and proves no layout.
* **read in a document**: nothing but what the sources say.

| device and mode | config | gives | checked | sources |
|---|---|---|---|---|
"""
TAIL = """
Not supported over Bluetooth: watches' own services. A watch that broadcasts heart rate or running speed in the standard
services is a strap or a foot pod here; its file comes in by [importing](importing.md), which says what of it was read
from real files.
"""


def proof(test: tuple[str, str]) -> str:
    """Return the link to a test. Raises SystemExit when it is not there."""
    file, name = test
    path = ROOT / "tests" / file
    if not path.is_file() or (name and not re.search(rf"^def {name}\b", path.read_text(), re.M)):
        raise SystemExit(f"docs/make_devices.py: there is no test {file} {name}")
    return f"[`{Path(file).stem}`](../tests/{file})"


def row(config: FirmwareConfig) -> str:
    """Return the line of a config."""
    checked = []
    if config.verified == "hardware":
        checked.append("**hardware**")
    if config.name in GOLDEN:
        remark = REMARKS.get(config.name)
        checked.append(f"bytes of others ({proof(GOLDEN[config.name])}{f'; {remark}' if remark else ''})")
    elif config.name in OWN:
        checked.append(f"own format, a second encoder in C agrees ({proof(OWN[config.name])})")
    else:
        checked.append("read in a document")
    for word, tests, key in (("real stack", REAL_STACK, config.name), ("emulated", EMULATED, config.kind)):
        if key in tests:
            checked.append(f"{word} ({proof(tests[key])})")
    gives = "signals, for trying out only" if config.name in TRYING_OUT else GIVES[config.kind]
    sources = "; ".join(config.sources).replace(
        " docs/", "/docs/"
    )  # folders of other projects, no page of ours
    return f"| {config.title} | `{config.name}` | {gives} | {'; '.join(checked)} | {sources} |"


def page() -> str:
    """Return the whole page."""
    configs = ConfigSet.from_texts(firmware_config_texts())
    told = GOLDEN.keys() | OWN.keys() | REAL_STACK.keys() | REMARKS.keys() | TRYING_OUT
    unknown = told - {config.name for config in configs}
    if unknown:
        raise SystemExit(
            f"docs/make_devices.py tells of configs that are not there: {', '.join(sorted(unknown))}"
        )
    return HEAD + "\n".join(row(config) for config in configs) + "\n" + TAIL


if __name__ == "__main__":
    (ROOT / "docs/devices.md").write_text(page())
