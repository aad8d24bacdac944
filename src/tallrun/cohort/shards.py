"""The shards of a cohort on disk: one file for each session content, written whole, found by its hash.

A shard holds nothing of where the session lies or whose it is called in the tables; it does hold what the
session's own file says, so the folder is for its owner only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tallrun.cohort.work import SHARD_KEY
from tallrun.errors import SessionError
from tallrun.sessions._files import make_owner_folder, whole_file

_BROKEN = (pa.ArrowException, OSError, ValueError, KeyError)


@dataclass(frozen=True)
class ShardContent:
    """Everything in a shard but its strides, see ``work.analyse_session``."""

    status: str
    reason: str | None
    row: dict[str, Any]
    segments: dict[str, list[Any]]
    flags: list[dict[str, Any]]
    algorithm_version: str | None


class ShardStore:
    """Shards in a folder; made when the first is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Return where the shard of a content hash lies; a folder of thousands of files is split by two letters."""
        return self.folder / key[:2] / f"{key}.parquet"

    def has(self, key: str) -> bool:
        """Return whether a readable shard is there. One that is damaged counts as missing and is made again."""
        try:
            self.read(key)
        except SessionError:
            return False
        return True

    def write(self, key: str, content: bytes) -> None:
        """Write a shard whole. Raises SessionError when the disk refuses."""
        path = self.path(key)
        try:
            make_owner_folder(self.folder)
            make_owner_folder(path.parent)
        except OSError as error:
            raise SessionError(f"{path.parent} could not be made ({error.strerror or error})") from error
        with whole_file(path) as partial:
            partial.write_bytes(content)

    def read(self, key: str) -> ShardContent:
        """Read a shard but for its strides: the file's footer only. Raises SessionError when it is damaged."""
        with self._opened(key) as file:
            return _content(file)

    def strides(self, key: str) -> pa.Table:
        """Read the strides of a shard. Raises SessionError when it is damaged."""
        return self.read_whole(key)[1]

    def read_whole(self, key: str) -> tuple[ShardContent, pa.Table]:
        """Read a shard and its strides. Raises SessionError when it is damaged."""
        with self._opened(key) as file:
            return _content(file), file.read().replace_schema_metadata()

    @contextmanager
    def _opened(self, key: str) -> Iterator[pq.ParquetFile]:
        path = self.path(key)
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                yield file
        except _BROKEN as error:
            raise SessionError(f"{path} is damaged; remove it and call again") from error

    def keep_only(self, keys: set[str]) -> int:
        """Remove every other shard and what a crash left half written; return how many were removed."""
        removed = 0
        for path in self.folder.glob("*/*"):
            if path.name.removesuffix(".parquet") not in keys:
                path.unlink(missing_ok=True)
                removed += 1
        return removed


def _content(file: pq.ParquetFile) -> ShardContent:
    content = json.loads((file.metadata.metadata or {})[SHARD_KEY])
    return ShardContent(
        content["status"], content["reason"], content["row"], content["segments"], content["flags"],
        content.get("algorithm_version"),
    )  # fmt: skip
