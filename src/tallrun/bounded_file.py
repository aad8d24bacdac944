"""A guard for archives of strangers: the table of contents of a ZIP is read whole, however long it says it is."""

from __future__ import annotations

import zipfile
from typing import IO


class BoundedFile:
    """An open file that gives at most so many bytes at a time; a longer read raises ``zipfile.BadZipFile``."""

    def __init__(self, file: IO[bytes], most_bytes: int) -> None:
        self._file, self._most_bytes = file, most_bytes
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, n: int = -1) -> bytes:
        """Return the next ``n`` bytes, all that is left when negative."""
        content = self._file.read(min(n, self._most_bytes + 1) if n >= 0 else self._most_bytes + 1)
        if len(content) > self._most_bytes:
            raise zipfile.BadZipFile("its table of contents is too long")
        return content
