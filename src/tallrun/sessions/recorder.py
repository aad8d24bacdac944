"""The flight recorder: packets and marks on disk while the run goes on, and the session brought back after a crash.

A run in progress is a folder with ``recording.json`` (what was known at the start) and ``packets.arrow`` but no
``session.json``. ``finalise`` adds signals and, last, ``session.json``. ``recover`` does so from the packets alone.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tallrun.errors import SessionError, SignalError
from tallrun.numerics.recording import Marker, Recording, SensorRecording
from tallrun.sensors.events import Packet
from tallrun.sessions._files import (
    OWNER_FILE_MODE,
    make_owner_folder,
    read_json,
    refuse_existing,
    sync_folder,
    try_lock,
    write_json,
)
from tallrun.sessions.assembling import estimate_rate_hz
from tallrun.sessions.checks import check_rate, check_sensor
from tallrun.sessions.folder import check_recording, read_info, write_contents
from tallrun.sessions.packet_log import (
    END_OF_STREAM,
    FILE_NAME,
    HEADER,
    PacketLogState,
    encode_packets,
    inspect_packets,
    mend_packets,
    read_packets,
)
from tallrun.sessions.series import check_marker

__all__ = [
    "FlightRecorder",
    "RecorderTrouble",
    "Recovered",
    "inspect_packets",
    "is_being_recorded",
    "logged_markers",
    "packet_log",
    "read_packets",
    "recover",
    "try_lock",
    "unfinished_sessions",
]

START_FILE = "recording.json"
#: Marks are logged like packets, under a sensor name no radio gives.
OWN_SENSOR = "tallrun"
MARKER_CHARACTERISTIC = "marker"
FLUSH_INTERVAL_S = 0.5
RETRY_INTERVAL_S = 5.0
DISK_CHECK_INTERVAL_S = 10.0
LOW_DISK_BYTES = 200 * 1024 * 1024
MAX_PENDING_BYTES = 64 * 1024 * 1024
_PACKET_OVERHEAD_BYTES = 160
_TAKEN = "another tallrun is recording into {} right now: end that run first, or give this one another folder"


@dataclass(frozen=True)
class RecorderTrouble:
    """Something the runner must be told at once. ``kind``: disk_low, write_failed, overflow, write_resumed."""

    kind: str
    message: str


@dataclass(frozen=True)
class Recovered:
    """What came back: the recording as written, the state the log was found in, and notes in plain sentences."""

    recording: Recording
    log: PacketLogState
    notes: tuple[str, ...]


class FlightRecorder:
    """Writes every packet of a run to ``folder/packets.arrow`` as it happens.

    Packets reach the disk (written and synced) at the latest ``flush_interval_s`` after they came, by the clock of the
    caller's time stamps; call ``tick`` when no packets come. A failed write never raises: it is reported through
    ``on_trouble``, packets are kept in memory up to ``max_pending_bytes`` (then the oldest go), and writing is tried
    again.
    ``append`` and ``flush`` may be called from different threads.

    Parameters
    ----------
    folder
        Session folder to make; must be absent or empty.
    start
        What is known at the start: keys of ``session.json`` and whatever ``recover``'s rebuild needs (bindings).
    on_trouble
        Called at once with each new trouble, from the thread that flushes.
    auto_flush
        False when the caller calls ``flush`` itself (from a thread, to keep an event loop free of disk waits).

    Raises
    ------
    SessionError
        The folder exists and is not empty, or cannot be made.
    """

    def __init__(
        self,
        folder: str | Path,
        start: dict[str, Any],
        *,
        on_trouble: Callable[[RecorderTrouble], None] | None = None,
        flush_interval_s: float = FLUSH_INTERVAL_S,
        max_pending_bytes: int = MAX_PENDING_BYTES,
        auto_flush: bool = True,
    ) -> None:
        self.folder = Path(folder)
        self.trouble: RecorderTrouble | None = None
        self.n_lost = 0
        self._on_trouble = on_trouble
        self._flush_interval_s = flush_interval_s
        self._max_pending_bytes = max_pending_bytes
        self._auto_flush = auto_flush
        self._pending: list[Packet] = []
        self._pending_bytes = 0
        self._pending_lock = threading.Lock()
        self._io_lock = threading.Lock()
        self._flushed_at_s = 0.0
        self._failed_at_s: float | None = None
        self._disk_checked_at_s = -DISK_CHECK_INTERVAL_S
        if is_being_recorded(self.folder):  # real or emulated: two runs never share a folder
            raise SessionError(_TAKEN.format(self.folder))
        refuse_existing(self.folder)
        try:
            make_owner_folder(self.folder)
            write_json(self.folder / START_FILE, start)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._descriptor: int | None = os.open(self.folder / FILE_NAME, flags, OWNER_FILE_MODE)
            try_lock(self._descriptor)  # until it is closed: nobody else may finish a session being recorded
            self._good_bytes = self._write(HEADER, 0)
            sync_folder(self.folder)
        except FileExistsError as error:  # somebody began in the instant between looking and opening
            raise SessionError(_TAKEN.format(self.folder)) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise SessionError(
                f"{self.folder} cannot be recorded to ({reason}); choose another folder"
            ) from error

    def append(self, host_time_s: float, sensor: str, characteristic: str, payload: bytes) -> None:
        """Take one packet; it is on disk after ``flush_interval_s`` at the latest."""
        packet = Packet(host_time_s, sensor, characteristic, bytes(payload))
        with self._pending_lock:
            self._pending.append(packet)
            self._pending_bytes += _size(packet)
        if self._pending_bytes > self._max_pending_bytes:
            self._bound_pending()
        self.tick(host_time_s)

    def append_marker(self, host_time_s: float, marker: Marker) -> None:
        """Take a mark (pain tap, lap, cue ...), so that it survives a crash as packets do.

        Raises SessionError or SignalError when the format has no such mark.
        """
        check_marker(marker, str(self.folder))
        content = json.dumps({"t_s": marker.t_s, "kind": marker.kind, "text": marker.text})
        self.append(host_time_s, OWN_SENSOR, MARKER_CHARACTERISTIC, content.encode())

    def tick(self, now_s: float) -> None:
        """Flush when due by the caller's clock; nothing otherwise, or when ``auto_flush`` is off."""
        if self._auto_flush and now_s - self._flushed_at_s >= self._flush_interval_s:
            self.flush(now_s)

    def flush(self, now_s: float) -> bool:
        """Write and sync all pending packets; return whether everything taken so far is on disk."""
        with self._io_lock:
            self._flushed_at_s = now_s
            self._check_disk(now_s)
            if self._failed_at_s is not None and now_s - self._failed_at_s < RETRY_INTERVAL_S:
                self._bound_pending()
                return False
            return self._write_pending(now_s)

    def finalise(self, recording: Recording) -> tuple[str, ...]:
        """End the log and make the folder a session; return notes on what was adjusted.

        A declared rate the samples contradict is replaced by the measured one, and a sensor whose samples cannot be
        right is left out (its packets stay), so that the folder opens whatever the sensors did.

        Raises
        ------
        SessionError
            The disk refuses. The packets stay, and ``recover`` can be tried later.
        """
        with self._io_lock:
            complete = self._write_pending(self._flushed_at_s)
            self._end_log()
            try:
                notes = _make_session(self.folder, recording)
            finally:
                self._close_log()
        if not complete:
            notes = (
                *notes,
                f"{len(self._pending) + self.n_lost} packets could not be written to {FILE_NAME}",
            )
        return notes

    def close(self) -> None:
        """Stop without making a session: flush, end the log, close the file. ``recover`` can finish it later."""
        with self._io_lock:
            if self._descriptor is not None:
                self._write_pending(self._flushed_at_s)
                self._end_log()
                self._close_log()

    def _end_log(self) -> None:
        if self._descriptor is None:
            return
        try:
            self._write(END_OF_STREAM, self._good_bytes)
        except OSError as error:
            self._report("write_failed", f"the recording could not be ended ({error.strerror or error})")

    def _close_log(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _write_pending(self, now_s: float) -> bool:
        with self._pending_lock:
            packets, self._pending, self._pending_bytes = self._pending, [], 0
        if not packets:
            return self._failed_at_s is None
        try:
            self._good_bytes = self._write(encode_packets(packets), self._good_bytes)
        except OSError as error:
            with self._pending_lock:
                self._pending = packets + self._pending
                self._pending_bytes = sum(map(_size, self._pending))
            self._bound_pending()
            if self._failed_at_s is None:
                reason = error.strerror or str(error)
                self._report(
                    "write_failed",
                    f"recording cannot be written ({reason}): free disk space now; the run goes on and the last "
                    f"{self._max_pending_bytes // 2**20} MB of packets are kept in memory",
                )
            self._failed_at_s = now_s
            return False
        if self._failed_at_s is not None:
            self._failed_at_s = None
            self._report("write_resumed", f"recording is written again; {self.n_lost} packets were lost")
        return True

    def _write(self, content: bytes, at: int) -> int:
        """Write ``content`` at offset ``at`` and sync; return the offset after it. A failed write is cut off again."""
        if self._descriptor is None:
            raise OSError(9, "the recording is closed")
        try:
            os.lseek(self._descriptor, at, os.SEEK_SET)
            written = 0
            while written < len(content):
                written += os.write(self._descriptor, content[written:])
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, at)
            raise
        return at + len(content)

    def _bound_pending(self) -> None:
        with self._pending_lock:
            n_dropped = 0
            while self._pending_bytes > self._max_pending_bytes:
                self._pending_bytes -= _size(self._pending[n_dropped])
                n_dropped += 1
            del self._pending[:n_dropped]
            first = n_dropped > 0 and self.n_lost == 0
            self.n_lost += n_dropped
        if first:
            self._report("overflow", "the oldest unwritten packets are being dropped: free disk space now")

    def _check_disk(self, now_s: float) -> None:
        if now_s - self._disk_checked_at_s < DISK_CHECK_INTERVAL_S:
            return
        self._disk_checked_at_s = now_s
        free = free_bytes(self.folder)
        low = free is not None and free < LOW_DISK_BYTES
        if low and (self.trouble is None or self.trouble.kind == "write_resumed"):
            self._report("disk_low", f"only {(free or 0) // 2**20} MB are free on the disk: free space soon")

    def _report(self, kind: str, message: str) -> None:
        self.trouble = RecorderTrouble(kind, message)
        if self._on_trouble is not None:
            self._on_trouble(self.trouble)


