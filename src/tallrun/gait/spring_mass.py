"""Spring-mass stiffness of running from times alone (Morin et al. 2005, `sci:A5`).

The vertical force is taken as a half sine over contact. Against a force plate the method reads 0.7-6.9 %
low; it is not valid on slopes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tallrun.numerics.recording import FloatArray
from tallrun.units import STANDARD_GRAVITY_MPS2


class SpringMass(NamedTuple):
    """Peak force, its vertical displacement, both stiffnesses and vertical oscillation; float64, input's shape."""

    peak_force_n: FloatArray
    displacement_m: FloatArray
    vertical_stiffness_npm: FloatArray
    leg_stiffness_npm: FloatArray
    vertical_oscillation_m: FloatArray


def spring_mass(
    contact_time_s: FloatArray,
    flight_time_s: FloatArray,
    speed_mps: FloatArray,
    mass_kg: float,
    leg_length_m: float,
) -> SpringMass:
    """Return the spring-mass model of each step.

    Parameters
    ----------
    contact_time_s, flight_time_s, speed_mps : float64, any shapes that broadcast; level running.
    mass_kg, leg_length_m : the runner; NaN when unknown (leg stiffness needs the length, forces the mass).

    Returns
    -------
    SpringMass
        NaN wherever an input is NaN, a contact is not positive, there is no flight (walking), or the foot
        would sweep more than twice the leg's length.
    """
    contact, flight, speed = np.broadcast_arrays(
        np.asarray(contact_time_s, np.float64),
        np.asarray(flight_time_s, np.float64),
        np.asarray(speed_mps, np.float64),
    )
    runs = (contact > 0.0) & (flight >= 0.0)
    tc, tf = np.where(runs, contact, np.nan), np.where(runs, flight, np.nan)
    force = mass_kg * STANDARD_GRAVITY_MPS2 * (np.pi / 2.0) * (tf / tc + 1.0)
    displacement = force * tc**2 / (mass_kg * np.pi**2) - STANDARD_GRAVITY_MPS2 * tc**2 / 8.0
    sweep = leg_length_m**2 - (speed * tc / 2.0) ** 2
    shortening = leg_length_m - np.sqrt(np.where(sweep >= 0.0, sweep, np.nan)) + displacement
    return SpringMass(
        peak_force_n=force,
        displacement_m=displacement,
        vertical_stiffness_npm=force / displacement,
        leg_stiffness_npm=force / shortening,
        vertical_oscillation_m=displacement + STANDARD_GRAVITY_MPS2 * tf**2 / 8.0,
    )
