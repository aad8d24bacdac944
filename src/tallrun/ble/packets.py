"""The queue between the radio and its one consumer: bounded, never waiting on the radio's side."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from tallrun.sensors.events import Packet

CAPACITY = 20_000  # minutes of three sensors; a consumer that far behind will not catch up by waiting


class PacketQueue:
    """Packets in order of arrival. When full, new packets are dropped and counted by sensor."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.dropped: Counter[str] = Counter()
        self._capacity = capacity
        self._packets: deque[Packet] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: Packet) -> None:
        """Add a packet or count it as dropped; never blocks. After ``close`` packets are ignored."""
        if self._closed:
            return
        if len(self._packets) >= self._capacity:
            self.dropped[packet.sensor] += 1
            return
        self._packets.append(packet)
        self._arrived.set()

    def close(self) -> None:
        """Let the consumer take what is queued and then end."""
        self._closed = True
        self._arrived.set()

    async def take(self) -> list[Packet]:
        """Wait for packets and return all that are queued; an empty list once closed and empty."""
        while not self._packets and not self._closed:
            self._arrived.clear()
            await self._arrived.wait()
        taken = list(self._packets)
        self._packets.clear()
        return taken
