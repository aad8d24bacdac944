"""Several runners: the app opens on their list; what a clinician does is signed with the name that is set."""

from __future__ import annotations

import httpx
import pytest

from support.browser import DESKTOP, PHONE, ServerThread, chromium, cookies_for, serious, shoot
from support.web_records import NASTY, NOW, client, fill
from tallrun.store import Store
from tallrun.web.desk import Desk
from tallrun.web.site import create_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def place(tmp_path):
    fill(tmp_path / "records")
    desk = Desk(tmp_path / "records", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        server.api, server.desk = api, desk
        yield server
    desk.close()


def second(place, code="P-2"):
    answer = place.api.post("/setup", json={"code": code, "side": "left", "time_zone": "Europe/Amsterdam"})
    assert answer.status_code == 200, answer.text


def opens_on(place):
    with httpx.Client(base_url=place.url, cookies=cookies_for(place.url)) as door:
        return door.get("/").headers["location"]


def test_one_runner_opens_on_today_and_two_on_the_list(place):
    assert opens_on(place) == "/today"
    second(place)
    assert opens_on(place) == "/patients"
    rows = place.api.get("/patients").json()
    assert {row["code"] for row in rows} == {"me", "P-2"}
    assert (
        next(row for row in rows if row["code"] == "P-2")["alerts"][0]["text"] == "Nothing was entered yet."
    )


def test_the_clinicians_name_signs_limits_exports_and_looks_and_a_typed_name_stays(place):
    second(place)
    told = {"clinician": "A. Therapist", "letterhead": "Praxis West"}
    assert place.api.post("/clinic", json=told).json() == told
    runner = {"runner": "me"}
    place.api.post("/clinician", params=runner, json={"cap": "V4"})
    place.api.post("/clinician", params=runner, json={"cap": "V5", "entered_by": "B. Stand-in"})
    assert [item["entered_by"] for item in place.api.get("/clinician", params=runner).json()][-2:] == [
        "A. Therapist", "B. Stand-in",
    ]  # fmt: skip
    assert place.api.post("/export", params=runner, json={}).status_code == 200
    place.api.get("/today", params=runner)
    log = place.api.get("/access-log", params=runner).json()
    assert {"A. Therapist"} <= {row["actor"] for row in log}
    assert any("export" in row["action"] and row["actor"] == "A. Therapist" for row in log), log


@pytest.mark.parametrize(("size", "name"), [(PHONE, "phone"), (DESKTOP, "desktop")])
def test_the_list_fits_is_accessible_and_leads_to_a_patient(place, size, name):
    second(place)
    with Store.open(place.desk.where) as store:
        store.add_runner(NASTY, NOW)
    with chromium() as browser:
        page = browser.new_page(viewport=size, bypass_csp=True)
        page.goto(f"{place.url}/")
        page.wait_for_selector("tr[data-code]")
        shoot(page, f"patients-{name}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert page.evaluate("window.pwned") is None
        assert serious(page) == []
        page.click("th a >> text=me")
        page.wait_for_function("document.getElementById('main').dataset.state === 'ready'")
        assert page.inner_text("h1").startswith("Today")
        page.goto(f"{place.url}/sessions")
        page.wait_for_function("document.getElementById('main').dataset.state !== 'loading'")
        assert page.input_value("#runner") == "me", (
            "the choice goes along to pages without it in their address"
        )
        page.goto(f"{place.url}/replay/none")
        page.wait_for_selector("#nav a:has-text('Patients')")
