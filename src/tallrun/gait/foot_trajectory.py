"""Trajectory of one stride between two foot-flats: strapdown, the least-squares repair of its drift, what is left open.

The foot is known to be (almost) still at both ends. What may be wrong in between is written as a few
unknowns with known sizes: tilt at the start, tilt gained through gyroscope error, velocity gained through
accelerometer error, and the hidden part of each clipped lobe. They enter linearly, so their most
probable values, given that velocity and tilt must fit at the end, follow in closed form. This is what an
error-state smoother with one zero-velocity update per stride computes, at a fraction of its price.

Unknowns, in this order: tilt (2), turn error (3), velocity error (3), share of each lobe's hidden part.
Conditions at the end: velocity (3), tilt (2), height.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tallrun.gait.foot_clipping import find_clipped_lobes, find_clipped_peaks
from tallrun.gait.foot_events import gap_between, index_at, mean_force
from tallrun.gait.kernels import inlined, kernel, matrix, vector
from tallrun.gait.small_matrices import invert, product, weighed
from tallrun.gait.vectors import copy_matrix, copy_to, cross, dot, rotate_by, turn_world, turned
from tallrun.numerics.recording import FloatArray
from tallrun.units import STANDARD_GRAVITY_MPS2 as GRAVITY_MPS2

TURN, VELOCITY, LOBE = 2, 5, 8  # where the unknowns of each kind begin
TILT_MISS, HEIGHT_MISS, N_ENDS = 3, 5, 6  # and the conditions
MOST_SOLUTIONS = 4


class End(NamedTuple):
    """What must hold at the closing foot-flat.

    up (3,) : gravity's direction seen there, sensor axes. tilt_sigma : how far to trust it [rad]. lever (3,) : from the
    pivot under the ball of the foot to the sensor, sensor axes [m]. unrest_mps : what the foot may have moved at both
    foot-flats because a stiller instant beside them was lost.
    """

    up: FloatArray
    tilt_sigma: float
    lever: FloatArray
    unrest_mps: float


# Strapdown ------------------------------------------------------------------------------------------------------------


@kernel
def _bend(samples, signal, k, a, b, axis, params):
    """Return what the mean over a gap before sample ``k`` has over the mean of its edges, per second of gap.

    It is (slope before - slope after) / 12, as for a cubic through both edges with their slopes.
    """
    t_s, mask = samples.t_s, samples.mask
    before, after = k - 1, k
    while before > a and t_s[(k - 1) & mask] - t_s[before & mask] < params.gap_slope_s:
        before -= 1
    while after < b and t_s[after & mask] - t_s[k & mask] < params.gap_slope_s:
        after += 1
    if before == k - 1 or after == k:
        return 0.0
    x0, x1 = signal[(k - 1) & mask, axis], signal[k & mask, axis]
    rise = (x0 - signal[before & mask, axis]) / (t_s[(k - 1) & mask] - t_s[before & mask])
    fall = (signal[after & mask, axis] - x1) / (t_s[after & mask] - t_s[k & mask])
    return (rise - fall) / 12.0


@inlined
def _part_in(lobes, j, k):
    """Share of the step before sample ``k`` that lies in lobe ``j``."""
    if lobes.first[j] <= k and k <= lobes.last[j] + 1:
        return 1.0 if (lobes.first[j] < k and k <= lobes.last[j]) else 0.5
    return 0.0


@kernel
def _begin_path(path, n_lobes):
    for c in range(3):
        path.velocity[0, c] = path.force[0, c] = path.turned_force[0, c] = 0.0
    path.gyr_var[0] = path.acc_var[0] = 0.0
    for j in range(n_lobes):
        for c in range(3):
            path.lobe_turn[0, j, c] = path.lobe_velocity[0, j, c] = 0.0


@inlined
def _carry_on(path, i, n_lobes):
    """Start the integrals at place ``i`` from where they stood one sample before."""
    for c in range(3):
        path.velocity[i, c] = path.velocity[i - 1, c]
        path.force[i, c] = path.force[i - 1, c]
        path.turned_force[i, c] = path.turned_force[i - 1, c]
    for j in range(n_lobes):
        for c in range(3):
            path.lobe_turn[i, j, c] = path.lobe_turn[i - 1, j, c]
            path.lobe_velocity[i, j, c] = path.lobe_velocity[i - 1, j, c]


@inlined
def _turn_on(samples, k, a, b, bias, params, work, rotation):
    """Turn ``rotation`` on from sample k - 1 to k, with what cut-off lobes hide; note how it depends on these."""
    path, lobes, gyr = work.path, work.lobes, samples.gyr
    p, q = k & samples.mask, (k - 1) & samples.mask
    dt = samples.t_s[p] - samples.t_s[q]
    wx = 0.5 * (gyr[p, 0] + gyr[q, 0]) - bias[0]
    wy = 0.5 * (gyr[p, 1] + gyr[q, 1]) - bias[1]
    wz = 0.5 * (gyr[p, 2] + gyr[q, 2]) - bias[2]
    if (
        dt > params.lost_steps / params.rate_hz
    ):  # the curve through the edges' slopes, not the line through the edges
        wx += _bend(samples, gyr, k, a, b, 0, params) * dt
        wy += _bend(samples, gyr, k, a, b, 1, params) * dt
        wz += _bend(samples, gyr, k, a, b, 2, params) * dt
    for j in range(work.fit[0].n_lobes):
        part = _part_in(lobes, j, k)
        if part > 0.0:
            along, extra = lobes.along[j], part * lobes.hidden[j]
            wx += extra * along[0]
            wy += extra * along[1]
            wz += extra * along[2]
            # unknown share of the hidden part: it turns about this direction, seen in the world
            for r in range(3):
                path.lobe_turn[k - a, j, r] += extra * dt * dot(rotation[r], along)
    rotate_by(rotation, wx * dt, wy * dt, wz * dt)


@inlined
def _rebuild_force(k, i, dt, rotation, work):
    """Add the velocity gained by the hidden part of cut-off forces, in the world."""
    path, lobes, fit = work.path, work.lobes, work.fit[0]
    for j in range(fit.n_lobes, fit.n_lobes + fit.n_peaks):
        part = _part_in(lobes, j, k)
        if part > 0.0:
            for c in range(3):
                gained = part * lobes.hidden[j] * dot(rotation[c], lobes.along[j]) * dt
                path.lobe_velocity[i, j, c] += gained
                path.velocity[i, c] += gained


@inlined
def _error_rates(samples, k, dt, bias_sigma, spread_mps2, params):
    """Variance of turn rate and of force at sample ``k``, ``dt`` after the one before it (0: the first)."""
    p, q = k & samples.mask, (k - 1) & samples.mask
    rate2 = step2 = 0.0
    for c in range(3):
        rate2 += samples.gyr[p, c] * samples.gyr[p, c]
        if dt > 0.0:
            step2 += (samples.acc[p, c] - samples.acc[q, c]) ** 2
    share = min(params.acc_step_share * dt / params.step_s, params.most_step_share)
    gyr_var = bias_sigma**2 + params.rate_share**2 * rate2
    acc_var = params.acc_floor_mps2**2 + share**2 * step2
    if dt > params.lost_steps / params.rate_hz:
        hidden = params.gap_bend * dt**3
        acc_var += (hidden * spread_mps2) ** 2
        gyr_var += hidden * hidden * rate2
    return gyr_var, acc_var


@inlined
def _gain_on(samples, k, a, b, params, work, rotation, force):
    """Add the velocity gained from sample k - 1 to k; ``force`` (2, 3) in the world: before and now."""
    path, i = work.path, k - a
    dt = samples.t_s[k & samples.mask] - samples.t_s[(k - 1) & samples.mask]
    before, now = force[0], force[1]
    for c in range(3):
        step = 0.5 * (now[c] + before[c]) * dt
        if dt > params.lost_steps / params.rate_hz:
            for m in range(3):
                step += rotation[c, m] * _bend(samples, samples.acc, k, a, b, m, params) * dt * dt
        path.velocity[i, c] += step - (GRAVITY_MPS2 * dt if c == 2 else 0.0)
        path.force[i, c] += step
        path.turned_force[i, c] += 0.5 * (path.gyr_var[i] * now[c] + path.gyr_var[i - 1] * before[c]) * dt
    for j in range(work.fit[0].n_lobes):
        # velocity gained by a small turn d is the integral of d x f
        d, gained = path.lobe_turn[i, j], path.lobe_velocity[i, j]
        gained[0] += (d[1] * now[2] - d[2] * now[1]) * dt
        gained[1] += (d[2] * now[0] - d[0] * now[2]) * dt
        gained[2] += (d[0] * now[1] - d[1] * now[0]) * dt


@inlined
def _largest_turn(about):
    """Greatest size of the turns in ``about``: tilt at the start, turn error [rad]."""
    tilt, turn = about[0] ** 2 + about[1] ** 2, about[2] ** 2 + about[3] ** 2 + about[4] ** 2
    return math.sqrt(max(tilt, turn))


@kernel
def _strapdown(samples, a, b, level, sensor, params, work, about):
    """Integrate from sample ``a`` to ``b`` along ``work.path``, with the running integrals the repair needs.

    about (5,) : tilt at the start (2) and turn error (3) as found so far, which are taken off on the way.
    """
    path, fit, t_s, mask = work.path, work.fit[0], samples.t_s, samples.mask
    is_again, all_var = _largest_turn(about) > 0.0, fit.gyr_var
    seen, turn = matrix(3, 3), matrix(3, 3)
    bias_sigma = params.bias_radps if sensor.known[0].n_rests > 0 else params.unlearned_bias_radps
    n_lobes = fit.n_lobes + fit.n_peaks
    rotation, force = work.rotation, work.force
    copy_matrix(rotation, level)
    gyr_var = acc_var = 0.0
    for k in range(a, b + 1):
        i, dt = k - a, 0.0
        if i > 0:
            dt = t_s[k & mask] - t_s[(k - 1) & mask]
            _carry_on(path, i, n_lobes)
            if is_again:
                copy_matrix(rotation, seen)
            _turn_on(samples, k, a, b, sensor.bias, params, work, rotation)
        if is_again:
            copy_matrix(seen, rotation)
            share = path.gyr_var[i] / all_var
            tx, ty, tz = about[0] + share * about[2], about[1] + share * about[3], share * about[4]
            turn_world(rotation, tx, ty, tz, turn)
        if i > 0:
            _rebuild_force(k, i, dt, rotation, work)
        else:
            _begin_path(path, n_lobes)
        copy_to(force[0], force[1])  # of the first sample nothing is made
        turned(rotation, samples.acc[k & mask], force[1])
        gyr_before, acc_before = gyr_var, acc_var
        gyr_var, acc_var = _error_rates(samples, k, dt, bias_sigma, fit.spread_mps2, params)
        path.t_s[i] = t_s[k & mask]
        copy_matrix(path.rotation[i], rotation)
        if i > 0:
            path.gyr_var[i] = path.gyr_var[i - 1] + 0.5 * (gyr_var + gyr_before) * dt
            path.acc_var[i] = path.acc_var[i - 1] + 0.5 * (acc_var + acc_before) * dt
            _gain_on(samples, k, a, b, params, work, rotation, force)
    fit.gyr_var, fit.acc_var = max(path.gyr_var[b - a], 1e-12), max(path.acc_var[b - a], 1e-12)


@kernel
def _spread(samples, a, b):
    """Return the standard deviation of the specific force over a stride, all axes together [m/s2]."""
    total = 0.0
    for c in range(3):
        mean = square = 0.0
        for k in range(a, b + 1):
            mean += samples.acc[k & samples.mask, c]
            square += samples.acc[k & samples.mask, c] ** 2
        mean /= b - a + 1
        total += max(square / (b - a + 1) - mean * mean, 0.0)
    return math.sqrt(total)


# What must hold, and how it depends on the unknowns -------------------------------------------------------------------


@inlined
def _fill_jacobian(path, i, fit, jac):
    """Velocity at place ``i`` as a linear function of the unknowns: rows x, y, z of ``jac``, zero before."""
    ax, ay, az = path.force[i, 0], path.force[i, 1], path.force[i, 2]
    # theta x A for theta = (1,0,0) is (0, -Az, Ay); for (0,1,0) it is (Az, 0, -Ax)
    jac[1, 0], jac[2, 0] = -az, ay
    jac[0, 1], jac[2, 1] = az, -ax
    b, sg = path.turned_force[i], fit.gyr_var
    bx, by, bz = b[0] / sg, b[1] / sg, b[2] / sg
    jac[1, TURN], jac[2, TURN] = -bz, by
    jac[0, TURN + 1], jac[2, TURN + 1] = bz, -bx
    jac[0, TURN + 2], jac[1, TURN + 2] = -by, bx
    share = path.acc_var[i] / fit.acc_var
    for c in range(3):
        jac[c, VELOCITY + c] = share
        for j in range(fit.n_lobes + fit.n_peaks):
            jac[c, LOBE + j] = path.lobe_velocity[i, j, c]


@kernel
def _rolling_velocity(samples, k, rotation, bias, lever, out):
    """Velocity in the world of a foot that turns about its ball at sample ``k``."""
    p = k & samples.mask
    rate, velocity = vector(3), vector(3)
    for c in range(3):
        rate[c] = samples.gyr[p, c] - bias[c]
    cross(rate, lever, velocity)
    turned(rotation, velocity, out)


@kernel
def _tilt_miss(rotation, up, y):
    """Tilt by which gravity at the end differs from the world's up, as a small turn about x and y."""
    ex, ey, ez = dot(rotation[0], up), dot(rotation[1], up), dot(rotation[2], up)
    across = math.sqrt(ex * ex + ey * ey)
    if across > 1e-12:
        angle = math.atan2(across, ez)
        y[TILT_MISS], y[TILT_MISS + 1] = ey / across * angle, -ex / across * angle


