from __future__ import annotations

import os

import pytest


@pytest.fixture
def every_wait() -> bool:
    """Whether the long form of a test was asked for (TALLRUN_LONG=1)."""
    return os.environ.get("TALLRUN_LONG") == "1"
