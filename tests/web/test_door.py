"""The door: a stranger, on this machine or elsewhere, reads nothing and writes nothing, and costs no memory."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from support.browser import ServerThread
from support.web_records import NOW, fill
from tallrun.live.hub import LiveHub
from tallrun.store import Store
from tallrun.store.models import PainRow
from tallrun.web.app import create_app
from tallrun.web.desk import Desk
from tallrun.web.security import (
    BODY_LIMIT_BYTES,
    WRONG_CODES_ALLOWED,
    WRONG_CODES_WINDOW_S,
    Gate,
    is_loopback,
)
from tallrun.web.site import create_site

HEADERS = {"content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"}
STRANGER = """
import socket, sys, urllib.request, urllib.error
port = int(sys.argv[1])
def say(method, path, body=None, headers={}):
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
for method, path in (("GET", "/"), ("GET", "/today"), ("GET", "/api/pain"), ("GET", "/openapi.json"),
                     ("GET", "/static/app/app.js"), ("GET", "/api/status?token="), ("HEAD", "/api/pain"),
                     ("OPTIONS", "/api/pain")):
    print(say(method, path))
for path in ("/api/backup", "/api/export", "/api/pain", "/api/erase", "/api/log-run"):
    print(say("POST", path, b"{}", {"content-type": "application/json"}))
