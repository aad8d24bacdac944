"""A table of sensor values in the browser: what it seems to hold, what is asked, and the command."""

from __future__ import annotations

import numpy as np
import pytest

from support.browser import PHONE, SHOTS, ServerThread, chromium, serious
from support.web_records import NOW, client, fill
from tallrun.web.desk import Desk
from tallrun.web.site import create_site


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guess")
    fill(folder / "records")
    (folder / "sessions").mkdir()
    desk = Desk(folder / "records", folder / "sessions", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        server.api = api
        yield server
    desk.close()


def table(n: int = 400) -> bytes:
    t_s = np.arange(n) / 100.0
    rows = [f"{t:.2f},{0.1},{np.sin(t):.3f},{1 + 0.2 * np.cos(9 * t):.3f}" for t in t_s]
    return ("time,ax,ay,az\n" + "\n".join(rows) + "\n").encode()


def test_the_api_says_what_it_understood_and_what_it_asks(place):
    answer = place.api.post("/tables/guess", params={"name": "../x/walk.csv"}, content=table())
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert any("100 Hz" in line for line in told["said"])
    assert any("in g (by gravity" in line for line in told["said"])
    assert any("where was the sensor worn" in line for line in told["asked"])
    assert told["command"].startswith("tallrun import csv walk.csv ")
    refused = place.api.post("/tables/guess", params={"name": "walk.csv"}, content=b"no table")
    assert refused.status_code in (400, 422)
    assert "/tmp" not in refused.text
    assert "walk.csv" in refused.json()["message"]


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_the_form_asks_and_completes_the_command(place, tmp_path):
    (tmp_path / "walk.csv").write_bytes(table(30_000))  # longer than what is looked at
    with chromium() as browser:
        page = browser.new_page(viewport=PHONE)
        page.goto(f"{place.url}/sessions")
        page.get_by_text("A table of sensor values").click()
        page.get_by_role("button", name="Look at it").click()
        page.get_by_text("Choose a file first.").wait_for()
        page.get_by_label("File").last.set_input_files(tmp_path / "walk.csv")
        page.get_by_role("button", name="Look at it").click()
        page.get_by_label("Where was the sensor worn?").select_option("pelvis")
        assert "--placement pelvis" in page.locator("details code").inner_text()
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / "csv-guess-phone.png", full_page=True)
        assert not serious(page)