@kernel
def _fill_prior(tilt_cov, work, acc_range_mps2, params, prior):
    """Covariance of the unknowns before the end is looked at; zero before."""
    fit = work.fit[0]
    for r in range(2):
        for c in range(2):
            prior[r, c] = tilt_cov[r, c]
    for c in range(3):
        prior[TURN + c, TURN + c] = fit.gyr_var * params.correlation_s
        prior[VELOCITY + c, VELOCITY + c] = fit.acc_var * params.correlation_s
    for j in range(fit.n_lobes + fit.n_peaks):
        # the hidden part may be half or double; a plateau of known height hides something for sure
        if j < fit.n_lobes:
            prior[LOBE + j, LOBE + j] = params.lobe_spread**2
        else:
            floor = params.peak_floor * acc_range_mps2 / max(work.lobes.hidden[j], 1e-3)
            prior[LOBE + j, LOBE + j] = params.peak_share**2 + floor**2


@inlined
def _half_step(t_s, i, n):
    """Half the time from the sample before place ``i`` to the one after it: its weight in an integral."""
    dt = t_s[i] - t_s[i - 1] if i > 0 else 0.0
    dt_next = t_s[i + 1] - t_s[i] if i < n - 1 else 0.0
    return 0.5 * (dt + dt_next)


