from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.ble import PairedSensor, Pairing
from tallrun.ble.pairing import WEARABLE
from tallrun.errors import EntryError

paired = st.builds(
    PairedSensor,
    placement=st.sampled_from(WEARABLE),
    address=st.sampled_from(["AA:01", "AA:02", "AA:03", "0C6E2E2F-UUID"]),
    config=st.just("open-packet"),
    name=st.text(max_size=20),
)


@given(st.lists(paired, max_size=8))
def test_a_place_has_one_sensor_and_a_sensor_one_place(sensors: list[PairedSensor]) -> None:
    pairing = Pairing.of(sensors)
    assert len({item.placement for item in pairing.sensors}) == len(pairing.sensors)
    assert len({item.address for item in pairing.sensors}) == len(pairing.sensors)
    if sensors:
        assert pairing.at(sensors[-1].placement) == sensors[-1]
    assert Pairing.from_json(pairing.to_json()) == pairing


def test_swapping_feet_changes_only_the_feet() -> None:
    sensors = [PairedSensor(place, f"AA:{n}", "open-packet") for n, place in enumerate(WEARABLE)]
    swapped = Pairing.of(sensors).feet_swapped()
    assert swapped.at("foot_left").address == "AA:1"
    assert swapped.at("foot_right").address == "AA:0"
    assert swapped.at("pelvis").address == "AA:2"
    assert swapped.feet_swapped() == Pairing.of(sensors)


def test_one_foot_alone_can_be_moved_to_the_other_side() -> None:
    swapped = Pairing.of([PairedSensor("foot_left", "AA", "open-packet")]).feet_swapped()
    assert swapped.at("foot_left") is None
    assert swapped.at("foot_right").address == "AA"


def test_forgetting_and_unknown_places() -> None:
    pairing = Pairing.of([PairedSensor("pelvis", "AA", "open-packet")])
    assert pairing.without("pelvis").sensors == ()
    with pytest.raises(EntryError, match="no place called 'knee'"):
        pairing.with_sensor(PairedSensor("knee", "BB", "open-packet"))


@given(
    st.text()
    | st.sampled_from(
        ["{}", "[]", '{"version": 2, "sensors": []}', '{"version": 1, "sensors": [{}]}', "[" * 100_000]
    )
)
def test_any_text_is_read_or_refused_with_one_error(text: str) -> None:
    with suppress(EntryError):
        Pairing.from_json(text)


def test_an_unreadable_pairing_says_what_to_do() -> None:
    with pytest.raises(EntryError, match="pair again"):
        Pairing.from_json("{")
    with pytest.raises(EntryError, match="version 2"):
        Pairing.from_json('{"version": 2, "sensors": []}')
