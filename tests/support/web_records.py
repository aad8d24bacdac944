"""A store as it looks after ten weeks, and session folders beside it, for tests of the web app."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pandas as pd

from support.browser import cookies_for
from tallrun.journal.desk import load_protocol
from tallrun.recovery.model import (
    RUNGS,
    Advice,
    ClinicianEntry,
    Diagnosis,
    ExerciseSession,
    PainScore,
    PhaseEntry,
    RunSession,
    Screen,
)
from tallrun.store import Store
from tallrun.store.models import RunnerRow

ZONE = ZoneInfo("Europe/Amsterdam")
#: A Monday morning, so that the morning score and a question of Sunday's run are open.
NOW = datetime(2026, 3, 2, 8, 15, tzinfo=ZONE)
RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
NASTY = '<img src=x onerror="window.pwned=1">\'"&</script><b>'
ARABIC = "ألم خفيف بعد الجري 3/10"


def at(days_ago: int, clock: str) -> datetime:
    """A local time of a day before NOW."""
    day = NOW.date() - timedelta(days=days_ago)
    return datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=ZONE)


def fill(folder: Path) -> str:
    """Fill the records in ``folder`` and return the runner's id: a climb to V5 with one amber and one red session."""
    with Store.open(folder) as store:
        runner_id = store.add_runner("me", NOW)
        start = at(70, "08:00")
        store.add_row(
            RunnerRow, runner_id, at=start, by="runner", now=start, time_zone=ZONE.key, side="right", site="sit_bone",
            born_on=date(1985, 6, 30), easy_speed_mps=2.6, fast_speed_mps=4.0, height_m=1.78, leg_length_m=0.93,
            mass_kg=71.0,
        )  # fmt: skip
        questions = load_protocol().screening.questions
        clear: dict[str, bool | None] = {item.id: False for item in questions}
        records: list[object] = [
            Diagnosis(start, by_clinician=True, text="proximal hamstring tendinopathy, right"),
            PhaseEntry(start, phase=2),
            Screen(at(70, "08:00"), clear, frozenset({"ache"})),
            Screen(at(33, "08:00"), clear, frozenset({"ache"})),
            Screen(at(9, "08:00"), clear, frozenset({"ache"})),
            ClinicianEntry(
                at(30, "12:00"), cap="V8", note="No hills until the next visit.", entered_by="K. Jansen"
            ),
            ClinicianEntry(
                at(60, "12:00"), expires_at=at(31, "00:00"), green_limit=2, entered_by="K. Jansen"
            ),
        ]
        for days_ago in range(70, 0, -1):
            if days_ago % 9:
                records.append(
                    _score(
                        at(days_ago, "07:10"),
                        "morning",
                        1 + (days_ago % 4 == 0),
                        load_test="single_leg_bridge",
                    )
                )
            if days_ago % 3 == 2:
                records.append(
                    ExerciseSession(
                        "", at(days_ago, "18:30"), 2, "slow single-leg bridge", 3, 8, 10.0, 1, 2, 1
                    )
                )
        rung = 1
        for place, days_ago in enumerate(range(67, 0, -3)):
            worst = {9: 4, 15: 6}.get(place, 2)
            records += _run(days_ago, RUNGS[rung], worst, days_ago > 1)
            rung = min(max(rung + (place % 2 if worst < 4 else -(worst - 3)), 1), 5)
        store.add_all(runner_id, records, by="runner", now=NOW)
        for days_ago, state, name, rules in (
            (6, "REST_DAY", "V5", ["TD4", "MV2"]),
            (4, "RUN", "V5", ["TD5", "MV2"]),
        ):
            store.note_advice(
                runner_id, _verdict_like(state, name, rules, at(days_ago, "08:00")), at(days_ago, "08:00")
            )
    return runner_id


