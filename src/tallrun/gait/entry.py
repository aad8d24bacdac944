"""How Python calls a kernel: its machine code, with all it calls in it, is loaded without numba.

It is compiled once on a machine (``gait.compiling``) and kept in a file (``tallrun.machine_code``).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallrun import machine_code
from tallrun.gait.kernel_key import key_of

_FLOATS, _BITS = struct.Struct("d"), struct.Struct("q")
_NUMBERS: dict[type, tuple[type, ...]] = {bool: (bool,), int: (int, np.integer), float: (float,)}


class Held:
    """An array, or a named tuple of arrays, that stays where it is: looked up once, not at every call.

    words : what stands for it in a call: an array's address and lengths; of a tuple the address of those of all in it.
    """

    __slots__ = ("_inner", "value", "words")

    def __init__(self, value: NDArray[Any] | tuple[Any, ...]) -> None:
        self.value = value
        self._inner = np.array(_words_of(value), np.int64)
        self.words = (
            tuple(self._inner.tolist()) if isinstance(value, np.ndarray) else (_address_of(self._inner),)
        )


def _address_of(array: NDArray[Any]) -> int:
    return int(array.ctypes.data)


def _words_of(value: Any) -> list[int]:
    if isinstance(value, np.ndarray):
        return [_address_of(value), *value.shape]
    if isinstance(value, tuple):
        return [word for item in value for word in _words_of(item)]
    return [_BITS.unpack(_FLOATS.pack(value))[0]] if isinstance(value, float) else [int(value)]


def _released(value: Any) -> Any:
    return value.value if isinstance(value, Held) else value


def _layout_of(value: Any) -> str:
    """Return what machine code takes for granted of an argument, as text."""
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise TypeError("an entry takes arrays in C order only")
        return f"{value.dtype} {value.ndim} {value.flags.aligned}"
    if isinstance(value, tuple):
        names = type(value)._fields  # type: ignore[attr-defined]
        inner = ", ".join(f"{name}: {_layout_of(item)}" for name, item in zip(names, value, strict=True))
        return f"{type(value).__qualname__}({inner})"
    for kind in (bool, int, float):  # numpy's numbers are those of Python to machine code
        if isinstance(value, _NUMBERS[kind]):
            return kind.__name__
    raise TypeError(
        f"an entry takes arrays, named tuples of them, bool, int and float, not {type(value).__name__}"
    )


def _format_of(value: Any) -> str:
    value = _released(value)
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
            return self.kernel(*map(_released, arguments))
        if self._code is None:
            self._load(arguments)
        values: list[Any] = []
        keep = []
        for item in arguments:
            if isinstance(item, np.ndarray):
                values.append(item.ctypes.data)
                values += item.shape
            elif isinstance(item, Held):
                values += item.words
            elif isinstance(item, tuple):
                held = Held(item)
                keep.append(held)
                values += held.words
            else:
                values.append(item)
        return self._code(self._pack(*values))  # type: ignore[misc]

    def _load(self, arguments: tuple[Any, ...]) -> None:
        self._pack = struct.Struct("".join(map(_format_of, arguments))).pack
        name = f"{self.kernel.__module__.rpartition('.')[2]}.{self.kernel.__name__}"
        plainly = tuple(map(_released, arguments))
        layout = "; ".join(map(_layout_of, plainly))

        def compile_it(symbol: str) -> bytes:
            from tallrun.gait.compiling import compiled

            return compiled(self.kernel, plainly, self._returns, symbol)

        self._code = machine_code.load(name, f"{key_of(self.kernel)}; {layout}", self._returns, compile_it)
