"""The pelvis engine: samples of one pelvis sensor in any mounting -> one row per step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vqf import VQF

from tallrun.errors import SignalError, UsageError
from tallrun.gait import pelvis_cycles as cycles
from tallrun.gait.entry import Entry, Held
from tallrun.gait.front import most_rows, new_grid, new_grid_state, put_on_grid
from tallrun.gait.kernels import as_record, plain
from tallrun.gait.pelvis_params import PelvisParams
from tallrun.gait.pelvis_state import DOUBTED, HISTORY_S, SLIPPED, new_output, new_state
from tallrun.gait.rows import PELVIS_STEP_DTYPE, joined
from tallrun.gait.sacral import S_WIDTH
from tallrun.numerics.recording import FloatArray, SensorSpec
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

PIECE = 2048
CLIP_SHARE = 0.98
LEAST_RATE_HZ, MOST_RATE_HZ = 20.0, 10_000.0
_PUT, _LEVEL, _TRACK = Entry(put_on_grid, int), Entry(cycles.level), Entry(cycles.track)


@dataclass(frozen=True)
class PelvisStatus:
    """What the engine has learned and how good its samples were. Vectors are in sensor axes; None: not known."""

    n_samples: int
    n_steps: int
    n_duplicates: int
    n_damaged: int
    n_bridged: int
    n_breaks: int
    n_clipped: int
    is_mounting_known: bool
    is_neutral_known: bool
    has_slipped: bool
    is_strap_doubted: bool
    neutral: tuple[float, float, float] | None
    forward: tuple[float, float, float] | None


class PelvisEngine:
    """Streaming pelvis engine; rows do not depend on how samples are cut into blocks.

    Parameters
    ----------
    spec : the sensor; ``rate_hz`` 20 to 10,000. Without a gyroscope, angles are NaN (``no_gyroscope``).
    neutral : float64 (3,), direction of the specific force in quiet standing in sensor axes (from a
        calibration); None to learn it from the first three or more quiet seconds.
    record_waves : keep what ``angles`` needs.

    Raises
    ------
    UsageError
        When the rate is too low or too high or neutral is not a finite direction.
    """

    def __init__(
        self, spec: SensorSpec, neutral: FloatArray | None = None, *, record_waves: bool = False
    ) -> None:
        if not LEAST_RATE_HZ <= spec.rate_hz <= MOST_RATE_HZ:
            raise UsageError(
                f"the pelvis engine needs {LEAST_RATE_HZ:g} to {MOST_RATE_HZ:g} Hz, got {spec.rate_hz:g} Hz; "
                "set the sensor to another rate"
            )
        self._has_gyroscope = bool(spec.has_gyroscope)
        self._recorded: list[FloatArray] | None = [] if record_waves and spec.has_gyroscope else None
        self._rate_hz = float(spec.rate_hz)
        clip = CLIP_SHARE * spec.acc_range_g * GRAVITY_MPS2 if spec.acc_range_g else 1e9
        self._settings = as_record(PelvisParams(self._rate_hz, self._has_gyroscope, clip_mps2=clip))
        self._params = self._settings[0]
        self._vqf = VQF(1.0 / self._rate_hz)
        self._keep = int(HISTORY_S * self._rate_hz)
        most = most_rows(PIECE, self._rate_hz)
        self._grid, self._grid_state = new_grid(most), new_grid_state()
        low_pass = _butterworth(min(self._params.landmark_hz / (self._rate_hz / 2.0), 0.9))
        self._state = new_state(self._rate_hz, most, low_pass, S_WIDTH)
        self._used = 0
        self._out = new_output(int(most / (0.15 * self._rate_hz)) + 64)
        self._held_grid, self._held_grid_state = Held(self._grid), Held(self._grid_state)
        self._held_state, self._held_out = Held(self._state), Held(self._out)
        self._held_settings = Held(self._settings)
        self._no_gyr, self._no_quat = np.zeros((1, 3)), np.empty((1, 4))
        if neutral is not None:
            self._set_neutral(neutral)

    def feed(self, t_s: FloatArray, acc_mps2: FloatArray, gyr_radps: FloatArray | None) -> np.ndarray:
        """Take samples; return the rows that became known, PELVIS_STEP_DTYPE.

        Parameters
        ----------
        t_s : float64 (n,), seconds since session start. Repeated or backward times are dropped and counted.
        acc_mps2 : float64 (n, 3), specific force, sensor axes. An axis that is never there is NaN throughout;
            other NaN samples are dropped and counted.
        gyr_radps : float64 (n, 3), or None for a sensor without gyroscope.

        Raises
        ------
        SignalError
            When shapes do not fit, or the gyroscope the sensor was declared with is absent.
        """
        t, acc = plain(t_s), plain(acc_mps2)
        if acc.shape != (len(t), 3):
            raise SignalError(f"pelvis: expected acceleration of shape ({len(t)}, 3), got {acc.shape}")
        gyr = self._no_gyr
        if self._has_gyroscope:
            shape = () if gyr_radps is None else gyr_radps.shape
            if gyr_radps is None or shape != acc.shape:
                raise SignalError(
                    f"pelvis: expected turn rates of shape {acc.shape}, got {shape}; "
                    "declare has_gyroscope=False for a sensor without one"
                )
            gyr = plain(gyr_radps)
        parts = []
        for first in range(0, len(t), PIECE):
            cut = slice(first, first + PIECE)
            parts.append(self._take(t[cut], acc[cut], gyr[cut] if self._has_gyroscope else gyr))
        return joined(parts, PELVIS_STEP_DTYPE)

    def finish(self) -> np.ndarray:
        """Close the open bout and return its last row; an empty array when there is none."""
        if self._used == 0:
            return np.empty(0, PELVIS_STEP_DTYPE)
        self._out.n[0] = 0
        _TRACK(self._held_state, self._used, self._used, self._held_settings, self._held_out, True)
        return self._out.table[: self._out.n[0]].copy()

    def status(self) -> PelvisStatus:
        """Return counters and what was learned so far."""
        counts, strap = self._grid_state.known[0], self._state.strap
        is_known, has_neutral = bool(self._state.axes.known[0].is_known), bool(strap.known[0].neutral_known)
        return PelvisStatus(
            n_samples=int(counts.n_seen),
            n_steps=int(self._state.steps[0].n_given),
            n_duplicates=int(counts.n_duplicates),
            n_damaged=int(counts.n_damaged),
            n_bridged=int(counts.n_bridged),
            n_breaks=int(counts.n_breaks),
            n_clipped=int(self._state.steps[0].n_clipped),
            is_mounting_known=is_known,
            is_neutral_known=has_neutral,
            has_slipped=bool(strap.known[0].mount == SLIPPED),
            is_strap_doubted=bool(strap.known[0].mount == DOUBTED),
            neutral=_vector(strap.neutral) if has_neutral else None,
            forward=_vector(self._state.axes.forward) if is_known else None,
        )

    def angles(self) -> FloatArray:
        """Return the pelvis's attitude at every sample, float64 (n, 4): time, tilt, obliquity [deg], turning [deg/s].

        Tilt and obliquity are measured from standing, anterior and left side up positive; turning about the upright,
        to the left positive. All but the turning is NaN where standing or forward was never known; empty without
        ``record_waves`` or a gyroscope. Standing and forward are those last learned, the rows' those of their moment.
        """
        if not self._recorded:
            return np.empty((0, 4))
        kept = np.concatenate(self._recorded)
        out = np.full((len(kept), 4), np.nan)
        out[:, 0], out[:, 3] = kept[:, 0], np.degrees(kept[:, 4])
        told = self.status()
        if told.neutral is not None and told.forward is not None:
            up, ahead = kept[:, 1:4], np.array(told.forward)
            left = np.cross(np.array(told.neutral), ahead)
            out[:, 1] = np.degrees(np.arcsin(np.clip(-up @ ahead, -1.0, 1.0)))
            out[:, 2] = np.degrees(np.arcsin(np.clip(up @ left, -1.0, 1.0)))
        return out

    def _set_neutral(self, neutral: FloatArray) -> None:
        direction = np.asarray(neutral, np.float64)
        size = float(np.linalg.norm(direction)) if direction.shape == (3,) else float("nan")
        if not (np.isfinite(size) and size > 0.0):
            raise UsageError(
                f"pelvis neutral must be a finite direction of 3 numbers, got {neutral!r}; calibrate again"
            )
        strap = self._state.strap
        strap.neutral[:] = direction / size
        strap.known[0].neutral_known, strap.known[0].is_neutral_given = 1, True

    def _take(self, t: FloatArray, acc: FloatArray, gyr: FloatArray) -> np.ndarray:
        n = _PUT(t, acc, gyr, self._has_gyroscope, self._rate_hz, self._held_grid_state, self._held_grid)
        if n == 0:
            return np.empty(0, PELVIS_STEP_DTYPE)
        quat = self._no_quat
        if self._has_gyroscope:
            quat = plain(self._vqf.updateBatch(self._grid.gyr[:n], self._grid.acc[:n])["quat6D"])
        self._make_room(n)
        start, self._used = self._used, self._used + n
        _LEVEL(self._held_grid, n, quat, self._held_settings, self._held_state, start)
        if self._recorded is not None:
            buf, new = self._state.buf, slice(start, self._used)
            self._recorded.append(np.column_stack((buf.t_s[new], buf.up[new], buf.turn[new])))
        self._out.n[0] = 0
        _TRACK(self._held_state, start, self._used, self._held_settings, self._held_out, False)
        return self._out.table[: self._out.n[0]].copy()

    def _make_room(self, n: int) -> None:
        """Move the last HISTORY_S to the front when the buffer is full."""
        buf = self._state.buf
        if self._used + n <= len(buf.t_s):
            return
        drop = self._used - self._keep
        for column in buf:
            column[: self._keep] = column[drop : self._used].copy()
        self._used = self._keep
        self._state.steps[0].first_row += drop


def _vector(direction: FloatArray) -> tuple[float, float, float]:
    x, y, z = direction.tolist()
    return x, y, z


def _butterworth(share_of_nyquist: float) -> FloatArray:
    """Return b0, b1, b2, a1, a2 of the second-order low-pass (scipy.signal takes a second to import)."""
    warped = np.tan(0.5 * np.pi * share_of_nyquist)
    square, damped = warped * warped, np.sqrt(2.0) * warped
    b0, b1, a1, a2 = square, 2.0 * square, 2.0 * (square - 1.0), 1.0 - damped + square
    return np.array([b0, b1, b0, a1, a2]) / (1.0 + damped + square)
