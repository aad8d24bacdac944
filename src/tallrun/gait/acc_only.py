"""The foot engine for a sensor without a gyroscope: contacts, times, impact and mode; no lengths or angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tallrun.errors import SignalError, UsageError
from tallrun.gait import acc_only_kernel as kernel
from tallrun.gait.entry import Entry, Held
from tallrun.gait.foot_state import Output, new_output
from tallrun.gait.front import most_rows, new_grid, new_grid_state, put_on_grid
from tallrun.gait.kernels import as_record, plain
from tallrun.gait.rows import FOOT_CONTACT_DTYPE, MODE_RUN, joined, reason_bit
from tallrun.numerics.recording import FloatArray, SensorSpec

HISTORY_S = 10.0
PIECE = 2048
CLIP_SHARE = 0.98
LEAST_RATE_HZ, MOST_RATE_HZ = 40.0, 10_000.0
IMPLAUSIBLE = reason_bit("implausible")
#: A running foot is on the ground for less than its step; limping, a step is up to this share of the stride.
MOST_RUNNING_SHARE = 0.6

_PUT, _APPEND, _TRACK = Entry(put_on_grid, int), Entry(kernel.append), Entry(kernel.track)


@dataclass(frozen=True)
class AccFootStatus:
    """How good the samples were; there is no mounting to learn."""

    foot: str
    n_samples: int
    n_contacts: int
    n_duplicates: int
    n_damaged: int
    n_bridged: int
    n_breaks: int
    n_clipped: int


class AccFootEngine:
    """Streaming engine for one foot accelerometer in any mounting; rows do not depend on chunking.

    Parameters
    ----------
    spec : the sensor; ``rate_hz`` 40 to 10,000.
    foot : "left" or "right".

    Raises
    ------
    UsageError
        When the rate is too low or too high or the foot is neither.
    """

    def __init__(self, spec: SensorSpec, foot: str) -> None:
        if foot not in ("left", "right"):
            raise UsageError(f"foot must be 'left' or 'right', got {foot!r}")
        if not LEAST_RATE_HZ <= spec.rate_hz <= MOST_RATE_HZ:
            raise UsageError(
                f"a foot accelerometer needs {LEAST_RATE_HZ:g} to {MOST_RATE_HZ:g} Hz, got {spec.rate_hz:g} Hz; "
                "set the sensor to another rate"
            )
        self._foot = foot
        self._rate_hz = float(spec.rate_hz)
        clip_g = CLIP_SHARE * spec.acc_range_g if spec.acc_range_g else 1e9
        self._settings = as_record(kernel.AccFootParams(self._rate_hz, clip_g=clip_g))
        self._grid_state = new_grid_state()
        self._keep = int(HISTORY_S * self._rate_hz)
        most = most_rows(PIECE, self._rate_hz)
        self._grid = new_grid(most)
        self._state = kernel.new_state(self._keep + most)
        self._used = 0
        self._out = new_output(int(most / (0.15 * self._rate_hz)) + 64, False)
        self._no_gyr = np.zeros((1, 3))
        self._held_grid, self._held_grid_state = Held(self._grid), Held(self._grid_state)
        self._held_state, self._held_out = Held(self._state), Held(self._out)
        self._held_settings = Held(self._settings)

    def feed(self, t_s: FloatArray, acc_mps2: FloatArray, gyr_radps: FloatArray | None = None) -> np.ndarray:
        """Take samples; return the contacts that became known, FOOT_CONTACT_DTYPE.

        t_s : float64 (n,); acc_mps2 : float64 (n, 3), specific force in sensor axes; gyr_radps is not looked at.
        Repeated times and NaN samples are dropped and counted. Lengths and angles are NaN (``no_gyroscope``).
        Raises SignalError when shapes do not fit.
        """
        t, acc = plain(t_s), plain(acc_mps2)
        if acc.shape != (len(t), 3):
            raise SignalError(
                f"foot_{self._foot}: expected acceleration of shape ({len(t)}, 3), got {acc.shape}"
            )
        parts = [self._take(t[k : k + PIECE], acc[k : k + PIECE]) for k in range(0, len(t), PIECE)]
        return joined(parts, FOOT_CONTACT_DTYPE)

    def finish(self) -> np.ndarray:
        """Close the open bout and return its last contact; an empty array when there is none."""
        if self._used == 0:
            return np.empty(0, FOOT_CONTACT_DTYPE)
        self._out.n[0] = 0
        _TRACK(self._held_state, self._used, self._used, self._held_settings, self._held_out, True)
        return _rows_of(self._out)

    def status(self) -> AccFootStatus:
        """Return the counters so far."""
        counts = self._grid_state.known[0]
        return AccFootStatus(
            foot=self._foot,
            n_samples=int(counts.n_seen),
            n_contacts=int(self._state.known[0].n_given),
            n_duplicates=int(counts.n_duplicates),
            n_damaged=int(counts.n_damaged),
            n_bridged=int(counts.n_bridged),
            n_breaks=int(counts.n_breaks),
            n_clipped=int(self._state.known[0].n_clipped),
        )

    def _take(self, t: FloatArray, acc: FloatArray) -> np.ndarray:
        n = _PUT(t, acc, self._no_gyr, False, self._rate_hz, self._held_grid_state, self._held_grid)
        buf = self._state.buf
        if self._used + n > len(buf.t_s):
            drop = self._used - self._keep
            for column in buf:
                column[: self._keep] = column[drop : self._used].copy()
            self._used = self._keep
            self._state.known[0].first_row += drop
        start, self._used = self._used, self._used + n
        _APPEND(self._held_grid, n, self._held_state, start)
        self._out.n[0] = 0
        _TRACK(self._held_state, start, self._used, self._held_settings, self._held_out, False)
        return _rows_of(self._out)


def _rows_of(out: Output) -> np.ndarray:
    """Return the kernel's rows; a contact no foot can have is withheld (``implausible``)."""
    rows = out.table[: out.n[0]].copy()
    stride = rows["next_initial_contact_s"] - rows["initial_contact_s"]
    stance = rows["final_contact_s"] - rows["initial_contact_s"]
    most = np.where(rows["mode"] == MODE_RUN, MOST_RUNNING_SHARE, 1.0) * stride
    bad = (stance <= 0.0) | (stance >= most)
    rows["final_contact_s"][bad] = np.nan
    rows["reasons"][bad] |= IMPLAUSIBLE
    return rows
