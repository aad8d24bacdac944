"""Samples of a foot once the front has let them in: ranges and biases are learned from them on the way.

Each accepted sample goes into the ring together with what it gives by itself: pitch rate, sharpness, stillness.
"""

from __future__ import annotations

import math

import numpy as np

from tallrun.gait.front import even_stamp
from tallrun.gait.kernels import inlined, kernel
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2


@kernel
def _find_gyr_range(state, gyr, params):
    """Take a level that one axis holds exactly for a while in mid-turn for the gyroscope's range.

    A reading beyond it proves that wrong, and the range is unknown again.
    """
    sensor, known, mask = state.sensor, state.sensor.known[0], state.samples.mask
    top = max(abs(gyr[0]), abs(gyr[1]), abs(gyr[2]))
    known.gyr_top_radps = max(known.gyr_top_radps, top)
    if np.isfinite(sensor.gyr_limits[0]):
        if top > params.range_beyond * sensor.gyr_limits[0]:
            _set_range(sensor.gyr_limits, np.nan)
        return
    if top <= params.level_least_radps:
        sensor.level_n[0] = sensor.level_n[1] = sensor.level_n[2] = 0
        return
    for c in range(3):
        level = state.samples.gyr[(state.front[0].n - sensor.level_n[c]) & mask, c]
        if abs(gyr[c]) > params.level_least_radps and abs(gyr[c] - level) < params.level_share * abs(level):
            sensor.level_n[c] += 1
            long_enough = sensor.level_n[c] >= max(params.level_s * params.rate_hz, params.level_samples)
            if long_enough and abs(level) > params.range_top * known.gyr_top_radps:
                _set_range(sensor.gyr_limits, abs(level))
        else:
            sensor.level_n[c] = 0


@kernel
def _find_acc_range(state, params):
    """Take a height at which one axis stops, three readings alike and none ever higher, for its range.

    A reading beyond it proves that wrong, and the range is unknown again.
    """
    sensor, k, mask = state.sensor, state.front[0].n, state.samples.mask
    acc, limit = state.samples.acc, state.sensor.acc_limits[0]
    for c in range(3):
        now = acc[k & mask, c] + sensor.acc_bias[c]
        if np.isfinite(limit) and abs(now) > params.range_beyond * limit:
            _set_range(sensor.acc_limits, np.nan)
            return
        if k < 2 or np.isfinite(limit) or abs(now) < params.acc_level_least_mps2:
            continue
        one = acc[(k - 1) & mask, c] + sensor.acc_bias[c]
        two = acc[(k - 2) & mask, c] + sensor.acc_bias[c]
        same = params.level_share * abs(now)
        is_top = abs(now) > params.range_top * sensor.known[0].acc_top_mps2
        if abs(now - one) < same and abs(now - two) < same and is_top:
            _set_range(sensor.acc_limits, abs(now))


@inlined
def _set_range(limits, limit):
    limits[0] = limits[1] = limits[2] = limit


@inlined
def _watch_rest(acc, gyr, sensor, is_still, params):
    """Take gyroscope bias, and the force that is not gravity, from means over half a second of rest."""
    known = sensor.known[0]
    if is_still:
        known.n_rest += 1
        for c in range(3):
            sensor.rest_gyr[c] += gyr[c]
            sensor.rest_acc[c] += acc[c]
        if known.n_rest < params.rest_s * params.rate_hz:
            return
        gain = params.rest_gain if known.n_rests > 0 else 1.0
        count = known.n_rest
        force = 0.0
        for c in range(3):
            sensor.bias[c] += gain * (sensor.rest_gyr[c] / count - sensor.bias[c])
            force += (sensor.rest_acc[c] / count) ** 2
        excess = 1.0 - GRAVITY_MPS2 / max(math.sqrt(force), 1.0)
        for c in range(3):
            sensor.acc_bias[c] += gain * (excess * sensor.rest_acc[c] / count - sensor.acc_bias[c])
        known.n_rests += 1
    if known.n_rest > 0:
        known.n_rest = 0
        for c in range(3):
            sensor.rest_gyr[c] = sensor.rest_acc[c] = 0.0


