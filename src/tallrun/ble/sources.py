"""What each kind of emulated sensor says: a recording turned into its notifications by the codecs' encoders."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

import numpy as np
from numpy.typing import NDArray

from tallrun.ble.faults import SensorFaults
from tallrun.ble.peripheral import Outgoing, Source
from tallrun.ble.playback import Player, SensorTimer, make_track
from tallrun.errors import UsageError
from tallrun.numerics.recording import FloatArray, Recording, SensorRecording, WatchData
from tallrun.sensors.codecs.ftms import TreadmillData, encode_treadmill_record
from tallrun.sensors.codecs.heart_rate import HeartRateMeasurement, encode_heart_rate
from tallrun.sensors.codecs.rsc import RscMeasurement, encode_rsc
from tallrun.sensors.config import FirmwareConfig, Imu
from tallrun.sensors.config_packets import FixedPacket, SigLayout
from tallrun.sensors.emulate import PacketEncoder, packet_encoders
from tallrun.units import STEPS_PER_STRIDE

_RUNNING_MPS = 2.0  # from here a pod says that it runs
_READING_EVERY_S = 1.0  # treadmills and straps tell their numbers once a second
_ATT_HEADER_BYTES = 3
_OPEN_BATCH_S = 0.1  # our own firmware sends at least ten packets a second
_POLAR_HEAD_BYTES, _POLAR_SAMPLE_BYTES = 18, 7  # frame head and reference; three deltas of at most 17 bits
_BYTE_STREAM_BYTES = 50  # two and a half frames: a byte stream keeps no boundaries


class ImuSource:
    """An inertial sensor: one player and one encoder for each kind of packet it sends."""

    def __init__(
        self, config: FirmwareConfig, imu: Imu, recording: SensorRecording, faults: SensorFaults, repeats: int
    ) -> None:
        read_replies = [step.reply for step in config.start if step.action == "read" and step.reply]
        self.reads = {reply.characteristic: reply.example_hex for reply in read_replies}
        codecs = {packet.codec for packet in config.packets}
        self._byte_streams = {
            packet.characteristic
            for packet in config.packets
            if isinstance(packet, FixedPacket) and packet.framing == "witmotion"
        }
        self._payload_bytes = faults.mtu - _ATT_HEADER_BYTES
        timer = SensorTimer(imu.time, faults)
        is_open = "open_packet" in codecs
        track = make_track(recording, None if is_open else imu.rate_hz, faults.keep_every, repeats)
        self._track = track
        self.length_s = track.start_s + track.n_samples * track.period_s
        self._streams = []
        for encoder in packet_encoders(config):
            n_batch = encoder.capacity(faults.mtu)
            if is_open:
                n_batch = max(1, min(n_batch, round(_OPEN_BATCH_S / track.period_s)))
            if "polar_pmd" in codecs:
                room = self._payload_bytes - _POLAR_HEAD_BYTES
                n_batch = max(1, min(n_batch, room // _POLAR_SAMPLE_BYTES))
            self._streams.append((encoder, Player(track, timer, imu.time, faults, n_batch, encoder.stream)))

    def overwrite(self, first: int, acc_mps2: FloatArray, gyr_radps: FloatArray) -> None:
        """Put other samples in the place of those from number ``first`` on; what was sent already stays sent."""
        rows = slice(first, first + len(acc_mps2))
        self._track.acc_mps2[rows] = acc_mps2
        if self._track.gyr_radps is not None:
            self._track.gyr_radps[rows] = gyr_radps

    def notifications(self, from_s: float) -> Iterator[Outgoing]:
        """Yield the packets of all streams in order of time."""
        return merge(
            *(self._one(encoder, player, from_s) for encoder, player in self._streams),
            key=lambda outgoing: outgoing.ready_s,
        )

    def _one(self, encoder: PacketEncoder, player: Player, from_s: float) -> Iterator[Outgoing]:
        waiting = b""
        size = min(_BYTE_STREAM_BYTES, self._payload_bytes)
        for last_s, batch in player.batches(from_s):
            for role, payload in encoder.encode(batch):
                if role not in self._byte_streams:
                    yield Outgoing(last_s, role, payload)
                    continue
                waiting += payload
                while len(waiting) >= size:
                    yield Outgoing(last_s, role, waiting[:size])
                    waiting = waiting[size:]


class ReadingSource:
    """A treadmill, heart-rate strap or foot pod: the value that holds, once a second."""

    def __init__(
        self, role: str, t_s: FloatArray, payloads: list[bytes], length_s: float, repeats: int
    ) -> None:
        self.reads: dict[str, bytes] = {}
        self._role = role
        self._t_s = t_s
        self._payloads = payloads
        self._once_s = max(length_s, _READING_EVERY_S)
        self.length_s = self._once_s * repeats

    def become(self, other: ReadingSource) -> None:
        """Tell what another source of the same kind tells, from the next reading on."""
        self._t_s, self._payloads = other._t_s, other._payloads

    def notifications(self, from_s: float) -> Iterator[Outgoing]:
        """Yield one notification per second from ``from_s`` to the recording's end."""
        tick = int(np.floor(from_s / _READING_EVERY_S)) + 1
        while tick * _READING_EVERY_S <= self.length_s:
            t_s = tick * _READING_EVERY_S
            row = int(np.searchsorted(self._t_s, max(t_s, 0.0) % self._once_s, side="right")) - 1
            yield Outgoing(t_s, self._role, self._payloads[max(row, 0)])
            tick += 1


