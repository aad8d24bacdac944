"""What a sensor of a given config would send for given samples: the encoders' side, for emulated sensors.

Pure: batches in, payloads out. Who plays them, when, and what is lost on the way is not decided here.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from tallrun.errors import UsageError
from tallrun.numerics.recording import FloatArray
from tallrun.sensors.batch import Batch
from tallrun.sensors.codecs import movesense, polar_pmd
from tallrun.sensors.codecs.open_packet import (
    HEADER_BYTES,
    SAMPLE_BYTES,
    OpenInfo,
    OpenPacket,
    decode_open_info,
    encode_open_packet,
)
from tallrun.sensors.config import FirmwareConfig
from tallrun.sensors.config_packets import FixedPacket, OpenPacketLayout, PolarLayout
from tallrun.sensors.fixed import FixedCodec
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

_ATT_HEADER_BYTES = 3
_POLAR_CHANNELS = 3
_POLAR_DELTA_BITS = 12  # a usual width; only decides how many samples an emulated frame carries


class PacketEncoder(Protocol):
    """Turns batches of one stream into notifications."""

    stream: str

    def capacity(self, mtu: int) -> int:
        """How many samples one packet carries at this MTU; at least 1."""
        ...

    def encode(self, batch: Batch) -> list[tuple[str, bytes]]:
        """Return (role of the characteristic, payload) per notification, in order."""
        ...


def packet_encoders(config: FirmwareConfig) -> list[PacketEncoder]:
    """Return one encoder per kind of packet the sensor sends; empty for sensors without samples."""
    if config.imu is None:
        return []
    out: list[PacketEncoder] = []
    for packet in config.packets:
        if isinstance(packet, FixedPacket):
            out.append(_FixedEncoder(config, packet, FixedCodec(packet, config.imu, config.name)))
        elif isinstance(packet, OpenPacketLayout):
            out.append(_OpenEncoder(config, packet))
        elif isinstance(packet, PolarLayout):
            out.append(_PolarEncoder(config, packet, "acc"))
            if config.imu.has_gyroscope:
                out.append(_PolarEncoder(config, packet, "gyr"))
    return out


def _examples(config: FirmwareConfig, role: str) -> list[bytes]:
    """Return the documented answers on one characteristic."""
    replies = [reply for step in config.start for reply in (step.reply, step.start_reply) if reply]
    return [reply.example_hex for reply in replies if reply.characteristic == role and reply.example_hex]


class _FixedEncoder:
    def __init__(self, config: FirmwareConfig, layout: FixedPacket, codec: FixedCodec) -> None:
        self.stream: str = layout.stream
        self._layout = layout
        self._codec = codec
        for index, field in enumerate(layout.fields):
            if field.scale_from is not None:
                for example in _examples(config, field.scale_from.characteristic):
                    codec.learn(index, example)

    def capacity(self, mtu: int) -> int:
        usual = self._layout.usual_samples or self._layout.max_samples
        if self._layout.framing == "movesense_gsp":
            return usual
        room = mtu - _ATT_HEADER_BYTES - self._layout.samples_at - self._layout.trailing_bytes
        return max(1, min(usual, room // self._codec.sample_bytes))

    def encode(self, batch: Batch) -> list[tuple[str, bytes]]:
        packet = self._codec.encode(batch)
        payloads = [packet]
        if self._layout.framing == "movesense_gsp":
            payloads = movesense.split_value(packet[0], packet[1:])
        return [(self._layout.characteristic, payload) for payload in payloads]


class _OpenEncoder:
    stream = "imu"

    def __init__(self, config: FirmwareConfig, layout: OpenPacketLayout) -> None:
        examples = _examples(config, layout.info)
        if not examples or config.imu is None:
            raise UsageError(
                f"firmware config {config.name}: the start sequence has no example of {layout.info}"
            )
        self._info: OpenInfo = decode_open_info(examples[0])
        self._role = layout.characteristic
        self._ranges = (round(config.imu.acc_range_g or 16), round(config.imu.gyr_range_dps or 2000))

    def capacity(self, mtu: int) -> int:
        return max(1, (mtu - _ATT_HEADER_BYTES - HEADER_BYTES) // SAMPLE_BYTES)

    def encode(self, batch: Batch) -> list[tuple[str, bytes]]:
        if batch.acc_mps2 is None or batch.gyr_radps is None:
            raise UsageError("the open packet carries acceleration and rotation, the samples do not")
        if batch.counter is None or batch.stamp_ticks is None or batch.period_s is None:
            raise UsageError("the open packet carries stamp, counter and period, the samples do not")
        acc = batch.acc_mps2 / (self._info.g_per_lsb * STANDARD_GRAVITY_MPS2)
        gyr = batch.gyr_radps / (self._info.dps_per_lsb * RAD_PER_DEG)
        counts = _saturate(np.hstack([acc, gyr]), 16)
        packet = OpenPacket(
            sequence=batch.counter & 0xFFFF,
            t_first_us=batch.stamp_ticks & 0xFFFFFFFF,
            period_us=round(batch.period_s * 1e6),
            acc_range_g=self._ranges[0],
            gyr_range_dps=self._ranges[1],
            counts=counts.astype(np.int16),
            acc_clipped=bool((np.abs(counts[:, :3]) >= 32767).any()),
            gyr_clipped=bool((np.abs(counts[:, 3:]) >= 32767).any()),
        )
        return [(self._role, encode_open_packet(packet))]


class _PolarEncoder:
    def __init__(self, config: FirmwareConfig, layout: PolarLayout, stream: str) -> None:
        self.stream = stream
        self._role = layout.characteristic
        self._measurement = polar_pmd.ACC if stream == "acc" else polar_pmd.GYRO
        told = [polar_pmd.start_factor(example) for example in _examples(config, layout.control)]
        factors = [item[1] for item in told if item is not None and item[0] == self._measurement]
        # Devices that tell no factor (H10) send plain milli-g.
        self._frame_type = 0x80 if factors else 0x01
        unit = STANDARD_GRAVITY_MPS2 if stream == "acc" else RAD_PER_DEG
        self._si_per_count = unit * (factors[0] if factors else 1e-3)

    def capacity(self, mtu: int) -> int:
        room = mtu - _ATT_HEADER_BYTES - 10
        if self._frame_type == 0x01:
            return max(1, room // 6)
        return max(1, (room - 8) * 8 // (_POLAR_CHANNELS * _POLAR_DELTA_BITS))

    def encode(self, batch: Batch) -> list[tuple[str, bytes]]:
        values = batch.acc_mps2 if self.stream == "acc" else batch.gyr_radps
        if values is None or batch.stamp_ticks is None:
            raise UsageError(f"the samples carry no {self.stream if values is None else 'stamp'}")
        counts = _saturate(values / self._si_per_count, 16)
        frame = polar_pmd.PmdFrame(self._measurement, batch.stamp_ticks, self._frame_type, counts)
        return [(self._role, polar_pmd.encode_frame(frame))]


def _saturate(counts: FloatArray, bits: int) -> np.ndarray:
    if np.isnan(counts).any():
        raise UsageError("a sample is unknown, and the packet cannot say so")
    high = (1 << bits - 1) - 1
    return np.clip(np.rint(counts), -high - 1, high).astype(np.int64)
