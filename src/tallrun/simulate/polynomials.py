"""Piecewise polynomials with exact derivatives: the only way motion is described here.

Each coordinate of a body is a *channel*: knots in time and one polynomial (up to degree 6, in the normalised
time of its piece) between two knots. Channels of one body are stacked into a ``Track``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tallrun.numerics.recording import FloatArray

N_COEFFICIENTS = 7


class Channel(NamedTuple):
    """knots_s : float64 (n + 1,), rising. coefficients : float64 (n, 7), in s = (t - knot)/piece length."""

    knots_s: FloatArray
    coefficients: FloatArray


class Track(NamedTuple):
    """Channels of one body end to end; ``first[c]`` .. ``first[c + 1]`` are the pieces of channel c.

    starts_s, lengths_s : float64 (n_pieces,); coefficients : float64 (n_pieces, 7); first : int64 (n_channels + 1,);
    moves : bool (n_channels,), False for a channel that is one constant.
    """

    starts_s: FloatArray
    lengths_s: FloatArray
    coefficients: FloatArray
    first: NDArray[np.int64]
    moves: NDArray[np.bool_]


def _boundary_rows(s: float) -> FloatArray:
    powers = np.arange(N_COEFFICIENTS, dtype=np.float64)
    value = s**powers
    rate = np.where(powers > 0, powers * s ** np.maximum(powers - 1, 0), 0.0)
    curve = np.where(powers > 1, powers * (powers - 1) * s ** np.maximum(powers - 2, 0), 0.0)
    return np.stack([value, rate, curve])


def hermite(t_s: ArrayLike, value: ArrayLike, rate: ArrayLike, curve: ArrayLike) -> Channel:
    """Quintic pieces through value, first and second derivative at each knot: C2 by construction.

    Parameters
    ----------
    t_s, value, rate, curve : float64 (n + 1,), t_s strictly rising.
    """
    t, p, v, a = (np.asarray(x, dtype=np.float64) for x in (t_s, value, rate, curve))
    length = np.diff(t)
    known = np.stack([p[:-1], v[:-1] * length, a[:-1] * length**2, p[1:], v[1:] * length, a[1:] * length**2])
    return Channel(t, swing_coefficients(known, waypoints=()))


def swing_coefficients(known: FloatArray, waypoints: tuple[float, ...]) -> FloatArray:
    """Coefficients from end conditions and values on the way.

    Parameters
    ----------
    known : float64 (6 + len(waypoints), n): value, rate, curve at the start, the same at the end (rates already
        multiplied by the piece length, curves by its square), then the values at the waypoints.
    waypoints : normalised times of the values on the way, at most one.

    Returns
    -------
    float64 (n, 7).
    """
    size = 6 + len(waypoints)
    rows = [_boundary_rows(0.0), _boundary_rows(1.0), *(_boundary_rows(s)[:1] for s in waypoints)]
    matrix = np.concatenate(rows)[:, :size]
    solved = np.zeros((known.shape[1], N_COEFFICIENTS))
    solved[:, :size] = np.linalg.solve(matrix, known).T
    return solved


def constant(value: float, start_s: float, end_s: float) -> Channel:
    """Make a channel that never moves."""
    coefficients = np.zeros((1, N_COEFFICIENTS))
    coefficients[0, 0] = value
    return Channel(np.array([start_s, end_s]), coefficients)


def from_velocity(
    t_s: FloatArray, velocity: FloatArray, acceleration: FloatArray, origin: float = 0.0
) -> tuple[Channel, FloatArray]:
    """Channel whose rate passes through the given velocities and accelerations, and its values at the knots.

    The displacement of each piece is that of the cubic velocity through its ends, so that equal velocities
    with zero accelerations give exactly uniform motion (free flight).
    """
    length = np.diff(t_s)
    moved = length / 2.0 * (velocity[:-1] + velocity[1:])
    moved = moved + length**2 / 12.0 * (acceleration[:-1] - acceleration[1:])
    position = origin + np.concatenate([[0.0], np.cumsum(moved)])
    return hermite(t_s, position, velocity, acceleration), position


def stack(channels: list[Channel]) -> Track:
    """Put channels end to end."""
    counts = [len(channel.coefficients) for channel in channels]
    return Track(
        starts_s=np.concatenate([channel.knots_s[:-1] for channel in channels]),
        lengths_s=np.concatenate([np.diff(channel.knots_s) for channel in channels]),
        coefficients=np.ascontiguousarray(np.concatenate([channel.coefficients for channel in channels])),
        first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        moves=np.array(
            [
                bool(channel.coefficients[:, 1:].any()) or n > 1
                for channel, n in zip(channels, counts, strict=True)
            ]
        ),
    )


def evaluate(channel: Channel, t_s: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Value, rate and curve of one channel at any times (outside its knots the end pieces are continued)."""
    t = np.asarray(t_s, dtype=np.float64)
    piece = np.clip(np.searchsorted(channel.knots_s, t, side="right") - 1, 0, len(channel.coefficients) - 1)
    length = np.diff(channel.knots_s)[piece]
    s = (t - channel.knots_s[piece]) / length
    coefficients = channel.coefficients[piece]
    value, rate, curve = np.zeros_like(s), np.zeros_like(s), np.zeros_like(s)
    for power in range(N_COEFFICIENTS - 1, -1, -1):
        curve = curve * s + 2.0 * rate
        rate = rate * s + value
        value = value * s + coefficients[..., power]
    return value, rate / length, curve / length**2
