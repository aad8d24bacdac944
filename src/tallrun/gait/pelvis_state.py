"""What the pelvis engine remembers, by name; vectors are arrays, single numbers stand in records (``gait.kernels``)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.kernels import new_record
from tallrun.gait.rows import PELVIS_STEP_DTYPE
from tallrun.numerics.recording import FloatArray

#: What is held of the strap: it has not moved, it may have, it has.
HELD, DOUBTED, SLIPPED = 0, 1, 2
#: Kinds of gait, each with a posture of its own.
WALKING, RUNNING = 0, 1
MAX_MARKS = 24
HISTORY_S = 10.0
#: Longest step that is looked at, with the one before it.
WINDOW_S = 4.0


class Levelled(NamedTuple):
    """The latest samples on an even grid, sensor axes; (rows, ...).

    flag : measured, bridged, after a break. force (., 3) [m/s2]. up (., 3) : the world's up. turn : turn rate about up
    [rad/s], rate : about any axis. vertical : force along up [m/s2]. gain (., 3) : sum of level force x time [m/s].
    """

    t_s: FloatArray
    flag: FloatArray
    force: FloatArray
    up: FloatArray
    turn: FloatArray
    rate: FloatArray
    vertical: FloatArray
    gain: FloatArray


class PelvisAxes(NamedTuple):
    """What tells forward from sideways (``pelvis_axes``): sums over strides, and the forward axis (3,) they give.

    known : weight of the strides in the sums, and whether the axis is known.
    """

    even: FloatArray
    early_late: FloatArray
    forward: FloatArray
    known: np.recarray


class Strap(NamedTuple):
    """Where the strap sits and how the body is held (``pelvis_mount``): directions of up in sensor axes.

    neutral, standing (3,) : upright standing, and the newest one. level (3,) : latest attitude. usual, anchor, latest
    (2, 3) by gait : the usual attitude, as it was first, and the newest. usual_n (2,) : steps behind it.
    quiet_force (3,) : sum over the second that goes on. known : all single numbers.
    """

    neutral: FloatArray
    standing: FloatArray
    level: FloatArray
    usual: FloatArray
    anchor: FloatArray
    latest: FloatArray
    usual_n: FloatArray
    quiet_force: FloatArray
    known: np.recarray


class PelvisState(NamedTuple):
    """All of it.

    steps : landmarks, bouts and counts. marks (.,) : landmarks as fractional rows since the session's start. mean_force
    (3,) : up without a gyroscope. low_pass (5,) : b0, b1, b2, a1, a2. lines (5, .), found : scratch.
    """

    buf: Levelled
    axes: PelvisAxes
    strap: Strap
    steps: np.recarray
    marks: FloatArray
    mean_force: FloatArray
    low_pass: FloatArray
    lines: FloatArray
    found: FloatArray


class PelvisOutput(NamedTuple):
    """Where rows go: rows (.,) PELVIS_STEP_DTYPE, n (1,) how many were written."""

    rows: np.recarray
    n: NDArray[np.int64]

    @property
    def table(self) -> NDArray[np.void]:
        """The rows as plain structured ones."""
        return np.asarray(self.rows.base)


def new_state(rate_hz: float, most_rows: int, low_pass: FloatArray, n_readings: int) -> PelvisState:
    """Return the state before the first sample, with room for ``most_rows`` beyond what is kept."""
    n = int(HISTORY_S * rate_hz) + most_rows
    strap = new_record(
        floats="quiet_n quiet_sum quiet_sq quiet_rate started_s disturbed_s gait_s seen_s lean doubt_rad",
        ints="quiet_seconds neutral_known mount n_off n_back n_moved gait doubt_gait",
        flags="is_standing is_neutral_given is_odd_standing",
    )
    strap.disturbed_s = -1e9
    return PelvisState(
        buf=Levelled(np.empty(n), np.empty(n), np.empty((n, 3)), np.empty((n, 3)), np.empty(n), np.empty(n),
                     np.empty(n), np.empty((n, 3))),
        axes=PelvisAxes(np.zeros((3, 3)), np.zeros(3), np.zeros(3), new_record(floats="weight", flags="is_known")),
        strap=Strap(np.zeros(3), np.zeros(3), np.zeros(3), np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3)),
                    np.zeros(2), np.zeros(3), strap),
        steps=new_record(
            floats="z1 z2 swing_mps2 low_mps2 last_mark_s lag_s n_lag",
            ints="first_row n_seen n_rows n_marks next n_given n_clipped mode",
            flags="is_armed is_confirmed",
        ),
        marks=np.zeros(MAX_MARKS + 1),
        mean_force=np.zeros(3),
        low_pass=low_pass,
        lines=np.empty((5, int(WINDOW_S * rate_hz) + 64)),
        found=np.empty(n_readings),
    )  # fmt: skip


def new_output(n_rows: int) -> PelvisOutput:
    """Return room for rows."""
    return PelvisOutput(np.empty(n_rows, PELVIS_STEP_DTYPE).view(np.recarray), np.zeros(1, np.int64))
