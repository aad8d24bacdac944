"""Cut packets give what stands whole, and what is not known is never zero."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.errors import PacketError, UsageError
from tallrun.live.rebuild import RecordingBuilder
from tallrun.numerics.recording import Recording
from tallrun.resources import firmware_config_texts
from tallrun.sensors.batch import Batch
from tallrun.sensors.codecs import ftms, heart_rate, rsc
from tallrun.sensors.codecs.battery import BatteryState, decode_battery, encode_battery
from tallrun.sensors.codecs.flagged import FlagField, encode_flagged, record_length
from tallrun.sensors.codecs.wire import SIZES
from tallrun.sensors.config import ConfigSet
from tallrun.sensors.emulate import packet_encoders
from tallrun.sensors.events import HeartRateReading
from tallrun.sensors.ingest import Binding, Ingest

MATRIX = bytes.fromhex("9e1fc60394023e01005a00ff7f3200ffff2500f4")
TABLES = {
    "treadmill": ("u16", ftms._GROUPS_BY_PACE_BYTES[2], lambda raw: vars(ftms.decode_treadmill_record(raw, 2).data)),
    "running speed": ("u8", rsc._GROUPS, lambda raw: vars(rsc.decode_rsc(raw))),
    "heart rate": ("u8", heart_rate._GROUPS, lambda raw: vars(heart_rate.decode_heart_rate(raw))),
}  # fmt: skip


def fields_of(flags: int, groups) -> list[FlagField]:
    return [field for group in groups if group.is_present(flags) for field in group.fields]


@pytest.mark.parametrize("name", TABLES)
@given(flags=st.integers(0, 0x1FFF), dice=st.randoms(use_true_random=False))
def test_a_record_cut_anywhere_gives_the_fields_before_the_cut(name, flags, dice):
    kind, groups, decode = TABLES[name]
    flags &= (1 << 8 * SIZES[kind]) - 1
    values = {field.name: 7.0 * field.scale for field in fields_of(flags, groups) if not field.repeat}
    whole = encode_flagged(flags, kind, groups, values | {"rr_s": ()}, name)
    full = decode(whole)
    size = dice.randint(0, record_length(flags, kind, groups))
    try:
        cut = decode(whole[:size])
    except PacketError:
        return
    at = SIZES[kind]
    for field in fields_of(flags, groups):
        at += 0 if field.repeat else SIZES[field.kind]
        if field.name in cut and not field.repeat:
            assert cut[field.name] == (full[field.name] if at <= size else None), (field.name, size)


@pytest.mark.parametrize("name", TABLES)
def test_a_field_that_says_not_available_is_none(name):
    kind, groups, decode = TABLES[name]
    for group in groups:
        if not any(field.missing is not None for field in group.fields):
            continue
        flags = 0 if group.inverted or group.bit is None else 1 << group.bit
        values = {field.name: 7.0 for field in fields_of(flags, groups)}
        for field in group.fields:
            if field.repeat:
                continue
            raw = encode_flagged(flags, kind, groups, {**values, field.name: None}, name)
            if field.missing is not None:
                decoded = decode(raw)
                name_told = field.name if field.name in decoded else f"{field.name}_s_per_m"
                assert decoded[name_told] is None, field.name


# every number whose 0 on the wire means "not known": the packet, and what is then None or empty
ZEROS = {
    "heart rate": (heart_rate.decode_heart_rate, "1000 0000", ("bpm", "rr_s")),
    "heart rate, two bytes": (heart_rate.decode_heart_rate, "0100 00", ("bpm",)),
    "treadmill pulse": (lambda raw: ftms.decode_treadmill_record(raw).data, "0101 00", ("heart_rate_bpm",)),
    "treadmill pace": (
        lambda raw: ftms.decode_treadmill_record(raw).data,
        "6100 0000 0000",
        ("pace_s_per_m", "average_pace_s_per_m"),
    ),
    "treadmill pace, one byte": (
        lambda raw: ftms.decode_treadmill_record(raw).data,
        "6100 00 00",
        ("pace_s_per_m", "average_pace_s_per_m"),
    ),
    "MetaMotion battery": (partial(decode_battery, "metamotion"), "118c 63 0000", ("voltage_v",)),
    "WitMotion battery": (
        partial(decode_battery, "witmotion"),
        "55716400" + 16 * "00",
        ("voltage_v", "level_pct"),
    ),
}


@pytest.mark.parametrize("name", ZEROS)
def test_a_zero_that_means_not_known_is_none(name):
    decode, packet, unknown = ZEROS[name]
    values = vars(decode(bytes.fromhex(packet)))
    assert [values[field] for field in unknown] == [() if field == "rr_s" else None for field in unknown]


@pytest.mark.parametrize("name", ["speed_mps", "incline_pct"])
def test_a_belt_that_does_not_know_is_played_as_such(name):
    known = {"speed_mps": 3.0, "incline_pct": 1.0}
    packet = ftms.encode_treadmill_record(ftms.TreadmillData(**known | {name: None}))
    assert getattr(ftms.decode_treadmill_record(packet).data, name) is None


@pytest.mark.parametrize("format_", ["level_pct", "movella_dot", "metamotion", "witmotion"])
@given(state=st.builds(
    BatteryState, st.none() | st.integers(0, 100), st.none() | st.floats(0.1, 5.0), st.none() | st.booleans()
))  # fmt: skip
def test_an_unknown_battery_is_never_written_as_a_number(format_, state):
    try:
        again = decode_battery(format_, encode_battery(format_, state))
    except UsageError:
        return
    for name, value in vars(again).items():
        known = getattr(state, name)
        assert value is None or (known is not None and value == pytest.approx(known, abs=0.006)), name


MODELS = sorted(
    config.name for config in ConfigSet.from_texts(firmware_config_texts()) if config.imu is not None
)


@pytest.mark.parametrize("model", MODELS)
def test_no_model_sends_an_unknown_sample_stamp_or_counter_as_zero(configs, model):
    config = configs.get(model)
    values = np.full((1, 3), 0.5)
    for encoder in packet_encoders(config):
        n = encoder.capacity(247)
        acc = None if encoder.stream == "gyr" else values.repeat(n, 0)
        gyr = None if encoder.stream == "acc" or not config.imu.has_gyroscope else values.repeat(n, 0)
        whole = Batch(encoder.stream, acc, gyr, 1000, 7, 0.01)
        usual = encoder.encode(whole)
        for name in ("acc_mps2", "gyr_radps", "stamp_ticks", "counter", "period_s"):
            value = getattr(whole, name)
            lacking = value * np.nan if isinstance(value, np.ndarray) else None
            try:
                sent = encoder.encode(replace(whole, **{name: lacking}))
            except UsageError:
                continue
            assert sent == usual, name  # the packet does not carry it


def run(configs, place, config, uuid, packets):
    binding = Binding(place, configs.get(config))
    ingest, builder = Ingest([binding]), RecordingBuilder({place: binding.config})
    events = []
    for number, packet in enumerate(packets):
        events += ingest.feed(float(number), place, f"0000{uuid}-0000-1000-8000-00805f9b34fb", packet)
    builder.add(events)
    return events, builder.recording(ingest.status())


def test_a_treadmill_that_cuts_its_record_at_twenty_bytes_is_read(configs):
    _, recording = run(configs, "treadmill", "sig-treadmill", "2acd", [MATRIX] * 3)
    assert recording.treadmill is not None
    np.testing.assert_allclose(recording.treadmill.speed_mps, 9.66 / 3.6)
    np.testing.assert_allclose(recording.treadmill.incline_pct, 9.0)
    assert ftms.decode_treadmill_record(MATRIX).data.total_distance_m == 318.0


@pytest.mark.parametrize("packet", ["1400", "1500 00", "0000", "0488"])
def test_a_strap_without_skin_or_pulse_tells_no_heart_rate(configs, packet):
    events, recording = run(
        configs, "heart_rate", "sig-heart-rate", "2a37", [b"\x16\x8c"] * 2 + [bytes.fromhex(packet)] * 2
    )
    assert [math.isnan(event.bpm) for event in events if isinstance(event, HeartRateReading)] == [
        False, False, True, True,
    ]  # fmt: skip
    assert recording.heart_rate is not None
    assert np.nanmean(recording.heart_rate.bpm) == 140.0


def test_a_foot_pods_readings_are_kept(configs):
    packet = rsc.encode_rsc(rsc.RscMeasurement(3.0, 170, True, 2.1, 1000.0))
    _, recording = run(configs, "foot_pod", "sig-foot-pod", "2a53", [packet] * 3)
    assert recording.watch is not None
    rows = {name: column[0] for name, column in recording.watch.rows.items()}
    assert rows == pytest.approx(
        {"t_s": 0.0, "cadence_spm": 170.0, "speed_mps": 3.0, "distance_m": 1000.0, "step_length_m": 1.05}
    )


def _said(place: str, config: str, uuid: str, packets: list[bytes]) -> Recording:
    ingest = Ingest([Binding(place, ConfigSet.from_texts(firmware_config_texts(), {}).get(config))])
    builder = RecordingBuilder({})
    for i, packet in enumerate(packets):
        builder.add(ingest.feed(float(i), place, f"0000{uuid}-0000-1000-8000-00805f9b34fb", packet))
    return builder.recording(ingest.status())


@pytest.mark.parametrize("bpm", [0, 1, 255])
def test_a_pulse_nobody_has_is_unknown(bpm: int) -> None:
    heart = _said("heart_rate", "sig-heart-rate", "2a37", [bytes([0, bpm])] * 3).heart_rate
    assert heart is not None
    assert np.isnan(heart.bpm).all()


def test_all_ones_are_unknown_on_a_belt_and_a_pod() -> None:
    belt = _said("treadmill", "sig-treadmill", "2acd", [bytes.fromhex("0000ffff"), bytes.fromhex("0000c603")])
    assert belt.treadmill is not None
    assert belt.treadmill.speed_mps.tolist() == [pytest.approx(9.66 / 3.6)]
    pod = _said("foot_pod", "sig-foot-pod", "2a53", [bytes.fromhex("06ffffffffffffff")] * 3)
    assert pod.watch is not None
    for name in ("speed_mps", "cadence_spm", "distance_m"):
        assert np.isnan(pod.watch.rows[name]).all()


def test_a_belt_that_always_announces_more_is_heard_all_the_same() -> None:
    merger = ftms.TreadmillMerger()
    part = struct.pack("<HHhh", 1 | 2 | 8, 900, 15, 0)
    told = [merger.feed(part) for _ in range(3)]
    assert told[0] is None
    assert [belt.incline_pct for belt in told if belt is not None] == [1.5, 1.5]


@pytest.mark.parametrize(("counted", "told_m"), [(85, None), (85, 2.12), (170, 1.06)])
def test_a_pod_that_counts_strides_is_known_by_its_steps(counted: int, told_m: float | None) -> None:
    packet = struct.pack("<BHB", 4 | (told_m is not None), 768, counted)
    packet += b"" if told_m is None else struct.pack("<H", round(100 * told_m))
    pod = _said("foot_pod", "sig-foot-pod", "2a53", [packet] * 10).watch
    assert pod is not None
    assert set(pod.rows["cadence_spm"]) == {170.0}
    assert told_m is None or set(pod.rows["step_length_m"]) == {1.06}


def test_a_pods_packet_cut_after_the_speed_gives_the_speed() -> None:
    pod = _said("foot_pod", "sig-foot-pod", "2a53", [struct.pack("<BH", 4, 768)] * 3).watch
    assert pod is not None
    assert set(pod.rows["speed_mps"]) == {3.0}
    assert np.isnan(pod.rows["cadence_spm"]).all()
