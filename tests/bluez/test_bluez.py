"""tallrun on a real Linux Bluetooth stack, and what went wrong there. One guest; each test leaves it as it was."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from support.linux_host import ADDRESSES, Host, wait_for
from tallrun.errors import SessionError
from tallrun.sessions import read_session
from tallrun.sessions.recorder import read_packets, unfinished_sessions

# In the group of the report's pages, so that it never runs beside both groups with a browser: its machine starves then.
pytestmark = [pytest.mark.bluez, pytest.mark.radio, pytest.mark.xdist_group("reports")]

PACKETS, SAMPLES = 20, 150  # a packet holds about ten


@pytest.fixture
def paired(host: Host) -> Iterator[Host]:
    folder = host.folder / "data"
    folder.mkdir(mode=0o700, exist_ok=True)
    sensors = [
        {"placement": place, "address": address, "config": "open-packet"}
        for place, address in ADDRESSES.items()
    ]
    (folder / "pairing.json").write_text(json.dumps({"version": 1, "sensors": sensors}))
    yield host
    host.end_programs()
    try:
        wait_for("closed links", lambda: not host.connected(), 15.0)
    finally:
        for address in host.connected():  # the next test must not pay for it
            host.sh(f"bluetoothctl disconnect {address}")


def started(host: Host, out: Path, places: Iterable[str] = ADDRESSES) -> Popen[str]:
    """Start a recording; return once each sensor at ``places`` has some hundred samples on the disk, or it ended."""
    process = host.start_tallrun("record", "--out", str(out), "--minutes", "5", "--json")

    def is_recorded() -> bool:
        try:
            heard = Counter(packet.sensor for packet in read_packets(out))
        except SessionError:  # no log yet
            heard = Counter()
        return process.poll() is not None or all(heard[place] > PACKETS for place in places)

    try:
        wait_for("the sensors", is_recorded, 240.0)
    except pytest.fail.Exception as error:
        process.kill()
        said, _ = process.communicate(timeout=20)
        pytest.fail(f"{error}; it said: {said}; the air said: {host.log('air.log')}")
    return process


def record(host: Host, out: Path, places: Iterable[str] = ADDRESSES) -> tuple[dict, str]:
    process = started(host, out, places)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return json.loads(said[said.index("{") :])["sensors"], said


def test_scan_hears_three_sensors_and_their_batteries(host: Host) -> None:
    code, said = host.tallrun("scan", "--battery")
    assert code == 0, said
    for address in ADDRESSES.values():
        line = next(line for line in said.splitlines() if line.startswith(address))
        assert re.search(r"battery (90|8\d) %", line), said  # it empties while it sends


def test_a_sensor_is_paired(host: Host) -> None:
    (host.folder / "data" / "pairing.json").unlink(missing_ok=True)
    code, said = host.tallrun("pair", "pelvis", "--address", ADDRESSES["pelvis"])
    assert code == 0, said
    assert "as open-packet" in said
    code, said = host.tallrun("pair", "foot_left", "--seconds", "5")
    assert code == 1, said
    assert "sensors could be the one for foot_left" in said  # two of one model are not told apart by chance


def test_three_sensors_are_recorded_whole_and_packet_sizes_are_not_mistaken(
    paired: Host, tmp_path: Path
) -> None:
    for name in ("first", "second"):  # BlueZ tells another size of packets the second time
        sensors, said = record(paired, tmp_path / name)
        assert "arrive cut" not in said
        assert all(row["samples"] > SAMPLES and row["loss_pct"] < 2 for row in sensors.values()), sensors
        assert not sum(row["reconnects"] for row in sensors.values()), said


@pytest.mark.parametrize("packets", [12, 20])
def test_a_drop_just_after_connecting_costs_one_sensor_seconds(
    paired: Host, tmp_path: Path, packets: int
) -> None:
    paired.air(f"cut_after pelvis {packets}")
    sensors, said = record(paired, tmp_path / "run")
    assert "Traceback" not in said
    assert all(row["samples"] > SAMPLES for row in sensors.values()), (sensors, said)
    assert not sensors["foot_left"]["reconnects"] + sensors["foot_right"]["reconnects"], said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_program_ended_from_outside_finishes_its_run_and_closes_its_links(
    paired: Host, tmp_path: Path, number: int
) -> None:
    process = started(paired, tmp_path / "run")
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert len(read_session(tmp_path / "run").sensors) == 3
    wait_for("closed links", lambda: not paired.connected(), 10.0)


def test_links_of_a_killed_program_are_taken_over(paired: Host, tmp_path: Path) -> None:
    process = started(paired, tmp_path / "killed")
    code, said = paired.tallrun("scan")
    assert code == 1
    assert "another tallrun is using the sensors" in said
    code, said = paired.tallrun("recover", str(tmp_path / "killed"))
    assert code == 1
    assert "is being recorded at this moment" in said
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert len(paired.connected()) == 3
    _, said = paired.tallrun("scan", "--seconds", "1")
    assert said.count("connected to this computer since an earlier program") == 3, said
    sensors, said = record(paired, tmp_path / "next")
    assert all(row["samples"] > SAMPLES for row in sensors.values()), (sensors, said)
    assert unfinished_sessions(tmp_path) == []


def test_bluetoothd_that_dies_is_waited_for(paired: Host, tmp_path: Path) -> None:
    process = started(paired, tmp_path / "run", ["foot_left"])
    paired.sh("killall bluetoothd")
    wait_for("a restart", lambda: not paired.connected(), 30.0)
    wait_for("the sensors", lambda: process.poll() is not None or len(paired.connected()) == 3, 120.0)
    time.sleep(5.0)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert "Traceback" not in said
    assert process.returncode == 0, said
    sensors = json.loads(said[said.index("{") :])["sensors"]
    assert sensors["foot_left"]["reconnects"] > 0, said
    assert all(row["samples"] > SAMPLES for row in sensors.values()), (sensors, said)


def test_an_adapter_pulled_out_is_no_adapter(paired: Host) -> None:
    paired.air("unplug")
    try:
        for words in (("scan", "--seconds", "1"), ("doctor",)):
            code, said = paired.tallrun(*words)
            assert code == 1, said
            assert "no Bluetooth adapter" in said
    finally:
        paired.air("plug")
        paired.wait_powered()


def test_bluetooth_switched_off_is_told(paired: Host) -> None:
    paired.sh("bluetoothctl power off")
    try:
        code, said = paired.tallrun("scan", "--seconds", "1")
        assert code == 1
        assert "Bluetooth is switched off" in said
    finally:
        paired.sh("bluetoothctl power on")
        paired.wait_powered()


@pytest.mark.skipif(os.geteuid() == 1000, reason="this user is the one the guest knows")
def test_a_user_the_bus_does_not_know_is_told_apart_from_a_missing_group(host: Host) -> None:
    code, said = host.tallrun("scan", "--seconds", "1", bus="other_bus")
    assert code == 1
    assert "message bus refuses this program's user" in said
    assert "group" not in said


def test_packets_the_link_cuts_are_told(paired: Host, tmp_path: Path) -> None:
    paired.air("mtu foot_left 23")
    try:
        sensors, said = record(paired, tmp_path / "run")
        assert "left foot sensor arrive cut to 20 bytes" in said
        assert sensors["pelvis"]["samples"] > SAMPLES
    finally:
        paired.air("mtu foot_left 247")


def test_changed_firmware_asks_to_pair_again(paired: Host, tmp_path: Path) -> None:
    paired.air("swap foot_left movella-dot")
    try:
        sensors, said = record(paired, tmp_path / "run", ["foot_right", "pelvis"])
        assert "pair it again (tallrun pair foot_left)" in said
        assert sensors["pelvis"]["samples"] > SAMPLES
    finally:
        paired.air("swap foot_left open-packet")


def test_services_whose_handles_moved_since_the_last_connect_are_found(paired: Host, tmp_path: Path) -> None:
    record(paired, tmp_path / "before")  # BlueZ now has the services in its cache
    paired.air("shift foot_left")
    try:
        sensors, said = record(paired, tmp_path / "after")
        assert all(row["samples"] > SAMPLES for row in sensors.values()), (sensors, said)
    finally:
        paired.air("swap foot_left open-packet")
