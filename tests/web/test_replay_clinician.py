"""The replay page as a clinician uses it: judge a contact by eye, correct it, take it back; any hand, any eye."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.browser import DESKTOP, PHONE, ServerThread, chromium, opened, shoot
from support.report_sources import PROTOCOL, RECORDINGS
from support.web_records import ARABIC, NASTY, add_sessions, client, fill, pretend_analysed
from tallrun.errors import SessionError
from tallrun.numerics.recording import Marker
from tallrun.sessions import read_session, write_session
from tallrun.web.app import create_app
from tallrun.web.desk import Desk
from tallrun.web.problems import add_problem_handlers
from tallrun.web.replay_api import replay_router
from tallrun.web.site import create_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("reports")]
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DONE = "document.getElementById('page').dataset.state !== 'loading'"
REPLAY = "window.tallrunReplay"
SIGNALS_READ = f"{REPLAY}.strip.tiles.at(Math.floor({REPLAY}.player.time / 10)) !== undefined"
HOSTILE_MARKS = (
    Marker(40.0, "note", NASTY), Marker(45.0, "lap", ARABIC), Marker(50.0, "pain", "4"), Marker(60.0, "cue", NASTY),
)  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The demo session and what lacks this or that; nobody coached any of them."""
    root = tmp_path_factory.mktemp("sessions")
    for name in ("demo_treadmill", "one_foot"):
        shutil.copytree(RECORDINGS / name, root / name)
    whole = read_session(root / "one_foot")
    marked = type(whole)(whole.sensors, whole.treadmill, None, HOSTILE_MARKS, whole.runner, whole.info)
    write_session(root / "hostile", marked)
    (root / "empty").mkdir()
    (root / "empty" / "session.json").write_text(
        json.dumps({"format": "tallrun-session", "version": 1, "sensors": {}})
    )

    def folder_of(session_id: str) -> Path:
        if not (root / session_id).is_dir():
            raise SessionError("There is no such session.")
        return root / session_id

    def name_of(session_id: str) -> str:
        return NASTY if session_id == "hostile" else session_id

    def make():
        app = create_app(
            routers=[replay_router(folder_of, lambda: PROTOCOL, clock=lambda: NOW, name_of=name_of)]
        )
        add_problem_handlers(app)
        return app

    with ServerThread(make) as made:
        made.root = root
        yield made


def open_page(browser, server, name="demo_treadmill", size=DESKTOP, scheme="light", **more):
    return opened(browser, f"{server.url}/replay/{name}", size, scheme, DONE, **more)


def go(page, time_s):
    page.evaluate(f"{REPLAY}.goTo({time_s})")
    page.wait_for_function(SIGNALS_READ, timeout=20_000)


def violations(page):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{item['id']}: {[node['html'][:100] for node in item['nodes'][:3]]}"
        for item in found.response["violations"]
    ]


def left_contact_after(page, time_s):
    return page.evaluate(
        f"(() => {{ const s = {REPLAY}.session; for (let row = 0; row < s.n; row += 1)"
        f" if (s.strides.foot[row] === 'left' && s.contacts[row] > {time_s}) return s.contacts[row]; }})()"
    )


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "overlays.jsonl"
    }


def undo_all(page):
    while page.locator("#notes button:has-text('Take back')").count():
        left = page.locator("#notes li").count()
        page.locator("#notes button:has-text('Take back')").first.click()
        page.wait_for_function(f"document.querySelectorAll('#notes li').length === {left - 1}")


