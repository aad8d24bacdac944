"""A methods paragraph about one session, to paste into a paper: what was worn, what reckoned it, from which sources."""

from __future__ import annotations

from tallrun._version import __version__
from tallrun.numerics.recording import Recording, SensorSpec
from tallrun.pipeline import ALGORITHM_VERSION
from tallrun.pipeline.setup import KEY

_PLACES = {"foot_left": "left foot", "foot_right": "right foot", "pelvis": "sacrum", "trunk": "trunk"}

#: What each placement's engine rests on; DOIs as in docs/sources.md.
_FOOT = (
    "Initial and final contacts of each foot were found from angular rate and specific force "
    "(features after Falbriard et al. 2018, doi:10.3389/fphys.2018.00610), and strides integrated between flat "
    "instants of the foot with linear drift removed (Zrenner et al. 2018, doi:10.3390/s18124194)."
)
_ACC_ONLY = (
    "Without angular rate only the times of contacts were reckoned; stride length and foot angles were not."
)
_PELVIS = (
    "Orientation of the sacrum was estimated with VQF (Laidig and Seel 2022, doi:10.1016/j.inffus.2022.10.014); "
    "tilt is told as the change from quiet standing."
)


def methods_of_session(recording: Recording) -> str:
    """Return the paragraph with the stride gain that the session says it ran with."""
    used = recording.info.get(KEY)
    gain = used.get("stride_gain") if isinstance(used, dict) else None
    return methods_paragraph(recording, gain if isinstance(gain, float) else None)


def methods_paragraph(recording: Recording, stride_gain: float | None = None) -> str:
    """Return the paragraph; what the session does not tell is named as not recorded.

    stride_gain : factor on stride length that was set against a belt of known speed, None where none was used.
    """
    sensors = [_sensor(item.spec) for _, item in sorted(recording.sensors.items())]
    worn = "; ".join(sensors) if sensors else "no inertial sensor"
    sentences = [
        f"Running gait was measured with {worn}.",
        f"Signals were processed with tallrun {__version__} (algorithm version {ALGORITHM_VERSION}), "
        "which runs the same code on live and recorded signals.",
    ]
    feet = [item for place, item in recording.sensors.items() if place.startswith("foot")]
    if any(item.gyr_radps is not None for item in feet):
        sentences.append(_FOOT)
    if feet and any(item.gyr_radps is None for item in feet):
        sentences.append(_ACC_ONLY)
    if "pelvis" in recording.sensors:
        sentences.append(_PELVIS)
    if stride_gain is not None and stride_gain != 1.0:
        sentences.append(
            f"Stride length was scaled by {stride_gain:.3f}, set earlier against a belt of known speed."
        )
    elif feet:
        sentences.append("Stride length was not calibrated to a known distance.")
    sentences.append(
        "Cadence is steps per minute of both feet. Values below their quality limit were left out, not replaced. "
        "Measured errors by quantity, speed and sensor are in the accuracy page of that version."
    )
    return " ".join(sentences)


def _sensor(spec: SensorSpec) -> str:
    known = [
        f"{spec.rate_hz:g} Hz",
        f"±{spec.acc_range_g:g} g" if spec.acc_range_g else "acceleration range not recorded",
    ]
    if spec.has_gyroscope:
        known.append(f"±{spec.gyr_range_dps:g} °/s" if spec.gyr_range_dps else "turning range not recorded")
    place = _PLACES.get(spec.placement, spec.placement)
    return f"one sensor on the {place} ({spec.model or 'model not recorded'}; {', '.join(known)})"
