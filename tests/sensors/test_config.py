from __future__ import annotations

import numpy as np
import pytest

from tallrun.errors import ConfigError
from tallrun.resources import firmware_config_texts
from tallrun.sensors.config import Advertisement, ConfigSet, FirmwareConfig
from tallrun.sensors.ingest import Binding, Ingest
from tallrun.sensors.negotiate import choose_settings, chosen_settings
from tallrun.sensors.warnings import placement_warnings

TEXTS = firmware_config_texts()

#: A sensor nobody makes: big-endian, masked header, measured period, 24-bit rotation, scale told by the sensor,
#: packet axes that are not right-handed, a counter of samples' packets, a trailer.
INVENTED = """
schema_version = 1
title = "Invented sensor"
kind = "imu"

[[match]]
name_prefix = "Invented"
company_id = 0x1234

[[services]]
uuid = "a0000001-0000-4000-8000-000000000000"

[[services.characteristics]]
role = "data"
uuid = "a0000002-0000-4000-8000-000000000000"
properties = ["notify"]

[[services.characteristics]]
role = "scales"
uuid = "a0000003-0000-4000-8000-000000000000"
properties = ["read"]

[[start]]
action = "read"
characteristic = "scales"
reply = { characteristic = "scales", example_hex = "AA 00 00 00 3F" }

[[start]]
action = "subscribe"
characteristic = "data"

[imu]
rate_hz = 100
acc_range_g = 16
time = { stamp = "first_sample", unit_s = 1e-4, bits = 24, counter_bits = 8 }

[[packets]]
codec = "fixed"
characteristic = "data"
header_hex = "A5 40"
header_mask_hex = "FF F0"
byte_order = "big"
samples_at = 10
trailing_bytes = 1
stamp = { offset = 2, type = "u24" }
counter = { offset = 5, type = "u8" }
count = { offset = 6, type = "u8" }
period = { offset = 7, type = "u16", unit_s = 1e-6 }

[[packets.fields]]
quantity = "acc"
type = "s16"
axes = ["y", "x", "-z"]
unit = "mg"
scale_by_range = { "8" = 0.25, "16" = 0.5 }

[[packets.fields]]
quantity = "skip"
skip_bytes = 1

[[packets.fields]]
quantity = "gyr"
type = "s24"
axes = ["y", "x", "-z"]
unit = "dps"
scale_from = { characteristic = "scales", offset = 1, header_hex = "AA" }
"""


def test_every_shipped_config_loads_and_names_its_sources(configs):
    assert len(configs) == len(TEXTS) >= 13
    for config in configs:
        assert config.sources
        assert all(rule.model_fields_set for rule in config.match)


def test_a_sensor_with_a_fixed_layout_needs_a_toml_and_no_python():
    config = FirmwareConfig.from_toml(INVENTED, "invented")
    ingest = Ingest([Binding("pelvis", config)])
    data = config.uuid("data")
    # header, stamp, counter, 2 samples, 10 ms; acc (y x -z) 1 g 0 -1 g; gyr s24 counts 4, -2, 0; trailer
    sample = "07D0 0000 F830 EE 000004 FFFFFE 000000"
    packet = "A547 {:06X} {:02X} 02 2710 00" + (sample + sample).replace(" ", "") + "99"
    events = ingest.feed(0.0, "pelvis", data, bytes.fromhex(packet.format(0, 0).replace(" ", "")))
    assert "has not told its scale" in events[0].why
    ingest.feed(0.01, "pelvis", config.uuid("scales"), bytes.fromhex("AA 00 00 00 3F"))
    blocks = []
    for number in range(40):
        raw = bytes.fromhex(packet.format(number * 200, number % 256).replace(" ", ""))
        blocks += ingest.feed(1.0 + number * 0.02, "pelvis", data, raw)
    blocks += ingest.finish()
    acc = np.concatenate([block.acc_mps2 for block in blocks])
    gyr = np.concatenate([block.gyr_radps for block in blocks])
    t_s = np.concatenate([block.t_s for block in blocks])
    assert t_s.size == 80
    np.testing.assert_allclose(np.diff(t_s), 0.01, rtol=0.02)
    # little-endian 00 00 00 3F is 0.5
    np.testing.assert_allclose(acc, np.tile([0.0, 9.80665, 9.80665], (80, 1)) * [1, 1, 1])
    np.testing.assert_allclose(np.rad2deg(gyr), np.tile([-1.0, 2.0, 0.0], (80, 1)))