@kernel
def _height_condition(path, n, first_velocity, fit, params, along, jac, y):
    """Ground is level, more or less: height gained along the stride, as found and as it depends on the unknowns."""
    far_x = far_y = up = 0.0
    later = so_far = 0.0  # integral of the variance so far times the time left, and of the variance
    for i in range(n):
        half = _half_step(path.t_s, i, n)
        _fill_jacobian(path, i, fit, along)
        for k in range(TURN + 2):  # a turn about the world's up lifts nothing
            jac[HEIGHT_MISS, k] += along[2, k] * half
        for k in range(VELOCITY + 2, jac.shape[1]):
            jac[HEIGHT_MISS, k] += along[2, k] * half
        far_x += (first_velocity[0] + path.velocity[i, 0]) * half
        far_y += (first_velocity[1] + path.velocity[i, 1]) * half
        up += (first_velocity[2] + path.velocity[i, 2]) * half
        later += path.acc_var[i] * (path.t_s[n - 1] - path.t_s[i]) * half
        so_far += path.acc_var[i] * half
    y[HEIGHT_MISS] = -up
    # velocity wanders as its errors come: where on the way is unknown though its end is known (a Brownian bridge)
    fit.wander_m2 = params.correlation_s * max(2.0 * later - so_far * so_far / fit.acc_var, 0.0)
    far_m = min(math.sqrt(far_x**2 + far_y**2), params.ground_most_m)
    fit.ground_m = params.ground_floor_m + params.ground_share * far_m