with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
    link.sendall((f"GET /ws/live HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\nUpgrade: websocket\\r\\n"
                  "Connection: Upgrade\\r\\n"
                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n").encode())
    print(link.recv(100).split()[1].decode())
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Records and a live run, served together."""
    folder = tmp_path_factory.mktemp("door") / "records"
    fill(folder)
    desk = Desk(folder, clock=lambda: NOW)
    gate = Gate(lan_host="localhost")  # so that pairing can be tried without a network

    def make():
        from tallrun.web.app import live_router

        app = create_site(desk, gate)
        app.include_router(live_router(lambda: hub, is_home=False))
        return app

    hub = LiveHub()
    with ServerThread(make) as server:
        server.gate, server.folder, server.hub = gate, folder, hub
        server.api = httpx.Client(base_url=server.url, cookies=server.cookies, timeout=20)
        yield server
        server.api.close()
    desk.close()


def rows_in(folder: Path) -> int:
    with Store.open(folder) as store:
        return len(store.entries(PainRow, store.find_runner(), every=True))


def stranger(port: int) -> list[str]:
    """Run the stranger, as another user of this machine where that is possible."""
    who = {}
    if os.getuid() == 0:
        with contextlib.suppress(KeyError):
            nobody = pwd.getpwnam("nobody")
            who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    python = "/usr/bin/python3" if who and Path("/usr/bin/python3").exists() else sys.executable
    done = subprocess.run(
        [python, "-c", STRANGER, str(port)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        check=False,
        **who,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_another_user_of_this_machine_reads_and_writes_nothing(place):
    before = rows_in(place.folder)
    told = stranger(place.port)
    assert len(told) == 14
    assert set(told[:-1]) == {"401"}
    assert told[-1] == "403"  # the socket is refused before it opens
    assert rows_in(place.folder) == before


def test_the_printed_address_opens_the_door_and_leaves_no_key_behind(place):
    with httpx.Client(base_url=place.url) as visitor:
        first = visitor.get("/today", params={"token": place.gate.key, "runner": "me"})
        assert first.status_code == 303
        assert first.headers["location"] == "/today?runner=me"
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert place.gate.key not in cookie
        assert visitor.get("/api/status").status_code == 200
    assert httpx.get(f"{place.url}/today", params={"token": "wrong"}).status_code == 401
    away = httpx.get(f"{place.url}//evil.example/x", params={"token": place.gate.key})
    assert away.headers["location"] == "/evil.example/x"


def test_a_program_may_bring_the_key_itself(place):
    url = f"{place.url}/api/status"
    assert httpx.get(url, headers={"authorization": f"Bearer {place.gate.key}"}).status_code == 200
    for wrong in (f"Bearer {place.gate.key}x", f"Basic {place.gate.key}", "Bearer", "bearer \u00e9"):
        assert httpx.get(url, headers={"authorization": wrong.encode("latin-1")}).status_code == 401


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"h\xc3\xa9", b"", b'"', b";;=;", b"a" * 3000, b"\x80=\x80"])
def test_no_cookie_or_key_raises(place, raw):
    name = f"tallrun_{place.port}".encode()
    answer = httpx.get(f"{place.url}/api/status", headers={"cookie": name + b"=" + raw})
    assert answer.status_code == 401
    assert httpx.get(f"{place.url}/api/status?token=%ff%fe\u00e9").status_code == 401
    assert Gate().who(raw.decode("latin-1")) is None
    assert Gate().pair("\ud800\u00e9", "a") is None


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "nonsense"])
def test_what_another_site_sends_is_refused_without_an_origin_too(place, site):
    answer = place.api.post("/api/pain", json={"kind": "rest", "score": 7}, headers={"sec-fetch-site": site})
    assert answer.status_code == 403
    with pytest.raises(InvalidStatus):
        socket_to(place, {"sec-fetch-site": site})


def test_our_own_pages_may_write(place):
    for headers in ({"sec-fetch-site": "same-origin", "origin": place.url}, {}):
        answer = place.api.post("/api/pain", json={"kind": "rest", "score": 1}, headers=headers)
        assert answer.status_code == 201


def test_every_answer_and_every_refusal_carries_the_headers(place):
    stranger_s = httpx.Client(base_url=place.url)
    answers = [
        place.api.get("/api/status"), place.api.get("/nothing"), place.api.post("/api/pain", json={}),
        stranger_s.get("/today"), stranger_s.get("/today", headers={"host": "evil.example"}),
        stranger_s.post("/api/pain", headers={"origin": "http://evil.example"}),
        stranger_s.get("/pair"), stranger_s.post("/pair", data={"code": "no"}),
        place.api.post("/api/pain", content=b"x" * (BODY_LIMIT_BYTES + 1)),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 404, 422, 401, 421, 403, 200, 403, 413]
    for answer in answers:
        assert set(answer.headers) >= HEADERS


def memory_mb() -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_huge_body_is_refused_and_never_held(place, is_chunked):
    before = memory_mb()

    def parts():
        for _ in range(600):
            yield b"x" * 2**20

    headers = {} if is_chunked else {"content-length": str(600 * 2**20)}
    try:
        answer = place.api.post("/api/pain", content=parts(), headers=headers)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # the server hung up in the middle, as it may
    assert memory_mb() - before < 40
    assert place.api.get("/api/status").status_code == 200


def socket_to(place, headers=None, cookies=None):
    cookies = place.cookies if cookies is None else cookies
    own = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    return connect(
        f"ws://127.0.0.1:{place.port}/ws/live", additional_headers=own | (headers or {}), open_timeout=10
    )


def test_the_socket_asks_for_the_cookie_and_its_own_origin(place):
    with socket_to(place, {"Origin": place.url}) as link:
        link.send('{"type": "pain", "score": 2, "tap_id": "a"}')
    for headers, cookies in (({}, {}), ({}, {f"tallrun_{place.port}": "x"}), ({"Origin": "http://evil.example"}, None),
                             ({"Origin": "null"}, None)):  # fmt: skip
        with pytest.raises(InvalidStatus):
            socket_to(place, headers, cookies)


@pytest.mark.parametrize(
    ("message", "code"), [(b"\x00\x01", 1003), (b"", 1003), ("x" * 20_000, 1009), ("x" * 200_000, 1009)]
)
def test_a_socket_that_sends_anything_else_is_closed_without_a_traceback(place, message, code, capfd):
    with socket_to(place) as link:
        link.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            link.recv(timeout=10)
    assert closed.value.rcvd.code == code
    with socket_to(place) as link:
        link.send('{"type": "pain", "score": 2, "tap_id": "b"}')
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "frame", [b"\x81\x02\xff\xfe", b"\xc1\x80\x00\x00\x00\x00", b"\x83\x80\x00\x00\x00\x00", b"\x81\xff" + b"\xff" * 8,
              b"\x81\x84\x00\x00\x00\x00\xff\xfe\xfd\xfc", b"\x88\x81\x00\x00\x00\x00x", b"\x00" * 50]
)  # fmt: skip
def test_broken_frames_end_the_socket_only(place, frame, capfd):
    cookie = "; ".join(f"{name}={value}" for name, value in place.cookies.items())
    with socket.create_connection(("127.0.0.1", place.port), timeout=10) as link:
        link.sendall(
            (f"GET /ws/live HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             f"Cookie: {cookie}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
            .encode()
        )  # fmt: skip
        assert b" 101 " in link.recv(1000)
        link.sendall(frame)
        with contextlib.suppress(OSError):
            while link.recv(1000):
                pass
    assert place.api.get("/api/status").status_code == 200
    assert "Traceback" not in capfd.readouterr().err


# pairing


def test_looking_at_the_pairing_page_uses_nothing_up(place):
    code = place.gate.pairing_code
    for method in ("GET", "HEAD"):
        seen = httpx.request(method, f"{place.url}/pair", params={"code": code})
        assert (seen.status_code, "set-cookie" in seen.headers) == (200, False)
    assert 'method="post"' in httpx.get(f"{place.url}/pair", params={"code": code}).text
    assert "<script" not in httpx.get(f"{place.url}/pair", params={"code": '"><script>'}).text
    assert place.gate.pairing_code == code


def test_pressing_the_button_pairs_once_and_a_new_code_is_told(place):
    told: list[str] = []
    place.gate.listeners.append(told.append)
    code = place.gate.pairing_code
    with httpx.Client(base_url=place.url) as phone:
        own = {"origin": place.url, "sec-fetch-site": "same-origin"}
        assert (
            phone.post("/pair", data={"code": code}, headers={"origin": "http://evil.example"}).status_code
            == 403
        )
        assert (
            phone.post("/pair", data={"code": code}, headers={"sec-fetch-site": "cross-site"}).status_code
            == 403
        )
        assert phone.post("/pair", data={"code": code}, headers=own).status_code == 303
        assert phone.get("/api/status").status_code == 200
    assert told == [place.gate.pairing_code]
    assert told[0] != code
    assert httpx.post(f"{place.url}/pair", data={"code": code}).status_code == 403


def test_wrong_codes_hold_up_their_own_address_only():
    now = [0.0]
    gate = Gate(lan_host="192.0.2.7", clock_s=lambda: now[0])
    for _ in range(WRONG_CODES_ALLOWED + 3):
        assert gate.pair("wrong", "192.0.2.66") is None
    assert gate.seconds_to_wait("192.0.2.66") > 0
    assert gate.pair(gate.pairing_code, "192.0.2.66") is None, (
        "a right guess in between does not count either"
    )
    for number in range(5000):
        gate.pair("wrong", f"198.51.100.{number}")
    assert gate.pair(gate.pairing_code, "192.0.2.8") is not None
    for _ in range(WRONG_CODES_ALLOWED):
        gate.pair("wrong", "192.0.2.66")
    now[0] = WRONG_CODES_WINDOW_S + 1
    assert gate.pair(gate.pairing_code, "192.0.2.66") is not None


def test_nothing_but_an_address_of_this_machine_is_loopback():
    for name, expected in (("127.0.0.1", True), ("::1", True), ("127.9.9.9", True), ("testclient", False),
                           ("", False), ("192.0.2.7", False), ("localhost", False)):  # fmt: skip
        assert is_loopback({"client": (name, 1)}) is expected
    assert not is_loopback({"client": None})


def test_without_a_network_there_is_no_pairing():
    with ServerThread(lambda: create_app(Gate(), LiveHub())) as server:
        gate = server.app.state.gate
        assert httpx.post(f"{server.url}/pair", data={"code": gate.pairing_code}).status_code == 401


def test_a_phone_stays_paired_over_a_restart_until_it_is_unpaired(tmp_path):
    first = Gate(lan_host="192.0.2.7")
    first.keep_phones_in(tmp_path)
    cookie = first.pair(first.pairing_code)
    assert cookie is not None
    assert cookie not in (tmp_path / "phones.json").read_text()  # who reads the file is not let in by it
    again = Gate(lan_host="192.0.2.7")
    again.keep_phones_in(tmp_path)
    assert again.who(cookie) == "a paired phone"
    assert again.who("x" * 32) is None
    (name,) = again.phones
    assert again.unpair(name)
    assert not again.unpair(name)
    assert again.who(cookie) is None
    last = Gate(lan_host="192.0.2.7")
    last.keep_phones_in(tmp_path)
    assert last.who(cookie) is None


def test_an_unreadable_list_of_phones_lets_nobody_in(tmp_path):
    (tmp_path / "phones.json").write_text('{"phones": [1, 2]}')
    gate = Gate(lan_host="192.0.2.7")
    gate.keep_phones_in(tmp_path)
    assert gate.phones == {}
