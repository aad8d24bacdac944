from __future__ import annotations

import math

import numpy as np
import pytest

from tallrun.ble.checks import Standing, check_standing, joined, lifted_foot, strap_moved_rad
from tallrun.numerics.recording import SampleBlock


def standing(rng: np.random.Generator, seconds: float = 8.0, tilt_rad: float = 0.3):
    n = round(seconds * 100)
    up = np.array([math.sin(tilt_rad), 0.0, math.cos(tilt_rad)])
    acc = 9.81 * up + rng.normal(0, 0.05, (n, 3))
    gyr = np.array([0.01, -0.02, 0.005]) + rng.normal(0, 0.01, (n, 3))
    return np.arange(n) / 100.0, acc, gyr


def test_quiet_standing_passes_and_tells_up_and_bias(rng: np.random.Generator) -> None:
    result = check_standing(*standing(rng))
    assert result.reason == ""
    assert result.standing is not None
    np.testing.assert_allclose(result.standing.up_sensor, [math.sin(0.3), 0, math.cos(0.3)], atol=2e-3)
    np.testing.assert_allclose(result.standing.gyr_bias_radps, [0.01, -0.02, 0.005], atol=2e-3)
    t_s, acc, _ = standing(rng)
    assert check_standing(t_s, acc, None).standing.gyr_bias_radps is None


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda t, a, g: (t[:300], a[:300], g[:300]), "only 3.0 s"),
        (lambda t, a, g: (t[:0], a[:0], g[:0]), "only 0.0 s"),
        (lambda t, a, g: (t, a + np.sin(6 * t)[:, None] * 1.5, g), "movement"),
        (lambda t, a, g: (t, a, g + np.sin(3 * t)[:, None] * 0.5), "turning"),
        (lambda t, a, g: (t, a, g + 0.3), "off by"),
        (lambda t, a, g: (t, a / 2, g), "wrong range"),
        (lambda t, a, g: (t, np.where([True, True, False], a, np.nan), g), "lacks an axis"),
    ],
)
def test_what_is_not_quiet_standing_fails_with_its_reason(
    spoil, reason: str, rng: np.random.Generator
) -> None:
    result = check_standing(*spoil(*standing(rng)))
    assert result.standing is None
    assert reason in result.reason


def test_a_moved_strap_shows_as_a_tilt_beyond_ten_degrees() -> None:
    def at(angle_deg: float) -> Standing:
        angle = math.radians(angle_deg)
        return Standing((math.sin(angle), 0.0, math.cos(angle)), 9.81, None, 8.0)

    assert strap_moved_rad(at(5), at(0)) is None
    assert strap_moved_rad(at(25), at(0)) == pytest.approx(math.radians(25))
    assert strap_moved_rad(at(0), at(0)) is None


def test_the_lifted_foot_is_the_one_that_moved(rng: np.random.Generator) -> None:
    rest = 9.81 * np.array([0, 0, 1]) + rng.normal(0, 0.05, (400, 3))
    lifted = rest + np.sin(np.arange(400) / 20.0)[:, None] * 4
    assert lifted_foot({"foot_left": lifted, "foot_right": rest}) == "foot_left"
    assert lifted_foot({"foot_left": rest, "foot_right": lifted}) == "foot_right"
    assert lifted_foot({"foot_left": rest, "foot_right": rest}) is None
    assert lifted_foot({"foot_left": lifted, "foot_right": lifted}) is None
    assert lifted_foot({"foot_left": lifted}) is None
    assert lifted_foot({"foot_left": lifted, "foot_right": rest[:0]}) is None


def test_blocks_are_joined_and_nothing_gives_empty_arrays() -> None:
    t_s, acc, gyr = joined([])
    assert (t_s.shape, acc.shape, gyr) == ((0,), (0, 3), None)
    block = SampleBlock("pelvis", np.array([0.0, 0.1]), np.ones((2, 3)), np.ones((2, 3)))
    t_s, acc, gyr = joined([block, block])
    assert (t_s.shape, acc.shape, gyr.shape) == ((4,), (4, 3), (4, 3))
