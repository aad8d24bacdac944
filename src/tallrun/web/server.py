"""Serves the pages beside a run or by themselves, on loopback or, when asked, to paired phones on the LAN."""

from __future__ import annotations

import asyncio
import contextlib
import html
import socket
import tempfile
import webbrowser
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tallrun.errors import UsageError
from tallrun.web.security import KEY_PARAMETER, Gate

CERTIFICATE_DAYS = 825
#: One message from a page; a tap is a few dozen bytes.
SOCKET_LIMIT_BYTES = 64 * 1024


@dataclass
class Served:
    """Where the pages are: ``url`` on this computer, ``lan_url`` for phones, None on loopback alone."""

    url: str
    lan_url: str | None
    gate: Gate
    _launch: tempfile.TemporaryDirectory[str] | None = None

    def address(self, page: str) -> str:
        """Return the address of a page with the key that opens the door."""
        return f"{self.url}{page}?{urlencode({KEY_PARAMETER: self.gate.key})}"

    @property
    def phone_url(self) -> str | None:
        """The address to pair a phone with the one-time code of now, None on loopback alone."""
        return None if self.lan_url is None else f"{self.lan_url}/pair?code={self.gate.pairing_code}"

    def open_browser(self, page: str) -> None:
        """Open a page in the browser.

        It is given a private file that leads there: what a program is started with can be seen by every user of the
        machine, and the address holds the key.
        """
        self._launch = self._launch or tempfile.TemporaryDirectory(prefix="tallrun-")
        file = Path(self._launch.name) / "open.html"
        file.write_text(
            f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>tallrun</title>'
            f'<meta http-equiv="refresh" content="0;url={html.escape(self.address(page))}">',
            encoding="utf-8",
        )
        webbrowser.open(file.as_uri())


def lan_address() -> str:
    """Return this machine's address on the LAN; raises UsageError when it has none.

    Asking which way a packet would leave sends nothing.
    """
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(("192.0.2.1", 9))
        address = str(probe.getsockname()[0])
    except OSError as error:
        raise UsageError(
            "--lan needs a network, and this machine is on none; join the phone's Wi-Fi"
        ) from error
    finally:
        probe.close()
    return address


def make_gate(lan: bool, tls: bool) -> Gate:
    """Return the door for loopback, or for the LAN too."""
    if tls and not lan:
        raise UsageError("--tls belongs to --lan; on this machine alone nothing leaves it")
    return Gate(lan_host=lan_address() if lan else None, is_tls=tls)


@contextlib.asynccontextmanager
async def serving(app: Any, gate: Gate, port: int, data_folder: Path) -> AsyncIterator[Served]:
    """Serve ``app`` until the block ends. Port 0 takes a free one. Raises UsageError for a port in use."""
    import uvicorn

    host = "0.0.0.0" if gate.lan_host else "127.0.0.1"
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UsageError(f"port {port} is taken ({error.strerror}); choose another with --port") from error
    port = listener.getsockname()[1]
    files: dict[str, Any] = {}
    if gate.is_tls and gate.lan_host:
        key, certificate = self_made_certificate(data_folder, gate.lan_host)
        files = {"ssl_keyfile": str(key), "ssl_certfile": str(certificate)}
    config = uvicorn.Config(
        app, log_level="error", access_log=False, ws="websockets-sansio", lifespan="off",
        proxy_headers=False, server_header=False, ws_max_size=SOCKET_LIMIT_BYTES, **files,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with _own_signals(server):
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        scheme = "https" if files else "http"
        lan_url = f"{scheme}://{gate.lan_host}:{port}" if gate.lan_host else None
        gate.lan_url = lan_url
        served = Served(f"{scheme}://127.0.0.1:{port}", lan_url, gate)
        try:
            yield served
        finally:
            server.should_exit = True
            server.force_exit = True
            await task
            listener.close()


@contextlib.contextmanager
def _own_signals(server: Any) -> Any:
    """Keep uvicorn from taking over Ctrl-C, which ends the run in good order."""
    server.capture_signals = contextlib.nullcontext
    yield


def self_made_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Return (key, certificate) files for this address, made once and readable by their owner only."""
    import ipaddress
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    from tallrun.store.location import make_private_file

    key_path, certificate_path = folder / f"tls-{host}.key", folder / f"tls-{host}.pem"
    if key_path.exists() and certificate_path.exists():
        return key_path, certificate_path
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tallrun on this computer")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address(host)), x509.DNSName("localhost")]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    make_private_file(key_path).write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    make_private_file(certificate_path).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_path, certificate_path
