from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from support.sensor_bytes import encode_open_info
from tallrun.errors import PacketError, UsageError
from tallrun.sensors.codecs.open_packet import (
    ACC_RANGES_G,
    GYR_RANGES_DPS,
    OpenInfo,
    OpenPacket,
    decode_open_info,
    decode_open_packet,
    encode_open_packet,
)

EXAMPLE = bytes.fromhex(
    "01 00 02 01 40 42 0F 00 C8 12 02 43 00 00 00 00 01 08 00 00 95 05 00 00 FE EF 00 00 FF 7F 9B 6F 00 00 FF FF"
)


def packets():
    return st.builds(
        OpenPacket,
        sequence=st.integers(0, 0xFFFF),
        t_first_us=st.integers(0, 0xFFFFFFFF),
        period_us=st.integers(1, 0xFFFF),
        acc_range_g=st.sampled_from(ACC_RANGES_G),
        gyr_range_dps=st.sampled_from(GYR_RANGES_DPS),
        counts=hnp.arrays(np.int16, st.tuples(st.integers(1, 19), st.just(6))),
        acc_clipped=st.booleans(),
        gyr_clipped=st.booleans(),
        fifo_overrun=st.booleans(),
        clock_synced=st.booleans(),
    )


def test_the_documented_example():
    packet = decode_open_packet(EXAMPLE)
    assert (packet.sequence, packet.t_first_us, packet.period_us) == (258, 1_000_000, 4808)
    assert (packet.acc_range_g, packet.gyr_range_dps) == (16, 2000)
    flags = (packet.acc_clipped, packet.gyr_clipped, packet.fifo_overrun, packet.clock_synced)
    assert not any(flags)
    np.testing.assert_array_equal(packet.counts[0], [0, 0, 2049, 0, 1429, 0])
    np.testing.assert_array_equal(packet.counts[1], [-4098, 0, 32767, 28571, 0, -1])
    np.testing.assert_allclose(packet.counts[1, [0, 2]] * 0.000488, [-2.000, 15.990], atol=5e-4)
    np.testing.assert_allclose([packet.counts[0, 4] * 0.07, packet.counts[1, 3] * 0.07], [100.03, 1999.97])
    assert encode_open_packet(packet) == EXAMPLE


@given(packets())
def test_round_trip(packet):
    assert decode_open_packet(encode_open_packet(packet)) == packet


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b[:11], "at least 12 bytes, got 11"),
        (lambda b: b"\x02" + b[1:], "version 1, got 2"),
        (lambda b: b[:11] + b"\x44" + b[12:], "0x44 is not assigned"),
        (lambda b: b[:11] + b"\x53" + b[12:], "0x53 is not assigned"),
        (lambda b: b[:8] + b"\0\0" + b[10:], "period is 0"),
        (lambda b: b[:-1], "2 x 12 bytes, got 35"),
        (lambda b: b + b"\0", "got 37"),
        (lambda b: b[:10] + b"\0" + b[11:12], "0 x 12"),
    ],
)
def test_bad_packets_are_refused_with_the_reason(change, message):
    with pytest.raises(PacketError, match=message):
        decode_open_packet(change(EXAMPLE))


def test_what_cannot_be_named_is_not_encoded():
    packet = decode_open_packet(EXAMPLE)
    with pytest.raises(UsageError, match="cannot name ranges 12 g"):
        encode_open_packet(OpenPacket(0, 0, 4808, 12, 2000, packet.counts))
    with pytest.raises(UsageError, match="1 to 255 samples"):
        encode_open_packet(OpenPacket(0, 0, 4808, 16, 2000, packet.counts[:0]))


def test_info_both_ways_and_refusals():
    info = OpenInfo("pelvis", (1, 4), 0xDEADBEEF, np.float32(0.000488).item(), np.float32(0.07).item())
    raw = encode_open_info(info)
    assert len(raw) == 16
    assert decode_open_info(raw) == info
    with pytest.raises(PacketError, match="cannot be right"):
        decode_open_info(raw[:8] + bytes(4) + raw[12:])
    with pytest.raises(PacketError, match="location 9"):
        decode_open_info(raw[:1] + b"\x09" + raw[2:])
