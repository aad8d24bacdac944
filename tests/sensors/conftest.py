from __future__ import annotations

import pytest

from tallrun.resources import firmware_config_texts
from tallrun.sensors.config import ConfigSet


@pytest.fixture(scope="session")
def configs() -> ConfigSet:
    return ConfigSet.from_texts(firmware_config_texts())
