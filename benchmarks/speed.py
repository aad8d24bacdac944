"""How fast the engines, the blocks, the whole analysis and the command are; peers in the same run.

    python benchmarks/speed.py [--quick]

Times are processor seconds of this process unless named otherwise; medians of repeats, compiled kernels warm.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from vqf import VQF

import cohort
from tables import Row, at_least, at_most, print_rows, save, told
from tallrun import simulate
from tallrun.gait.acc_only import AccFootEngine
from tallrun.gait.foot import FootEngine
from tallrun.gait.pelvis import PelvisEngine
from tallrun.gait.warm import warm_up
from tallrun.numerics.recording import Recording, SensorRecording
from tallrun.sessions import write_session

HERE = Path(__file__).resolve().parent
PEER_PYTHON = HERE.parent / ".venv-bench" / "bin" / "python"
BLOCKS = (1, 20, 200)


def processor_s(run: Callable[[], object], repeats: int = 5) -> float:
    """Median processor time of this thread."""
    taken = []
    for _ in range(repeats):
        begin = time.thread_time()
        run()
        taken.append(time.thread_time() - begin)
    return median(taken)


def an_hour(minutes: float) -> Recording:
    """Three sensors at 200 Hz: an hour as in ``treadmill60``, or a shorter run at one speed."""
    if minutes >= 60.0:
        return simulate.run("treadmill60", seed=1)[0]
    return simulate.run(simulate.steady_run(minutes, 3.0), seed=1)[0]


def _through(
    engine: FootEngine | PelvisEngine | AccFootEngine, item: SensorRecording, piece: int = 6000
) -> None:
    for k in range(0, len(item.t_s), piece):
        cut = slice(k, k + piece)
        engine.feed(item.t_s[cut], item.acc_mps2[cut], item.gyr_radps[cut])
    engine.finish()


def vqf_s(sensor: SensorRecording) -> float:
    """Processor time of VQF's attitude of one sensor: what a speed is held against on machines that differ."""
    gyr, acc = np.ascontiguousarray(sensor.gyr_radps), np.ascontiguousarray(sensor.acc_mps2)
    return processor_s(lambda: VQF(1.0 / sensor.spec.rate_hz).updateBatch(gyr, acc))


def throughput_rows(recording: Recording, folder: Path) -> list[Row]:
    """Samples a second on one core, whole engines from samples to rows."""
    section = "Engine throughput, one core"
    foot, pelvis = recording.sensors["foot_left"], recording.sensors["pelvis"]
    n = len(foot.t_s)
    taken = {
        "foot": processor_s(lambda: _through(FootEngine(foot.spec, "left"), foot)),
        "foot, accelerometer alone": processor_s(lambda: _through(AccFootEngine(foot.spec, "left"), foot)),
        "pelvis": processor_s(lambda: _through(PelvisEngine(pelvis.spec), pelvis)),
    }
    compiled = vqf_s(foot)
    rate = n / taken["foot"]
    rows = [
        at_least(
            section,
            "foot engine",
            rate,
            2e6,
            "samples/s",
            note=f"{rate / foot.spec.rate_hz:,.0f} x real time",
        ),
        *(
            told(section, f"{name} engine", n / seconds, "samples/s")
            for name, seconds in taken.items()
            if name != "foot"
        ),
        told(section, "vqf attitude alone (C++, yardstick)", n / compiled, "samples/s"),
        at_least(
            section, "foot engine against vqf", rate * compiled / n, 1.0, "x", note="same samples, same run"
        ),
    ]
    pure = _pure_python(foot)
    rows += [
        told(
            section,
            "foot engine as plain Python",
            pure,
            "samples/s",
            note="NUMBA_DISABLE_JIT=1, 20 s of samples",
        ),
        told(section, "what compiling is worth", rate / pure, "x"),
    ]
    return rows + _peer_rows(section, rate, foot, folder)


def _pure_python(foot: SensorRecording) -> float:
    """The same engine with numba switched off, in a process of its own."""
    n = round(20.0 * foot.spec.rate_hz)
    start = round(20.0 * foot.spec.rate_hz)
    cut = slice(start, start + n)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.npz"
        np.savez(path, t=foot.t_s[cut], acc=foot.acc_mps2[cut], gyr=foot.gyr_radps[cut])
        code = (
            "import sys, time, numpy as np\n"
            "from tallrun.gait.foot import FootEngine\n"
            "from tallrun.numerics.recording import SensorSpec\n"
            "d = np.load(sys.argv[1])\n"
            "engine = FootEngine(SensorSpec('foot_left', float(sys.argv[2]), 16.0, 2000.0), 'left')\n"
            "begin = time.process_time()\n"
            "engine.feed(d['t'], d['acc'], d['gyr']); engine.finish()\n"
            "print(len(d['t']) / (time.process_time() - begin))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(foot.spec.rate_hz)],
            env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)


