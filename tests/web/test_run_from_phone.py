"""A whole run by taps alone on a phone-sized page: from an empty data folder to the next morning's advice."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from support.browser import _COOKIES, PHONE, chromium, serious, shoot
from tallrun.ble.clock import run_virtual
from tallrun.cli.live_server import make_gate, serving
from tallrun.live.answering import AnsweringEmulator
from tallrun.live.stage import Stage
from tallrun.web.desk import Desk
from tallrun.web.site import create_site

pytestmark = pytest.mark.xdist_group("live")
SPEED = 8.0
WAIT_MS = 90_000


class PhoneServer:
    """``tallrun serve --emulate runner`` in a thread, on the emulated runner's own clock; its date can be moved on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ahead = timedelta(0)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> PhoneServer:
        self._thread.start()
        assert self._ready.wait(60)
        _COOKIES[self.port] = self.gate.open(self.gate.key)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.ended.set)
        self._thread.join(60)
        self.desk.close()
        _COOKIES.pop(self.port, None)

    def _run(self) -> None:
        async def main() -> None:
            self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()
            self.desk = Desk(self.folder, clock=lambda: self.stage.now() + self.ahead)
            self.stage = Stage(self.folder, self.folder / "sessions", AnsweringEmulator(SPEED))
            self.gate = make_gate(False, False)
            async with serving(
                create_site(self.desk, self.gate, self.stage), self.gate, 0, self.folder
            ) as served:
                self.url, self.port = served.url, int(served.url.rpartition(":")[2])
                self._ready.set()
                await self.ended.wait()
                await self.stage.close()

        run_virtual(main(), SPEED)


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def step(page, name: str) -> None:
    page.wait_for_selector(f".run[data-step={name}]", timeout=WAIT_MS)


def calm(page, name: str) -> None:
    """Wait for a step, and until nothing is going on in it."""
    step(page, name)
    page.wait_for_function("!document.querySelector('.doing')", timeout=WAIT_MS)


def pair(page, name: str, place: str) -> None:
    row = page.locator(".found").filter(has_text=name)
    row.get_by_role("button", name=place, exact=True).click()
    page.locator(".found").filter(has_text=name).wait_for(state="detached")
    calm(page, "sensors")


def test_from_an_empty_folder_to_the_next_morning_by_taps_alone(browser, tmp_path):
    with PhoneServer(tmp_path) as server:
        page = browser.new_page(viewport=PHONE, bypass_csp=True)
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{server.url}/today")
        page.click("text=Say who runs")
        page.select_option("main select >> nth=0", "right")
        page.get_by_label("Time zone").fill("UTC")
        page.get_by_label("Usual easy pace").fill("6:30")
        page.click("text=Save and go on")
        page.wait_for_selector("#main[data-state=ready]")
        page.goto(f"{server.url}/run")
        page.click("#start")  # a day that is not for a run: recorded all the same, without cues
        calm(page, "sensors")
        shoot(page, "run-sensors-found")
        assert serious(page) == []
        # the two feet the wrong way round: the check must find it
        pair(page, "tallrun0001", "Right foot")
        pair(page, "tallrun0002", "Left foot")
        pair(page, "tallrun0003", "Pelvis")
        pair(page, "sig-treadmill", "Treadmill")
        page.reload()
        calm(page, "sensors")
        assert page.locator(".sensors > .sensor").count() == 4
        page.click("#go-on")
        step(page, "feet")
        shoot(page, "run-feet")
        page.click("#check-feet")
        step(page, "still")
        assert "changed over" in page.inner_text("main")
        page.click("#stand")
        second = browser.new_page(viewport=PHONE)  # a second phone comes to the same step
        second.set_default_timeout(WAIT_MS)
        second.goto(f"{server.url}/run")
        step(second, "ready")
        step(page, "ready")
        shoot(page, "run-ready")
        assert serious(page) == []
        page.click("#run")
        page.wait_for_url("**/live")
        page.wait_for_selector("#page[data-phase=running]")
        page.wait_for_timeout(3000)
        shoot(page, "run-live")
        page.reload()
        page.wait_for_selector("#page[data-phase=running]")
        page.click("#stop")
        page.click("#held .end")
        page.click("#after-go-on")
        step(page, "after")
        shoot(page, "run-after")
        assert page.locator("#report").count() == 1
        assert "Running" in page.inner_text("main")
        page.locator("[data-question=limping]").get_by_text("No", exact=True).click()
        page.wait_for_function("!document.querySelector('[data-question=limping]')")
        page.click("#done")
        page.wait_for_url("**/today")
        server.ahead = timedelta(hours=20)  # the next morning
        page.reload()
        page.wait_for_selector(".verdict")
        shoot(page, "run-next-morning")
        assert page.get_attribute(".verdict", "data-state") in (
            "LOG_FIRST",
            "REST_DAY",
            "CLINICIAN",
            "REST48",
        )
        page.close()
        second.close()
