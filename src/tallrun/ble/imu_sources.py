"""Inertial sensors of the virtual radio: one class per kind of packet, using the codecs' own encoders."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

import numpy as np
from numpy.typing import NDArray

from tallrun.ble.faults import SensorFaults
from tallrun.ble.peripheral import Outgoing
from tallrun.ble.playback import Player, SensorTimer, make_track
from tallrun.errors import UsageError
from tallrun.numerics.recording import FloatArray, SensorRecording
from tallrun.sensors.codecs.movesense import split_value
from tallrun.sensors.codecs.open_packet import (
    ACC_RANGES_G,
    GYR_RANGES_DPS,
    HEADER_BYTES,
    SAMPLE_BYTES,
    OpenInfo,
    OpenPacket,
    encode_open_info,
    encode_open_packet,
)
from tallrun.sensors.codecs.polar_pmd import ACC, GYRO, PmdFrame, encode_frame, start_factor
from tallrun.sensors.config import FirmwareConfig, Imu
from tallrun.sensors.config_packets import FixedPacket, OpenPacketLayout, PolarLayout
from tallrun.sensors.fixed import FixedCodec
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

_ATT_HEADER_BYTES = 3
_OPEN_BATCH_S = 0.09  # about eleven notifications a second, whatever the rate
_STAMPED_BATCH = 8  # samples in one value of a sensor that splits values over notifications
_BYTE_STREAM_BYTES = 50  # two and a half frames: a byte stream keeps no boundaries
_POLAR_FRAME_BYTES = 18  # header, reference sample and one block head
_POLAR_SAMPLE_BYTES = 7  # three deltas of at most 17 bits
_INT16_MAX = 32767


class _Imu:
    """An inertial sensor: one or more streams, each with its player and its encoder."""

    def __init__(
        self, config: FirmwareConfig, imu: Imu, recording: SensorRecording, faults: SensorFaults
    ) -> None:
        self.reads: dict[str, bytes] = {}
        self._config = config
        self._imu = imu
        self._recording = recording
        self._faults = faults
        self._timer = SensorTimer(imu.time, faults)

    def _player(self, n_batch: int, rate_hz: float | None, repeats: int, stream: str = "imu") -> Player:
        track = make_track(self._recording, rate_hz, self._faults.keep_every, repeats)
        return Player(track, self._timer, self._imu.time, self._faults, n_batch, stream)


class OpenPacketSource(_Imu):
    """The open packet at the recording's own rate, about eleven packets a second."""

    def __init__(
        self, config: FirmwareConfig, imu: Imu, recording: SensorRecording, faults: SensorFaults, repeats: int
    ) -> None:
        super().__init__(config, imu, recording, faults)
        layout = next(packet for packet in config.packets if isinstance(packet, OpenPacketLayout))
        spec = recording.spec
        fitting = (faults.mtu - _ATT_HEADER_BYTES - HEADER_BYTES) // SAMPLE_BYTES
        n_batch = max(1, min(fitting, round(_OPEN_BATCH_S * spec.rate_hz / faults.keep_every)))
        self._role = layout.characteristic
        self._play = self._player(n_batch, None, repeats)
        self._acc_range_g = _next_range(spec.acc_range_g, ACC_RANGES_G)
        self._gyr_range_dps = _next_range(spec.gyr_range_dps, GYR_RANGES_DPS)
        g_per_lsb = self._acc_range_g / 32768.0
        # gyroscopes leave headroom: 2000 dps is 70 mdps a count, 14.7 % above 2000/32768
        dps_per_lsb = self._gyr_range_dps * 35e-6
        self.reads[layout.info] = encode_open_info(
            OpenInfo(spec.placement, (1, 0), 1, g_per_lsb, dps_per_lsb)
        )
        self._acc_lsb = g_per_lsb * STANDARD_GRAVITY_MPS2
        self._gyr_lsb = dps_per_lsb * RAD_PER_DEG

    def notifications(self, from_s: float) -> Iterator[Outgoing]:
        """Yield open packets."""
        for last_s, batch in self._play.batches(from_s):
            acc, acc_clipped = _counts(batch.acc_mps2, self._acc_lsb)
            gyr, gyr_clipped = _counts(batch.gyr_radps, self._gyr_lsb)
            packet = OpenPacket(
                sequence=batch.counter or 0,
                t_first_us=batch.stamp_ticks or 0,
                period_us=round((batch.period_s or 0.0) * 1e6),
                acc_range_g=self._acc_range_g,
                gyr_range_dps=self._gyr_range_dps,
                counts=np.hstack([acc, gyr]).astype(np.int16),
                acc_clipped=acc_clipped,
                gyr_clipped=gyr_clipped,
            )
            yield Outgoing(last_s, self._role, encode_open_packet(packet))