def free_bytes(folder: Path) -> int | None:
    """Return the free bytes of the disk ``folder`` is on; None when the system does not tell."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def unfinished_sessions(root: str | Path) -> list[Path]:
    """Return the folders under ``root`` that hold a run which was never finished, oldest name first."""
    starts = {path.parent for name in (START_FILE, FILE_NAME) for path in Path(root).glob(f"*/{name}")}
    return sorted(folder for folder in starts if not (folder / "session.json").exists())


def packet_log(folder: str | Path) -> Path:
    """Return where the packets of a run are written."""
    return Path(folder) / FILE_NAME


def is_being_recorded(folder: str | Path) -> bool:
    """Say whether a program, on this machine, has the session in ``folder`` open for recording."""
    try:
        with packet_log(folder).open("rb") as log:
            return not try_lock(log.fileno())
    except OSError:
        return False


def recover(
    folder: str | Path, rebuild: Callable[[dict[str, Any], Iterator[Packet]], Recording]
) -> Recovered:
    """Make a session of a run that was cut off; at most the last second before the crash is missing.

    Parameters
    ----------
    folder
        The unfinished folder.
    rebuild
        Turns what was known at the start and the packets into a recording (decoding is not this room's work).
        Marks that were logged are added to the recording's own.

    Raises
    ------
    SessionError
        The folder holds no packet log, is a finished session already or one that is being recorded now, or the
        disk refuses.
    """
    folder = Path(folder)
    if is_being_recorded(folder):
        raise SessionError(f"{folder} is being recorded at this moment: end that run first")
    if (folder / "session.json").exists():
        read_info(folder)
        raise SessionError(f"{folder} is a finished session already; nothing to recover")
    start_path = folder / START_FILE
    notes: list[str] = []
    if not (folder / FILE_NAME).exists() and start_path.exists():
        (folder / FILE_NAME).touch(mode=OWNER_FILE_MODE)
    log = mend_packets(folder)
    start = read_json(start_path) if start_path.exists() else {}
    if log.torn_bytes:
        notes.append(f"{log.torn_bytes} bytes of a batch that was being written were dropped")
    recording = rebuild(start, (packet for packet in read_packets(folder) if packet.sensor != OWN_SENSOR))
    logged, n_lost = logged_markers(folder)
    if n_lost:
        notes.append(f"{n_lost} markers of the log cannot be read and were left out")
    markers = tuple(sorted({*recording.markers, *logged}, key=lambda marker: marker.t_s))
    recording = replace(recording, markers=markers, info={**recording.info, "recovered": True})
    notes += _make_session(folder, recording)
    return Recovered(recording, log, tuple(notes))


def logged_markers(folder: Path) -> tuple[list[Marker], int]:
    """Return the markers of the log, and how many entries of it cannot be one."""
    markers, n_lost = [], 0
    for packet in read_packets(folder):
        if (packet.sensor, packet.characteristic) == (OWN_SENSOR, MARKER_CHARACTERISTIC):
            try:
                content = json.loads(packet.payload)
                markers.append(Marker(float(content["t_s"]), str(content["kind"]), str(content["text"])))
            except (ValueError, TypeError, KeyError, RecursionError):
                n_lost += 1
    return markers, n_lost


def _make_session(folder: Path, recording: Recording) -> tuple[str, ...]:
    """Write the session's files beside the packets, ``session.json`` last; return notes on what was adjusted."""
    fitting, notes = _fit_to_format(recording)
    check_recording(fitting, str(folder))
    try:
        write_contents(folder, fitting)
        (folder / START_FILE).unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise SessionError(
            f"{folder} could not be finished ({error.strerror or error}); free space?"
        ) from error
    return notes


def _fit_to_format(recording: Recording) -> tuple[Recording, tuple[str, ...]]:
    sensors: dict[str, SensorRecording] = {}
    left_out: dict[str, str] = {}
    notes: list[str] = []
    for placement, declared in recording.sensors.items():
        sensor = declared
        try:
            check_rate(sensor.t_s, sensor.spec.rate_hz, placement)
        except SignalError:
            measured_hz = estimate_rate_hz(sensor.t_s, placement) if sensor.t_s[-1] > sensor.t_s[0] else None
            if measured_hz is not None:
                extra = {**sensor.spec.extra, "declared_rate_hz": sensor.spec.rate_hz}
                sensor = replace(sensor, spec=replace(sensor.spec, rate_hz=measured_hz, extra=extra))
                notes.append(
                    f"{placement}: {declared.spec.rate_hz:g} Hz was declared, {measured_hz:g} Hz came"
                )
        try:
            check_sensor(sensor, placement)
        except SignalError as error:
            left_out[placement] = str(error)
            notes.append(f"left out: {error}")
        else:
            sensors[placement] = sensor
    info = {**recording.info, "left_out_sensors": left_out} if left_out else recording.info
    return replace(recording, sensors=sensors, info=info), tuple(notes)


def _size(packet: Packet) -> int:
    return len(packet.payload) + _PACKET_OVERHEAD_BYTES