def test_a_contact_is_corrected_shown_and_taken_back(browser, server):
    before = digests(server.root / "demo_treadmill")
    page = open_page(browser, server)
    contact = left_contact_after(page, 100.0)
    go(page, contact + 0.05)
    length = page.inner_text("#numbers div:nth-child(6) dd")
    assert " m" in length
    page.click("#fix-open")
    assert page.input_value("#fix-foot") == "left"
    assert float(page.input_value("#fix-time")) == pytest.approx(contact, abs=0.0006)
    for _ in range(3):
        page.click("#fix-more")
    page.click("#fix-less")
    assert float(page.input_value("#fix-time")) == pytest.approx(contact + 0.010, abs=0.0011)
    shoot(page, "replay-fix-open")
    page.click("#fix-keep")
    assert "who" in page.inner_text("#fix-answer").lower()
    page.fill("#fix-by", "Dr A")
    page.click("#fix-keep")
    page.wait_for_selector("#fix-form", state="hidden")
    go(page, contact + 0.05)
    numbers = page.inner_text("#numbers")
    assert "corrected by Dr A" in numbers
    assert "withheld" in numbers
    assert "1 corrected by hand, 3 strides changed" in page.inner_text("#fix-count")
    assert "corrected by Dr A" in page.inner_text("#marks")
    shoot(page, "replay-corrected")
    page.check("#as-detected")
    assert length in page.inner_text("#numbers")
    assert "corrected by Dr A" not in page.inner_text("#numbers")
    page.uncheck("#as-detected")
    page.click("summary:has-text('Notes and corrections')")
    page.reload()
    page.wait_for_function(DONE)
    go(page, contact + 0.05)
    assert "corrected by Dr A" in page.inner_text("#numbers")
    page.click("summary:has-text('Notes and corrections')")
    undo_all(page)
    assert length in page.inner_text("#numbers")
    lines = (server.root / "demo_treadmill" / "derived" / "overlays.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines[-2:]] == ["contact_moved", "taken_back"]
    assert digests(server.root / "demo_treadmill") == before
    assert page.errors == []
    page.close()


def test_dragging_a_mark_proposes_the_new_time_and_dragging_elsewhere_moves_time(browser, server):
    page = open_page(browser, server)
    contact = left_contact_after(page, 110.0)
    go(page, contact + 0.3)
    box = page.locator("#strip").bounding_box()
    x = box["x"] + page.evaluate(f"{REPLAY}.strip.xAt({contact})")
    y = box["y"] + page.evaluate(f"{REPLAY}.strip.rowBand('foot_left')[0]") + 9
    per_px = page.evaluate(f"{REPLAY}.strip.span / {REPLAY}.strip.plotWidth")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 6, y, steps=3)
    page.mouse.up()
    assert page.input_value("#fix-kind") == "contact_moved"
    assert float(page.input_value("#fix-time")) == pytest.approx(contact + 6 * per_px, abs=0.002)
    assert page.evaluate(f"{REPLAY}.player.time") == pytest.approx(contact + 0.3)
    page.click("#fix-cancel")
    third = box["y"] + page.evaluate(f"{REPLAY}.strip.rowBand('pelvis')[0]") + 20
    page.mouse.move(x, third)
    page.mouse.down()
    page.mouse.move(x - 60, third, steps=3)
    page.mouse.up()
    assert page.evaluate(f"{REPLAY}.player.time") == pytest.approx(contact + 0.3 + 60 * per_px, abs=0.01)
    # a missed contact goes where somebody points
    page.click("#fix-open")
    page.select_option("#fix-kind", "contact_added")
    right = box["y"] + page.evaluate(f"{REPLAY}.strip.rowBand('foot_right')[0]") + 20
    box = page.locator("#strip").bounding_box()
    page.mouse.click(box["x"] + 200, right)
    pointed = page.evaluate(f"{REPLAY}.strip.timeAt(200)")
    assert page.input_value("#fix-foot") == "right"
    assert float(page.input_value("#fix-time")) == pytest.approx(pointed, abs=0.002)
    assert page.errors == []
    page.close()


def test_a_touch_takes_hold_of_a_contact(browser, server):
    page = open_page(browser, server, size=PHONE, has_touch=True)
    contact = left_contact_after(page, 110.0)
    go(page, contact)
    page.locator("#strip").scroll_into_view_if_needed()
    box = page.locator("#strip").bounding_box()
    page.touchscreen.tap(box["x"] + page.evaluate(f"{REPLAY}.strip.xAt({contact})") + 8, box["y"] + 14)
    assert page.is_visible("#fix-form")
    assert page.input_value("#fix-foot") == "left"
    assert float(page.input_value("#fix-time")) == pytest.approx(contact, abs=0.0006)
    page.close()


