"""Packets in any order: no sample is ever placed after the moment its packet came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.sensor_player import DeviceTimer, play
from tallrun.numerics.recording import SampleBlock
from tallrun.sensors.ingest import Binding, Ingest

AFTER_ARRIVAL_S = 1.0  # the clock's line is found within a second


@pytest.mark.parametrize(
    "name", ["open-packet", "movella-dot", "movesense-imu6-208", "polar-verity-sense-sdk"]
)
@example(seed=1043, reach_s=8.0)  # a restart of the clock that acceleration and rotation share
@given(seed=st.integers(0, 10_000), reach_s=st.sampled_from([0.05, 0.3, 1.0, 3.0, 8.0]))
def test_samples_of_reordered_packets_never_lie_ahead_of_their_arrival(configs, name, seed, reach_s):
    config = configs.get(name)
    dice = np.random.default_rng(seed)
    sent = play(config, "pelvis", 12.0, DeviceTimer(20.0), dice, 0.02, 0.01)
    arrival_s = np.array([item.host_s for item in sent])
    moved = dice.random(arrival_s.size) < 0.2
    order = np.argsort(arrival_s + moved * dice.random(arrival_s.size) * reach_s, kind="stable")
    ingest = Ingest([Binding("pelvis", config)])
    last_s = -np.inf
    for host_s, at in zip(np.sort(arrival_s), order, strict=True):
        item = sent[at]
        for event in ingest.feed(float(host_s), "pelvis", item.uuid, item.payload):
            if isinstance(event, SampleBlock):
                assert event.t_s[-1] <= host_s + AFTER_ARRIVAL_S
                assert event.t_s[0] > last_s
                last_s = event.t_s[-1]
    for event in ingest.finish():
        if isinstance(event, SampleBlock):
            assert event.t_s[-1] <= arrival_s.max() + AFTER_ARRIVAL_S