@kernel
def _tilt_condition(path, last, fit, jac):
    """Tilt at the end as a linear function of the unknowns."""
    for r in range(2):
        jac[TILT_MISS + r, r] = jac[TILT_MISS + r, TURN + r] = 1.0
        for j in range(fit.n_lobes + fit.n_peaks):
            jac[TILT_MISS + r, LOBE + j] = path.lobe_turn[last, j, r]


@kernel
def _weigh_ends(jac, gain, y, end, fit, params, weights):
    """Write the inverse covariance of the conditions missed; height counts unless all else fits without it."""
    noise, all_weights = matrix(N_ENDS, N_ENDS), matrix(N_ENDS, N_ENDS)
    product(jac, gain, noise)
    for r in range(HEIGHT_MISS):
        if r < TILT_MISS:
            noise[r, r] += params.flat_velocity_mps**2 + end.unrest_mps**2
        else:
            noise[r, r] += end.tilt_sigma**2
    invert(noise, HEIGHT_MISS, weights)
    without = weighed(weights, y)
    noise[HEIGHT_MISS, HEIGHT_MISS] += fit.ground_m**2 + fit.wander_m2
    invert(noise, N_ENDS, all_weights)
    fit.misfit = weighed(all_weights, y)
    # a stair climbs more than any ground, and fits all the same without that condition
    if fit.misfit < params.ground_limit or without > params.stair_share * fit.misfit:
        for r in range(N_ENDS):
            for c in range(N_ENDS):
                weights[r, c] = all_weights[r, c]
    else:
        fit.misfit = without


