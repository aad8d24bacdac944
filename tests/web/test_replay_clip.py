"""Replay: the shoe stands on the ground, the keys of a correction work in its fields, a clip goes along."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from support.browser import DESKTOP, ServerThread, chromium, opened
from support.report_sources import PROTOCOL, RECORDINGS
from tallrun.errors import EntryError
from tallrun.report.overlays import add_overlay
from tallrun.web.app import create_app
from tallrun.web.problems import add_problem_handlers
from tallrun.web.replay_api import replay_router

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("reports")]
REPLAY = "window.tallrunReplay"
#: A clip of two seconds, made by the browser itself.
MAKE_CLIP = """async () => {
  const canvas = document.createElement("canvas"); canvas.width = canvas.height = 64;
  const pen = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: "video/webm" });
  const parts = []; recorder.ondataavailable = (event) => parts.push(event.data);
  const ended = new Promise((done) => { recorder.onstop = done; });
  recorder.start();
  for (let frame = 0; frame < 60; frame += 1) {
    pen.fillStyle = `hsl(${6 * frame} 80% 50%)`; pen.fillRect(0, 0, 64, 64);
    await new Promise((done) => setTimeout(done, 33));
  }
  recorder.stop(); await ended;
  const transfer = new DataTransfer(); transfer.items.add(new File(parts, "clip.webm", { type: "video/webm" }));
  const input = document.getElementById("clip-file"); input.files = transfer.files;
  input.dispatchEvent(new Event("change"));
}"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("replay")
    shutil.copytree(RECORDINGS / "demo_treadmill", root / "demo")
    return root


@pytest.fixture(scope="module")
def server(folder):
    def make():
        app = create_app(
            routers=[
                replay_router(lambda name: folder / name, lambda: PROTOCOL, signed_by=lambda: "A. Therapist")
            ]
        )
        add_problem_handlers(app)
        return app

    with ServerThread(make) as made:
        yield made


@pytest.fixture
def page(browser, server):
    is_ready = "document.getElementById('page').dataset.state === 'ready'"
    made = opened(browser, f"{server.url}/replay/demo", DESKTOP, wait=is_ready)
    yield made
    assert made.errors == []
    made.close()


def test_the_shoe_is_on_the_ground_from_contact_to_toe_off_and_its_path_closes(page):
    worst = page.evaluate(
        f"""() => {{
        const {{ session, sideView }} = {REPLAY};
        const low = (path, share) =>
          path.height(share) - 0.135 * Math.abs(Math.sin(path.pitchAt(share) * Math.PI / 180));
        let stance = 0, under = 0, gap = 0, seen = 0;
        for (const foot of ["left", "right"])
        for (let place = 20; place < session.paths[foot].rows.length - 1; place += 7) {{
          const phase = {{ place, row: session.paths[foot].rows[place] }};
          if (session.detected.mode[phase.row] !== "run") continue;
          const path = sideView.path(foot, phase);
          const [leaves, lands] = path ? sideView.stance(foot, phase) : [null, null];
          if (leaves === null) continue;
          seen += 1;
          for (let share = 0; share <= 1; share += 0.02) {{
            const height = low(path, share);
            under = Math.min(under, height);
            if (share <= leaves || share >= lands) stance = Math.max(stance, Math.abs(height));
          }}
          gap = Math.max(gap, Math.hypot(path.x(0) - path.x(1), path.height(0) - path.height(1)));
        }}
        return {{ stance, under, gap, seen }};
      }}"""
    )
    assert worst["seen"] > 30
    assert worst["stance"] < 0.002
    assert worst["under"] > -0.002
    assert worst["gap"] < 0.02


def test_nudging_works_in_the_fields_typing_a_point_too_and_no_move_is_refused(page, folder):
    page.evaluate(f"{REPLAY}.goTo(60)")
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.id") == "fix-time"
    before = float(page.input_value("#fix-time"))
    assert page.input_value("#fix-by") == "A. Therapist"
    page.keyboard.press("Enter")
    assert "there already" in page.inner_text("#fix-answer")
    page.focus("#fix-time")
    page.keyboard.press(".")
    page.focus("#fix-kind")
    page.keyboard.press(".")
    page.keyboard.press(",")
    assert abs(float(page.input_value("#fix-time")) - before - 0.005) < 1e-6
    page.focus("#fix-time")
    page.keyboard.press("Control+a")
    page.keyboard.type("61.25")
    assert float(page.input_value("#fix-time")) == 61.25
    page.focus("#fix-text")
    page.keyboard.type("late, by eye.")
    assert page.input_value("#fix-text") == "late, by eye."
    with pytest.raises(EntryError, match="there already"):
        add_overlay(folder / "demo", at=datetime(2026, 1, 1, tzinfo=UTC), by="x", kind="contact_moved", t_s=60.0,
                    foot="left", moved_to_s=60.0)  # fmt: skip


def test_a_page_may_show_a_clip_of_this_computer_and_of_nowhere_else(page, server):
    policy = page.request.get(f"{server.url}/replay/demo").headers["content-security-policy"]
    assert "media-src 'self' blob:;" in policy


def test_a_clip_is_aligned_once_follows_the_play_head_and_stays_on_this_computer(page, server):
    asked = []
    page.on("request", lambda request: asked.append(request.method))
    page.evaluate("document.getElementById('video-box').open = true")
    page.evaluate(MAKE_CLIP)
    page.wait_for_function("document.getElementById('clip').readyState >= 2")
    assert "say which moment" in page.inner_text("#clip-answer")
    page.evaluate(f"{REPLAY}.goTo(60)")
    page.evaluate("document.getElementById('clip').currentTime = 0.5")
    page.select_option("#clip-mark", "landing")
    page.click("#clip-align")
    landing = page.evaluate(f"{REPLAY}.session.contacts[{REPLAY}.session.nearest({REPLAY}.player.time)]")
    assert abs(page.evaluate(f"{REPLAY}.video.offset") - (0.5 - landing)) < 0.01
    assert page.evaluate(f"{REPLAY}.player.time") == landing, "the frame that was named stays in sight"
    page.evaluate(f"{REPLAY}.goTo(0)")
    assert "outside the clip" in page.inner_text("#clip-answer")
    page.evaluate(f"{REPLAY}.goTo({landing + 0.4})")
    assert "outside the clip" not in page.inner_text("#clip-answer")
    page.wait_for_function("Math.abs(document.getElementById('clip').currentTime - 0.9) < 0.02")
    page.click("#clip-on")
    page.wait_for_function("document.getElementById('clip').currentTime > 0.92")
    assert set(asked) <= {"GET"}, "nothing of the clip is sent"
    page.reload()
    page.wait_for_function("document.getElementById('page').dataset.state === 'ready'", timeout=90_000)
    page.wait_for_function(f"{REPLAY}.video?.offset !== null && {REPLAY}.video?.file")
    assert abs(page.evaluate(f"{REPLAY}.video.offset") - (0.5 - landing)) < 0.01
    page.evaluate("document.getElementById('video-box').open = true")
    page.click("#clip-away")
    assert page.locator("#clip").is_hidden()
