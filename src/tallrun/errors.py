"""Every error tallrun raises on purpose: one root, one subclass per thing a caller can do about it.

A message says what was expected, what came, where, and what to do. The command line prints it as one
line and exits with 1. "Not enough data" is a result with a reason code, never an error.
"""

from __future__ import annotations


class TallrunError(Exception):
    """Root of all deliberate errors; its text is one plain line fit for a runner to read.

    command : the end of that line that only helps at a terminal; ``plain`` is the line without it, for a page.
    """

    def __init__(self, text: str = "", *, command: str = "") -> None:
        super().__init__(f"{text}{command}")
        self.plain = text


class UsageError(TallrunError):
    """The caller passed something that cannot work (wrong shape, unknown name, impossible option)."""


class SignalError(TallrunError):
    """Sensor signals that cannot be what they claim to be (unit, shape, order in time)."""


class PacketError(TallrunError):
    """Bytes from a peer that are not a valid packet of the declared kind."""


class SessionError(TallrunError):
    """A session folder or recording file that cannot be read or written."""


class FormatError(TallrunError):
    """A foreign file (CSV, FIT, MATLAB ...) that cannot be converted."""


class ConfigError(TallrunError):
    """A firmware config or protocol file that breaks its schema or its safe bounds."""


class EntryError(TallrunError):
    """Something a person typed (pain score, plan, date) that cannot be accepted."""


class StoreError(TallrunError):
    """The database cannot be opened, is of another version, or refused a change."""


class RadioError(TallrunError):
    """Bluetooth is missing, off, forbidden, or a sensor does not answer."""