@inlined
def _sure_bend(now, one, two, floor, weights):
    """Second difference of three forces, the latest first; of what it may be where some are cut off, the least.

    weights : what each counts, 1, 2 and 1 where none is lost between them.

    A reading past ``floor`` (NaN: range unknown) stands for itself or anything beyond. A smooth force that runs into
    the range in late swing bends only because it is cut off; an impact bends whatever is hidden.
    """
    least = most = weights[0] * now - weights[1] * one + weights[2] * two
    if now >= floor or two >= floor or one <= -floor:
        most = np.inf
    if now <= -floor or two <= -floor or one >= floor:
        least = -np.inf
    return max(least, 0.0) + min(most, 0.0)


@inlined
def _weights_of_differences(state, k):
    """Weights of the second difference of the samples k, k - 1, k - 2, whatever steps lie between them.

    That of a smooth force is the same over any steps; an impact in a wide one counts less, but it counts.
    """
    t_s, lost, mask = state.samples.t_s, state.derived.was_lost, state.samples.mask
    if k < 2 or not (lost[k & mask] or lost[(k - 1) & mask]):
        return 1.0, 2.0, 1.0
    dt = state.front[0].period_s
    h, g = t_s[k & mask] - t_s[(k - 1) & mask], t_s[(k - 1) & mask] - t_s[(k - 2) & mask]
    now, one = 2.0 * dt * dt / (h * (h + g)), 2.0 * dt * dt / (h * g)
    return now, one, one - now


@inlined
def _note_missing(state, missing, params):
    """Note the time missing before the newest sample; few samples are bridged without a trace."""
    p = state.front[0].n & state.samples.mask
    state.derived.was_lost[p] = missing > 0.0
    bridged = max(params.bridged_s, params.bridged_least_samples / params.rate_hz)
    state.derived.gap_s[p] = missing if missing > bridged else 0.0
    if missing > 0.0:
        state.front[0].n_gaps += 1
        state.front[0].lost_s += missing


@inlined
def accept(t, acc, gyr, state, params):
    """Put one sample into the ring and derive its pitch rate, sharpness and stillness; the step before it [s]."""
    samples, derived, sensor, front = state.samples, state.derived, state.sensor, state.front[0]
    k, mask = front.n, samples.mask
    p = k & mask
    last = samples.t_s[(k - 1) & mask]
    even, missing = even_stamp(t, last, front, params) if k > 0 else (t, 0.0)
    dt = even - last if k > 0 else 1.0 / params.rate_hz
    samples.t_s[p] = even
    _note_missing(state, missing, params)
    weights = _weights_of_differences(state, k)
    rate2 = force2 = bend2 = pitch = 0.0
    for c in range(3):
        f, w = acc[c] - sensor.acc_bias[c], gyr[c]
        samples.acc[p, c] = f
        samples.gyr[p, c] = w
        force2 += f * f
        rate2 += (w - sensor.bias[c]) ** 2
        pitch -= state.foot.mount[1, c] * (w - sensor.bias[c])
        if k > 1:
            one, two = samples.acc[(k - 1) & mask, c], samples.acc[(k - 2) & mask, c]
            bend2 += _sure_bend(f, one, two, params.clip_share * sensor.acc_limits[c], weights) ** 2
        sensor.known[0].acc_top_mps2 = max(sensor.known[0].acc_top_mps2, abs(f))
    derived.pitch_radps[p] = pitch
    # differences across a hole say nothing about sharpness
    is_whole = derived.gap_s[p] == 0.0 and (k == 0 or derived.gap_s[(k - 1) & mask] == 0.0)
    derived.snap[p] = math.sqrt(bend2) if is_whole else 0.0
    over = (math.sqrt(force2) - GRAVITY_MPS2) / params.flat_acc_mps2
    derived.cost[p] = rate2 / params.flat_rate_radps**2 + over * over
    if not sensor.known[0].is_gyr_range_given:
        _find_gyr_range(state, gyr, params)
    if not sensor.known[0].is_acc_range_given:
        _find_acc_range(state, params)
    is_still = (
        rate2 < params.rest_rate_radps**2 and abs(math.sqrt(force2) - GRAVITY_MPS2) < params.rest_acc_mps2
    )
    _watch_rest(acc, gyr, sensor, is_still, params)
    front.last_s = t
    front.n = k + 1
    return dt
