"""What a report says about a run as a whole: each sentence with its condition, and words for yes, no and not known.

A sentence that is printed whatever the record holds will one day be untrue. So every one here asks its condition
first, and a record that cannot answer gets words of its own; it never falls to "no".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tallrun.gait.flags import FLAGS, is_judged
from tallrun.gait.summary import told_gait
from tallrun.pipeline.setup import KEY
from tallrun.reasons import REASONS
from tallrun.report.watch import MISSING, is_of_watch_only
from tallrun.words import counted

if TYPE_CHECKING:
    from tallrun.report.build import ReportInput

#: What each flag is about, in the runner's words.
FLAG_WORDS = {
    "low_cadence": "steps a minute",
    "overstriding": "where your feet land",
    "anterior_pelvic_tilt": "tilt of your pelvis",
    "asymmetry": "left against right",
}


@dataclass(frozen=True)
class Sentence:
    """A sentence and when it holds: True, False, or None where the record does not tell."""

    holds: Callable[[ReportInput], bool | None]
    yes: Callable[[ReportInput], str]
    no: Callable[[ReportInput], str]
    unknown: Callable[[ReportInput], str]

    def about(self, source: ReportInput) -> str:
        """Return the words for this run."""
        held = self.holds(source)
        return (self.unknown if held is None else self.yes if held else self.no)(source)


def judged_flags(summary: dict[str, Any]) -> list[str]:
    """Return the flags a session could have shown, up or not."""
    has_running = summary["run_time_s"] > 0.0 and summary["n_contacts"] + summary["n_steps"] > 0
    return [name for name in FLAGS if is_judged(summary, name)] if has_running else []


def no_flag_words(summary: dict[str, Any]) -> str:
    """Say what no flag being up is worth: what was looked at, and what could not be."""
    judged = judged_flags(summary)
    if told_gait(summary) == "walk":
        return "Flags are about running, and this was a walk: none could be up."
    if not judged:
        return "There was no clean running to judge, so no flag could be up."
    looked_at = ", ".join(FLAG_WORDS[name] for name in judged)
    left = ", ".join(FLAG_WORDS[name] for name in FLAGS if name not in judged)
    return f"No flag was up. Looked at: {looked_at}." + (f" Not known in this run: {left}." if left else "")


def contradiction(summary: dict[str, Any]) -> bool:
    """Whether a summary says things that cannot both be: a flag, which is about running, without any running."""
    return bool(summary["flags"]) and not summary["run_time_s"] > 0.0


def flags_to_tell(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the flags that findings may be made of: none of a record that contradicts itself."""
    return [] if contradiction(summary) else list(summary["flags"])


def _flag_up(source: ReportInput) -> bool | None:
    summary = source.tables.summary
    if contradiction(summary):
        return None
    if summary["flags"]:
        return True
    return False if judged_flags(summary) else None


def _why_not_judged(source: ReportInput) -> str:
    summary = source.tables.summary
    if contradiction(summary):
        return "The record contradicts itself: it holds a flag and no running. So nothing is said about it."
    if is_of_watch_only(source.recording, summary):
        return MISSING
    if not any(item.t_s.size for item in source.recording.sensors.values()):
        return "The record holds no samples, so nothing could be judged."
    if told_gait(summary) == "walk":
        return no_flag_words(summary)
    reason = summary["cadence_spm"].get("reason")
    return f"Nothing could be judged. {REASONS[reason]}" if reason else "Nothing could be judged."


def _ran(source: ReportInput) -> bool | None:
    summary = source.tables.summary
    if is_of_watch_only(source.recording, summary):
        return None if summary["watch"]["run_s"] is None else True
    if not len(source.tables.segments):
        return None
    return bool(summary["run_time_s"] > 0.0 or summary["walk_time_s"] > 0.0)


def _minutes(source: ReportInput) -> str:
    summary = source.tables.summary
    if is_of_watch_only(source.recording, summary):
        watch = summary["watch"]
        rest_s = max(watch["recorded_s"] - watch["run_s"], 0.0)
        return (
            f"{watch['run_s'] / 60:.1f} min running, {rest_s / 60:.1f} min walking or standing, by the watch"
        )
    seconds = {"running": summary["run_time_s"], "walking": summary["walk_time_s"]}
    told = {what: value for what, value in seconds.items() if value > 0.0} or seconds
    return ", ".join(f"{value / 60:.1f} min {what}" for what, value in told.items())


def _cued(source: ReportInput) -> bool | None:
    if source.cues:
        return True
    return False if source.recording.info.get(KEY) is not None else None


def _gait(source: ReportInput) -> str:
    """Return the noun for what a report is about."""
    return session_noun(source.tables.summary)


def session_noun(summary: dict[str, Any]) -> str:
    """Return what a session is called in a sentence: run, walk, or session where neither was seen."""
    if summary.get("watch") is None and not summary["run_time_s"] + summary["walk_time_s"] > 0.0:
        return "session"
    return told_gait(summary)


SENTENCES = {
    "time_running": Sentence(
        _ran,
        _minutes,
        lambda source: "no running and no walking seen",
        lambda source: "running time not known",
    ),
    "flag_up": Sentence(
        _flag_up,
        lambda source: "",
        lambda source: no_flag_words(source.tables.summary),
        _why_not_judged,
    ),
    "cues_came": Sentence(
        _cued,
        lambda source: f"{counted(len(source.cues), 'cue')} came.",
        lambda source: "No cue was given.",
        lambda source: f"This {_gait(source)} was not coached here, so no cue is known of.",
    ),
    "score_entered": Sentence(
        lambda source: True if source.pain or source.told.scores else None,
        lambda source: "",
        lambda source: "",
        lambda source: f"No score was entered for this {_gait(source)}. Unknown is not zero.",
    ),
    "goal_set": Sentence(
        lambda source: True if source.goal else False if source.recording.info.get(KEY) is not None else None,
        lambda source: "",
        lambda source: f"This {_gait(source)} had no goal.",
        lambda source: f"No goal was recorded with this {_gait(source)}.",
    ),
}


def stood_out(source: ReportInput, n_findings: int, drift_known: bool) -> tuple[str, list[str]]:
    """Return what heads the findings, and what follows it: empty head when there are some."""
    if n_findings:
        return "", []
    if _flag_up(source) is None:
        if is_of_watch_only(source.recording, source.tables.summary):
            return "What a watch knows of this run is below.", [MISSING]
        if told_gait(source.tables.summary) == "walk":
            return "This was a walk; its numbers are below.", [SENTENCES["flag_up"].about(source)]
        return f"Nothing can be said about this {_gait(source)}.", [SENTENCES["flag_up"].about(source)]
    more = (
        "Nothing changed within the run by more than its own error."
        if drift_known
        else "Whether anything changed within the run is not known: too little of it was at one speed."
    )
    return "Nothing stood out in what could be judged.", [SENTENCES["flag_up"].about(source), more]


def usual_words(unchanged: str, has_history: bool, has_baseline: bool, noun: str = "run") -> str:
    """Say how the run stands against the own baseline, or why that is not known."""
    if noun == "walk":
        return "Your usual is kept of running only, so this walk is not held against it."
    if unchanged:
        return unchanged
    if not has_history:
        return f"No own baseline was at hand, so this {noun} is not held against your usual."
    if not has_baseline:
        return "There is no own baseline at this speed yet. It takes three green runs at one speed."
    return f"Nothing of this {noun} could be called as usual; see the table."
