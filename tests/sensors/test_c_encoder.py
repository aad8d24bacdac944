"""The makers' C99 encoder, compiled here and compared with the Python codec byte for byte."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from support.sensor_bytes import encode_open_info
from tallrun.sensors.codecs.open_packet import (
    ACC_RANGES_G,
    GYR_RANGES_DPS,
    LOCATIONS,
    OpenInfo,
    OpenPacket,
    encode_open_packet,
)

MAKER = Path(__file__).resolve().parents[2] / "docs" / "maker"
FLAGS = ("acc_clipped", "gyr_clipped", "fifo_overrun", "clock_synced")


class Header(ctypes.Structure):
    _fields_ = [
        ("flags", ctypes.c_uint8),
        ("sequence", ctypes.c_uint16),
        ("t_first_us", ctypes.c_uint32),
        ("period_us", ctypes.c_uint16),
        ("acc_range", ctypes.c_int),
        ("gyr_range", ctypes.c_int),
    ]


class Info(ctypes.Structure):
    _fields_ = [
        ("location", ctypes.c_int),
        ("firmware_major", ctypes.c_uint8),
        ("firmware_minor", ctypes.c_uint8),
        ("sensor_id", ctypes.c_uint32),
        ("g_per_lsb", ctypes.c_float),
        ("dps_per_lsb", ctypes.c_float),
    ]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        if os.environ.get("TALLRUN_REQUIRE_REAL_DATA") == "1":
            pytest.fail("no C compiler (cc, gcc or clang) to check the open packet's C encoder")
        pytest.skip("no C compiler (cc, gcc or clang)")
    target = tmp_path_factory.mktemp("maker") / "packet.so"
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    subprocess.run(
        [compiler, *strict, "-shared", "-fPIC", "-O2", str(MAKER / "tallrun_packet.c"), "-o", str(target)],
        check=True,
    )
    loaded = ctypes.CDLL(str(target))
    loaded.tallrun_encode_packet.restype = ctypes.c_size_t
    loaded.tallrun_encode_packet.argtypes = [
        ctypes.POINTER(Header), ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t,
    ]  # fmt: skip
    loaded.tallrun_encode_info.restype = ctypes.c_size_t
    return loaded


def encode_in_c(library, header, counts, room=4096):
    out = ctypes.create_string_buffer(room)
    counts = np.ascontiguousarray(counts, np.int16)
    written = library.tallrun_encode_packet(ctypes.byref(header), counts.ctypes.data, len(counts), out, room)
    return out.raw[:written]


@given(data=st.data())
def test_packets_are_the_same_byte_for_byte(library, data):
    packet = OpenPacket(
        sequence=data.draw(st.integers(0, 0xFFFF)),
        t_first_us=data.draw(st.integers(0, 0xFFFFFFFF)),
        period_us=data.draw(st.integers(1, 0xFFFF)),
        acc_range_g=data.draw(st.sampled_from(ACC_RANGES_G)),
        gyr_range_dps=data.draw(st.sampled_from(GYR_RANGES_DPS)),
        counts=data.draw(hnp.arrays(np.int16, st.tuples(st.integers(1, 255), st.just(6)))),
        **{name: data.draw(st.booleans()) for name in FLAGS},
    )
    header = Header(
        sum(1 << bit for bit, name in enumerate(FLAGS) if getattr(packet, name)),
        packet.sequence,
        packet.t_first_us,
        packet.period_us,
        ACC_RANGES_G.index(packet.acc_range_g),
        GYR_RANGES_DPS.index(packet.gyr_range_dps),
    )
    assert encode_in_c(library, header, packet.counts) == encode_open_packet(packet)


@given(
    st.sampled_from(LOCATIONS),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.floats(2**-20, 0.5, width=32),
)
def test_info_is_the_same_byte_for_byte(library, location, minor, sensor_id, scale):
    expected = encode_open_info(OpenInfo(location, (1, minor), sensor_id, scale, 0.07))
    info = Info(LOCATIONS.index(location), 1, minor, sensor_id, scale, 0.07)
    out = ctypes.create_string_buffer(16)
    assert library.tallrun_encode_info(ctypes.byref(info), out, ctypes.c_size_t(16)) == 16
    assert out.raw == expected


@pytest.mark.parametrize(
    ("header", "n", "room"),
    [
        (Header(0, 0, 0, 4808, 3, 4), 0, 4096),
        (Header(0, 0, 0, 4808, 3, 4), 256, 4096),
        (Header(0, 0, 0, 0, 3, 4), 2, 4096),
        (Header(0, 0, 0, 4808, 4, 4), 2, 4096),
        (Header(0, 0, 0, 4808, 3, 5), 2, 4096),
        (Header(0, 0, 0, 4808, 3, 4), 2, 35),
    ],
)
def test_what_cannot_be_sent_writes_nothing(library, header, n, room):
    assert encode_in_c(library, header, np.zeros((n, 6), np.int16), room) == b""
