"""Commands of the recovery group: who runs, pain, exercise, runs, advice, what is due."""

from __future__ import annotations

import typer

from tallrun.cli import (
    recovery_advice,
    recovery_clinician,
    recovery_due,
    recovery_experiment,
    recovery_pain,
    recovery_setup,
    recovery_training,
)


def register(app: typer.Typer) -> None:
    """Add this group's commands to ``app``."""
    for module in (
        recovery_setup,
        recovery_pain,
        recovery_training,
        recovery_advice,
        recovery_due,
        recovery_experiment,
        recovery_clinician,
    ):
        module.register(app)