@kernel
def _fill_gain(prior, jac, gain):
    """Write prior @ jac.T, (unknowns, conditions)."""
    for r in range(prior.shape[0]):
        for c in range(N_ENDS):
            total = 0.0
            for k in range(prior.shape[0]):
                total += prior[r, k] * jac[c, k]
            gain[r, c] = total


@kernel
def _find_unknowns(gain, weights, y, x):
    """Write the most probable unknowns, gain W y; zero before."""
    for r in range(N_ENDS):
        missed = 0.0
        for c in range(N_ENDS):
            missed += weights[r, c] * y[c]
        for k in range(x.shape[0]):
            x[k] += gain[k, r] * missed


# Repair and what is left open -----------------------------------------------------------------------------------------


@kernel
def _repair(work, n, first_velocity, x, rest, jac_v, jac_p):
    """Correct velocity, position and rotation along the stride; fill ``jac_p`` (3, n), the end's place by unknowns.

    rest (3,) : velocity still missed at the end; it is small, and spread evenly. jac_v (3, n) : as filled before.
    """
    path, fit = work.path, work.fit[0]
    duration = max(path.t_s[n - 1] - path.t_s[0], 1e-9)
    for i in range(n):
        half = _half_step(path.t_s, i, n)
        _fill_jacobian(path, i, fit, jac_v)
        done = (path.t_s[i] - path.t_s[0]) / duration
        for c in range(3):
            v = first_velocity[c] + path.velocity[i, c] + rest[c] * done
            for k in range(x.shape[0]):
                v += jac_v[c, k] * x[k]
                jac_p[c, k] += jac_v[c, k] * half
            path.position[i, c] = 0.0
            if i > 0:
                dt = path.t_s[i] - path.t_s[i - 1]
                path.position[i, c] = path.position[i - 1, c] + 0.5 * (v + path.velocity[i - 1, c]) * dt
            path.velocity[i, c] = v
        share = path.gyr_var[i] / fit.gyr_var
        tx, ty, tz = x[0] + share * x[TURN], x[1] + share * x[TURN + 1], share * x[TURN + 2]
        for j in range(fit.n_lobes + fit.n_peaks):
            tx += x[LOBE + j] * path.lobe_turn[i, j, 0]
            ty += x[LOBE + j] * path.lobe_turn[i, j, 1]
            tz += x[LOBE + j] * path.lobe_turn[i, j, 2]
        turn_world(path.rotation[i], tx, ty, tz, work.rotation)


