"""How much radio one core carries, and whether memory stays flat over a day of it.

    python benchmarks/radio.py                 # notifications per second, then 8 h of three sensors
    python benchmarks/radio.py --hours 1

Three emulated sensors at 208 Hz with losses, bursts and clock skew stream through bumble, bleak, the link,
the flight recorder and ingest, as fast as the processor allows. Times are processor seconds, so that a busy
machine does not change them.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from tallrun.ble import SensorSession
from tallrun.ble.clock import run_virtual
from tallrun.ble.faults import FaultScript, SensorFaults
from tallrun.ble.radio import VirtualRadio
from tallrun.numerics.recording import Recording, SensorRecording, SensorSpec
from tallrun.resources import firmware_config_texts
from tallrun.sensors.config import ConfigSet
from tallrun.sensors.ingest import Binding, Ingest
from tallrun.sessions.recorder import FlightRecorder

CONFIGS = ConfigSet.from_texts(firmware_config_texts())
PLACES = ("foot_left", "foot_right", "pelvis")
FAULTS = FaultScript(
    {
        place: SensorFaults(loss=0.02, burst_every_s=3.0, skew_ppm=ppm)
        for place, ppm in zip(PLACES, (-60, 60, 20), strict=True)
    }
)
FLUSH_EVERY_S = (
    60.0  # virtual; a live run flushes twice a second, which at this speed would only measure the disk
)


def a_minute() -> Recording:
    rng = np.random.default_rng(1)
    t_s = np.arange(60 * 208) / 208.0
    return Recording(
        {
            place: SensorRecording(
                SensorSpec(place, 208.0, 16.0, 2000.0),
                t_s,
                rng.normal(0, 20, (t_s.size, 3)),
                rng.normal(0, 4, (t_s.size, 3)),
            )
            for place in PLACES
        }
    )


def memory_mb() -> float:
    return psutil.Process().memory_info().rss / 2**20


async def stream(hours: float, decode: bool, report_every_s: float) -> tuple[int, float, list[float]]:
    """Return (packets, processor seconds, memory in MB at each report)."""
    radio = VirtualRadio(CONFIGS, a_minute(), FAULTS, repeats=round(hours * 60))
    await radio.switch_on()
    folder = Path(tempfile.mkdtemp())
    memory: list[float] = []
    n = 0
    try:
        async with SensorSession(radio.worn(), radio.radio()) as session:
            ingest = Ingest([Binding(worn.sensor, worn.config) for worn in radio.worn()]) if decode else None
            recorder = FlightRecorder(folder / "run", {}, auto_flush=False) if decode else None

            async def stop() -> None:
                await radio.played()
                session.stop()

            stopping = asyncio.create_task(stop())
            cpu_s = time.process_time()
            report_s = flush_s = 0.0
            async for packet in session.packets():
                n += 1
                if ingest is not None and recorder is not None:
                    recorder.append(*packet)
                    ingest.feed(*packet)
                    if packet.host_time_s >= flush_s:
                        recorder.flush(packet.host_time_s)
                        flush_s = packet.host_time_s + FLUSH_EVERY_S
                if packet.host_time_s >= report_s:
                    memory.append(memory_mb())
                    if report_every_s < 1e6:
                        print(f"  {packet.host_time_s / 3600:5.2f} h  {memory[-1]:6.1f} MB", flush=True)
                    report_s += report_every_s
            cpu_s = time.process_time() - cpu_s
            await stopping
            if recorder is not None:
                recorder.close()
    finally:
        await radio.switch_off()
        shutil.rmtree(folder)
    return n, cpu_s, memory


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=8.0, help="length of the memory run")
    hours = parser.parse_args().hours
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    needed_per_s = 3 * 208 / 19
    for decode in (False, True):
        n, cpu_s, _ = run_virtual(stream(10 / 60, decode, 1e9))
        what = "radio, recorder and ingest" if decode else "radio alone (bumble, bleak, link, queue)"
        rate = n / cpu_s
        print(f"{what}: {rate:.0f} notifications per processor second")
        print(f"  {rate / needed_per_s:.0f} x what three sensors at 208 Hz send")
    print(f"{hours:g} h of three sensors:")
    n, cpu_s, memory = run_virtual(stream(hours, True, 3600.0 if hours > 1 else 600.0))
    settled = memory[1:] or memory
    print(
        f"{n} notifications in {cpu_s:.0f} processor seconds ({hours * 3600 / cpu_s:.0f} x real time); "
        f"memory {settled[0]:.1f} MB after the first report, {settled[-1]:.1f} MB at the end"
    )


if __name__ == "__main__":
    main()
