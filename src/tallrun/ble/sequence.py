"""Runs the start and stop steps of a firmware config against a connected sensor.

The steps are data (``sensors.config.Step``); the ``Port`` is whatever can carry them out. Everything a sensor
answers also reaches the packet queue, because scales and factors in the answers are needed to read its packets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from tallrun.ble.settings import joined, more_follows
from tallrun.ble.troubles import LinkError, RefusedError
from tallrun.sensors.config import FirmwareConfig, Reply, Step
from tallrun.sensors.negotiate import choose_settings


class Answers:
    """Notifications of one characteristic seen since it was opened, for a step that waits for an answer."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self._news = asyncio.Event()

    def add(self, payload: bytes) -> None:
        """Take one notification; called from the radio's callback."""
        self.seen.append(payload)
        self._news.set()

    async def starting_with(self, prefix: bytes, timeout_s: float, more_than: int = 0) -> list[bytes]:
        """Wait for more than ``more_than`` notifications that begin with ``prefix``; empty when too late."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    fitting = [payload for payload in self.seen if payload.startswith(prefix)]
                    if len(fitting) > more_than:
                        return fitting
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return []


class Port(Protocol):
    """What a connected sensor lets a sequence do; every call is guarded by the link's own watchdog."""

    sensor: str

    async def subscribe(self, uuid: str) -> None:
        """Switch notifications (or indications) on."""

    async def unsubscribe(self, uuid: str) -> None:
        """Switch them off."""

    async def read(self, uuid: str) -> bytes:
        """Read a value; it also goes into the packet queue."""

    async def write(self, uuid: str, value: bytes, with_response: bool) -> None:
        """Write a value."""

    def answers(self, uuid: str) -> AbstractContextManager[Answers]:
        """Collect notifications of ``uuid`` while the context is open."""


async def run_steps(port: Port, config: FirmwareConfig, steps: Sequence[Step]) -> None:
    """Run ``steps`` in order.

    Raises RefusedError when the sensor answers something else than the step expects, LinkError when it does not
    answer at all or a call fails.
    """
    for step in steps:
        uuid = "" if step.characteristic is None else config.uuid(step.characteristic)
        match step.action:
            case "wait":
                await asyncio.sleep(step.wait_s)
            case "subscribe":
                await port.subscribe(uuid)
            case "unsubscribe":
                await port.unsubscribe(uuid)
            case "read":
                await port.read(uuid)
            case "write":
                await _ask(port, config, uuid, step.value, step.reply, step.with_response)
            case "negotiate":
                await _negotiate(port, config, uuid, step)


async def _ask(
    port: Port, config: FirmwareConfig, uuid: str, value: bytes, reply: Reply | None, with_response: bool
) -> list[bytes]:
    """Write and return the answer, with what continues it; empty when none is expected or required."""
    if reply is None:
        await port.write(uuid, value, with_response)
        return []
    with port.answers(config.uuid(reply.characteristic)) as answers:
        await port.write(uuid, value, with_response)
        got = await answers.starting_with(reply.prefix_hex, reply.timeout_s)
        while got and more_follows(got[-1]):
            longer = await answers.starting_with(reply.prefix_hex, reply.timeout_s, more_than=len(got))
            if not longer:
                break
            got = longer
    if not got and reply.required:
        raise _no_answer(port.sensor, config, value, reply, answers.seen)
    return got


async def _negotiate(port: Port, config: FirmwareConfig, uuid: str, step: Step) -> None:
    answers = await _ask(port, config, uuid, step.value, step.reply, step.with_response)
    settings = (
        choose_settings(config, step, answers[0] if len(answers) == 1 else joined(answers))
        if answers
        else None
    )
    if settings is None:
        if step.only_if_offered:
            return
        raise RefusedError(
            port.sensor,
            f"{port.sensor}: {config.title} does not offer the settings this config needs ({config.name})",
        )
    await _ask(port, config, uuid, step.start_hex + settings, step.start_reply, step.with_response)


def _no_answer(
    sensor: str, config: FirmwareConfig, value: bytes, reply: Reply, seen: list[bytes]
) -> LinkError:
    asked = value[:16].hex(" ")
    expected = reply.prefix_hex.hex(" ")
    similar = [answer for answer in seen if answer[:1] == reply.prefix_hex[:1]]
    if similar:
        return RefusedError(
            sensor,
            f"{sensor}: {config.title} refused '{asked}': expected an answer beginning '{expected}', "
            f"got '{similar[-1][:16].hex(' ')}'; another mode of this sensor may suit",
            command=" (tallrun pair --config)",
        )
    return LinkError(
        sensor, f"{sensor}: {config.title} did not answer '{asked}' within {reply.timeout_s:g} s"
    )
