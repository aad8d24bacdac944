"""One sensor of a session: decoders, streams, clock, joiner."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tallrun.errors import PacketError
from tallrun.numerics.clock import DeviceClock
from tallrun.numerics.recording import FloatArray, SampleBlock
from tallrun.sensors.batch import Batch
from tallrun.sensors.config import FirmwareConfig
from tallrun.sensors.counted import CountedStream
from tallrun.sensors.decoders import SensorDecoder
from tallrun.sensors.events import Gap, SensorEvent, UnknownPacket
from tallrun.sensors.join import AccGyrJoiner
from tallrun.sensors.stream import Stream, StreamItem, TimedSamples

_RECENT_S = 8.0


@dataclass(frozen=True)
class SensorStatus:
    """What a sensor delivered so far.

    loss_pct : missing of expected samples; None before the first sample.
    residual_p95_s : how well its clock line is known (95th percentile); None while unknown, inf never.
    skew_ppm : its clock against the host's; None while unknown.
    rate_hz : sampling rate as measured; None for sensors without samples.
    """

    samples: int = 0
    missing_samples: int = 0
    loss_pct: float | None = None
    duplicates: int = 0
    late_packets: int = 0
    unknown_packets: int = 0
    unpaired_samples: int = 0
    before_start_samples: int = 0
    clock_resets: int = 0
    residual_p95_s: float | None = None
    skew_ppm: float | None = None
    rate_hz: float | None = None
    last_arrival_s: float | None = None


class SensorPort:
    """Turns one sensor's payloads into events; see ``ingest.Ingest``."""

    def __init__(self, sensor: str, config: FirmwareConfig, rate_hz: float | None) -> None:
        self.sensor = sensor
        self._decoder = SensorDecoder(sensor, config)
        self._imu = config.imu
        self._rate_hz = rate_hz or (config.imu.rate_hz if config.imu else None)
        self._clock = DeviceClock()
        self._streams: dict[str, Stream | CountedStream] = {}
        self._joiner = AccGyrJoiner()
        self._split = any(getattr(packet, "stream", "imu") != "imu" for packet in config.packets) or any(
            packet.codec == "polar_pmd" for packet in config.packets
        )
        self._has_gyroscope = config.imu is not None and config.imu.has_gyroscope
        self._recent: deque[SampleBlock] = deque()
        self._last_joined_s = math.nan
        self._unknown = 0
        self._before_start = 0
        self._last_arrival_s: float | None = None

    def feed(self, host_s: float, characteristic: str, payload: bytes) -> list[SensorEvent]:
        """Take one payload; see ``ingest.Ingest.feed``."""
        self._last_arrival_s = host_s
        out: list[SensorEvent] = []
        for item in self._decoder.feed(host_s, characteristic, payload):
            if isinstance(item, PacketError):
                self._unknown += 1
                out.append(UnknownPacket(self.sensor, host_s, characteristic, bytes(payload), str(item)))
            elif isinstance(item, Batch):
                stream = self._stream(item.stream)
                if stream is not None:
                    for news in stream.feed(host_s, item):
                        out += self._place(news)
            else:
                out.append(item)
        return out

    def tick(self, host_s: float) -> list[SensorEvent]:
        """Let time pass without a payload of this sensor."""
        return [
            event for s in self._streams.values() for news in s.tick(host_s) for event in self._place(news)
        ]

    def finish(self) -> list[SensorEvent]:
        """Release everything held back."""
        out = [event for s in self._streams.values() for news in s.flush() for event in self._place(news)]
        self._joiner.flush()
        return out

    def recent(self) -> tuple[FloatArray, FloatArray]:
        """Return times (n,) and acceleration (n, 3) of the last eight seconds; empty before the first sample."""
        if not self._recent:
            return np.empty(0), np.empty((0, 3))
        t_s = np.concatenate([block.t_s for block in self._recent])
        keep = t_s >= t_s[-1] - _RECENT_S
        return t_s[keep], np.concatenate([block.acc_mps2 for block in self._recent])[keep]

    def shift(self, offset_s: float) -> None:
        """Correct the constant latency of this sensor by ``offset_s`` from here on."""
        for clock in self._clocks():
            clock.shift(offset_s)

    def status(self) -> SensorStatus:
        """Return the counts so far."""
        counts = [stream.counts for stream in self._streams.values()]
        samples = sum(c.samples for c in counts)
        missing = sum(c.missing_samples for c in counts)
        clocks = self._clocks()
        residuals = [c.residual_p95_s for c in clocks if not math.isnan(c.residual_p95_s)]
        periods = [stream.period_s for stream in self._streams.values()]
        return SensorStatus(
            samples=samples,
            missing_samples=missing,
            loss_pct=100.0 * missing / (samples + missing) if samples else None,
            duplicates=sum(c.duplicates for c in counts),
            late_packets=sum(c.late_packets for c in counts),
            unknown_packets=self._unknown,
            unpaired_samples=self._joiner.unpaired_samples,
            before_start_samples=self._before_start,
            clock_resets=sum(c.restarts for c in clocks),
            residual_p95_s=max(residuals) if residuals else None,
            skew_ppm=clocks[0].skew * 1e6 if residuals else None,
            rate_hz=1.0 / periods[0] if periods else None,
            last_arrival_s=self._last_arrival_s,
        )

    def _clocks(self) -> list[DeviceClock]:
        counted = [s.clock for s in self._streams.values() if isinstance(s, CountedStream)]
        return counted or [self._clock]

    def _stream(self, name: str) -> Stream | CountedStream | None:
        if self._imu is None or self._rate_hz is None:
            return None
        if name not in self._streams:
            if self._imu.time.stamp == "none":
                self._streams[name] = CountedStream(self.sensor, self._imu.time, self._rate_hz)
            else:
                self._streams[name] = Stream(self.sensor, self._imu.time, self._rate_hz, self._clock)
        return self._streams[name]

    def _place(self, item: StreamItem) -> list[SensorEvent]:
        is_joined = self._split and self._has_gyroscope
        if isinstance(item, Gap) and is_joined:
            return []  # told once for both streams, below
        if not isinstance(item, TimedSamples):
            return [item]
        samples: TimedSamples | None = item
        if is_joined:
            gyr = self._streams.get("gyr")
            samples = self._joiner.feed(item, gyr.period_s if gyr else 1.0)
        if samples is None or samples.acc_mps2 is None:
            return []
        gaps = self._gaps_of_joined(samples) if is_joined else []
        return [*gaps, *self._block(samples)]

    def _gaps_of_joined(self, samples: TimedSamples) -> list[Gap]:
        period_s = self._streams["acc"].period_s
        t_s = np.concatenate([[self._last_joined_s], samples.t_s])
        self._last_joined_s = float(t_s[-1])
        is_counted = isinstance(self._streams["acc"], CountedStream)
        return [
            Gap(self.sensor, float(before), float(after), round((after - before) / period_s) - 1, is_counted)
            for before, after in pairwise(t_s)
            if after - before > 1.5 * period_s
        ]

    def _block(self, samples: TimedSamples) -> list[SensorEvent]:
        if samples.acc_mps2 is None:
            return []
        block = SampleBlock(self.sensor, samples.t_s, samples.acc_mps2, samples.gyr_radps)
        self._recent.append(block)
        while self._recent[0].t_s[-1] < block.t_s[-1] - _RECENT_S:
            self._recent.popleft()
        if block.t_s[0] >= 0:
            return [block]
        # Taken before the session began: the time line starts at 0.
        keep = block.t_s >= 0
        self._before_start += int((~keep).sum())
        gyr_kept = None if block.gyr_radps is None else block.gyr_radps[keep]
        return (
            [SampleBlock(self.sensor, block.t_s[keep], block.acc_mps2[keep], gyr_kept)] if keep.any() else []
        )
