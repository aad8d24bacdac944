"""Settings a sensor offers, and the ones tallrun asks for."""

from __future__ import annotations

from tallrun.errors import PacketError
from tallrun.sensors.codecs import polar_pmd
from tallrun.sensors.config import FirmwareConfig, Step


def chosen_settings(step: Step, offer: bytes) -> dict[str, float] | None:
    """Return one value for every setting the sensor offered in its answer ``offer``.

    Each is the preferred one, else the next lower offer, else the lowest. None when the answer offers
    nothing or cannot be read.
    """
    try:
        response = polar_pmd.decode_control(offer)
        offered = polar_pmd.decode_settings(response.parameters)
    except PacketError:
        return None
    if response.status != 0 or not offered or not all(offered.values()):
        return None
    wanted = {str(name): value for name, value in step.prefer.items()}
    return {name: _pick(values, wanted.get(name)) for name, values in offered.items()}


def choose_settings(config: FirmwareConfig, step: Step, offer: bytes) -> bytes | None:
    """Return the settings part of the start command for a ``negotiate`` step, None when nothing fits.

    Every offered setting is repeated with one value, as Polar's devices require.
    """
    chosen = chosen_settings(step, offer)
    if chosen is None:
        return None
    return polar_pmd.encode_settings({name: (value,) for name, value in chosen.items()})


def _pick(offered: tuple[float, ...], wanted: float | None) -> float:
    if wanted is None:
        return max(offered)
    return max((value for value in offered if value <= wanted), default=min(offered))
