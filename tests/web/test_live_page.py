"""The live page in a real browser, over a real WebSocket, fed with made states."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from support.browser import DESKTOP, PHONE, ServerThread, chromium, serious, shoot
from tallrun.journal.desk import load_protocol
from tallrun.live.hub import LiveHub
from tallrun.live.state import STOP_REASONS, live_state
from tallrun.pipeline.live_run import LiveView
from tallrun.recovery.live import LiveAction
from tallrun.recovery.wording import lint
from tallrun.web.app import create_app

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PROTOCOL = load_protocol()


def state(**changes):
    base = {
        "type": "state",
        "phase": "running",
        "run_s": 761.0,
        "cadence_spm": 168.0,
        "cadence_text": "",
        "band": [166.0, 172.0],
        "belt_kmh": 9.6,
        "incline_pct": 0.0,
        "sensors": [
            {"placement": "foot_left", "letter": "L", "name": "Left foot", "state": "ok", "received_pct": 98.0,
             "battery_pct": 81},
            {"placement": "foot_right", "letter": "R", "name": "Right foot", "state": "ok", "received_pct": 97.0,
             "battery_pct": 64},
            {"placement": "pelvis", "letter": "P", "name": "Pelvis", "state": "ok", "received_pct": 99.0,
             "battery_pct": None},
        ],
        "sentence": None,
        "block_text": "Block 2 of 4 · cues on · 3:10 left",
        "cue": None,
        "question": None,
        "stop": None,
        "red_flags": [{"id": "pop_or_tear", "text": "Did you feel a pop or a tear?"}],
    }  # fmt: skip
    return base | changes


CUE = {"id": 1, "mode": "metronome", "tempo_spm": 169.0, "anchor_age_s": 0.2, "volume": 0.5,
       "sentence": "quick, light steps"}  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture
def live():
    hub = LiveHub()
    with ServerThread(lambda: create_app(hub=hub)) as server:
        server.hub = hub
        yield server


def open_page(browser, live, size=PHONE, scheme="light"):
    page = browser.new_page(viewport=size, color_scheme=scheme, bypass_csp=True)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(f"{live.url}/live")
    page.wait_for_function("window.tallrun && window.tallrun.link.socket.readyState === 1")
    return page


def publish(live, **changes):
    live.call(live.hub.publish, state(**changes))


def taps(live):
    out = []
    while not live.call(live.hub.taps.empty):
        out.append(live.call(live.hub.taps.get_nowait))
    return out


def wait_for_tap(page, live):
    for _ in range(100):
        got = taps(live)
        if got:
            return got
        page.wait_for_timeout(20)
    raise AssertionError("no tap arrived")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "name"), [(PHONE, "phone"), (DESKTOP, "desktop")])
def test_digits_change_and_are_huge(browser, live, size, name, scheme):
    page = open_page(browser, live, size, scheme)
    publish(live, cue=CUE, sentence=CUE["sentence"])
    page.wait_for_function("document.getElementById('digits').textContent === '168'")
    shoot(page, f"live-{name}-{scheme}")
    height = page.evaluate("parseFloat(getComputedStyle(document.getElementById('cadence')).fontSize)")
    assert height >= 0.25 * size["height"]
    digits = page.locator("#digits").bounding_box()
    assert digits["x"] >= 0
    assert digits["x"] + digits["width"] <= size["width"]
    publish(live, cadence_spm=161.4)
    page.wait_for_function("document.getElementById('digits').textContent === '161'")
    assert "quicker" in page.inner_text("#verdict")
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0, "the page scrolls sideways"
    assert page.errors == []
    page.close()


def test_number_greys_within_a_second_of_silence(browser, live):
    page = open_page(browser, live)
    publish(live)
    page.wait_for_function("document.getElementById('cadence').dataset.state === 'in'")
    page.wait_for_function("document.getElementById('cadence').dataset.state === 'old'", timeout=1200)
    page.close()


def test_unknown_cadence_is_a_dash_and_a_probe_hides_the_target(browser, live):
    page = open_page(browser, live)
    publish(live, cadence_spm=None, cadence_text="learning your usual steps", band=None)
    page.wait_for_function("document.getElementById('digits').textContent === '–'")
    assert page.inner_text("#verdict") == "learning your usual steps"
    assert page.get_attribute("#band", "data-known") == "no"
    page.close()


def test_metronome_beats_at_the_right_tempo_on_the_audio_clock(browser, live):
    page = open_page(browser, live)
    page.click("#sound-check")
    page.wait_for_function("window.tallrun.metronome.context?.state === 'running'")
    publish(live, cue=CUE)
    for _ in range(8):
        page.wait_for_timeout(400)
        publish(live, cue=CUE)
    beats = page.evaluate("window.tallrun.metronome.scheduled")
    gaps = [later - before for before, later in pairwise(beats)]
    assert len(gaps) >= 6
    assert all(abs(gap - 60.0 / 169.0) < 1e-6 for gap in gaps)
    publish(live, cue=None)
    page.wait_for_function("!window.tallrun.metronome.isBeating")
    page.close()


def test_beat_goes_on_through_a_network_cut_and_the_page_says_so(browser, live):
    page = open_page(browser, live)
    page.click("#sound-check")
    page.wait_for_function("window.tallrun.metronome.context?.state === 'running'")
    publish(live, cue=CUE)
    page.wait_for_function("window.tallrun.metronome.isBeating")
    page.evaluate("window.tallrun.link.connect = () => {}; window.tallrun.link.socket.close()")
    page.wait_for_selector("#link:not([hidden])")
    assert "beat goes on" in page.inner_text("#link")
    before = page.evaluate("window.tallrun.metronome.scheduled.length")
    page.wait_for_timeout(1200)
    assert page.evaluate("window.tallrun.metronome.scheduled.length") > before
    assert page.get_attribute("#cadence", "data-state") == "old"
    shoot(page, "live-no-link")
    page.close()


def test_reload_in_mid_run_shows_the_last_state_at_once(browser, live):
    page = open_page(browser, live)
    publish(live, cadence_spm=170.0)
    page.wait_for_function("document.getElementById('digits').textContent === '170'")
    page.reload()
    page.wait_for_function("document.getElementById('digits').textContent === '170'")
    page.close()


def test_two_phones_see_the_same(browser, live):
    first, second = open_page(browser, live), open_page(browser, live, DESKTOP)
    publish(live, cadence_spm=173.0)
    for page in (first, second):
        page.wait_for_function("document.getElementById('digits').textContent === '173'")
        page.close()


def test_stop_by_keyboard_and_by_holding(browser, live):
    page = open_page(browser, live)
    publish(live)
    page.keyboard.press("Escape")
    assert wait_for_tap(page, live)[0]["type"] == "stop"
    box = page.locator("#stop").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.wait_for_timeout(750)
    page.mouse.up()
    assert wait_for_tap(page, live)[0]["type"] == "stop"
    page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(300)
    assert taps(live) == [], "one short touch ended the run"
    page.close()


def test_pain_in_one_tap_and_a_button(browser, live):
    page = open_page(browser, live)
    publish(live)
    page.click("#pain")
    shoot(page, "live-pain")
    page.click("#scores button:has-text('10')")
    assert wait_for_tap(page, live)[0] | {"tap_id": ""} == {"type": "pain", "score": 10, "tap_id": ""}
    page.close()


def test_stop_by_the_plan_fills_the_page(browser, live):
    page = open_page(browser, live)
    publish(live, cue=CUE)
    stop = {"sentence": "Stop the run here. Walk home easy.", "reason": "You said 6 of 10.", "next": "",
            "rule": "LV1"}  # fmt: skip
    publish(live, stop=stop)
    page.wait_for_selector("#stopped:not([hidden])")
    assert page.inner_text("#stop-word") == "STOP"
    assert page.get_attribute("#stop-said", "role") == "alert"
    assert not page.evaluate("window.tallrun.metronome.isBeating")
    shoot(page, "live-stopped")
    page.close()


STOP = {"sentence": "Stop the run here. Walk home easy.", "reason": "You said you are limping.", "next": "",
        "undo": "Tapped by mistake? Stop here all the same. The record keeps the tap.", "rule": "LV3"}  # fmt: skip


def test_what_lies_under_a_stop_is_out_of_reach_and_unheard(browser, live):
    page = open_page(browser, live)
    publish(live, stop=STOP)
    page.wait_for_selector("#stopped:not([hidden])")
    assert page.evaluate("document.activeElement.id") == "stop-sentence"
    assert page.get_attribute("#page", "aria-hidden") == "true"
    reached = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"stop-red-flag", "stop-end"} <= reached <= {"stop-red-flag", "stop-end", ""}
    assert serious(page) == []
    publish(live, stop=None)
    page.wait_for_selector("#stopped", state="hidden")
    page.click("#pain")
    page.close()


def test_the_same_stop_is_said_once_and_shuts_no_list(browser, live):
    page = open_page(browser, live)
    publish(live, stop=STOP)
    page.wait_for_selector("#stopped:not([hidden])")
    page.evaluate(
        "window.said = 0; new MutationObserver(() => { window.said += 1; })"
        ".observe(document.getElementById('stop-said'), { subtree: true, childList: true, characterData: true })"
    )
    page.click("#stop-red-flag")
    for run_s in (762.0, 763.0):
        publish(live, stop=STOP, run_s=run_s)
    page.wait_for_function("document.getElementById('clock').textContent === '12:43'")
    assert page.evaluate("window.said") == 0
    page.click("#red-items button")
    assert wait_for_tap(page, live)[0]["type"] == "red_flag"
    page.click("#stop-end")
    assert wait_for_tap(page, live)[0]["type"] == "stop"
    page.close()


@pytest.mark.parametrize(("size", "name"), [(PHONE, "phone"), (DESKTOP, "desktop")])
def test_every_warning_sign_can_be_read_and_the_way_back_stays_in_sight(browser, live, size, name):
    page = open_page(browser, live, size)
    signs = [{"id": item.id, "text": item.text} for item in PROTOCOL.screening.questions if item.rule < "SC5"]
    publish(live, red_flags=signs)
    page.wait_for_function("document.getElementById('digits').textContent === '168'")
    page.click("#red-flag")
    shoot(page, f"live-red-flags-{name}")
    assert page.evaluate(
        "[...document.querySelectorAll('#red-items button')].every((item) => item.scrollWidth <= item.clientWidth"
        " && item.offsetHeight >= 64)"
    )
    back = page.locator("#red-cancel").bounding_box()
    assert back["y"] + back["height"] <= size["height"]
    assert serious(page) == []
    page.locator("#red-items button").last.click()
    assert wait_for_tap(page, live)[0]["item"] == signs[-1]["id"]
    page.close()


def stopped_view(action, rule, referral=None, said_limping=False):
    sentence = PROTOCOL.texts.live[action]
    stop = LiveAction(1.0, action, rule, "RED", sentence)
    return LiveView(
        None, None, None, None, None, None, None, 1, None, False, stop, referral, None, 0, said_limping
    )


def told(view):
    return live_state(view, PROTOCOL, [], 1.0, "running")


def test_a_red_flag_says_the_referral_first_and_only_worse_ones_can_follow():
    shown = told(stopped_view("REFER", "LV2", "SC3"))
    assert shown["stop"]["sentence"] == "See a doctor today."
    assert shown["stop"]["next"].startswith("Your answers need to be looked at")
    assert not any("Answer the screen now" in text for text in shown["stop"].values())
    rules = {item.id: item.rule for item in PROTOCOL.screening.questions}
    assert {rules[item["id"]] for item in shown["red_flags"]} == {"SC1", "SC2"}
    assert told(stopped_view("REFER", "LV2", "SC1"))["red_flags"] == []
    unknown = told(stopped_view("REFER", "LV2"))
    assert unknown["stop"]["sentence"] == "Stop the run here."
    assert "Today" in unknown["stop"]["next"]
    assert len(unknown["red_flags"]) == sum(rule < "SC5" for rule in rules.values())


def test_a_stop_names_the_tap_behind_it():
    pressed = told(stopped_view("STOP", "LV3", said_limping=True))["stop"]
    assert pressed["reason"] == "You said you are limping."
    uneven = told(stopped_view("STOP", "LV3"))["stop"]
    assert "uneven" in uneven["reason"]
    assert "limping" not in uneven["reason"]
    assert told(stopped_view("STOP", "LV1"))["stop"]["undo"].startswith("Tapped by mistake?")
    assert told(stopped_view("STOP", "LV5"))["stop"]["undo"] == ""
    for rule in STOP_REASONS:
        for text in told(stopped_view("STOP", rule, said_limping=rule == "LV3"))["stop"].values():
            assert lint(text) == (), text


def test_hostile_text_stays_text(browser, live):
    page = open_page(browser, live)
    nasty = "<img src=x onerror=alert(1)>"
    publish(live, sentence=nasty, block_text=nasty, red_flags=[{"id": "x", "text": nasty}])
    page.wait_for_function("document.getElementById('sentence').textContent.includes('<img')")
    page.click("#red-flag")
    assert page.locator("img").count() == 0
    assert page.inner_text("#red-items button") == nasty
    page.close()


def test_the_page_keeps_to_its_own_content_policy(browser, live):
    page = browser.new_page(viewport=PHONE)
    problems = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{live.url}/live")
    publish(live, cue=CUE)
    page.wait_for_timeout(500)
    assert page.inner_text("#digits") == "168"
    assert problems == []
    assert all(url.startswith(live.url) for url in requests)
    page.close()


def test_page_is_small(live):
    from tallrun.web.app import STATIC

    files = [STATIC / "tokens.css", STATIC / "icon.svg", *(STATIC / "live").iterdir()]
    assert sum(path.stat().st_size for path in files) < 100_000
    assert all("http://" not in path.read_text() or path.suffix == ".svg" for path in files)


def test_a_tap_sent_twice_counts_once():
    hub = LiveHub()
    assert hub.tap({"type": "pain", "score": 3, "tap_id": "a"})
    assert not hub.tap({"type": "pain", "score": 3, "tap_id": "a"})
    assert not hub.tap({"type": "pain", "score": 3})
    assert json.dumps(hub.taps.get_nowait())
