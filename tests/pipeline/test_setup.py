"""What a set-up takes from a session's record."""

import numpy as np
import pytest

from tallrun.numerics.recording import Recording, SensorRecording, SensorSpec
from tallrun.pipeline.gait_pipeline import GaitPipeline
from tallrun.pipeline.setup import PipelineSetup


def recording(standing):
    t_s = np.arange(100) / 100.0
    still = np.tile([0.0, 0.0, 9.81], (100, 1))
    sensor = SensorRecording(SensorSpec("foot_left", 100.0), t_s, still, np.zeros((100, 3)))
    return Recording({"foot_left": sensor}, info={"standing": standing})


def test_the_bias_of_the_last_standing_reaches_the_engine():
    setup = PipelineSetup.of(recording({"foot_left": {"gyr_bias_radps": [0.01, -0.02, 0.03]}}))
    np.testing.assert_array_equal(setup.kept_biases_radps["foot_left"], [0.01, -0.02, 0.03])
    engine = GaitPipeline(setup)._engines["foot_left"]
    np.testing.assert_array_equal(engine._kept_bias_radps, [0.01, -0.02, 0.03])


@pytest.mark.parametrize("told", [None, [1.0, 2.0], "no", [0.01, 3.0, 0.0], [0.01, float("nan"), 0.0]])
def test_what_is_no_bias_is_none(told):
    assert PipelineSetup.of(recording({"foot_left": {"gyr_bias_radps": told}})).kept_biases_radps == {}
    assert PipelineSetup.of(recording(told)).kept_biases_radps == {}
