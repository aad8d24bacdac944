"""The comparison and its hand-out in a browser: parts of a run, one sheet of paper, accessibility, hostile names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.browser import DESKTOP, PHONE, ServerThread, chromium, opened, serious, shoot
from support.report_sources import HOSTILE, PROTOCOL, demo_source
from tallrun import simulate
from tallrun.report import build_report
from tallrun.report.paper import Sheet, sheet_css
from tallrun.report.stop_signs import stop_signs
from tallrun.sessions import write_session
from tallrun.web.app import create_app
from tallrun.web.compare_api import compare_router
from tallrun.web.problems import add_problem_handlers

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("reports")]
PAIR = "/compare?a=before&b=after"
#: The table, then the curves, each beginning a page; the hand-out without a plan is one.
SHEETS = {PAIR: 3, "/compare/handout?a=before&b=after": 1}


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("pair")
    for name, seed, shift_spm in (("before", 1, 0.0), ("after", 2, -9.0)):
        programme = simulate.Programme(
            (simulate.Bout("stand", 6.0), simulate.Bout("run", 240.0, 2.8, cadence_shift_spm=shift_spm))
        )
        recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(100.0), seed=seed)
        write_session(root / name, recording)
    told = json.loads((root / "after" / "session.json").read_text(encoding="utf-8"))
    told["context"]["shoes"] = HOSTILE
    (root / "after" / "session.json").write_text(json.dumps(told), encoding="utf-8")
    signs = stop_signs(PROTOCOL)

    def make():
        app = create_app(
            routers=[compare_router(lambda name: Path(root / name), name_of=lambda name: f"{name} {HOSTILE}",
                                    stop_signs=lambda: signs)]
        )  # fmt: skip
        add_problem_handlers(app)
        return app

    with ServerThread(make) as made:
        yield made


def open_page(browser, server, path, size=DESKTOP, scheme="light"):
    return opened(browser, f"{server.url}{path}", size, scheme, "networkidle")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "name"), [(PHONE, "phone"), (DESKTOP, "desktop")])
@pytest.mark.parametrize(("path", "what"), [(PAIR, "pair"), ("/compare/handout?a=before&b=after", "handout")])
def test_page_fits_is_accessible_and_keeps_names_as_text(browser, server, path, what, size, name, scheme):
    page = open_page(browser, server, path, size, scheme)
    shoot(page, f"compare-{what}-{name}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if what == "pair":
        # no cell of the table may hang out of its place, where a thumb would have to drag it into sight
        assert page.evaluate(
            "[...document.querySelectorAll('.wide')].every((box) => box.scrollWidth <= box.clientWidth)"
        )
    assert serious(page) == []
    assert page.errors == []
    assert page.evaluate("window.owned") is None
    page.close()


@pytest.mark.parametrize("path", SHEETS)
def test_each_part_begins_a_sheet_of_paper_and_none_is_left_over(browser, server, path):
    page = open_page(browser, server, path)
    for paper in ("A4", "Letter"):
        assert page.pdf(format=paper, prefer_css_page_size=False).count(b"/Type /Page\n") == SHEETS[path], (
            paper
        )
    page.close()


def test_every_sheet_says_whose_and_which_in_text_that_cannot_leave_its_style(browser):
    sheet = Sheet('P-1"; } </style><script>window.owned=1</script>', "Praxis\nStreet 1")
    css = sheet_css(sheet, "report", "3 Oct 2026")
    assert "</style" not in css
    assert "counter(page)" in css
    page = browser.new_page()
    page.set_content(f"<style>{css}</style><p>text</p>")
    rule = page.evaluate("document.styleSheets[0].cssRules.length")
    assert rule == 1
    assert page.evaluate("window.owned") is None
    page.close()


def test_parts_of_one_run_are_chosen_by_keyboard_and_judged_by_its_own_scatter(browser, server):
    page = open_page(browser, server, "/compare?a=before&b=before")
    assert page.inner_text("h1") == "Choose two parts of this run"
    assert page.locator("table, figure, .warn").count() == 0
    assert page.locator(".sides article").count() == 1
    shoot(page, "compare-choose-parts")
    assert serious(page) == []
    page.focus("[name=a_from]")
    page.keyboard.press("Enter")
    assert "at least one part" in page.inner_text(".parts [role=status]")
    for name, text in (("a_from", "0:10"), ("a_to", "2:00"), ("b_from", "2.5"), ("b_to", "4:05")):
        page.fill(f"[name={name}]", text)
    page.keyboard.press("Enter")
    assert "is no time" in page.inner_text(".parts [role=status]")
    page.fill("[name=b_from]", "2:05")
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('b_from=125')")
    page.wait_for_load_state("networkidle")
    words = page.inner_text("body")
    assert page.inner_text("h1") == "Two runs compared"
    assert "part 10 s to 2 min 00 s" in words
    assert "scatter between blocks of this one session" in words
    assert page.input_value("[name=b_from]") == "2:05"
    answer = page.request.get(f"{server.url}/api/compare{page.evaluate('location.search')}").json()
    assert answer["error_from"] == "one session"
    assert page.get_attribute("text=Hand-out for the patient", "href").count("b_from=125") == 1
    page.close()


@pytest.mark.parametrize("part", ["a_from=100&a_to=50", "a_from=1e9&a_to=2e9", "b_from=5000"])
def test_a_part_that_is_none_is_refused_in_one_line(browser, server, part):
    page = browser.new_page()
    answer = page.request.get(f"{server.url}/api{PAIR}&{part}")
    assert answer.status == 422
    assert "a part runs from an earlier to a later time within" in answer.json()["message"]
    page.close()


def test_report_is_accessible(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(build_report(demo_source()), encoding="utf-8")
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport=PHONE, color_scheme=scheme, bypass_csp=True)
        page.goto(path.as_uri())
        assert serious(page) == []
        page.close()
