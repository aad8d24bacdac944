"""The live run in a terminal, for those without a phone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def terminal_view() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that shows a page state. A cue rings the terminal's bell, once, when it starts."""
    from rich.align import Align
    from rich.console import Console, Group
    from rich.live import Live
    from rich.panel import Panel
    from rich.text import Text

    console = Console(stderr=True)
    last_cue: list[int | None] = [None]

    def draw(state: dict[str, Any]) -> Group:
        cadence = state["cadence_spm"]
        digits = "–" if cadence is None else f"{cadence:.0f}"
        band = state["band"]
        parts: list[Any] = [
            Text("   ".join(_light(item) for item in state["sensors"])),
            Align.center(Text(f"\n{digits}\n", style="bold")),
            Align.center(Text(state["cadence_text"] or "steps a minute")),
        ]
        if band is not None and cadence is not None:
            side = (
                "in band ✓"
                if band[0] <= cadence <= band[1]
                else "↑ quicker"
                if cadence < band[0]
                else "↓ slower"
            )
            parts.append(Align.center(Text(f"target {band[0]:.0f}–{band[1]:.0f}   {side}")))
        if state["sentence"]:
            parts.append(Align.center(Text(f"\n{state['sentence']}", style="bold")))
        if state["stop"]:
            parts = [
                Align.center(
                    Text(f"STOP\n{state['stop']['sentence']}\n{state['stop']['reason']}", style="bold")
                )
            ]
        parts.append(
            Text(f"\n{state['block_text']}    {state['run_s'] // 60:.0f}:{state['run_s'] % 60:02.0f}")
        )
        return Group(Panel(Group(*parts), title="tallrun"))

    with Live(console=console, refresh_per_second=4, transient=True) as live:

        def show(state: dict[str, Any]) -> None:
            live.update(draw(state))
            cue = state["cue"]["id"] if state["cue"] else None
            if cue is not None and cue != last_cue[0]:
                sys.stderr.write("\a")
            last_cue[0] = cue

        yield show


def _light(item: dict[str, Any]) -> str:
    if item["state"] != "ok":
        return f"{item['letter']} {item['state']}"
    received = item["received_pct"]
    return f"{item['letter']} {'–' if received is None else f'{received:.0f} %'}"
