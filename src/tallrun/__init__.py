"""tallrun: a running-gait monitor for commodity foot and pelvis sensors.

The rooms, from the ground up (imports go downwards only; see docs/architecture.md):
``numerics`` · ``gait`` · ``sensors`` · ``simulate`` · ``coaching`` · ``recovery`` · ``insight`` ·
``pipeline`` · ``sessions`` · ``store`` · ``ble`` · ``report`` · ``journal`` ·
``cohort`` · ``web`` · ``cli``.
"""

from tallrun._version import __version__
from tallrun.errors import TallrunError

__all__ = ["TallrunError", "__version__"]
