"""The report on paper: page one begins on the first sheet, whatever the advice says."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace

import pytest

from support.browser import PHONE, chromium, opened, serious, shoot
from support.report_sources import PROTOCOL, demo_source, steady_side
from tallrun.report import build_report
from tallrun.report.compare import compare
from tallrun.report.compare_page import build_compare_page, build_handout
from tallrun.report.stop_signs import stop_signs

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("reports")]
LONG = "Your plan for today is V1: 8 × (1 min run / 2 min walk). Keep it easy."


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_long_advice_never_leaves_the_first_sheet_blank(tmp_path, paper):
    advice = {
        "sentences": [LONG] * 12, "name": "Run today", "rung": "V1", "as_of": "2026-03-01T08:00", "rules": ["TD5"],
        "sources": [LONG] * 4, "changes_if": LONG, "looked_at": [],
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


def text_runs(pdf: bytes) -> list[int]:
    """Return for each sheet how many runs of text stand on it, its head and foot (four) included."""
    content = {
        int(number): zlib.decompress(stream)
        for number, stream in re.findall(
            rb"(\d+) 0 obj\n<</Filter /FlateDecode\n/Length \d+>> stream\n(.*?)\nendstream", pdf, re.S
        )
    }
    sheets = re.findall(rb"/Type /Page\n.*?/Contents (\d+) 0 R", pdf, re.S)
    return [len(re.findall(rb"\bT[jJ]\b", content[int(number)])) for number in sheets]


def test_no_sheet_holds_a_few_lines_only(tmp_path):
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
            for paper in ("A4", "Letter"):
                runs = text_runs(page.pdf(format=paper))
                assert 1 <= len(runs) <= (3 if name == "hand-out" else 12)
                assert min(runs) >= 4 + 10, (name, paper, runs)
            page.close()


def test_a_phone_shows_one_depth_at_a_time_and_ledgers_closed(tmp_path):
    path = tmp_path / "report.html"
    path.write_text(build_report(demo_source()), encoding="utf-8")
    with chromium() as browser:
        page = opened(browser, path.as_uri(), PHONE)
        most = {"In short": 1.2, "Figures": 1.0, "Tables": 1.0}
        for depth, screens in most.items():
            page.locator("header nav").get_by_text(depth).click()
            height = page.evaluate("document.documentElement.scrollHeight") / PHONE["height"]
            assert height <= screens, (depth, height)
            assert page.locator("details:not(.fold)[open]").count() == 0
            shoot(page, f"report-phone-{depth.lower().replace(' ', '-')}")
            assert serious(page) == []
        page.locator("header nav").get_by_text("In short").click()
        ends = page.evaluate("document.getElementById('page-one').getBoundingClientRect().bottom + scrollY")
        assert ends <= PHONE["height"], "all but the last words"
        page.locator(".findings summary").first.click()
        page.locator("text=See the figure").first.click()  # what a link leads to is shown, alone
        assert page.locator("#figures figure.shown").count() == 1
        assert page.errors == []
        page.close()
