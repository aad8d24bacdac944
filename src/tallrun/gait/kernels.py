"""How kernels are compiled, and how they name what they work on: ``state.cycle[0].top_rad``, in Python alike.

A record is one structured scalar of numpy: a kernel gets one pointer for it, whatever number of fields it has, and
reads and writes them by name as Python does. Fields are scalars; vectors and matrices stand beside it as arrays, in
named tuples (a field that is an array would give every kernel that takes one a second signature). Between Python and a
kernel a record goes in an array of one: by itself it is many times slower to hand over.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

#: A kernel that makes arrays of its own.
maker = njit(cache=True, _nrt=True, no_cfunc_wrapper=True)
#: A kernel that only works on what it is given. It counts no references, which would cost more than its sums.
kernel = njit(cache=True, _nrt=False, no_cfunc_wrapper=True)

_KINDS = {bool: "?", int: "i8", float: "f8"}


def new_record(*, floats: str = "", ints: str = "", flags: str = "") -> np.recarray:
    """Return a record of zeros with these fields, names set apart by spaces; in an array of one, see above."""
    fields = [
        (name, kind) for names, kind in ((floats, "f8"), (ints, "i8"), (flags, "?")) for name in names.split()
    ]
    hidden = [name for name, _ in fields if hasattr(np.record, name)]
    if hidden:
        raise RuntimeError(f"{hidden} mean something else to numpy: the field could not be read in Python")
    return np.zeros(1, fields).view(np.recarray)


def as_record(params: NamedTuple) -> np.recarray:
    """Return a record, in an array of one, with the fields of a named tuple of numbers."""
    values: dict[str, Any] = params._asdict()
    fields = [(name, _KINDS[type(value)]) for name, value in values.items()]
    return np.array([tuple(params)], fields).view(np.recarray)