class FixedSource(_Imu):
    """Sensors whose packets a config describes alone; one player per packet layout."""

    def __init__(
        self, config: FirmwareConfig, imu: Imu, recording: SensorRecording, faults: SensorFaults, repeats: int
    ) -> None:
        super().__init__(config, imu, recording, faults)
        self._payload_bytes = faults.mtu - _ATT_HEADER_BYTES
        self._streams = []
        for layout in (packet for packet in config.packets if isinstance(packet, FixedPacket)):
            codec = FixedCodec(layout, imu, config.name)
            room = self._payload_bytes - layout.samples_at - layout.trailing_bytes
            fitting = _STAMPED_BATCH if layout.framing == "movesense_gsp" else room // codec.sample_bytes
            n_batch = max(1, min(layout.max_samples, fitting))
            self._streams.append((layout, codec, self._player(n_batch, imu.rate_hz, repeats, layout.stream)))

    def notifications(self, from_s: float) -> Iterator[Outgoing]:
        """Yield the packets of all layouts in order of time."""
        return merge(
            *(self._one(*stream, from_s) for stream in self._streams), key=lambda outgoing: outgoing.ready_s
        )

    def _one(
        self, layout: FixedPacket, codec: FixedCodec, player: Player, from_s: float
    ) -> Iterator[Outgoing]:
        waiting = b""
        for last_s, batch in player.batches(from_s):
            packet = codec.encode(batch)
            if layout.framing == "movesense_gsp":
                parts = split_value(packet[0], packet[1:])
            elif layout.framing == "witmotion":
                waiting += packet
                size = min(_BYTE_STREAM_BYTES, self._payload_bytes)
                whole = len(waiting) // size * size
                parts = [waiting[at : at + size] for at in range(0, whole, size)]
                waiting = waiting[whole:]
            else:
                parts = [packet]
            for part in parts:
                yield Outgoing(last_s, layout.characteristic, part)


class PolarSource(_Imu):
    """Polar measurement data: acceleration and rotation as separate delta-coded streams."""

    def __init__(
        self, config: FirmwareConfig, imu: Imu, recording: SensorRecording, faults: SensorFaults, repeats: int
    ) -> None:
        super().__init__(config, imu, recording, faults)
        layout = next(packet for packet in config.packets if isinstance(packet, PolarLayout))
        self._role = layout.characteristic
        replies = [step.start_reply for step in config.start if step.start_reply is not None]
        told = dict(factor for reply in replies if (factor := start_factor(reply.example_hex)) is not None)
        self._acc_mg, self._gyr_dps = told.get(ACC), told.get(GYRO, layout.gyr_factor)
        room = faults.mtu - _ATT_HEADER_BYTES - _POLAR_FRAME_BYTES
        n_batch = max(2, room // _POLAR_SAMPLE_BYTES)
        self._acc = self._player(n_batch, imu.rate_hz, repeats, "acc")
        self._gyr = self._player(n_batch, imu.rate_hz, repeats, "gyr") if imu.has_gyroscope else None

    def notifications(self, from_s: float) -> Iterator[Outgoing]:
        """Yield the frames of both streams in order of time."""
        streams = [self._frames(self._acc, from_s)]
        if self._gyr is not None:
            streams.append(self._frames(self._gyr, from_s))
        return merge(*streams, key=lambda outgoing: outgoing.ready_s)

    def _frames(self, player: Player, from_s: float) -> Iterator[Outgoing]:
        for last_s, batch in player.batches(from_s):
            if batch.acc_mps2 is not None:
                # with a factor delta frames in its unit, without one raw frames in mg
                frame_type, factor = (0x01, 1.0) if self._acc_mg is None else (0x81, self._acc_mg)
                measurement, lsb, values = ACC, factor * 1e-3 * STANDARD_GRAVITY_MPS2, batch.acc_mps2
            else:
                frame_type, measurement, lsb = 0x80, GYRO, self._gyr_dps * RAD_PER_DEG
                values = batch.gyr_radps if batch.gyr_radps is not None else np.zeros((0, 3))
            counts = _counts(values, lsb)[0].astype(np.int64)
            frame = PmdFrame(measurement, batch.stamp_ticks or 0, frame_type, counts)
            yield Outgoing(last_s, self._role, encode_frame(frame))


SOURCES: dict[str, type[OpenPacketSource] | type[FixedSource] | type[PolarSource]] = {
    "open_packet": OpenPacketSource,
    "fixed": FixedSource,
    "polar_pmd": PolarSource,
}


def _next_range(wanted: float | None, offered: tuple[int, ...]) -> int:
    """Return the smallest offered range that holds ``wanted``, the largest when none does or none is known."""
    return next((item for item in offered if wanted is not None and item >= wanted), offered[-1])


def _counts(values: FloatArray | None, lsb: float) -> tuple[NDArray[np.float64], bool]:
    """Return values in counts, rounded and saturated at 16 bits, and whether any saturated; missing axes are 0."""
    if values is None:
        raise UsageError("an emulated sensor with a gyroscope needs a recording with one")
    counts = np.round(np.nan_to_num(values) / lsb)
    return np.clip(counts, -_INT16_MAX - 1, _INT16_MAX), bool((np.abs(counts) > _INT16_MAX).any())
