"""The live run in a terminal, for those without a phone."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def terminal_view() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that shows a page state. While a cue is on the terminal's bell keeps the beat."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    beat = _Beat()

    with Live(console=console, refresh_per_second=4, transient=True) as live:

        def show(state: dict[str, Any]) -> None:
            live.update(draw_state(state))
            cue = state["cue"]
            beat.follow(cue["id"] if cue else None, cue["tempo_spm"] if cue else None)

        try:
            yield show
        finally:
            beat.follow(None, None)


def draw_state(state: dict[str, Any]) -> Any:
    """Return a page state as something rich can print."""
    from rich.align import Align
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    cadence = state["cadence_spm"]
    digits = "–" if cadence is None else f"{cadence:.0f}"
    band = state["band"]
    interval = state.get("interval")
    parts: list[Any] = [
        Text("   ".join(_light(item) for item in state["sensors"])),
        *([Align.center(Text(_part_line(interval), style="bold"))] if interval else []),
        Align.center(Text(f"\n{digits}\n", style="bold")),
        Align.center(Text(state["cadence_text"] or "steps a minute")),
    ]
    if band is not None and cadence is not None:
        side = (
            "in band ✓" if band[0] <= cadence <= band[1] else "↑ quicker" if cadence < band[0] else "↓ slower"
        )
        parts.append(Align.center(Text(f"target {band[0]:.0f}–{band[1]:.0f}   {side}")))
    if state["sentence"]:
        parts.append(Align.center(Text(f"\n{state['sentence']}", style="bold")))
    if state["stop"]:
        parts = [
            Align.center(Text(f"STOP\n{state['stop']['sentence']}\n{state['stop']['reason']}", style="bold"))
        ]
    parts.append(Text(f"\n{state['block_text']}    {state['run_s'] // 60:.0f}:{state['run_s'] % 60:02.0f}"))
    return Group(Panel(Group(*parts), title="tallrun"))


def _part_line(interval: dict[str, Any]) -> str:
    left_s = interval["left_s"]
    left = "" if left_s is None else f"{int(left_s) // 60}:{int(left_s) % 60:02d} left"
    words = [f"{interval['now']} {interval['of']}".rstrip(), left, interval["next"]]
    if interval["is_last"]:
        words.insert(1, "last one")
    if interval["splits"]:
        words.append(f"km {interval['n_splits']} in {interval['splits'][-1]}")
    return " · ".join(item for item in words if item)


def _light(item: dict[str, Any]) -> str:
    if item["state"] != "ok":
        return f"{item['letter']} {item['state']}"
    received = item["received_pct"]
    return f"{item['letter']} {'–' if received is None else f'{received:.0f} %'}"


class _Beat:
    """The computer's own bell as a metronome; a posture cue rings once. Terminals without a bell stay silent."""

    def __init__(self) -> None:
        self._cue: int | None = None
        self._silent = threading.Event()

    def follow(self, cue: int | None, tempo_spm: float | None) -> None:
        """Beat for this cue until another one, or none, is followed."""
        if cue == self._cue:
            return
        self._silent.set()
        self._cue = cue
        if cue is None:
            return
        _ring()
        if tempo_spm is not None:
            self._silent = threading.Event()
            threading.Thread(target=_beat, args=(60.0 / tempo_spm, self._silent), daemon=True).start()


def _beat(period_s: float, silent: threading.Event) -> None:
    due_s = time.monotonic() + period_s
    while not silent.wait(max(0.0, due_s - time.monotonic())):
        _ring()
        due_s += period_s


def _ring() -> None:
    sys.stderr.write("\a")
    sys.stderr.flush()
