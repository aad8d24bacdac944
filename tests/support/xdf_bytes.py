"""Writes a small XDF file from its published chunk layout, for tests of the importer."""

from __future__ import annotations

import struct

import numpy as np

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z")


def _chunk(tag: int, content: bytes) -> bytes:
    body = struct.pack("<H", tag) + content
    return b"\x04" + struct.pack("<I", len(body)) + body


def xdf_file(
    name: str, t_s: np.ndarray, values: np.ndarray, units: tuple[str, str] = ("m/s^2", "rad/s")
) -> bytes:
    """One stream of float64 samples (n, 6) with labelled channels."""
    channels = "".join(
        f"<channel><label>{label}</label><unit>{units[label.startswith('gyr')]}</unit></channel>"
        for label in CHANNELS
    )
    header = (
        f"<?xml version='1.0'?><info><name>{name}</name><type>IMU</type><channel_count>6</channel_count>"
        "<nominal_srate>200</nominal_srate><channel_format>double64</channel_format>"
        f"<desc><channels>{channels}</channels></desc></info>"
    )
    samples = b"".join(
        b"\x08" + struct.pack("<d", stamp) + row.astype("<f8").tobytes()
        for stamp, row in zip(t_s, values, strict=True)
    )
    footer = "<?xml version='1.0'?><info><sample_count>0</sample_count></info>"
    stream = struct.pack("<I", 1)
    return (
        b"XDF:"
        + _chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>")
        + _chunk(2, stream + header.encode())
        + _chunk(3, stream + b"\x04" + struct.pack("<I", len(t_s)) + samples)
        + _chunk(6, stream + footer.encode())
    )
