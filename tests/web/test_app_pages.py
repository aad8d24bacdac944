"""The pages of the web app in a real browser: filled and empty records, phone and desktop, light and dark."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from support.browser import DESKTOP, PHONE, SHOTS, ServerThread, chromium, opened, serious
from support.web_records import ARABIC, NASTY, NOW, add_sessions, client, fill, pretend_analysed
from tallrun.recovery.model import STATES
from tallrun.web.desk import Desk, look_for_sessions
from tallrun.web.site import create_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SIZES = {"phone": PHONE, "desktop": DESKTOP}
VIEWS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
#: What the rules call a state or a grade among themselves.
RAW = re.compile(
    rf"\b(?:{'|'.join((*(name for name in STATES if name not in ('RUN', 'WALK')), 'UNKNOWN'))})\b"
)
PAGES = ["today", "sessions", "recovery", "plan", "settings"]


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    fill(folder / "records")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory, template):
    """A filled store with one analysed recording, for tests that change nothing."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(template / "records", folder / "records")
    add_sessions(folder / "sessions")
    pretend_analysed(folder / "sessions" / "demo_treadmill")
    (folder / "records" / "pairing.json").write_text(json.dumps({"version": 1, "sensors": [
        {"placement": name, "address": f"C0:FF:EE:00:00:0{number}", "config": "open-imu", "name": f"tallrun {name}"}
        for number, name in enumerate(("foot_left", "foot_right", "pelvis"))
    ]}))  # fmt: skip
    (folder / "records" / "standing.json").write_text(
        json.dumps({"version": 1, "sensors": {"pelvis": {"at": "2026-03-01T10:00:00+00:00"}}})
    )
    desk = Desk(folder / "records", folder / "sessions", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        api.post("/sessions/scan")
        listed = {item["folder_name"]: item["session_id"] for item in api.get("/sessions").json()}
        recorded_runs(desk, folder / "sessions")
        server.api, server.analysed, server.raw = api, listed["demo_treadmill"], listed["one_foot"]
        yield server
    desk.close()


def recorded_runs(desk, folder):
    """Let every third run have been recorded with sensors, its cadence rising slowly."""
    mine = desk.records(None)
    for number, run in enumerate(mine.store.runs(mine.runner_id)[1::3]):
        session = folder / f"run_{number + 1}"
        pretend_analysed(session, 162.0 + number)
        (session / "session.json").write_text("{}")
        mine.store.index_session(
            mine.runner_id, session_id=run.session_id, started_at=run.started_at, folder=session,
            duration_s=run.minutes * 60, context={"surface": "treadmill", "tags": ["run/walk"]},
            summary=json.loads((session / "derived" / "summary.json").read_text()),
        )  # fmt: skip


@pytest.fixture
def fresh(tmp_path, template):
    """A filled store of its own, for tests that write."""
    shutil.copytree(template / "records", tmp_path / "records")
    desk = Desk(tmp_path / "records", tmp_path / "sessions", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        server.api, server.folder = api, tmp_path / "records"
        yield server
    desk.close()


@pytest.fixture
def bare(tmp_path):
    desk = Desk(tmp_path / "records", tmp_path / "sessions", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        server.api = api
        yield server
    desk.close()


def open_page(browser, server, path, size=PHONE, scheme="light", **more):
    is_loaded = "#main[data-state]:not([data-state=loading])"
    more = {"bypass_csp": False, "locale": "en-GB", **more}
    return opened(browser, f"{server.url}/{path}", size, scheme, is_loaded, **more)


def keep(page, name):
    """Keep a picture of the whole page, or of the window where a dialog lies over it."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(
        path=str(SHOTS / f"app-{name}.png"),
        full_page=page.locator("dialog[open]").count() == 0,
        animations="disabled",
    )


def overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def show_as(page, size, scheme):
    """Change width and theme without loading again."""
    page.set_viewport_size(SIZES[size])
    page.emulate_media(color_scheme=scheme)
    page.wait_for_timeout(150)


@pytest.mark.parametrize("name", PAGES)
def test_page_of_a_filled_store(browser, place, name):
    page = open_page(browser, place, name)
    assert page.get_attribute("#main", "data-state") == "ready"
    assert page.locator("h1").count() == 1
    assert page.locator("#nav [aria-current=page]").count() == 1
    for size, scheme in VIEWS:
        show_as(page, size, scheme)
        if name == "recovery":
            page.wait_for_selector(".plot .main-svg")
        keep(page, f"{name}-{size}-{scheme}")
        assert overflow(page) <= 0
    page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true; })")
    for size, scheme in (("phone", "light"), ("desktop", "dark")):
        show_as(page, size, scheme)
        keep(page, f"{name}-{size}-{scheme}-unfolded")
        assert overflow(page) <= 0
        assert serious(page) == []
    assert not RAW.findall(page.inner_text("body")), "states and grades are words where a person reads"
    for width in (640, 320):  # a desktop and a phone at 200 %
        page.set_viewport_size({"width": width, "height": 640})
        page.wait_for_timeout(150)
        assert overflow(page) <= 0, f"{name} scrolls sideways at {width} px"
    assert page.problems == []
    assert all(url.startswith((place.url, "data:", "blob:")) for url in page.asked)
    page.close()


def test_report_page_is_shut_in(browser, place):
    page = open_page(browser, place, f"report/{place.analysed}")
    frame = page.frame_locator("iframe.report-frame")
    frame.locator("html[data-done=yes]").wait_for()
    assert frame.locator("#told").inner_text() == "shut in"
    assert page.title().startswith("Report: Demo, Thu 1 Jan 2026")
    assert "allow-same-origin" not in page.get_attribute("iframe", "sandbox")
    for size, scheme in VIEWS:
        show_as(page, size, scheme)
        keep(page, f"report-{size}-{scheme}")
        assert overflow(page) <= 0
    assert serious(page) == []
    page.close()


def test_report_is_made_with_an_estimate_when_it_is_not_there(browser, place):
    states = [("running", 0.0, None), ("running", 0.4, 12.0), ("failed", 0.4, None)]

    def answer(route):
        state, share, left = states.pop(0) if len(states) > 1 else states[0]
        told = {
            "session_id": place.raw,
            "state": state,
            "share": share,
            "seconds_left": left,
            "message": "The disk is full.",
        }
        route.fulfill(json=told)

    page = browser.new_page(viewport=PHONE, bypass_csp=True)
    page.route("**/analysis*", answer)
    page.goto(f"{place.url}/report/{place.raw}")
    page.wait_for_function("document.body.innerText.includes('about 12 s left')")
    keep(page, "report-being-made")
    page.wait_for_selector(".failure")
    assert "The disk is full." in page.inner_text(".failure")
    page.close()


def test_empty_database_says_what_to_do_first(browser, bare):
    page = open_page(browser, bare, "today")
    assert page.get_attribute("#main", "data-state") == "empty"
    assert page.locator("main button").count() == 1
    for size, scheme in VIEWS:
        show_as(page, size, scheme)
        keep(page, f"empty-{size}-{scheme}")
        assert overflow(page) <= 0
    page.click("text=Say who runs")
    for size, scheme in VIEWS:
        show_as(page, size, scheme)
        keep(page, f"setup-{size}-{scheme}")
        assert overflow(page) <= 0
    assert serious(page) == []
    for name in PAGES[1:]:
        page.goto(f"{bare.url}/{name}")
        page.wait_for_selector("#main[data-state=empty]")
        assert page.locator("main button").count() == 1
    page.close()


def test_a_height_in_centimetres_is_one_and_a_bad_pace_is_told_at_its_field(browser, bare):
    page = open_page(browser, bare, "today")
    page.click("text=Say who runs")
    height, pace = page.get_by_label("Or your height [m]"), page.get_by_label("Usual easy pace")
    height.fill("178")
    assert "about 0.94 m" in page.locator("form").inner_text()
    height.blur()
    assert height.input_value() == "1.78"
    assert height.evaluate("input => input.checkValidity()")
    pace.fill("6.30")
    assert "such as 6:30" in pace.evaluate("input => input.validationMessage")
    pace.fill("6:30")
    assert pace.evaluate("input => input.validationMessage") == ""
    page.close()


def test_set_up_then_today_then_empty_sessions(browser, bare):
    page = open_page(browser, bare, "today", bypass_csp=True)
    page.click("text=Say who runs")
    page.select_option("main select >> nth=0", "right")
    page.get_by_label("Time zone").fill("Europe/Amsterdam")
    page.get_by_label("Usual easy pace").fill("6:99")
    page.click("text=Save and go on")
    pace = page.get_by_label("Usual easy pace")
    assert "6:30" in pace.evaluate("input => input === document.activeElement && input.validationMessage")
    page.get_by_label("Usual easy pace").fill("6:30")
    page.click("text=Save and go on")
    page.wait_for_selector("#main[data-state=ready]")
    assert page.get_attribute(".verdict", "data-state") == "LOG_FIRST"
    keep(page, "today-after-setup")
    page.goto(f"{bare.url}/sessions")
    page.wait_for_selector(".empty")
    keep(page, "sessions-empty")
    page.goto(f"{bare.url}/recovery")
    page.wait_for_selector("#main[data-state=ready]")
    keep(page, "recovery-empty")
    assert page.problems == []
    page.close()


def test_one_tap_keeps_a_score_and_undo_takes_it_back(browser, fresh):
    page = open_page(browser, fresh, "today", bypass_csp=True)
    keep(page, "today-due")
    page.locator("[data-question=morning]").get_by_label("Pain 2 of 10").click()
    page.wait_for_selector(".noted")
    assert "Noted: 2 of 10" in page.inner_text(".noted")
    page.wait_for_function("document.getElementById('said').textContent.includes('Noted: 2')")
    kept = fresh.api.get("/pain", params={"days": 1}).json()[-1]
    assert (kept["kind"], kept["score"], kept["load_test"]) == ("morning", 2, "single_leg_bridge")
    assert page.locator("[data-question=morning]").count() == 0
    page.click("text=Undo")
    page.locator("[data-question=morning]").wait_for()
    page.locator("[data-question=limping]").get_by_text("No", exact=True).click()
    page.wait_for_function("!document.querySelector('[data-question=limping]')")
    page.locator(".folded").filter(has_text="Strength phase").locator("> summary").click()
    page.get_by_label("slow single-leg bridge, done today").click()
    page.wait_for_selector(".todo [aria-pressed=true]")  # still unfolded
    assert fresh.api.get("/exercises", params={"days": 1}).json()[-1]["name"] == "slow single-leg bridge"
    page.close()


def test_a_high_score_changes_the_card_at_once(browser, fresh):
    page = open_page(browser, fresh, "today", bypass_csp=True)
    page.locator("[data-question=morning]").get_by_label("Pain 7 of 10").click()
    page.wait_for_selector(".verdict[data-state=REST48]")
    assert page.locator(".dose").count() == 0
    keep(page, "today-rest48")
    page.click("text=Why")
    keep(page, "today-rest48-why")
    assert page.locator(".rule code").count() >= 2
    fresh.api.post("/screen", json={"answers": {"saddle_numbness": True}})
    page.reload()
    page.wait_for_selector(".verdict[data-state=REFER]")
    keep(page, "today-refer")
    assert "emergency" in page.inner_text(".verdict")
    assert page.locator(".todo").count() == 0, "a referral comes with no other advice"
    page.close()


def in_sight(page):
    """Whether the verdict's heading has the focus and lies inside the window, below the bar on top."""
    page.wait_for_function("document.activeElement.id === 'verdict-head'")
    page.wait_for_function(
        "(() => { const box = document.getElementById('verdict-head').getBoundingClientRect();"
        " return box.top >= document.getElementById('top').offsetHeight && box.bottom <= innerHeight; })()"
    )
    return True


def test_a_walk_for_pain_looks_like_waiting_and_names_the_score(browser, fresh):
    page = open_page(browser, fresh, "today", bypass_csp=True)
    page.get_by_role("button", name="Another score").click()
    page.locator("dialog").get_by_label("Pain 4 of 10").click()
    page.get_by_role("button", name="Keep this score").click()
    page.wait_for_selector(".verdict[data-state=WALK]")
    assert page.get_attribute(".verdict", "data-tone") == "wait"
    card = page.inner_text(".verdict")
    assert "✓" not in card
    assert "Walk, no run" in page.inner_text("#verdict-head")
    assert "Your score today is 4." in card
    assert in_sight(page)
    keep(page, "today-walk-for-pain")
    page.goto(f"{fresh.url}/recovery")
    page.wait_for_selector("#main[data-state=ready]")
    given = page.get_by_role("region", name="Advice given").first
    assert "Walk, no run" in given.inner_text()
    assert "REST DAY" not in given.inner_text()
    page.close()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_changed_verdict_comes_into_sight_from_the_foot_of_the_page(browser, fresh, motion):
    page = open_page(browser, fresh, "today", bypass_csp=True, reduced_motion=motion)
    page.get_by_role("button", name="Another score").scroll_into_view_if_needed()
    page.get_by_role("button", name="Another score").click()
    page.locator("dialog").get_by_label("Pain 8 of 10").click()
    page.get_by_role("button", name="Keep this score").click()
    page.wait_for_selector(".verdict[data-state=REST48]")
    assert page.locator(".verdict [role=alert] #verdict-head").count() == 1
    assert "A score of 6 or more was logged." in page.inner_text(".verdict [role=alert]")
    assert in_sight(page)
    page.close()


REFERRALS = {
    "saddle_numbness": "Go to an emergency department now",
    "chest_pain": "Call emergency help now",
    "pop_or_tear": "See a doctor today",
    "fever": "See a doctor within days",
}


def test_a_referral_has_its_urgency_in_the_biggest_print(browser, fresh):
    page = open_page(browser, fresh, "today", bypass_csp=True, reduced_motion="reduce")
    # the least urgent first: each answer is given on the page, on top of those before
    for question, words in reversed(REFERRALS.items()):
        button = page.get_by_role("button", name="Screening questions")
        button.scroll_into_view_if_needed()
        button.click()
        page.locator(f"dialog input[name={question}][value=yes]").check()
        page.get_by_role("button", name="Keep the answers").click()
        page.wait_for_function(
            "(words) => document.querySelector('.verdict[data-state=REFER] h2')?.textContent.includes(words)",
            arg=words,
        )
        biggest = page.evaluate(
            "(() => { const size = (node) => parseFloat(getComputedStyle(node).fontSize);"
            " const strong = document.querySelector('.verdict h2 strong');"
            " return [...document.querySelectorAll('.verdict p, .verdict span')]"
            ".filter((node) => !strong.contains(node)).every((node) => size(node) < size(strong)); })()"
        )
        assert biggest
        assert overflow(page) <= 0
        if not words.endswith("days") and question != "foot_drop":
            assert in_sight(page)
    assert page.inner_text(".verdict .lead >> nth=-1") == "There is no running advice until then."
    assert page.locator(".verdict [role=alert]").inner_text().count("Call emergency help now") == 1
    assert serious(page) == []
    page.screenshot(path=str(SHOTS / "app-today-emergency.png"))
    page.close()


def test_a_score_of_the_live_run_can_be_taken_back(browser, fresh):
    fresh.api.post("/pain", json={"kind": "during", "score": 7})
    page = open_page(browser, fresh, "today", bypass_csp=True)
    assert page.get_attribute(".verdict", "data-state") == "REST48"
    page.click("text=Correct a score")
    page.get_by_role("button", name="Take back: 7 of 10").click()
    page.wait_for_function("document.querySelector('.verdict').dataset.state !== 'REST48'")
    assert in_sight(page)
    page.close()


def test_a_plan_check_without_a_word_says_what_to_fill_in(browser, fresh):
    page = open_page(browser, fresh, "plan", bypass_csp=True)
    page.click("text=Check against today's advice")
    told = page.locator(".failure").inner_text()
    assert "Fill in the level or the minutes" in told
    assert "tallrun plan" not in told
    page.close()


def test_recovery_figure_explains_its_lines_and_keeps_its_labels_whole(browser, place):
    page = open_page(browser, place, "recovery", DESKTOP)
    for size in SIZES:
        show_as(page, size, "light")
        page.wait_for_selector(".plot .main-svg")
        page.wait_for_function(
            "document.body.innerText.includes('green limit: up to') || document.querySelector('.plot .legend')"
        )
        page.wait_for_timeout(300)
        words = page.evaluate("document.querySelector('.plot').parentElement.textContent")
        assert "green limit: up to" in words
        assert "stop limit: above 5" in words
        outside = page.evaluate(
            "(() => { const plot = document.querySelector('.plot').getBoundingClientRect();"
            " return [...document.querySelectorAll('.plot .ytick text, .plot .y2tick text, .plot .y3tick text, .plot .y4tick text')]"  # noqa: E501
            ".map((node) => node.getBoundingClientRect()).filter((box) => box.left < plot.left - 0.5 || box.right > plot.right + 0.5).length; })()"  # noqa: E501
        )
        assert outside == 0, size
        over = page.evaluate(
            "(() => { const boxes = (what) => [...document.querySelectorAll(what)].map((node) => node.getBoundingClientRect());"  # noqa: E501
            " const ticks = boxes('.plot .ytick text, .plot .y2tick text, .plot .y3tick text, .plot .y4tick text');"
            " return boxes('.plot .ytitle, .plot .y2title, .plot .y3title, .plot .y4title').filter((title) => title.width && ticks.some((tick) =>"  # noqa: E501
            " title.left < tick.right && tick.left < title.right && title.top < tick.bottom && tick.top < title.bottom)).length; })()"  # noqa: E501
        )
        assert over == 0, size
    page.close()


def test_the_last_days_as_a_table_need_no_sideways_thumb(browser, place):
    page = open_page(browser, place, "today", PHONE)
    assert page.evaluate("document.documentElement.scrollHeight") < 2.6 * PHONE["height"]
    page.locator(".folded").filter(has_text="The last 14 days").locator("> summary").click()
    page.click("text=As a table")
    region = page.locator("div[role=region][aria-label='The last 14 days']")
    assert region.evaluate("(node) => node.scrollWidth <= node.clientWidth")
    assert page.get_by_role("columnheader", name="Scores").count() == 1
    assert region.get_by_role("row").count() == 15
    keep(page, "today-table-phone")
    page.close()


def test_recordings_are_there_without_looking_for_them(browser, fresh):
    add_sessions(fresh.folder.parent / "sessions")
    page = open_page(browser, fresh, "sessions")
    assert page.locator("li.session").count() == 2
    assert "Compare comes once its report was made." in page.inner_text("li.session >> nth=0")
    page.close()


def test_serve_looks_through_the_folder_at_its_start(tmp_path, template):
    add_sessions(tmp_path / "sessions")
    shutil.copytree(template / "records", tmp_path / "records")
    desk = Desk(tmp_path / "records", tmp_path / "sessions", clock=lambda: NOW)
    assert look_for_sessions(desk).endswith("2 new, 1 left out (Sessions says why).")
    assert "new" not in look_for_sessions(desk)
    desk.close()
    empty = Desk(tmp_path / "none", tmp_path / "sessions", clock=lambda: NOW)
    assert look_for_sessions(empty) == ""
    empty.close()


def test_screening_dialog_by_keyboard(browser, fresh):
    page = open_page(browser, fresh, "today", DESKTOP, bypass_csp=True)
    page.get_by_role("button", name="Screening questions").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] fieldset")
    keep(page, "screen-dialog")
    assert serious(page) == []
    page.get_by_role("button", name="No to all that are open").press("Enter")
    page.get_by_role("button", name="Keep the answers").press("Enter")
    page.wait_for_function("!document.querySelector('dialog')")
    screen = fresh.api.get("/screen").json()
    assert screen["unanswered"] == []
    assert set(screen["answers"].values()) == {False}
    page.close()


def test_a_score_in_full_by_keyboard(browser, fresh):
    page = open_page(browser, fresh, "today", bypass_csp=True)
    page.get_by_role("button", name="Another score").press("Enter")
    page.wait_for_selector("dialog[open]")
    keep(page, "pain-dialog")
    assert serious(page) == []
    page.locator("dialog").get_by_label("Pain 4 of 10").press("Enter")
    page.get_by_label("Side", exact=True).select_option("left")
    page.get_by_role("button", name="Keep this score").press("Enter")
    assert "right side" in page.inner_text("dialog .failure")
    page.get_by_label("new place").check()
    page.get_by_role("button", name="Keep this score").press("Enter")
    page.wait_for_function("!document.querySelector('dialog')")
    assert fresh.api.get("/pain", params={"days": 1}).json()[-1]["side"] == "left"
    page.close()


def test_keyboard_walk_reaches_everything_in_order(browser, place):
    page = open_page(browser, place, "today", DESKTOP)
    seen = []
    focused = (
        "(() => { const at = document.activeElement; if (at === document.body) return null;"
        " const name = at.id || at.getAttribute('aria-label') || at.textContent.trim().slice(0, 40);"
        " return [name, getComputedStyle(at).outlineStyle]; })()"
    )
    for _ in range(80):
        page.keyboard.press("Tab")
        told = page.evaluate(focused)
        if told is None:
            break
        assert told[1] != "none", f"{told[0]} shows no focus"
        seen.append(told[0])
    assert seen[:3] == ["skip", "home", "Today"]
    for name in ("Settings", "Why", "Pain 10 of 10", "Another score", "slow single-leg bridge, done today"):
        assert name in seen
    page.close()


def test_plan_is_checked_on_the_page(browser, fresh):
    page = open_page(browser, fresh, "plan", bypass_csp=True)
    page.get_by_label("Level", exact=True).select_option("H3")
    page.click("text=Check against today's advice")
    page.wait_for_selector(".verdict")
    assert "Does not fit" in page.inner_text(".verdict")
    keep(page, "plan-refused")
    page.click("text=Add an entry")
    page.get_by_label("Name of the clinician").locator("visible=true").first.fill("K. Jansen")
    page.get_by_label("No running until this ends").check()
    page.click("text=Keep the entry")
    page.wait_for_function("document.body.innerText.includes('no running')")
    assert fresh.api.get("/verdict").json()["state"] == "CLINICIAN"
    page.close()


def test_erase_needs_the_word_and_shows_the_receipt(browser, fresh):
    page = open_page(browser, fresh, "settings", bypass_csp=True)
    page.click("text=Erase the records")
    button = page.get_by_role("button", name="Erase for good")
    assert button.is_disabled()
    page.get_by_label("Type erase to go on").fill("erase")
    button.click()
    page.get_by_role("heading", name=re.compile("Receipt: erased")).wait_for()
    keep(page, "erase-receipt")
    assert "tallrun.sqlite" in page.inner_text("main")
    assert not (fresh.folder / "tallrun.sqlite").exists()
    page.close()


def test_hostile_text_stays_text_on_every_page(browser, tmp_path, template):
    shutil.copytree(template / "records", tmp_path / "records")
    add_sessions(tmp_path / "sessions")
    desk = Desk(tmp_path / "records", tmp_path / "sessions", clock=lambda: NOW)
    nasty, long_name = NASTY, "W" * 180
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        calls = [
            ("/pain", {"kind": "rest", "score": 2, "site": nasty[:80], "provoked_by": nasty[:80],
                       "entered_by": nasty[:80], "new_place": True}),
            ("/exercises", {"phase": 2, "name": nasty[:80], "entered_by": nasty[:80]}),
            ("/clinician", {"note": f"{nasty} {ARABIC}", "entered_by": nasty[:80], "cap": "V6"}),
            ("/diagnosis", {"text": f"{ARABIC} {nasty}", "entered_by": nasty[:80]}),
            ("/setup", {"site": nasty[:80]}),
            ("/runs", {"minutes": 5, "shoe": nasty[:80], "at": "2026-03-02T06:00"}),
        ]  # fmt: skip
        for path, body in calls:
            answer = api.post(path, json=body)
            assert answer.status_code in (200, 201), answer.text
        for item in zip(api.post("/sessions/scan").json()["added"], (nasty, long_name), strict=True):
            api.post(
                f"/sessions/{item[0]}/rename",
                json={"title": item[1], "note": ARABIC, "tags": [nasty[:80], long_name[:80]]},
            )
        desk.store.log_access(None, nasty, "looked", NOW, nasty)
        for name in PAGES:
            page = open_page(browser, server, name, PHONE)
            page.on("dialog", lambda dialog: pytest.fail("a script ran"))
            page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true; })")
            assert page.evaluate("window.pwned") is None
            assert page.locator("main img, main script, main b").count() == 0
            assert "<img src=x" in page.inner_text("main") or name == "recovery"
            assert overflow(page) <= 0
            assert page.problems == []
            keep(page, f"hostile-{name}")
            page.close()
    desk.close()


