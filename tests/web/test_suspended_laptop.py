"""The lid of the laptop is shut at every step of a run from the phone: what the phone says, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest

from support.browser import PHONE, chromium, shoot
from support.lid import Laptop
from support.phone_way import WAIT_MS, calm, pair, state_of, step
from tallrun.pipeline.unheard import unheard
from tallrun.sessions import read_session
from tallrun.store import Store

SPEED = 16.0
#: Of the emulated time: longer than any wait for a sensor, and part of the walk that comes after the run part.
SLEEP_S = 4.0


class Phone:
    def __init__(self, browser, laptop: Laptop) -> None:
        self.laptop = laptop
        self.page = browser.new_page(viewport=PHONE, bypass_csp=True)
        self.page.set_default_timeout(WAIT_MS)
        self.page.goto(laptop.key_url)

    def tap_asleep(self, locator, name: str) -> None:
        """Tap while the computer is asleep: the page says so and that the tap is kept, and no more once it wakes."""
        with self.laptop.asleep(SLEEP_S / 2):
            locator.click(no_wait_after=True)
            self.page.wait_for_function("document.getElementById('no-word')?.textContent.includes('kept')")
            shoot(self.page, f"asleep-{name}")
        self.page.wait_for_selector("#no-word", state="detached")


@pytest.mark.xdist_group("live")
def test_a_laptop_is_suspended_at_every_step_of_a_run(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    with chromium() as browser, Laptop(folder, SPEED) as laptop:
        phone = Phone(browser, laptop)
        page = phone.page
        page.click("#try")
        assert state_of(page) == "RUN"
        phone.tap_asleep(page.locator("#start"), "today")
        calm(page, "sensors")
        pair(page, "tallrun0001", "Left foot")
        right = page.locator(".found").filter(has_text="tallrun0002")
        phone.tap_asleep(right.get_by_role("button", name="Right foot", exact=True), "sensors")
        right.wait_for(state="detached")
        calm(page, "sensors")
        assert page.locator(".sensors > .sensor").count() == 2, "paired once"
        pair(page, "sig-treadmill", "Treadmill")
        # a tap without a network is kept, too, and goes on one step
        page.context.set_offline(True)
        page.click("#go-on", no_wait_after=True)
        page.wait_for_function("document.getElementById('no-word')?.textContent.includes('kept')")
        page.context.set_offline(False)
        step(page, "feet")
        page.wait_for_selector("#no-word", state="detached")
        page.click("#go-on")
        step(page, "still")
        # in the middle of standing still: the page waits, and no sensor passes by what was not heard
        page.click("#stand")
        page.wait_for_selector(".doing")
        with laptop.asleep(SLEEP_S):
            page.wait_for_selector("#no-word")
        page.wait_for_selector("#no-word", state="detached")
        page.wait_for_function("!document.querySelector('.doing')")
        if page.get_attribute(".run", "data-step") == "still":
            assert "s of samples came" in page.inner_text("main")
            page.click("#stand")
        step(page, "ready")
        phone.tap_asleep(page.locator("#run"), "ready")
        page.wait_for_url("**/live")
        laptop.pace(1.0)
        in_a_run_part(phone)
        # right after STOP: awake again it is long over, and the way goes on
        laptop.pace(1.0)
        page.click("#stop")
        page.wait_for_selector("#held .undo")
        laptop.pace(SPEED)
        with laptop.asleep(SLEEP_S):
            page.wait_for_selector("#link:not([hidden])")
        step(page, "after")
        text = page.inner_text("main")
        assert "what you did then is not known" in text
        assert "Cues\nnone" in text
        limping = page.locator("[data-question=limping]").first
        phone.tap_asleep(limping.get_by_role("button", name="No", exact=True), "after")
        limping.wait_for(state="detached")
        # the report
        with laptop.asleep(SLEEP_S / 2):
            page.click("#report", no_wait_after=True)
        page.wait_for_selector("iframe.report-frame")
        page.go_back()
        step(page, "after")
    what_was_kept(folder, laptop.last_run_sleep_s)


def in_a_run_part(phone: Phone) -> None:
    """Suspended in a part: the page says so, keeps the tap, and comes back to the part of the wall clock, said once."""
    page, laptop = phone.page, phone.laptop
    page.wait_for_selector("#interval:not([hidden])")
    page.click("#part-skip")
    page.wait_for_function("document.getElementById('part-now').textContent === 'RUN 1 of 8'")
    page.wait_for_function("Number(document.getElementById('digits').textContent) > 140")
    page.evaluate(
        """() => {
          window.told = [];
          const { handlers } = window.tallrun.link;  // of every socket: a silent one is given up
          const show = handlers.onMessage;
          handlers.onMessage = (message) => {
            if (message.type === "state") window.told.push(message);
            show(message);
          };
        }"""
    )
    page.wait_for_function("window.told.length > 1")
    laptop.pace(SPEED)
    with laptop.asleep(SLEEP_S):
        page.wait_for_selector("#link:not([hidden])")
        page.click("#pain")
        page.click("#scores button >> nth=1")
        page.wait_for_selector("#unsent:not([hidden])")
        assert page.get_attribute("#cadence", "data-state") == "old"
        shoot(page, "asleep-running")
        # what was on its way when it fell asleep has come by now
        before = page.evaluate("window.told.at(-1)")
        n_before = page.evaluate("window.told.length")
    laptop.last_run_sleep_s = SPEED * laptop.last_s
    page.wait_for_selector("#unsent", state="hidden")
    page.wait_for_selector("#link", state="hidden")
    page.wait_for_function(f"window.told.length > {n_before}")
    first = page.evaluate(f"window.told[{n_before}]")
    passed_s = first["run_s"] - before["run_s"]
    assert passed_s == pytest.approx(laptop.last_run_sleep_s, abs=SPEED * 0.5), "by the wall clock"
    over_s = passed_s - before["interval"]["left_s"]
    assert first["interval"]["now"] == "WALK"
    assert first["interval"]["left_s"] == pytest.approx(120.0 - over_s, abs=1.0)
    assert first["cadence_spm"] is None
    assert {item["state"] for item in first["sensors"]} & {"lost", "connecting"}
    page.wait_for_function("window.told.at(-1).sensors.every((item) => item.state === 'ok')")
    assert page.evaluate("window.tallrun.intervals.spoken.slice(2)") == ["Walk. 2 minutes."]
    assert page.evaluate("window.told.every((item) => item.cue === null)")


def what_was_kept(folder, slept_s: float) -> None:
    """The gap is a gap, the tap is there once, the record is as long as the clock says, and no running is left out."""
    (place,) = (item for item in (folder / "sessions").iterdir() if item.name.endswith("-run"))
    recording = read_session(place)
    (gap,) = [(start, end) for start, end in unheard(recording) if end - start > 5.0]
    assert gap[1] - gap[0] == pytest.approx(slept_s, abs=SPEED * 0.6)
    for item in recording.sensors.values():
        assert not np.any((item.t_s > gap[0] + 0.01) & (item.t_s < gap[1] - 0.01))
        assert np.isfinite(item.acc_mps2).all()
    pains = [item for item in recording.markers if item.kind == "pain"]
    assert [item.text for item in pains] == ["1"]
    assert pains[0].t_s > gap[1] - 2.0, "taken when the computer woke"
    with Store.open(folder) as store:
        run = store.runs(store.find_runner())[-1]
    # the run part had 60 s: what was not heard of it counts
    assert run.run_minutes == pytest.approx(1.0, abs=0.2)
    assert run.limping is False
