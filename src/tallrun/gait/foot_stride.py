"""One stride between two foot-flats: strapdown integration and the least-squares repair of its drift.

The foot is known to be (almost) still at both ends. What may be wrong in between is written as a few
unknowns with known sizes: tilt at the start, tilt gained through gyroscope error, velocity gained through
accelerometer error, and the hidden part of each clipped gyroscope lobe. They enter linearly, so their most
probable values, given that velocity and tilt must fit at the end, follow in closed form. This is what an
error-state smoother with one zero-velocity update per stride computes, at a fraction of its price.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tallrun.gait.foot_clipping import MAX_LOBES, MAX_PEAKS, find_clipped_lobes, find_clipped_peaks
from tallrun.gait.foot_params import FootParams
from tallrun.gait.foot_turns import GRAVITY_MPS2, rotate_by, turn_world
from tallrun.numerics.recording import FloatArray

N_ENDS = 6  # conditions at the end: velocity (3), tilt (2), height
N_BASE = 8  # tilt (2), turn error (3), velocity error (3)

#: Columns of the per-sample scratch of one stride.
S_TIME, S_ROT, S_VEL, S_IA, S_IFA, S_SG, S_SA, S_LOBE = 0, 1, 10, 13, 16, 19, 20, 21
S_WIDTH = S_LOBE + 6 * (MAX_LOBES + MAX_PEAKS)

#: Places in the result of ``solve_stride``.
(
    R_DX, R_DY, R_DZ, R_RESIDUAL, R_SIGMA, R_LIFT, R_YAW, R_CLIPPED, R_REBUILT, R_TILT_MISS, R_WORST, R_TURN_ERROR,
    R_FX, R_FY, R_FZ, R_CUT_S, R_WANDER,
) = range(17)  # fmt: skip
R_WIDTH = 17


@njit(cache=True)
def _bend(
    t_s: FloatArray, signal: FloatArray, mask: int, k: int, a: int, b: int, axis: int, params: FootParams
) -> float:
    """Return what the mean over a gap before sample ``k`` has over the mean of its edges, per second of gap.

    It is (slope before - slope after) / 12, as for a cubic through both edges with their slopes.
    """
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


@njit(cache=True)
def _integrate(
    t_s: FloatArray,
    acc: FloatArray,
    gyr: FloatArray,
    mask: int,
    a: int,
    b: int,
    start: FloatArray,
    bias: FloatArray,
    lobes: FloatArray,
    n_lobes: int,
    n_peaks: int,
    bias_sigma: float,
    spread: float,
    params: FootParams,
    scratch: FloatArray,
) -> tuple[float, float]:
    """Integrate from sample ``a`` to ``b``, with the running integrals the repair needs.

    ``scratch[i]`` holds the state at sample ``a + i``. Returns the summed variances of turn rate and force.
    """
    longest = 1.6 / params.rate_hz  # a longer step has lost samples in it
    used = S_LOBE + 6 * (n_lobes + n_peaks)
    rot = start.copy()
    f_world = np.zeros(3)
    f_before = np.zeros(3)
    sg = 0.0
    sa = 0.0
    qg_before = 0.0
    qa_before = 0.0
    for k in range(a, b + 1):
        i = k - a
        p = k & mask
        dt = 0.0
        row = scratch[i]
        if i > 0:
            q = (k - 1) & mask
            dt = t_s[p] - t_s[q]
            for j in range(S_VEL, used):
                row[j] = scratch[i - 1, j]
            wx = 0.5 * (gyr[p, 0] + gyr[q, 0]) - bias[0]
            wy = 0.5 * (gyr[p, 1] + gyr[q, 1]) - bias[1]
            wz = 0.5 * (gyr[p, 2] + gyr[q, 2]) - bias[2]
            if dt > longest:  # the curve through the edges' slopes, not the line through the edges
                wx += _bend(t_s, gyr, mask, k, a, b, 0, params) * dt
                wy += _bend(t_s, gyr, mask, k, a, b, 1, params) * dt
                wz += _bend(t_s, gyr, mask, k, a, b, 2, params) * dt
            for j in range(n_lobes):
                if lobes[j, 3] <= k and k <= lobes[j, 4] + 1:
                    part = 1.0 if (lobes[j, 3] < k and k <= lobes[j, 4]) else 0.5
                    extra = part * lobes[j, 5]
                    wx += extra * lobes[j, 0]
                    wy += extra * lobes[j, 1]
                    wz += extra * lobes[j, 2]
                    # unknown share of the hidden part: it turns about this direction, seen in the world
                    at = S_LOBE + 6 * j
                    for r in range(3):
                        along = rot[r, 0] * lobes[j, 0] + rot[r, 1] * lobes[j, 1] + rot[r, 2] * lobes[j, 2]
                        row[at + r] += extra * dt * along
            rotate_by(rot, wx * dt, wy * dt, wz * dt)
        else:
            for j in range(used):
                row[j] = 0.0
        rate2 = 0.0
        step2 = 0.0
        for c in range(3):
            f_before[c] = f_world[c]
        for j in range(n_lobes, n_lobes + n_peaks):
            # velocity gained by the hidden part of a cut-off force, in the world
            at = S_LOBE + 6 * j + 3
            if i > 0 and lobes[j, 3] <= k and k <= lobes[j, 4] + 1:
                part = 1.0 if (lobes[j, 3] < k and k <= lobes[j, 4]) else 0.5
                for c in range(3):
                    along = rot[c, 0] * lobes[j, 0] + rot[c, 1] * lobes[j, 1] + rot[c, 2] * lobes[j, 2]
                    row[at + c] += part * lobes[j, 5] * along * dt
                    row[S_VEL + c] += part * lobes[j, 5] * along * dt
        for c in range(3):
            f_world[c] = rot[c, 0] * acc[p, 0] + rot[c, 1] * acc[p, 1] + rot[c, 2] * acc[p, 2]
            rate2 += gyr[p, c] * gyr[p, c]
            if i > 0:
                step2 += (acc[p, c] - acc[(k - 1) & mask, c]) ** 2
        share = min(params.acc_step_share * dt / params.step_s, params.most_step_share)
        qg = bias_sigma**2 + params.rate_share**2 * rate2
        qa = params.acc_floor_mps2**2 + share**2 * step2
        if dt > longest:
            hidden = params.gap_bend * dt**3
            qa += (hidden * spread) ** 2
            qg += hidden * hidden * rate2
        row[S_TIME] = t_s[p]
        for r in range(3):
            for c in range(3):
                row[S_ROT + 3 * r + c] = rot[r, c]
        if i > 0:
            sg_before = sg
            sg += 0.5 * (qg + qg_before) * dt
            sa += 0.5 * (qa + qa_before) * dt
            row[S_SG] = sg
            row[S_SA] = sa
            for c in range(3):
                step = 0.5 * (f_world[c] + f_before[c]) * dt
                if dt > longest:
                    for m in range(3):
                        step += rot[c, m] * _bend(t_s, acc, mask, k, a, b, m, params) * dt * dt
                row[S_VEL + c] += step - (GRAVITY_MPS2 * dt if c == 2 else 0.0)
                row[S_IA + c] += step
                row[S_IFA + c] += 0.5 * (sg * f_world[c] + sg_before * f_before[c]) * dt
            for j in range(n_lobes):
                at = S_LOBE + 6 * j
                # velocity gained by a small turn d is the integral of d x f
                d0, d1, d2 = row[at], row[at + 1], row[at + 2]
                row[at + 3] += (d1 * f_world[2] - d2 * f_world[1]) * dt
                row[at + 4] += (d2 * f_world[0] - d0 * f_world[2]) * dt
                row[at + 5] += (d0 * f_world[1] - d1 * f_world[0]) * dt
        qg_before = qg
        qa_before = qa
    return sg, sa


@njit(cache=True)
def _spread(acc: FloatArray, mask: int, a: int, b: int) -> float:
    """Return the standard deviation of the specific force over a stride, all axes together [m/s2]."""
    total = 0.0
    for c in range(3):
        mean = 0.0
        square = 0.0
        for k in range(a, b + 1):
            mean += acc[k & mask, c]
            square += acc[k & mask, c] ** 2
        mean /= b - a + 1
        total += max(square / (b - a + 1) - mean * mean, 0.0)
    return math.sqrt(total)


@njit(cache=True)
def _fill_jacobian(row: FloatArray, sg_end: float, sa_end: float, n_lobes: int, jac: FloatArray) -> None:
    """Velocity at one sample as a linear function of the unknowns: rows x, y, z of ``jac`` (3, n), zero before."""
    ax, ay, az = row[S_IA], row[S_IA + 1], row[S_IA + 2]
    # theta x A for theta = (1,0,0) is (0, -Az, Ay); for (0,1,0) it is (Az, 0, -Ax)
    jac[1, 0], jac[2, 0] = -az, ay
    jac[0, 1], jac[2, 1] = az, -ax
    bx, by, bz = row[S_IFA] / sg_end, row[S_IFA + 1] / sg_end, row[S_IFA + 2] / sg_end
    jac[1, 2], jac[2, 2] = -bz, by
    jac[0, 3], jac[2, 3] = bz, -bx
    jac[0, 4], jac[1, 4] = -by, bx
    share = row[S_SA] / sa_end
    for c in range(3):
        jac[c, 5 + c] = share
        for j in range(n_lobes):
            jac[c, N_BASE + j] = row[S_LOBE + 6 * j + 3 + c]


@njit(cache=True)
def solve_stride(
    t_s: FloatArray,
    acc: FloatArray,
    gyr: FloatArray,
    mask: int,
    a: int,
    b: int,
    start: FloatArray,
    tilt_cov: FloatArray,
    bias: FloatArray,
    limits: FloatArray,
    up_end: FloatArray,
    tilt_sigma_end: float,
    up_height: FloatArray,
    acc_limits: FloatArray,
    has_rested: bool,
    params: FootParams,
    scratch: FloatArray,
    lobes: FloatArray,
    result: FloatArray,
) -> int:
    """Trajectory from foot-flat ``a`` to foot-flat ``b``; ``start`` and ``tilt_cov`` become those at ``b``.

    t_s, acc (., 3) [m/s2], gyr (., 3) [rad/s] : rings in the sensor's axes, addressed by ``index & mask``.
    start : (3, 3) sensor to world (z up, heading free) at ``a``; tilt_cov : (2, 2) its tilt covariance [rad2].
    up_end, tilt_sigma_end : direction of gravity seen at ``b`` and how far to trust it.
    up_height : (3,) lever from the pivot under the ball of the foot to the sensor, sensor axes [m].
    acc_limits : (3,) range of the accelerometer [m/s2], NaN when unknown. has_rested : whether ``bias`` was learned.
    scratch : (>= b - a + 1, S_WIDTH); on return it holds the *corrected* rotation, velocity and, in the
        columns S_IA.., position at each sample.
    result : (R_WIDTH,), see the R_ constants. Returns the number of clipped gyroscope lobes.
    """
    n = b - a + 1
    n_lobes = find_clipped_lobes(t_s, gyr, mask, a, b, limits, params, lobes[:MAX_LOBES])
    n_peaks, cut_s = find_clipped_peaks(
        t_s, acc, mask, a, b, acc_limits, params, lobes[n_lobes : n_lobes + MAX_PEAKS]
    )
    spread = _spread(acc, mask, a, b)
    bias_sigma = params.bias_radps if has_rested else params.unlearned_bias_radps
    sg, sa = _integrate(
        t_s, acc, gyr, mask, a, b, start, bias, lobes, n_lobes, n_peaks, bias_sigma, spread, params, scratch
    )
    n_gyr, n_lobes = n_lobes, n_lobes + n_peaks  # from here on both are unknowns of one kind
    sg = max(sg, 1e-12)
    sa = max(sa, 1e-12)
    n_x = N_BASE + n_lobes
    end = scratch[n - 1]
    last = np.empty((3, 3))
    for r in range(3):
        for c in range(3):
            last[r, c] = end[S_ROT + 3 * r + c]
    ua, ub = a & mask, b & mask
    first_velocity = np.zeros(3)
    last_velocity = np.zeros(3)
    for k in range(2):
        p = ua if k == 0 else ub
        wx, wy, wz = gyr[p, 0] - bias[0], gyr[p, 1] - bias[1], gyr[p, 2] - bias[2]
        vx = wy * up_height[2] - wz * up_height[1]
        vy = wz * up_height[0] - wx * up_height[2]
        vz = wx * up_height[1] - wy * up_height[0]
        for r in range(3):
            if k == 0:
                first_velocity[r] = start[r, 0] * vx + start[r, 1] * vy + start[r, 2] * vz
            else:
                last_velocity[r] = last[r, 0] * vx + last[r, 1] * vy + last[r, 2] * vz

    # what should have come out at the end, minus what did
    y = np.zeros(N_ENDS)
    for c in range(3):
        y[c] = last_velocity[c] - first_velocity[c] - end[S_VEL + c]
    ex = last[0, 0] * up_end[0] + last[0, 1] * up_end[1] + last[0, 2] * up_end[2]
    ey = last[1, 0] * up_end[0] + last[1, 1] * up_end[1] + last[1, 2] * up_end[2]
    ez = last[2, 0] * up_end[0] + last[2, 1] * up_end[1] + last[2, 2] * up_end[2]
    cross = math.sqrt(ex * ex + ey * ey)
    if cross > 1e-12:
        angle = math.atan2(cross, ez)
        y[3], y[4] = ey / cross * angle, -ex / cross * angle

    prior = np.zeros((n_x, n_x))
    for r in range(2):
        for c in range(2):
            prior[r, c] = tilt_cov[r, c]
    for c in range(3):
        prior[2 + c, 2 + c] = sg * params.correlation_s
        prior[5 + c, 5 + c] = sa * params.correlation_s
    for j in range(n_lobes):
        # the hidden part may be half or double; a plateau of known height hides something for sure
        if j < n_gyr:
            prior[N_BASE + j, N_BASE + j] = params.lobe_spread**2
        else:
            floor = params.peak_floor * acc_limits[0] / max(lobes[j, 5], 1e-3)
            prior[N_BASE + j, N_BASE + j] = params.peak_share**2 + floor**2

    jac = np.zeros((N_ENDS, n_x))
    _fill_jacobian(end, sg, sa, n_lobes, jac[:3])
    # the ground is level, more or less: height gained along the stride, as found and as it depends on the unknowns
    along = np.zeros((3, n_x))
    raw = np.zeros(3)
    later = 0.0  # integral of the variance so far times the time left, and of the variance
    so_far = 0.0
    for i in range(n):
        row = scratch[i]
        dt = row[S_TIME] - scratch[i - 1, S_TIME] if i > 0 else 0.0
        dt_next = scratch[i + 1, S_TIME] - row[S_TIME] if i < n - 1 else 0.0
        half = 0.5 * (dt + dt_next)
        _fill_jacobian(row, sg, sa, n_lobes, along)
        for k in range(n_x):
            jac[5, k] += along[2, k] * half
        for c in range(3):
            raw[c] += (first_velocity[c] + row[S_VEL + c]) * half
        later += row[S_SA] * (end[S_TIME] - row[S_TIME]) * half
        so_far += row[S_SA] * half
    y[5] = -raw[2]
    # velocity wanders as its errors come: where on the way is unknown though its end is known (a Brownian bridge)
    wander = params.correlation_s * max(2.0 * later - so_far * so_far / sa, 0.0)
    ground_m = params.ground_floor_m + params.ground_share * min(math.sqrt(raw[0] ** 2 + raw[1] ** 2), 4.0)
    jac[3, 0], jac[3, 2], jac[4, 1], jac[4, 3] = 1.0, 1.0, 1.0, 1.0
    for j in range(n_lobes):
        jac[3, N_BASE + j] = end[S_LOBE + 6 * j]
        jac[4, N_BASE + j] = end[S_LOBE + 6 * j + 1]

    gain = np.zeros((n_x, N_ENDS))  # prior @ jac.T
    for r in range(n_x):
        for c in range(N_ENDS):
            total = 0.0
            for k in range(n_x):
                total += prior[r, k] * jac[c, k]
            gain[r, c] = total
    noise = jac @ gain
    for r in range(5):
        noise[r, r] += params.flat_velocity_mps**2 if r < 3 else tilt_sigma_end**2
    weights = np.zeros((N_ENDS, N_ENDS))
    weights[:5, :5] = np.linalg.inv(np.ascontiguousarray(noise[:5, :5]))
    without = y @ (weights @ y)
    noise[5, 5] += ground_m**2 + wander
    weighed = np.linalg.inv(noise)
    worst = y @ (weighed @ y)
    # a stair climbs more than any ground, and fits all the same without that condition
    if worst < params.ground_limit or without > 0.5 * worst:
        weights[:, :] = weighed
    else:
        worst = without
    wy_ = weights @ y
    x = gain @ wy_

    # corrected velocity and position along the stride; the small rest is spread evenly
    rest = np.zeros(3)
    for c in range(3):
        rest[c] = y[c]
        for k in range(n_x):
            rest[c] -= jac[c, k] * x[k]
    jac_v = np.zeros((3, n_x))
    jac_p = np.zeros((3, n_x))
    pos = np.zeros(3)
    vel_before = np.zeros(3)
    duration = max(end[S_TIME] - scratch[0, S_TIME], 1e-9)
    begin = scratch[0, S_TIME]
    rot = np.empty((3, 3))
    turn = np.empty((3, 3))
    for i in range(n):
        row = scratch[i]
        dt = row[S_TIME] - scratch[i - 1, S_TIME] if i > 0 else 0.0
        dt_next = scratch[i + 1, S_TIME] - row[S_TIME] if i < n - 1 else 0.0
        half = 0.5 * (dt + dt_next)
        _fill_jacobian(row, sg, sa, n_lobes, jac_v)
        done = (row[S_TIME] - begin) / duration
        for c in range(3):
            v = first_velocity[c] + row[S_VEL + c] + rest[c] * done
            for k in range(n_x):
                v += jac_v[c, k] * x[k]
                jac_p[c, k] += jac_v[c, k] * half
            if i > 0:
                pos[c] += 0.5 * (v + vel_before[c]) * dt
            vel_before[c] = v
            row[S_VEL + c] = v
        share = row[S_SG] / sg
        tx = x[0] + share * x[2]
        ty = x[1] + share * x[3]
        tz = share * x[4]
        for j in range(n_lobes):
            tx += x[N_BASE + j] * row[S_LOBE + 6 * j]
            ty += x[N_BASE + j] * row[S_LOBE + 6 * j + 1]
            tz += x[N_BASE + j] * row[S_LOBE + 6 * j + 2]
        for r in range(3):
            for c in range(3):
                rot[r, c] = row[S_ROT + 3 * r + c]
        turn_world(rot, tx, ty, tz, turn)
        for r in range(3):
            row[S_IA + r] = pos[r]
            for c in range(3):
                row[S_ROT + 3 * r + c] = rot[r, c]

    length = math.sqrt(pos[0] ** 2 + pos[1] ** 2)
    hx, hy = (pos[0] / length, pos[1] / length) if length > 1e-9 else (1.0, 0.0)
    # variance of the chord: prior minus what the end conditions taught
    chord = np.zeros(n_x)
    for k in range(n_x):
        chord[k] = hx * jac_p[0, k] + hy * jac_p[1, k]
    variance = 0.0
    taught = np.zeros(N_ENDS)
    for r in range(n_x):
        for k in range(n_x):
            variance += chord[r] * prior[r, k] * chord[k]
        for c in range(N_ENDS):
            taught[c] += chord[r] * gain[r, c]
    for r in range(N_ENDS):
        for c in range(N_ENDS):
            variance -= taught[r] * weights[r, c] * taught[c]
    variance = max(variance, 0.0) + (params.flat_velocity_mps * duration) ** 2 + wander

    lift = 0.0
    for i in range(n):
        done = (scratch[i, S_TIME] - begin) / duration
        lift = max(lift, scratch[i, S_IA + 2] - done * pos[2])
    # posterior tilt at the end
    for r in range(2):
        for c in range(2):
            total = 0.0
            for k in range(n_x):
                for m in range(n_x):
                    total += jac[3 + r, k] * prior[k, m] * jac[3 + c, m]
            for k in range(N_ENDS):
                for m in range(N_ENDS):
                    left = 0.0
                    right = 0.0
                    for q in range(n_x):
                        left += jac[3 + r, q] * gain[q, k]
                        right += jac[3 + c, q] * gain[q, m]
                    total -= left * weights[k, m] * right
            tilt_cov[r, c] = total
    # rounding must not make a covariance of it that is none
    for r in range(2):
        tilt_cov[r, r] = min(max(tilt_cov[r, r], 1e-7), 0.1)
    bound = 0.99 * math.sqrt(tilt_cov[0, 0] * tilt_cov[1, 1])
    shared = min(max(0.5 * (tilt_cov[0, 1] + tilt_cov[1, 0]), -bound), bound)
    tilt_cov[0, 1] = shared
    tilt_cov[1, 0] = shared
    clipped = 0.0
    rebuilt = 0.0
    for j in range(n_gyr):
        clipped += lobes[j, 4] - lobes[j, 3] + 1
        rebuilt += lobes[j, 5] * (t_s[int(lobes[j, 4]) & mask] - t_s[int(lobes[j, 3]) & mask])
    for r in range(3):
        for c in range(3):
            start[r, c] = end[S_ROT + 3 * r + c]
    result[R_DX], result[R_DY], result[R_DZ] = pos[0], pos[1], pos[2]
    result[R_RESIDUAL] = math.sqrt(y[0] ** 2 + y[1] ** 2 + y[2] ** 2)
    result[R_SIGMA] = math.sqrt(variance)
    result[R_LIFT] = lift
    result[R_CLIPPED] = clipped
    result[R_CUT_S] = cut_s
    result[R_REBUILT] = rebuilt
    result[R_TILT_MISS] = math.sqrt(y[3] ** 2 + y[4] ** 2)
    result[R_WORST] = worst
    result[R_WANDER] = math.sqrt(x[5] ** 2 + x[6] ** 2 + x[7] ** 2)
    result[R_FX], result[R_FY], result[R_FZ] = x[2], x[3], x[4]
    result[R_TURN_ERROR] = math.sqrt(x[2] ** 2 + x[3] ** 2 + x[4] ** 2)
    return n_gyr
