"""The protocol file: bounds no file may leave, and a second condition without Python."""

from __future__ import annotations

import re

import pytest

from oracle.build import NOW, VerdictRow
from tallrun.errors import ConfigError, EntryError
from tallrun.recovery import ClinicianEntry, PainScore, Protocol, verdict
from tallrun.resources import protocol_texts

PHT = protocol_texts()["pht"]


def changed(key: str, value: object) -> str:
    text, count = re.subn(rf"(?m)^{key} = [^#\n]+", f"{key} = {value}", PHT, count=1)
    assert count == 1
    return text


@pytest.mark.parametrize(
    ("key", "value"),
    [("green_limit", 6), ("stop_above", 6), ("morning_red_rise", 4), ("masked_h", 12), ("screen_max_age_days", 60),
     ("rest_after_red_h", 24), ("green_streak", 1), ("spike_share", 1.3), ("cadence_rise_pct", 10), ("highest", 4),
     ("answer_s", 120), ("green_to_move_up", 2)],
)  # fmt: skip
def test_a_laxer_number_is_refused(key, value):
    with pytest.raises(ConfigError, match=key):
        Protocol.from_toml(changed(key, value))


@pytest.mark.parametrize(
    ("key", "value"), [("green_limit", 5), ("green_limit", 1), ("stop_above", 4), ("red_count", 2)]
)
def test_a_stricter_number_and_a_green_limit_of_5_are_accepted(key, value):
    assert Protocol.from_toml(changed(key, value)).sha256 != Protocol.from_toml(PHT).sha256


def test_a_green_limit_above_the_stop_is_refused():
    with pytest.raises(ConfigError, match="green_limit"):
        Protocol.from_toml(changed("stop_above", 2))


@pytest.mark.parametrize("rule", ["SC1", "SC3", "SC6"])
def test_an_emergency_screen_cannot_be_taken_away(rule):
    text = re.sub(rf'\[\[screening\.questions\]\]\nid = "\w+"\nrule = "{rule}"\n(role.*\n)?text.*\n', "", PHT)
    with pytest.raises(ConfigError, match=rule):
        Protocol.from_toml(text)


def test_an_emergency_cannot_be_made_slower():
    with pytest.raises(ConfigError, match="SC1"):
        Protocol.from_toml(PHT.replace('SC1 = { urgency = "emergency"', 'SC1 = { urgency = "days"'))


def test_unknown_keys_and_broken_toml_are_one_line():
    for text in (PHT.replace("[pain]", "[pain]\nsurprise = 1"), "name = "):
        with pytest.raises(ConfigError) as caught:
            Protocol.from_toml(text)
        assert "\n" not in str(caught.value)


def test_a_clinician_entry_tightens_and_never_loosens():
    protocol = Protocol.from_toml(PHT)
    history, _ = VerdictRow("V4", "G G", "", protocol).build()
    fields = {"at": NOW.replace(day=1), "tighten": {"ladder.green_streak": 3}}
    strict = verdict(protocol, _with(history, ClinicianEntry(**fields)), None, NOW)
    assert (strict.state, strict.rung) == ("RUN", "V4")
    expired = ClinicianEntry(**fields, expires_at=NOW.replace(day=2))
    assert verdict(protocol, _with(history, expired), None, NOW).rung == "V5"
    lax = ClinicianEntry(NOW.replace(day=1), tighten={"ladder.green_streak": 1})
    with pytest.raises(ConfigError, match="loosen"):
        verdict(protocol, _with(history, lax), None, NOW)


def _with(history, entry):
    from dataclasses import replace

    return replace(history, clinician=(entry,))


def test_a_raised_green_limit_lets_4_and_5_be_green_but_never_6():
    protocol = Protocol.from_toml(PHT)
    raised = ClinicianEntry(NOW.replace(month=1), green_limit=5)
    history, _ = VerdictRow("V4", "A A", "", protocol).build()
    assert verdict(protocol, _with(history, raised), None, NOW).rung == "V5"
    history, _ = VerdictRow("V4", "G G", "p=6", protocol).build()
    assert verdict(protocol, _with(history, raised), None, NOW).state == "REST48"
    with pytest.raises(EntryError, match="green limit"):
        ClinicianEntry(NOW, green_limit=6)


def test_a_second_condition_needs_no_python():
    other = Protocol.from_toml(protocol_texts()["achilles"])
    assert other.exercise.late_test == "single_leg_heel_raise"
    history, _ = VerdictRow("V3", "G G", "", other).build()
    said = verdict(other, history, None, NOW)
    assert (said.state, said.rung, said.protocol["name"]) == ("RUN", "V4", "achilles")
    assert verdict(Protocol.from_toml(PHT), history, None, NOW).state == "LOG_FIRST", (
        "its tests are other tests"
    )


@pytest.mark.parametrize("score", [-1, 11, 3.5, "4", None, True])
def test_anything_but_a_whole_score_is_refused(score):
    with pytest.raises(EntryError, match="whole number"):
        PainScore("p", NOW, "rest", score)


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(EntryError, match="time zone"):
        PainScore("p", NOW.replace(tzinfo=None), "rest", 1)
