"""``tallrun analyze`` loads what it needs and no more: libraries that take longer to load than a run to analyse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
#: ``pyarrow.compute`` comes with the ways of Arrow that go through pandas, and reads all its own help at import;
#: ``numpy.ma`` with numpy's percentiles and medians; ``email`` with ``importlib.metadata``.
NOT_NEEDED = ("email", "numba", "numpy.ma", "pandas", "pyarrow.compute", "scipy")


def test_analyze_loads_what_it_needs(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from tallrun.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    print(end.code, *sys.modules)\n"
    )
    warm = "from tallrun.gait.warm import warm_up; warm_up()"  # what compiles loads numba
    subprocess.run([sys.executable, "-c", warm], check=True)
    words = ["analyze", str(RECORDINGS / "demo_treadmill"), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    *told, modules = done.stdout.splitlines()
    status, *loaded = modules.split()
    assert status == "0"
    assert told[-1].startswith("Tables are in")
    assert {"pyarrow.parquet", "tallrun.report.tables"} <= set(loaded)
    assert not set(NOT_NEEDED) & set(loaded)
