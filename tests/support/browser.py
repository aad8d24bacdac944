"""Headless Chromium for page tests, and a server that runs beside them."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
SHOTS = Path(__file__).resolve().parents[2] / "test-output" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}


@contextmanager
def chromium() -> Iterator:
    """Yield a playwright browser; skips with a reason where there is none, fails where CI demands one."""
    if CHROMIUM is None:
        message = "no Chromium on this machine; page tests need one (Debian: apt-get install chromium)"
        if os.environ.get("TALLRUN_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield _Known(browser)
        finally:
            browser.close()


#: Cookies of the servers that run now, by port.
_COOKIES: dict[int, str] = {}


def cookies_for(url: str) -> dict[str, str]:
    """The cookie of a running ``ServerThread``, for clients that are no browser."""
    port = urlsplit(url).port
    return {f"tallrun_{port}": _COOKIES[port]} if port in _COOKIES else {}


class _Known:
    """A browser whose pages have opened the printed address of every running server before."""

    def __init__(self, browser) -> None:
        self._browser = browser

    def __getattr__(self, name: str):
        return getattr(self._browser, name)

    def new_context(self, **options: object):
        context = self._browser.new_context(**options)
        context.add_cookies(
            [{"name": f"tallrun_{port}", "value": value, "url": f"http://127.0.0.1:{port}"}
             for port, value in _COOKIES.items()]
        )  # fmt: skip
        return context

    def new_page(self, **options: object):
        context = self.new_context(**options)
        page = context.new_page()
        page.on("close", lambda _: context.close())
        return page


def opened(browser, url: str, size=PHONE, scheme: str = "light", wait: str | None = "", **more: object):
    """A page that has finished loading.

    wait : "networkidle", a selector that begins with #, or an expression that must become true.
    errors : of scripts; problems : those and what the console complains about; asked : every address.
    """
    page = browser.new_page(viewport=size, color_scheme=scheme, **{"bypass_csp": True, **more})
    page.errors, page.problems, page.asked = [], [], []
    page.on("pageerror", lambda error: [told.append(str(error)) for told in (page.errors, page.problems)])
    page.on("console", lambda told: page.problems.append(told.text) if told.type == "error" else None)
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(url, timeout=90_000)
    if wait == "networkidle":
        page.wait_for_load_state("networkidle")
    elif wait and wait.startswith("#"):
        page.wait_for_selector(wait, timeout=90_000)
    elif wait:
        page.wait_for_function(wait, timeout=90_000)
    return page


def shoot(page, name: str) -> Path:
    """Keep a screenshot as test output."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    path = SHOTS / f"{name}.png"
    page.screenshot(path=str(path))
    return path


def serious(page):
    """Violations of accessibility rules that matter, as text."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"], "iframes": False})
    return [
        f"{item['id']}: {[node['html'][:120] for node in item['nodes'][:3]]}"
        for item in found.response["violations"]
        if item["impact"] in ("serious", "critical")
    ]


class ServerThread:
    """A uvicorn server in a thread with its own event loop; ``call`` runs a function on that loop."""

    def __init__(self, make_app: Callable[[], object]) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._make_app = make_app
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ServerThread:
        self._thread.start()
        assert self._ready.wait(20), "the server did not start"
        gate = self.app.state.gate
        _COOKIES[self.port] = gate.open(gate.key)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join(10)
        self._socket.close()
        _COOKIES.pop(self.port, None)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookie that opens the door."""
        return cookies_for(self.url)

    def call(self, function: Callable, *args: object) -> object:
        """Run ``function`` on the server's loop and wait for its result."""

        async def wrapped() -> object:
            return function(*args)

        return asyncio.run_coroutine_threadsafe(wrapped(), self.loop).result(10)

    def _run(self) -> None:
        async def main() -> None:
            self.loop = asyncio.get_running_loop()
            self.app = self._make_app()
            config = uvicorn.Config(self.app, log_level="error", ws="websockets-sansio", lifespan="off")
            self.server = uvicorn.Server(config)
            self.server.install_signal_handlers = lambda: None
            task = asyncio.create_task(self.server.serve(sockets=[self._socket]))
            while not self.server.started and not task.done():
                await asyncio.sleep(0.01)
            self._ready.set()
            await task

        asyncio.run(main())
