"""Joins radio, flight recorder, live pipeline and pages while a run goes on. Everything here is wiring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tallrun.live.rebuild import consume
from tallrun.live.state import SensorLight, live_state

if TYPE_CHECKING:
    from tallrun.ble import SensorSession
    from tallrun.live.hub import LiveHub
    from tallrun.pipeline.live_run import LiveEvent, LiveRun
    from tallrun.sensors.events import SensorEvent
    from tallrun.sensors.ingest import Ingest
    from tallrun.sessions.recorder import FlightRecorder

STATE_EVERY_S = 0.5
#: A foot or pelvis sensor that is silent for so long counts as lost (LV7).
SILENT_S = 2.0


@dataclass
class LiveLoop:
    """One run while it goes on, from the first packet to the last."""

    run: LiveRun
    session: SensorSession
    recorder: FlightRecorder
    ingest: Ingest
    hub: LiveHub
    on_view: Callable[[dict[str, Any]], None] = lambda state: None
    batteries: dict[str, float] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    _markers_kept: int = 0
    _sensors_ok: bool = True

    async def go(self, flush_in_thread: bool) -> None:
        """Run until the session is stopped."""
        helpers = [asyncio.create_task(self._publish_states()), asyncio.create_task(self._take_taps())]
        try:
            await consume(self.session, self.recorder, self.ingest, self._on_events, flush_in_thread)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
        self.run.tick(self.session.now_s)
        self._after(self.run.finish())

    def _on_events(self, now_s: float, events: list[SensorEvent]) -> None:
        from tallrun.numerics.recording import SampleBlock
        from tallrun.sensors.events import Battery, TreadmillReading

        for event in events:
            if isinstance(event, SampleBlock):
                self._after(self.run.feed(event))
            elif isinstance(event, TreadmillReading):
                self._after(self.run.feed_treadmill(event))
            elif isinstance(event, Battery) and event.level_pct is not None:
                self.batteries[event.sensor] = event.level_pct

    def _after(self, events: list[LiveEvent]) -> None:
        """Tell pages what cannot wait for the next state, and keep marks in the record."""
        from tallrun.coaching import CueEnd, CueStart
        from tallrun.pipeline import Contact
        from tallrun.pipeline.live_run import Safety

        urgent = False
        for event in events:
            if isinstance(event, Contact):
                self.hub.publish({"type": "step", "foot": event.foot, "contact_s": event.at_s})
            elif isinstance(event, (CueStart, CueEnd, Safety)):
                urgent = True
                if isinstance(event, CueStart):
                    self.latencies_s.append(self.session.now_s - event.anchor_s)
        for marker in self.run.markers[self._markers_kept :]:
            self.recorder.append_marker(self.session.now_s, marker)
        self._markers_kept = len(self.run.markers)
        if urgent:
            self._publish()

    async def _publish_states(self) -> None:
        while True:
            self._after(self.run.tick(self.session.now_s))
            self._watch_sensors()
            self._publish()
            await asyncio.sleep(STATE_EVERY_S)

    def _publish(self) -> None:
        now_s = self.session.now_s
        state = live_state(
            self.run.view(now_s), self.run.setup.protocol, self._lights(now_s), now_s, "running"
        )
        self.hub.publish(state)
        self.on_view(state)

    def _lights(self, now_s: float) -> list[SensorLight]:
        status = self.ingest.status()
        lights = []
        for place, link in self.session.status.items():
            loss = status[place].loss_pct if place in status else None
            if link.state == "streaming" and link.last_packet_s is not None:
                silent = now_s - link.last_packet_s > SILENT_S
                state = "lost" if silent else "ok"
            else:
                state = "lost" if link.state in ("lost", "refused", "closed") else "connecting"
            received = None if loss is None else 100.0 - loss
            lights.append(SensorLight(place, state, received, self.batteries.get(place)))  # type: ignore[arg-type]
        return lights

    def _watch_sensors(self) -> None:
        """Tell the safety rules when a worn sensor falls silent, and when all are back (LV7)."""
        from tallrun.pipeline.taps import Tap

        worn = {spec.placement for spec in self.run.setup.pipeline.specs}
        ok = not any(
            item.state == "lost" for item in self._lights(self.session.now_s) if item.placement in worn
        )
        if ok != self._sensors_ok:
            self._sensors_ok = ok
            self._after(self.run.tap(Tap("sensor_back" if ok else "sensor_lost")))

    async def _take_taps(self) -> None:
        while True:
            message = await self.hub.taps.get()
            tap = read_tap(message)
            if tap is None:
                continue
            self._after(self.run.tap(tap))
            self._publish()
            if tap.kind == "stop":
                self.session.stop()


def read_tap(message: dict[str, Any]) -> Any | None:
    """Return the tap a page sent, or None for anything that is not exactly one."""
    from tallrun.pipeline.taps import Tap

    kind, score, item = message.get("type"), message.get("score"), message.get("item", "")
    if kind == "pain" and isinstance(score, int) and not isinstance(score, bool) and 0 <= score <= 10:
        return Tap("pain", score=score)
    if kind in ("limping", "stop"):
        return Tap(kind)
    if kind == "red_flag" and isinstance(item, str) and len(item) <= 64:
        return Tap("red_flag", item=item)
    return None
