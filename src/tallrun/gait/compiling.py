"""How a kernel becomes machine code that needs no numba: numba makes LLVM's text of it, LLVM the rest in one go.

Numba would optimise every function by itself, though each is only ever run as a part of its entry. Here they are left
as they come, put into one module whose only door is the entry, and optimised together: what a function is handed and
does not use is not handed over at all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any
from unittest.mock import patch

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.core import cgutils
from numba.core import types as numba_types
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
from numba.core.compiler_lock import global_compiler_lock
from numba.core.cpu import CPUContext
from numba.extending import intrinsic
from numba.np import arrayobj

from tallrun.gait.kernel_key import is_marked, named_in
from tallrun.gait.kernels import MARKS, Scratch
from tallrun.machine_code import host_machine

_WORD = ir.IntType(64)
_OPTIONS = {
    "_nrt": False,
    "debug": False,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
#: numba names its types in a way that no checker can follow.
types: Any = numba_types

_RETURNS: dict[type | None, Any] = {
    None: types.none,
    bool: types.boolean,
    int: types.int64,
    float: types.float64,
}
#: What machine code may call: mathematics and memory of the C library.
_LIBRARY = frozenset(
    "sin cos tan asin acos atan atan2 sinh cosh tanh exp exp2 expm1 log log2 log10 log1p pow sqrt cbrt hypot fmod "
    "floor ceil round rint trunc fabs fma copysign nextafter ldexp frexp memcpy memmove memset".split()
)


def compiled(
    kernel: Callable[..., Any], arguments: tuple[Any, ...], returns: type | None, symbol: str
) -> bytes:
    """Return the object file of an entry for arguments of these types; it holds one function, ``symbol``.

    It takes the places of its result and of an error that never is, and one word an argument or more (``gait.entry``).
    """
    kinds = tuple(map(_kind_of, arguments))
    function, unpacked = _with_marks(kernel), _unpacking(kinds)
    run = numba.njit(**_OPTIONS)(lambda words: function(*unpacked(words)))
    signature = (types.CPointer(types.int64),)
    with (
        global_compiler_lock,
        patch.object(numba.config, "OPT", 0),
        patch.object(numba.config, "BOUNDSCHECK", 0),
        patch.object(arrayobj, "fix_integer_index", _as_given),
        patch.object(CPUContext, "get_executable", _nothing_to_run),
        patch.object(JITCPUCodegen, "_add_module", lambda codegen, module: None),
        patch.object(JITCodeLibrary, "_finalize_specific"),
    ):
        run.compile(signature)
        overload = run.overloads[signature]
        overload.library.finalize()
    if overload.signature.return_type != _RETURNS[returns]:
        raise TypeError(f"{kernel.__name__} returns {overload.signature.return_type}, not {returns}")
    return _object_of(run.inspect_llvm(signature), overload.fndesc.llvm_func_name, symbol)


def _nothing_to_run(context: Any, library: Any, description: Any, environment: Any) -> Any:
    """Stand in for numba's making machine code of each function by itself: several times what all else takes.

    Numba wants something built in that is like no other.
    """
    return [].append


def _as_given(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    """Stand in for numba's asking of every index whether it is negative, then counted from the end: none is here.

    What is asked for every number keeps loops from working on several at once.
    """
    return context.cast(builder, index, kind, types.intp)


@cache
def _with_marks(function: Callable[..., Any]) -> Any:
    """Return numba's function of a kernel; the kernels and scratch that it names are numba's, too."""
    known = dict(function.__globals__)
    for name, value in named_in(function):
        if is_marked(value):
            known[name] = _with_marks(value)
        elif isinstance(value, Scratch):
            known[name] = _scratch(value)
    copy = FunctionType(function.__code__, known, function.__name__, function.__defaults__)
    return numba.njit(**(_OPTIONS | MARKS[function]))(copy)


def _kind_of(value: Any) -> Any:
    """Return numba's type of an argument; of an array that may be written to, for its flag is not in the key."""
    kind = numba.typeof(value)
    return kind.copy(readonly=False) if isinstance(kind, types.Array) else kind


