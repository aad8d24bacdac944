"""Start sequences against a sensor of paper: replies expected, refused, missing, in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from support.virtual_radio import CONFIGS
from tallrun.ble.clock import run_virtual
from tallrun.ble.sequence import Answers, run_steps
from tallrun.ble.troubles import LinkError, RefusedError

VERITY = CONFIGS.get("polar-verity-sense-sdk")
H10 = CONFIGS.get("polar-h10")
MOVESENSE = CONFIGS.get("movesense-imu6-104")


class PaperSensor:
    """Answers each write with what ``replies`` says, a moment later."""

    sensor = "pelvis"

    def __init__(self, replies: Callable[[bytes], list[bytes]]) -> None:
        self.calls: list[tuple[str, bytes]] = []
        self._replies = replies
        self._open: dict[str, Answers] = {}

    async def subscribe(self, uuid: str) -> None:
        self.calls.append(("subscribe", b""))

    async def unsubscribe(self, uuid: str) -> None:
        self.calls.append(("unsubscribe", b""))

    async def read(self, uuid: str) -> bytes:
        self.calls.append(("read", b""))
        return b""

    async def write(self, uuid: str, value: bytes, with_response: bool) -> None:
        self.calls.append(("write", value))
        for number, answer in enumerate(self._replies(value)):
            for answers in self._open.values():
                asyncio.get_running_loop().call_later(0.1 * (number + 1), answers.add, answer)

    @contextmanager
    def answers(self, uuid: str) -> Iterator[Answers]:
        self._open[uuid] = Answers()
        try:
            yield self._open[uuid]
        finally:
            del self._open[uuid]

    @property
    def written(self) -> list[str]:
        return [value.hex(" ") for kind, value in self.calls if kind == "write"]


def documented(value: bytes, config=VERITY) -> list[bytes]:
    for step in config.start:
        if step.value and step.value == value and step.reply:
            return [step.reply.example_hex]
        if step.start_hex and value.startswith(step.start_hex) and step.start_reply:
            return [step.start_reply.example_hex]
    return []


def start(config, sensor: PaperSensor) -> PaperSensor:
    run_virtual(run_steps(sensor, config, config.start))
    return sensor


def test_settings_are_read_and_every_one_offered_is_repeated_once() -> None:
    sensor = start(VERITY, PaperSensor(documented))
    assert [kind for kind, _ in sensor.calls[:2]] == ["subscribe", "subscribe"]
    assert sensor.written == [
        "02 09",
        "01 02",
        "02 02 00 01 d0 00 01 01 10 00 02 01 10 00 04 01 03",
        "01 05",
        "02 05 00 01 d0 00 01 01 10 00 02 01 d0 07 04 01 03",
    ]


def test_a_preference_that_is_not_offered_becomes_the_next_lower_offer() -> None:
    offer = bytes.fromhex("F0 01 02 00 00 00 03 19 00 32 00 64 00 01 01 10 00 02 02 02 00 04 00")

    def replies(value: bytes) -> list[bytes]:
        return [offer] if value == b"\x01\x02" else documented(value, H10)

    assert start(H10, PaperSensor(replies)).written[-1] == "02 02 00 01 64 00 01 01 10 00 02 01 04 00"


def test_an_offer_in_two_pieces_is_put_together() -> None:
    first = bytes.fromhex("F0 01 02 00 01 00 02 64 00 C8 00")
    second = bytes.fromhex("F0 01 02 00 00 01 01 10 00 02 01 08 00")

    def replies(value: bytes) -> list[bytes]:
        return [first, second] if value == b"\x01\x02" else documented(value, H10)

    assert start(H10, PaperSensor(replies)).written[-1] == "02 02 00 01 c8 00 01 01 10 00 02 01 08 00"


def test_a_refusal_says_what_was_asked_expected_and_answered() -> None:
    def replies(value: bytes) -> list[bytes]:
        return [bytes.fromhex("F0 02 02 05 00")] if value[:2] == b"\x02\x02" else documented(value)

    with pytest.raises(
        RefusedError, match=r"'02 02 .*expected an answer beginning 'f0 02 02 00', got 'f0 02 02 05 00'"
    ):
        start(VERITY, PaperSensor(replies))


def test_silence_is_not_a_refusal() -> None:
    with pytest.raises(LinkError, match="did not answer '02 09' within 5 s") as caught:
        start(VERITY, PaperSensor(lambda value: []))
    assert not isinstance(caught.value, RefusedError)


def test_a_sensor_that_offers_nothing_is_refused() -> None:
    def replies(value: bytes) -> list[bytes]:
        return [bytes.fromhex("F0 01 02 00 00")] if value == b"\x01\x02" else documented(value)

    with pytest.raises(RefusedError, match="does not offer the settings"):
        start(VERITY, PaperSensor(replies))


def test_a_reply_that_is_not_required_may_stay_away() -> None:
    sensor = start(MOVESENSE, PaperSensor(lambda value: []))
    assert len(sensor.written) == 1


def test_other_notifications_do_not_count_as_the_answer() -> None:
    data = bytes.fromhex("02 63 00 00 00 00")

    def replies(value: bytes) -> list[bytes]:
        return [data, data, *documented(value)]

    assert len(start(VERITY, PaperSensor(replies)).written) == 5


@pytest.mark.parametrize("config", list(CONFIGS), ids=lambda config: config.name)
def test_every_config_starts_and_stops_against_its_own_examples(config) -> None:
    sensor = PaperSensor(lambda value: documented(value, config))
    start(config, sensor)
    run_virtual(run_steps(sensor, config, config.stop))
    subscribed = sum(1 for kind, _ in sensor.calls if kind == "subscribe")
    assert subscribed >= 1
