"""The work on one session: a folder in, the bytes of one shard out. Pure but for reading the folder.

It runs in a worker process, perhaps on another machine, so what it needs is imported inside the function, after
the worker has been told where compiled kernels are kept.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallrun.errors import SessionError, TallrunError

if TYPE_CHECKING:
    import pyarrow as pa

#: Key of a shard's Parquet metadata: everything of the session but its strides, as JSON.
SHARD_KEY = b"tallrun_cohort"
_PLACEMENT = "'(?:foot_left|foot_right|pelvis|trunk)'"


@dataclass(frozen=True)
class Outcome:
    """What became of one session.

    status : ok, refused (the input cannot be right: the same on every try) or failed (may go better next time).
    shard : Parquet bytes, None when failed. code_sha256 : of the code that ran.
    """

    status: str
    reason: str | None
    shard: bytes | None
    code_sha256: str


def analyse_session(folder: str, expected_sha256: str) -> Outcome:
    """Run one session through the pipeline as ``tallrun analyze`` does; never raises for what a session may hold.

    folder : the session, as this machine sees it. expected_sha256 : what ``input_sha256`` was when the work was
    planned; other bytes give a failed outcome, because the shard would be filed under the wrong name.
    """
    from tallrun.cohort.identity import code_sha256

    try:
        shard, status, reason = _shard_of(Path(folder))
    except TallrunError as error:
        status, reason = "refused", without_paths(str(error), Path(folder))
        shard = _refused_shard(reason)
    except Exception as error:  # whatever it is, it costs this session only
        reason = without_paths(f"{type(error).__name__}: {_first_line(error)}", Path(folder))
        return Outcome("failed", reason, None, code_sha256())
    changed = _changed(Path(folder), expected_sha256)
    if changed:
        return Outcome("failed", changed, None, code_sha256())
    return Outcome(status, reason, shard, code_sha256())


def _shard_of(folder: Path) -> tuple[bytes, str, str | None]:
    import pyarrow as pa

    from tallrun.cohort.row import STRIDES_SCHEMA, fact_values, flag_rows, result_values, stride_values
    from tallrun.pipeline.analysis import analyse
    from tallrun.sessions import read_session
    from tallrun.sessions._tables import arrow_column

    pa.set_cpu_count(1)  # one worker, one core: more threads would only fight for it
    recording = read_session(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables = analyse(recording).tables
    strides, segments = tables.table("strides"), tables.table("segments")
    columns = [arrow_column(strides[field.name], pa.string()) for field in STRIDES_SCHEMA]
    content = {
        "status": "ok",
        "reason": None,
        "row": fact_values(recording) | result_values(tables.summary, recording) | stride_values(strides),
        "algorithm_version": tables.summary["algorithm"],
        "segments": {name: values.tolist() for name, values in segments.columns.items()},
        "flags": flag_rows(tables.flags),
    }
    return shard_bytes(pa.Table.from_arrays(columns, schema=STRIDES_SCHEMA), content), "ok", None


def _refused_shard(reason: str) -> bytes:
    from tallrun.cohort.row import STRIDES_SCHEMA

    content = {"status": "refused", "reason": reason, "row": {}, "segments": {}, "flags": []}
    return shard_bytes(STRIDES_SCHEMA.empty_table(), content)


def shard_bytes(strides: pa.Table, content: dict[str, Any]) -> bytes:
    """Return a shard: the strides as Parquet, the rest of the session as JSON in the file's metadata."""
    import pyarrow.parquet as pq

    text = json.dumps(content, allow_nan=False, ensure_ascii=True)
    out = io.BytesIO()
    floats = [field.name for field in strides.schema if str(field.type) == "double"]
    pq.write_table(
        strides.replace_schema_metadata({SHARD_KEY: text.encode()}),
        out,
        compression="zstd",
        use_dictionary=[name for name in strides.column_names if name not in floats],
        use_byte_stream_split=floats,
        write_page_checksum=True,
    )
    return out.getvalue()


def _changed(folder: Path, expected_sha256: str) -> str | None:
    from tallrun.cohort.identity import input_sha256

    try:
        same = input_sha256(folder) == expected_sha256
    except SessionError as error:
        return f"the worker cannot read it ({without_paths(str(error), folder)}); is the disk shared with it?"
    return None if same else "it changed while it was read; call again when nothing writes to it"


def without_paths(text: str, folder: Path) -> str:
    """Return one line of text without the session's place on this machine."""
    line = " ".join(text.split())
    for path in {str(folder), str(folder.resolve())}:
        line = line.replace(f"{path}/", "").replace(path, "the session")
    return line[:500]


def without_quotes(text: str) -> str:
    """Return a reason without the value found: what stands in a file may name somebody."""
    text = re.sub(rf"\bsensor (?!{_PLACEMENT})['\"].*", "sensor of a name that is withheld", text)
    return re.sub(r"\b(found|got) ['\"{\[].*", r"\1 a value that is withheld", text)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"
