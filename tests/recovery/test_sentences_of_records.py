"""What an empty record lets the way out say; every other sentence is in tests/house/test_every_sentence.py."""

from __future__ import annotations

import pytest

from support.recovery_histories import random_history
from support.report_sources import PROTOCOL
from support.tellers_recovery import empty
from tallrun.recovery import verdict


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_shown_to_hold_of_a_record_that_is_empty(seed):
    history, now, plan = random_history(seed, PROTOCOL)
    said = verdict(PROTOCOL, empty(history), None, now, plan)
    assert said.state in ("REFER", "CLINICIAN", "LOG_FIRST")
    held = [item.text for item in said.way_out if item.met]
    assert held == ["No session is logged, so none is too recent."], "nothing else was ever shown to hold"
