"""By taps alone on a phone-sized page: an empty folder to a day for a run; a run/walk session and what comes next."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.browser import _COOKIES, PHONE, chromium, serious, shoot
from support.phone_way import WAIT_MS, answer, calm, pair, state_of, step
from tallrun.ble.clock import run_virtual
from tallrun.cli.live_server import make_gate, serving
from tallrun.live.answering import AnsweringEmulator
from tallrun.live.stage import Stage
from tallrun.web.desk import Desk
from tallrun.web.site import create_site

SPEED = 16.0
#: Each size once; which theme goes with it changes from state to state, so that neighbours are seen in the other one.
SIZES = ((844, 390), (320, 568), (1280, 800), (390, 844))
#: Rules of accessibility are looked at where most of the page differs: by how it is laid out, by turns in each theme.
LOOKED_AT = (320, 568)


def morning_zone() -> str:
    """A time zone in which it is about ten in the morning now, so that every question of a morning is open."""
    ahead = (10 - datetime.now(UTC).hour + 12) % 24 - 12
    return "Etc/GMT" if ahead == 0 else f"Etc/GMT{-ahead:+d}"  # signs are turned round in these names


def overflow(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def seen(page, name: str, on_screen: tuple[str, ...] = ()) -> None:
    """Look at a state in every size: pictures kept, nothing wider than the page, buttons on screen, axe."""
    for place, (width, height) in enumerate(SIZES, start=int(name[:2])):
        scheme = ("dark", "light")[place % 2]
        view = f"{width}x{height}-{scheme}"
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        shoot(page, f"phone-{name}-{view}")
        assert overflow(page) <= 0, (name, view)
        for button in on_screen:
            box = page.locator(f"#{button}").bounding_box()
            assert box is not None, (name, view, button)
            assert 0 <= box["y"] <= height - box["height"] + 0.5, (name, view, button)
            for y in (box["y"] + 4, box["y"] + box["height"] - 4):  # nothing lies over it
                found = (
                    f"document.elementFromPoint({box['x'] + box['width'] / 2}, {y})?.closest('button')?.id"
                )
                assert page.evaluate(found) == button, (name, view, button)
        if (width, height) == LOOKED_AT:
            # a number that is old is grey on purpose
            assert [item for item in serious(page) if 'id="digits"' not in item] == [], (name, view)


class Door:
    """Two phones on the same way."""

    def __init__(self, browser, url: str) -> None:
        self.url = url
        self.page, self.second = (self._phone(browser) for _ in range(2))

    def _phone(self, browser):
        page = browser.new_page(viewport=PHONE, bypass_csp=True)
        page.set_default_timeout(WAIT_MS)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        return page

    def shaken(self, name: str) -> None:
        """A cut of the network, a reload and a second phone: each comes back to the same step."""
        page = self.page
        page.context.set_offline(True)
        page.wait_for_selector("#run-lost")
        page.context.set_offline(False)
        page.wait_for_function("!document.getElementById('run-lost')")
        calm(page, name)
        page.reload()
        calm(page, name)
        self.second.goto(f"{self.url}/run")
        calm(self.second, name)


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

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """Let the emulated time go at the speed of life: a part of a minute, or five seconds to undo, are seen then.

        At ``SPEED`` they are over in four seconds and in a third of one, which a busy machine does not show in time.
        """
        self.loop.call_soon_threadsafe(self.loop.pace, 1.0)
        yield
        self.loop.call_soon_threadsafe(self.loop.pace, SPEED)

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


def test_from_an_empty_folder_to_a_day_for_a_run_by_taps_alone(browser, tmp_path):
    with PhoneServer(tmp_path) as server:
        page = Door(browser, server.url).page
        # two days ago: who runs, the questions, a walk
        server.ahead = timedelta(hours=-48)
        page.goto(f"{server.url}/today")
        page.wait_for_selector("#main[data-state=empty]")
        seen(page, "01-empty")
        page.click("text=Say who runs")
        page.get_by_label("Which side hurts").select_option("right")
        page.get_by_label("Time zone").fill(morning_zone())
        page.get_by_label("Date of birth").fill("1985-06-30")
        page.get_by_label("Usual easy pace").fill("5:30")
        page.get_by_label("Who said what it is").select_option("clinician")
        page.get_by_label("Strength phase").select_option("2")
        page.get_by_label("Bridge test, last 3").fill("1, 1, 1")
        seen(page, "02-set-up")
        page.click("text=Save and go on")
        page.wait_for_selector("dialog[open] fieldset")
        seen(page, "03-screen")
        page.click("text=No to all that are open")
        page.click("text=Keep the answers")
        answer(page, "morning", "sitting")
        server.ahead = timedelta(hours=-47.25)  # the walk takes its time
        page.reload()
        answer(page, "walk")
        # yesterday and today: the scores after it
        server.ahead = timedelta(hours=-24)
        page.reload()
        answer(page, "morning")
        server.ahead = timedelta(0)
        page.reload()
        answer(page, "morning")
        assert state_of(page) == "RUN"
        page.wait_for_selector("#start")
        assert page.locator("#night").count() == 0, "days pass by a tap for an invented runner only"
        seen(page, "04-today")
        assert page.errors == []
        page.close()


@pytest.mark.xdist_group("live")
def test_an_invented_runner_does_a_run_walk_session_and_wakes_up_to_the_advice_by_taps_alone(
    browser, tmp_path
):
    with PhoneServer(tmp_path) as server:
        door = Door(browser, server.url)
        page = door.page
        page.goto(f"{server.url}/today")
        page.click("#try")
        assert state_of(page) == "RUN"
        page.click("#belt-first")
        step(page, "idle")
        seen(page, "05-run")
        door.shaken("idle")
        page.click("#start")
        calm(page, "sensors")
        seen(page, "06-found")
        # the two feet the wrong way round: the check must find it
        pair(page, "tallrun0001", "Right foot")
        pair(page, "tallrun0002", "Left foot")
        pair(page, "tallrun0003", "Pelvis")
        pair(page, "sig-treadmill", "Treadmill")
        pair(page, "sig-heart", "Heart-rate strap")
        seen(page, "07-paired")
        door.shaken("sensors")
        assert page.locator(".sensors > .sensor").count() == 5
        page.click("#go-on")
        step(page, "feet")
        seen(page, "08-feet")
        door.shaken("feet")
        page.click("#check-feet")
        step(page, "still")
        assert "changed over" in page.inner_text("main")
        seen(page, "09-still")
        door.shaken("still")
        page.click("#stand")
        step(page, "ready")
        assert "8 × (run 1 min, walk 2 min)" in page.inner_text("main")
        seen(page, "10-ready")
        door.shaken("ready")
        page.click("#run")
        page.wait_for_url("**/live")
        door.second.wait_for_url("**/live")
        with server.looked_at():
            run_the_intervals(page, door, server)
        step(page, "after")
        seen(page, "15-after")
        door.shaken("after")
        text = page.inner_text("main")
        assert "Run parts" in text
        assert "of 8:00 planned" in text
        run = server.desk.records(None).store.runs(server.desk.store.find_runner())[-1]
        assert run.distance_m is not None
        assert run.distance_m > 5.0
        answer(page, "limping")
        page.click("#report")
        page.wait_for_selector("iframe.report-frame")
        page.go_back()
        step(page, "after")
        page.click("#done")
        page.wait_for_url("**/today")
        page.click("#night")
        page.wait_for_selector(".verdict[data-state=LOG_FIRST]")
        page.set_viewport_size(PHONE)
        page.reload()
        page.wait_for_selector("[data-question=morning] .scores")
        lowest = page.locator("[data-question=morning] .scores").bounding_box()
        assert lowest["y"] + lowest["height"] < 1.15 * PHONE["height"], "what is to be logged comes first"
        assert datetime.fromisoformat(page_now(server)) < datetime.now(UTC), (
            "no invented day is ahead of the clock"
        )
        answer(page, "morning")
        assert state_of(page) == "REST_DAY"
        seen(page, "16-next-morning")
        assert page.errors == door.second.errors == []
        page.close()
        door.second.close()


def page_now(server) -> str:
    """What the pages take for the present moment."""
    return server.desk.clock().isoformat()


def run_the_intervals(page, door, server) -> None:
    """The live page: part first, spoken, skipped by one tap; a cut, a sleeping computer, a reload; end early; STOP."""
    buttons = ("stop", "pain", "limping")
    page.wait_for_selector("#interval:not([hidden])")
    assert page.inner_text("#part-now") == "WARM-UP WALK"
    seen(page, "11-warm-up", (*buttons, "sound-check"))
    page.click("#sound-check")
    page.wait_for_function("window.tallrun.metronome.isRunning")
    page.click("#part-skip")
    page.wait_for_function("document.getElementById('part-now').textContent === 'RUN 1 of 8'")
    assert page.evaluate("window.tallrun.intervals.spoken.at(-1)") == "Run. 1 minute. 1 of 8."
    page.wait_for_function("Number(document.getElementById('digits').textContent) > 140")
    seen(page, "12-run", (*buttons, "part-skip", "part-repeat", "part-end"))
    assert page.inner_text("#part-next") == "then walk 2:00"
    # the computer sleeps for two seconds: the page says so and holds a tap until it is answered
    server.loop.call_soon_threadsafe(time.sleep, 2.0)
    page.wait_for_selector("#link:not([hidden])")
    page.click("#pain")
    page.click("#scores button:has-text('1')")
    page.wait_for_selector("#unsent:not([hidden])")
    page.wait_for_selector("#unsent", state="hidden")
    page.evaluate("window.tallrun.link.connect = () => {}; window.tallrun.link.socket.close()")
    page.wait_for_selector("#link:not([hidden])")
    seen(page, "13-no-link", buttons)
    page.reload()
    page.wait_for_selector("#page[data-phase=running]")
    assert door.second.inner_text("#part-now") == page.inner_text("#part-now")
    for _ in range(14):  # up to the last run
        place = page.evaluate("window.tallrun.intervals.now.place")
        page.click("#part-skip")
        page.wait_for_function(f"window.tallrun.intervals.now.place > {place}")
        if page.inner_text("#part-now") == "RUN 8 of 8":
            break
    assert "last one" in page.inner_text("#part-next")
    assert page.evaluate("window.tallrun.intervals.spoken.at(-1)") == "Run. 1 minute. Last one."
    page.click("#part-end")
    page.wait_for_function("document.getElementById('part-now').textContent === 'COOL-DOWN WALK'")
    page.click("#part-skip")
    page.wait_for_function("document.getElementById('part-now').textContent === 'Plan done'")
    page.click("#stop")
    page.wait_for_selector("#held .undo")
    seen(page, "14-stopping")
    if page.locator("#held .end").count():
        page.click("#held .end")
