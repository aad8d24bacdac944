"""Recovery: screening, pain grades, ladder, verdict, live safety rules, exercise phases. Pure; numbers in TOML.

* ``model``      what was logged: scores, runs, exercises, screens, clinician entries
* ``protocol``   the protocol file, checked against its safe bounds
* ``verdicts``   what today allows; ``grading``, ``mornings``, ``holds``, ``ladder`` are its parts
* ``plan_guard`` a planned session against the verdict
* ``live``       rules while a run is going on
* ``gait_plan``  one change of gait at a time
* ``exercise``   phases, doses, maintenance
* ``wording``    sentences and the lint every sentence of tallrun passes
"""

from tallrun.recovery.exercise import ExercisePlan, exercise_phase
from tallrun.recovery.gait_plan import (
    GaitDecision,
    GaitFacts,
    GaitSession,
    Probe,
    cadence_target_spm,
    gait_steps,
)
from tallrun.recovery.live import LiveAction, LiveEvent, LiveRules, LiveState, is_jump, live_rules
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
from tallrun.recovery.plan_guard import PlanAnswer, plan_guard
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.screening import fired_rules, unanswered
from tallrun.recovery.verdicts import Verdict, grade_session, verdict

__all__ = [
    "Advice",
    "ClinicianEntry",
    "Diagnosis",
    "ExercisePlan",
    "ExerciseSession",
    "GaitChange",
    "GaitDecision",
    "GaitFacts",
    "GaitSession",
    "History",
    "LiveAction",
    "LiveEvent",
    "LiveRules",
    "LiveState",
    "PainScore",
    "PhaseEntry",
    "PlanAnswer",
    "PlannedSession",
    "Probe",
    "Protocol",
    "Questionnaire",
    "RunSession",
    "Runner",
    "Screen",
    "SetupBaseline",
    "Verdict",
    "baseline",
    "cadence_target_spm",
    "exercise_phase",
    "fired_rules",
    "gait_steps",
    "grade_session",
    "is_jump",
    "live_rules",
    "plan_guard",
    "trend",
    "unanswered",
    "verdict",
]
