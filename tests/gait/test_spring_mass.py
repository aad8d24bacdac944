from __future__ import annotations

import numpy as np
import pytest

from tallrun.gait.spring_mass import spring_mass


def test_golden_figures_of_the_method():
    """Check figures of sci:A5: m 70, t_c 0.25, t_f 0.114, v 3, L 0.9."""
    found = spring_mass(np.array([0.25]), np.array([0.114]), np.array([3.0]), 70.0, 0.9)
    assert found.peak_force_n[0] == pytest.approx(1570.0, abs=1.0)
    assert found.displacement_m[0] == pytest.approx(0.065, abs=0.0006)
    assert found.vertical_stiffness_npm[0] == pytest.approx(24000.0, abs=50.0)
    assert found.leg_stiffness_npm[0] == pytest.approx(10700.0, abs=50.0)
    assert found.vertical_oscillation_m[0] == pytest.approx(0.081, abs=0.0006)


def test_unknown_in_unknown_out_and_no_flight_is_no_spring():
    found = spring_mass(
        np.array([np.nan, 0.25, 0.6, 0.0]), np.array([0.1, np.nan, -0.1, 0.1]), np.full(4, 3.0), 70, 0.9
    )
    for values in found:
        assert np.isnan(values).all()
    no_leg = spring_mass(np.array([0.25]), np.array([0.114]), np.array([3.0]), 70.0, np.nan)
    assert np.isnan(no_leg.leg_stiffness_npm[0])
    assert np.isfinite(no_leg.vertical_stiffness_npm[0])
    no_mass = spring_mass(np.array([0.25]), np.array([0.114]), np.array([3.0]), np.nan, 0.9)
    assert np.isnan(no_mass.peak_force_n[0])


def test_empty_stays_empty():
    assert spring_mass(np.empty(0), np.empty(0), np.empty(0), 70.0, 0.9).peak_force_n.shape == (0,)


def test_stiffness_scales_with_mass():
    one = spring_mass(np.array([0.24]), np.array([0.12]), np.array([3.5]), 60.0, 0.9)
    two = spring_mass(np.array([0.24]), np.array([0.12]), np.array([3.5]), 120.0, 0.9)
    assert two.leg_stiffness_npm[0] == pytest.approx(2.0 * one.leg_stiffness_npm[0])
    assert two.displacement_m[0] == pytest.approx(one.displacement_m[0])
