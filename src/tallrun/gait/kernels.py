"""How kernels are written, and how they name what they work on: ``state.cycle[0].top_rad``, in Python alike.

A kernel is a plain function under one of the marks below; Python calls it through an ``Entry`` (``gait.entry``). It
makes no arrays but ``vector`` and ``matrix``, and raises nothing: dividing by zero gives NaN or infinity. It counts no
index from the end of an array, and nobody asks whether one lies in it (``tests/gait/test_index_bounds.py`` does).

A record is one structured scalar of numpy: a kernel gets one pointer for it, whatever number of fields it has, and
reads and writes them by name as Python does. Fields are scalars; vectors and matrices stand beside it as arrays, in
named tuples (a field that is an array would give every kernel that takes one a second signature). Between Python and a
kernel a record goes in an array of one: by itself it is many times slower to hand over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

_FLOAT = np.dtype(np.float64)
_KINDS = {bool: "?", int: "i8", float: "f8"}

F = TypeVar("F", bound=Callable[..., Any])

#: Marked function -> how numba is to compile it.
MARKS: dict[Callable[..., Any], dict[str, Any]] = {}


def kernel(function: F) -> F:
    """Mark a function that is compiled with the entries that call it."""
    MARKS[function] = {}
    return function


def inlined(function: F) -> F:
    """Mark a small one that is called for every sample, and becomes part of its caller."""
    MARKS[function] = {"forceinline": True}
    return function


class Scratch:
    """Zeros of a kernel's own, made where it is called and gone when the kernel returns: at most ``most`` of them.

    A second call at the same place of a kernel hands out the same memory, as zeros again.
    """

    def __init__(self, axes: int, most: int) -> None:
        self.axes = axes
        self.most = most

    def __call__(self, *shape: int) -> NDArray[np.float64]:
        """Return zeros of this shape; ValueError in Python where they do not fit, not noticed in machine code."""
        if len(shape) != self.axes or np.prod(shape) > self.most:
            raise ValueError(f"expected {self.axes} axes and at most {self.most} numbers, got {shape}")
        return np.zeros(shape)


#: ``vector(n)`` and ``matrix(n, m)`` inside kernels.
vector, matrix = Scratch(1, 32), Scratch(2, 512)


def plain(values: Any) -> NDArray[np.float64]:
    """Return numbers as every ``Entry`` takes them; an array that is so already is handed back as it is."""
    if type(values) is np.ndarray and values.dtype == _FLOAT and values.flags.carray:
        return values
    return np.require(values, _FLOAT, ["C", "W", "A", "E"])


def new_record(*, floats: str = "", ints: str = "", flags: str = "") -> np.recarray:
    """Return a record of zeros with these fields, names set apart by spaces; in an array of one, see above."""
    return np.zeros(1, _type_of(floats, ints, flags)).view(np.recarray)


def as_record(params: NamedTuple) -> np.recarray:
    """Return a record, in an array of one, with the fields of a named tuple of numbers."""
    return np.array([tuple(params)], _type_like(params._fields, tuple(map(type, params)))).view(np.recarray)


# Making a type takes longer than making a record of it.


@cache
def _type_of(floats: str, ints: str, flags: str) -> np.dtype:
    kinds = ((floats, "f8"), (ints, "i8"), (flags, "?"))
    fields = [(name, kind) for names, kind in kinds for name in names.split()]
    hidden = [name for name, _ in fields if hasattr(np.record, name)]
    if hidden:
        raise RuntimeError(f"{hidden} mean something else to numpy: the field could not be read in Python")
    return np.dtype((np.record, fields))


@cache
def _type_like(names: tuple[str, ...], types: tuple[type, ...]) -> np.dtype:
    return np.dtype((np.record, [(name, _KINDS[kind]) for name, kind in zip(names, types, strict=True)]))
