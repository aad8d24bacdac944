"""The flight recorder: what was taken is on disk within a second, whatever ends the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tallrun.sessions.recorder as recorder_module
from support.session_files import assert_same_recording, small_recording, swinging_sensor
from tallrun.errors import SessionError
from tallrun.numerics.recording import Marker, Recording, SensorRecording
from tallrun.sensors.events import Packet
from tallrun.sessions import read_session
from tallrun.sessions.packet_log import HEADER
from tallrun.sessions.recorder import (
    MARKER_CHARACTERISTIC,
    OWN_SENSOR,
    FlightRecorder,
    RecorderTrouble,
    inspect_packets,
    read_packets,
    recover,
    unfinished_sessions,
)

START = {"started_at": "2026-05-01T08:00:00+02:00", "bindings": {"foot_left": "AA:BB"}}


def some_packets(n: int, step_s: float = 0.02) -> list[Packet]:
    names = ("foot_left", "foot_right", "pelvis")
    return [Packet(i * step_s, names[i % 3], "6e400003", bytes([i % 256]) * (i % 30)) for i in range(n)]


def record(folder: Path, packets: list[Packet], **options: Any) -> FlightRecorder:
    recorder = FlightRecorder(folder, START, **options)
    for packet in packets:
        recorder.append(*packet)
    return recorder


def crash(recorder: FlightRecorder) -> None:
    """What the system does with a program that dies: its files are closed as they are."""
    assert recorder._descriptor is not None
    os.close(recorder._descriptor)
    recorder._descriptor = None


def rebuild_one_sensor(start: dict[str, Any], packets: Iterator[Packet]) -> Recording:
    """Stands for the decoder: one sample per packet, upright and still."""
    t_s = np.array([packet.host_time_s for packet in packets])
    template = swinging_sensor("foot_left", rate_hz=50.0)
    acc = np.tile([0.0, 0.0, 9.80665], (t_s.size, 1))
    sensor = SensorRecording(template.spec, t_s, acc, np.zeros_like(acc))
    return Recording(
        sensors={"foot_left": sensor}, info={"started_at": start.get("started_at")} if start else {}
    )


# --- the log ---


def test_packets_come_back_in_order_and_any_arrow_reader_takes_the_log(tmp_path: Path) -> None:
    packets = some_packets(500)
    recorder = record(tmp_path / "run", packets)
    recorder.close()
    assert list(read_packets(tmp_path / "run")) == packets
    table = pa.ipc.open_stream(str(tmp_path / "run" / "packets.arrow")).read_all()
    assert table.column_names == ["host_time_s", "sensor", "characteristic", "payload"]
    assert table.num_rows == 500


@pytest.mark.parametrize("interval_s", [0.1, 0.5])
def test_no_packet_waits_longer_than_the_flush_interval(tmp_path: Path, interval_s: float) -> None:
    recorder = FlightRecorder(tmp_path / "run", START, flush_interval_s=interval_s)
    for packet in some_packets(200):
        recorder.append(*packet)
        on_disk_s = inspect_packets(tmp_path / "run").last_host_time_s
        assert packet.host_time_s - (on_disk_s or 0.0) <= interval_s
    recorder.tick(4.0 + interval_s)
    assert inspect_packets(tmp_path / "run").n_packets == 200
    recorder.close()


def test_a_log_cut_at_any_byte_gives_a_prefix_of_the_packets(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    packets = some_packets(120)
    record(tmp_path / "run", packets, flush_interval_s=0.3).close()
    path = tmp_path / "run" / "packets.arrow"
    content = path.read_bytes()
    found = set()
    for cut in sorted({0, 1, 7, len(content) - 1, *rng.integers(0, len(content), 120).tolist()}):
        path.write_bytes(content[:cut])
        state = inspect_packets(tmp_path / "run")
        back = list(read_packets(tmp_path / "run"))
        assert back == packets[: len(back)]
        assert state.n_packets == len(back)
        found.add(len(back))
    assert len(found) > 4


def test_damage_in_the_log_never_gives_other_packets(tmp_path: Path, rng: np.random.Generator) -> None:
    packets = some_packets(120)
    record(tmp_path / "run", packets, flush_interval_s=0.3).close()
    path = tmp_path / "run" / "packets.arrow"
    content = path.read_bytes()
    header = len(HEADER)
    for place in rng.integers(header, len(content), 150).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        back = list(read_packets(tmp_path / "run"))
        assert back == packets[: len(back)]
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) // 2))
    back = list(read_packets(tmp_path / "run"))
    assert back == packets[: len(back)]


@given(
    st.lists(
        st.tuples(st.floats(0.0, 1e5), st.text(max_size=5), st.text(max_size=5), st.binary(max_size=40)),
        max_size=20,
    )
)
def test_any_packets_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, str, str, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("any") / "run"
    packets = [Packet(*row) for row in sorted(rows, key=lambda row: row[0])]
    record(folder, packets).close()
    assert list(read_packets(folder)) == packets


def test_missing_and_foreign_logs_are_named(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="this session has no packets"):
        list(read_packets(tmp_path))
    (tmp_path / "packets.arrow").write_bytes(b"x" * 5000)
    with pytest.raises(SessionError, match="is no Arrow IPC stream"):
        list(read_packets(tmp_path))
    with (
        pa.OSFile(str(tmp_path / "packets.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, pa.schema({"a": pa.int8()})),
    ):
        pass
    with pytest.raises(SessionError, match="has columns a; expected host_time_s"):
        list(read_packets(tmp_path))


# --- finishing and recovering ---


def test_finalise_makes_a_session_with_its_packets(tmp_path: Path) -> None:
    recorder = record(tmp_path / "run", some_packets(50))
    with pytest.raises(
        SessionError, match="is a run that was not finished; bring it back with: tallrun recover"
    ):
        read_session(tmp_path / "run")
    assert recorder.finalise(small_recording()) == ()
    assert_same_recording(read_session(tmp_path / "run"), small_recording())
    assert len(list(read_packets(tmp_path / "run"))) == 50
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "markers.parquet", "packets.arrow", "session.json", "signals",
    ]  # fmt: skip


def test_finalise_opens_whatever_the_sensors_did(tmp_path: Path) -> None:
    recording = small_recording()
    half_rate = recording.sensors["foot_left"]
    broken = recording.sensors["pelvis"]
    sensors = {
        **recording.sensors,
        "foot_left": replace(half_rate, t_s=half_rate.t_s * 2.0),
        "pelvis": replace(broken, acc_mps2=np.zeros_like(broken.acc_mps2)),
    }
    recorder = record(tmp_path / "run", some_packets(50))
    notes = recorder.finalise(replace(recording, sensors=sensors))
    assert any("foot_left: 200 Hz was declared, 100 Hz came" in note for note in notes)
    back = read_session(tmp_path / "run")
    assert back.sensors["foot_left"].spec.rate_hz == 100.0
    assert list(back.sensors) == ["foot_left", "foot_right"]
    assert "specific force averages 0" in back.info["left_out_sensors"]["pelvis"]


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"[]", b'{"t_s": null}', b"[" * 100_000, b"\xff"], ids=range(6)
)
def test_a_marker_that_cannot_be_read_costs_that_marker_only(tmp_path: Path, damaged: bytes) -> None:
    recorder, packets = FlightRecorder(tmp_path / "run", START), some_packets(500)
    for packet in packets[:400]:
        recorder.append(*packet)
    recorder.append_marker(8.0, Marker(8.0, "pain", "4"))
    recorder.append(8.0, OWN_SENSOR, MARKER_CHARACTERISTIC, damaged)
    for packet in packets[400:]:
        recorder.append(*packet)
    crash(recorder)
    recovered = recover(tmp_path / "run", rebuild_one_sensor)
    assert recovered.recording.markers == (Marker(8.0, "pain", "4"),)
    assert any("1 markers of the log cannot be read" in note for note in recovered.notes)


def test_a_run_cut_off_is_found_and_recovered_with_its_marks(tmp_path: Path) -> None:
    packets = some_packets(500)
    recorder = FlightRecorder(tmp_path / "cut", START)
    for packet in packets[:400]:
        recorder.append(*packet)
    recorder.append_marker(8.0, Marker(8.0, "pain", "4"))
    for packet in packets[400:]:
        recorder.append(*packet)
    path = tmp_path / "cut" / "packets.arrow"
    path.write_bytes(path.read_bytes()[:-11])
    assert unfinished_sessions(tmp_path) == [tmp_path / "cut"]
    with pytest.raises(SessionError, match="is being recorded at this moment"):
        recover(tmp_path / "cut", rebuild_one_sensor)
    assert not (tmp_path / "cut" / "session.json").exists()
    crash(recorder)
    recovered = recover(tmp_path / "cut", rebuild_one_sensor)
    assert recovered.log.torn_bytes > 0
    assert any("bytes of a batch that was being written" in note for note in recovered.notes)
    back = read_session(tmp_path / "cut")
    assert back.sensors["foot_left"].t_s[-1] >= packets[-1].host_time_s - 1.0
    assert back.markers == (Marker(8.0, "pain", "4"),)
    assert back.info == {"started_at": START["started_at"], "recovered": True}
    assert unfinished_sessions(tmp_path) == []
    with pytest.raises(SessionError, match="finished session already"):
        recover(tmp_path / "cut", rebuild_one_sensor)


@pytest.mark.parametrize("left", ["start only", "empty log", "half a header", "log only"])
def test_a_crash_in_the_first_instant_still_opens(tmp_path: Path, left: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    if left != "log only":
        (folder / "recording.json").write_text(json.dumps(START))
    content = {"start only": None, "empty log": b"", "half a header": HEADER[:50], "log only": HEADER}[left]
    if content is not None:
        (folder / "packets.arrow").write_bytes(content)
    assert unfinished_sessions(tmp_path) == [folder]
    recover(folder, rebuild_one_sensor)
    assert read_session(folder).sensors["foot_left"].t_s.size == 0
    assert pa.ipc.open_stream(str(folder / "packets.arrow")).read_all().num_rows == 0


def test_recovery_that_is_cut_off_can_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(tmp_path / "run", some_packets(100)).close()
    with monkeypatch.context() as patch:

        def crash(path: Path, value: Any) -> None:
            raise KeyboardInterrupt

        patch.setattr("tallrun.sessions.folder.write_json", crash)
        with pytest.raises(KeyboardInterrupt):
            recover(tmp_path / "run", rebuild_one_sensor)
    assert unfinished_sessions(tmp_path) == [tmp_path / "run"]
    recover(tmp_path / "run", rebuild_one_sensor)
    assert read_session(tmp_path / "run").sensors["foot_left"].t_s.size == 100


def test_a_recorder_does_not_touch_an_existing_session(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text("{}")
    with pytest.raises(SessionError, match="nothing is ever overwritten"):
        FlightRecorder(tmp_path, START)
    (tmp_path / "file").touch()
    with pytest.raises(SessionError, match="exists already"):
        FlightRecorder(tmp_path / "file", START)


def test_unknown_marks_are_refused_when_they_are_made(tmp_path: Path) -> None:
    recorder = FlightRecorder(tmp_path / "run", START)
    with pytest.raises(SessionError, match="marker kind must be one of"):
        recorder.append_marker(0.0, Marker(0.0, "party"))
    recorder.close()


# --- a disk that refuses ---


def failing_write(monkeypatch: pytest.MonkeyPatch, broken: threading.Event) -> None:
    honest = os.write

    def write(descriptor: int, content: bytes) -> int:
        if broken.is_set():
            honest(descriptor, content[: len(content) // 2])
            raise OSError(28, "No space left on device")
        return honest(descriptor, content)

    monkeypatch.setattr(recorder_module.os, "write", write)


def test_a_full_disk_is_told_at_once_and_nothing_is_lost_when_it_clears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: list[RecorderTrouble] = []
    packets = some_packets(2000)
    recorder = FlightRecorder(tmp_path / "run", START, on_trouble=troubles.append)
    broken = threading.Event()
    failing_write(monkeypatch, broken)
    for packet in packets:
        if packet.host_time_s == 10.0:
            broken.set()
        if packet.host_time_s == 20.0:
            broken.clear()
        recorder.append(*packet)
        if 10.6 < packet.host_time_s < 19.0:
            assert [trouble.kind for trouble in troubles] == ["write_failed"]
            assert list(read_packets(tmp_path / "run"))[-1].host_time_s < 10.0
    recorder.close()
    assert [trouble.kind for trouble in troubles] == ["write_failed", "write_resumed"]
    assert "No space left on device" in troubles[0].message
    assert list(read_packets(tmp_path / "run")) == packets


def test_memory_stays_bounded_while_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    troubles: list[RecorderTrouble] = []
    recorder = FlightRecorder(tmp_path / "run", START, on_trouble=troubles.append, max_pending_bytes=40_000)
    broken = threading.Event()
    broken.set()
    failing_write(monkeypatch, broken)
    packets = some_packets(3000)
    for packet in packets:
        recorder.append(*packet)
        assert recorder._pending_bytes < 40_000 + 60 * 200
    assert [trouble.kind for trouble in troubles] == ["write_failed", "overflow"]
    broken.clear()
    notes = recorder.finalise(small_recording())
    assert notes == ()
    back = list(read_packets(tmp_path / "run"))
    assert back == packets[-len(back) :]
    assert len(back) + recorder.n_lost == 3000


def test_memory_stays_bounded_when_nobody_flushes(tmp_path: Path) -> None:
    troubles: list[RecorderTrouble] = []
    recorder = FlightRecorder(
        tmp_path / "run", START, auto_flush=False, max_pending_bytes=40_000, on_trouble=troubles.append
    )
    for packet in some_packets(3000):
        recorder.append(*packet)
        assert recorder._pending_bytes <= 40_000
    assert [trouble.kind for trouble in troubles] == ["overflow"]
    recorder.close()


def test_a_disk_nearly_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "free_bytes", lambda folder: 50 * 2**20)
    troubles: list[RecorderTrouble] = []
    record(tmp_path / "run", some_packets(2000), on_trouble=troubles.append).close()
    assert [(trouble.kind, trouble.message) for trouble in troubles] == [
        ("disk_low", "only 50 MB are free on the disk: free space soon")
    ]


def test_flushing_from_another_thread_keeps_every_packet(tmp_path: Path) -> None:
    packets = some_packets(4000, step_s=0.001)
    recorder = FlightRecorder(tmp_path / "run", START, auto_flush=False)
    done = threading.Event()

    def flusher() -> None:
        now_s = 0.0
        while not done.is_set():
            now_s += 0.1
            recorder.flush(now_s)

    thread = threading.Thread(target=flusher)
    thread.start()
    for packet in packets:
        recorder.append(*packet)
    done.set()
    thread.join()
    recorder.close()
    assert list(read_packets(tmp_path / "run")) == packets


LIMITED = """
    import resource, sys, time
    from tallrun.sessions.recorder import FlightRecorder
    troubles = []
    recorder = FlightRecorder(sys.argv[1], {}, on_trouble=lambda trouble: troubles.append(trouble.kind))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    for i in range(1000):
        if i == 700:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        recorder.append(i * 0.02, "foot_left", "uuid", b"x" * 40)
    recorder.close()
    print(",".join(troubles))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_real_file_size_limit_is_survived(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(LIMITED), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "write_failed,write_resumed"
    assert [packet.host_time_s for packet in read_packets(tmp_path / "run")] == [
        i * 0.02 for i in range(1000)
    ]


# --- killed for real ---

#: Twenty seconds of run pass in each second of the test; the pipe tells the newest packet taken before the kill.
RUNNING = """
    import os, struct, sys, time
    from tallrun.sessions.recorder import FlightRecorder
    recorder = FlightRecorder(sys.argv[1], {"started_at": "2026-05-01T08:00:00+02:00"})
    began = time.monotonic()
    while True:
        now_s = 20.0 * (time.monotonic() - began)
        recorder.append(now_s, "foot_left", "uuid", b"y" * 240)
        os.write(1, struct.pack("<d", now_s))
        time.sleep(0.0005)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_kill_9_at_any_moment_loses_at_most_a_second(tmp_path: Path, rng: np.random.Generator) -> None:
    lost_s = []
    for number in range(int(os.environ.get("TALLRUN_KILLS", "4"))):
        folder = tmp_path / f"run{number}"
        command = [sys.executable, "-c", textwrap.dedent(RUNNING), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            told = bytearray(child.stdout.read(8))
            n_wanted = 8 * int(rng.integers(1, 400))
            while len(told) < n_wanted:
                told += child.stdout.read(8)
            child.send_signal(signal.SIGKILL)
            told += child.stdout.read()
        last_taken_s = float(np.frombuffer(told[: len(told) // 8 * 8])[-1])
        recovered = recover(folder, rebuild_one_sensor)
        assert read_session(folder).sensors["foot_left"].t_s.size == recovered.log.n_packets
        lost_s.append(last_taken_s - (recovered.log.last_host_time_s or 0.0))
    print("lost after SIGKILL [s of run]:", np.round(lost_s, 3))
    assert max(lost_s) <= 1.0
