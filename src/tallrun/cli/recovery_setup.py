"""``tallrun setup``, ``tallrun screen`` and ``tallrun visa-h``."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallrun.cli.recovery_common import (
    AsJson,
    At,
    DataDir,
    EnteredBy,
    RunnerCode,
    ask,
    ask_or_skip,
    current_time,
    load_protocol,
    person_types,
    read_pace,
    read_score,
    read_yes_no,
    records,
    show,
)  # fmt: skip
from tallrun.errors import EntryError

if TYPE_CHECKING:
    from tallrun.journal.profile import DiagnosedBy
    from tallrun.recovery.model import Screen

DIAGNOSES: tuple[DiagnosedBy, ...] = ("clinician", "own", "none")


def register(app: typer.Typer) -> None:
    """Add ``tallrun setup``, ``tallrun screen`` and ``tallrun visa-h``."""
    app.command("setup")(setup)
    app.command("screen")(screen)
    app.command("visa-h")(visa_h)


def setup(
    side: Annotated[str | None, typer.Option("--side", help="Index side: left, right or both.")] = None,
    site: Annotated[str | None, typer.Option("--site", help="Index site.")] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="IANA name, such as Europe/Amsterdam.")
    ] = None,
    born_on: Annotated[str | None, typer.Option("--born-on", help="Birth date, 1985-06-30.")] = None,
    height_m: Annotated[float | None, typer.Option("--height-m", help="Height [m].")] = None,
    leg_length_m: Annotated[float | None, typer.Option("--leg-length-m", help="Hip to floor [m].")] = None,
    mass_kg: Annotated[float | None, typer.Option("--mass-kg", help="Body mass [kg].")] = None,
    easy_pace: Annotated[
        str | None, typer.Option("--easy-pace-min-per-km", help="Usual easy pace, 6:30 per kilometre.")
    ] = None,
    fast_pace: Annotated[
        str | None, typer.Option("--fast-pace-min-per-km", help="Best pace you hold for a kilometre, 4:40.")
    ] = None,
    diagnosis: Annotated[
        str | None, typer.Option("--diagnosis", help="Who said what it is: clinician, own or none.")
    ] = None,
    diagnosis_text: Annotated[str, typer.Option("--diagnosis-text", help="The diagnosis in words.")] = "",
    phase: Annotated[
        int | None, typer.Option("--phase", help="Exercise phase you are in: 1, 2 or 3.")
    ] = None,
    mornings: Annotated[
        str | None,
        typer.Option("--baseline-mornings", help="Morning bridge scores of three or more days: 1,2,1."),
    ] = None,
    load_test: Annotated[
        str | None, typer.Option("--load-test", help="The bridge of those mornings; default: by your phase.")
    ] = None,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: Annotated[str | None, typer.Option("--runner", help="Code for this runner; default: me.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say who runs: side, time zone, birth date, measures, usual pace, diagnosis. Run it again to change."""
    from tallrun.journal.profile import estimated, known_profile, set_up
    from tallrun.recovery.model import SIDES
    from tallrun.store import Store

    now = current_time()
    with Store.open(data_dir) as store:
        codes = store.runner_codes()
        code = runner or (next(iter(codes)) if len(codes) == 1 else "me")
        first = not known_profile(store, codes.get(code))
        if first:
            side = ask(side, "Which side hurts", "--side", as_json=as_json, choices=SIDES)
            time_zone = time_zone or _zone_here(as_json)
            time_zone = ask(time_zone, "Time zone, such as Europe/Amsterdam", "--time-zone", as_json=as_json)
            born_on = ask_or_skip(born_on, "Birth date, 1985-06-30", as_json=as_json, check=_date)
            easy_pace = ask_or_skip(
                easy_pace, "Usual easy pace, minutes per kilometre, 6:30", as_json=as_json, check=read_pace
            )
            if height_m is None and leg_length_m is None:
                leg = ask_or_skip(None, "Leg length, hip to floor, metres", as_json=as_json, check=_metres)
                leg_length_m = None if leg is None else _metres(leg)
            if height_m is None and leg_length_m is None:
                tall = ask_or_skip(None, "Or your height, metres", as_json=as_json, check=_metres)
                height_m = None if tall is None else _metres(tall)
            diagnosis = ask_or_skip(
                diagnosis, f"Who said what it is ({'/'.join(DIAGNOSES)})", as_json=as_json, check=_diagnosis
            )
            if person_types() and not as_json:
                typer.echo(_PHASES)
                told = ask_or_skip(None if phase is None else str(phase), "Strength phase you are in (1/2/3)",
                                   as_json=as_json, check=_phase)  # fmt: skip
                phase = None if told is None else _phase(told)
                typer.echo(_BRIDGES[phase or 1])
                mornings = ask_or_skip(
                    mornings, "Its scores of your last three mornings, 1,2,1; Enter if you have none yet",
                    as_json=as_json, check=_morning_scores,
                )  # fmt: skip
        goes_on = first and person_types() and not as_json
        typed = {
            "side": side, "site": site, "time_zone": time_zone,
            "born_on": None if born_on is None else _date(born_on), "height_m": height_m,
            "leg_length_m": leg_length_m, "mass_kg": mass_kg, "easy_speed_mps": read_pace(easy_pace),
            "fast_speed_mps": read_pace(fast_pace),
        }  # fmt: skip
        profile = set_up(
            store, code, typed, by=by, now=now,
            diagnosed_by=None if diagnosis is None else _diagnosis(diagnosis),
            diagnosis_text=diagnosis_text, phase=phase, load_test=load_test,
            morning_scores=[] if mornings is None else _morning_scores(mornings),
        )  # fmt: skip
        show(
            as_json,
            {"runner": code, **profile, "estimated": estimated(profile), "diagnosis": diagnosis,
             "records": store.place},
            f"{'Set up' if first else 'Updated'}: {code}, {profile['side']} {profile['site'].replace('_', ' ')}, "
            f"{profile['time_zone']}. Records: {store.place}",
            *(f"{name.removesuffix('_m').replace('_', ' ').capitalize()} about {value:g} m, an estimate."
              for name, value in estimated(profile).items()),
            *(["Next: tallrun screen"] if first and not goes_on else []),
        )  # fmt: skip
    if goes_on:
        typer.echo("\nNow the screening questions.")
        screen(data_dir=data_dir, runner=code)


