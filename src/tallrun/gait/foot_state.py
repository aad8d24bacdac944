"""What the foot engine remembers of one sensor, by name, in the order in which it comes about.

Vectors and matrices are arrays, what is a single number stands in a record (``tallrun.gait.kernels``). A kernel changes
them in place; a test can copy, save and compare them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallrun.gait.kernels import new_record
from tallrun.gait.rows import FOOT_CONTACT_DTYPE
from tallrun.numerics.recording import FloatArray

IntArray = NDArray[np.int64]

MAX_LOBES = 4  # cut-off turns of one stride
MAX_PEAKS = 8  # and cut-off forces
N_FLATS = 20  # foot-flats the usual direction of gravity is a mean of
#: One stride's shape, foot-flat to foot-flat: pitch [rad], |f| [m/s2], forward [m], up [m].
WAVE_POINTS = 101
WAVE_KINDS = 4


class Samples(NamedTuple):
    """Ring of accepted samples in the sensor's axes; sample k, counted from the first, stands at ``k & mask``.

    t_s (cap,), acc [m/s2] and gyr [rad/s] (cap, 3), cap a power of two, mask cap - 1.
    """

    t_s: FloatArray
    acc: FloatArray
    gyr: FloatArray
    mask: int


class Derived(NamedTuple):
    """What each sample of the ring gives by itself, (cap,) each.

    pitch_radps : turn rate toe-up. snap : size of the force's second difference [m/s2]. cost : how far from still, as a
    chi-square of 2. gap_s : time missing before it, 0 where it could be bridged. was_lost : any sample missing before.
    """

    pitch_radps: FloatArray
    snap: FloatArray
    cost: FloatArray
    gap_s: FloatArray
    was_lost: NDArray[np.bool_]


class Sensor(NamedTuple):
    """What is known of the sensor itself.

    bias (3,) [rad/s], acc_bias (3,) [m/s2], seen at rest. gyr_limits [rad/s], acc_limits [m/s2] (3,) : its ranges, NaN
    when unknown. known : counters of rests, greatest readings, whether ranges were given. level_n (3,) : samples one
    axis has held its level; rest_gyr, rest_acc (3,) : sums over the rest that goes on.
    """

    bias: FloatArray
    acc_bias: FloatArray
    gyr_limits: FloatArray
    acc_limits: FloatArray
    known: np.recarray
    level_n: IntArray
    rest_gyr: FloatArray
    rest_acc: FloatArray


class Flat(NamedTuple):
    """Foot-flat a stride starts from: level (3, 3) sensor to world, tilt_cov (2, 2) its tilt's covariance [rad2]."""

    level: FloatArray
    tilt_cov: FloatArray


class Path(NamedTuple):
    """A stride sample by sample from its first foot-flat (n, ...), in the world: z up, heading as it comes.

    Until the repair, velocity is what strapdown gives; force and turned_force are the integrals of f and of (gyr_var x
    f); gyr_var and acc_var those of the error's variances; lobe_turn and lobe_velocity (n, lobes, 3) what one whole
    hidden part of each cut-off lobe turns and gains. After it rotation, velocity and position are repaired.
    """

    t_s: FloatArray
    rotation: FloatArray
    velocity: FloatArray
    position: FloatArray
    force: FloatArray
    turned_force: FloatArray
    gyr_var: FloatArray
    acc_var: FloatArray
    lobe_turn: FloatArray
    lobe_velocity: FloatArray


class Lobes(NamedTuple):
    """Runs cut off at a range, turns first, then forces; (lobes, ...).

    along (., 3) : direction in the sensor; first, last : samples; hidden : mean that is missing [rad/s], [m/s2]. rate,
    high (n,) : scratch for a turn of up to n samples.
    """

    along: FloatArray
    first: IntArray
    last: IntArray
    hidden: FloatArray
    rate: FloatArray
    high: FloatArray


class Work(NamedTuple):
    """Where a stride is solved: its path, its lobes, and the numbers that come out (``fit``).

    rotation (3, 3), force (2, 3) : attitude, and force in the world before and now, of the sample strapdown is at.
    """

    path: Path
    lobes: Lobes
    fit: np.recarray
    rotation: FloatArray
    force: FloatArray


class Foot(NamedTuple):
    """How the sensor sits: mount (3, 3) sensor to foot, flats (., 3) gravity in foot axes at the latest foot-flats.

    known : flats seen, off, unsure, times it moved, what its height over the ball was learned from, and where in the
    foot the ball is (0, 0: not seen yet).
    """

    mount: FloatArray
    flats: FloatArray
    known: np.recarray


class FootState(NamedTuple):
    """All of it.

    front : the sample clock and the ledger of samples. cycle : the zigzag of the pitch angle. stance : where the foot
    came down, lay flat and left; usual times. gait : walking or running. row : the contact whose stride is not closed.
    """

    samples: Samples
    derived: Derived
    sensor: Sensor
    foot: Foot
    flat: Flat
    work: Work
    front: np.recarray
    cycle: np.recarray
    stance: np.recarray
    gait: np.recarray
    row: np.recarray
    wave: FloatArray


