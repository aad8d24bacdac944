"""Everything that says a sentence about a person's record, driven by records of five kinds.

``TELLERS`` is the index: a name, and what is said of a record for which it holds, does not hold, is not known, that is
empty, or that contradicts itself. A kind that there cannot be is left out. Tellers stand in ``tellers_ROOM.py``, one
file a room. ``ELSEWHERE`` names what is no such sentence.
"""

from __future__ import annotations

from support import (  # noqa: F401 (they enter themselves)
    tellers_cli,
    tellers_insight,
    tellers_journal,
    tellers_live,
    tellers_recovery,
    tellers_report,
    tellers_sensors,
)
from support.telling import CLAIMS, KINDS, TELLERS

__all__ = ["CLAIMS", "ELSEWHERE", "KINDS", "TELLERS"]
#: Where a sentence is written that is not one about a person's record, and what it is instead.
ELSEWHERE = {
    "report/figures.py": "titles and axes of figures, the same whatever the record",
    "report/figure_list.py": "captions of figures, the same whatever the record",
    "report/lanes.py": "titles of figures",
    "report/compare_page.py cycle_charts": "titles of figures",
    "report/compare_page.py run_charts": "titles of figures",
    "report/tables.py definition_rows": "definitions",
    "cli/cohort.py compare_lines": "two versions of the program, not a person (tests/cohort/test_compare.py)",
    "recovery/verdicts.py assessor": "the name of an argument in a refusal",
    "live/end.py finish_run": "a part of the program that failed, with its own error",
    "live/stage.py _words": "a part of the program that failed, with its own error",
    "live/cut_off.py": "where the files of a run are that was cut off",
    "live/from_packets.py": "how a recording was decoded (tests/report/test_from_packets.py)",
    "live/stage.py plain_words": "a refusal of a command, without the command",
    "live/stage.py Stage.check_feet": "what to do now",
    "live/stage.py Stage.stand": "what to do now",
    "live/hub.py LiveHub._taken": "why a tap was refused (tests/live/test_hub.py)",
    "journal/sessions.py scan": "why a folder was refused (tests/cli/test_sessions.py)",
}
