"""Where the pages are that a command serves, told on the terminal: addresses, and QR codes for phones."""

from __future__ import annotations

import sys

from tallrun.web.server import Served, make_gate, serving

__all__ = ["Served", "make_gate", "serving", "show_addresses", "show_phone"]


def show_addresses(served: Served, page: str = "/live") -> None:
    """Print where the page is, key included; for a phone also as a QR code."""
    served.gate.listeners.append(lambda code: show_phone(served, "For another phone"))
    label = "Live page" if page == "/live" else "Pages"
    sys.stderr.write(f"{label}: {served.address(page)}\n")
    show_phone(served, "For the phone")


def show_phone(served: Served, label: str) -> None:
    """Print the address to pair a phone with, as a QR code too; nothing on loopback alone."""
    import segno

    if served.phone_url:
        sys.stderr.write(f"{label} (one time): {served.phone_url}\n")
        segno.make(served.phone_url, error="m").terminal(out=sys.stderr, compact=True)
