"""Broken Host and Origin headers are refused, never a server error."""

import socket

import pytest

from support.browser import ServerThread
from tallrun.live.hub import LiveHub
from tallrun.web.app import create_app


def answer(port: int, head: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        link.sendall(head.encode())
        return link.recv(200).decode("latin-1").split("\r\n")[0]


@pytest.mark.parametrize("host", ["[", "evil.example", "", "127.0.0.1.evil.example", "[::1"])
def test_foreign_or_broken_hosts_are_refused(host):
    with ServerThread(lambda: create_app(hub=LiveHub())) as server:
        line = answer(server.port, f"GET /live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        assert " 421 " in line or " 400 " in line


@pytest.mark.parametrize("origin", ["http://[", "null", "http://evil.example", "http://127.0.0.1:1"])
def test_foreign_or_broken_origins_are_refused(origin):
    with ServerThread(lambda: create_app(hub=LiveHub())) as server:
        line = answer(
            server.port,
            f"POST /live HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {origin}\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n",
        )
        assert " 403 " in line
