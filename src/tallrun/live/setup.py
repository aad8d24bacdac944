"""What a live run knows before it starts: what was asked for, what the records say, which sensors are worn."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tallrun.errors import UsageError

if TYPE_CHECKING:
    from tallrun.ble import Worn
    from tallrun.coaching import Part
    from tallrun.gait.flag_terms import OwnBaseline
    from tallrun.journal.run_plan import RunPlan
    from tallrun.numerics.recording import RunnerProfile, SensorSpec
    from tallrun.pipeline.live_run import LiveSetup

#: The belt calibration is the middle of this many newest sessions that had one.
GAIN_SESSIONS = 5
NO_CUES = "none"


@dataclass(frozen=True)
class RunWishes:
    """What was asked for.

    plan : what the records say about this run, None where nobody is set up. runner : whose records, with several.
    intervals, rung : the parts of the advised level and its name; empty and None for a free run of ``minutes``.
    """

    minutes: float
    focus: str | None = "cadence"
    target_spm: float | None = None
    step_session: int = 1
    mode: str = "metronome"
    recall_phrase: str | None = None
    is_uncued: bool = False
    speed_mps: float | None = None
    surface: str | None = None
    learning_s: float | None = None
    probe_s: float | None = None
    plan: RunPlan | None = None
    runner: str | None = None
    intervals: tuple[Part, ...] = ()
    rung: str | None = None


def plan_of(folder: Path, runner: str | None = None, now: datetime | None = None) -> RunPlan | None:
    """Return what the records say about a run at ``now``, else at present; None where nobody is set up.

    Raises EntryError when several are and ``runner`` names none of them: nobody is coached by a guess.
    """
    from tallrun.errors import TallrunError
    from tallrun.journal.desk import Records, current_time
    from tallrun.journal.run_plan import plan_run
    from tallrun.store import Store

    with Store.open(folder) as store:
        if not store.runner_codes():
            return None
        mine = Records(store, store.find_runner(runner), now or current_time())
        try:
            store.profile(mine.runner_id)
        except TallrunError:
            return None
        return plan_run(mine)


def planned(wishes: RunWishes, plan: RunPlan, against_advice: bool, is_session_told: bool) -> RunWishes:
    """Return the wishes as the plan has them; raises UsageError on a day that is no day for a run."""
    if plan.forbids_running and not against_advice:
        raise UsageError(
            f"{' '.join(plan.verdict.sentences)} (rule {', '.join(plan.verdict.rules)}).",
            command=" A run is recorded only with --against-advice, and then without cues.",
        )
    fade = plan.decision.session_of_fade
    return replace(
        wishes,
        focus=plan.focus,
        step_session=wishes.step_session if is_session_told or fade is None else fade,
        is_uncued=wishes.is_uncued or (plan.focus is not None and not plan.decision.cued),
    )


def with_intervals(wishes: RunWishes, plan: RunPlan) -> RunWishes:
    """Return the wishes with the parts of today's level; unchanged on a day that has none."""
    from tallrun.coaching import lay_out
    from tallrun.recovery.rungs import shape

    found = plan.verdict
    if found.state not in ("RUN", "WALK") or found.rung is None:
        return wishes
    # on a day for a walk the level is the one of the next run
    rung = "V0" if found.state == "WALK" else found.rung
    times, run_min, walk_min = shape(plan.protocol, rung, found.run_minutes)
    parts = lay_out(times, 60.0 * run_min, 60.0 * walk_min)
    return replace(wishes, intervals=parts, rung=rung, minutes=parts[-1].end_s / 60.0)


def with_focus(wishes: RunWishes, focus: str | None, step_session: int | None) -> RunWishes:
    """Return the wishes with the focus that was asked for; unchanged without one, and where nothing may be cued."""
    may_cue = (wishes.plan is None or wishes.plan.may_cue) and wishes.rung != "V0"
    if focus is None or focus == wishes.focus or not (may_cue or focus == NO_CUES):
        return wishes
    # the place in the fade belongs to the step of the plan, not to another one
    return replace(wishes, focus=None if focus == NO_CUES else focus, step_session=step_session or 1)


def walk_wishes(wishes: RunWishes, plan: RunPlan | None, minutes: float | None) -> RunWishes:
    """Return the wishes as one walk without cues, of ``minutes``, else of those of the level V0.

    plan : None where nobody is set up. Raises UsageError where the plan leaves a walk out as well (PG1).
    """
    from tallrun.coaching import lay_out
    from tallrun.journal.desk import load_protocol
    from tallrun.recovery.plan_guard import walk_answer
    from tallrun.recovery.rungs import whole_minutes

    if plan is not None:
        answer = walk_answer(plan.protocol, plan.verdict)
        if not answer.accepted:
            raise UsageError(" ".join(answer.sentences))
    protocol = load_protocol() if plan is None else plan.protocol
    length = whole_minutes(protocol, "V0", None) if minutes is None else minutes
    parts = lay_out(0, 0.0, 60.0 * length)
    return replace(wishes, focus=None, is_uncued=True, intervals=parts, rung="V0", minutes=length)