def test_error_says_what_to_do_and_can_be_tried_again(browser, place):
    page = open_page(browser, place, "today", PHONE, bypass_csp=True)
    page.route("**/api/today*", lambda route: route.abort())
    page.reload()
    page.wait_for_selector("#main[data-state=error]")
    assert "tallrun serve" in page.inner_text(".failure")
    keep(page, "error")
    page.unroute("**/api/today*")
    page.click("text=Try again")
    page.wait_for_selector("#main[data-state=ready]")
    page.close()


def test_slow_answers_show_bones_then_an_estimate_without_motion(browser, place):
    page = browser.new_page(viewport=PHONE, reduced_motion="reduce", bypass_csp=True)
    waiting = []
    page.route("**/api/today*", lambda route: waiting.append(route))
    page.goto(f"{place.url}/today")
    page.wait_for_selector(".skeleton .bone")
    assert page.evaluate("getComputedStyle(document.querySelector('.bone')).animationName") == "none"
    page.wait_for_function("document.querySelector('.skeleton').innerText.includes('seconds')", timeout=4000)
    keep(page, "loading")
    for route in waiting:
        route.continue_()
    page.wait_for_selector("#main[data-state=ready]")
    page.close()


def test_left_and_right_are_marked_by_letter_shape_and_place(browser, place):
    page = open_page(browser, place, "settings", DESKTOP)
    rows = page.locator(".sensor").all_inner_texts()
    assert rows[0].startswith("L")
    assert "Left foot" in rows[0]
    assert rows[1].startswith("R")
    assert "Right foot" in rows[1]
    assert "Standing check passed" in rows[2]
    radius = [
        page.locator(".place").nth(n).evaluate("(node) => getComputedStyle(node).borderRadius")
        for n in (0, 1)
    ]
    assert radius[0] != radius[1]
    page.close()


