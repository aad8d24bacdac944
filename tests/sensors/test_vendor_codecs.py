"""Movesense, WitMotion, MetaMotion, DOT and the boards described by a config alone: published examples."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.errors import PacketError
from tallrun.sensors.codecs import movesense, witmotion
from tallrun.sensors.codecs.battery import BatteryState, decode_battery, encode_battery
from tallrun.sensors.config import FirmwareConfig, Imu
from tallrun.sensors.config_packets import FixedField, FixedPacket
from tallrun.sensors.fixed import FixedCodec
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

G = STANDARD_GRAVITY_MPS2


def hexes(text):
    return bytes.fromhex(text)


def codec(config: FirmwareConfig, index: int = 0, **ranges) -> FixedCodec:
    """Return the codec of a config's packet, as if the sensor were set to other ranges."""
    imu = Imu.model_validate({**config.imu.model_dump(), **ranges})
    return FixedCodec(config.packets[index], imu, config.name)


# -- Movesense ----------------------------------------------------------------------------------------------

IMU9_VALUE = hexes(
    "159e0100 5c6e61bd56d29cbd8c2a1dc1 ee54e6bdccd5febc8c2a1dc1 c987dcbd310513bd273e1dc1 ccd5febdec0644bdf7a91dc1"
    "48e1fa3f8fc225c0c3f5683f 66660640cdcc1cc03e0a573f 85eb0140cdcc1cc03e0a573f 66660640ae4721c0b81e453f"
    "52a86f42817bb0c272e85a43 1b6e6a42f053acc24add5a43 77706d4204ecb1c2db615943 35906f420b7eb0c2d2345a43"
)


def test_movesense_imu9_value_as_captured(configs):
    stock = configs.get("movesense-imu6-104")
    fields = (*stock.packets[0].fields, FixedField(quantity="skip", skip_bytes=12))
    layout = FixedPacket.model_validate({**stock.packets[0].model_dump(), "fields": fields})
    batch = FixedCodec(layout, stock.imu, "IMU9").decode(b"\x63" + IMU9_VALUE)
    assert batch.stamp_ticks == 106005
    assert batch.n_samples == 4
    np.testing.assert_allclose(batch.acc_mps2[0], [-0.0550, -0.0766, -9.8229], atol=1e-4)
    np.testing.assert_allclose(batch.gyr_radps[0] / RAD_PER_DEG, [1.96, -2.59, 0.91], atol=1e-2)


@given(st.binary(min_size=151, max_size=300), st.integers(1, 255))
def test_movesense_split_values_come_together_again(value, reference):
    first, second = movesense.split_value(reference, value)
    assert len(first) == 152
    assembler = movesense.ValueAssembler()
    assert assembler.feed(first) == []
    assert assembler.feed(second) == [bytes([reference]) + value]


def test_movesense_streams_do_not_mix_and_lost_parts_are_told():
    assembler = movesense.ValueAssembler()
    a, b = bytes(range(200)), bytes(200)
    a1, a2 = movesense.split_value(1, a)
    b1, b2 = movesense.split_value(2, b)
    assert assembler.feed(a1) == assembler.feed(b1) == []
    assert assembler.feed(a2) == [b"\x01" + a]
    assert assembler.feed(b2) == [b"\x02" + b]
    (orphan,) = assembler.feed(a2)
    assert isinstance(orphan, PacketError)
    assembler.feed(a1)
    assert assembler.feed(a1) == []  # delivered twice
    c1, c2 = movesense.split_value(1, bytes(range(1, 201)))
    lost, *rest = assembler.feed(c1)
    assert "missing" in str(lost)
    assert rest == []
    assert assembler.feed(c2) == [b"\x01" + bytes(range(1, 201))]


# -- WitMotion ----------------------------------------------------------------------------------------------

FRAME = hexes("55 61 00 FE 00 01 00 08 00 20 00 C0 01 00 00 E0 00 20 00 00")


def test_witmotion_default_frame(configs):
    batch = codec(configs.get("witmotion-wt9011dcl")).decode(FRAME)
    np.testing.assert_allclose(batch.acc_mps2, [[-0.25 * G, 0.125 * G, 1.0 * G]])
    np.testing.assert_allclose(batch.gyr_radps / RAD_PER_DEG, [[500, -1000, 0.061]], atol=1e-4)


@given(st.integers(1, 6), st.lists(st.integers(0, 120), max_size=8))
def test_witmotion_frames_survive_any_cutting(count, cuts):
    frames = [FRAME[:2] + bytes([index] * 18) for index in range(count)]
    stream = b"".join(frames)
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    splitter = witmotion.FrameSplitter()
    out = [frame for a, b in pairwise(edges) for frame in splitter.feed(stream[a:b])]
    assert out == frames


def test_witmotion_finds_the_next_frame_after_lost_bytes():
    frames = [FRAME[:2] + bytes([index] * 18) for index in range(6)]
    frames[3] = FRAME[:6] + FRAME[:2] + bytes(12)  # a header inside data
    stream = frames[0] + frames[1][:9] + b"".join(frames[2:])
    splitter = witmotion.FrameSplitter()
    out = splitter.feed(stream)
    good = [item for item in out if isinstance(item, bytes)]
    assert good == [frames[0], *frames[2:]]
    assert any("9 bytes passed over" in str(item) for item in out)