class Output(NamedTuple):
    """Where rows go: rows (.,) FOOT_CONTACT_DTYPE, waves (., 101, 4) or none, n (1,) how many were written."""

    rows: np.recarray
    waves: FloatArray
    n: IntArray

    @property
    def table(self) -> NDArray[np.void]:
        """The rows as plain structured ones."""
        return np.asarray(self.rows.base)


def new_sensor(acc_limit_mps2: float, gyr_limit_radps: float) -> Sensor:
    """Return a sensor of which only the ranges are known, or not even these (NaN)."""
    known = new_record(
        floats="acc_top_mps2 gyr_top_radps",
        ints="n_rest n_rests",
        flags="is_acc_range_given is_gyr_range_given",
    )
    known.is_acc_range_given, known.is_gyr_range_given = (
        np.isfinite(acc_limit_mps2),
        np.isfinite(gyr_limit_radps),
    )
    return Sensor(
        np.zeros(3), np.zeros(3), np.full(3, gyr_limit_radps), np.full(3, acc_limit_mps2), known,
        np.zeros(3, np.int64), np.zeros(3), np.zeros(3),
    )  # fmt: skip


def new_work(n: int) -> Work:
    """Return room for strides of up to ``n`` samples."""
    lobes = MAX_LOBES + MAX_PEAKS
    path = Path(
        np.zeros(n), np.zeros((n, 3, 3)), np.zeros((n, 3)), np.zeros((n, 3)), np.zeros((n, 3)), np.zeros((n, 3)),
        np.zeros(n), np.zeros(n), np.zeros((n, lobes, 3)), np.zeros((n, lobes, 3)),
    )  # fmt: skip
    fit = new_record(
        floats="gap_s spread_mps2 gyr_var acc_var cut_s ground_m wander_m2 misfit residual_mps velocity_error_mps "
        "x_m y_m rise_m length_m sigma_m lift_m turn_x turn_y",
        ints="first last n_lobes n_peaks",
        flags="is_solved is_trusted is_lost",
    )
    runs = Lobes(
        np.zeros((lobes, 3)), np.zeros(lobes, np.int64), np.zeros(lobes, np.int64), np.zeros(lobes), np.zeros(n),
        np.zeros(n),
    )  # fmt: skip
    return Work(path, runs, fit, np.zeros((3, 3)), np.zeros((2, 3)))


def new_output(n_rows: int, with_waves: bool) -> Output:
    """Return room for rows and, if wanted, their shapes."""
    waves = np.empty((n_rows if with_waves else 0, WAVE_POINTS, WAVE_KINDS))
    return Output(np.empty(n_rows, FOOT_CONTACT_DTYPE).view(np.recarray), waves, np.zeros(1, np.int64))


def new_state(
    rate_hz: float, longest_s: float, acc_limit_mps2: float, gyr_limit_radps: float, with_waves: bool
) -> FootState:
    """Return an empty state for one sensor; limits are NaN when the range is not known."""
    capacity = 1 << int(np.ceil(np.log2(max(rate_hz * 2.5 * longest_s, 64.0))))
    front = new_record(
        floats="first_s last_s period_s jitter_s2 lost_s",
        ints="n n_bad n_duplicates n_gaps n_acc_clipped n_gyr_clipped",
    )
    front.first_s, front.last_s, front.period_s = np.nan, np.nan, 1.0 / rate_hz
    cycle = new_record(
        floats="angle_rad top_rad bottom_rad ask_rad", ints="top bottom swing_from", flags="is_rising"
    )
    cycle.is_rising, cycle.swing_from = True, -1
    stance = new_record(
        floats="flat_cost flat_unrest_mps usual_stride_s usual_delay_s usual_snap usual_fall_radps",
        ints="contact flat_at n_strides",
        flags="is_pending is_carried",
    )
    stance.flat_at = -1
    return FootState(
        samples=Samples(np.zeros(capacity), np.zeros((capacity, 3)), np.zeros((capacity, 3)), capacity - 1),
        derived=Derived(
            np.zeros(capacity), np.zeros(capacity), np.zeros(capacity), np.zeros(capacity), np.zeros(capacity, np.bool_)
        ),
        sensor=new_sensor(acc_limit_mps2, gyr_limit_radps),
        foot=Foot(
            np.eye(3), np.zeros((N_FLATS, 3)),
            new_record(floats="lever_gain lever_weight ball_ahead_m ball_up_m", ints="n_flats n_off n_unsure n_moves"),
        ),
        flat=Flat(np.eye(3), np.zeros((2, 2))),
        work=new_work(capacity),
        front=front,
        cycle=cycle,
        stance=stance,
        gait=new_record(floats="run_odds", ints="mode", flags="is_settled"),
        row=np.zeros(1, FOOT_CONTACT_DTYPE).view(np.recarray),
        wave=np.full((WAVE_POINTS if with_waves else 0, WAVE_KINDS), np.nan),
    )  # fmt: skip