def test_reminders_are_asked_for_by_a_tap_come_once_and_name_nothing(browser, fresh):
    page = open_page(browser, fresh, "settings", bypass_csp=True)
    assert page.evaluate("document.querySelector('#remind').getAttribute('aria-pressed')") == "false"
    page.context.grant_permissions(["notifications"], origin=fresh.url)
    # what the browser itself shows, by its own list
    shown = """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(
      (item) => [item.title, item.body, item.tag, new URL(item.icon).pathname])"""
    assert page.evaluate(shown) == []
    page.click("#remind")
    page.wait_for_selector("#remind[aria-pressed=true]")
    assert page.evaluate("Notification.permission") == "granted"
    assert page.evaluate(shown) == [
        ["tallrun", "An answer is due on Today.", "tallrun-due", "/static/icon-192.png"]
    ]
    page.evaluate("""async () => {
      for (const item of await (await navigator.serviceWorker.ready).getNotifications()) item.close();
      await (await import('/static/app/remind.js')).look();
    }""")
    assert page.evaluate(shown) == [], "what was told once is not told again"
    page.click("#remind")
    page.wait_for_selector("#remind[aria-pressed=false]")
    assert page.problems == []
    page.close()


def test_plain_http_says_what_it_cannot_do_and_shows_the_way(browser, fresh):
    page = browser.new_page(viewport=PHONE, bypass_csp=True)
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.goto(f"{fresh.url}/settings")
    page.wait_for_selector("#main[data-state=ready]")
    assert page.locator("#remind").count() == 0
    page.click("#tls-steps summary")
    assert page.locator("#tls-steps svg").count() == 3
    for size in SIZES.values():
        page.set_viewport_size(size)
        assert overflow(page) <= 0
        keep(page, f"settings-tls-{size['width']}")
        assert serious(page) == []
    page.close()
