"""What the runner aims at: a cadence that follows speed, or a pelvic tilt below a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tallrun.gait.flag_terms import OwnBaseline, expected_cadence_spm
from tallrun.numerics.recording import RunnerProfile

#: Cadence grows by this much per m/s inside one runner (sci:A6).
CADENCE_PER_SPEED_SPM = 7.0
#: Never more than 5 % above the own cadence without a clinician, nor 8 above the expected one (GT7).
RAISE_SHARE = 1.05
ABOVE_EXPECTED_SPM = 8.0


@dataclass(frozen=True)
class CadenceTarget:
    """Target cadence as a function of speed, from the own cadence at one speed.

    own_spm : own cadence [steps/min of both feet] at ``own_speed_mps`` [m/s]
    raise_share, above_expected_spm : the protocol's limits (GT7), or what a clinician set
    """

    own_spm: float
    own_speed_mps: float
    runner: RunnerProfile
    raise_share: float = RAISE_SHARE
    fixed_spm: float | None = None
    above_expected_spm: float = ABOVE_EXPECTED_SPM

    def own_at(self, speed_mps: float) -> float:
        """Own cadence carried over to this speed; the own value when the speed is unknown."""
        if not math.isfinite(speed_mps) or not math.isfinite(self.own_speed_mps):
            return self.own_spm
        return self.own_spm + CADENCE_PER_SPEED_SPM * (speed_mps - self.own_speed_mps)

    def at(self, speed_mps: float) -> float:
        """Target at this speed: min(1.05 x own, expected + 8) (GT7); a typed or clinician's value wins."""
        if self.fixed_spm is not None:
            return self.fixed_spm
        raised = self.raise_share * self.own_at(speed_mps)
        if not math.isfinite(speed_mps):
            return raised
        expected, _ = expected_cadence_spm(speed_mps, self.runner)
        return min(raised, expected + self.above_expected_spm)

    def is_step(self, speed_mps: float) -> bool:
        """Return whether there is anything to raise: a target at or below the own cadence is no step (GT7)."""
        return self.fixed_spm is not None or self.at(speed_mps) > self.own_at(speed_mps)


def own_cadence(
    baseline: OwnBaseline | None, learned_spm: float, learned_speed_mps: float
) -> tuple[float, float]:
    """Own cadence and the speed it belongs to: the stored baseline at this speed first, else the learning block.

    NaN in both when neither is known.
    """
    stored = baseline.at(learned_speed_mps) if baseline else None
    if stored is not None and math.isfinite(stored.cadence_spm):
        return stored.cadence_spm, stored.speed_mps
    return learned_spm, learned_speed_mps
