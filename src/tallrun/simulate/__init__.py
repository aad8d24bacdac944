"""A physically consistent runner with worn sensors and the exact truth. Shares nothing with ``gait``.

Use::

    from tallrun import simulate
    recording, truth = simulate.run("demo", seed=1)
    programme = simulate.Programme((simulate.Bout("stand", 10.0), simulate.Bout("run", 120.0, 3.0, overstride=1.5)))
    sensors = simulate.three_sensors(200.0, loss=0.02, mounting_body_from_sensor="aligned")
    recording, truth = simulate.run(programme, simulate.Runner(foot_strike_angle_deg=-8.0), sensors, seed=7)

``truth`` follows the session contract (strides, segments, pelvis, flags, impairments, seed, version) and adds
``sensors`` (mounting matrix ``v_body = M v_sensor``, lever arm, biases, clock, lost spans), ``runner`` and
``contact_offsets_s``. ``simulate.motion_of`` gives the exact path behind a session: ``.states(placement, t_s)``.
``random_runner(seed)`` draws a sound runner, ``sound_run(minutes, seed)`` an hour-long sound programme.
Faults are seeded on a bout: ``overstride`` and truth severities count multiples of the published threshold,
``cadence_shift_spm``, ``tilt_shift_deg`` (with ``end_tilt_shift_deg``), ``contact_asymmetry_pct``, ``fatigue``.
Everything simulated is an implementation check, never an accuracy claim (sci:D9).
"""

from tallrun.simulate.bundled import BUNDLED, bundled
from tallrun.simulate.imu import SensorSetup
from tallrun.simulate.library import named_programme, programme_names, random_runner, sound_run, steady_run
from tallrun.simulate.motion import Motion
from tallrun.simulate.programme import Bout, Programme, Runner
from tallrun.simulate.session import motion_of, run, three_sensors

__all__ = [
    "BUNDLED",
    "Bout",
    "Motion",
    "Programme",
    "Runner",
    "SensorSetup",
    "bundled",
    "motion_of",
    "named_programme",
    "programme_names",
    "random_runner",
    "run",
    "sound_run",
    "steady_run",
    "three_sensors",
]
