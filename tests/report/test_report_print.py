"""The report on paper: page one begins on the first sheet, whatever the advice says."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from support.browser import PHONE, chromium, opened, printed_lines, serious, shoot
from support.report_sources import PROTOCOL, demo_source, steady_side
from tallrun.report import build_report
from tallrun.report.compare import compare
from tallrun.report.compare_page import build_compare_page, build_handout
from tallrun.report.stop_signs import stop_signs

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LONG = "Your plan for today is V1: 8 × (1 min run / 2 min walk). Keep it easy."


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_long_advice_never_leaves_the_first_sheet_blank(tmp_path, paper):
    advice = {
        "sentences": [LONG] * 12, "state": "RUN", "rung": "V1", "as_of": "2026-03-01T08:00", "rules": ["TD5"],
        "sources": [LONG] * 4, "changes_if": LONG, "inputs": {},
    }  # fmt: skip
    path = tmp_path / "report.html"
    path.write_text(build_report(replace(demo_source(), advice=advice)), encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page()
        page.goto(path.as_uri())
        page.emulate_media(media="print")
        page.set_viewport_size(
            {"width": 688 if paper == "A4" else 710, "height": 1017 if paper == "A4" else 949}
        )
        top = page.evaluate("document.getElementById('page-one').getBoundingClientRect().top")
        assert top < 120
        inside = page.evaluate("getComputedStyle(document.getElementById('page-one')).breakInside")
        assert inside == "auto", (
            "kept whole, more than a sheet would move to the second and leave the first blank"
        )
        assert len(re.findall(rb"/Type /Page\n", page.pdf(format=paper))) >= 3


#: Head and foot of a sheet are two lines; four more would be a sheet wasted.
FEWEST_LINES = 7


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_no_sheet_holds_a_few_lines_only(tmp_path, paper):
    found = compare(steady_side(3.0, 1), steady_side(3.0, 2))
    pages = {
        "report": build_report(demo_source()),
        "comparison": build_compare_page(found),
        "hand-out": build_handout(found, "Keep it easy.", "K. M.", stop_signs(PROTOCOL)),
    }
    with chromium() as browser:
        for name, text in pages.items():
            path = tmp_path / f"{name}.html"
            path.write_text(text, encoding="utf-8")
            page = browser.new_page()
            page.goto(path.as_uri())
            lines = printed_lines(page.pdf(format=paper))
            page.close()
            assert lines
            assert min(lines) >= FEWEST_LINES, (name, lines)
    assert len(lines) <= 3


def test_no_sheet_holds_a_few_lines_alone_and_a_phone_shows_one_depth_at_a_time(tmp_path):
    path = tmp_path / "report.html"
    path.write_text(build_report(demo_source()), encoding="utf-8")
    with chromium() as browser:
        page = opened(browser, path.as_uri(), {"width": 760, "height": 1000})
        page.emulate_media(media="print")
        page.evaluate("window.tallrunDrawAll()")
        page.wait_for_function(
            "[...document.querySelectorAll('.plot')].every((box) => box.querySelector('svg'))"
        )
        for paper in ("A4", "Letter"):
            lines = printed_lines(page.pdf(format=paper))
            assert min(lines) >= FEWEST_LINES, (paper, lines)
        assert page.errors == []
        page.close()
        page = opened(browser, path.as_uri(), PHONE)
        most = {"In short": 1.5, "Figures": 1.0, "Tables": 1.0}
        for depth, screens in most.items():
            page.locator("header nav").get_by_text(depth).click()
            height = page.evaluate("document.documentElement.scrollHeight") / PHONE["height"]
            assert height <= screens, (depth, height)
            assert page.locator("details:not(.fold)[open]").count() == 0
            shoot(page, f"report-phone-{depth.lower().replace(' ', '-')}")
            assert serious(page) == []
        page.locator("header nav").get_by_text("In short").click()
        page.locator("text=See the figure").first.click()  # what a link leads to is shown, alone
        assert page.locator("#figures figure.shown").count() == 1
        assert page.errors == []
        page.close()
