"""The live run through the virtual radio: contact to cue, notification to pixel, memory over a working day.

    python benchmarks/live.py [--quick] [--hours 8]

Latencies of the radio are counted on its own virtual clock: sampling, packing, air, order of the sensors and the
decision are in them, processor time is not (it is measured by benchmarks/speed.py and is a thousandth of it).
Notification to pixel is wall clock on this machine: a block through the live run, the hub, a WebSocket on
loopback, the page in headless Chromium, up to the frame after its digits changed.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tables import Row, at_most, print_rows, save, told

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from tallrun import simulate
from tallrun.ble import SensorSession
from tallrun.ble.clock import run_virtual
from tallrun.ble.radio import VirtualRadio
from tallrun.coaching import plan_session
from tallrun.gait.warm import warm_up
from tallrun.live.hub import LiveHub
from tallrun.live.loop import LiveLoop
from tallrun.live.setup import specs_of
from tallrun.numerics.recording import Recording, SampleBlock
from tallrun.pipeline import Contact, PipelineSetup
from tallrun.pipeline.live_run import LiveRun, LiveSetup
from tallrun.recovery import Protocol
from tallrun.resources import firmware_config_texts, protocol_texts
from tallrun.sensors.config import ConfigSet
from tallrun.sensors.ingest import Binding, Ingest
from tallrun.sessions.recorder import FlightRecorder

BLOCK = 20


@dataclass
class TimedLoop(LiveLoop):
    """The live loop, noting how old each contact is when it becomes known."""

    contact_age_s: list[float] = field(default_factory=list)

    def _after(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, Contact) and np.isfinite(event.row.next_initial_contact_s):
                self.contact_age_s.append(self.session.now_s - event.row.next_initial_contact_s)
        super()._after(events)


def slow_feet(seed: int) -> Recording:
    """A minute to learn from, then four minutes of low cadence: the coach must speak."""
    bouts = (
        simulate.Bout("stand", 8.0),
        simulate.Bout("run", 60.0, 2.8),
        simulate.Bout("run", 240.0, 2.8, cadence_shift_spm=-14.0),
    )
    runner = simulate.random_runner(seed)
    return simulate.run(simulate.Programme(bouts), runner, simulate.three_sensors(208.0), seed)[0]


def live_setup(specs: tuple, runner: Any) -> LiveSetup:
    return LiveSetup(
        pipeline=PipelineSetup(specs=specs, runner=runner, keep_strides=False),
        plan=plan_session(308.0, learning_s=60.0, probe_s=20.0),
        protocol=Protocol.from_toml(protocol_texts()["pht"]),
    )


async def through_the_air(recording: Recording) -> tuple[list[float], list[float], float]:
    """Return ages of cues and of contacts when they were told [s], and the length of a packet [s]."""
    radio = VirtualRadio(ConfigSet.from_texts(firmware_config_texts()), recording)
    await radio.switch_on()
    folder = Path(tempfile.mkdtemp())
    try:
        async with SensorSession(radio.worn(), radio.radio()) as session:
            worn = radio.worn()
            loop = TimedLoop(
                run=LiveRun(live_setup(specs_of(worn), recording.runner)),
                session=session,
                recorder=FlightRecorder(folder / "run", {}, auto_flush=False),
                ingest=Ingest([Binding(item.sensor, item.config) for item in worn]),
                hub=LiveHub(),
            )

            async def stop() -> None:
                await radio.played()
                session.stop()

            stopping = asyncio.create_task(stop())
            await loop.go(flush_in_thread=False)
            await stopping
            loop.recorder.close()
    finally:
        await radio.switch_off()
        shutil.rmtree(folder)
    sent = radio.ledger["foot_left"]
    foot = recording.sensors["foot_left"]
    n_packets = max(1, getattr(sent, "delivered", 0) or getattr(sent, "sent", 0))
    return loop.latencies_s, loop.contact_age_s, float(foot.t_s[-1]) / n_packets


def radio_rows(runs: int) -> list[Row]:
    section = "Contact to cue, through the virtual radio"
    cues: list[float] = []
    contacts: list[float] = []
    packet_s = []
    for seed in range(runs):
        cue, contact, packet = run_virtual(through_the_air(slow_feet(300 + seed)))
        cues += cue
        contacts += contact
        packet_s.append(packet)
    note = f"{len(cues)} cues in {runs} runs, packets of {1e3 * np.median(packet_s):.0f} ms"
    return [
        at_most(section, "contact to cue, 95th percentile", _ms(cues, 0.95), 400.0, "ms", note=note),
        told(section, "contact to cue, median", _ms(cues, 0.5), "ms"),
        told(
            section,
            "contact to step shown, 95th percentile",
            _ms(contacts, 0.95),
            "ms",
            note=f"{len(contacts)} contacts",
        ),
        told(section, "contact to step shown, median", _ms(contacts, 0.5), "ms"),
    ]


def _ms(values: list[float], share: float) -> float | None:
    return 1e3 * float(np.quantile(values, share)) if values else None


WATCH = """() => {
  window.seen = [];
  new MutationObserver(() => requestAnimationFrame(() => {
    const text = document.getElementById('digits').textContent;
    setTimeout(() => window.seen.push([text, performance.timeOrigin + performance.now()]), 0);
  })).observe(document.getElementById('digits'), {childList: true, characterData: true, subtree: true});
}"""


def pixel_rows(trials: int) -> list[Row]:
    """Time from a notification's samples to the frame that shows the new number."""
    from support.browser import CHROMIUM, PHONE, ServerThread, chromium
    from tallrun.live.state import live_state
    from tallrun.web.app import create_app

    section = "Notification to pixel, loopback"
    if CHROMIUM is None:
        return [
            told(section, "99th percentile", None, "ms", note="not measured: no Chromium on this machine")
        ]
    recording = slow_feet(300)
    specs = tuple(item.spec for item in recording.sensors.values())
    run = LiveRun(live_setup(specs, recording.runner))
    at = dict.fromkeys(recording.sensors, 0)

    def feed(until_s: float) -> None:
        for name, item in recording.sensors.items():
            stop = int(np.searchsorted(item.t_s, until_s))
            cut = slice(at[name], stop)
            at[name] = stop
            run.feed(SampleBlock(name, item.t_s[cut], item.acc_mps2[cut], item.gyr_radps[cut]))

    feed(40.0)
    hub, ages, sent = LiveHub(), [], {}

    def notify(number: int) -> None:
        sent[str(100 + number % 100)] = 1e3 * time.time()
        feed(40.0 + 0.09 * (number + 1))
        now_s = 40.0 + 0.09 * (number + 1)
        message = live_state(run.view(now_s), run.setup.protocol, [], now_s, "running")
        hub.publish(message | {"cadence_spm": float(100 + number % 100)})

    with ServerThread(lambda: create_app(hub=hub)) as server, chromium() as browser:
        page = browser.new_page(viewport=PHONE)
        page.goto(f"{server.url}/live")
        page.wait_for_timeout(1000)
        page.evaluate(WATCH)
        for number in range(trials):
            server.call(notify, number)
            page.wait_for_timeout(60)
            if number % 100 == 99 or number == trials - 1:
                page.wait_for_timeout(500)
                for text, shown_ms in page.evaluate("window.seen.splice(0)"):
                    if text in sent:
                        ages.append((shown_ms - sent.pop(text)) / 1e3)
        page.close()
    note = f"{len(ages)} of {trials} notifications, wall clock, load {psutil.getloadavg()[0]:.1f} on this machine"
    return [
        at_most(section, "99th percentile", _ms(ages, 0.99), 100.0, "ms", note=note),
        told(
            section,
            "median",
            _ms(ages, 0.5),
            "ms",
            note="the run's own state goes out twice a second, steps at once",
        ),
    ]


