"""What each kind of emulated sensor says: a recording turned into its notifications by the codecs' encoders."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

import numpy as np

from tallrun.ble.faults import SensorFaults
from tallrun.ble.peripheral import Outgoing, Source
from tallrun.ble.playback import Player, SensorTimer, make_track
from tallrun.errors import UsageError
from tallrun.numerics.recording import FloatArray, Recording, SensorRecording
from tallrun.sensors.batch import Batch
from tallrun.sensors.codecs.ftms import TreadmillData, encode_treadmill_record
from tallrun.sensors.codecs.heart_rate import HeartRateMeasurement, encode_heart_rate
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
from tallrun.sensors.config import FirmwareConfig, Imu
from tallrun.sensors.config_packets import FixedPacket, OpenPacketLayout, SigLayout
from tallrun.sensors.fixed import FixedCodec
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

_ATT_HEADER_BYTES = 3
_OPEN_BATCH_S = 0.09  # about eleven notifications a second, whatever the rate
_READING_EVERY_S = 1.0  # treadmills and straps tell their numbers once a second
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
        layouts = [packet for packet in config.packets if isinstance(packet, FixedPacket)]
        self._streams = []
        for layout in layouts:
            codec = FixedCodec(layout, imu, config.name)
            fitting = (
                faults.mtu - _ATT_HEADER_BYTES - layout.samples_at - layout.trailing_bytes
            ) // codec.sample_bytes
            n_batch = max(1, min(layout.max_samples, fitting))
            self._streams.append((layout, codec, self._player(n_batch, imu.rate_hz, repeats, layout.stream)))

    def notifications(self, from_s: float) -> Iterator[Outgoing]:
        """Yield the packets of all layouts in order of time."""

        def one(layout: FixedPacket, codec: FixedCodec, player: Player) -> Iterator[Outgoing]:
            for last_s, batch in player.batches(from_s):
                yield Outgoing(last_s, layout.characteristic, codec.encode(batch))

        return merge(*(one(*stream) for stream in self._streams), key=lambda outgoing: outgoing.ready_s)


class ReadingSource:
    """A treadmill or heart-rate strap: the value that holds, once a second."""

    def __init__(self, role: str, t_s: FloatArray, payloads: list[bytes], repeats: int) -> None:
        self.reads: dict[str, bytes] = {}
        self._role = role
        self._t_s = t_s
        self._payloads = payloads
        self._length_s = max(float(t_s[-1]), _READING_EVERY_S)
        self._repeats = repeats

    def notifications(self, from_s: float) -> Iterator[Outgoing]:
        """Yield one notification per second from ``from_s`` to the recording's end."""
        tick = int(np.floor(from_s / _READING_EVERY_S)) + 1
        while tick * _READING_EVERY_S <= self._length_s * self._repeats:
            t_s = tick * _READING_EVERY_S
            row = int(np.searchsorted(self._t_s, max(t_s, 0.0) % self._length_s, side="right")) - 1
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
            encode_treadmill_record(TreadmillData(speed_mps=float(speed), incline_pct=float(incline)))
            for speed, incline in zip(belt.speed_mps, belt.incline_pct, strict=True)
        ]
        return ReadingSource(_sig_role(config), belt.t_s, payloads, repeats)
    if place == "heart_rate" and "heart_rate" in codecs and recording.heart_rate is not None:
        payloads = [encode_heart_rate(HeartRateMeasurement(float(bpm))) for bpm in recording.heart_rate.bpm]
        return ReadingSource(_sig_role(config), recording.heart_rate.t_s, payloads, repeats)
    if place in recording.sensors and config.imu is not None:
        for codec, maker in (("open_packet", OpenPacketSource), ("fixed", FixedSource)):
            if codec in codecs:
                return maker(config, config.imu, recording.sensors[place], faults, repeats)
    raise UsageError(
        f"the virtual radio cannot play a {place} as {config.name} ({', '.join(sorted(codecs))})"
    )


def _sig_role(config: FirmwareConfig) -> str:
    return next(packet.characteristic for packet in config.packets if isinstance(packet, SigLayout))


def _next_range(wanted: float | None, offered: tuple[int, ...]) -> int:
    """Return the smallest offered range that holds ``wanted``, the largest when none does or none is known."""
    return next((item for item in offered if wanted is not None and item >= wanted), offered[-1])


def _counts(values: FloatArray | None, lsb: float) -> tuple[FloatArray, bool]:
    """Return values in counts, rounded and saturated, and whether any saturated; missing axes are 0."""
    if values is None:
        raise UsageError("the open packet carries a gyroscope; this recording's sensor has none")
    counts = np.round(np.nan_to_num(values) / lsb)
    return np.clip(counts, -_INT16_MAX - 1, _INT16_MAX), bool((np.abs(counts) > _INT16_MAX).any())
