"""Bluetooth SIG measurements: the published examples, both ways."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.errors import PacketError
from tallrun.sensors.codecs import ftms, rsc
from tallrun.sensors.codecs.heart_rate import HeartRateMeasurement, decode_heart_rate, encode_heart_rate
from tallrun.units import RAD_PER_DEG

KMH = 1 / 3.6


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("00 80 02 B4", rsc.RscMeasurement(2.5, 180, False)),
        ("03 80 02 B4 55 00 10 27 00 00", rsc.RscMeasurement(2.5, 180, False, 0.85, 1000.0)),
        ("00 80 05 DC", rsc.RscMeasurement(5.5, 220, False)),
        ("07 33 03 AF 6D 00 4E C3 00 00", rsc.RscMeasurement(3.19921875, 175, True, 1.09, 4999.8)),
    ],
)
def test_running_speed_examples(packet, expected):
    raw = bytes.fromhex(packet)
    measured = rsc.decode_rsc(raw)
    assert vars(measured) == pytest.approx(vars(expected))
    assert rsc.encode_rsc(measured) == raw


TREADMILL = [
    ("02 01 E2 04 B0 04 9B", {"speed_mps": 12.5 * KMH, "average_speed_mps": 12 * KMH, "heart_rate_bpm": 155}, False),
    ("01 00", {}, True),
    ("09 00 19 00 F1 FF", {"incline_pct": 2.5, "ramp_angle_rad": -1.5 * RAD_PER_DEG}, True),
    ("01 10 38 FF 5E 01", {"belt_force_n": -200, "power_w": 350}, True),
    (
        "FE 1F 20 03 EE 02 88 13 00 CE FF 1E 00 64 00 32 00 2C 01 36 01 F4 01 58 02 0A 8C 55 08 07 58 02 9C FF FA 00",
        {
            "speed_mps": 8 * KMH, "average_speed_mps": 7.5 * KMH, "total_distance_m": 5000, "incline_pct": -5.0,
            "ramp_angle_rad": 3 * RAD_PER_DEG, "elevation_gain_m": 10, "elevation_loss_m": 5,
            "pace_s_per_m": 300 / 500, "average_pace_s_per_m": 310 / 500, "total_energy_j": 500 * 4184,
            "energy_per_hour_j": 600 * 4184, "energy_per_minute_j": 10 * 4184, "heart_rate_bpm": 140,
            "metabolic_equivalent": 8.5, "elapsed_s": 1800, "remaining_s": 600, "belt_force_n": -100, "power_w": 250,
        },
        False,
    ),
    (
        "0C 04 B0 04 E8 03 00 0A 00 06 00 2C 01",
        {"speed_mps": 12 * KMH, "total_distance_m": 1000, "incline_pct": 1.0, "ramp_angle_rad": 0.6 * RAD_PER_DEG,
         "elapsed_s": 300},
        False,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("packet", "expected", "has_more"), TREADMILL)
def test_treadmill_examples(packet, expected, has_more):
    raw = bytes.fromhex(packet)
    record = ftms.decode_treadmill_record(raw)
    told = {name: value for name, value in vars(record.data).items() if value is not None}
    assert told == pytest.approx(expected)
    assert record.has_more == has_more
    assert ftms.encode_treadmill_record(record.data, record.has_more) == raw


def test_one_byte_pace_is_recognised_by_the_records_length():
    # flags: speed, both paces, heart rate; version 1.0 sends 0.1 km/min in one byte
    raw = bytes.fromhex("60 01 E8 03 02 04 8C")
    data = ftms.decode_treadmill_record(raw).data
    assert data.pace_s_per_m == pytest.approx(60 / 200)
    assert data.average_pace_s_per_m == pytest.approx(60 / 400)
    assert data.heart_rate_bpm == 140
    assert ftms.encode_treadmill_record(data, pace_bytes=1) == raw


def test_pace_of_no_fitting_width_is_dropped_with_everything_after_it():
    data = ftms.decode_treadmill_record(bytes.fromhex("60 01 E8 03 02 04 8C 00 00 00 00 00")).data
    assert data.speed_mps == pytest.approx(10 * KMH)
    assert data.pace_s_per_m is None
    assert data.heart_rate_bpm is None


def test_a_known_pace_width_overrides_the_length():
    raw = bytes.fromhex("60 01 E8 03 02 04 8C 00 00 00")
    assert ftms.decode_treadmill_record(raw, pace_bytes=1).data.heart_rate_bpm == 140


def test_reserved_flags_and_trailing_bytes_are_ignored():
    data = ftms.decode_treadmill_record(bytes.fromhex("00 E0 B0 04 FF FF FF")).data
    assert data.speed_mps == pytest.approx(12 * KMH)


def test_split_records_are_merged_until_more_data_is_clear():
    merger = ftms.TreadmillMerger()
    assert merger.feed(bytes.fromhex("09 00 19 00 F1 FF")) is None
    whole = merger.feed(bytes.fromhex("00 00 B0 04"))
    assert whole is not None
    assert whole.incline_pct == pytest.approx(2.5)
    assert whole.speed_mps == pytest.approx(12 * KMH)
    following = merger.feed(bytes.fromhex("00 00 B0 04"))
    assert following is not None
    assert following.incline_pct is None


def test_a_broken_part_drops_what_was_collected():
    merger = ftms.TreadmillMerger()
    merger.feed(bytes.fromhex("09 00 19 00 F1 FF"))
    with pytest.raises(PacketError, match="treadmill"):
        merger.feed(bytes.fromhex("09 00 19"))
    whole = merger.feed(bytes.fromhex("00 00 B0 04"))
    assert whole is not None
    assert whole.incline_pct is None


def test_energy_that_is_not_available_is_unknown_not_a_number():
    data = ftms.decode_treadmill_record(bytes.fromhex("80 00 B0 04 10 00 FF FF FF")).data
    assert data.total_energy_j == 16 * 4184
    assert data.energy_per_hour_j is None
    assert data.energy_per_minute_j is None


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("10 8C 66 01 70 01", HeartRateMeasurement(140, None, None, (358 / 1024, 368 / 1024))),
        ("16 48 40 03 52 03", HeartRateMeasurement(72, True, None, (832 / 1024, 850 / 1024))),
        ("1F 2C 01 10 00 CD 00", HeartRateMeasurement(300, True, 16000.0, (205 / 1024,))),
    ],
)
def test_heart_rate_examples(packet, expected):
    raw = bytes.fromhex(packet)
    assert decode_heart_rate(raw) == expected
    assert encode_heart_rate(expected) == raw


@given(
    st.floats(0, 200),
    st.integers(0, 255),
    st.booleans(),
    st.none() | st.floats(0, 600),
    st.none() | st.floats(0, 1e6),
)
def test_running_speed_round_trip(speed, cadence, running, stride, distance):
    raw = rsc.encode_rsc(rsc.RscMeasurement(speed, cadence, running, stride, distance))
    again = rsc.decode_rsc(raw)
    assert math.isclose(again.speed_mps, speed, abs_tol=1 / 512 + 1e-9)
    assert (again.stride_length_m is None) == (stride is None)
    assert rsc.encode_rsc(again) == raw
