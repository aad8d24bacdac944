"""A study with known changes: a few runners over weeks, each session another day, another mounting, another mood.

What was changed, by how much and from when on, is the truth beside it; everything else only scatters from day to day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from tallrun.errors import UsageError
from tallrun.numerics.recording import Recording
from tallrun.simulate.library import STILL
from tallrun.simulate.programme import RUN, TREADMILL, WALK, Bout, Programme, Runner
from tallrun.simulate.session import run

SPEED_MPS = 2.6
#: SD from day to day: cadence [steps/min], tilt [deg], contact time [share], strike angle [deg], left-right [%].
DAY_SPREAD = {
    "cadence_spm": 1.2,
    "tilt_deg": 0.4,
    "contact_share": 0.008,
    "strike_deg": 0.6,
    "asymmetry_pct": 0.4,
}


@dataclass(frozen=True)
class Seeded:
    """One known change, linear from ``from_week`` to ``to_week`` (the same week: in one step)."""

    quantity: str
    before: float
    after: float
    from_week: float
    to_week: float

    def at(self, week: float) -> float:
        """Return the value in force so many weeks after the start."""
        if self.to_week <= self.from_week:
            return self.after if week >= self.from_week else self.before
        share = min(max((week - self.from_week) / (self.to_week - self.from_week), 0.0), 1.0)
        return self.before + share * (self.after - self.before)


@dataclass(frozen=True)
class Person:
    """Who takes part. pain : mornings start and end at these scores. rises : the last mornings are over the limit."""

    code: str
    side: str
    born_year: int
    body: Runner
    cadence_spm: float
    tilt_deg: float
    asymmetry_pct: float
    changes: tuple[Seeded, ...] = ()
    pain: tuple[int, int] = (2, 1)
    stays_silent_days: int = 0

    def value(self, quantity: str, week: float) -> float:
        """Return cadence [steps/min], tilt [deg], contact-time share or left-right difference [%] at a week."""
        found = next((item for item in self.changes if item.quantity == quantity), None)
        if found is not None:
            return found.at(week)
        usual = {
            "cadence_spm": self.cadence_spm,
            "tilt_deg": self.tilt_deg,
            "asymmetry_pct": self.asymmetry_pct,
        }
        return usual.get(quantity, 1.0)


#: Three people: two seeded changes, none at all, contact time and its left-right difference.
PEOPLE = (
    Person(
        "P-014", "right", 1979, Runner(mass_kg=68.0), 147.0, 8.7, 0.0,
        (Seeded("cadence_spm", 147.0, 164.0, 2.5, 5.5), Seeded("tilt_deg", 8.7, 5.0, 4.0, 4.0)), (3, 1),
    ),
    Person(
        "P-027", "left", 1990, Runner(height_m=1.68, leg_length_m=0.89, mass_kg=59.0, foot_strike_angle_deg=4.0),
        168.0, 6.0, 0.0, (), (2, 2), 3,
    ),
    Person(
        "P-031", "left", 1972, Runner(height_m=1.82, leg_length_m=0.97, mass_kg=81.0, foot_strike_angle_deg=11.0),
        158.0, 5.5, 7.0, (Seeded("contact_share", 1.08, 0.96, 3.0, 5.0), Seeded("asymmetry_pct", 7.0, 0.0, 3.0, 6.0)),
        (2, 5),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Visit:
    """One session of the study: whose, when, and how it is simulated."""

    person: Person
    number: int
    started_at: datetime
    week: float
    programme: Programme
    body: Runner
    seed: int

    def recorded(self) -> tuple[Recording, dict[str, Any]]:
        """Simulate the session; its truth says which week of the study it is."""
        recording, truth = run(self.programme, self.body, seed=self.seed)
        info = {**recording.info, "started_at": self.started_at.isoformat(), "context": _context(recording)}
        if (zone := getattr(self.started_at.tzinfo, "key", None)) is not None:
            info["time_zone"] = zone

        return replace(recording, info=info), truth | {"study_week": self.week}


def visits(
    start: datetime, *, weeks: int = 8, per_week: int = 2, minutes: float = 4.0, seed: int = 0,
    people: tuple[Person, ...] = PEOPLE,
) -> Iterator[Visit]:  # fmt: skip
    """Yield every session of the study, person by person, oldest first. Raises UsageError for impossible numbers."""
    if weeks < 1 or not 1 <= per_week <= 7 or not minutes > 0.0:
        raise UsageError("a study has at least one week, one to seven sessions a week, and minutes above 0")
    for place, person in enumerate(people):
        for number in range(weeks * per_week):
            week = number / per_week
            rng = np.random.default_rng([seed, place, number])
            day = dict(
                zip(DAY_SPREAD, rng.standard_normal(len(DAY_SPREAD)) * list(DAY_SPREAD.values()), strict=True)
            )
            body = replace(
                person.body,
                running_tilt_deg=person.value("tilt_deg", week) + day["tilt_deg"],
                contact_time_scale=person.value("contact_share", week) * (1.0 + day["contact_share"]),
                foot_strike_angle_deg=person.body.foot_strike_angle_deg + day["strike_deg"],
                # the body's own landing is one and the same on every day
                contact_offsets_s=(0.004, -0.006), pelvis_lag_s=0.006,
            )  # fmt: skip
            wanted = person.value("cadence_spm", week) + day["cadence_spm"]
            bout = Bout(
                RUN, 60.0 * minutes, SPEED_MPS,
                cadence_shift_spm=wanted - body.expected_cadence_spm(SPEED_MPS),
                contact_asymmetry_pct=person.value("asymmetry_pct", week) + day["asymmetry_pct"],
            )  # fmt: skip
            at = start + timedelta(days=round(7.0 * week), minutes=int(rng.integers(0, 90)))
            programme = Programme((STILL, Bout(WALK, 10.0, 1.4), bout), TREADMILL, "study")
            yield Visit(person, number, at, week, programme, body, int(rng.integers(2**31)))


def seeded_truth(people: tuple[Person, ...] = PEOPLE) -> dict[str, Any]:
    """Return what was changed in whom, and what scatters anyway; JSON-ready."""
    return {
        "speed_mps": SPEED_MPS,
        "day_spread": DAY_SPREAD,
        "people": {item.code: [asdict(change) for change in item.changes] for item in people},
    }


def _context(recording: Recording) -> dict[str, Any]:
    return {**recording.context, "shoes": "blue", "strap": "belt", "session_kind": "easy"}
