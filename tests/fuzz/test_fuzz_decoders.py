"""Any bytes give a value or PacketError, in bounded memory. More: TALLRUN_EXAMPLES=20000 pytest tests/fuzz."""

from __future__ import annotations

import contextlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.errors import PacketError
from tallrun.numerics.recording import SampleBlock
from tallrun.resources import firmware_config_texts
from tallrun.sensors.codecs import ftms, movesense, polar_pmd, rsc, witmotion
from tallrun.sensors.codecs.battery import decode_battery
from tallrun.sensors.codecs.heart_rate import decode_heart_rate
from tallrun.sensors.codecs.open_packet import decode_open_info, decode_open_packet
from tallrun.sensors.config import ConfigSet
from tallrun.sensors.ingest import Binding, Ingest

CONFIGS = ConfigSet.from_texts(firmware_config_texts())

DECODERS = {
    function.__name__: function
    for function in (
        rsc.decode_rsc, ftms.decode_treadmill_record, decode_heart_rate, decode_open_packet, decode_open_info,
        polar_pmd.decode_frame, polar_pmd.decode_control, polar_pmd.decode_settings, polar_pmd.start_factor,
    )
}  # fmt: skip
DECODERS |= {
    f"decode_battery {name}": lambda raw, name=name: decode_battery(name, raw)
    for name in ("level_pct", "metamotion", "movella_dot", "witmotion")
}
DECODERS |= {
    f"decode_delta {bits}": lambda raw, bits=bits: polar_pmd.decode_delta(raw, 3, bits)
    for bits in (8, 16, 24, 32)
}

#: Beginnings that get random bytes past the first checks.
HEADS = [
    b"", b"\x01\x00", b"\x02" + bytes(8) + b"\x80", b"\x05" + bytes(8) + b"\x81", b"\x02" + bytes(8) + b"\x01",
    b"\xf0\x02\x02\x00\x00", b"\x01", b"\x03", b"\xff\x1f", b"\x55\x61", b"\x55\x71", b"\x11\x8c", b"\x03\x1c",
    b"\x02\x63", b"\x03\x63", b"\xff\xff", b"\x1f",
]  # fmt: skip
ANY = st.builds(lambda head, tail: head + tail, st.sampled_from(HEADS), st.binary(max_size=300))


@pytest.mark.parametrize("name", DECODERS)
@given(raw=ANY)
def test_decoders_are_total(name, raw):
    with contextlib.suppress(PacketError):
        DECODERS[name](raw)


@pytest.mark.parametrize("config", list(CONFIGS), ids=lambda config: config.name)
@given(data=st.data())
def test_no_payload_breaks_a_sensor(config, data):
    uuids = [item.uuid for service in config.services for item in service.characteristics]
    ingest = Ingest([Binding("pelvis", config)])
    host_s = 0.0
    last_s = -np.inf
    events = []
    for _ in range(data.draw(st.integers(1, 12))):
        host_s += data.draw(st.sampled_from([0.0, 0.01, 0.3, 5.0]))
        uuid = data.draw(st.sampled_from([*uuids, "0000ffff-0000-1000-8000-00805f9b34fb"]))
        events += ingest.feed(host_s, "pelvis", uuid, data.draw(ANY))
    for event in [*events, *ingest.finish()]:
        if isinstance(event, SampleBlock):
            assert event.t_s[0] > last_s
            assert (np.diff(event.t_s) > 0).all()
            last_s = event.t_s[-1]
    assert ingest.status()["pelvis"].last_arrival_s == host_s


@given(raw=st.binary(max_size=512))
def test_memory_stays_in_proportion_to_the_bytes(raw):
    zero_width = b"\x02" + bytes(8) + b"\x80" + bytes(6) + raw.replace(b"\x00", b"\x00\xff")
    tracemalloc.start()
    with contextlib.suppress(PacketError):
        polar_pmd.decode_frame(zero_width)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # one sample of three 8-byte numbers per bit at most, a few copies on the way
    assert peak < 100_000 + 8 * 24 * 8 * len(zero_width)


@given(st.lists(st.binary(max_size=64), max_size=40))
def test_assemblers_hold_a_bounded_amount(payloads):
    splitter, assembler = witmotion.FrameSplitter(), movesense.ValueAssembler()
    for payload in payloads:
        splitter.feed(payload)
        assembler.feed(payload)
    assert len(splitter._buffer) < 2 * witmotion.FRAME_BYTES + 2
    assert sum(map(len, assembler._waiting.values())) <= 255 * movesense.SPLIT_BYTES
