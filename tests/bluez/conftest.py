"""The real Bluetooth host of these tests.

Make the guest once with ``python tests/bluez/make_guest.py FOLDER`` and name it in TALLRUN_BLUEZ_GUEST. Without one
these tests are skipped, or fail with TALLRUN_REQUIRE_BLUEZ=1.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluez.make_guest import is_made
from support.linux_host import Host


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    named = os.environ.get("TALLRUN_BLUEZ_GUEST")
    why = None
    if named is None or not is_made(Path(named)):
        why = "no guest of this code; make one with tests/bluez/make_guest.py and name it in TALLRUN_BLUEZ_GUEST"
    elif shutil.which("qemu-system-x86_64") is None:
        why = "qemu-system-x86_64 is not installed"
    if why is not None:
        (pytest.fail if os.environ.get("TALLRUN_REQUIRE_BLUEZ") == "1" else pytest.skip)(why)
    host = Host(tmp_path_factory.mktemp("bluez"), Path(named or ""))
    try:
        host.start()
        yield host
    finally:
        host.stop()
