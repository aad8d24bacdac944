"""What a result depends on, as hashes: the bytes of the session, the configuration, the code.

A shard is named after all three, so that nothing stale is ever taken and nothing is done twice.
"""

from __future__ import annotations

import json
import math
import os
import platform
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from tallrun._version import __version__
from tallrun.errors import SessionError
from tallrun.numerics.recording import PLACEMENTS

#: Everything ``read_session`` reads. Derived files, packets and a simulator's truth do not move a result.
INPUT_FILES = (
    "session.json",
    "markers.parquet",
    *(f"signals/{name}.parquet" for name in (*PLACEMENTS, "treadmill", "heart_rate")),
)
#: Rooms and modules whose code makes the numbers of a shard.
CODE_ROOMS = ("numerics", "gait", "pipeline")
CODE_MODULES = (
    ("sessions", "folder"), ("sessions", "series"), ("sessions", "checks"), ("sessions", "_tables"),
    ("cohort", "work"), ("cohort", "row"),
)  # fmt: skip
_PIECE_BYTES = 4 * 1024**2
LIBRARIES = ("numpy", "numba", "scipy", "pandas", "pyarrow", "vqf", "dask", "distributed")


def input_sha256(folder: Path) -> str:
    """Return the hash over name and content of every file a session is read from.

    Raises SessionError when a file cannot be read, or ``session.json`` is no regular file (reading a pipe or a
    device could wait for ever).
    """
    digest = sha256()
    for name in INPUT_FILES:
        path = folder / name
        try:
            if not path.is_file():
                if name == "session.json":
                    raise SessionError("session.json is missing or no regular file")
                digest.update(f"{name}:{'other' if os.path.lexists(path) else 'absent'}\n".encode())
                continue
            digest.update(f"{name}:{_file_sha256(path)}\n".encode())
        except OSError as error:
            raise SessionError(f"{name} cannot be read ({error.strerror or error})") from error
    return digest.hexdigest()


def _file_sha256(path: Path) -> str:
    """Return the hash of a file; in large pieces, as Python's lock is waited for after each."""
    digest = sha256()
    with path.open("rb", buffering=0) as file:
        room = bytearray(min(_PIECE_BYTES, 1 + os.fstat(file.fileno()).st_size))
        while n := file.readinto(room):
            digest.update(memoryview(room)[:n])
    return digest.hexdigest()


@lru_cache(maxsize=1)
def code_sha256() -> str:
    """Return the hash over the source of everything that makes the numbers of a shard."""
    package = files("tallrun")
    sources = {
        f"{room}/{entry.name}": entry
        for room in CODE_ROOMS
        for entry in package.joinpath(room).iterdir()
        if entry.name.endswith(".py")
    }
    sources |= {f"{room}/{name}.py": package.joinpath(room, f"{name}.py") for room, name in CODE_MODULES}
    digest = sha256(__version__.encode())
    for name in sorted(sources):
        digest.update(f"\n{name}\n".encode() + sources[name].read_bytes())
    return digest.hexdigest()


def configuration() -> dict[str, Any]:
    """Return every number the engines are tuned by, as used for each session; JSON-ready."""
    from tallrun.gait import eligible, flags
    from tallrun.gait.foot_params import FootParams
    from tallrun.gait.pelvis_params import PelvisParams
    from tallrun.pipeline.tables import ALGORITHM_VERSION

    return {
        "algorithm_version": ALGORITHM_VERSION,
        "set_up": "each session by its own session.json, as tallrun analyze does; no own baseline",
        "foot": FootParams()._asdict(),
        "pelvis": dict(PelvisParams._field_defaults),
        "flags": {
            name.lower(): value
            for name, value in sorted(vars(flags).items())
            if name.isupper() and isinstance(value, int | float) and math.isfinite(value)
        },
        "eligible": {
            name.lower(): value
            for name, value in sorted(vars(eligible).items())
            if name.isupper() and isinstance(value, int | float) and math.isfinite(value)
        },
    }


def config_sha256(config: dict[str, Any]) -> str:
    """Return the hash of a configuration."""
    return sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def content_sha256(input_hash: str, config_hash: str, code_hash: str, algorithm_version: str) -> str:
    """Return the name of the shard of one session under one configuration and code."""
    parts = (input_hash, config_hash, code_hash, algorithm_version)
    return sha256("\n".join(parts).encode()).hexdigest()


def versions() -> dict[str, str | None]:
    """Return the versions a result was made with; None for a library that is not there."""
    out: dict[str, str | None] = {
        "tallrun": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    for name in LIBRARIES:
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            out[name] = None
    return out