@kernel
def _chord_variance(jac_p, prior, gain, weights, hx, hy):
    """Variance of the length along the chord (hx, hy): prior minus what the end conditions taught."""
    n_x = prior.shape[0]
    chord, taught = vector(n_x), vector(N_ENDS)
    for k in range(n_x):
        chord[k] = hx * jac_p[0, k] + hy * jac_p[1, k]
    variance = 0.0
    for r in range(n_x):
        for k in range(n_x):
            variance += chord[r] * prior[r, k] * chord[k]
        for c in range(N_ENDS):
            taught[c] += chord[r] * gain[r, c]
    for r in range(N_ENDS):
        for c in range(N_ENDS):
            variance -= taught[r] * weights[r, c] * taught[c]
    return max(variance, 0.0)


@kernel
def _tilt_after(jac, prior, gain, weights, tilt_cov):
    """Write the covariance of the tilt at the end, after the repair."""
    n_x, taught = prior.shape[0], matrix(2, N_ENDS)
    for r in range(2):
        for k in range(N_ENDS):
            for q in range(n_x):
                taught[r, k] += jac[TILT_MISS + r, q] * gain[q, k]
    for r in range(2):
        for c in range(2):
            total = 0.0
            for k in range(n_x):
                for m in range(n_x):
                    total += jac[TILT_MISS + r, k] * prior[k, m] * jac[TILT_MISS + c, m]
            for k in range(N_ENDS):
                for m in range(N_ENDS):
                    total -= taught[r, k] * weights[k, m] * taught[c, m]
            tilt_cov[r, c] = total
    # rounding must not make a covariance of it that is none
    for r in range(2):
        tilt_cov[r, r] = min(max(tilt_cov[r, r], 1e-7), 0.1)
    bound = 0.99 * math.sqrt(tilt_cov[0, 0] * tilt_cov[1, 1])
    shared = min(max(0.5 * (tilt_cov[0, 1] + tilt_cov[1, 0]), -bound), bound)
    tilt_cov[0, 1] = tilt_cov[1, 0] = shared


@kernel
def _note_fit(path, n, y, x, fit):
    """Note where the stride went and what it missed."""
    end = path.position[n - 1]
    duration = max(path.t_s[n - 1] - path.t_s[0], 1e-9)
    fit.x_m, fit.y_m, fit.rise_m = end[0], end[1], end[2]
    fit.length_m = math.sqrt(end[0] ** 2 + end[1] ** 2)
    fit.residual_mps = math.sqrt(y[0] ** 2 + y[1] ** 2 + y[2] ** 2)
    fit.velocity_error_mps = math.sqrt(x[VELOCITY] ** 2 + x[VELOCITY + 1] ** 2 + x[VELOCITY + 2] ** 2)
    fit.turn_x, fit.turn_y = x[TURN], x[TURN + 1]
    lift = 0.0
    for i in range(n):
        done = (path.t_s[i] - path.t_s[0]) / duration
        lift = max(lift, path.position[i, 2] - done * end[2])
    fit.lift_m = lift