_PHASES = """Strength phases: 1 holds, such as bridges held still; 2 heavy and slow; 3 fast loads, such as hops.
Enter if you are not sure: you begin with 1."""
#: The morning test of each phase, as somebody who has never done it must read it.
_BRIDGES = {
    1: """The morning test is the double-leg bridge. Lie on your back, knees bent, both feet flat.
Lift your hips until knees, hips and shoulders are in line. Hold for 10 seconds. Score the pain 0-10.

        o__                      __
           \\__________       __/  \\
       ________________\\_____/      \\__
""",
}
_BRIDGES[2] = _BRIDGES[3] = (
    _BRIDGES[1]
    .replace("double-leg", "single-leg")
    .replace("both feet flat.", "the foot of the sore side flat and\nthe other leg held straight.")
)


def _zone_here(as_json: bool) -> str | None:
    """Offer the time zone of this computer to a person; a script has to name one."""
    from tallrun.journal.profile import guessed_zone

    found = guessed_zone()
    if found is None or as_json or not person_types():
        return None
    return str(typer.prompt("Time zone", default=found)).strip()


def _phase(text: str) -> int:
    if text.strip() not in {"1", "2", "3"}:
        raise EntryError(f"A strength phase is 1, 2 or 3, got {text!r}.")
    return int(text)


def _morning_scores(text: str) -> list[int]:
    return [read_score(part, "A morning score") or 0 for part in text.split(",")]


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise EntryError(f"The date {text!r} cannot be read; write 1985-06-30.") from error