def test_what_does_not_fit_is_refused_in_one_line(browser, server):
    page = open_page(browser, server)
    contact = left_contact_after(page, 120.0)
    go(page, contact)
    page.click("#fix-open")
    page.fill("#fix-by", "Dr A")
    page.fill("#fix-time", f"{contact + 0.6:.3f}")
    page.click("#fix-keep")
    page.wait_for_function("document.getElementById('fix-answer').textContent.includes('leaves the ground')")
    assert page.is_visible("#fix-form")
    path = f"{server.url}/api/replay/demo_treadmill/notes"
    body = {"by": "x", "kind": "contact_removed", "t_s": 1.0, "foot": "left"}
    answer = page.request.post(path, data=body)
    assert answer.status == 422
    assert "no detected contact" in answer.json()["message"]
    outside = page.request.post(path, data=body | {"kind": "contact_added", "t_s": 1e6})
    assert outside.status == 422
    assert "outside of the session" in outside.json()["message"]
    long = page.request.get(f"{server.url}/api/replay/demo_treadmill/signals?start_s=0&end_s=3600")
    assert long.status == 422
    assert "at most 60 s" in long.json()["message"]
    assert page.request.get(f"{server.url}/api/replay/demo_treadmill/notes").json()["notes"] == []
    page.close()


def test_keyboard_alone_corrects_and_takes_back(browser, server):
    page = open_page(browser, server, "one_foot")
    side = page.evaluate(f"{REPLAY}.session.strides.foot[20]")
    contact = page.evaluate(f"{REPLAY}.session.contacts[20]")
    go(page, contact)

    def tab_to(target):
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement === document.querySelector({json.dumps(target)})"):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"focus on {target} cannot be seen"
                return
        raise AssertionError(f"{target} cannot be reached by keyboard")

    for target in ("#fix-open", "#play", "#lanes", "#worst"):
        page.evaluate("document.activeElement.blur()")
        tab_to(target)
    page.evaluate("document.activeElement.blur()")
    go(page, contact)
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.id") == "fix-time"
    assert page.input_value("#fix-foot") == side
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(".")
    page.keyboard.press(".")
    assert float(page.input_value("#fix-time")) == pytest.approx(contact + 0.010, abs=0.0006)
    page.focus("#fix-by")
    page.keyboard.type("Dr K")
    page.keyboard.press("Enter")
    page.wait_for_selector("#fix-form", state="hidden")
    assert page.evaluate("document.activeElement.id") == "fix-open"
    tab_to("#notes-box summary")
    page.keyboard.press("Enter")
    tab_to("#notes button[aria-label^='Take back']")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('#notes li').length === 0")
    page.keyboard.press("Escape")
    page.close()


def test_marks_of_each_foot_are_drawn_on_its_own_row(browser, server):
    page = open_page(browser, server)
    go(page, 100.0)
    page.wait_for_timeout(200)
    for foot, colour in (("left", (0x00, 0x72, 0xB2)), ("right", (0xB3, 0x47, 0x00))):
        found = page.evaluate(
            f"(() => {{ const s = {REPLAY}.session, t = {REPLAY}.strip;"
            f" let row = s.nearest(99.2, '{foot}');"
            f" const x = Math.round(t.xAt(s.contacts[row])), y = Math.round(t.rowBand('foot_{foot}')[0] + 9);"
            " return [...document.getElementById('strip').getContext('2d').getImageData(x, y, 1, 1).data]; })()"
        )
        assert tuple(found[:3]) == pytest.approx(colour, abs=3), foot
    page.close()