def wishes_for(
    wishes: RunWishes,
    minutes: float | None,
    is_walk: bool,
    against_advice: bool = False,
    is_session_told: bool = False,
) -> RunWishes:
    """Return what is done today: a walk, the parts of today's level, or a free run of ``minutes``.

    On a day for a walk no more is the plan. Raises UsageError on a day that is no day for it.
    """
    plan = wishes.plan
    if is_walk or (plan and plan.verdict.state == "WALK" and minutes is None and not against_advice):
        return walk_wishes(wishes, plan, minutes)
    if plan is None:
        return wishes
    wishes = planned(wishes, plan, against_advice, is_session_told)
    return with_intervals(wishes, plan) if minutes is None and plan.may_cue else wishes


def part_lines(parts: tuple[Part, ...]) -> list[str]:
    """Say what the run is made of, in one line; nothing for a free run."""
    if not parts:
        return []
    runs = [item for item in parts if item.kind == "run"]
    if not runs:
        return [f"Parts: walk {_minutes(parts[0].length_s)}."]
    walk = next((item for item in parts if item.kind == "walk"), None)
    work = (
        f"{len(runs)} × (run {_minutes(runs[0].length_s)}, walk {_minutes(walk.length_s)})"
        if walk
        else (f"run {_minutes(runs[0].length_s)}")
    )
    return [
        f"Parts: warm-up walk {_minutes(parts[0].length_s)}, {work}, cool-down walk {_minutes(parts[-1].length_s)}. "
        "Skip, repeat or end early on the page."
    ]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60.0:g} min"


def plan_lines(plan: RunPlan, focus: str | None, is_walk: bool = False) -> list[str]:
    """Say what today is for and what is coached, each with its rule; a walk is not held against a run's plan."""
    from tallrun.recovery.plan_guard import walk_answer
    from tallrun.recovery.wording import state_name

    found, decision = plan.verdict, plan.decision
    head = state_name(plan.protocol, found.state, found.rules) + (
        "" if found.rung is None else f", level {found.rung}"
    )
    lines = [f"Today: {head} (rule {', '.join(found.rules)})."]
    if is_walk:
        answer = walk_answer(plan.protocol, found)
        return [*lines, f"{' '.join(answer.sentences)} (rule PG1)", "No cues while you walk."]
    if not plan.may_cue:
        if not plan.forbids_running:
            lines.append(found.sentences[0])
        lines.append("A run now counts as against your plan.")
        wanted = focus not in (None, NO_CUES)
        lines.append("No cues today, --focus or not: they are for run days." if wanted else "No cues today.")
        return lines
    lines.append(f"{decision.sentence} (rule {decision.rule})")
    if focus is not None and focus != (plan.focus or NO_CUES):
        lines.append(f"You chose {'no cues' if focus == NO_CUES else f'the focus {focus}'} instead.")
    return lines


def live_setup(
    folder: Path, worn: list[Worn], wishes: RunWishes, now: datetime, is_emulated: bool = False
) -> LiveSetup:
    """Gather what the live run must know: sensors, runner, plan, protocol, limits."""
    from tallrun.coaching import CoachSettings, plan_session
    from tallrun.coaching.plan import LEARNING_S, PROBE_S
    from tallrun.journal.desk import rules_for
    from tallrun.pipeline import PipelineSetup
    from tallrun.pipeline.live_run import LiveSetup
    from tallrun.pipeline.setup import kept_biases, standing_neutral

    known = known_runner(folder, now, wishes.runner)
    standing = {"standing": standing_info(folder, is_emulated)}
    run_s = sum(item.length_s for item in wishes.intervals if item.kind == "run")
    plan = plan_session(
        # with intervals the blocks count on the time of running
        run_s or 60.0 * wishes.minutes,
        wishes.step_session,
        learning_s=LEARNING_S if wishes.learning_s is None else wishes.learning_s,
        probe_s=PROBE_S if wishes.probe_s is None else wishes.probe_s,
        is_uncued=wishes.is_uncued,
    )
    return LiveSetup(
        pipeline=PipelineSetup(
            specs=specs_of(worn),
            runner=known.measures,
            baseline=known.baseline,
            stride_gain=known.stride_gain or 1.0,
            is_calibrated=known.stride_gain is not None,
            typed_speed_mps=wishes.speed_mps,
            keep_strides=False,
            pelvis_neutral=standing_neutral(standing),
            kept_biases_radps=kept_biases(standing),
        ),
        plan=plan,
        protocol=rules_for(folder, wishes.runner, now),
        focus=wishes.focus,
        target_spm=wishes.target_spm,
        green_limit=known.green_limit,
        tilt_limit_deg=tilt_limit(known.baseline, wishes.focus),
        max_rise_pct=None if wishes.plan is None else wishes.plan.max_rise_pct,
        coach=CoachSettings(mode=wishes.mode, recall_phrase=wishes.recall_phrase),  # type: ignore[arg-type]
        intervals=wishes.intervals,
        rung=wishes.rung,
    )


