"""The live page in a real browser, over a real WebSocket, fed with made states."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from support.browser import DESKTOP, PHONE, ServerThread, chromium, serious, shoot
from support.live_run import Wire
from tallrun.coaching import lay_out
from tallrun.journal.desk import load_protocol
from tallrun.live.hub import LiveHub
from tallrun.live.state import (
    FAILED,
    RECORDER_FAILED,
    SILENCED,
    STOP_REASONS,
    SensorLight,
    after_state,
    live_state,
)
from tallrun.pipeline.live_run import IntervalView, LiveView
from tallrun.pipeline.taps import Tap
from tallrun.recovery.live import LiveAction, LiveEvent, LiveRules
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
        server.hub, server.taps, server.undone, server.outcome = hub, [], [], "done"

        def act(tap, tap_id, at_once):
            server.taps.append((tap, tap_id, at_once))
            return server.outcome

        ids = [item.id for item in PROTOCOL.screening.questions]
        server.call(hub.begin, act, lambda of: server.undone.append(of) or True, ids)
        yield server


def open_page(browser, live, size=PHONE, scheme="light"):
    page = browser.new_page(viewport=size, color_scheme=scheme, bypass_csp=True)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(f"{live.url}/live")
    page.wait_for_function("window.tallrun && window.tallrun.link.socket.readyState === 1")
    return page


def publish(live, made_s=None, **changes):
    made_s = time.monotonic() if made_s is None else made_s
    live.call(live.hub.publish, state(made_s=made_s, **changes))


def let_clocks_meet(page, live):
    for _ in range(5):
        publish(live)
        page.wait_for_timeout(30)


def taps(live):
    got = [tap for tap, _, _ in live.taps]
    live.taps.clear()
    return got


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


def test_one_press_or_the_keyboard_stops_and_what_is_held_can_be_undone(browser, live):
    page = open_page(browser, live)
    live.outcome = "held"
    publish(live)
    page.keyboard.press("Escape")
    assert wait_for_tap(page, live) == [Tap("stop")]
    page.click("#stop")
    assert wait_for_tap(page, live) == [Tap("stop")]
    publish(live, held=[{"tap_id": "a1b2c3d4", "kind": "stop", "left_s": 4.6}])
    page.wait_for_selector(".held")
    assert "5 s" in page.inner_text(".held p")
    page.click(".held .undo")
    for _ in range(100):
        if live.undone:
            break
        page.wait_for_timeout(20)
    assert live.undone == ["a1b2c3d4"]
    page.click(".held .end")
    assert wait_for_tap(page, live) == [Tap("stop")]
    publish(live, held=[])
    page.wait_for_selector(".held", state="detached")
    page.close()


def test_pain_in_one_tap_and_a_button(browser, live):
    page = open_page(browser, live)
    publish(live)
    page.click("#pain")
    shoot(page, "live-pain")
    page.click("#scores button:has-text('10')")
    assert wait_for_tap(page, live) == [Tap("pain", 10)]
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
    assert wait_for_tap(page, live)[0].kind == "red_flag"
    page.click("#stop-end")
    assert wait_for_tap(page, live)[0].kind == "stop"
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
    assert wait_for_tap(page, live)[0].item == signs[-1]["id"]
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
    from tallrun.web.live_page import STATIC

    files = [STATIC / "tokens.css", STATIC / "icon.svg", *(STATIC / "live").iterdir()]
    assert sum(path.stat().st_size for path in files) < 100_000
    assert all("http://" not in path.read_text() or path.suffix == ".svg" for path in files)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (844, 390), (320, 568), (1280, 800)], ids=str)
def test_the_three_buttons_are_on_screen_whatever_else_is_shown(browser, live, size, scheme):
    page = open_page(browser, live, {"width": size[0], "height": size[1]}, scheme)
    notices = [
        "Left foot: battery 12 %. It may not last this run.",
        "Your steps cannot be judged any more. " * 3,
    ]
    publish(live, cue=CUE, sentence=CUE["sentence"], notices=notices)
    page.wait_for_function("!document.getElementById('notices').hidden")
    shoot(page, f"live-{size[0]}x{size[1]}-{scheme}")
    for name in ("stop", "pain", "limping"):
        box = page.locator(f"#{name}").bounding_box()
        assert box["y"] >= 0, name
        assert box["y"] + box["height"] <= size[1], name
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= size[0], name
        middle = f"{box['x'] + box['width'] / 2}, {box['y'] + box['height'] / 2}"
        assert page.evaluate(f"document.elementFromPoint({middle}).closest('button').id") == name
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    # digits nobody has renewed for a second are greyed on purpose
    assert [item for item in serious(page) if 'id="digits"' not in item] == []
    page.close()


@pytest.fixture
def wire(live):
    made = Wire(live.port)
    yield made
    made.close()


def open_through(browser, live, wire):
    page = browser.new_page(viewport=PHONE, bypass_csp=True)
    page.goto(f"http://127.0.0.1:{wire.port}/live?token={live.app.state.gate.key}")
    page.wait_for_function("window.tallrun && window.tallrun.link.socket.readyState === 1")
    publish(live)
    page.wait_for_function("document.getElementById('digits').textContent === '168'")
    return page


def press_everything(page):
    page.click("#pain")
    page.click("#scores button:has-text('7')")
    page.click("#limping")
    page.click("#stop")


EVERYTHING = [Tap("pain", 7), Tap("limping"), Tap("stop")]


def wait_for_all(page, live, n=3):
    for _ in range(400):
        if len(live.taps) >= n:
            break
        page.wait_for_timeout(25)
    page.wait_for_timeout(1500)  # whatever is sent twice has come by now
    return taps(live)


def test_a_frozen_link_says_so_within_a_second_and_what_is_tapped_acts_once(browser, live, wire):
    page = open_through(browser, live, wire)
    wire.freeze()
    page.wait_for_selector("#link:not([hidden])", timeout=1800)
    press_everything(page)
    page.wait_for_function(
        "document.getElementById('unsent').textContent.includes('STOP: not')", timeout=1500
    )
    said = page.inner_text("#unsent")
    assert "STOP: not received yet" in said
    assert "Pain 7: not received yet" in said
    assert "Stop running yourself" in said
    shoot(page, "live-frozen")
    page.wait_for_timeout(3000)
    assert taps(live) == []
    wire.reset()
    wire.thaw()
    got = wait_for_all(page, live)
    assert sorted(got, key=str) == sorted(EVERYTHING, key=str)
    page.wait_for_selector("#unsent", state="hidden")
    page.close()


def test_taps_of_a_dead_link_outlive_a_reload(browser, live, wire):
    page = open_through(browser, live, wire)
    wire.freeze()
    press_everything(page)
    page.wait_for_timeout(300)
    wire.reset()
    wire.thaw()
    page.reload()
    got = wait_for_all(page, live)
    assert sorted(got, key=str) == sorted(EVERYTHING, key=str)
    assert page.evaluate("JSON.parse(sessionStorage.getItem('tallrun.taps')).length") == 0
    page.close()


def test_taps_kept_from_another_run_are_dropped(browser, live):
    page = open_page(browser, live)
    kept = [{"tap": {"type": "stop", "tap_id": "from-before", "run": "another"}, "madeAt": 0, "triedAt": 0}]
    page.evaluate(f"sessionStorage.setItem('tallrun.taps', JSON.stringify({json.dumps(kept)}))")
    page.reload()
    publish(live, run=live.hub.run_id)
    page.wait_for_timeout(1500)
    assert taps(live) == []
    assert page.evaluate("window.tallrun.link.unanswered.length") == 0
    page.close()


def test_after_the_run_the_page_shows_the_numbers_and_claims_no_recording(browser, live):
    page = open_page(browser, live)
    publish(live)
    rows = [("Distance run", "3.52 km"), ("Heart rate", "not known: no strap was heard")]
    live.call(
        live.hub.publish, after_state("The run is saved.", rows, ["No cue was asked for."], "Next.", None)
    )
    page.wait_for_selector("#after:not([hidden])")
    assert "not known: no strap was heard" in page.inner_text("#after-rows")
    assert page.locator("#after-report").is_hidden()
    page.evaluate("window.tallrun.link.connect = () => {}; window.tallrun.link.socket.close()")
    page.wait_for_timeout(1500)
    assert page.locator("#link").is_hidden()
    assert "goes on being recorded" not in page.content()
    assert serious(page) == []
    page.close()


def test_a_low_battery_is_told_and_packets_are_not_called_battery():
    view = LiveView(None, None, None, None, None, None, None, 1, None, False, None, None, None, 0)
    lights = [SensorLight("foot_left", "ok", 100.0, 12.0, "weak"), SensorLight("foot_right", "ok", 98.0)]
    made = live_state(view, PROTOCOL, lights, 1.0, "running")
    assert made["notices"] == ["Left foot: battery 12 %. It may not last this run."]
    assert [item["is_low"] for item in made["sensors"]] == [True, False]
    assert lint(made["notices"][0]) == ()
    for text in (SILENCED, FAILED.format(part="gait"), RECORDER_FAILED):
        assert lint(text) == (), text


def part(**changes):
    base = {"kind": "run", "now": "RUN", "of": "7 of 8", "place": 13, "left_s": 42.0, "next": "then walk 2:00",
            "is_last": False, "say": "Run. 1 minute. 7 of 8.", "splits": [], "n_splits": 0,
            "after": {"place": 14, "kind": "walk", "say": "Walk. 2 minutes."}}  # fmt: skip
    return base | changes


SIZES = [(390, 844), (844, 390), (320, 568)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_walk_a_rule_asks_for_is_on_the_page_of_a_free_run(browser, live, size):
    asked = LiveRules(PROTOCOL).feed(LiveEvent(10.0, "score", 5))[-1]
    view = LiveView(None, None, None, None, None, None, None, 1, None, False, None, None, asked, 0)
    state = live_state(view, PROTOCOL, [], 15.0, "running")
    page = open_page(browser, live, {"width": size[0], "height": size[1]})
    publish(live, interval=state["interval"], question=state["question"])
    page.wait_for_function("document.getElementById('part-now').textContent === 'WALK'")
    shoot(page, f"live-walk-asked-{size[0]}x{size[1]}")
    assert page.inner_text("#part-next") == "Walk for 2 minutes. Then say how it feels."
    assert page.inner_text("#part-left") in ("1:55", "1:54", "1:53")
    assert page.locator("#part-skip").is_hidden()
    for name in ("part-next", "stop", "pain", "limping"):
        box = page.locator(f"#{name}").bounding_box()
        assert 0 <= box["y"], name
        assert box["y"] + box["height"] <= size[1], name
    assert [item for item in serious(page) if 'id="digits"' not in item] == []
    page.close()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_part_of_the_run_is_huge_and_every_button_is_on_screen(browser, live, size):
    page = open_page(browser, live, {"width": size[0], "height": size[1]})
    publish(live, interval=part(), cue=CUE, sentence=CUE["sentence"])
    page.wait_for_function("document.getElementById('part-now').textContent === 'RUN 7 of 8'")
    shoot(page, f"live-part-{size[0]}x{size[1]}")
    assert page.inner_text("#part-next") == "then walk 2:00"
    assert page.evaluate("parseFloat(getComputedStyle(document.getElementById('part')).fontSize)") >= 32
    sentence, footer = (page.locator(name).bounding_box() for name in ("#sentence", "footer"))
    assert sentence["y"] + sentence["height"] <= footer["y"] + 1, "the cue lies under the buttons"
    for name in ("part-skip", "part-repeat", "part-end", "stop", "pain", "limping"):
        over = (
            f"document.getElementById('{name}').scrollWidth - document.getElementById('{name}').clientWidth"
        )
        assert page.evaluate(over) <= 0, name
        box = page.locator(f"#{name}").bounding_box()
        assert box["y"] >= 0, name
        assert box["y"] + box["height"] <= size[1], name
        middle = f"{box['x'] + box['width'] / 2}, {box['y'] + box['height'] / 2}"
        assert page.evaluate(f"document.elementFromPoint({middle}).closest('button').id") == name
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert [item for item in serious(page) if 'id="digits"' not in item] == []
    for button, kind in (("skip", "skip"), ("repeat", "repeat"), ("end", "end_early")):
        page.click(f"#part-{button}")
        assert wait_for_tap(page, live) == [Tap(kind, item="13")]
    assert page.errors == []
    page.close()


def test_a_change_is_told_once_and_pain_outranks_it(browser, live):
    page = open_page(browser, live)
    for _ in range(3):
        publish(live, interval=part())
    page.wait_for_function("document.getElementById('part-said').textContent.startsWith('Run. 1 minute')")
    last = part(place=15, of="8 of 8", is_last=True, left_s=2.5, say="Run. 1 minute. Last one.")
    publish(live, interval=last, held=[{"tap_id": "a1b2c3d4", "kind": "limping", "left_s": 7.0}])
    page.wait_for_selector(".held")
    assert page.evaluate("window.tallrun.intervals.spoken.length") == 1
    publish(live, interval=last, held=[])
    page.wait_for_function("window.tallrun.intervals.spoken.length === 2")
    assert "last one" in page.inner_text("#part-next")
    page.reload()
    page.wait_for_function("window.tallrun?.intervals.now")
    assert page.evaluate("window.tallrun.intervals.spoken") == []
    page.select_option("#part-how", "silent")
    publish(live, interval=part(place=16, kind="walk", now="WALK", of="", say="Walk. 2 minutes."))
    page.wait_for_function("document.getElementById('part-said').textContent.startsWith('Walk')")
    held = part(
        place=16, kind="held", now="WALK", of="", left_s=None, next="The intervals wait.", say="Walk."
    )
    publish(live, interval=held)
    page.wait_for_function("document.getElementById('part-left').textContent === ''")
    assert page.locator("#part-skip").is_hidden()
    publish(live, interval=None)
    page.wait_for_selector("#interval", state="hidden")
    page.close()


PLAN = """(() => {
  const { intervals: { booked }, metronome } = window.tallrun;
  if (!booked) return null;
  const plan = booked.plan.map(({ at, what }) => [what, at - booked.end]);
  return { end: booked.end, now: metronome.clock, plan };
})()"""


def test_what_is_heard_at_the_end_of_a_part_is_laid_down_on_the_audio_clock(browser, live):
    page = open_page(browser, live)
    page.click("#sound-check")
    page.wait_for_function("window.tallrun.metronome.isRunning")
    page.evaluate("""() => {
      const { metronome } = window.tallrun, book = metronome.book.bind(metronome);
      window.laid = []; window.back = 0;
      metronome.book = (at, what) => {
        const undo = book(at, what);
        window.laid.push([what, at]);
        return () => { window.back += 1; undo(); };
      };
    }""")
    page.evaluate("document.getElementById('part-how').value = 'beeped'")
    let_clocks_meet(page, live)
    begin_s = time.monotonic()
    publish(live, begin_s, interval=part(left_s=5.4))
    page.wait_for_function("window.tallrun.intervals.booked")
    first = page.evaluate(PLAN)
    passed_s = time.monotonic() - begin_s
    assert first["plan"] == [["tick", -3], ["tick", -2], ["tick", -1], ["change", 0]]
    assert 5.4 - passed_s - 0.1 < first["end"] - first["now"] < 5.5
    # states that are late, each in its own way, move nothing; nor does a cut of the network
    for late_s in (0.05, 0.7, 0.3):
        made_s = time.monotonic()
        time.sleep(late_s)
        publish(live, made_s, interval=part(left_s=5.4 - (made_s - begin_s)))
        page.wait_for_timeout(150)
    page.evaluate("window.tallrun.link.connect = () => {}; window.tallrun.link.socket.close()")
    assert page.evaluate(PLAN)["end"] == first["end"]
    assert page.evaluate("[window.laid.length, window.back]") == [4, 0]
    assert page.evaluate("window.laid.map(([, at]) => at)") == [
        first["end"] - ahead for ahead in (3, 2, 1, 0)
    ]
    page.wait_for_function("window.tallrun.intervals.spoken.length === 2", timeout=10_000)
    assert page.evaluate("window.tallrun.metronome.clock") >= first["end"]
    assert page.evaluate("window.tallrun.intervals.spoken.at(-1)") == "Walk. 2 minutes."
    page.close()


def test_the_beat_and_what_can_be_undone_keep_their_moments_however_late_a_state_comes(browser, live):
    page = open_page(browser, live)
    page.click("#sound-check")
    page.wait_for_function("window.tallrun.metronome.isRunning")
    let_clocks_meet(page, live)
    contact_s = time.monotonic()
    page_s = page.evaluate("window.tallrun.metronome.clock")
    made_s = time.monotonic()
    slack_s = made_s - contact_s  # the moment on the audio clock is known no better
    cue = CUE | {"tempo_spm": 60.0, "anchor_age_s": made_s - contact_s}
    time.sleep(0.65)
    publish(live, made_s, cue=cue)
    page.wait_for_function("window.tallrun.metronome.scheduled.length > 0")
    beat_s = page.evaluate("window.tallrun.metronome.scheduled[0]")
    off_s = (beat_s - page_s + 0.5) % 1.0 - 0.5
    assert abs(off_s) < slack_s + 0.1, "a beat a second, in step with the contact"
    held = [{"tap_id": "a1b2c3d4", "kind": "limping", "left_s": 7.0}]
    publish(live, time.monotonic() - 2.5, held=held)
    page.wait_for_selector(".held")
    assert int(re.search(r"(\d+) s$", page.inner_text(".held p")).group(1)) <= 5
    page.close()


def test_another_end_a_tap_or_silence_takes_back_what_was_laid_down(browser, live):
    page = open_page(browser, live)
    page.click("#sound-check")
    page.wait_for_function("window.tallrun.metronome.isRunning")
    publish(live, interval=part(left_s=30.0))
    page.wait_for_function("window.tallrun.intervals.booked")
    before = page.evaluate(PLAN)
    skipped = part(place=14, kind="walk", now="WALK", of="", left_s=120.0, say="Walk. 2 minutes.",
                   after={"place": 15, "kind": "run", "say": "Run. 1 minute. Last one."})  # fmt: skip
    publish(live, interval=skipped)
    page.wait_for_function("window.tallrun.intervals.now.place === 14")
    after = page.evaluate(PLAN)
    assert after["end"] > before["end"] + 80.0
    publish(live, interval=skipped | {"left_s": 60.0})
    page.wait_for_function(f"window.tallrun.intervals.booked.end < {after['end'] - 50.0}")
    page.select_option("#part-how", "silent")
    assert page.evaluate(PLAN) is None
    page.select_option("#part-how", "spoken")
    assert page.evaluate(PLAN) is not None
    page.click("#limping")  # whatever the plan had to say next, it says it no more
    assert page.evaluate(PLAN) is None
    publish(live, interval=skipped | {"after": None, "left_s": None, "kind": "held"})
    page.wait_for_function("window.tallrun.intervals.now.kind === 'held'")
    assert page.evaluate(PLAN) is None
    page.close()


def test_every_sentence_of_the_parts_passes_the_lint_and_is_true():
    parts = lay_out(2, 60.0, 90.0)
    for place, item in enumerate((*parts, None)):
        after = parts[place + 1] if place + 1 < len(parts) else None
        for is_held in (False, True):
            is_last = item is not None and item.index == 2 and item.kind == "run"
            left_s = None if item is None else item.length_s
            view = IntervalView(item, None if item is None else place, left_s, after, is_last, is_held, ())
            blank = LiveView(None, None, None, None, None, None, None, 1, None, False, None, None, None, 0)
            told_part = told(replace(blank, interval=view))["interval"]
            if item is None or is_held:
                assert told_part["after"] is None
            elif after is None:
                assert told_part["after"]["say"] == "Plan done. Walk on as you like, then tap STOP."
            for key in ("now", "next", "say"):
                assert lint(told_part[key]) == (), told_part[key]
            if item is not None and item.kind == "run" and not is_held:
                assert told_part["say"] == (
                    "Run. 1 minute. Last one." if item.index == 2 else "Run. 1 minute. 1 of 2."
                )
                assert told_part["next"] == "then walk 1:30"
