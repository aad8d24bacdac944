"""Decoders of one sensor, built from its firmware config: payloads in, batches and readings out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from tallrun.errors import PacketError
from tallrun.numerics.believed import believed
from tallrun.sensors.batch import Batch
from tallrun.sensors.codecs import movesense, polar_pmd, witmotion
from tallrun.sensors.codecs.battery import decode_battery
from tallrun.sensors.codecs.flagged import FlagField, FlagGroup, Values, decode_flagged
from tallrun.sensors.codecs.ftms import TreadmillMerger
from tallrun.sensors.codecs.heart_rate import decode_heart_rate
from tallrun.sensors.codecs.open_packet import OpenInfo, decode_open_info, decode_open_packet
from tallrun.sensors.codecs.rsc import decode_rsc
from tallrun.sensors.config import FirmwareConfig, Imu
from tallrun.sensors.config_packets import (
    FixedPacket,
    FlaggedPacket,
    OpenPacketLayout,
    PolarLayout,
    SigLayout,
)
from tallrun.sensors.events import Battery, FootPodReading, HeartRateReading, SensorEvent, TreadmillReading
from tallrun.sensors.fixed import FixedCodec
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

Decoded = Batch | SensorEvent


class Decoder(Protocol):
    """Reads the payloads of some characteristics of one sensor."""

    def feed(self, t_s: float, role: str, payload: bytes) -> list[Decoded] | None:
        """Return what the payload says, None when it is not for this decoder; raises PacketError."""
        ...


class SensorDecoder:
    """All decoders of one sensor."""

    def __init__(self, sensor: str, config: FirmwareConfig) -> None:
        self._config = config
        self._framers = _framers(config)
        self._decoders = _decoders(sensor, config)
        steps = (*config.start, *config.stop)
        replies = [reply for step in steps for reply in (step.reply, step.start_reply) if reply]
        self._expected = [(reply.characteristic, reply.prefix_hex) for reply in replies]
        self._data_roles = {packet.characteristic for packet in config.packets}
        if config.battery:
            self._data_roles.add(config.battery.characteristic)

    def feed(self, t_s: float, characteristic: str, payload: bytes) -> list[Decoded | PacketError]:
        """Return batches, readings and, in place of each packet nobody could read, its PacketError."""
        role = self._config.role(characteristic)
        if role is None:
            return [PacketError("the firmware config does not know this characteristic")]
        framer = self._framers.get(role)
        frames = [payload] if framer is None else framer.feed(payload)
        out: list[Decoded | PacketError] = []
        for frame in frames:
            if isinstance(frame, PacketError):
                out.append(frame)
            else:
                out += self._read(t_s, role, frame)
        return out

    def _read(self, t_s: float, role: str, frame: bytes) -> list[Decoded | PacketError]:
        taken = False
        out: list[Decoded | PacketError] = []
        for decoder in self._decoders:
            try:
                read = decoder.feed(t_s, role, frame)
            except PacketError as error:
                return [error]
            if read is not None:
                taken = True
                out += read
        if taken or role not in self._data_roles or self._is_expected(role, frame):
            return out
        return [PacketError(f"no packet of this sensor begins {frame[:4].hex(' ') or 'with nothing'}")]

    def _is_expected(self, role: str, frame: bytes) -> bool:
        return any(role == r and prefix and frame.startswith(prefix) for r, prefix in self._expected)


class _Framer(Protocol):
    def feed(self, payload: bytes) -> list[bytes | PacketError]: ...


def _framers(config: FirmwareConfig) -> dict[str, _Framer]:
    makers: dict[str, Callable[[], _Framer]] = {
        "movesense_gsp": movesense.ValueAssembler,
        "witmotion": witmotion.FrameSplitter,
    }
    return {
        packet.characteristic: makers[packet.framing]()
        for packet in config.packets
        if isinstance(packet, FixedPacket) and packet.framing != "none"
    }


def _decoders(sensor: str, config: FirmwareConfig) -> list[Decoder]:
    out: list[Decoder] = []
    for packet in config.packets:
        if isinstance(packet, FixedPacket):
            if config.imu is not None:  # refused by the config's own check otherwise
                out.append(_Fixed(config.imu, packet, config.name))
        elif isinstance(packet, FlaggedPacket):
            out.append(_Flagged(sensor, packet))
        elif isinstance(packet, OpenPacketLayout):
            out.append(_Open(packet))
        elif isinstance(packet, PolarLayout):
            out.append(_Polar(packet))
        else:
            out.append(_Sig(sensor, packet))
    if config.battery is not None:
        out.append(_Battery(sensor, config.battery.characteristic, config.battery.format))
    return out


class _Fixed:
    def __init__(self, imu: Imu, layout: FixedPacket, name: str) -> None:
        self._layout = layout
        self._codec = FixedCodec(layout, imu, name)

    def feed(self, t_s: float, role: str, payload: bytes) -> list[Decoded] | None:
        learned = self._learn(role, payload)
        if role != self._layout.characteristic or not self._codec.fits(payload):
            return [] if learned else None
        return [self._codec.decode(payload)]

    def _learn(self, role: str, payload: bytes) -> bool:
        learned = False
        for index, field in enumerate(self._layout.fields):
            if field.scale_from is not None and role == field.scale_from.characteristic:
                learned |= self._codec.learn(index, payload)
        return learned


class _Open:
    def __init__(self, layout: OpenPacketLayout) -> None:
        self._layout = layout
        self._info: OpenInfo | None = None

    def feed(self, t_s: float, role: str, payload: bytes) -> list[Decoded] | None:
        if role == self._layout.info:
            self._info = decode_open_info(payload)
            return []
        if role != self._layout.characteristic:
            return None
        packet = decode_open_packet(payload)
        if self._info is None:
            raise PacketError(
                "open packet: the info characteristic, which holds the scales, was not read yet"
            )
        return [
            Batch(
                "imu",
                packet.counts[:, :3].astype(np.float64) * (self._info.g_per_lsb * STANDARD_GRAVITY_MPS2),
                packet.counts[:, 3:].astype(np.float64) * (self._info.dps_per_lsb * RAD_PER_DEG),
                packet.t_first_us,
                packet.sequence,
                packet.period_us * 1e-6,
            )
        ]


class _Polar:
    def __init__(self, layout: PolarLayout) -> None:
        self._layout = layout
        self._factors = {polar_pmd.ACC: layout.acc_factor, polar_pmd.GYRO: layout.gyr_factor}

    def feed(self, t_s: float, role: str, payload: bytes) -> list[Decoded] | None:
        if role == self._layout.control:
            factor = polar_pmd.start_factor(payload)
            if factor is not None:
                self._factors[factor[0]] = factor[1]
            return []
        if role != self._layout.characteristic:
            return None
        frame = polar_pmd.decode_frame(payload)
        factor_value = self._factors.get(frame.measurement, 1.0)
        if frame.measurement == polar_pmd.ACC:
            return [Batch("acc", polar_pmd.acc_mps2(frame, factor_value), None, frame.timestamp_ns)]
        if frame.measurement == polar_pmd.GYRO:
            return [Batch("gyr", None, polar_pmd.gyr_radps(frame, factor_value), frame.timestamp_ns)]
        return []


class _Battery:
    def __init__(self, sensor: str, role: str, format_: str) -> None:
        self._sensor, self._role, self._format = sensor, role, format_

    def feed(self, t_s: float, role: str, payload: bytes) -> list[Decoded] | None:
        if role != self._role:
            return None
        state = decode_battery(self._format, payload)
        return None if state is None else [Battery(self._sensor, t_s, state.level_pct, state.voltage_v)]


class _Sig:
    def __init__(self, sensor: str, layout: SigLayout) -> None:
        self._sensor = sensor
        self._layout = layout
        self._merger = TreadmillMerger(layout.pace_bytes)

    def feed(self, t_s: float, role: str, payload: bytes) -> list[Decoded] | None:
        if role != self._layout.characteristic:
            return None
        if self._layout.codec == "heart_rate":
            beat = decode_heart_rate(payload)
            bpm = None if beat.has_contact is False else believed("heart_rate_bpm", beat.bpm)
            return [
                HeartRateReading(
                    self._sensor, t_s, math.nan if bpm is None else bpm, beat.rr_s, beat.has_contact
                )
            ]
        if self._layout.codec == "rsc":
            pod = decode_rsc(payload)
            return [
                FootPodReading(
                    self._sensor,
                    t_s,
                    believed("speed_mps", pod.speed_mps),
                    believed("cadence_spm", _times(pod.cadence_per_min, self._layout.cadence_multiplier)),
                    pod.stride_length_m,
                    believed("distance_m", pod.total_distance_m),
                    pod.is_running,
                )
            ]
        belt = self._merger.feed(payload)
        if belt is None:
            return []
        return [
            TreadmillReading(
                self._sensor,
                t_s,
                believed("speed_mps", belt.speed_mps),
                belt.incline_pct,
                believed("distance_m", belt.total_distance_m),
                belt.elapsed_s,
            )
        ]


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


_READINGS = {"treadmill": TreadmillReading, "heart_rate": HeartRateReading, "foot_pod": FootPodReading}


class _Flagged:
    """A flag-driven record described by the config alone."""

    def __init__(self, sensor: str, layout: FlaggedPacket) -> None:
        self._sensor = sensor
        self._layout = layout
        self._groups = tuple(
            FlagGroup(
                group.bit,
                tuple(FlagField(f.name, f.type, f.scale, f.missing, f.repeat) for f in group.fields),
                group.inverted,
            )
            for group in layout.groups
        )
        self._parts: Values = {}

    def feed(self, t_s: float, role: str, payload: bytes) -> list[Decoded] | None:
        if role != self._layout.characteristic:
            return None
        flags, values = decode_flagged(
            payload, self._layout.flags, self._groups, f"{self._layout.reading} record"
        )
        self._parts |= {name: value for name, value in values.items() if not name.startswith("skip")}
        if self._layout.more_bit is not None and flags >> self._layout.more_bit & 1:
            return []
        whole, self._parts = self._parts, {}
        if self._layout.reading == "heart_rate":
            if "bpm" not in whole:
                return []
            bpm = whole["bpm"]
            known = believed("heart_rate_bpm", bpm if isinstance(bpm, float) else None)
            whole["bpm"] = math.nan if known is None else known  # a strap without a pulse to count sends 0
        return [_READINGS[self._layout.reading](self._sensor, t_s, **whole)]  # type: ignore[arg-type]
