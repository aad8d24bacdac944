"""From packets with raw stamps to samples on the session's time line: order, loss, clock.

One ``Stream`` per kind of packet of a sensor. It unwraps stamps and counters, drops duplicates, waits for a
missing packet, tells gaps and never fills them, and finds restarts of the sensor's clock. All of it depends
only on the sequence of (arrival time, packet).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from tallrun.numerics.clock import DeviceClock
from tallrun.numerics.recording import FloatArray
from tallrun.sensors.batch import Batch
from tallrun.sensors.config import TimeModel
from tallrun.sensors.events import ClockReset, Gap

#: Samples are held back (for a missing packet) until they are this old, not longer: the merge of sensors
#: goes on without a sensor that lags by 250 ms.
REORDER_S = 0.25
#: A clock this far back is a restart, or a packet that was on its way for very long.
_BACKWARD_RESET_S = 1.0
_START_PACKETS = 3
_START_HOLD_MAX_S = 3.0
_PENDING_MAX = 512
#: So many packets in a row must agree that the sensor's clock jumped; fewer were packets out of order.
_RESET_PACKETS = 3
_RESET_AGREE_S = 0.5
#: A sample placed this far after its packet came is in the wrong place, whatever put it there.
_AHEAD_MAX_S = 1.0


@dataclass(frozen=True)
class TimedSamples:
    """Samples of one stream with session times, float64 (n,) strictly increasing; values (n, 3) or None."""

    t_s: FloatArray
    acc_mps2: FloatArray | None
    gyr_radps: FloatArray | None


StreamItem = TimedSamples | Gap | ClockReset


@dataclass
class StreamCounts:
    """What a stream saw so far, in samples and packets."""

    samples: int = 0
    missing_samples: int = 0
    duplicates: int = 0
    late_packets: int = 0


@dataclass(frozen=True, order=True)
class _Packet:
    """A packet in unwrapped terms, ordered by its last sample's device time."""

    last_s: float
    counter: int | None = field(compare=False)
    host_s: float = field(compare=False)
    batch: Batch = field(compare=False)


