"""Stand-ins for the work on one session of a cohort, quick, importable by worker processes.

What they do is told by a file beside ``session.json``: ``dies``, ``raises``, ``slow``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from tallrun.cohort.identity import code_sha256, input_sha256
from tallrun.cohort.row import STRIDES_SCHEMA
from tallrun.cohort.work import Outcome, analyse_session, shard_bytes

N_STRIDES = 40


def bare_session(folder: Path, **keys: object) -> Path:
    """A session folder that is found and hashed; its content is nothing the engines could read."""
    folder.mkdir(parents=True)
    (folder / "session.json").write_text(json.dumps({"name": folder.name, **keys}))
    return folder


def made_up(folder: str, expected_sha256: str, late_s: float = 0.0) -> Outcome:
    """Strides drawn from the hash; ``late_s`` moves the final contacts of every tenth stride and drops the last."""
    place = Path(folder)
    if (place / "dies").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if (place / "raises").exists():
        raise RuntimeError(f"no such luck in {folder}")
    if (place / "slow").exists():
        time.sleep(0.4)
    rng = np.random.default_rng(int(expected_sha256[:12], 16))
    n = N_STRIDES - (1 if late_s else 0)
    stance_s = rng.normal(0.25, 0.01, N_STRIDES)[:n]
    stance_s[::10] += late_s
    columns = {name: pa.nulls(n, STRIDES_SCHEMA.field(name).type) for name in STRIDES_SCHEMA.names}
    columns |= {
        "foot": pa.array(["left", "right"] * (N_STRIDES // 2))[:n],
        "initial_contact_s": pa.array(0.35 * np.arange(n)),
        "stance_time_s": pa.array(stance_s),
        "mode": pa.array(["run"] * n),
        "reasons": pa.array([""] * n),
    }
    info = json.loads((place / "session.json").read_text())
    content = {
        "status": "ok",
        "reason": None,
        "row": {
            "stance_time_s_median": float(np.median(stance_s)),
            "n_contacts": n,
            "subject_id": info.get("subject_id"),
            "started_at": info.get("started_at"),
            "surface": info.get("surface"),
        },
        "segments": {"start_s": [0.0], "end_s": [14.0], "mode": ["run"]},
        "flags": [],
    }
    return Outcome("ok", None, shard_bytes(pa.table(columns).cast(STRIDES_SCHEMA), content), code_sha256())


def shifted(folder: str, expected_sha256: str) -> Outcome:
    """Another version of the algorithm, that sees some stances 20 ms longer and misses a contact."""
    return made_up(folder, expected_sha256, 0.02)


def n_words(path: Path) -> int:
    """A reader of a stranger's file."""
    return len(path.read_text().split())


def modules_around(folder: str) -> tuple[list[str], list[str]]:
    """What a worker has loaded before it analyses a session, and after."""
    before = sorted(sys.modules)
    assert analyse_session(folder, input_sha256(Path(folder))).status == "ok"
    return before, sorted(sys.modules)


def begun(path: str) -> str:
    """Leave a file that tells that a worker has begun this piece."""
    Path(path).touch()
    return path
