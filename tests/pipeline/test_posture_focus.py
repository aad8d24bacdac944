"""Posture as the focus: cued from the pelvis when it is sure, never when it is not."""

import pytest

from support.made_rows import running
from tallrun.coaching import CueStart, plan_session
from tallrun.pipeline import PipelineSetup, StrideKnown
from tallrun.pipeline.live_run import LiveRun, LiveSetup
from tallrun.recovery import Protocol
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])


def cues(tilt_deg, sigma_deg, limit_deg=9.0, focus="tilt"):
    run = LiveRun(
        LiveSetup(PipelineSetup(()), plan_session(600.0), PROTOCOL, focus=focus, tilt_limit_deg=limit_deg)
    )
    strides = running(1200, pelvic_tilt_deg=tilt_deg, pelvic_tilt_sigma_deg=sigma_deg)
    events = [event for item in strides for event in run._handle([StrideKnown(item.emitted_at_s, item)])]
    return [item for item in events if isinstance(item, CueStart)]


@pytest.mark.parametrize("focus", ["tall", "tilt"])
def test_a_sure_excess_is_cued_in_words(focus):
    found = cues(12.0, 0.8, focus=focus)
    assert found
    assert found[0].focus == focus
    assert found[0].mode == "voice"
    assert found[0].tempo_spm is None


def test_within_the_limit_or_unsure_or_without_a_baseline_is_silent():
    assert cues(8.0, 0.8) == []
    assert cues(12.0, 3.0) == []
    assert cues(12.0, float("nan")) == []
    assert cues(12.0, 0.8, limit_deg=None) == []
