"""The foot engine for a sensor without a gyroscope: contacts, times, impact and mode; no lengths or angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tallrun.errors import SignalError, UsageError
from tallrun.gait import acc_only_kernel as kernel
from tallrun.gait.front import most_rows, new_grid, new_grid_state, put_on_grid
from tallrun.gait.rows import FOOT_CONTACT_DTYPE, MODE_RUN, reason_bit
from tallrun.numerics.recording import FloatArray, SensorSpec

HISTORY_S = 10.0
PIECE = 2048
CLIP_SHARE = 0.98
LEAST_RATE_HZ = 40.0
IMPLAUSIBLE = reason_bit("implausible")
#: A running foot is on the ground for less than its step; limping, a step is up to this share of the stride.
MOST_RUNNING_SHARE = 0.6


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
    spec : the sensor; ``rate_hz`` at least 40.
    foot : "left" or "right".

    Raises
    ------
    UsageError
        When the rate is too low or the foot is neither.
    """

    def __init__(self, spec: SensorSpec, foot: str) -> None:
        if foot not in ("left", "right"):
            raise UsageError(f"foot must be 'left' or 'right', got {foot!r}")
        if not spec.rate_hz >= LEAST_RATE_HZ:
            raise UsageError(
                f"a foot accelerometer needs at least {LEAST_RATE_HZ:g} Hz, got {spec.rate_hz:g} Hz; "
                "set the sensor to a higher rate"
            )
        self._foot = foot
        self._rate_hz = float(spec.rate_hz)
        clip_g = CLIP_SHARE * spec.acc_range_g if spec.acc_range_g else 1e9
        self._params = kernel.AccFootParams(self._rate_hz, clip_g=clip_g)
        self._grid_state = new_grid_state()
        self._keep = int(HISTORY_S * self._rate_hz)
        most = most_rows(PIECE, self._rate_hz)
        self._grid = new_grid(most)
        self._buf = np.empty((self._keep + most, kernel.B_WIDTH))
        self._used, self._base = 0, 0
        self._floats = np.zeros(kernel.F_WIDTH)
        self._ints = np.zeros(kernel.I_WIDTH, np.int64)
        self._marks = np.zeros(kernel.MAX_MARKS + 1, np.int64)
        self._out = np.empty((int(most / (0.15 * self._rate_hz)) + 64, kernel.O_WIDTH))
        self._no_gyr = np.zeros((1, 3))

    def feed(self, t_s: FloatArray, acc_mps2: FloatArray, gyr_radps: FloatArray | None = None) -> np.ndarray:
        """Take samples; return the contacts that became known, FOOT_CONTACT_DTYPE.

        t_s : float64 (n,); acc_mps2 : float64 (n, 3), specific force in sensor axes; gyr_radps is not looked at.
        Repeated times and NaN samples are dropped and counted. Lengths and angles are NaN (``no_gyroscope``).
        Raises SignalError when shapes do not fit.
        """
        t = np.require(t_s, np.float64, ["C", "W"])
        acc = np.require(acc_mps2, np.float64, ["C", "W"])
        if acc.shape != (len(t), 3):
            raise SignalError(
                f"foot_{self._foot}: expected acceleration of shape ({len(t)}, 3), got {acc.shape}"
            )
        parts = [self._take(t[k : k + PIECE], acc[k : k + PIECE]) for k in range(0, len(t), PIECE)]
        return np.concatenate(parts) if parts else np.empty(0, FOOT_CONTACT_DTYPE)

    def finish(self) -> np.ndarray:
        """Close the open bout and return its last contact; an empty array when there is none."""
        if self._used == 0:
            return np.empty(0, FOOT_CONTACT_DTYPE)
        n = kernel.end_bout(
            self._buf, self._used - 1, self._base, self._marks, self._params, self._ints, self._out, 0
        )
        return _rows_of(self._out[:n])

    def status(self) -> AccFootStatus:
        """Return the counters so far."""
        counts = self._grid_state.known
        return AccFootStatus(
            foot=self._foot,
            n_samples=int(counts.n_seen),
            n_contacts=int(self._ints[kernel.I_GIVEN]),
            n_duplicates=int(counts.n_duplicates),
            n_damaged=int(counts.n_damaged),
            n_bridged=int(counts.n_bridged),
            n_breaks=int(counts.n_breaks),
            n_clipped=int(self._ints[kernel.I_CLIPPED]),
        )

    def _take(self, t: FloatArray, acc: FloatArray) -> np.ndarray:
        n = put_on_grid(t, acc, self._no_gyr, False, self._rate_hz, self._grid_state, self._grid)
        if self._used + n > len(self._buf):
            drop = self._used - self._keep
            self._buf[: self._keep] = self._buf[drop : self._used].copy()
            self._used, self._base = self._keep, self._base + drop
        start = self._used
        kernel.append(self._grid, n, self._buf, start)
        self._used += n
        found = kernel.track(
            self._buf, start, self._used, self._base, self._params, self._floats, self._ints, self._marks,
            self._out,
        )  # fmt: skip
        return _rows_of(self._out[:found])


def _rows_of(table: FloatArray) -> np.ndarray:
    rows = np.zeros(len(table), FOOT_CONTACT_DTYPE)
    for name in FOOT_CONTACT_DTYPE.names or ():
        if FOOT_CONTACT_DTYPE[name].kind == "f":
            rows[name] = np.nan
    for name, column in (
        ("initial_contact_s", kernel.O_CONTACT),
        ("final_contact_s", kernel.O_FINAL),
        ("foot_flat_s", kernel.O_FLAT),
        ("next_initial_contact_s", kernel.O_NEXT),
        ("peak_impact_g", kernel.O_IMPACT),
        ("mode", kernel.O_MODE),
        ("quality", kernel.O_QUALITY),
        ("reasons", kernel.O_REASONS),
        ("emitted_at_s", kernel.O_EMITTED),
    ):
        rows[name] = table[:, column]
    stride = rows["next_initial_contact_s"] - rows["initial_contact_s"]
    stance = rows["final_contact_s"] - rows["initial_contact_s"]
    most = np.where(rows["mode"] == MODE_RUN, MOST_RUNNING_SHARE, 1.0) * stride
    bad = (stance <= 0.0) | (stance >= most)
    rows["final_contact_s"][bad] = np.nan
    rows["reasons"][bad] |= IMPLAUSIBLE
    return rows
