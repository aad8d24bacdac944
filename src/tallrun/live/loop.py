"""Joins radio, flight recorder, live pipeline and pages while a run goes on. Everything here is wiring.

No part can end another: what fails is named on the pages, in the terminal and in the record, and everything else goes
on without it. A tap acts in the call that brings it (``LiveHub.take``), before anything is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tallrun.errors import RadioError
from tallrun.live.pairing import signal_word
from tallrun.live.rebuild import consume
from tallrun.live.state import FAILED, RECORDER_FAILED, RED_FLAG_RULES, SensorLight, live_state
from tallrun.numerics.recording import Marker
from tallrun.pipeline.taps import Tap, tap_marker
from tallrun.pipeline.unheard import SILENT_S

if TYPE_CHECKING:
    from tallrun.ble import SensorSession
    from tallrun.live.hub import LiveHub
    from tallrun.pipeline.live_run import LiveEvent, LiveRun
    from tallrun.report.lengths import LengthUnit
    from tallrun.sensors.events import SensorEvent
    from tallrun.sensors.ingest import Ingest
    from tallrun.sessions.recorder import FlightRecorder

STATE_EVERY_S = 0.5
#: A strap tells its number about once a second; after this it is old.
SILENT_HEART_S = 5.0
#: How long a tap can be undone. Cues end with the tap; the rules act after this, whether or not a page is still there.
UNDO_S = {"stop": 5.0, "limping": 8.0, "red_flag": 8.0}


@dataclass(frozen=True)
class _Held:
    """A tap that can still be undone."""

    tap: Tap
    due_s: float
    timer: asyncio.TimerHandle


@dataclass
class LiveLoop:
    """One run while it goes on, from the first packet to the last.

    on_view, on_failure : told each state as pages get it, and each part that fails.
    failures : a sentence for each part that failed. length_unit : of distance and pace. heart_rate : when, and bpm.
    """

    run: LiveRun
    session: SensorSession
    recorder: FlightRecorder
    ingest: Ingest
    hub: LiveHub
    on_view: Callable[[dict[str, Any]], None] = lambda state: None
    on_failure: Callable[[str], None] = lambda sentence: None
    batteries: dict[str, float] = field(default_factory=dict)
    length_unit: LengthUnit = "km"
    heart_rate: tuple[float, float] | None = None
    latencies_s: list[float] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    _held: dict[str, _Held] = field(default_factory=dict)
    _markers_kept: int = 0
    _sensors_ok: bool = True

    async def go(self, flush_in_thread: bool) -> None:
        """Run until the session is stopped; a radio that fails ends the run, but not what was recorded of it."""
        questions = self.run.setup.protocol.screening.questions
        self.hub.begin(self.take, self.undo, [item.id for item in questions if item.rule in RED_FLAG_RULES])
        try:
            async with asyncio.TaskGroup() as parts:
                states = parts.create_task(self._publish_states())
                try:
                    await consume(
                        self.session,
                        self.recorder,
                        self.ingest,
                        self._on_events,
                        flush_in_thread,
                        self._failed,
                    )
                except RadioError as error:
                    self._failed("radio", error)
                states.cancel()
        finally:
            self.hub.end()
            for tap_id in list(self._held):
                self._act_held(tap_id)
        self._try("live rules", self._end)

    def take(self, tap: Tap, tap_id: str, at_once: bool = False) -> Literal["done", "held", "refused"]:
        """Let a tap act: pain at once; the others end the cues at once and act when they can no longer be undone.

        A tap on a part of the intervals that is over is refused.
        """
        if tap.kind in ("skip", "repeat", "end_early") and not self._try("live rules", self.run.is_open, tap):
            return "refused"
        if tap.kind not in UNDO_S:
            self._apply(tap)
            return "done"
        twin = next((key for key, item in self._held.items() if item.tap == tap), None)
        if at_once:
            if twin is not None:
                self._act_held(twin)
            else:
                self._apply(tap)
            return "done"
        if twin is None:
            wait_s = UNDO_S[tap.kind]
            timer = asyncio.get_running_loop().call_later(wait_s, self._act_held, tap_id)
            self._held[tap_id] = _Held(tap, self.session.now_s + wait_s, timer)
            self._apply(Tap("held", item=tap.kind))
        return "held"

    def undo(self, tap_id: str) -> bool:
        """Take a held tap back; False when it has acted."""
        held = self._held.pop(tap_id, None)
        if held is None:
            return False
        held.timer.cancel()
        self._apply(Tap("released", item=held.tap.kind))
        return True

    def _act_held(self, tap_id: str) -> None:
        held = self._held.pop(tap_id, None)
        if held is None:
            return
        held.timer.cancel()
        self._apply(held.tap)
        self._apply(Tap("released", item=held.tap.kind))

    def _apply(self, tap: Tap) -> None:
        """Hand a tap to the rules. Should they fail, it is still in the record, and STOP still stops."""
        # after a suspension a tap is the first to come, and belongs to now
        self._after(self._try("live rules", self.run.tick, self.session.now_s))
        try:
            events = self.run.tap(tap)
        except Exception as error:
            self._failed("live rules", error)
            self._keep(tap_marker(self.session.now_s, tap))
        else:
            self._after(events)
        if tap.kind == "stop":
            self.session.stop()
        self._publish()

    def _end(self) -> None:
        self._after(self.run.tick(self.session.now_s))
        self._after(self.run.finish())

    def _try(self, part: str, step: Callable[..., Any], *args: Any) -> Any:
        try:
            return step(*args)
        except Exception as error:
            self._failed(part, error)
            return None

    def _failed(self, part: str, error: Exception) -> None:
        """Name a part that failed, once, wherever somebody may look."""
        if part in self.failures:
            return
        sentence = RECORDER_FAILED if part == "recorder" else FAILED.format(part=part)
        self.failures[part] = sentence
        self._keep(Marker(max(0.0, self.session.now_s), "note", f"{part} failed: {type(error).__name__}"))
        self._try("terminal", self.on_failure, f"{sentence} ({type(error).__name__}: {error})")
        self._try("page", self.hub.publish, {"type": "trouble", "sentences": list(self.failures.values())})

    def _keep(self, marker: Marker) -> None:
        """Put a mark into the record; one that cannot be written costs itself only."""
        self._try("a mark of the record", self.recorder.append_marker, self.session.now_s, marker)

    def _on_events(self, now_s: float, events: list[SensorEvent]) -> None:
        from tallrun.numerics.recording import SampleBlock
        from tallrun.sensors.events import Battery, HeartRateReading, TreadmillReading

        for event in events:
            if isinstance(event, SampleBlock):
                self._after(self._try("gait", self.run.feed, event))
            elif isinstance(event, TreadmillReading):
                self._after(self._try("gait", self.run.feed_treadmill, event))
            elif isinstance(event, HeartRateReading):
                self.heart_rate = (now_s, event.bpm)
            elif isinstance(event, Battery) and event.level_pct is not None:
                self.batteries[event.sensor] = event.level_pct

    def _after(self, events: list[LiveEvent] | None) -> None:
        """Keep marks in the record, and tell pages what cannot wait for the next state."""
        from tallrun.coaching import CueEnd, CueStart
        from tallrun.pipeline import Contact
        from tallrun.pipeline.live_run import PartChange, Safety, Silenced

        markers = self.run.markers[self._markers_kept :]
        self._markers_kept = len(self.run.markers)
        for marker in markers:
            self._keep(marker)
        urgent = False
        for event in events or ():
            if isinstance(event, Contact):
                self._try(
                    "page", self.hub.publish, {"type": "step", "foot": event.foot, "contact_s": event.at_s}
                )
            elif isinstance(event, (CueEnd, PartChange, Safety)):
                urgent = True
            elif isinstance(event, CueStart):
                urgent = True
                self.latencies_s.append(self.session.now_s - event.anchor_s)
            elif isinstance(event, Silenced):
                self._failed(event.part, event.error)
        if urgent:
            self._publish()

    async def _publish_states(self) -> None:
        while True:
            self._after(self._try("live rules", self.run.tick, self.session.now_s))
            self._try("sensor watch", self._watch_sensors)
            self._publish()
            await asyncio.sleep(STATE_EVERY_S)

    def _publish(self) -> None:
        state = self._try("page", self._state)
        if state is not None:
            self._try("page", self.hub.publish, state)
            self._try("terminal", self.on_view, state)

    def _state(self) -> dict[str, Any]:
        now_s = self.session.now_s
        lights = self._try("sensor watch", self._lights, now_s)
        return live_state(
            self.run.view(now_s), self.run.setup.protocol, lights or [], now_s, "running",
            run_id=self.hub.run_id, failures=list(self.failures.values()),
            heart_rate_bpm=self._heart_rate(now_s), length_unit=self.length_unit,
            held=[(key, item.tap.kind, max(0.0, item.due_s - now_s)) for key, item in self._held.items()],
        )  # fmt: skip

    def _heart_rate(self, now_s: float) -> float | None:
        """Return what the strap said last; None once it is silent, or when it does not know."""
        if self.heart_rate is None or now_s - self.heart_rate[0] > SILENT_HEART_S:
            return None
        return self.heart_rate[1] if self.heart_rate[1] > 0.0 else None

    def _lights(self, now_s: float) -> list[SensorLight]:
        status = self.ingest.status()
        lights = []
        for place, link in self.session.status.items():
            loss = status[place].loss_pct if place in status else None
            state: Literal["ok", "connecting", "lost"] = "connecting"
            if link.state == "streaming" and link.last_packet_s is not None:
                state = "lost" if now_s - link.last_packet_s > SILENT_S else "ok"
            elif link.state in ("lost", "refused", "closed"):
                state = "lost"
            received = None if loss is None else 100.0 - loss
            signal = None if link.rssi_dbm is None else signal_word(link.rssi_dbm)
            lights.append(SensorLight(place, state, received, self.batteries.get(place), signal))
        return lights

    def _watch_sensors(self) -> None:
        """Tell the safety rules when a worn sensor falls silent, and when all are back (LV7)."""
        worn = {spec.placement for spec in self.run.setup.pipeline.specs}
        ok = not any(
            item.state == "lost" for item in self._lights(self.session.now_s) if item.placement in worn
        )
        if ok != self._sensors_ok:
            self._sensors_ok = ok
            self._after(self.run.tap(Tap("sensor_back" if ok else "sensor_lost")))