def _run(days_ago: int, rung: str, worst: int, answered: bool) -> list[object]:
    minutes = load_protocol().run_min[rung]
    begin = at(days_ago, "17:30")
    end = begin + timedelta(minutes=24 + minutes / 3)
    name = f"00000000-0000-4000-8000-{days_ago:012d}"
    run = RunSession(
        name, begin, end, rung=rung, run_minutes=minutes,
        distance_m=150.0 * minutes, surface="treadmill", speed_mps=2.7, session_rpe=3 + worst / 2,
        limping=False if answered else None,
        advised=Advice("RUN", rung, minutes),
    )  # fmt: skip
    found: list[object] = [run, _score(begin - timedelta(minutes=15), "before", 1)]
    if not answered:
        return found
    return [
        *found,
        _score(end - timedelta(minutes=1), "during", worst),
        _score(end + timedelta(hours=2), "after", max(worst - 1, 1)),
        _score(end + timedelta(hours=24), "h24", 1),
        _score(end + timedelta(hours=47), "h48", 1),
    ]


def _score(when: datetime, kind: str, value: int, **more: object) -> PainScore:
    return PainScore("", when, kind, value, "right", "sit_bone", **more)  # type: ignore[arg-type]


class _verdict_like:  # noqa: N801  # stands for a Verdict in note_advice
    def __init__(self, state: str, rung: str, rules: list[str], as_of: datetime) -> None:
        self.state, self.rung, self.rules, self.as_of = state, rung, tuple(rules), as_of
        self.run_minutes = 20.0
        self.protocol = {"name": "pht", "version": "1.0.0", "sha256": "0" * 64}


def add_sessions(folder: Path) -> None:
    """Put the shipped recordings and a broken folder into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("demo_treadmill", "one_foot"):
        shutil.copytree(RECORDINGS / name, folder / name)
    (folder / "broken").mkdir()
    (folder / "broken" / "session.json").write_text(json.dumps({"format": "other"}), encoding="utf-8")


#: A report that tries to get out of its frame.
PRISONER = """<!doctype html><html lang="en"><title>t</title><h1>Report of a run</h1><p id="told">shut in</p><script>
(async () => {
  let told = "shut in";
  try { parent.document.title = "taken"; told = "reached the page"; } catch (error) { /* as it should be */ }
  try { if ((await fetch("/api/status")).ok) told = "reached the records"; } catch (error) { /* as it should be */ }
  document.getElementById("told").textContent = told;
  document.documentElement.dataset.done = "yes";
})();
</script></html>"""


def pretend_analysed(session: Path, cadence_spm: float = 168.0) -> None:
    """Write derived files as an analysis would, without running one."""
    derived = session / "derived"
    derived.mkdir(parents=True)
    known = {"median": cadence_spm, "p05": cadence_spm - 6, "p95": cadence_spm + 5, "n": 300}
    flag = {"flag": "low_cadence", "start_s": 60.0, "end_s": 120.0, "evidence": {}}
    summary = {
        "cadence_spm": known, "stance_time_s": {"median": 0.25, "p05": 0.22, "p95": 0.28, "n": 300},
        "asymmetry_contact_pct": 1.5, "run_time_s": 200.0, "flags": [flag], "quality": {"valid_strides_pct": 98.7},
    }  # fmt: skip
    (derived / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    t_s = np.arange(0.0, 240.0, 5.0)
    cadence = cadence_spm + 4 * np.sin(t_s / 20)
    cadence[:4] = np.nan
    pd.DataFrame({"t_s": t_s, "cadence_spm": cadence}).to_parquet(derived / "timeline.parquet")
    pd.DataFrame({"start_s": [0.0], "end_s": [240.0], "mode": ["run"]}).to_parquet(
        derived / "segments.parquet"
    )
    (derived / "report.html").write_text(PRISONER, encoding="utf-8")


def client(url: str) -> httpx.Client:
    """A client of a running server."""
    return httpx.Client(base_url=f"{url}/api", timeout=60.0, cookies=cookies_for(url))


def wait_for_analysis(api: httpx.Client, session_id: str) -> dict[str, object]:
    """Analyse a session and wait for it."""
    import time

    assert api.post(f"/sessions/{session_id}/analysis").status_code == 202
    for _ in range(4000):
        state: dict[str, object] = api.get(f"/sessions/{session_id}/analysis").json()
        if state["state"] != "running":
            return state
        time.sleep(0.05)
    raise AssertionError("the analysis did not end")
