from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tallrun.errors import PacketError
from tallrun.sensors.codecs import polar_pmd as pmd
from tallrun.units import STANDARD_GRAVITY_MPS2


def hexes(text):
    return bytes.fromhex(text)


def test_raw_milli_g_frame():
    raw = hexes("02 00943577 00000000 01 F7FF FFFF E703 F8FF FEFF E503")
    frame = pmd.decode_frame(raw)
    assert frame.timestamp_ns == 2_000_000_000
    np.testing.assert_array_equal(frame.values, [[-9, -1, 999], [-8, -2, 997]])
    np.testing.assert_allclose(
        pmd.acc_mps2(frame, 1.0)[0], np.array([-9, -1, 999]) * 1e-3 * STANDARD_GRAVITY_MPS2
    )
    assert pmd.encode_frame(frame) == raw


@pytest.mark.parametrize(
    ("content", "channels", "expected"),
    [
        ("F1FF 1400 F003 06 01 7B 0F 08", 3, [[-15, 20, 1008], [-20, 17, 1008]]),
        ("EAFF 0800 0D00 03 01 DF 00", 3, [[-22, 8, 13], [-23, 11, 16]]),
        ("E2E6 FA15 490A 06 01 7F 20 FC", 3, [[-6430, 5626, 2633], [-6431, 5627, 2635]]),
        ("37FF 51FD 6CF6 0000 03 01 F8 02", 4, [[-201, -687, -2452, 0], [-201, -688, -2449, 1]]),
    ],
)
def test_published_delta_contents(content, channels, expected):
    np.testing.assert_array_equal(pmd.decode_delta(hexes(content), channels, 16), expected)


def test_published_start_of_a_long_delta_block():
    # reference and the first deltas of a 10-bit block of 56 samples (the rest is not published here)
    content = hexes("71 07 F0 6A 9E 8D 0A 38 BE 5C BE BA") + bytes(10 * 56 * 3 // 8 - 4)
    values = pmd.decode_delta(content, 3, 16)
    assert values.shape == (57, 3)
    np.testing.assert_array_equal(values[0], [1905, 27376, -29282])
    np.testing.assert_array_equal(values[1] - values[0], [190, -105, -85])


def test_settings_examples():
    params = hexes("00 01 34 00 01 01 10 00 02 04 F5 00 F4 01 E8 03 D0 07 04 01 03")
    settings = pmd.decode_settings(params)
    assert settings == {
        "rate_hz": (52,), "resolution_bits": (16,), "range": (245, 500, 1000, 2000), "channels": (3,),
    }  # fmt: skip
    assert pmd.encode_settings(settings) == params
    # two start commands seen on real devices; the order of settings is the device's business
    assert pmd.decode_settings(hexes("02 01 08 00 00 01 C8 00 01 01 10 00")) == {
        "range": (8,), "rate_hz": (200,), "resolution_bits": (16,),
    }  # fmt: skip
    assert pmd.decode_settings(hexes("00 01 34 00 01 01 10 00 02 01 08 00 04 01 03"))["channels"] == (3,)


def test_start_response_carries_the_factor():
    raw = hexes("F0 02 02 00 00 05 01") + np.float32(2.44e-4).tobytes()
    response = pmd.decode_control(raw)
    assert (response.op, response.measurement, response.status, response.has_more) == (2, 2, 0, False)
    assert pmd.encode_control(response) == raw
    assert pmd.start_factor(raw) == (pmd.ACC, pytest.approx(2.44e-4))
    assert pmd.start_factor(hexes("F0 02 02 05 00")) is None
    assert pmd.start_factor(hexes("01 02")) is None


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 300), st.just(3)), elements=st.integers(-32768, 32767)))
def test_delta_round_trip_16_bit(values):
    np.testing.assert_array_equal(pmd.decode_delta(pmd.encode_delta(values, 16), 3, 16), values)


@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(1, 40), st.just(3)), elements=st.floats(-2000, 2000, width=32)
    )
)
@example(np.full((1, 3), 7.939757e-41, np.float32))
def test_float_pattern_round_trip(rates):
    patterns = rates.view("<i4").astype(np.int64)
    frame = pmd.PmdFrame(pmd.GYRO, 5, 0x81, patterns)
    again = pmd.decode_frame(pmd.encode_frame(frame))
    # in double precision: a tolerance on the smallest numbers of single precision would be zero
    np.testing.assert_allclose(np.rad2deg(pmd.gyr_radps(again, 1.0)), rates.astype(np.float64), rtol=1e-6)


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        ("05 0000000000000000 01 0000", "no known layout"),
        ("02 0000000000000000 01 0000", "whole samples"),
        ("02 0000000000000000 01", "whole samples"),
        ("02 00000000000000", "at least 9 bytes"),
        ("02 0000000000000000 80 0000", "reference of 6 bytes"),
        ("02 0000000000000000 80 000000000000 06", "block header is cut off"),
        ("02 0000000000000000 80 000000000000 21 01 0000000000000000000000000000", "33 bits does not fit"),
        ("02 0000000000000000 80 000000000000 00 FF", "does not fit"),
    ],
)
def test_bad_frames_are_refused_with_the_reason(packet, message):
    with pytest.raises(PacketError, match=message):
        pmd.decode_frame(hexes(packet))