# -- MetaMotion ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "index", "header", "ranges", "packet", "expected"),
    [
        ("metamotion-bmi160", 0, "03 04", {"acc_range_g": 4.0}, "03 04 16 C4 94 A2 2A D0", [[-1.872, -2.919, -1.495]]),
        (
            "metamotion-bmi160", 0, None, {"acc_range_g": 8.0},
            "03 1C 62 B7 53 0D E9 FD 16 D0 4D 0E 57 02 8A FF A1 05 0A 01",
            [[-4.539, 0.833, -0.131], [-2.995, 0.894, 0.146], [-0.029, 0.352, 0.065]],
        ),
        (
            "metamotion-bmi160", 1, "13 05", {"gyr_range_dps": 500.0},
            "13 05 3E 43 FF 7F 00 80", [[262.409, 499.497, -499.512]],
        ),
        (
            "metamotion-bmi160", 1, None, {"gyr_range_dps": 1000.0},
            "13 07 09 15 AD 26 08 DE 8A 1A 0D 26 65 E4 8D 20 AC 27 73 EC",
            [[164.177, 301.860, -265.122], [207.134, 296.982, -215.457], [254.055, 309.634, -152.591]],
        ),
    ],
)  # fmt: skip
def test_metamotion_examples(configs, name, index, header, ranges, packet, expected):
    config = configs.get(name)
    if header is not None:  # the unpacked registers are not streamed by the shipped configs
        layout = config.packets[index].model_copy(update={"header_hex": hexes(header)})
        config = config.model_copy(update={"packets": (layout,)})
        index = 0
    decoder = codec(config, index, **ranges)
    raw = hexes(packet)
    batch = decoder.decode(raw)
    values = batch.acc_mps2 / G if batch.acc_mps2 is not None else batch.gyr_radps / RAD_PER_DEG
    np.testing.assert_allclose(values, expected, atol=6e-4)
    assert decoder.encode(batch) == raw


@pytest.mark.parametrize(("chip", "acc"), [("bmi160", "03 03 28 0C"), ("bmi270", "03 03 A8 03")])
def test_the_metamotion_configs_write_the_settings_they_name(configs, chip, acc):
    """100 Hz, 16 g and 2000 dps, as the maker's SDK writes them."""
    config = configs.get(f"metamotion-{chip}")
    written = [step.value for step in config.start if step.action == "write"]
    assert (config.imu.rate_hz, config.imu.acc_range_g, config.imu.gyr_range_dps) == (100.0, 16.0, 2000.0)
    assert hexes(acc) in written
    assert hexes("13 03 28 00") in written


# -- Movella DOT --------------------------------------------------------------------------------------------


def test_dot_rate_quantities(configs):
    raw = hexes("40420F00 00000000 00000000 00001D41 00004841 000040C0 0000803E")
    decoder = codec(configs.get("movella-dot"))
    batch = decoder.decode(raw)
    assert batch.stamp_ticks == 1_000_000
    np.testing.assert_allclose(batch.acc_mps2, [[0, 0, 9.8125]])
    np.testing.assert_allclose(batch.gyr_radps / RAD_PER_DEG, [[12.5, -3.0, 0.25]])
    assert decoder.encode(batch) == raw


# -- boards and batteries -----------------------------------------------------------------------------------


def test_boards_described_by_a_config_alone(configs):
    tag = codec(configs.get("ti-sensortag-cc2650"))
    batch = tag.decode(hexes("00 04 00 00 00 00 00 00 00 00 00 08 00 00 00 00 00 00"))
    np.testing.assert_allclose(batch.gyr_radps / RAD_PER_DEG, [[7.8125, 0, 0]])
    np.testing.assert_allclose(batch.acc_mps2 / G, [[0, 0, 1.0]])
    thingy = codec(configs.get("nordic-thingy52"))
    batch = thingy.decode(hexes("00 00 00 00 00 04 C0 FE 80 0C 00 00 E0 01 00 00 80 FD"))
    np.testing.assert_allclose(batch.acc_mps2 / G, [[0, 0, 1.0]])
    np.testing.assert_allclose(batch.gyr_radps / RAD_PER_DEG, [[-10, 100, 0]])


@pytest.mark.parametrize(
    ("format_", "packet", "state"),
    [
        ("level_pct", "57", BatteryState(87)),
        ("metamotion", "11 8C 63 34 10", BatteryState(99, 4.148)),
        ("movella_dot", "57 01", BatteryState(87, None, True)),
        ("witmotion", "55 71 64 00 8B 01 0000 0000 0000 0000 0000 0000 0000", BatteryState(None, 3.95)),
    ],
)
def test_batteries(format_, packet, state):
    raw = hexes(packet)
    assert decode_battery(format_, raw) == state
    assert encode_battery(format_, state) == raw


def test_other_messages_on_a_shared_characteristic_are_no_battery():
    assert decode_battery("metamotion", hexes("03 1C 00 00")) is None
    assert decode_battery("witmotion", FRAME) is None
