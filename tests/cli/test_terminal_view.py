"""The terminal view draws every state and beats while a cue is on."""

import io
import time

from rich.console import Console

from tallrun.cli.terminal_view import draw_state, terminal_view

STATE = {
    "cadence_spm": 161.0, "cadence_text": "", "band": [166.0, 172.0], "sentence": "quick, light steps",
    "sensors": [
        {"letter": "L", "state": "ok", "received_pct": 98.0},
        {"letter": "R", "state": "lost", "received_pct": None},
    ],
    "stop": None, "block_text": "Block 1 of 2", "run_s": 65.0, "cue": None,
}  # fmt: skip


def bells(capfd):
    return capfd.readouterr().err.count("\a")


def test_a_cue_is_beaten_until_it_ends(capfd):
    with terminal_view() as show:
        show(STATE)
        assert bells(capfd) == 0
        show(STATE | {"cue": {"id": 1, "tempo_spm": 1200.0}})
        time.sleep(0.4)
        assert 4 <= bells(capfd) <= 10
        show(STATE)
        time.sleep(0.15)
        bells(capfd)
        time.sleep(0.15)
        assert bells(capfd) == 0


def drawn(**changes):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(draw_state(STATE | changes))
    return console.export_text()


def test_states_are_drawn_as_they_are():
    text = drawn()
    assert "161" in text
    assert "quicker" in text
    assert "R lost" in text
    assert "learning" in drawn(cadence_spm=None, band=None, cadence_text="learning")
    stop = {"sentence": "Stop the run here.", "reason": "Your pain score was above 5."}
    assert "Stop the run here." in drawn(stop=stop)
    assert "161" not in drawn(stop=stop)
