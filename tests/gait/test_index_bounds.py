"""Machine code asks no index whether it lies in its array; here every one is asked, on signals of many kinds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

#: Kernels compiled so that an index outside of its array, or counted from its end, ends the process.
CHECKED = """
import sys
from llvmlite import ir
from tallrun.gait import compiling

as_given = compiling._as_given

def checked(context, builder, kind, index, size):
    index = as_given(context, builder, kind, index, size)
    outside = builder.or_(
        builder.icmp_signed("<", index, ir.Constant(index.type, 0)), builder.icmp_signed(">=", index, size)
    )
    with builder.if_then(outside, likely=False):
        builder.call(builder.module.declare_intrinsic("llvm.trap", (), ir.FunctionType(ir.VoidType(), ())), ())
    return index

compiling._as_given = checked
"""

OUTSIDE = """
import numpy as np
from tallrun.gait.entry import Entry
from tallrun.gait.kernels import kernel

@kernel
def _at(values, place):
    values[place] = 1.0

Entry(_at)(np.zeros(3), 2)
print("inside", flush=True)
Entry(_at)(np.zeros(3), int(sys.argv[1]))
print("outside", flush=True)
"""

ENGINES = """
import numpy as np
from tallrun import simulate
from tallrun.gait.acc_only import AccFootEngine
from tallrun.gait.foot import FootEngine
from tallrun.gait.pelvis import PelvisEngine
from tallrun.gait.segments import ActivityBins
from tallrun.numerics.recording import SensorSpec

def through(engine, t_s, acc, gyr, sizes):
    k, size = 0, iter(sizes)
    while k < len(t_s):
        n = next(size)
        engine.feed(t_s[k : k + n], acc[k : k + n], None if gyr is None else gyr[k : k + n])
        k += n
    engine.finish()

def everywhere(t_s, acc, gyr, rate_hz, seed):
    for has_gyroscope in (True, False):
        turning = gyr if has_gyroscope else None
        feet = [SensorSpec(f"foot_{foot}", rate_hz, 8.0, 500.0, has_gyroscope) for foot in ("left", "right")]
        made = [PelvisEngine(SensorSpec("pelvis", rate_hz, 8.0, 500.0, has_gyroscope), record_waves=True)]
        for item in feet:
            made.append(FootEngine(item, "left", record_waves=True) if has_gyroscope else AccFootEngine(item, "left"))
        for engine in made:
            rng = np.random.default_rng(seed)
            through(engine, t_s, acc, turning, iter(lambda: int(rng.integers(1, 4000)), 0))
        ActivityBins().feed(t_s, acc, turning)

for seed, rate_hz in enumerate((50.0, 100.0, 400.0)):
    rng = np.random.default_rng(seed)
    bouts = [simulate.Bout("stand", 4.0), simulate.Bout("walk", 12.0, 1.4), simulate.Bout("run", 25.0, 3.0 + seed),
             simulate.Bout("stand", 2.0), simulate.Bout("run", 10.0, 6.0)]
    programme = simulate.Programme(tuple(bouts))
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(rate_hz), seed=seed)
    for item in recording.sensors.values():
        there = rng.random(len(item.t_s)) > (0.0, 0.07, 0.3)[seed]
        for hole_s in rng.uniform(5.0, 50.0, 12):
            there &= ~((item.t_s > hole_s) & (item.t_s < hole_s + rng.exponential(0.3)))
        acc = np.clip(item.acc_mps2[there], -78.0, 78.0)
        acc[rng.random(len(acc)) < 0.002] = np.nan
        everywhere(item.t_s[there], acc, np.clip(item.gyr_radps[there], -8.7, 8.7), rate_hz, seed)
    t_s = np.arange(0.0, 40.0, 1.0 / rate_hz)
    t_s[rng.random(len(t_s)) < 0.01] -= 1.0
    rattle = rng.normal(0.0, 1.0, (len(t_s), 6)) * rng.choice([0.1, 10.0, 1e6], len(t_s))[:, None]
    everywhere(t_s, rattle[:, :3], rattle[:, 3:], rate_hz, seed)
print("all inside")
"""


def run(tmp_path, code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", CHECKED + code, *arguments],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="there is no machine code")
@pytest.mark.parametrize("place", ["-1", "3"])
def test_an_index_outside_is_seen(tmp_path, place):
    done = run(tmp_path, OUTSIDE, place)
    assert done.stdout == "inside\n"
    assert done.returncode in (-signal.SIGILL, -signal.SIGTRAP)


def test_no_kernel_reads_outside_of_its_arrays(tmp_path):
    done = run(tmp_path, ENGINES)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "all inside\n"
