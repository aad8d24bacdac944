"""What the machine code of a kernel follows from, as text: its own code, that of all it calls, and what they name.

A change of any of it is other machine code; a change of any other line is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any

from tallrun.gait.kernels import MARKS, Scratch


def named_in(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Yield what the code of a function names outside itself, in order of names."""
    known = function.__globals__
    for name in sorted({name for part in _parts(function.__code__) for name in part.co_names}):
        if name in known:
            yield name, known[name]


def is_marked(value: Any) -> bool:
    """Return whether a thing is a kernel."""
    return callable(value) and value.__hash__ is not None and value in MARKS


def key_of(kernel: Callable[..., Any]) -> str:
    """Return the text for a kernel and all it calls."""
    seen: dict[Callable[..., Any], str] = {}
    waiting = [kernel]
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        lines = [_name_of(function), f"{MARKS[function]} {function.__defaults__}"]
        for part in _parts(function.__code__):
            constants = [
                item for item in part.co_consts if item != function.__doc__ and not isinstance(item, CodeType)
            ]
            lines.append(f"{part.co_code.hex()} {constants} {part.co_varnames} {part.co_names}")
        for name, value in named_in(function):
            lines.append(f"{name} = {_told(value)}")
            if is_marked(value):
                waiting.append(value)
        seen[function] = "\n".join(lines)
    return "\n".join(seen[function] for function in sorted(seen, key=_name_of))


def _parts(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)


def _name_of(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _told(value: Any) -> str:
    if is_marked(value):
        return _name_of(value)
    if isinstance(value, Scratch):
        return f"scratch of {value.axes} axes, {value.most}"
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, type):
        return f"{value.__qualname__} {getattr(value, '_fields', ())}"
    return repr(value)