def test_signals_are_fetched_in_pieces_and_kept(browser, server):
    page = open_page(browser, server)
    go(page, 60.0)
    page.wait_for_function(f"!{REPLAY}.strip.tiles.isBusy")
    asked = [url for url in page.asked if "/signals?" in url]
    assert asked
    assert all(url.endswith(f"end_s={int(url.split('start_s=')[1].split('&')[0]) + 10}") for url in asked)
    for time_s in (60.5, 61.0, 62.0, 65.0, 60.0):
        go(page, time_s)
    assert [url for url in page.asked if "/signals?" in url] == asked
    assert len(set(asked)) == len(asked)
    page.close()


def test_cues_that_nobody_was_given_are_named_and_drawn_so(browser, server):
    page = open_page(browser, server)
    assert page.evaluate(f"{REPLAY}.session.cues.length") >= 1
    marks = page.inner_text("#marks")
    assert "would cue:" in marks
    assert "\ncue" not in marks
    assert page.evaluate(f"{REPLAY}.lanes.rows").count("would cue") == 1
    assert "Nobody was given them" in page.inner_text("#lanes-note")
    assert "not coached live" in page.inner_text("#facts")
    assert "Thu, 1 Jan 2026, 08:00" in page.inner_text("#facts")
    page.close()


def test_standing_and_missing_sensors_are_said_not_frozen(browser, server):
    page = open_page(browser, server)
    go(page, 120.0)
    assert "steps/min" in page.inner_text("#numbers")
    assert page.inner_text("#figure-now") == ""
    go(page, 2.0)
    assert "Standing: no stride to draw." in page.inner_text("#figure-now")
    assert "steps/min" not in page.inner_text("#numbers")
    assert "standing" in page.inner_text("#numbers")
    last = page.evaluate(f"{REPLAY}.session.contacts[{REPLAY}.session.n - 1]")
    go(page, last + 0.1)
    assert not page.inner_text("#numbers div:first-child dd").startswith("–")
    go(page, last + 1.6)
    assert page.inner_text("#numbers div:first-child dd").startswith("–"), "the last stride is long over"
    page.close()
    page = open_page(browser, server, "one_foot")
    go(page, 25.0)
    words = page.inner_text("#figure-now")
    assert "No sensor on the" in words
    assert "No sensor at the pelvis." in words
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility_rules_hold_in_every_state(browser, server, scheme):
    for size in (DESKTOP, PHONE):
        page = open_page(browser, server, scheme=scheme, size=size)
        go(page, 120.0)
        assert violations(page) == []
        page.evaluate("document.querySelectorAll('details').forEach((box) => { box.open = true; })")
        page.fill("#note-by", "Dr A")
        page.fill("#note-text", "look")
        page.click("#note-form button[type=submit]")
        page.wait_for_selector("#notes li")
        page.click("#fix-open")
        assert violations(page) == []
        shoot(page, f"replay-all-open-{'phone' if size == PHONE else 'desktop'}-{scheme}")
        undo_all(page)
        page.close()
    for name in ("empty", "nobody", "one_foot"):
        page = open_page(browser, server, name, scheme=scheme, size=PHONE)
        assert violations(page) == []
        page.close()


def test_twice_the_size_and_narrow_windows_fit(browser, server):
    for size, ratio in (({"width": 640, "height": 400}, 2), ({"width": 320, "height": 640}, 2)):
        page = open_page(browser, server, size=size, device_scale_factor=ratio)
        go(page, 120.0)
        page.evaluate("document.querySelectorAll('details').forEach((box) => { box.open = true; })")
        page.click("#fix-open")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        shoot(page, f"replay-zoom-{size['width']}")
        page.focus("#fix-time")
        page.keyboard.press("Tab")
        box = page.locator("#fix-less").bounding_box()
        bar = page.locator("#controls").bounding_box()
        assert box["y"] + box["height"] <= bar["y"] + 1, "the bar of buttons lies over what has the focus"
        page.close()


