"""The foot engine: samples of one foot sensor in, one row per contact out, live and replayed alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median  # that of numpy loads all of its masked arrays

import numpy as np
from numpy.typing import NDArray

from tallrun.errors import SignalError, UsageError
from tallrun.gait.entry import Entry, Held
from tallrun.gait.foot_cycles import track
from tallrun.gait.foot_mounting import TURNING_RADPS, Mounting, learn_mounting, rest_of, warm_up_mounting
from tallrun.gait.foot_params import FootParams
from tallrun.gait.foot_state import (
    WAVE_KINDS,
    WAVE_POINTS,
    FootState,
    Samples,
    new_output,
    new_sensor,
    new_state,
)
from tallrun.gait.foot_trajectory import sensor_height
from tallrun.gait.foot_unrested import learn_unrested
from tallrun.gait.kernels import as_record, plain
from tallrun.gait.rows import FOOT_CONTACT_DTYPE, joined
from tallrun.numerics.recording import FloatArray, SensorSpec
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

HISTORY_S = 60.0  # what is kept while the mounting is not known
LOOK_EVERY_S = 1.0
PIECE = 8192
TURNING_TO_LOOK_S = 0.3  # a foot at rest or in a car gives nothing to learn from
STRIDES_TO_LEARN = 6
QUALITY_TO_LEARN = 0.55

_TRACK = Entry(track)


@dataclass(frozen=True)
class FootStatus:
    """What the engine knows about its sensor.

    sensor_to_foot : (3, 3) rotation into foot axes (FLU), None before it is learned. flat_pitch_deg : angle of
    the learned foot axes to gravity at the latest foot-flats, NaN before the first. sensor_height_m : learned
    height over the ball of the foot. gyr_range_radps : given or found in the signal, NaN when unknown. n_rests : how
    often the sensor was seen at rest; 0 leaves gyr_bias_radps a guess.
    """

    foot: str
    mounting_learned: bool
    mounting_quality: float
    sensor_to_foot: FloatArray | None
    n_samples: int
    n_bad: int
    n_duplicates: int
    n_gaps: int
    lost_pct: float
    n_acc_clipped: int
    n_gyr_clipped: int
    n_strides: int
    n_mounting_changes: int
    flat_pitch_deg: float
    sensor_height_m: float
    gyr_range_radps: float
    gyr_bias_radps: tuple[float, float, float]
    n_rests: int


class FootEngine:
    """Strides of one foot from its accelerometer and gyroscope, in any mounting.

    Parameters
    ----------
    spec
        The sensor; ``rate_hz`` is nominal, times come with the samples.
    foot
        "left" or "right".
    record_waves
        Keep each closed stride's shape, see ``waves``.
    kept_bias_radps
        Gyroscope bias (3,) known from an earlier session, sensor axes; None when unknown. A first guess: it counts
        until the foot is seen at rest, with the uncertainty of a bias that was never seen, and gravity corrects it.

    Raises
    ------
    UsageError
        For an unknown foot, a rate outside 25 to 2000 Hz, a sensor without gyroscope or a bias that is not (3,).

    Notes
    -----
    Rows are bit-identical for any cutting of the signal into blocks (`sci:D1`).
    """

    def __init__(
        self,
        spec: SensorSpec,
        foot: str,
        *,
        record_waves: bool = False,
        kept_bias_radps: FloatArray | None = None,
    ) -> None:
        if foot not in ("left", "right"):
            raise UsageError(f'foot must be "left" or "right", got "{foot}"')
        if not spec.has_gyroscope:
            raise UsageError(f"{spec.placement}: the foot engine needs a gyroscope; use AccFootEngine")
        if not 25.0 <= spec.rate_hz <= 2000.0:
            raise UsageError(f"{spec.placement}: rate_hz must be 25 to 2000, got {spec.rate_hz}")
        self.spec = spec
        self.foot = foot
        self._settings = as_record(FootParams(rate_hz=float(spec.rate_hz)))
        self.params = self._settings[0]
        acc_limit = math.nan if spec.acc_range_g is None else spec.acc_range_g * STANDARD_GRAVITY_MPS2
        gyr_limit = math.nan if spec.gyr_range_dps is None else spec.gyr_range_dps * RAD_PER_DEG
        longest_s = self.params.longest_stride_s
        self._state: FootState = new_state(spec.rate_hz, longest_s, acc_limit, gyr_limit, record_waves)
        self._held, self._held_settings = Held(self._state), Held(self._settings)
        self._mounting: Mounting | None = None
        self._record = record_waves
        # a foot must rise and fall again for each row, which takes two samples
        self._out = new_output(PIECE // 2 + 8, record_waves)
        self._held_out, self._table = Held(self._out), self._out.table
        self._kept_bias_radps = None if kept_bias_radps is None else plain(kept_bias_radps)
        if self._kept_bias_radps is not None and self._kept_bias_radps.shape != (3,):
            raise UsageError(
                f"{spec.placement}: kept_bias_radps must be (3,), got {self._kept_bias_radps.shape}"
            )
        self._waves: list[FloatArray] = []
        self._look_every = max(int(LOOK_EVERY_S * spec.rate_hz), 8)
        capacity = 1 << math.ceil(math.log2(HISTORY_S * spec.rate_hz))
        self._h_t = np.zeros(capacity)
        self._h_acc = np.zeros((capacity, 3))
        self._h_gyr = np.zeros((capacity, 3))
        self._h_n = 0
        self._seen = 0
        self._turning = 0
        self._finished = False

    @property
    def last_time_s(self) -> float:
        """Time of the newest sample taken in; NaN before the first."""
        if self._mounting is None and self._h_n:
            return float(self._h_t[self._h_n - 1])
        return float(self._state.front[0].last_s)

    def feed(self, t_s: FloatArray, acc_mps2: FloatArray, gyr_radps: FloatArray) -> NDArray[np.void]:
        """Take in samples; return the rows (FOOT_CONTACT_DTYPE) they decided.

        t_s (n,) seconds, acc_mps2 and gyr_radps (n, 3) in the sensor's axes. Samples that are not finite or
        not later than the one before are counted and dropped.
        """
        t, acc, gyr = plain(t_s), plain(acc_mps2), plain(gyr_radps)
        if t.ndim != 1 or acc.shape != (len(t), 3) or gyr.shape != (len(t), 3):
            raise SignalError(
                f"{self.spec.placement}: expected t_s (n,), acc_mps2 (n, 3) and gyr_radps (n, 3), "
                f"got {t.shape}, {acc.shape} and {gyr.shape}"
            )
        if self._finished:
            raise UsageError(f"{self.spec.placement}: the engine was finished; make a new one")
        if self._mounting is not None:
            return self._track(t, acc, gyr)
        parts: list[NDArray[np.void]] = []
        start = 0
        while start < len(t) and self._mounting is None:
            stop = min(start + self._look_every - self._seen % self._look_every, len(t))
            self._remember(t[start:stop], acc[start:stop], gyr[start:stop])
            start = stop
            if self._seen % self._look_every == 0 and self._turning >= TURNING_TO_LOOK_S * self.spec.rate_hz:
                self._turning = 0
                parts.append(self._look(STRIDES_TO_LEARN, QUALITY_TO_LEARN))
        if start < len(t):
            parts.append(self._track(t[start:], acc[start:], gyr[start:]))
        return joined(parts, FOOT_CONTACT_DTYPE)

    def finish(self) -> NDArray[np.void]:
        """Close the stream and return the last rows; a short recording is learned from what there is."""
        rows = [np.empty(0, FOOT_CONTACT_DTYPE)]
        if not self._finished and self._mounting is None:
            rows.append(self._look(1, 0.0))
        if not self._finished and self._mounting is not None:
            none = np.zeros((0, 3))
            rows.append(self._track(none[:, 0].copy(), none, none, True))
        self._finished = True
        return joined(rows, FOOT_CONTACT_DTYPE)

    def status(self) -> FootStatus:
        """Return the mounting and the ledger of samples as they stand."""
        front, foot, sensor = self._state.front[0], self._state.foot, self._state.sensor
        x, y, z = sensor.bias.tolist()
        span_s = float(front.last_s - front.first_s) if front.n else 0.0
        return FootStatus(
            foot=self.foot,
            mounting_learned=self._mounting is not None,
            mounting_quality=self._mounting.quality if self._mounting else 0.0,
            sensor_to_foot=foot.mount.copy() if self._mounting else None,
            n_samples=int(front.n) if self._mounting else self._h_n,
            n_bad=int(front.n_bad),
            n_duplicates=int(front.n_duplicates),
            n_gaps=int(front.n_gaps),
            lost_pct=100.0 * float(front.lost_s) / span_s if span_s > 0 else 0.0,
            n_acc_clipped=int(front.n_acc_clipped),
            n_gyr_clipped=int(front.n_gyr_clipped),
            n_strides=int(self._state.stance[0].n_strides),
            n_mounting_changes=int(foot.known[0].n_moves),
            flat_pitch_deg=self._flat_pitch_deg(),
            sensor_height_m=float(sensor_height(foot.known[0], self.params)),
            gyr_range_radps=float(sensor.gyr_limits[0]),
            gyr_bias_radps=(x, y, z),
            n_rests=int(sensor.known[0].n_rests),
        )

    def _flat_pitch_deg(self) -> float:
        foot = self._state.foot
        known = min(int(foot.known[0].n_flats), len(foot.flats))
        if not known or not np.isfinite(foot.flats[:known]).all():
            return math.nan
        forward, _, up = (median(axis.tolist()) for axis in foot.flats[:known].T)
        return math.degrees(math.atan2(forward, up))

    @property
    def waves(self) -> FloatArray:
        """Shapes of the rows emitted so far, (n_rows, 101, 4): pitch [rad], |f| [m/s2], forward, up [m].

        From foot-flat to foot-flat at equal shares of time; NaN where the row has no stride. Needs
        ``record_waves=True``, else it is empty.
        """
        return np.concatenate([np.empty((0, WAVE_POINTS, WAVE_KINDS)), *self._waves])

    def _remember(self, t: FloatArray, acc: FloatArray, gyr: FloatArray) -> None:
        self._seen += len(t)
        finite = np.isfinite(t) & np.isfinite(acc).all(axis=1) & np.isfinite(gyr).all(axis=1)
        self._state.front[0].n_bad += int((~finite).sum())
        t, acc, gyr = t[finite], acc[finite], gyr[finite]
        newest = self._h_t[self._h_n - 1] if self._h_n else -np.inf
        later = t > np.maximum.accumulate(np.concatenate([[newest], t]))[:-1]
        self._state.front[0].n_duplicates += int((~later).sum())
        t, acc, gyr = t[later], acc[later], gyr[later]
        n, capacity = self._h_n, len(self._h_t)
        if n + len(t) > capacity:
            keep = capacity // 2
            for array in (self._h_t, self._h_acc, self._h_gyr):
                array[:keep] = array[n - keep : n].copy()
            n = keep
        self._h_t[n : n + len(t)] = t
        self._h_acc[n : n + len(t)] = acc
        self._h_gyr[n : n + len(t)] = gyr
        self._turning += int((np.einsum("ij,ij->i", gyr, gyr) > TURNING_RADPS**2).sum())
        self._h_n = n + len(t)

    def _look(self, least_strides: int, least_quality: float) -> NDArray[np.void]:
        """Try to learn the mounting from what is remembered; on success, track all of it."""
        n, sensor = self._h_n, self._state.sensor
        kept = Samples(self._h_t, self._h_acc, self._h_gyr, len(self._h_t) - 1)
        rested, bias, acc_bias = rest_of(kept, n, self._settings)
        if not rested and self._kept_bias_radps is not None:
            bias = self._kept_bias_radps
        kept = kept._replace(acc=self._h_acc - acc_bias)
        seen = new_sensor(math.nan, math.nan)
        seen = seen._replace(bias=bias, gyr_limits=sensor.gyr_limits, acc_limits=sensor.acc_limits)
        found = learn_mounting(kept, n, seen, self._settings, self._state.work)
        if found is None:
            found = learn_unrested(kept.t_s[:n], kept.acc[:n], kept.gyr[:n], bias, self.params)
            least_strides *= 2
        if found is None or found.n_strides < least_strides or found.quality < least_quality:
            return np.empty(0, FOOT_CONTACT_DTYPE)
        self._mounting = found
        self._state.foot.mount[:, :] = found.rotation
        # the bias is known before the first stride is worked through: from rest, else from gravity at the foot-flats
        sensor.bias[:] = bias if rested else found.bias_radps
        sensor.acc_bias[:] = acc_bias
        sensor.known[0].n_rests = int(rested)
        rows = self._track(self._h_t[:n], self._h_acc[:n], self._h_gyr[:n])
        if len(rows):
            rows["emitted_at_s"] = self._h_t[n - 1]
        self._h_t, self._h_acc, self._h_gyr = np.zeros(0), np.zeros((0, 3)), np.zeros((0, 3))
        self._h_n = 0
        return rows

    def _track(
        self, t: FloatArray, acc: FloatArray, gyr: FloatArray, is_end: bool = False
    ) -> NDArray[np.void]:
        parts = []
        for first in range(0, max(len(t), 1), PIECE):
            part = slice(first, first + PIECE)
            self._out.n[0] = 0
            is_last = is_end and first + PIECE >= len(t)
            _TRACK(t[part], acc[part], gyr[part], self._held, self._held_settings, self._held_out, is_last)
            parts.append(self._rows())
        return joined(parts, FOOT_CONTACT_DTYPE)

    def _rows(self) -> NDArray[np.void]:
        n = int(self._out.n[0])
        if n and self._record:
            self._waves.append(self._out.waves[:n].copy())
        return self._table[:n].copy()


def warm_up() -> None:
    """Compile every kernel of the foot engine, so that no live sample waits for it."""
    engine = FootEngine(SensorSpec("foot_left", 100.0), "left")
    engine._mounting = Mounting(np.eye(3), 1.0, 1.0, 0, np.zeros(3))
    t = np.arange(8) / 100.0
    acc = np.tile([0.0, 0.0, STANDARD_GRAVITY_MPS2], (8, 1))
    engine.feed(t, acc, np.zeros((8, 3)))
    engine.finish()
    engine.status()
    warm_up_mounting(engine._settings)