def check_focus(focus: str | None, worn: list[Worn]) -> None:
    """Raise UsageError for a focus that none of the worn sensors can see."""
    places = {spec.placement for spec in specs_of(worn)}
    if focus in ("tall", "tilt") and "pelvis" not in places:
        raise UsageError(
            f"the focus {focus} needs a pelvis sensor, and none is paired",
            command="; pair one ('tallrun pair pelvis') or choose --focus cadence or none",
        )


def tilt_limit(baseline: OwnBaseline | None, focus: str | None) -> float | None:
    """Return the tilt beyond which "tall" and "tilt" are cued, from the own baseline; None withholds cues."""
    from tallrun.gait.flags import OWN_TILT_MARGIN_DEG

    tilts = [item.pelvic_tilt_deg for item in baseline.bins] if baseline else []
    known = [value for value in tilts if value == value]
    if focus not in ("tall", "tilt") or not known:
        return None
    return median(known) + OWN_TILT_MARGIN_DEG


def standing_info(folder: Path, is_emulated: bool = False) -> dict[str, Any]:
    """Return the last passed standing calibration as a session keeps it."""
    from tallrun.live.calibration import load_standing

    return {place: asdict(item) for place, item in load_standing(folder, is_emulated).items()}


def run_context(wishes: RunWishes) -> dict[str, Any]:
    """Return the session's context: only what is known."""
    kind = "walk" if wishes.rung == "V0" else "run"
    context: dict[str, Any] = {"session_kind": kind, "planned_minutes": wishes.minutes}
    if wishes.surface:
        context["surface"] = wishes.surface
    if wishes.speed_mps is not None:
        context["speed_mps"] = wishes.speed_mps
    return context


def specs_of(worn: list[Worn]) -> tuple[SensorSpec, ...]:
    """Return what the pipeline must know of each inertial sensor, from its firmware config."""
    from tallrun.numerics.recording import PLACEMENTS, SensorSpec

    return tuple(
        SensorSpec(
            item.sensor,
            item.config.imu.rate_hz,
            item.config.imu.acc_range_g,
            item.config.imu.gyr_range_dps,
            item.config.imu.has_gyroscope,
            item.config.name,
        )
        for item in worn
        if item.config.imu is not None and item.sensor in PLACEMENTS
    )


@dataclass(frozen=True)
class Known:
    """What the records know of the runner before a run; unknown where nobody is set up."""

    measures: RunnerProfile
    green_limit: int | None = None
    baseline: OwnBaseline | None = None
    stride_gain: float | None = None


def known_runner(folder: Path, now: datetime, runner: str | None = None) -> Known:
    """Look up measures, the clinician's green limit, own baselines and the belt calibration."""
    from tallrun.errors import TallrunError
    from tallrun.insight import flag_baseline
    from tallrun.journal.desk import protocol_in_force
    from tallrun.numerics.recording import RunnerProfile
    from tallrun.report.history import own_history
    from tallrun.store import Store

    with Store.open(folder) as store:
        if not store.runner_codes():
            return Known(RunnerProfile())
        runner_id = store.find_runner(runner)
        try:
            profile = store.profile(runner_id)
        except TallrunError:
            return Known(RunnerProfile())
        limits = [
            item.green_limit
            for item in store.history(runner_id).clinician
            if item.green_limit is not None
            and item.at <= now
            and (item.expires_at is None or now < item.expires_at)
        ]
        baseline = flag_baseline(own_history(store, runner_id, protocol_in_force(store, runner_id, now), now))
        gains = [gain for row in store.sessions(runner_id) if (gain := _gain_of(row.summary)) is not None]
    measures = RunnerProfile(profile.height_m, profile.leg_length_m, profile.mass_kg)
    gain = median(gains[-GAIN_SESSIONS:]) if gains else None
    return Known(measures, limits[-1] if limits else None, baseline if baseline.bins else None, gain)


def _gain_of(summary: dict[str, Any] | None) -> float | None:
    """Return the belt calibration a session found, None without one."""
    calibration = ((summary or {}).get("quality") or {}).get("calibration") or {}
    gain = calibration.get("gain_found")
    return float(gain) if isinstance(gain, (int, float)) and not calibration.get("is_at_bound") else None
