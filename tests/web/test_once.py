"""A tap that comes again acts once and is answered alike."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI, HTTPException

from tallrun.web.once import MOST_KEPT, TAP_HEADER, OnceMiddleware


@pytest.fixture
def send():
    """Sends posts of (path, tap or None), one list after the other, those of a list at once; returns the answers."""
    app = FastAPI()
    app.add_middleware(OnceMiddleware)
    counts = {"done": 0, "failed": 0}

    @app.post("/count")
    async def count(wait_s: float = 0.0) -> int:
        counts["done"] += 1
        mine = counts["done"]
        await asyncio.sleep(wait_s)
        return mine

    @app.post("/fail")
    async def fail() -> int:
        counts["failed"] += 1
        if counts["failed"] == 1:
            raise HTTPException(503)
        return counts["failed"]

    def sent(*batches):
        async def main():
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app), base_url="http://test"
            ) as client:
                for batch in batches:
                    asked = [
                        client.post(path, headers={} if tap is None else {TAP_HEADER: tap})
                        for path, tap in batch
                    ]
                    for answer in await asyncio.gather(*asked):
                        yield answer.json()

        async def all_of_them():
            return [item async for item in main()]

        return asyncio.run(all_of_them())

    return sent


def tap(number: int) -> str:
    return f"{number:024x}"


def test_the_same_tap_acts_once_and_another_acts_again(send):
    taps = [tap(1), tap(1), tap(2), tap(1), None, "no id", "no id"]
    assert send(*([("/count", item)] for item in taps)) == [1, 1, 2, 1, 3, 4, 5]


def test_the_same_id_at_another_address_is_another_tap(send):
    assert send([("/count", tap(1))], [("/count?wait_s=0", tap(1))]) == [1, 2]


def test_one_that_comes_while_the_first_goes_on_waits_for_it(send):
    assert send([("/count?wait_s=0.05", tap(3))] * 3) == [1, 1, 1]


def test_what_failed_may_come_again(send):
    assert send(*[[("/fail", tap(4))]] * 3)[1:] == [2, 2]


def test_memory_is_bounded(send):
    taps = [*range(MOST_KEPT + 1), MOST_KEPT, 0]
    assert send(*([("/count", tap(number))] for number in taps))[-2:] == [MOST_KEPT + 1, MOST_KEPT + 2]