@kernel
def solve_stride(samples, a, b, flat, sensor, end, params, work):
    """Trajectory from foot-flat ``a`` to foot-flat ``b`` into ``work``; ``flat``, of ``a`` before, is of ``b`` after.

    samples : ``Samples``. flat, sensor, work : ``Flat``, ``Sensor``, ``Work`` with room for b - a + 1 samples. end :
    ``End``. params : record of ``FootParams``. ``work.fit`` says whether it is solved: ends far off may fit no turn.
    """
    path, fit, n = work.path, work.fit[0], b - a + 1
    fit.n_lobes = find_clipped_lobes(samples, a, b, sensor.gyr_limits, params, work.lobes)
    fit.n_peaks, fit.cut_s = find_clipped_peaks(
        samples, a, b, sensor.acc_limits, params, work.lobes, fit.n_lobes
    )
    fit.spread_mps2 = _spread(samples, a, b)
    n_x = LOBE + fit.n_lobes + fit.n_peaks
    about, first_velocity, last_velocity, x = vector(VELOCITY), vector(3), vector(3), vector(n_x)
    for _ in range(MOST_SOLUTIONS):
        for k in range(VELOCITY):
            about[k] = x[k]
        # zeros, each time
        prior, jac, velocity_jac = matrix(n_x, n_x), matrix(N_ENDS, n_x), matrix(3, n_x)
        gain, weights = matrix(n_x, N_ENDS), matrix(N_ENDS, N_ENDS)
        y, x, left = vector(N_ENDS), vector(n_x), vector(n_x)
        _strapdown(samples, a, b, flat.level, sensor, params, work, about)
        _rolling_velocity(samples, a, path.rotation[0], sensor.bias, end.lever, first_velocity)
        _rolling_velocity(samples, b, path.rotation[n - 1], sensor.bias, end.lever, last_velocity)
        # what should have come out at the end, minus what did
        for c in range(3):
            y[c] = last_velocity[c] - first_velocity[c] - path.velocity[n - 1, c]
        _tilt_miss(path.rotation[n - 1], end.up, y)
        _fill_prior(flat.tilt_cov, work, sensor.acc_limits[0], params, prior)
        _fill_jacobian(path, n - 1, fit, jac)
        _height_condition(path, n, first_velocity, fit, params, velocity_jac, jac, y)
        _tilt_condition(path, n - 1, fit, jac)
        _fill_gain(prior, jac, gain)
        for r in range(N_ENDS):  # as it would have been without what is taken off already
            for k in range(VELOCITY):
                y[r] += jac[r, k] * about[k]
        _weigh_ends(jac, gain, y, end, fit, params, weights)
        _find_unknowns(gain, weights, y, x)
        for k in range(n_x):
            left[k] = x[k] - (about[k] if k < VELOCITY else 0.0)
        # what a turn changes is not proportional to it unless it is small: else again, from there
        fit.is_solved = _largest_turn(left) < params.small_turn_rad
        if fit.is_solved:
            break
    rest = vector(3)
    for c in range(3):
        rest[c] = y[c]
        for k in range(n_x):
            rest[c] -= jac[c, k] * x[k]

    jac_p = matrix(3, n_x)
    _repair(work, n, first_velocity, left, rest, velocity_jac, jac_p)
    _note_fit(path, n, y, x, fit)
    hx, hy = (fit.x_m / fit.length_m, fit.y_m / fit.length_m) if fit.length_m > 1e-9 else (1.0, 0.0)
    duration = max(path.t_s[n - 1] - path.t_s[0], 1e-9)
    variance = _chord_variance(jac_p, prior, gain, weights, hx, hy)
    rest_mps2 = params.flat_velocity_mps**2 + end.unrest_mps**2
    fit.sigma_m = math.sqrt(variance + rest_mps2 * duration * duration + fit.wander_m2)
    _tilt_after(jac, prior, gain, weights, flat.tilt_cov)
    copy_matrix(flat.level, path.rotation[n - 1])


