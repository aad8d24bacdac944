"""What a stride is held against: expected cadence, the terms of overstriding, the runner's own baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tallrun.gait.eligible import angle_is_sure, length_is_sure
from tallrun.gait.strides import NAN, Stride
from tallrun.numerics.recording import RunnerProfile

#: Share of body height taken as leg length when only height is known (Morin 2005; sci:A5).
LEG_PER_HEIGHT = 0.53
#: One standard deviation of cadence between runners at one speed (sci:A6).
CADENCE_SD_SPM = 8.0
#: Standard deviation of adult height times the height slope: what not knowing the size costs.
UNKNOWN_SIZE_SD_SPM = 4.5

OVERSTRIDE_TERMS = ("foot_strike_angle", "foot_ahead", "braking", "cadence_deficit")
_WEIGHTS = (0.2, 0.3, 0.3, 0.2)
#: A term is raised beyond this, and beyond one and a half of its own sigma.
_RAISED, _RAISED_SIGMAS = 0.5, 1.5
OVERSTRIDE_INDEX_LIMIT = 0.75
_UNKNOWN_SIGMA = 0.25
#: What may be off for a whole run, alike in all its strides: the strike angle's is told with it.
FOOT_AHEAD_SIGMA_M, BRAKING_SIGMA_G, CADENCE_SIGMA_SPM = 0.01, 0.03, 1.0
#: A term known to this, as an angle is to 2 deg, counts with all its weight; a less certain one by the square less.
_SURE_SIGMA = 1.0 / 3.0
_GREATEST_SCORE = 3.0


@dataclass(frozen=True)
class BaselineBin:
    """The runner's own pain-free medians around one speed; NaN where not established."""

    speed_mps: float
    cadence_spm: float = NAN
    pelvic_tilt_deg: float = NAN
    foot_ahead_m: float = NAN
    asymmetry_contact_pct: float = NAN
    asymmetry_contact_sd_pct: float = NAN


@dataclass(frozen=True)
class OwnBaseline:
    """Own baselines by speed, established from at least three GREEN sessions (design: the three flags)."""

    bins: tuple[BaselineBin, ...] = ()

    def at(self, speed_mps: float) -> BaselineBin | None:
        """Return the bin within 5 % of this speed (the nearest), or None."""
        if not math.isfinite(speed_mps) or not self.bins:
            return None
        nearest = min(self.bins, key=lambda item: abs(item.speed_mps - speed_mps))
        return nearest if abs(nearest.speed_mps - speed_mps) <= 0.05 * nearest.speed_mps else None

    @property
    def asymmetry(self) -> tuple[float, float]:
        """Median contact-time asymmetry and its own standard deviation over all speeds [%]; NaN unknown."""
        for item in self.bins:
            if math.isfinite(item.asymmetry_contact_pct):
                return item.asymmetry_contact_pct, item.asymmetry_contact_sd_pct
        return NAN, NAN


def leg_length_m(runner: RunnerProfile) -> float:
    """Return the leg length, or its estimate from height, or NaN when neither is known."""
    if runner.leg_length_m:
        return runner.leg_length_m
    return LEG_PER_HEIGHT * runner.height_m if runner.height_m else NAN


def expected_cadence_spm(speed_mps: float, runner: RunnerProfile) -> tuple[float, float]:
    """Cadence expected of the population at this speed and size, and its standard deviation [steps/min].

    C_exp = 166 + 7 (v - 3.0) - 50 (h - 1.75), with leg length -94 (L - 0.93) instead (sci:A6, a design fit
    to published cohorts). Without size the middle of the population is taken and the spread widened.
    NaN for an unknown speed.
    """
    base = 166.0 + 7.0 * (speed_mps - 3.0)
    if runner.leg_length_m:
        return base - 94.0 * (runner.leg_length_m - 0.93), CADENCE_SD_SPM
    if runner.height_m:
        return base - 50.0 * (runner.height_m - 1.75), CADENCE_SD_SPM
    return base, math.hypot(CADENCE_SD_SPM, UNKNOWN_SIZE_SD_SPM)


def score_overstride(stride: Stride, runner: RunnerProfile, baseline: OwnBaseline | None) -> None:
    """Fill ``overstride_index``, its sigma, the terms raised and those against it of one stride (sci:A3).

    Terms that cannot be known are left out and the weights renormalised; with fewer than two known terms the
    index stays NaN, because strike angle alone must never speak (most recreational runners land on the heel).
    Foot ahead is speed times a time since contact: against other people it is as uncertain as what counts as contact
    (8 ms are 2.4 cm at 3 m/s, more than half its unit), against the runner's own usual one that goes out.
    """
    speed, leg = stride.pace_mps, leg_length_m(runner)
    own = baseline.at(speed) if baseline else None
    is_own = own is not None and math.isfinite(own.foot_ahead_m)
    reference_m = own.foot_ahead_m if own and is_own else (0.30 + 0.02 * (speed - 3.0)) * leg
    contact_m = 0.0 if is_own else stride.speed_mps * stride.timing_sigma_s
    expected, _ = expected_cadence_spm(speed, runner)
    angle = stride.foot_strike_angle_deg if angle_is_sure(stride.angle_sigma_deg) else NAN
    ahead_m = stride.foot_ahead_m if length_is_sure(stride.length_sigma_m, stride.stride_length_m) else NAN
    scores = (
        ((angle - 8.0) / 6.0, stride.angle_sigma_deg / 6.0),
        ((ahead_m - reference_m) / leg / 0.04, math.hypot(FOOT_AHEAD_SIGMA_M, contact_m) / leg / 0.04),
        ((stride.peak_braking_g - 0.27) / 0.06, BRAKING_SIGMA_G / 0.06),
        (-(stride.cadence_spm - expected) / CADENCE_SD_SPM, CADENCE_SIGMA_SPM / CADENCE_SD_SPM),
    )
    total = weight_sum = variance = 0.0
    raised = against = known = 0
    for place, (score, sigma) in enumerate(scores):
        if not math.isfinite(score + sigma):
            continue
        known += 1
        weight = _WEIGHTS[place]
        if sigma > _SURE_SIGMA:
            weight *= (_SURE_SIGMA / sigma) ** 2
        is_inside = -_GREATEST_SCORE < score < _GREATEST_SCORE
        total += weight * (score if is_inside else math.copysign(_GREATEST_SCORE, score))
        weight_sum += weight
        variance += (weight * sigma) ** 2
        if score > _RAISED and score > _RAISED_SIGMAS * sigma:
            raised |= 1 << place
        against += score < -_RAISED
    if known >= 2:
        stride.overstride_index = total / weight_sum
        stride.overstride_sigma = math.sqrt(variance) / weight_sum
        stride.overstride_terms, stride.overstride_against = raised, against


def is_overstriding(stride: Stride) -> bool:
    """Composite over its limit by more than its own uncertainty, with at least two more terms raised than against it.

    A term that is hardly certain hardly counts in the index; where it lies as far on the other side it is no sign of
    overstriding all the same.
    """
    sigma = stride.overstride_sigma if math.isfinite(stride.overstride_sigma) else _UNKNOWN_SIGMA
    return (
        stride.overstride_index - sigma > OVERSTRIDE_INDEX_LIMIT
        and stride.overstride_terms.bit_count() - stride.overstride_against >= 2
    )
