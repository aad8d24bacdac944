"""Small matrices inside kernels: a few rows, too few for a library to be worth its call."""

from __future__ import annotations

import math

from tallrun.gait.kernels import kernel, matrix


@kernel
def invert(a, n, out):
    """Write the inverse of the symmetric, positive definite a[:n, :n] into out[:n, :n] (Cholesky); NaN for another."""
    root = matrix(n, n)  # a = root root^T, then its inverse in place
    for c in range(n):
        for r in range(c, n):
            total = a[r, c]
            for k in range(c):
                total -= root[r, k] * root[c, k]
            root[r, c] = math.sqrt(total) if r == c else total / root[c, c]
    for c in range(n):
        root[c, c] = 1.0 / root[c, c]
        for r in range(c + 1, n):
            total = 0.0
            for k in range(c, r):
                total -= root[r, k] * root[k, c]
            root[r, c] = total / root[r, r]
    for r in range(n):
        for c in range(r + 1):
            total = 0.0
            for k in range(r, n):
                total += root[k, r] * root[k, c]
            out[r, c] = out[c, r] = total


@kernel
def product(a, b, out):
    """Write A B; ``out`` must be neither."""
    for r in range(a.shape[0]):
        for c in range(b.shape[1]):
            total = 0.0
            for k in range(b.shape[0]):
                total += a[r, k] * b[k, c]
            out[r, c] = total


@kernel
def weighed(weights, y):
    """Return y . W y."""
    total = 0.0
    for r in range(y.shape[0]):
        for c in range(y.shape[0]):
            total += y[r] * weights[r, c] * y[c]
    return total
