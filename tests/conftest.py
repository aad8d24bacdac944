"""Fixtures every test may use. Randomness is seeded and shown when a test fails."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"

settings.register_profile(
    "tallrun",
    deadline=None,
    max_examples=int(os.environ.get("TALLRUN_EXAMPLES", "40")),
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
)
settings.load_profile("tallrun")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share a fixture of their file on one worker: each worker would make it anew."""
    for item in items:
        if not isinstance(item, pytest.Function) or item.get_closest_marker("xdist_group"):
            continue
        known = item._fixtureinfo.name2fixturedefs.values()
        if any(
            one.scope == "module" and one.func.__module__ == item.module.__name__
            for fixtures in known
            for one in fixtures
        ):
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(ROOT / "tests").as_posix()))


@pytest.fixture
def rng() -> np.random.Generator:
    seed = 20261121
    print(f"rng seed {seed}")
    return np.random.default_rng(seed)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the public recordings; skips with a reason, or fails where CI says it must be there."""
    if REAL_DATA.is_dir():
        return REAL_DATA
    message = f"public recordings not found at {REAL_DATA.relative_to(ROOT.parent)} beside the checkout"
    if os.environ.get("TALLRUN_REQUIRE_REAL_DATA") == "1":
        pytest.fail(message)
    pytest.skip(message)
