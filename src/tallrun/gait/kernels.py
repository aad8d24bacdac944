"""How kernels are written and called, and how they name what they work on: ``state.cycle[0].top_rad``, in Python alike.

A kernel is a plain function under one of the marks below. An ``Entry`` is one that Python calls: its machine code,
with all it calls in it, is compiled once on a machine (``gait.compiling``), kept in a file (``tallrun.machine_code``)
and loaded from there, without numba. A kernel makes no arrays but ``vector`` and ``matrix``, and raises nothing:
dividing by zero gives NaN or infinity.

A record is one structured scalar of numpy: a kernel gets one pointer for it, whatever number of fields it has, and
reads and writes them by name as Python does. Fields are scalars; vectors and matrices stand beside it as arrays, in
named tuples (a field that is an array would give every kernel that takes one a second signature). Between Python and a
kernel a record goes in an array of one: by itself it is many times slower to hand over.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tallrun import machine_code

_FLOAT = np.dtype(np.float64)
_FLOATS, _BITS = struct.Struct("d"), struct.Struct("q")
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


class Held:
    """A named tuple of arrays that stay where they are: looked up once, not at every call.

    words : for each array its address and lengths, for each number itself, in order; tuples inside it alike.
    """

    __slots__ = ("address", "value", "words")

    def __init__(self, value: tuple[Any, ...]) -> None:
        self.value = value
        self.words = np.array(_words_of(value), np.int64)
        self.address = _address_of(self.words)


def _address_of(array: NDArray[Any]) -> int:
    return int(array.ctypes.data)


def _words_of(value: Any) -> list[int]:
    if isinstance(value, np.ndarray):
        return [_address_of(value), *value.shape]
    if isinstance(value, tuple):
        return [word for item in value for word in _words_of(item)]
    return [_BITS.unpack(_FLOATS.pack(value))[0]] if isinstance(value, float) else [int(value)]


def layout_of(value: Any) -> str:
    """Return what machine code takes for granted of an argument, as text."""
    if isinstance(value, Held):
        value = value.value
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise TypeError("an entry takes arrays in C order only")
        return f"{value.dtype} {value.ndim} {value.flags.aligned} {value.flags.writeable}"
    if isinstance(value, tuple):
        return f"{type(value).__qualname__}({', '.join(map(layout_of, value))})"
    return type(value).__name__


def _format_of(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "q" * (1 + value.ndim)
    return "d" if isinstance(value, float) else "q"


class Entry:
    """A kernel that Python calls, with arguments alike each time: arrays, named tuples of them, and plain numbers.

    returns : ``bool``, ``int`` or ``float`` where the kernel returns one.
    """

    def __init__(
        self, kernel: Callable[..., Any], returns: type[bool] | type[int] | type[float] | None = None
    ) -> None:
        self.kernel = kernel
        self._returns = returns
        self._code: machine_code.Code | None = None
        self._pack: Callable[..., bytes] = struct.Struct("").pack

    def __call__(self, *arguments: Any) -> Any:
        """Call it. Arrays must be of the dtype, number of axes and order in memory of those of the first call."""
        if machine_code.IS_OFF:
            return self.kernel(*(item.value if isinstance(item, Held) else item for item in arguments))
        if self._code is None:
            self._load(arguments)
        values: list[Any] = []
        keep = []
        for item in arguments:
            if isinstance(item, np.ndarray):
                values.append(item.ctypes.data)
                values += item.shape
            elif isinstance(item, tuple):
                held = Held(item)
                keep.append(held)
                values.append(held.address)
            elif isinstance(item, Held):
                values.append(item.address)
            else:
                values.append(item)
        return self._code(self._pack(*values))  # type: ignore[misc]

    def _load(self, arguments: tuple[Any, ...]) -> None:
        from tallrun.gait.kernel_key import key_of

        self._pack = struct.Struct("".join(map(_format_of, arguments))).pack
        name = f"{self.kernel.__module__.rpartition('.')[2]}.{self.kernel.__name__}"
        layout = "; ".join(layout_of(item) for item in arguments)

        def compile_it(symbol: str) -> bytes:
            from tallrun.gait.compiling import compiled

            return compiled(self.kernel, arguments, self._returns, symbol)

        self._code = machine_code.load(name, f"{key_of(self.kernel)}; {layout}", self._returns, compile_it)


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
