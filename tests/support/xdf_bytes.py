"""Writes a small XDF file from its published chunk layout, for tests of the importer."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z")


def _chunk(tag: int, content: bytes) -> bytes:
    body = struct.pack("<H", tag) + content
    return b"\x04" + struct.pack("<I", len(body)) + body


def xdf_file(
    name: str, t_s: np.ndarray, values: np.ndarray, units: tuple[str, str] = ("m/s^2", "rad/s")
) -> bytes:
    """One stream of float64 samples (n, 6) with labelled channels."""
    of_each = [units[label.startswith("gyr")] for label in CHANNELS]
    return xdf_of(xdf_stream(1, name, "IMU", CHANNELS, of_each, t_s, values))


def xdf_of(*streams: bytes) -> bytes:
    """Return the file that holds these streams."""
    return (
        b"XDF:" + _chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>") + b"".join(streams)
    )


def xdf_stream(
    number: int,
    name: str,
    kind: str,
    labels: Sequence[str],
    units: Sequence[str],
    t_s: np.ndarray,
    values: np.ndarray,
    source: str = "",
) -> bytes:
    """One stream of float64 samples (n, k); a channel with an empty label or unit does not say it."""
    channels = "".join(
        f"<channel>{f'<label>{label}</label>' if label else ''}{f'<unit>{unit}</unit>' if unit else ''}</channel>"
        for label, unit in zip(labels, units, strict=True)
    )
    header = (
        f"<?xml version='1.0'?><info><name>{name}</name><type>{kind}</type><source_id>{source}</source_id>"
        f"<channel_count>{values.shape[1]}</channel_count>"
        "<nominal_srate>200</nominal_srate><channel_format>double64</channel_format>"
        f"<desc><channels>{channels}</channels></desc></info>"
    )
    samples = b"".join(
        b"\x08" + struct.pack("<d", stamp) + row.astype("<f8").tobytes()
        for stamp, row in zip(t_s, values, strict=True)
    )
    footer = f"<?xml version='1.0'?><info><sample_count>{len(t_s)}</sample_count></info>"
    stream = struct.pack("<I", number)
    return (
        _chunk(2, stream + header.encode())
        + _chunk(3, stream + b"\x04" + struct.pack("<I", len(t_s)) + samples)
        + _chunk(6, stream + footer.encode())
    )
