"""Cut packets give what stands whole, and what is not known is never zero."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.errors import PacketError
from tallrun.live.rebuild import RecordingBuilder
from tallrun.sensors.codecs import ftms, heart_rate, rsc
from tallrun.sensors.codecs.flagged import FlagField, encode_flagged, record_length
from tallrun.sensors.codecs.wire import SIZES
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
            raw = encode_flagged(flags, kind, groups, {**values, field.name: None}, name)
            if field.missing is not None:
                assert decode(raw)[field.name] is None, field.name


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