def test_with_reduced_motion_the_figure_stands_at_each_landing(browser, server):
    page = open_page(browser, server, reduced_motion="reduce")
    go(page, 100.0)
    page.evaluate(
        f"(() => {{ const view = {REPLAY}.sideView, draw = view.draw.bind(view); window.drawn = [];"
        " view.draw = (time) => { window.drawn.push(time); return draw(time); }; })()"
    )
    page.click("#play")
    page.wait_for_function(f"{REPLAY}.player.time > 101.5", timeout=20_000)
    page.click("#play")
    drawn = page.evaluate("window.drawn.slice(1, -1)")
    contacts = set(page.evaluate(f"Array.from({REPLAY}.session.contacts)"))
    assert len(drawn) > 5
    assert set(drawn) <= contacts
    assert page.evaluate(f"{REPLAY}.sideView.hasGhosts") is False
    page.close()


def test_hostile_and_right_to_left_text_stays_text(browser, server):
    page = open_page(browser, server, "hostile", size=PHONE)
    page.wait_for_function("document.getElementById('title').textContent.startsWith('<img')")
    assert page.inner_text("#title") == NASTY
    marks = page.inner_text("#marks")
    assert NASTY in marks
    assert ARABIC in marks
    page.click("summary:has-text('Notes and corrections')")
    page.fill("#note-by", NASTY)
    for words in (NASTY, ARABIC, "‮evil‬ \u2028 two"):
        page.fill("#note-text", words)
        many = page.locator("#notes li").count()
        page.click("#note-form button[type=submit]")
        page.wait_for_function(f"document.querySelectorAll('#notes li').length === {many + 1}")
    notes = page.inner_text("#notes")
    assert NASTY in notes
    assert ARABIC in notes
    contact = page.evaluate(f"{REPLAY}.session.contacts[20]")
    go(page, contact)
    page.click("#fix-open")
    page.click("#fix-more")
    page.click("#fix-keep")
    page.wait_for_selector("#fix-form", state="hidden")
    go(page, contact + 0.05)
    assert f"corrected by {NASTY}" in page.inner_text("#numbers")
    assert page.evaluate("window.pwned") is None
    assert page.locator("#page img, #page script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    shoot(page, "replay-hostile")
    assert page.errors == []
    page.close()


def test_alone_there_is_no_way_to_pages_that_do_not_exist(browser, server):
    page = open_page(browser, server)
    assert not page.is_visible("#nav")
    assert not page.is_visible("#to-report")
    assert not [url for url in page.asked if "/api/sessions" in url]
    page.close()


def test_inside_the_app_there_are_ways_back_and_on(browser, tmp_path):
    fill(tmp_path / "records")
    add_sessions(tmp_path / "sessions")
    for name in ("demo_treadmill", "one_foot"):
        pretend_analysed(tmp_path / "sessions" / name)
    desk = Desk(tmp_path / "records", tmp_path / "sessions", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as site, client(site.url) as api:
        api.post("/sessions/scan")
        listed = {item["folder_name"]: item["session_id"] for item in api.get("/sessions").json()}
        api.post(
            f"/sessions/{listed['demo_treadmill']}/rename", json={"title": NASTY, "note": "", "tags": []}
        )
        page = open_page(browser, site, listed["demo_treadmill"])
        page.wait_for_function("document.getElementById('title').textContent.startsWith('<img')")
        assert [link.inner_text() for link in page.locator("#nav a:visible").all()] == [
            "Today", "Sessions", "Recovery", "Plan", "Settings",
        ]  # fmt: skip
        page.wait_for_selector("#compare-with", state="visible")
        assert page.get_attribute("#to-report", "href") == f"/report/{listed['demo_treadmill']}"
        page.select_option("#other", listed["one_foot"])
        assert (
            page.get_attribute("#to-compare", "href")
            == f"/compare?a={listed['one_foot']}&b={listed['demo_treadmill']}"
        )
        shoot(page, "replay-in-app")
        assert violations(page) == []
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        shoot(page, "replay-in-app-phone")
        page.click("#nav a:has-text('Sessions')")
        page.wait_for_url("**/sessions")
        assert page.errors == []
        page.close()
    desk.close()