def test_flag_driven_records_need_no_python_either():
    text = """
schema_version = 1
title = "Invented treadmill"
kind = "treadmill"
match = [{ name_prefix = "Belt" }]
services = [{ uuid = "fff0", characteristics = [{ role = "data", uuid = "fff1", properties = ["notify"] }] }]
start = [{ action = "subscribe", characteristic = "data" }]

[[packets]]
codec = "flagged"
characteristic = "data"
flags = "u8"
reading = "treadmill"
more_bit = 7
groups = [
  { bit = 0, inverted = true, fields = [{ name = "speed_mps", type = "u16", scale = 0.01 }] },
  { bit = 1, fields = [{ name = "total_distance_m", type = "u24" }, { name = "skip_ramp", type = "s16" }] },
  { bit = 2, fields = [{ name = "incline_pct", type = "s16", scale = 0.1, missing = 0x7FFF }] },
]
"""
    ingest = Ingest([Binding("treadmill", FirmwareConfig.from_toml(text, "belt"))])
    assert ingest.feed(1.0, "treadmill", "fff1", bytes.fromhex("83 E8 03 00 FF FF")) == []
    (reading,) = ingest.feed(1.1, "treadmill", "fff1", bytes.fromhex("04 2C 01 FF 7F"))
    assert (reading.speed_mps, reading.total_distance_m, reading.incline_pct) == (3.0, 1000, None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema_version = 1", "schema_version = 2", "schema_version: .*reads schema_version 1, not 2"),
        ('kind = "imu"', 'kind = "imu"\ncolour = "red"', "colour: Extra inputs"),
        ('role = "scales"', 'role = "data"', "share a role"),
        ('from = { characteristic = "scales"', 'from = { characteristic = "nowhere"', "has the role 'nowhere'"),
        ("acc_range_g = 16", "acc_range_g = 4", "no entry for the range 4"),
        ('header_mask_hex = "FF F0"', 'header_mask_hex = "FF"', "as long as header_hex"),
        ('axes = ["y", "x", "-z"]', 'axes = ["y", "x", "-x"]', "at most once"),
        ('unit = "mg"', 'unit = "dps"', "unit of acc"),
        ('header_hex = "A5 40"', 'header_hex = "A5 4"', "hex bytes"),
        ('stamp = "first_sample", unit_s = 1e-4, bits = 24', 'stamp = "first_sample"', "needs unit_s and bits"),
        ("[imu]", "[imu", "not TOML"),
        ("uuid = \"a0000002", "uuid = \"xx", "not a Bluetooth UUID"),
        ('codec = "fixed"', 'codec = "magic"', "codec"),
    ],
)  # fmt: skip
def test_what_breaks_the_schema_is_refused_in_one_line(old, new, message):
    assert old in INVENTED
    with pytest.raises(ConfigError, match=message) as caught:
        FirmwareConfig.from_toml(INVENTED.replace(old, new, 1), "invented")
    assert str(caught.value).startswith("firmware config invented: ")
    assert "\n" not in str(caught.value)


