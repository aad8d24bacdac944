"""Which samples are missing: jitter of stamps is no gap, a lost packet is one, whatever the sensor's true rate."""

from __future__ import annotations

import numpy as np
import pytest

from tallrun.gait import front

RATE_HZ = 200.0


def put(t_s, cuts=()):
    """Times and flags on the grid, fed in pieces, and what was counted."""
    state, out = front.new_grid_state(), []
    for part in np.split(t_s, list(cuts)):
        rows = front.new_grid(front.most_rows(len(part), RATE_HZ))
        acc = np.tile(part[:, None], 3)
        n = front.put_on_grid(part, acc, acc, True, RATE_HZ, state, rows)
        out.append(np.column_stack([rows.t_s[:n], rows.flag[:n], rows.acc[:n], rows.gyr[:n]]))
    return np.concatenate(out), state.known[0]


def stamps(rng, n=12000, rate_hz=RATE_HZ, jitter_s=0.0):
    return np.sort(np.arange(n) / rate_hz + jitter_s * rng.standard_normal(n)) + 1e-5 * np.arange(n)


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 0.96 * RATE_HZ, 1.04 * RATE_HZ])
@pytest.mark.parametrize("jitter_s", [0.0, 0.0005, 0.001, 0.002])
def test_jitter_is_no_gap(rng, rate_hz, jitter_s):
    t = stamps(rng, rate_hz=rate_hz, jitter_s=jitter_s)
    rows, known = put(t)
    assert known.n_bridged <= 2
    assert abs(len(rows) - len(t)) <= 2


@pytest.mark.parametrize("jitter_s", [0.0, 0.001, 0.002])
def test_a_lost_packet_is_bridged_by_as_many_as_were_lost(rng, jitter_s):
    t = stamps(rng, jitter_s=jitter_s)
    keep = np.ones(len(t), bool)
    for first in range(1000, 11000, 500):
        keep[first : first + 16] = False
    rows, known = put(t[keep])
    assert known.n_bridged == pytest.approx(20 * 16, abs=0 if jitter_s == 0.0 else 6)
    assert (rows[:, 1] == front.BRIDGED).sum() == known.n_bridged
    assert (np.diff(rows[:, 0]) > 0.0).all()


def test_single_lost_samples_of_an_even_sensor_are_bridged(rng):
    t = stamps(rng)
    keep = np.ones(len(t), bool)
    keep[500::100] = False
    _, known = put(t[keep])
    assert known.n_bridged == (~keep).sum()


def test_a_longer_silence_is_a_break_and_the_clock_starts_anew(rng):
    t = stamps(rng, n=4000)
    t[2000:] += 7.0013
    rows, known = put(t)
    assert known.n_breaks == 1
    assert known.n_bridged == 0
    assert rows[2000, 1] == front.AFTER_BREAK


def test_any_chunking_gives_the_same_bits(rng):
    t = stamps(rng, jitter_s=0.002)[rng.random(12000) > 0.02]
    whole, known = put(t)
    parts, other = put(t, np.sort(rng.integers(0, len(t), 300)))
    assert parts.tobytes() == whole.tobytes()
    assert other.tobytes() == known.tobytes()