# A stride of the stream -----------------------------------------------------------------------------------------------


@kernel
def close_stride(state, contact, flat, unrest_mps, now, params):
    """Solve the stride from the open foot-flat to ``flat``, unless there is none or gaps void it: ``work.fit[0]``."""
    samples, gap_s, fit = state.samples, state.derived.gap_s, state.work.fit[0]
    t_s, mask, a = samples.t_s, samples.mask, state.stance[0].flat_at
    fit.is_solved = fit.is_trusted = fit.is_lost = False
    fit.n_lobes, fit.gap_s, fit.length_m = 0, 0.0, math.nan
    fit.first, fit.last = a, flat
    if a < 0 or now - a >= mask or flat - a >= state.work.path.t_s.shape[0] or flat <= a:
        return
    fit.gap_s = gap_between(gap_s, mask, a, flat)[0]
    guard = index_at(t_s, mask, contact.sample, -1, contact.t_s - params.event_guard_s, a)
    guard_end = index_at(t_s, mask, contact.sample, 1, contact.t_s + params.event_guard_s, flat)
    near_s = gap_between(gap_s, mask, guard, guard_end)[0]
    if fit.gap_s > params.length_gap_s or near_s > 0.0:
        return
    if t_s[flat & mask] - t_s[a & mask] > params.longest_stride_s:
        return
    up, lever = vector(3), vector(3)
    scatter = mean_force(samples, flat, params.flat_half_s, a, state.front[0].n - 1, up)
    height_m = sensor_height(state.foot.known[0], params)
    for c in range(3):
        lever[c] = state.foot.mount[2, c] * height_m
    end = End(
        up, math.sqrt(params.gravity_tilt_rad**2 + scatter**2), lever,
        math.hypot(state.stance[0].flat_unrest_mps, unrest_mps),
    )  # fmt: skip
    solve_stride(samples, a, flat, state.flat, state.sensor, end, params, state.work)
    fit.is_trusted = fit.is_solved and fit.misfit < params.misfit_limit
    fit.is_lost = not fit.is_solved


@kernel
def foot_pitch(path, i, mount):
    """Toe-up angle [rad] of the foot's x axis over the horizontal."""
    return math.asin(min(max(dot(path.rotation[i, 2], mount[0]), -1.0), 1.0))


@kernel
def sensor_height(known, params):
    """Height of the sensor over the ball of the foot [m], learned; the first guess while nothing is known."""
    weight = params.height_weight
    height = (weight * params.sensor_height_m + known.lever_gain) / (weight + known.lever_weight)
    return min(max(height, params.least_height_m), params.most_height_m)


@kernel
def learn_height(state, params):
    """Learn the sensor's height from the start of push-off, where speed gained is height times turn rate gained."""
    samples, path, known = state.samples, state.work.path, state.foot.known[0]
    first, n = state.work.fit[0].first, state.work.fit[0].last - state.work.fit[0].first + 1
    rate_0 = speed_0 = 0.0
    for i in range(n):
        p = (first + i) & samples.mask
        rate2 = 0.0
        for c in range(3):
            rate2 += (samples.gyr[p, c] - state.sensor.bias[c]) ** 2
        if path.t_s[i] - path.t_s[0] > params.rolling_s or rate2 > params.rolling_radps**2:
            break
        speed = 0.0
        for r in range(3):
            speed += dot(path.rotation[i, r], state.foot.mount[0]) * path.velocity[i, r]
        rate = -state.derived.pitch_radps[p]
        if i == 0:
            rate_0, speed_0 = rate, speed
        else:
            dt = path.t_s[i] - path.t_s[i - 1]
            known.lever_gain += (rate - rate_0) * (speed - speed_0) * dt
            known.lever_weight += (rate - rate_0) ** 2 * dt