def test_a_users_config_adds_or_replaces():
    strides = TEXTS["sig-foot-pod"].replace('codec = "rsc"', 'codec = "rsc"\ncadence_multiplier = 2.0')
    user = {"invented": INVENTED, "sig-foot-pod": strides}
    configs = ConfigSet.from_texts(TEXTS, user)
    assert len(configs) == len(TEXTS) + 1
    (reading,) = Ingest([Binding("foot_pod", configs.get("sig-foot-pod"))]).feed(
        1.0, "foot_pod", "2A53", bytes.fromhex("00 80 02 57")
    )
    assert reading.cadence_spm == 174
    with pytest.raises(ConfigError, match="no firmware config 'nothing'; there are invented"):
        configs.get("nothing")


def test_the_hash_follows_the_content_not_the_layout():
    plain = FirmwareConfig.from_toml(INVENTED, "invented").sha256
    assert FirmwareConfig.from_toml("# a comment\n" + INVENTED, "invented").sha256 == plain
    assert FirmwareConfig.from_toml(INVENTED.replace("1e-4", "2e-4"), "invented").sha256 != plain


@pytest.mark.parametrize(
    ("advertisement", "names"),
    [
        (Advertisement("Movesense 000000000000"), {"movesense-imu6-104", "movesense-imu6-208"}),
        (Advertisement("Polar Sense 00000000"), {"polar-verity-sense-sdk"}),
        (Advertisement(None, company_ids=(0x0886,)), {"movella-dot"}),
        (Advertisement("x", service_uuids=("00001826-0000-1000-8000-00805f9b34fb",)), {"sig-treadmill"}),
        (
            Advertisement("x", service_uuids=("0000ffe5-0000-1000-8000-00805f9a34fb",)),
            {"witmotion-wt9011dcl"},
        ),
        (Advertisement("x", service_uuids=("0000ffe5-0000-1000-8000-00805f9b34fb",)), set()),
        (Advertisement(), set()),
    ],
)
def test_matching(configs, advertisement, names):
    assert {config.name for config in configs.matching(advertisement)} == names


def test_a_rule_needs_all_it_says():
    config = FirmwareConfig.from_toml(INVENTED, "invented")
    assert config.matches(Advertisement("Invented 7", company_ids=(0x1234,)))
    assert not config.matches(Advertisement("Invented 7"))


def test_no_treadmill_config_ever_writes(configs):
    for config in configs:
        if config.kind == "treadmill":
            assert not [
                step for step in (*config.start, *config.stop) if step.action in ("write", "negotiate")
            ]


def test_placement_warnings_say_what_a_sensor_cannot_show(configs):
    h10 = placement_warnings(configs.get("polar-h10"), "foot_left")
    assert any("8 g cuts off peaks; a foot needs 16 g" in text for text in h10)
    assert any("no gyroscope" in text for text in h10)
    dot_foot = placement_warnings(configs.get("movella-dot"), "foot_right")
    dot_pelvis = placement_warnings(configs.get("movella-dot"), "pelvis")
    assert any("60 samples per second are too few" in text for text in dot_foot)
    assert not any("too few" in text for text in dot_pelvis)
    assert placement_warnings(configs.get("open-packet"), "foot_left") == [
        "This sensor's config comes from documents and was not tried on the hardware."
    ]


def test_settings_are_chosen_from_what_is_offered(configs):
    config = configs.get("polar-h10")
    (step,) = [step for step in config.start if step.action == "negotiate"]
    assert chosen_settings(step, step.reply.example_hex) == {
        "rate_hz": 200,
        "resolution_bits": 16,
        "range": 8,
    }
    settings = choose_settings(config, step, step.reply.example_hex)
    assert step.start_hex + settings == bytes.fromhex("02 02 00 01 C8 00 01 01 10 00 02 01 08 00")
    # only 52 Hz and 8 g on offer, and a setting nobody asked for
    offer = bytes.fromhex("F0 01 02 00 00 00 01 34 00 01 01 10 00 02 01 08 00 04 01 03")
    assert chosen_settings(step, offer) == {"rate_hz": 52, "resolution_bits": 16, "range": 8, "channels": 3}
    assert choose_settings(config, step, bytes.fromhex("F0 01 02 03 00")) is None
    assert choose_settings(config, step, b"") is None