def _peer_rows(section: str, rate: float, foot: SensorRecording, folder: Path) -> list[Row]:
    """Trajectory and events of gaitmap on five minutes of the same samples, stride borders handed to it."""
    if not PEER_PYTHON.is_file():
        note = "not measured: .venv-bench is missing; make bench sets it up"
        return [told(section, "gaitmap, trajectory and events", None, "samples/s", note=note)]
    n = min(len(foot.t_s), round(300.0 * foot.spec.rate_hz))
    path = folder / "peer.npz"
    engine = FootEngine(foot.spec, "left")
    rows = np.concatenate([engine.feed(foot.t_s[:n], foot.acc_mps2[:n], foot.gyr_radps[:n]), engine.finish()])
    flat = np.searchsorted(foot.t_s, rows["foot_flat_s"][np.isfinite(rows["foot_flat_s"])])
    status = engine.status()
    mount = np.eye(3) if status.sensor_to_foot is None else status.sensor_to_foot
    np.savez(
        path,
        acc=foot.acc_mps2[:n] @ mount.T,
        gyr=np.degrees(foot.gyr_radps[:n] @ mount.T),
        rate=foot.spec.rate_hz,
        flat=flat,
    )
    done = subprocess.run(
        [str(PEER_PYTHON), str(HERE / "peer_gaitmap.py"), str(path)], capture_output=True, text=True
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        note = f"not measured: {said[-1][:120]}"
        return [told(section, "gaitmap, trajectory and events", None, "samples/s", note=note)]
    peer = json.loads(done.stdout)
    return [
        told(
            section,
            "gaitmap, trajectory and events",
            peer["samples_per_s"],
            "samples/s",
            note=peer["version"],
        ),
        told(
            section,
            "foot engine against gaitmap",
            rate / peer["samples_per_s"],
            "x",
            note="same samples, same run",
        ),
    ]


def block_rows(recording: Recording) -> list[Row]:
    """Processor time of one block through the live pipeline of all three sensors, coach and safety rules included."""
    from tallrun.coaching import plan_session
    from tallrun.numerics.recording import SampleBlock
    from tallrun.pipeline import PipelineSetup
    from tallrun.pipeline.live_run import LiveRun, LiveSetup
    from tallrun.recovery import Protocol
    from tallrun.resources import protocol_texts

    section = "Live compute of one block"
    rows = []
    for size in BLOCKS:
        setup = LiveSetup(
            pipeline=PipelineSetup.of(recording),
            plan=plan_session(1800.0),
            protocol=Protocol.from_toml(protocol_texts()["pht"]),
        )
        run, taken = LiveRun(setup), []
        last = min(min(len(item.t_s) for item in recording.sensors.values()), 300 * 200)
        for k in range(0, last, size):
            cut = slice(k, k + size)
            for name, item in recording.sensors.items():
                block = SampleBlock(name, item.t_s[cut], item.acc_mps2[cut], item.gyr_radps[cut])
                begin = time.thread_time_ns()
                run.feed(block)
                taken.append(1e-6 * (time.thread_time_ns() - begin))
        p50, p99 = np.quantile(taken, [0.5, 0.99])
        note = f"{len(taken)} blocks; learning the mounting included"
        limit = at_most(section, f"{size} samples, 99th percentile", float(p99), 0.3, "ms", note=note)
        rows.append(told(section, f"{size} samples, median", float(p50), "ms"))
        rows.append(limit if size == 20 else told(section, limit.figure, limit.value, "ms", note=note))
    return rows


def analyze_rows(recording: Recording, folder: Path) -> list[Row]:
    """The whole analysis of the session folder: reading, gait, tables, writing."""
    minutes = max(float(item.t_s[-1]) for item in recording.sensors.values()) / 60.0
    section = f"Whole analysis, {minutes:.0f} min of three sensors"
    write_session(folder / "hour", recording)
    code = (
        "import json, sys, time\n"
        "from pathlib import Path\n"
        "from tallrun.pipeline import analyze_recording\n"
        "from tallrun.sessions import read_session, write_tables\n"
        "from tallrun.garbage import look_seldom\n"
        "from tallrun.gait.warm import warm_up\n"
        "look_seldom()\n"  # as the command does
        "warm_up()\n"
        "parts = []\n"
        "for _ in range(int(sys.argv[3])):\n"
        "    a, w = time.process_time(), time.perf_counter()\n"
        "    recording = read_session(Path(sys.argv[1])); b = time.process_time()\n"
        "    tables = analyze_recording(recording); c = time.process_time()\n"
        "    write_tables(Path(sys.argv[2]), tables); d = time.process_time()\n"
        "    parts.append((b - a, c - b, d - c, d - a, time.perf_counter() - w))\n"
        "    del recording, tables\n"
        "print(json.dumps({'parts': parts}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "hour"), str(folder / "out"), "5"],
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(done.stdout)
    yardstick_s = vqf_s(recording.sensors["foot_left"])
    read, gait, write, whole, wall = (median(part[k] for part in facts["parts"]) for k in range(5))
    return [
        at_most(section, "read, analyse, write: processor time", whole, 1.2, "s", note="warm, one process"),
        told(
            section,
            "the same, in times of VQF's attitude of one sensor",
            whole / yardstick_s,
            "x",
            note="the bar was set where it was 7.8",
        ),
        told(section, "the same, wall clock", wall, "s"),
        told(section, "reading", read, "s"),
        told(section, "gait and tables", gait, "s"),
        told(section, "writing", write, "s"),
        at_most(section, "tallrun analyze: peak memory", _peak_mb(folder), 400.0, "MB"),
    ]


def _peak_mb(folder: Path) -> float:
    """Peak memory of the command itself; the process above loads every kernel, also those no analysis needs."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'from tallrun.cli import main; main()', 'analyze', *sys.argv[1:]],"
        " check=True, capture_output=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "hour"), "--out", str(folder / "by_command")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout) / 1024.0


def session_rows(folder: Path, repeats: int = 7) -> list[Row]:
    """The command on a session of 90 s, whole processes, from start to tables."""
    section = "tallrun analyze, 90 s of three sensors"
    write_session(folder / "short", simulate.run(simulate.steady_run(1.5, 3.0), seed=1)[0])
    command = [str(Path(sys.executable).parent / "tallrun"), "analyze", str(folder / "short")]
    busy, walls = [], []
    for _ in range(repeats):
        begin = time.perf_counter()
        process = subprocess.Popen([*command, "--out", str(folder / "short_out")], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"the command failed with status {status}")
        walls.append(time.perf_counter() - begin)
        busy.append(usage.ru_utime + usage.ru_stime)
    note = f"whole process, warm; least of {repeats} {min(busy):.2f} s"
    return [
        at_most(section, "processor time", median(busy), 1.0, "s", note=note),
        told(section, "wall clock", median(walls), "s", note=f"least {min(walls):.2f} s"),
    ]


def cohort_rows(folder: Path, is_quick: bool) -> list[Row]:
    """The cohort command with one worker and with two, start-up included: few sessions and many."""
    sizes = ((8, 1),) if is_quick else ((24, 3), (96, 1))
    return [row for n_sessions, repeats in sizes for row in _cohort_of(n_sessions, repeats, folder)]


def _cohort_of(n_sessions: int, repeats: int, folder: Path) -> list[Row]:
    """One worker and two in turns, on sessions of ten minutes."""
    section = f"Cohort of {n_sessions} sessions of ten minutes"
    sessions = folder / f"cohort{n_sessions}"
    cohort.make_sessions(sessions, n_sessions, 10.0)
    taken: dict[str, list[float]] = {"1": [], "2": []}
    for turn in range(repeats):
        for workers, walls in taken.items():
            out = folder / f"cohort{n_sessions}_{turn}_{workers}"
            walls.append(cohort.run(sessions, out, "--workers", workers)[0])
    one, two = median(taken["1"]), median(taken["2"])
    return [
        at_least(section, "two workers against one", one / two, 1.8, "x", note="wall clock, two cores"),
        told(section, "sessions a second, two workers", n_sessions / two, "sessions/s"),
    ]


def command_rows() -> list[Row]:
    """Start-up of the command, and what the first use on a machine costs."""
    section = "Start-up"
    command = str(Path(sys.executable).parent / "tallrun")
    taken = []
    for _ in range(7):
        begin = time.perf_counter()
        subprocess.run([command, "--help"], capture_output=True, check=True)
        taken.append(time.perf_counter() - begin)
    code = (
        "from tallrun.gait.warm import warm_up; import time\n"
        "t = time.process_time(); warm_up(); print(time.process_time() - t)"
    )
    with tempfile.TemporaryDirectory() as empty:
        env = {**os.environ, "NUMBA_CACHE_DIR": empty}
        run = [sys.executable, "-c", code]
        cold, warm = (
            float(subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout)
            for _ in range(2)
        )
    return [
        at_most(section, "tallrun --help", median(taken), 0.5, "s", note="wall clock, median of 7"),
        told(
            section,
            "all kernels of gait, first time on a machine",
            cold,
            "s",
            note="processor time, compiles",
        ),
        told(section, "all kernels of gait, later", warm, "s", note="processor time, from the cache"),
    ]


def measure(is_quick: bool) -> list[Row]:
    """All tables, printed as they are done."""
    warm_up()
    rows: list[Row] = []
    recording = an_hour(5.0 if is_quick else 60.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in (
            lambda: throughput_rows(recording, folder),
            lambda: block_rows(recording),
            lambda: analyze_rows(recording, folder),
            lambda: session_rows(folder),
            lambda: cohort_rows(folder, is_quick),
            command_rows,
        ):
            done = part()
            print_rows(done)
            rows += done
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="five minutes of samples instead of an hour")
    options = parser.parse_args()
    save("speed", measure(options.quick), is_quick=options.quick)


if __name__ == "__main__":
    main()