# What numba itself has no word for ------------------------------------------------------------------------------------


def _array_at(context: Any, builder: Any, kind: Any, address: Any, shape: list[Any]) -> Any:
    """Return an array in C order over memory that somebody else keeps."""
    array = context.make_array(kind)(context, builder)
    item = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    strides: list[Any] = []
    step = item
    for length in reversed(shape):
        strides.insert(0, step)
        step = builder.mul(step, length)
    arrayobj.populate_array(
        array, data=address, shape=cgutils.pack_array(builder, shape), strides=cgutils.pack_array(builder, strides),
        itemsize=item, meminfo=None,
    )  # fmt: skip
    return array._getvalue()


def _scratch(scratch: Scratch) -> Any:
    """Return ``vector`` or ``matrix`` for numba: zeros on the stack of the kernel."""
    kind = types.Array(types.float64, scratch.axes, "C")

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        room = cgutils.alloca_once(builder, ir.DoubleType(), size=scratch.most)
        shape, size = list(arguments), context.get_constant(types.intp, 8)
        for length in shape:
            size = builder.mul(size, length)
        cgutils.memset(builder, builder.bitcast(room, cgutils.voidptr_t), size, 0)
        return _array_at(context, builder, kind, room, shape)

    if scratch.axes == 1:
        return intrinsic(lambda typing, n: (kind(types.intp), codegen))
    return intrinsic(lambda typing, n, m: (kind(types.intp, types.intp), codegen))


def _unpacking(kinds: tuple[Any, ...]) -> Any:
    """Return what makes arguments of these types of words; a named tuple's words stand elsewhere, at its word."""
    whole = types.Tuple(kinds)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        reader = _Reader(context, builder, arguments[0])
        return context.make_tuple(builder, whole, [reader.argument(kind) for kind in kinds])

    return intrinsic(lambda typing, words: (whole(types.CPointer(types.int64)), codegen))


class _Reader:
    """Reads word after word."""

    def __init__(self, context: Any, builder: Any, words: Any) -> None:
        self._context, self._builder, self._words, self._at = context, builder, words, 0

    def _next(self) -> Any:
        place = self._builder.gep(self._words, [ir.Constant(_WORD, self._at)])
        self._at += 1
        return self._builder.load(place)

    def argument(self, kind: Any) -> Any:
        if isinstance(kind, types.BaseTuple):
            inner = self._builder.inttoptr(self._next(), _WORD.as_pointer())
            return _Reader(self._context, self._builder, inner).value(kind)
        return self.value(kind)

    def value(self, kind: Any) -> Any:
        builder, context = self._builder, self._context
        if isinstance(kind, types.BaseTuple):
            return context.make_tuple(builder, kind, [self.value(item) for item in kind.types])
        if isinstance(kind, types.Array):
            address = builder.inttoptr(self._next(), context.get_data_type(kind.dtype).as_pointer())
            return _array_at(context, builder, kind, address, [self._next() for _ in range(kind.ndim)])
        if kind == types.boolean:
            return builder.icmp_unsigned("!=", self._next(), ir.Constant(_WORD, 0))
        if kind == types.float64:
            return builder.bitcast(self._next(), ir.DoubleType())
        if kind == types.int64:
            return self._next()
        raise TypeError(f"an entry takes arrays, records in arrays, tuples of them and numbers, not {kind}")


# From LLVM's text to an object file -----------------------------------------------------------------------------------


def _object_of(text: str, name: str, symbol: str) -> bytes:
    module = llvm.parse_assembly(text)
    for place, function in enumerate(module.functions):
        if function.is_declaration:
            if not function.name.startswith("llvm.") and function.name not in _LIBRARY:
                raise TypeError(f"a kernel calls {function.name}, which is not there without numba")
        elif function.name == name:
            function.linkage, function.name = "external", symbol
        else:  # numba's names tell all types, at length
            function.linkage, function.name = "internal", f"part_{place}"
    machine = host_machine()
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization, tuning.slp_vectorization = True, True
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)
    return machine.emit_object(module)