def _metres(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise EntryError(f"A length in metres such as 0.92 was expected, got {text!r}.") from error


def _diagnosis(text: str) -> DiagnosedBy:
    for name in DIAGNOSES:
        if text == name:
            return name
    raise EntryError(f"The diagnosis is by one of {', '.join(DIAGNOSES)}, got {text!r}.")


def screen(
    yes: Annotated[
        list[str] | None, typer.Option("--yes", help="Id of a question answered yes (repeat).")
    ] = None,
    unknown: Annotated[
        list[str] | None, typer.Option("--unknown", help="Id of a question left unanswered (repeat).")
    ] = None,
    rest_no: Annotated[
        bool, typer.Option("--rest-no", help="Every question not named was asked and answered no.")
    ] = False,
    answers_file: Annotated[
        Path | None, typer.Option("--answers", help="JSON file {question id: true, false or null}.")
    ] = None,
    quality: Annotated[
        list[str] | None, typer.Option("--quality", help="How the pain feels now (repeat): ache, sharp ...")
    ] = None,
    operation_on: Annotated[
        str | None, typer.Option("--operation-on", help="Date of the last operation.")
    ] = None,
    injection_on: Annotated[
        str | None, typer.Option("--injection-on", help="Date of the last injection.")
    ] = None,
    questions: Annotated[
        bool, typer.Option("--questions", help="Only list the questions with their ids.")
    ] = False,
    at: At = None,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Ask the screening questions (set-up, every four weeks, and whenever the pattern changes)."""
    asked = {question.id: question.text for question in load_protocol().screening.questions}
    if questions:
        show(as_json, asked, *(f"{name}: {text}" for name, text in asked.items()))
        return
    with records(data_dir, runner) as mine:
        from tallrun.journal.entries import keep_screen

        given = _screen_answers(asked, yes or [], unknown or [], rest_no, answers_file, as_json)
        feels = quality or []
        if not feels:
            typed = ask_or_skip(None, "How does it feel (ache, sharp, burning, tingling)", as_json=as_json)
            feels = [] if typed is None else [word.strip() for word in typed.split(",")]
        entry, screen_id, _ = keep_screen(
            mine, given, by=by, qualities=feels, at=at,
            operation_on=None if operation_on is None else _date(operation_on),
            injection_on=None if injection_on is None else _date(injection_on),
        )  # fmt: skip
        from tallrun.journal.advice import advise, lead_count

        found = advise(mine)
        _tell_screen(entry, screen_id, as_json, found.sentences[: lead_count(found)])


def _screen_answers(
    asked: dict[str, str], yes: list[str], unknown: list[str], rest_no: bool, file: Path | None, as_json: bool
) -> dict[str, bool | None]:
    given: dict[str, bool | None] = {name: True for name in yes} | {name: None for name in unknown}
    if file is not None:
        try:
            given |= json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EntryError(f"{file} cannot be read as JSON answers: {error}") from error
    for name, text in asked.items():
        if name in given:
            continue
        if rest_no:
            given[name] = False
        else:
            typed = ask_or_skip(
                None, f"{text} (yes/no)", as_json=as_json, check=lambda t: read_yes_no(t, "It")
            )
            given[name] = read_yes_no(typed, text)
    if all(value is None for value in given.values()) and not person_types():
        raise typer.BadParameter(
            "no answer was given: use --yes, --rest-no or --answers, or run it at a terminal"
        )
    return given


def _tell_screen(entry: Screen, screen_id: str, as_json: bool, said: tuple[str, ...]) -> None:
    fired = [name for name, value in entry.answers.items() if value]
    open_ = [name for name, value in entry.answers.items() if value is None]
    show(
        as_json,
        {"screen_id": screen_id, "at": entry.at, "yes": fired, "unanswered": open_, "sentences": said},
        *said,
        f"Noted: {len(entry.answers) - len(open_)} answers, {len(fired)} of them yes.",
        *(
            [f"{len(open_)} questions are still open; until they are answered the plan stays careful."]
            if open_
            else []
        ),
        "The whole advice with its reasons: tallrun advise",
    )


def visa_h(
    total: Annotated[str, typer.Argument(help="Total of the VISA-H form, 0-100 (100 is well).")],
    at: At = None,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Note the total of a VISA-H form; a fall of 10 or more holds the level and points to a physio."""
    with records(data_dir, runner) as mine:
        from tallrun.journal.entries import add_visa_h

        if not total.strip().isdigit():
            raise EntryError(f"A VISA-H total is a whole number from 0 to 100, got {total!r}.")
        entry = add_visa_h(mine, int(total), by=by, at=at)
        show(as_json, {"at": entry.at, "total": entry.total}, f"Noted: VISA-H {entry.total} of 100.")
