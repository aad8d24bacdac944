"""Recovery: screening, pain grades, ladder, verdict, live safety rules, exercise phases. Pure; numbers in TOML.

* ``model``      what was logged: scores, runs, exercises, screens, clinician entries
* ``protocol``   the protocol file, checked against its safe bounds
* ``verdicts``   what today allows; ``grading``, ``mornings``, ``holds``, ``ladder`` are its parts
* ``plan_guard`` a planned session against the verdict
* ``live``       rules while a run is going on
* ``gait_steps`` one change of gait at a time
* ``exercise``   phases, doses, maintenance
* ``wording``    sentences and the lint every sentence of tallrun passes
"""

from tallrun.recovery.model import (
    Advice,
    ClinicianEntry,
    Diagnosis,
    ExerciseSession,
    GaitChange,
    History,
    PainScore,
    PhaseEntry,
    PlannedSession,
    Questionnaire,
    Runner,
    RunSession,
    Screen,
    SetupBaseline,
)
from tallrun.recovery.mornings import baseline, trend
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.verdicts import Verdict, grade_session, verdict

__all__ = [
    "Advice",
    "ClinicianEntry",
    "Diagnosis",
    "ExerciseSession",
    "GaitChange",
    "History",
    "PainScore",
    "PhaseEntry",
    "PlannedSession",
    "Protocol",
    "Questionnaire",
    "RunSession",
    "Runner",
    "Screen",
    "SetupBaseline",
    "Verdict",
    "baseline",
    "grade_session",
    "trend",
    "verdict",
]