def make_source(
    config: FirmwareConfig, place: str, recording: Recording, faults: SensorFaults, repeats: int
) -> Source:
    """Return the source for the sensor at ``place``; raises UsageError when its config has no encoder."""
    codecs = {packet.codec for packet in config.packets}
    if place == "treadmill" and "ftms_treadmill" in codecs and recording.treadmill is not None:
        belt = recording.treadmill
        payloads = [
            encode_treadmill_record(TreadmillData(speed_mps=_known(speed), incline_pct=_known(incline)))
            for speed, incline in zip(belt.speed_mps, belt.incline_pct, strict=True)
        ]
        return ReadingSource(_sig_role(config), belt.t_s, payloads, _length_s(recording), repeats)
    if place == "heart_rate" and "heart_rate" in codecs and recording.heart_rate is not None:
        payloads = [
            encode_heart_rate(HeartRateMeasurement(float(bpm) if bpm > 0 else None))
            for bpm in recording.heart_rate.bpm
        ]
        return ReadingSource(
            _sig_role(config), recording.heart_rate.t_s, payloads, _length_s(recording), repeats
        )
    if place == "foot_pod" and "rsc" in codecs and recording.watch is not None:
        t_s, payloads = _pod_payloads(recording.watch)
        return ReadingSource(_sig_role(config), t_s, payloads, _length_s(recording), repeats)
    if place in recording.sensors and config.imu is not None:
        sensor = recording.sensors[place]
        if config.imu.has_gyroscope and sensor.gyr_radps is None:
            raise UsageError(
                f"{config.name} has a gyroscope and the recorded {place} has none: choose another model"
            )
        return ImuSource(config, config.imu, sensor, faults, repeats)
    raise UsageError(
        f"the virtual radio cannot play a {place} as {config.name} ({', '.join(sorted(codecs))})"
    )


def has_pod(recording: Recording) -> bool:
    """Return whether a foot pod can play a recording: its rows tell speed and cadence, which each packet holds."""
    return recording.watch is not None and bool(_told(recording.watch).any())


def _told(watch: WatchData) -> NDArray[np.bool_]:
    nothing = np.full(watch.rows["t_s"].size, np.nan)
    return np.asarray(
        np.isfinite(watch.rows.get("speed_mps", nothing))
        & np.isfinite(watch.rows.get("cadence_spm", nothing))
    )


def _pod_payloads(watch: WatchData) -> tuple[FloatArray, list[bytes]]:
    rows = {name: values[_told(watch)] for name, values in watch.rows.items()}
    unknown = np.full(rows["t_s"].size, np.nan)
    columns = (
        rows.get(name, unknown) for name in ("speed_mps", "cadence_spm", "step_length_m", "distance_m")
    )
    return rows["t_s"], [
        encode_rsc(
            RscMeasurement(
                float(speed),
                round(float(cadence)),
                bool(speed > _RUNNING_MPS),
                None if np.isnan(step) else STEPS_PER_STRIDE * float(step),
                _known(way),
            )
        )
        for speed, cadence, step, way in zip(*columns, strict=True)
    ]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _length_s(recording: Recording) -> float:
    times = [sensor.t_s for sensor in recording.sensors.values()]
    times += [series.t_s for series in (recording.treadmill, recording.heart_rate) if series is not None]
    times += [recording.watch.rows["t_s"]] if recording.watch is not None else []
    return max(float(t_s[-1]) for t_s in times if t_s.size)


def _sig_role(config: FirmwareConfig) -> str:
    return next(packet.characteristic for packet in config.packets if isinstance(packet, SigLayout))