class Stream:
    """Stamped packets of one kind; ``clock`` may be shared with the sensor's other streams."""

    def __init__(self, sensor: str, time: TimeModel, rate_hz: float, clock: DeviceClock) -> None:
        self._sensor = sensor
        self._time = time
        self._clock = clock
        self._unit_s = time.unit_s or 1.0
        # Coarse stamps are smoothed over packets; fine ones are taken as they are.
        self._trust = 0.2 if self._unit_s >= 5e-4 else 1.0
        self.period_s = 1.0 / rate_hz
        self.counts = StreamCounts()
        self._period_packets = 0
        self._last_t_s = math.nan
        self._host_s = -math.inf
        self._suspects: list[_Packet] = []
        self._suspect_step_s = 0.0
        self._begin_segment()

    def _begin_segment(self) -> None:
        self._epoch = self._clock.restarts
        self._pending: list[_Packet] = []
        self._newest: _Packet | None = None
        self._done_last_s = math.nan
        self._done_counter: int | None = None
        self._smooth_last_s = math.nan
        self._has_started = False
        self._late_run: list[float] = []
        self._is_new_segment = not math.isnan(self._last_t_s)

    def feed(self, host_s: float, batch: Batch) -> list[StreamItem]:
        """Take one decoded packet that arrived at ``host_s``; return what is now certain."""
        out: list[StreamItem] = []
        if self._epoch != self._clock.restarts:
            out += self._begin_again()
        packet = self._unwrap(host_s, batch)
        step_s = self._reset_step(packet)
        if step_s is None:
            # The old clock goes on: what did not fit it were packets that came late.
            self.counts.late_packets += len(self._suspects)
            self._suspects = []
            return out + self._take(packet)
        if self._suspects and not _continues(self._suspects[-1], packet):
            self.counts.late_packets += len(self._suspects)
            self._suspects = []
        if not self._suspects:
            self._suspect_step_s = step_s
        self._suspects.append(packet)
        if len(self._suspects) < _RESET_PACKETS:
            return out
        out += self.flush()
        self._clock.restart()
        out.append(ClockReset(self._sensor, self._suspects[0].host_s, self._suspect_step_s))
        return out + self._begin_again()

    def _begin_again(self) -> list[StreamItem]:
        """Begin a segment after the clock jumped, with the packets that told so."""
        suspects, self._suspects = self._suspects, []
        self._begin_segment()
        return [item for packet in suspects for item in self._take(self._unwrap(packet.host_s, packet.batch))]

    def _take(self, packet: _Packet) -> list[StreamItem]:
        self._clock.observe(packet.last_s, packet.host_s)
        self._host_s = packet.host_s
        if self._is_old(packet):
            return []
        self._pending.append(packet)
        self._pending.sort()
        if self._newest is None or packet.last_s > self._newest.last_s:
            self._newest = packet
        return self._release(packet.host_s)

    def tick(self, host_s: float) -> list[StreamItem]:
        """Let time pass without a packet of this stream: give up waiting where the wait is over."""
        return self._release(host_s) if self._pending and self._epoch == self._clock.restarts else []

    def flush(self) -> list[StreamItem]:
        """Release everything held back; what is missing by now is missing."""
        if self._epoch != self._clock.restarts:
            return []
        return self._release(math.inf)

    # -- unwrapping ---------------------------------------------------------------------------------------

    def _unwrap(self, host_s: float, batch: Batch) -> _Packet:
        n, period_s = batch.n_samples, batch.period_s or self.period_s
        ticks = batch.stamp_ticks or 0
        newest = self._newest
        if newest is not None:
            wrap = 1 << (self._time.bits or 64)
            expected_s = self._clock.expected_device_s(host_s)
            ticks += wrap * round((expected_s / self._unit_s - ticks) / wrap)
        last_s = ticks * self._unit_s + ((n - 1) * period_s if self._time.stamp == "first_sample" else 0.0)
        counter = batch.counter
        if (
            counter is not None
            and newest is not None
            and newest.counter is not None
            and self._time.counter_bits
        ):
            wrap = 1 << self._time.counter_bits
            expected = newest.counter + (last_s - newest.last_s) / (n * period_s)
            counter += wrap * round((expected - counter) / wrap)
        return _Packet(last_s, counter, host_s, batch)

    def _reset_step(self, packet: _Packet) -> float | None:
        """Return by how much the device's clock jumped, None when it did not."""
        newest = self._newest
        if newest is None:
            return None
        ahead_s = self._clock.ahead_s(packet.last_s, packet.host_s)
        # While the fit is young its line may still lie far above the fastest packets.
        is_ahead = ahead_s > (0.1 if self._clock.age_s(newest.last_s) > 5.0 else 0.5)
        back_s = newest.last_s - packet.last_s
        if back_s > _BACKWARD_RESET_S:
            return ahead_s
        if packet.counter is not None and newest.counter is not None:
            expected_s = (packet.counter - newest.counter) * self._span_s(packet)
            mismatch_s = -back_s - expected_s
            if abs(mismatch_s) <= max(0.02, 0.1 * abs(expected_s)):
                return None
            if mismatch_s < 0 or ahead_s > 0.03:
                return mismatch_s
            return None
        if is_ahead:
            return ahead_s
        if back_s >= 0 and packet.last_s not in (p.last_s for p in self._pending):
            self._late_run = [*self._late_run, packet.last_s]
            if len(self._late_run) >= 3 and self._late_run == sorted(set(self._late_run)):
                return ahead_s
        else:
            self._late_run = []
        return None

    def _span_s(self, packet: _Packet) -> float:
        return packet.batch.n_samples * (packet.batch.period_s or self.period_s)

    def _is_old(self, packet: _Packet) -> bool:
        """Say whether this packet was already delivered or given up, and count it."""
        tolerance_s = 0.4 * (packet.batch.period_s or self.period_s)
        if any(
            packet.counter == other.counter
            if packet.counter is not None
            else abs(packet.last_s - other.last_s) < tolerance_s
            for other in self._pending
        ):
            self.counts.duplicates += 1
            return True
        if math.isnan(self._done_last_s):
            return False
        if packet.counter is not None and self._done_counter is not None:
            is_old = packet.counter <= self._done_counter
        else:
            is_old = packet.last_s < self._done_last_s + tolerance_s
        if is_old:
            self.counts.late_packets += 1
        return is_old

    # -- release ------------------------------------------------------------------------------------------

    def _release(self, host_s: float) -> list[StreamItem]:
        out: list[StreamItem] = []
        if not self._has_started:
            if not self._may_start(host_s):
                return out
            self._has_started = True
            self._learn_period()
        while self._pending:
            packet = self._pending[0]
            if not (
                self._follows(packet)
                or self._age_s(packet, host_s) >= REORDER_S
                or len(self._pending) > _PENDING_MAX
            ):
                break
            out += self._deliver(self._pending.pop(0))
        return out

    def _age_s(self, packet: _Packet, host_s: float) -> float:
        """How long ago, at ``host_s``, the packet's first sample was taken."""
        return host_s - self._clock.session_s(packet.last_s - self._span_s(packet))

    def _may_start(self, host_s: float) -> bool:
        """Say whether the clock and the rate are known well enough to place the first samples."""
        if not self._pending:
            return False
        age_s = self._age_s(self._pending[0], host_s)
        knows_rate = self._period_packets > 0 or self._pending[0].batch.period_s is not None
        return age_s >= (
            REORDER_S if knows_rate or len(self._pending) >= _START_PACKETS else _START_HOLD_MAX_S
        )

    def _learn_period(self) -> None:
        """Measure the true period over the first packets when the sensor does not tell it: modes differ."""
        packets = self._pending
        if len(packets) < _START_PACKETS or self._period_packets or packets[0].batch.period_s is not None:
            return
        steps = [(b.last_s - a.last_s) / b.batch.n_samples for a, b in pairwise(packets)]
        measured_s = float(np.median(steps))
        # A lost packet doubles one step; a wrong rate changes most of them.
        if measured_s <= 0 or abs(measured_s / self.period_s - 1.0) <= 0.1:
            return
        wrong_s, self.period_s = self.period_s, measured_s
        if self._time.stamp == "first_sample":
            # Their last samples were placed with the wrong period, and so were the clock's points.
            shift_s = measured_s - wrong_s
            self._pending = [replace(p, last_s=p.last_s + (p.batch.n_samples - 1) * shift_s) for p in packets]
            self._newest = self._pending[-1]
            self._clock.forget()
            for packet in self._pending:
                self._clock.observe(packet.last_s, packet.host_s)

    def _follows(self, packet: _Packet) -> bool:
        if math.isnan(self._done_last_s):
            return True
        if packet.counter is not None and self._done_counter is not None:
            return packet.counter == self._done_counter + 1
        span_s = self._span_s(packet)
        return packet.last_s - self._done_last_s < 1.5 * span_s

    def _deliver(self, packet: _Packet) -> list[StreamItem]:
        batch, n = packet.batch, packet.batch.n_samples
        if batch.period_s is not None:
            self.period_s = batch.period_s
        is_first = math.isnan(self._smooth_last_s)
        expected_s = self._smooth_last_s + n * self.period_s
        error_s = packet.last_s - expected_s
        is_contiguous = not is_first and abs(error_s) <= max(0.75, 0.1 * n) * self.period_s
        last_s = expected_s + self._trust * error_s if is_contiguous else packet.last_s
        if is_contiguous:
            step_s = (last_s - self._smooth_last_s) / n
            device_s = self._smooth_last_s + step_s * np.arange(1.0, n + 1.0)
            self._track_period(packet, error_s)
        else:
            first_s = last_s - (n - 1) * self.period_s
            if not is_first:
                first_s = max(first_s, self._smooth_last_s + 0.1 * self.period_s)
            device_s = np.linspace(first_s, max(last_s, first_s + 1e-6 * n), n)
        missing = 0 if is_contiguous or is_first else max(0, round(error_s / self.period_s))
        self._smooth_last_s = float(device_s[-1])
        self._done_last_s = packet.last_s
        self._done_counter = packet.counter
        return self._emit(self._clock.map(device_s), batch, missing)

    def _track_period(self, packet: _Packet, error_s: float) -> None:
        if packet.batch.period_s is None:
            self._period_packets += 1
            gain = max(1.0 / (self._period_packets + 1), 0.02)
            self.period_s += gain * error_s / packet.batch.n_samples * (1.0 if self._trust == 1.0 else 0.5)

    def _emit(self, t_s: FloatArray, batch: Batch, missing: int) -> list[StreamItem]:
        out: list[StreamItem] = []
        if t_s[-1] > self._host_s + _AHEAD_MAX_S:
            self.counts.late_packets += 1
            return out
        acc, gyr = batch.acc_mps2, batch.gyr_radps
        if not math.isnan(self._last_t_s) and t_s[0] <= self._last_t_s:
            # After a restart the line begins with whichever stream of the clock came first: the other one's first
            # samples may lie before what was told already. Time never goes back.
            self.counts.late_packets += 1
            n_past = int(np.searchsorted(t_s, self._last_t_s, side="right"))
            t_s = t_s[n_past:]
            acc, gyr = (None if item is None else item[n_past:] for item in (acc, gyr))
            if not t_s.size:
                return out
        if self._is_new_segment:
            self._is_new_segment = False
            missing = max(0, round((float(t_s[0]) - self._last_t_s) / self.period_s) - 1)
        if missing:
            out.append(Gap(self._sensor, self._last_t_s, float(t_s[0]), missing))
            self.counts.missing_samples += missing
        self.counts.samples += t_s.size
        self._last_t_s = float(t_s[-1])
        out.append(TimedSamples(t_s, acc, gyr))
        return out


def _continues(earlier: _Packet, packet: _Packet) -> bool:
    """Say whether ``packet`` follows ``earlier`` on one clock: the same time passed on it as on the host's."""
    passed_s = packet.last_s - earlier.last_s
    return passed_s > 0 and abs(passed_s - (packet.host_s - earlier.host_s)) < _RESET_AGREE_S
