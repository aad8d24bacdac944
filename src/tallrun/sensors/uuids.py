"""Bluetooth UUIDs as one canonical text: 36 lower-case characters."""

from __future__ import annotations

import re
from functools import lru_cache
from uuid import UUID

from tallrun.errors import UsageError

_SIG_BASE = "0000{}-0000-1000-8000-00805f9b34fb"


@lru_cache(maxsize=1024)
def canonical_uuid(text: str) -> str:
    """Return the full lower-case UUID; a 16-bit number ("2a37") is expanded on the Bluetooth SIG base.

    Vendors that look like the SIG base and are not (WitMotion's ends in 9a34fb) must be written in full.
    Raises UsageError for anything else.
    """
    if re.fullmatch(r"[0-9a-fA-F]{4}", text):
        return _SIG_BASE.format(text.lower())
    try:
        return str(UUID(text))
    except ValueError as error:
        raise UsageError(
            f"not a Bluetooth UUID: {text!r}; give 4 hex digits or all 32 with dashes"
        ) from error