def memory_rows(hours: float) -> list[Row]:
    """Memory and compute of the live run fed block by block for a whole day, a ten-minute run over and over."""
    section = f"Live run over {hours:g} h of samples, as fast as the processor allows"
    recording = simulate.run(simulate.steady_run(10.0, 2.9), sensors=simulate.three_sensors(200.0), seed=5)[0]
    specs = tuple(item.spec for item in recording.sensors.values())
    run = LiveRun(live_setup(specs, recording.runner))
    length_s = max(float(item.t_s[-1]) for item in recording.sensors.values()) + 0.01
    rounds = max(3, round(3600.0 * hours / length_s))
    memory, taken, n_contacts = [], [], 0
    for number in range(rounds):
        n = max(len(item.t_s) for item in recording.sensors.values())
        blocks = []
        for k in range(0, n, BLOCK):
            for name, item in recording.sensors.items():
                cut = slice(k, k + BLOCK)
                if len(item.t_s[cut]):
                    blocks.append(
                        SampleBlock(
                            name, item.t_s[cut] + number * length_s, item.acc_mps2[cut], item.gyr_radps[cut]
                        )
                    )
        for block in blocks:
            begin = time.thread_time_ns()
            events = run.feed(block)
            if number == rounds - 1:
                taken.append(1e-6 * (time.thread_time_ns() - begin))
            n_contacts += sum(isinstance(event, Contact) for event in events)
        memory.append(psutil.Process().memory_info().rss / 2**20)
    settled = memory[min(len(memory) - 1, max(1, round(3600.0 / length_s) - 1))]
    grown = memory[-1] - settled
    note = f"{n_contacts} contacts; {settled:.0f} MB after the first hour, {memory[-1]:.0f} MB at the end"
    return [
        at_most(section, "memory gained after the first hour", max(0.0, grown), 10.0, "MB", note=note),
        at_most(
            section,
            "block of 20 samples, 99th percentile, last ten minutes",
            float(np.quantile(taken, 0.99)),
            0.3,
            "ms",
        ),
    ]


def measure(is_quick: bool, hours: float = 8.0) -> list[Row]:
    """All tables, printed as they are done."""
    warm_up()
    rows: list[Row] = []
    for part in (
        lambda: pixel_rows(100 if is_quick else 1000),
        lambda: radio_rows(2 if is_quick else 8),
        lambda: memory_rows(1.0 if is_quick else hours),
    ):
        done = part()
        print_rows(done)
        rows += done
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--hours", type=float, default=8.0)
    options = parser.parse_args()
    save("live", measure(options.quick, options.hours), is_quick=options.quick)


if __name__ == "__main__":
    main()
