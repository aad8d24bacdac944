"""The protocol file: every number and every text of the rules, checked against bounds no file may leave.

The bounds are the point. A number may be made stricter in any file, never laxer than the value the rules
were written with; the green limit alone may be raised, to 5, and nothing raises the stop above 5 or takes a
screening rule away. Source: decision-table sections 1-7; bounds: its section 2, last paragraph.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tallrun.errors import ConfigError
from tallrun.recovery.model import RUNGS, ClinicianEntry

SCREEN_RULES = ("SC1", "SC2", "SC3", "SC4", "SC5", "SC6", "SC7", "SC8", "SC9")


def _at_most(limit: float, least: float = 0) -> object:
    return Field(le=limit, ge=least, json_schema_extra={"stricter": "lower"})


def _at_least(limit: float, most: float = 1e4) -> object:
    return Field(ge=limit, le=most, json_schema_extra={"stricter": "higher"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PainLimits(_Part):
    """Scores, 0-10. ``green_limit`` is the highest green score, ``stop_above`` the highest that is not RED."""

    green_limit: Annotated[int, Field(ge=0, le=5, json_schema_extra={"stricter": "lower"})]
    stop_above: Annotated[int, _at_most(5, 1)]
    morning_red_rise: Annotated[int, _at_most(3, 1)]
    red_floor: Annotated[int, _at_most(4, 1)]
    h48_red_rise: Annotated[int, _at_most(2, 1)]
    late_rise: Annotated[int, _at_most(2, 1)]
    amber_rise: Annotated[int, _at_most(2, 1)]
    rest_day_rise: Annotated[int, _at_most(2, 1)]
    settled_rise: Annotated[int, _at_most(1)]
    walking_limit: Annotated[int, _at_most(3)]
    atypical_score: Annotated[int, _at_most(4, 1)]
    atypical_days: Annotated[int, _at_most(2, 1)]
    new_site_score: Annotated[int, _at_most(1, 1)]
    other_side_test_score: Annotated[int, _at_most(4, 1)]

    @model_validator(mode="after")
    def _green_below_stop(self) -> PainLimits:
        if self.green_limit > self.stop_above:
            raise ValueError(f"green_limit {self.green_limit} lies above stop_above {self.stop_above}")
        return self


class Windows(_Part):
    """When a score belongs to a session; hours after its end unless said otherwise."""

    before_max_min: Annotated[float, _at_most(60)]
    day_starts_hour: Annotated[int, Field(ge=3, le=3)]
    morning_until_hour: Annotated[int, Field(ge=12, le=12)]
    h24_from_h: Annotated[float, Field(ge=20, le=20)]
    h24_until_h: Annotated[float, Field(ge=28, le=28)]
    h48_from_h: Annotated[float, Field(ge=40, le=40)]
    h48_until_h: Annotated[float, Field(ge=56, le=56)]
    masked_h: Annotated[float, _at_least(24)]
    during_question_min: Annotated[float, _at_most(60)]


class Baselines(_Part):
    """Own baseline and trend of the morning load test."""

    days: Annotated[int, Field(ge=14, le=14)]
    min_mornings: Annotated[int, _at_least(3)]
    highest: Annotated[int, _at_most(3)]
    leave_out_after_bad_h: Annotated[float, _at_least(48)]
    setup_max_age_days: Annotated[int, _at_most(28)]
    trend_days: Annotated[int, Field(ge=7, le=7)]
    trend_min_mornings: Annotated[int, _at_least(4, 7)]
    rising_per_day: Annotated[float, _at_most(0.2, 0.01)]
    falling_per_day: Annotated[float, Field(ge=-1, le=-0.2)]


class Holds(_Part):
    """When running pauses or a clinician is needed."""

    red_count: Annotated[int, _at_most(3, 1)]
    red_window_days: Annotated[int, _at_least(14)]
    unsettled_days: Annotated[int, _at_most(7, 1)]
    rest_after_red_h: Annotated[float, _at_least(48)]
    screen_max_age_days: Annotated[int, _at_most(28, 1)]
    adult_age_years: Annotated[int, _at_least(18)]
    operation_days: Annotated[int, _at_least(183)]
    injection_days: Annotated[int, _at_least(14)]


class Ladder(_Part):
    """Moves on the ladder, blocks, spacing, plan limits."""

    complete_share: Annotated[float, _at_least(0.8, 1)]
    as_advised_share: Annotated[float, _at_most(1.1, 1)]
    spike_share: Annotated[float, _at_most(1.1, 1)]
    green_streak: Annotated[int, _at_least(2)]
    amber_streak: Annotated[int, _at_most(2, 1)]
    gap_breaks_streak_days: Annotated[int, _at_most(8, 1)]
    gap_one_down_days: Annotated[int, _at_most(8, 1)]
    gap_two_down_days: Annotated[int, _at_most(15, 2)]
    gap_restart_days: Annotated[int, _at_most(31, 3)]
    surface_days: Annotated[int, _at_most(28, 1)]
    qualifying_days: Annotated[int, _at_most(30, 1)]
    run_date_spacing_days: Annotated[int, _at_least(2)]
    days_in_a_row: Annotated[int, _at_most(2, 1)]
    f1_runs_per_week: Annotated[int, _at_most(5, 1)]
    f2_runs_per_week: Annotated[int, _at_most(6, 1)]
    longest_run_min: Annotated[float, _at_most(45, 1)]
    level_incline_pct: Annotated[float, _at_most(1)]
    gate_peak: Annotated[int, _at_most(2)]
    gate_bridge: Annotated[int, _at_most(3)]
    gate_sitting: Annotated[int, _at_most(3)]
    gate_days: Annotated[int, _at_most(7, 1)]
    exercise_week_min: Annotated[int, _at_least(2)]
    exercise_week_days: Annotated[int, Field(ge=7, le=7)]
    exercise_lapse_days: Annotated[int, _at_most(14, 1)]
    gait_quiet_sessions: Annotated[int, _at_least(2)]
    jump_quiet_sessions: Annotated[int, _at_least(2)]
    plateau_days: Annotated[int, _at_most(42, 7)]
    plateau_window_days: Annotated[int, Field(ge=28, le=28)]
    plateau_drop: Annotated[int, _at_least(1)]
    visa_h_drop: Annotated[int, _at_most(10, 1)]
    green_days: Annotated[int, _at_least(14)]


class Live(_Part):
    """Limits while a run is going on."""

    last_score_max_age_s: Annotated[float, _at_most(600)]
    answer_s: Annotated[float, _at_most(60, 1)]
    ask_walk_s: Annotated[float, _at_least(120)]
    check_walk_s: Annotated[float, _at_least(60)]
    # Neither direction is stricter: a higher limit gives fewer cues, but would also look away from more of a limp.
    quality_min: Annotated[float, Field(ge=0.6, le=0.6)]
    jump_points: Annotated[float, _at_most(4)]
    jump_sd: Annotated[float, _at_most(2)]
    jump_strides: Annotated[int, _at_most(100, 2)]
    jump_big_points: Annotated[float, _at_most(15)]
    jump_big_strides: Annotated[int, _at_most(20, 2)]


class Gait(_Part):
    """Gait steps: order, fade, probes, withdrawal, target."""

    order: tuple[str, str, str]
    flags: dict[str, tuple[str, ...]]
    absent_of_last: Annotated[int, Field(ge=3, le=3)]
    absent_needed: Annotated[int, _at_least(2, 3)]
    probe_min_s: Annotated[float, _at_least(60)]
    probe_share: Annotated[float, _at_least(0.8, 1)]
    probe_speed_tolerance: Annotated[float, _at_most(0.05)]
    kept_probes: Annotated[int, _at_least(2)]
    fade_sessions: Annotated[int, _at_least(8)]
    again_probes: Annotated[int, _at_most(2, 1)]
    trial_sessions: Annotated[int, _at_least(4)]
    trial_bad: Annotated[int, _at_most(2, 1)]
    trial_red: Annotated[int, _at_most(1, 1)]
    cadence_rise_pct: Annotated[float, _at_most(5)]
    cadence_over_expected_spm: Annotated[float, _at_most(8)]


class Dose(_Part):
    """One exercise with its dose, as the source words it."""

    name: str
    dose: str
    per_week: str
    source: str
    after_green_sessions: int = 0


class ExercisePhase(_Part):
    """One phase of the exercise programme."""

    title: str
    goal: str
    exercises: tuple[Dose, ...] = Field(min_length=1)


class Exercises(_Part):
    """Phases and how one moves between them."""

    green_to_move_up: Annotated[int, _at_least(3)]
    bad_to_move_down: Annotated[int, _at_most(2, 1)]
    test_before_energy_storage: Annotated[int, _at_most(2)]
    test_max_age_days: Annotated[int, _at_most(14, 1)]
    early_test: str
    late_test: str
    late_test_from_phase: Annotated[int, Field(ge=2, le=3)]
    full_range_after_green: Annotated[int, _at_least(3)]
    phases: tuple[ExercisePhase, ExercisePhase, ExercisePhase]


class Rung(_Part):
    """One rung: what to do, and its minutes of running."""

    id: str
    work: str
    run_min: Annotated[float, Field(ge=0, le=45)]


class Question(_Part):
    """One screening question. role ``any``: yes fires; ``focus`` and ``with``: both kinds together fire."""

    id: str
    rule: str
    text: str
    role: str = Field(default="any", pattern="^(any|focus|with)$")


class Referral(_Part):
    """What a fired screening rule says. urgency: emergency, same day, days, clinician."""

    urgency: str = Field(pattern="^(emergency|same day|days|clinician)$")
    text: str


class Screening(_Part):
    """Questions, referral texts, and the quality of pain taken as usual."""

    usual_qualities: tuple[str, ...]
    questions: tuple[Question, ...]
    referrals: dict[str, Referral]

    @model_validator(mode="after")
    def _all_rules_asked(self) -> Screening:
        asked = {question.rule for question in self.questions}
        needed = {"SC1", "SC2", "SC3", "SC4", "SC5", "SC6", "SC8"}
        if missing := needed - asked:
            raise ValueError(f"no question asks for {', '.join(sorted(missing))}")
        if missing := set(SCREEN_RULES) - set(self.referrals):
            raise ValueError(f"no referral text for {', '.join(sorted(missing))}")
        ids = [question.id for question in self.questions]
        if len(ids) != len(set(ids)):
            raise ValueError("two screening questions have the same id")
        order = {"emergency": 0, "same day": 1, "days": 2, "clinician": 3}
        for rule, slowest in _SLOWEST_URGENCY.items():
            if order[self.referrals[rule].urgency] > order[slowest]:
                raise ValueError(f"{rule} must be referred as '{slowest}' or faster")
        return self


_SLOWEST_URGENCY = {
    "SC1": "emergency", "SC2": "emergency", "SC3": "same day", "SC4": "same day", "SC5": "days", "SC6": "days",
}  # fmt: skip


class Texts(_Part):
    """Sentence templates; ``{name}`` fields are filled by ``wording``."""

    states: dict[str, str]
    limits: dict[str, str]
    rules: dict[str, str]
    notices: dict[str, str]
    changes: dict[str, str]
    plan: dict[str, str]
    live: dict[str, str]
    gait: dict[str, str]
    exercise: dict[str, str]
    grades: dict[str, str]
    trends: dict[str, str]
    cues: dict[str, str]
    sides: dict[str, str]


class ProtocolFile(_Part):
    """The whole file."""

    name: str
    version: str
    condition: str
    pain: PainLimits
    windows: Windows
    baseline: Baselines
    holds: Holds
    ladder: Ladder
    live: Live
    gait: Gait
    exercise: Exercises
    rungs: tuple[Rung, ...]
    screening: Screening
    texts: Texts
    source_titles: dict[str, str]
    rule_sources: dict[str, tuple[str, ...]]

    @model_validator(mode="after")
    def _is_whole(self) -> ProtocolFile:
        if tuple(rung.id for rung in self.rungs) != RUNGS:
            raise ValueError(f"rungs must be exactly {', '.join(RUNGS)}, in this order")
        if sorted(self.gait.order) != ["cadence", "tall", "tilt"]:
            raise ValueError("gait.order must hold cadence, tall and tilt once each")
        if sorted(self.gait.flags) != ["cadence", "tall", "tilt"]:
            raise ValueError("gait.flags must name the flags that open cadence, tall and tilt")
        for rule, keys in self.rule_sources.items():
            for key in keys:
                if _title(self.source_titles, key) is None:
                    raise ValueError(f"rule_sources.{rule} names the unknown source {key!r}")
        return self


def _title(titles: Mapping[str, str], key: str) -> str | None:
    """Title of ``art:A5``: its own entry, else that of the article, ``art:A``."""
    return titles.get(key) or (titles.get(key[:5]) if key.startswith("art:") else None)


#: A number of the protocol inside its own texts: ``{pain.stop_above}``, one more, or in minutes or weeks.
_NUMBER_IN_TEXT = re.compile(r"\{(\w+)\.(\w+)(\+1|/60|/7)?\}")


def _with_numbers(data: ProtocolFile, tree: Any) -> Any:
    """Return texts with the numbers of this protocol filled in, so that what is said is what is reckoned with."""
    if isinstance(tree, dict):
        return {key: _with_numbers(data, value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(_with_numbers(data, value) for value in tree)
    if not isinstance(tree, str):
        return tree

    def number(match: re.Match[str]) -> str:
        part = getattr(data, match[1], None)
        if not hasattr(part, match[2]):
            raise ConfigError(f"The protocol has no number {match[1]}.{match[2]}, named in {tree!r}.")
        value = float(getattr(part, match[2]))
        change = {"+1": value + 1, "/60": value / 60, "/7": value / 7}
        return f"{change[match[3]] if match[3] else value:g}"

    return _NUMBER_IN_TEXT.sub(number, tree)


class Protocol:
    """A checked protocol file with its hash. Build it with ``from_toml``; compare by ``sha256``.

    All parts of the file are attributes of ``data``; the ones the rules use most are repeated here, the texts with
    this protocol's numbers in them. ``in_force`` gives the protocol that holds for one runner at one instant, and
    that object is what every part of tallrun reckons with.

    shipped : the file as it came, before anything was tightened. stricter : what was tightened since, by number.
    """

    def __init__(
        self,
        data: ProtocolFile,
        sha256: str,
        shipped: Protocol | None = None,
        stricter: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.data = data
        self.sha256 = sha256
        self.shipped = self if shipped is None else shipped
        self.stricter = MappingProxyType(dict(stricter))
        self.name, self.version = data.name, data.version
        self.pain, self.windows, self.baseline = data.pain, data.windows, data.baseline
        self.holds, self.ladder, self.live = data.holds, data.ladder, data.live
        self.gait, self.exercise = data.gait, data.exercise
        self.texts = Texts.model_construct(**_with_numbers(data, data.texts.model_dump()))
        self.screening = Screening.model_construct(
            usual_qualities=data.screening.usual_qualities,
            questions=tuple(
                item.model_copy(update={"text": _with_numbers(data, item.text)})
                for item in data.screening.questions
            ),
            referrals={
                rule: item.model_copy(update={"text": _with_numbers(data, item.text)})
                for rule, item in data.screening.referrals.items()
            },
        )
        self.run_min = {rung.id: rung.run_min for rung in data.rungs}
        self.work = {rung.id: rung.work for rung in data.rungs}

    @classmethod
    def from_toml(cls, text: str) -> Protocol:
        """Check the text of a protocol file.

        Raises ConfigError, one line, naming the first key that breaks the schema or its safe bounds.
        """
        try:
            data = ProtocolFile.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"The protocol is not valid TOML: {error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            got = first.get("input")
            shown = f" (got {got!r})" if isinstance(got, int | float | str) else ""
            raise ConfigError(
                f"The protocol breaks its safe bounds or schema at {where}: {first['msg']}{shown}."
            ) from error
        return cls(data, hashlib.sha256(text.encode()).hexdigest())

    def tightened(self, values: Mapping[str, float]) -> Protocol:
        """Return this protocol with stricter numbers, ``{"pain.green_limit": 2}``.

        The green limit goes down with the stop: nothing above the stop can be green.
        Raises ConfigError for an unknown number or one that is laxer than the present one.
        """
        if not values:
            return self
        tree = self.data.model_dump()
        for key, value in values.items():
            part, _, name = key.partition(".")
            section = tree.get(part)
            direction = self.directions.get(key)
            if not isinstance(section, dict) or direction is None:
                raise ConfigError(f"The protocol has no number {key!r} that can be tightened.")
            now = section[name]
            if not ((value <= now) if direction == "lower" else (value >= now)):
                raise ConfigError(
                    f"{key} = {value} would loosen the protocol's {now}; only stricter is allowed."
                )
            section[name] = type(now)(value)
            if type(now)(value) != value:
                raise ConfigError(f"{key} is a whole number, got {value}.")
        pain = tree["pain"]
        pain["green_limit"] = min(pain["green_limit"], pain["stop_above"])
        try:
            data = ProtocolFile.model_validate(tree)
        except ValidationError as error:
            raise ConfigError(f"These entries break the protocol: {error.errors()[0]['msg']}.") from error
        return Protocol(data, self.sha256, self.shipped, {**self.stricter, **values})

    def in_force(self, entries: Iterable[ClinicianEntry], now: datetime) -> Protocol:
        """Return the protocol that holds at an instant: this one and every clinician's entry in force by then.

        Of two entries that tighten the same number the stricter one holds, whichever is newer, as with caps.
        A raised green limit never goes above a tightened one. Taking the same entries in again changes nothing.
        Raises ConfigError when an entry would loosen a number.
        """
        active = [
            entry
            for entry in entries
            if entry.at <= now and (entry.expires_at is None or now < entry.expires_at)
        ]
        stricter = dict(self.stricter)
        for entry in active:
            self.shipped.tightened(entry.tighten)
            for key, value in entry.tighten.items():
                strictest = min if self.directions[key] == "lower" else max
                stricter[key] = strictest(stricter.get(key, value), value)
        found = self.shipped.tightened(stricter)
        raised = [entry for entry in active if entry.green_limit is not None]
        if not raised:
            return found
        newest = max(raised, key=lambda entry: entry.at)
        pain = found.pain.model_copy(update={"green_limit": found.green_limit(newest.green_limit)})
        return Protocol(found.data.model_copy(update={"pain": pain}), self.sha256, self.shipped, stricter)

    def green_limit(self, entered: int | None) -> int:
        """Return the highest green score, given what a clinician entered (None: nothing).

        An entry may raise the file's limit; what was tightened, the stop included, bounds it.
        """
        limit = self.shipped.pain.green_limit if entered is None else entered
        tightened = self.stricter.get("pain.green_limit", limit)
        return int(min(limit, tightened, self.pain.stop_above))

    @cached_property
    def directions(self) -> dict[str, str]:
        """Numbers that can be tightened, as ``part.name``, and which way is stricter: "lower" or "higher"."""
        found = {}
        for part, field in ProtocolFile.model_fields.items():
            section = field.annotation
            if isinstance(section, type) and issubclass(section, _Part):
                for name, inner in section.model_fields.items():
                    extra = inner.json_schema_extra
                    if isinstance(extra, dict) and "stricter" in extra:
                        found[f"{part}.{name}"] = str(extra["stricter"])
        return found

    def sources_of(self, rules: tuple[str, ...]) -> tuple[str, ...]:
        """Titles with their ids of everything the rules rest on, in order, without repeats."""
        seen: dict[str, None] = {}
        for rule in rules:
            for key in self.data.rule_sources.get(rule, ()):
                seen[f"{_title(self.data.source_titles, key)} [{key}]"] = None
        return tuple(seen)
