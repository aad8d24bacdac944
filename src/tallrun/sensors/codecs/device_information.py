"""Battery Level (2A19) and Device Information (180A): Bluetooth SIG GATT specification supplement."""

from __future__ import annotations

from dataclasses import dataclass

from tallrun.errors import PacketError, UsageError
from tallrun.sensors.codecs.wire import Reader, format_number

#: Text characteristics of the Device Information service by their 16-bit number.
TEXT_CHARACTERISTICS = {
    "2a29": "manufacturer", "2a24": "model", "2a25": "serial",
    "2a26": "firmware", "2a27": "hardware", "2a28": "software",
}  # fmt: skip
_VENDOR_SOURCES = {1: "bluetooth_sig", 2: "usb"}


def decode_battery_level(data: bytes) -> int:
    """Decode 2A19 into percent. Raises PacketError outside 0 to 100."""
    level_pct = Reader(data, "battery level").integer("u8")
    if level_pct > 100:
        raise PacketError(f"battery level: expected 0 to 100 percent, got {level_pct}")
    return level_pct


def encode_battery_level(level_pct: int) -> bytes:
    """Encode 2A19."""
    if not 0 <= level_pct <= 100:
        raise UsageError(f"battery level must be 0 to 100 percent, not {level_pct}")
    return bytes([level_pct])


def decode_text(data: bytes) -> str:
    """Decode a UTF-8 text; trailing NULs are dropped, bytes that are not UTF-8 are replaced. Untrusted text."""
    return bytes(data).rstrip(b"\0").decode("utf-8", errors="replace")


def encode_text(text: str) -> bytes:
    """Encode a text characteristic."""
    return text.encode()


@dataclass(frozen=True)
class PnpId:
    """2A50: who assigned the vendor number, vendor, product, product version."""

    vendor_source: str
    vendor: int
    product: int
    version: int


def decode_pnp_id(data: bytes) -> PnpId:
    """Decode 2A50. Raises PacketError for a vendor source that is neither 1 nor 2."""
    reader = Reader(data, "PnP ID")
    source = reader.integer("u8")
    if source not in _VENDOR_SOURCES:
        raise PacketError(f"PnP ID: expected vendor source 1 or 2, got {source}")
    return PnpId(_VENDOR_SOURCES[source], *(reader.integer("u16") for _ in range(3)))


def encode_pnp_id(pnp: PnpId) -> bytes:
    """Encode 2A50."""
    source = next(code for code, name in _VENDOR_SOURCES.items() if name == pnp.vendor_source)
    return bytes([source]) + b"".join(format_number("u16", n) for n in (pnp.vendor, pnp.product, pnp.version))


def decode_system_id(data: bytes) -> int:
    """Decode 2A23, eight octets, least significant first."""
    return Reader(data, "system ID").integer("u64")


def encode_system_id(system_id: int) -> bytes:
    """Encode 2A23."""
    return format_number("u64", system_id)
