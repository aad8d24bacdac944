"""Replay and comparison in a real browser: demo session, an hour, missing sensors; phone and desktop."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.browser import DESKTOP, PHONE, ServerThread, chromium, opened, shoot
from support.report_sources import HOSTILE, PROTOCOL, RECORDINGS, demo_source
from tallrun import simulate
from tallrun.coaching import plan_session
from tallrun.errors import SessionError
from tallrun.pipeline import PipelineSetup
from tallrun.pipeline.live_run import LiveSetup
from tallrun.pipeline.setup_record import KEY, setup_record
from tallrun.report import build_report
from tallrun.sessions import write_session
from tallrun.web.app import create_app
from tallrun.web.compare_api import compare_router
from tallrun.web.problems import add_problem_handlers
from tallrun.web.replay_api import replay_router

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("reports")]
READY = "document.getElementById('page').dataset.state === 'ready'"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def hour() -> object:
    """An hour of two feet at a small rate."""
    programme = simulate.Programme((simulate.Bout("stand", 8.0), simulate.Bout("run", 3590.0, 2.8)))
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(50.0), seed=6)
    return recording


@pytest.fixture(scope="module")
def server(tmp_path_factory, hour):
    root = tmp_path_factory.mktemp("sessions")
    for name in ("demo_treadmill", "one_foot"):
        shutil.copytree(RECORDINGS / name, root / name)
    coached = LiveSetup(
        PipelineSetup.of(demo_source().recording),
        plan_session(225.0, learning_s=80.0, probe_s=20.0),
        PROTOCOL,
    )
    told = json.loads((root / "demo_treadmill" / "session.json").read_text(encoding="utf-8"))
    told[KEY] = setup_record(coached)
    (root / "demo_treadmill" / "session.json").write_text(json.dumps(told), encoding="utf-8")
    write_session(root / "hour", hour)
    empty = root / "empty"
    empty.mkdir()
    (empty / "session.json").write_text(
        json.dumps({"format": "tallrun-session", "version": 1, "sensors": {}})
    )

    def folder_of(session_id: str) -> Path:
        if session_id not in ("demo_treadmill", "one_foot", "hour", "empty"):
            raise SessionError("There is no such session.")
        return root / session_id

    def make():
        app = create_app(
            routers=[replay_router(folder_of, lambda: PROTOCOL, clock=lambda: NOW), compare_router(folder_of)]
        )
        add_problem_handlers(app)
        return app

    with ServerThread(make) as made:
        made.root = root
        yield made


def open_page(browser, server, path, size=DESKTOP, scheme="light", wait=READY):
    return opened(browser, f"{server.url}{path}", size, scheme, wait)


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def time_of(page):
    return page.evaluate("window.tallrunReplay.player.time")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "name"), [(PHONE, "phone"), (DESKTOP, "desktop")])
def test_demo_session_plays_and_fits(browser, server, size, name, scheme):
    page = open_page(browser, server, "/replay/demo_treadmill", size, scheme)
    page.evaluate("window.tallrunReplay.goTo(120.2)")
    shoot(page, f"replay-{name}-{scheme}")
    assert fits(page)
    page.click("#play")
    page.wait_for_function("window.tallrunReplay.player.time > 120.5", timeout=10_000)
    assert "Pause" in page.inner_text("#play")
    assert page.errors == []
    page.close()


def test_keys_step_strides_marks_and_speed(browser, server):
    page = open_page(browser, server, "/replay/demo_treadmill")
    contacts = page.evaluate("Array.from(window.tallrunReplay.session.contacts)")
    page.evaluate("document.activeElement.blur(); window.tallrunReplay.goTo(60)")
    page.keyboard.press("ArrowRight")
    expected = next(item for item in contacts if item > 60)
    assert time_of(page) == pytest.approx(expected, abs=1e-6)
    page.keyboard.press("ArrowLeft")
    assert time_of(page) == pytest.approx(max(item for item in contacts if item < expected), abs=1e-6)
    page.keyboard.press("Shift+ArrowRight")
    marks = page.evaluate(
        "(({flags, cues}) => [...flags.map((item) => item.start_s), ...cues.map((item) => item.at_s)])"
        "(window.tallrunReplay.session)"
    )
    assert time_of(page) == pytest.approx(min(item for item in marks if item > 60), abs=1e-6)
    page.keyboard.press("5")
    page.keyboard.press(" ")
    began = time_of(page)
    page.wait_for_timeout(600)
    page.keyboard.press(" ")
    assert time_of(page) - began > 3.0
    box = page.locator("#lanes").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 11, box["y"] + 20)
    assert time_of(page) > 0.98 * page.evaluate("window.tallrunReplay.session.duration_s")
    page.close()


def test_left_foot_is_drawn_with_the_left_foots_own_shape(browser, server):
    page = open_page(browser, server, "/replay/demo_treadmill")
    waves, strides = demo_source().waves, demo_source().tables.strides
    for foot in ("left", "right"):
        rows = strides[strides["foot"] == foot].reset_index(drop=True)
        place = int(rows.index[(rows["initial_contact_s"] > 60) & (rows["mode"] == "run")][0])
        shown = page.evaluate(f"Array.from(window.tallrunReplay.session.shape('{foot}', {place}, 2))")
        assert shown == pytest.approx(waves[foot][place, ::2, 2].tolist(), abs=2e-4)
    page.close()


def test_notes_are_kept_escaped_and_can_be_taken_back(browser, server):
    page = open_page(browser, server, "/replay/one_foot")
    page.click("text=Notes and corrections")
    page.fill("#note-by", "Dr A")
    page.fill("#note-text", HOSTILE)
    page.click("#note-form button[type=submit]")
    page.wait_for_selector("#notes li")
    assert HOSTILE in page.inner_text("#notes")
    assert page.evaluate("window.owned") is None
    lines = (server.root / "one_foot" / "derived" / "overlays.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[-1])["at"] == "2026-11-21T09:00:00+00:00"
    shoot(page, "replay-one-foot-note")
    page.click("text=Take back")
    page.wait_for_function("document.querySelectorAll('#notes li').length === 0")
    assert page.errors == []
    page.close()


def test_what_if_runs_again_and_refuses_nonsense(browser, server):
    page = open_page(browser, server, "/replay/demo_treadmill")
    page.click("summary:has-text('What if')")
    page.fill("#if-target", "155")
    page.click("#what-if button[type=submit]")
    page.wait_for_function(
        "/ cues? \\(was/.test(document.getElementById('if-answer').textContent)", timeout=60_000
    )
    shoot(page, "replay-what-if")
    was = page.evaluate("window.tallrunReplay.session.cues.length")
    assert was >= 1
    page.fill("#if-target", "")
    page.select_option("#if-focus", "none")
    page.click("#what-if button[type=submit]")
    page.wait_for_function(
        f"document.getElementById('if-answer').textContent.startsWith('0 cues (was {was})')", timeout=60_000
    )
    answer = page.request.get(f"{server.url}/api/replay/demo_treadmill/what-if?target_spm=20")
    assert answer.status == 422
    assert "120 to 220" in answer.json()["message"]
    page.close()


def test_an_hour_scrubs_smoothly(browser, server):
    page = open_page(browser, server, "/replay/hour")
    page.evaluate("window.tallrunReplay.goTo(1800)")
    page.keyboard.press("5")
    began = page.evaluate("[performance.now(), window.tallrunReplay.player.frames]")
    page.click("#play")
    page.wait_for_timeout(1500)
    ended = page.evaluate("[performance.now(), window.tallrunReplay.player.frames]")
    page.click("#play")
    per_s = 1000.0 * (ended[1] - began[1]) / (ended[0] - began[0])
    shoot(page, "replay-hour")
    assert per_s > 10.0, f"{per_s:.0f} frames/s on an hour"
    page.close()


def test_missing_data_says_what_is_missing(browser, server):
    done = "document.getElementById('page').dataset.state !== 'loading'"
    page = open_page(browser, server, "/replay/one_foot", PHONE)
    page.evaluate("window.tallrunReplay.goTo(25)")
    assert "withheld" in page.inner_text("#numbers")
    shoot(page, "replay-one-foot-phone")
    page.close()
    page = open_page(browser, server, "/replay/empty", PHONE, wait=done)
    assert "nothing to play" in page.inner_text("#state")
    shoot(page, "replay-empty-phone")
    page.close()
    page = open_page(browser, server, "/replay/nobody", PHONE, wait=done)
    assert "no such session" in page.inner_text("#state")
    assert page.is_visible("#retry")
    shoot(page, "replay-error-phone")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "name"), [(PHONE, "phone"), (DESKTOP, "desktop")])
def test_comparison_fits_and_prints_on_three_sheets(browser, server, size, name, scheme):
    page = open_page(
        browser, server, "/compare?a=demo_treadmill&b=hour", size, scheme, "document.querySelector('.tools')"
    )
    shoot(page, f"compare-{name}-{scheme}")
    assert fits(page)
    assert page.errors == []
    if (name, scheme) == ("desktop", "light"):
        for paper in ("A4", "Letter"):
            assert page.pdf(format=paper).count(b"/Type /Page\n") == 3
    page.close()


def test_unmatched_and_hand_out_pages(browser, server):
    page = open_page(browser, server, "/compare?a=demo_treadmill&b=empty", PHONE, wait=None)
    assert "do not match" in page.inner_text("body")
    shoot(page, "compare-unmatched-phone")
    page.goto(f"{server.url}/compare/handout?a=demo_treadmill&b=hour&note=Easy%20does%20it")
    assert "Easy does it" in page.inner_text("body")
    places = page.locator("svg.chart text[text-anchor=middle]").all_text_contents()
    assert [word for word in places if word] == ["before", "now", "ms"]  # no amounts between the two
    shoot(page, "handout-phone")
    page.close()


PAPERS = {"a4": (688, 1017), "letter": (710, 949)}


def test_report_prints_page_one_on_one_sheet_and_draws_every_figure(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(build_report(demo_source()), encoding="utf-8")
    for name, size, scheme in (("phone", PHONE, "light"), ("phone", PHONE, "dark"), ("desktop", DESKTOP, "light"),
                               ("desktop", DESKTOP, "dark")):  # fmt: skip
        page = browser.new_page(viewport=size, color_scheme=scheme)
        page.goto(path.as_uri())
        shoot(page, f"report-{name}-{scheme}")
        assert fits(page)
        page.close()
    for paper, (width, height) in PAPERS.items():
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(path.as_uri())
        page.emulate_media(media="print")
        page.evaluate("window.tallrunDrawAll()")
        page.wait_for_function(
            "[...document.querySelectorAll('.plot')].every((box) => box.querySelector('svg'))"
        )
        bottom = page.evaluate("document.getElementById('page-one').getBoundingClientRect().bottom")
        shoot(page, f"report-print-{paper}")
        assert bottom <= height, f"page one is {bottom:.0f} px high, a sheet of {paper} has {height}"
        pdf = page.pdf(format=paper.capitalize() if paper == "letter" else "A4")
        assert pdf.startswith(b"%PDF")
        assert 3 <= pdf.count(b"/Type /Page\n") <= 12
        page.close()
