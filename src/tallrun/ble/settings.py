"""Chooses the settings of a sensor that first tells what it can do (``negotiate`` steps of a config)."""

from __future__ import annotations

from tallrun.errors import PacketError
from tallrun.sensors.codecs.polar_pmd import Settings, decode_control, decode_settings, encode_settings
from tallrun.sensors.config import Step


def more_follows(answer: bytes) -> bool:
    """Say whether a Polar answer is continued by another one."""
    try:
        return decode_control(answer).has_more
    except PacketError:
        return False


def choose_settings(step: Step, answers: list[bytes]) -> bytes | None:
    """Return the settings for the start command; None when the sensor does not offer this measurement.

    Every setting the sensor offered must come back exactly once, or it answers "invalid parameter". The
    step's preference is taken where offered, else the next lower offer, else the lowest.
    """
    offered: Settings = {}
    try:
        for answer in answers:
            response = decode_control(answer)
            if response.status != 0:
                return None
            offered |= decode_settings(response.parameters)
    except PacketError:
        return None
    chosen: Settings = {
        name: (_choose(values, _preferred(step, name)),) for name, values in offered.items() if values
    }
    return encode_settings(chosen) if chosen else None


def _preferred(step: Step, name: str) -> int | None:
    return {str(key): value for key, value in step.prefer.items()}.get(name)


def _choose(offered: tuple[float, ...], preferred: int | None) -> float:
    if preferred is None:
        return max(offered)
    return max((value for value in offered if value <= preferred), default=min(offered))
