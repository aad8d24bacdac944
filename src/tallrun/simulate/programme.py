"""What a simulated person is asked to do, and who that person is: plain frozen data with units in the names."""

from __future__ import annotations

from dataclasses import dataclass

from tallrun.errors import UsageError
from tallrun.numerics.recording import Marker

RUN, WALK, STAND, CAR, STAIRS = "run", "walk", "stand", "car", "stairs"
BOUT_MODES = (RUN, WALK, STAND, CAR, STAIRS)
#: What a bout counts as in the truth's segments (the four words of the session contract).
SEGMENT_MODE = {RUN: "run", WALK: "walk", STAND: "stand", CAR: "other", STAIRS: "other"}
TREADMILL, ROAD = "treadmill", "road"

LOW_CADENCE_DEFICIT_SPM = 12.0  # sci:A6
TILT_SHIFT_DEG = 5.0  # design 2, against the runner's own running baseline
ASYMMETRY_PCT = 4.0  # sci:A5


@dataclass(frozen=True)
class Bout:
    """A stretch of one activity.

    mode : run, walk, stand, car (vibration of a vehicle, seated) or stairs (walking up or down steps).
    speed_mps : along the ground or belt; ``end_speed_mps`` lets it drift linearly over the bout.
    incline_pct : slope, up positive (for stairs: mean slope of the steps).
    turn_radius_m : radius of a bend to the left (negative: right); None runs straight.
    cadence_shift_spm : added to the runner's usual cadence at this speed.
    overstride : severity as a multiple of the published threshold (0 none, 1 at it, 1.5 clearly beyond).
    tilt_shift_deg : anterior tilt added to the runner's usual running tilt; ``end_tilt_shift_deg`` drifts.
    contact_asymmetry_pct : 200 (R - L)/(R + L) of contact time; 15 is a clear limp on the left leg.
    fatigue : 0..1, reached linearly at the bout's end (1: cadence -4 %, contact +6 %, tilt +3 degrees).
    slip_share, slip_m : share of contacts in which the foot slides forward on the ground, and how far.
    is_fidgeting : standing with weight shifts, toe taps and heel raises (no foot ever leaves the ground).
    """

    mode: str
    duration_s: float
    speed_mps: float = 0.0
    end_speed_mps: float | None = None
    incline_pct: float = 0.0
    turn_radius_m: float | None = None
    cadence_shift_spm: float = 0.0
    overstride: float = 0.0
    tilt_shift_deg: float = 0.0
    end_tilt_shift_deg: float | None = None
    contact_asymmetry_pct: float = 0.0
    fatigue: float = 0.0
    slip_share: float = 0.0
    slip_m: float = 0.06
    is_fidgeting: bool = False

    def __post_init__(self) -> None:
        if self.mode not in BOUT_MODES:
            raise UsageError(f"bout mode must be one of {', '.join(BOUT_MODES)}; got {self.mode!r}")
        if not self.duration_s > 0.0:
            raise UsageError(f"a bout must last longer than 0 s; got duration_s={self.duration_s}")
        moves = self.mode in (RUN, WALK, STAIRS)
        if moves and not 0.3 <= self.speed_mps <= 9.0:
            raise UsageError(f"a {self.mode} bout needs speed_mps between 0.3 and 9; got {self.speed_mps}")
        if not moves and self.speed_mps != 0.0:
            raise UsageError(f"a {self.mode} bout has no speed; got speed_mps={self.speed_mps}")
        if abs(self.incline_pct) > 40.0:
            raise UsageError(f"incline_pct must lie within -40..40; got {self.incline_pct}")

    @property
    def is_moving(self) -> bool:
        """Whether steps are taken."""
        return self.mode in (RUN, WALK, STAIRS)


@dataclass(frozen=True)
class Programme:
    """Bouts in order, the surface they happen on, and marks on the time line."""

    bouts: tuple[Bout, ...]
    surface: str = TREADMILL
    name: str = "custom"
    markers: tuple[Marker, ...] = ()
    has_heart_rate: bool = False

    def __post_init__(self) -> None:
        if not self.bouts:
            raise UsageError("a programme needs at least one bout")
        if self.surface not in (TREADMILL, ROAD):
            raise UsageError(f"surface must be treadmill or road; got {self.surface!r}")
        if self.surface == TREADMILL and any(bout.turn_radius_m is not None for bout in self.bouts):
            raise UsageError("a treadmill has no bends; use surface='road' with turn_radius_m")

    @property
    def duration_s(self) -> float:
        """Sum of the bouts' durations."""
        return float(sum(bout.duration_s for bout in self.bouts))


@dataclass(frozen=True)
class Runner:
    """Body and habits. Angles in degrees, anterior tilt and toe-up positive, tilt relative to standing.

    ``contact_offsets_s`` are (initial, final): true contact minus the foot's kinematic landing and lift-off.
    None draws both from +-15 ms, so that no feature of the signals is the definition of the truth.
    ``pelvis_lag_s``: how much later than the foot the pelvis feels the ground; None draws from 0..12 ms.
    ``rocking_dps``, ``stance_wobble_deg``, ``stance_give_m``: how the foot and shoe keep moving while they carry
    the body (steady roll-over, tipping sideways, compression and shear); zero makes a perfectly still foot.
    ``braking_g``: peak of the braking acceleration of the pelvis at 3 m/s after a 10-Hz low-pass.
    ``foot_ahead_ratio``: foot ahead of the pelvis at contact over leg length, at 3 m/s.
    """

    height_m: float = 1.75
    leg_length_m: float = 0.93
    mass_kg: float = 70.0
    cadence_offset_spm: float = 0.0
    contact_time_scale: float = 1.0
    foot_strike_angle_deg: float = 8.0
    stance_flat_angle_deg: float = 0.0
    foot_ahead_ratio: float = 0.285
    braking_g: float = 0.22
    running_tilt_deg: float = 5.0
    walking_tilt_deg: float = 2.0
    tilt_swing_deg: float = 3.5
    obliquity_deg: float = 4.0
    rotation_deg: float = 6.0
    sway_mps: float = 0.06
    step_width_m: float = 0.07
    toe_out_deg: float = 6.0
    rocking_dps: float = 22.0
    stance_wobble_deg: float = 1.0
    stance_give_m: float = 0.0009
    landing_down_mps: float = 1.0
    landing_forward_mps: float = 0.8
    landing_s: float = 0.015
    ringing_mps2: float = 25.0
    ringing_hz: float = 48.0
    soft_tissue_mps2: float = 4.0
    step_time_cv: float = 0.012
    pelvis_lag_s: float | None = None
    angle_sd_deg: float = 0.8
    contact_offsets_s: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not 0.5 < self.leg_length_m < 1.3:
            raise UsageError(f"leg_length_m must lie within 0.5..1.3; got {self.leg_length_m}")
        if not 0.005 <= self.landing_s <= 0.03:
            raise UsageError(f"landing_s must lie within 0.005..0.03; got {self.landing_s}")

    def expected_cadence_spm(self, speed_mps: float) -> float:
        """Cadence expected at this speed and leg length [steps/min] (sci:A6), without the runner's habit."""
        return 166.0 + 7.0 * (speed_mps - 3.0) - 94.0 * (self.leg_length_m - 0.93)
