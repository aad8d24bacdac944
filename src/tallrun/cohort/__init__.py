"""Many sessions: a folder of session folders in, one set of tables out, on one machine or a Dask cluster.

* ``find_sessions``: the sessions below a folder
* ``analyse_session``: one session folder -> one shard (strides, segments, flags, row), by the one pipeline
* ``run_cohort``: does what is missing, keeps a shard for each session, assembles the tables
* ``check_session``: schema, unit, gap and clock problems of one session without analysing it
* ``checked_sessions``: that of every session, and what a run would do with it; nothing is written
* ``compare_cohorts``: two versions or configurations on the same sessions

They are loaded on first use: a worker analyses and no more, and workers begin before the rest is there.
Method and files: docs/cohort.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallrun.cohort.compare import compare_cohorts
    from tallrun.cohort.discover import FoundSession, find_sessions
    from tallrun.cohort.inspect import check_session
    from tallrun.cohort.run import CohortOptions, checked_sessions, plan_cohort, run_cohort
    from tallrun.cohort.work import analyse_session

__all__ = [
    "CohortOptions",
    "FoundSession",
    "analyse_session",
    "check_session",
    "checked_sessions",
    "compare_cohorts",
    "find_sessions",
    "plan_cohort",
    "run_cohort",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in ("work", "discover", "inspect", "run", "compare"):
            found = import_module(f"tallrun.cohort.{module}")
            if hasattr(found, name):
                return getattr(found, name)
    raise AttributeError(f"module 'tallrun.cohort' has no attribute {name!r}")
