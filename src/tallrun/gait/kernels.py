"""How kernels are compiled, and how they name what they work on: ``state.cycle[0].top_rad``, in Python alike.

A record is one structured scalar of numpy: a kernel gets one pointer for it, whatever number of fields it has, and
reads and writes them by name as Python does. Fields are scalars; vectors and matrices stand beside it as arrays, in
named tuples (a field that is an array would give every kernel that takes one a second signature). Between Python and a
kernel a record goes in an array of one: by itself it is many times slower to hand over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit, typeof
from numpy.typing import NDArray

#: A kernel that makes arrays of its own.
maker = njit(cache=True, _nrt=True, no_cfunc_wrapper=True)
#: A kernel that only works on what it is given. It counts no references, which would cost more than its sums.
kernel = njit(cache=True, _nrt=False, no_cfunc_wrapper=True)
#: A small one that is called for every sample, and becomes part of its caller: to hand over a state of fifty arrays
#: takes longer than what such a kernel does.
inlined = njit(cache=True, _nrt=False, no_cfunc_wrapper=True, forceinline=True)
#: A part of one kernel that has a name of its own, and is never compiled by itself: near the top of a tree of calls
#: that would make machine code of the whole tree once more.
part = njit(_nrt=False, inline="always")

_FLOAT = np.dtype(np.float64)
_KINDS = {bool: "?", int: "i8", float: "f8"}


class Entry:
    """A kernel that Python calls with arguments of the same types each time: asked once which machine code that is.

    To name the types of a state of fifty arrays takes numba twenty times as long as the call.
    """

    def __init__(self, kernel: Callable[..., Any]) -> None:
        self._kernel = kernel
        self._code: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Call it. Arrays must be of the dtype, number of axes and order in memory of those of the first call."""
        if self._code is None:
            compiled = getattr(self._kernel, "compile", None)  # None: numba is switched off
            self._code = compiled(tuple(typeof(item) for item in arguments)) if compiled else self._kernel
        return self._code(*arguments)


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
