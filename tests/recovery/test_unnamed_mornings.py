"""A morning row without a test is the test that was due at its own time, never today's."""

from __future__ import annotations

from dataclasses import replace

from oracle.build import NOW, VerdictRow, at
from tallrun.recovery import PhaseEntry, Protocol, verdict
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])
NAMED = VerdictRow("V3", "G G", "", PROTOCOL).build()[0]
UNNAMED = replace(
    NAMED, scores=tuple(replace(r, load_test=None) if r.kind == "morning" else r for r in NAMED.scores)
)


def test_unnamed_mornings_stand_for_the_test_of_their_phase():
    assert {row.load_test for row in NAMED.scores if row.kind == "morning"} == {PROTOCOL.exercise.late_test}
    assert verdict(PROTOCOL, UNNAMED, None, NOW) == verdict(PROTOCOL, NAMED, None, NOW)


def test_mornings_before_a_change_of_test_are_not_taken_for_the_new_test():
    """Phase 1 until this noon: every morning so far was the early test, so the late one has no baseline yet."""
    phases = (PhaseEntry(at(60, 5), 1), PhaseEntry(at(0, 12), 2))
    early = replace(
        NAMED, phases=phases, exercises=(),
        scores=tuple(
            replace(r, load_test=PROTOCOL.exercise.early_test) if r.kind == "morning" else r for r in NAMED.scores
        ),
    )  # fmt: skip
    unnamed = replace(UNNAMED, phases=phases, exercises=())
    said = verdict(PROTOCOL, unnamed, None, NOW)
    assert said == verdict(PROTOCOL, early, None, NOW)
    assert said.inputs["baseline"] is None
    assert "baseline" in said.inputs["missing"]
    before = verdict(PROTOCOL, unnamed, None, at(0, 11))
    assert before.inputs["baseline"] == 1
