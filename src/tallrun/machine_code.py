"""Machine code of kernels: kept in a file once it is compiled, and loaded from there without numba.

To import numba, fill its registries and load a kernel from its own cache takes longer, and more memory, than to analyse
an hour of running. What it compiled is an object file like any other, which llvmlite loads in milliseconds.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

#: Kernels run as plain Python, a hundred times slower: numba's own switch.
IS_OFF = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")

_RESULTS: dict[type | None, Any] = {
    None: ctypes.c_int64,
    bool: ctypes.c_bool,
    int: ctypes.c_int64,
    float: ctypes.c_double,
}
#: Called under Python's lock: whoever reads an engine's state from another thread finds it whole.
_SIGNATURE = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
#: What numba's functions return where all went well: with a result, and without one.
_FINE = (0, -2)
_DIGEST = 32
#: Object files that this process has loaded or made.
LOADED: set[Path] = set()


class Code:
    """Loaded machine code; called with the packed words of its arguments."""

    def __init__(self, engine: Any, symbol: str, returns: type | None) -> None:
        self._engine = engine  # the code lives as long as it
        self._call = _SIGNATURE(engine.get_function_address(symbol))
        self._symbol = symbol
        self._returns = returns
        self._error = ctypes.c_void_p()

    def __call__(self, words: bytes) -> Any:
        """Run it; RuntimeError where a kernel raised, which none is meant to."""
        result = _RESULTS[self._returns]()
        status = self._call(ctypes.addressof(result), ctypes.addressof(self._error), words)
        if status not in _FINE:
            raise RuntimeError(f"the kernel {self._symbol} failed with status {status}")
        return None if self._returns is None else result.value


def load(name: str, key: str, returns: type | None, compile_it: Callable[[str], bytes]) -> Code:
    """Return the machine code of a kernel; compiled, and kept for the next time, where no file has it.

    key : all that its machine code follows from, beside this machine and how it is compiled. compile_it : makes the
    object file that holds the symbol it is given. A file that is damaged is made anew; one that cannot be written
    costs only time.
    """
    told = f"{key}\n{returns}\n{machine()}"
    symbol = f"{name}-{sha256(told.encode()).hexdigest()[:24]}"
    path = Path(os.environ.get("NUMBA_CACHE_DIR", ".")) / f"{symbol}.o"
    code = _read(path)
    if code is None:
        code = compile_it(symbol)
        with suppress(OSError):
            _keep(path, code)
    LOADED.add(path)
    return Code(_loaded(code), symbol, returns)


def _read(path: Path) -> bytes | None:
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    digest, code = whole[:_DIGEST], whole[_DIGEST:]
    if sha256(path.name.encode() + code).digest() != digest:
        return None
    with suppress(OSError):
        os.utime(path)  # in use: it stays
    return code


def _keep(path: Path, code: bytes) -> None:
    for folder in reversed(path.parents):  # each level by itself: a mode is that of the last one only
        if not folder.exists():
            folder.mkdir(exist_ok=True, mode=0o700)
    with NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=".tmp", delete=False) as file:
        try:
            file.write(sha256(path.name.encode() + code).digest() + code)
            file.flush()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def host_machine() -> Any:
    """Return LLVM's description of this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple = llvm.get_process_triple()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3,
        reloc="static" if triple.startswith("x86") else "default", codemodel="jitdefault", jit=True,
    )  # fmt: skip


@cache
def version_of(package: str) -> str:
    """Return the version of an installed package, which is in the name of the folder that tells of it.

    Loading ``importlib.metadata``, which loads what reads e-mail, takes as long as loading the kernels. Raises
    PackageNotFoundError (ImportError) for one that is not installed.
    """
    spec = find_spec(package)
    if spec is not None and spec.origin is not None:
        for folder in Path(spec.origin).parents[1].glob(f"{package}-*.dist-info"):
            return folder.stem.removeprefix(f"{package}-")
    from importlib.metadata import version

    return version(package)


@cache
def machine() -> str:
    """Return what machine code follows from beside the kernels: processor, compiler, and how it is made and called."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features().flatten()
    gait = Path(__file__).parent / "gait"
    sources = (Path(__file__), gait / "compiling.py", gait / "entry.py")
    recipe = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    made_by = f"{recipe} {version_of('numba')} {version_of('llvmlite')}"
    return f"{made_by} {llvm.get_process_triple()} {llvm.get_host_cpu_name()} {features}"


def _loaded(code: bytes) -> Any:
    import llvmlite.binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), host_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine
