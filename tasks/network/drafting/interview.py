"""The questions `init` asks, as plain data: whoever talks to the person sends the answers back.

questions = interview(look)
question = next(questions)
while True:
    question = questions.send(ask_the_person(question))  # StopIteration.value is the Draft
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol, cast, get_args

from tasks.errors import ClinicnetError, SourceError, nearest
from tasks.network.drafting.coding import (
    Coding,
    EventWords,
    program_coding,
    says_words,
    says_yes_or_no,
)
from tasks.network.drafting.draft import Direction, Draft, DraftOutcome, OutcomeKind
from tasks.network.drafting.guessing import (
    could_be,
    could_be_exposures,
    could_be_outcomes,
    guess,
    guess_period,
    likeliest_table,
    records_a,
)
from tasks.network.drafting.guessing_outcomes import codings_of, guess_exposure, guess_limits, guess_outcome
from tasks.network.drafting.profile import Kind, TableProfile, Writing
from tasks.network.drafting.weighing_clinics import LookAgain
from tasks.network.secret_text import holds_secret


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to the person.

    Attributes:
        text: the question.
        default: taken for an empty answer; None: an answer is needed.
        choices: what may be answered; empty: anything.
        several: whether several of the choices may be given, separated by commas.
        problem: what was wrong with the answer before, where the question is asked again.
        reason: what makes the default likely, where something was taken for granted.
    """

    text: str
    default: str | None = None
    choices: tuple[str, ...] = ()
    several: bool = False
    problem: str | None = None
    reason: str | None = None


class LookAtSource(LookAgain, Protocol):
    """How to look at a source: what tables it has, and counts of their columns."""

    def tables(self) -> tuple[str, ...]:
        """Names of its tables."""
        ...

    def columns(self, tables: Collection[str]) -> dict[str, dict[str, Kind]]:
        """Table → its columns' names and kinds."""
        ...

    def rows(self, tables: Collection[str]) -> dict[str, int]:
        """Table → how many rows it has."""
        ...

    def profile(self, table: str) -> TableProfile:
        """Counts of a table's columns."""
        ...

    def words_not_held(self, profile: TableProfile, column: str, words: Collection[str]) -> tuple[str, ...]:
        """Those of the words that no row has in a column."""
        ...


Interview = Generator[Prompt, str, Draft]
_Asking = Generator[Prompt, str, str]
_NONE = "none"
BACK = "back"
"""The answer that goes back to the question before."""


def interview(look_at: Callable[[str, str | None], LookAtSource], found: Collection[str] = ()) -> Interview:
    """Ask what a network file needs, proposing what the source's own columns suggest.

    The answer "back" asks the question before once more.

    Args:
        look_at: from a source (a file or URL) and the environment variable with its password to a look at it.
        found: files beside the network file to be that may be the source.

    Returns:
        The draft, as the generator's value.

    Raises:
        SourceError: the chosen table has no column that could be the clinic.
    """
    accepted: list[tuple[str, str]] = []  # questions' texts and their answers
    while True:
        questions = _questions(look_at, found)
        question = next(questions)
        for _, answer in accepted:
            question = questions.send(answer)
        while True:
            answer = yield question
            if answer.strip().lower() == BACK and BACK not in question.choices:
                del accepted[-1:]
                break
            accepted.append((question.text, answer))
            try:
                question = questions.send(answer)
            except StopIteration as ended:
                draft: Draft = ended.value
                return draft
            if question.problem is not None:  # asked again: that answer, and those after it, were refused
                del accepted[[text for text, _ in accepted].index(question.text) :]


def _questions(look_at: Callable[[str, str | None], LookAtSource], found: Collection[str]) -> Interview:
    password_env, look, tables = yield from _source(look_at, found)
    table = tables[0]
    if len(tables) > 1:
        default = likeliest_table(look.columns(tables) or {name: {} for name in tables}, look.rows(tables))
        table = yield from _one("Which table or view has a row per record?", tables, default)
    profile = look.profile(table)
    draft = replace(guess(profile, look=look), password_env=password_env)
    name = yield from _ask(Prompt("What is the network called?", "My network"))
    roles, in_parts = yield from _roles(profile, draft)
    same = all(roles.get(each) == draft.roles.get(each) for each in ("clinic", "patient"))
    column = roles.get("date")
    draft = replace(
        draft,
        name=name,
        roles=roles,
        period=guess_period(profile, column),
        writing=None if column is None else _writing(profile, column),
        date_parts=draft.date_parts if in_parts else (),
        undated=None if column is not None or in_parts else (draft.undated or date.today().replace(day=1)),
        rows_numbered=column is None and "patient" in roles and "record" not in roles,
    )
    draft = replace(draft, patient_within=draft.patient_within and same)
    draft = yield from _what_is_estimated(profile, draft, look)
    zone = yield from _time_zone()
    return replace(draft, time_zone=zone)


def _writing(profile: TableProfile, column: str) -> Writing | None:
    """How a column writes dates; None where it holds dates."""
    dated = profile.column(column)
    return dated.writing or ("day" if dated.kind == "text" else None)


def _source(
    look_at: Callable[[str, str | None], LookAtSource], found: Collection[str]
) -> Generator[Prompt, str, tuple[str | None, LookAtSource, tuple[str, ...]]]:
    question = Prompt(
        "Where are the records? (a DuckDB, Parquet or CSV file, or a database URL without its password)",
        next(iter(found), None),
    )
    while True:
        source = yield from _ask(question)
        password_env = None
        if holds_secret(source):
            problem = "the URL holds a password; give it without, and the variable that holds it when asked"
            question = replace(question, problem=problem)
            continue
        if "://" in source:
            password_env = yield from _ask(
                Prompt("Which environment variable holds the password? (its name, or none)", _NONE)
            )
        look = look_at(source, None if password_env in {None, _NONE} else password_env)
        try:
            tables = look.tables()
        except ClinicnetError as error:
            question = replace(
                question, problem=f"{error.message}; {error.hint}" if error.hint else error.message
            )
            continue
        if tables:
            return None if password_env == _NONE else password_env, look, tables
        question = replace(question, problem="there is no table in it")


def _roles(profile: TableProfile, draft: Draft) -> Generator[Prompt, str, tuple[dict[str, str], bool]]:
    """Contract column → the table's, and whether the drafted parts of dates make the date."""
    asked = {
        "clinic": "Which column holds the clinic?",
        "date": "Which column holds the date of the record? (or none: all records count as this month's)",
        "region": "Which column holds the clinic's region? (or none)",
        "patient": "Which column tells patients apart? (or none)",
        "record": "Which column numbers the records? (or none)",
    }
    roles: dict[str, str] = {}
    parts, in_parts = " and ".join(draft.date_parts), False
    candidates = [name for missing in draft.missing for name in missing.candidates]
    for role, text in asked.items():
        likely = candidates if role == "clinic" else ()
        taken = {*roles.values(), *(draft.date_parts if in_parts else ())}
        choices = tuple(name for name in could_be(profile, role, likely) if name not in taken)
        if not choices and role == "clinic":
            raise SourceError(
                f"the table {profile.sql} has no column left that could hold the {role}",
                hint="make a view that joins what belongs to a record, and name that",
            )
        guessed = draft.roles.get(role)
        default = guessed if guessed in choices else None
        if role == "date" and draft.date_parts:
            choices, default = (parts, *choices), default or parts
        if role != "clinic":
            choices, default = (*choices, _NONE), default or _NONE
        answer = yield from _one(text, choices, default, _reason(draft, default))
        if role == "date" and answer == parts:
            in_parts = True
        elif answer != _NONE:
            roles[role] = answer
    ordered = ("clinic", "region", "patient", "record", "date")
    return {role: roles[role] for role in ordered if role in roles}, in_parts


def _reason(draft: Draft, column: str | None) -> str | None:
    """What was taken for granted about a column that is proposed."""
    return next((each for each in draft.assumptions if column is not None and repr(column) in each), None)


def _what_is_estimated(
    profile: TableProfile, draft: Draft, look: LookAtSource
) -> Generator[Prompt, str, Draft]:
    taken = {*draft.roles.values(), *draft.date_parts}
    zero_one = tuple(
        each.name
        for each in profile.columns
        if (says_yes_or_no(each) or program_coding(each)) and each.name not in taken
    )
    program = yield from _one(
        "Which 0/1 column says that a record was under a program? (or none)",
        (*zero_one, _NONE),
        draft.program if draft.program in zero_one else _NONE,
        _reason(draft, draft.program),
    )
    taken |= {program}
    measured = could_be_outcomes(profile, taken)
    guessed = [each.column for each in draft.outcomes if each.column in measured]
    columns = yield from _many(
        "Which columns are outcomes?", (*measured, _NONE), ",".join(name for name in guessed if name) or _NONE
    )
    outcomes: list[DraftOutcome] = []
    codings: dict[str, Coding | EventWords] = dict(codings_of(profile, program))
    for column in columns:
        if says_words(profile.column(column)):
            codings[column] = yield from _event_words(profile, column, look)
        outcomes += [(yield from _outcome(profile, column, draft.date_parts))]
    others = tuple(name for name in profile.names if name not in {*taken, *columns})
    adjusters = yield from _many(
        "Which columns are adjusted for? (or none)",
        (*others, _NONE),
        ",".join(name for name in draft.adjusters if name in others) or _NONE,
    )
    by_days = draft.undated is None and len(draft.date_parts) != 1  # of a year all count as its January's
    counted = (records_a(draft.period),) if by_days else ()
    return replace(
        draft,
        program=None if program == _NONE else program,
        outcomes=(*outcomes, *counted) or (records_a(draft.period),),
        undrafted=(),
        codings=codings,
        weight=None,
        assumptions=(),
        missing=(),
        adjusters=tuple(adjusters),
        limits=guess_limits(profile, adjusters),
    )


def _event_words(
    profile: TableProfile, column: str, look: LookAtSource
) -> Generator[Prompt, str, EventWords]:
    """Which of a column's words are the event: only a person knows; the table is asked for those."""
    text = f"{column!r} holds words. Which count as 1? (as the table writes them; several with commas)"
    question = Prompt(text)
    while True:
        answer = yield from _ask(question)
        words = tuple(each.strip() for each in answer.split(",") if each.strip())
        absent = look.words_not_held(profile, column, words) if words else ("",)
        if not absent:
            return EventWords(words)
        if not look.words_not_held(profile, column, (answer,)):  # one value, with a comma in it
            return EventWords((answer,))
        named = ", ".join(map(repr, absent))
        question = replace(question, problem=f"no row has {named} in {column!r}; capitals count")


def _outcome(
    profile: TableProfile, column: str, dated: Collection[str]
) -> Generator[Prompt, str, DraftOutcome]:
    guessed = guess_outcome(profile.column(column), guess_exposure(profile, column))
    label = yield from _ask(Prompt(f"How should people read {column!r}?", guessed.label))
    kind: OutcomeKind = "binary"
    if not says_words(profile.column(column)):
        kind = cast(
            OutcomeKind,
            (yield from _one(f"What kind of outcome is {column!r}?", get_args(OutcomeKind), guessed.kind)),
        )
    direction = cast(
        Direction,
        (yield from _one(f"Which is better for {column!r}?", get_args(Direction), guessed.direction)),
    )
    exposure = (yield from _exposure(profile, column, dated)) if kind == "count" else None
    return replace(guessed, label=label, kind=kind, direction=direction, exposure=exposure)


def _exposure(
    profile: TableProfile, column: str, dated: Collection[str]
) -> Generator[Prompt, str, str | None]:
    """What a count is about: the time at risk, or how many people."""
    guessed = guess_exposure(profile, column)
    others = tuple(name for name in could_be_exposures(profile) if name not in {column, *dated})
    answer = yield from _one(
        f"Which column has the time or the people that {column!r} is counted of? (or none)",
        (*others, _NONE),
        guessed if guessed in others else _NONE,
    )
    return None if answer == _NONE else answer


def _time_zone() -> _Asking:
    question = Prompt("Which time zone are its dates in? (an IANA name)", "UTC")
    while True:
        answer = yield from _ask(question)
        try:
            zoneinfo.ZoneInfo(answer)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            offer = nearest(answer, zoneinfo.available_timezones())
            way_out = f"; {offer}" if offer.startswith("did you mean") else ""
            question = replace(question, problem=f"there is no time zone {answer!r}{way_out}")
        else:
            return answer


def _ask(question: Prompt) -> _Asking:
    """The answer, the default for an empty one; asked again where there is none."""
    while True:
        answer = (yield question).strip() or question.default
        if answer:
            return answer
        question = replace(question, problem="an answer is needed")


def _one(text: str, choices: tuple[str, ...], default: str | None, reason: str | None = None) -> _Asking:
    question = Prompt(text, default, choices, reason=reason)
    while True:
        answer = yield from _ask(question)
        if answer in choices:
            return answer
        question = replace(question, problem=f"{answer!r} is none of them; {nearest(answer, choices)}")


def _many(text: str, choices: tuple[str, ...], default: str) -> Generator[Prompt, str, list[str]]:
    question = Prompt(text, default, choices, several=True)
    while True:
        answers = [each.strip() for each in (yield from _ask(question)).split(",") if each.strip()]
        unknown = [each for each in answers if each not in choices]
        if not unknown:
            return [each for each in dict.fromkeys(answers) if each != _NONE]
        question = replace(
            question, problem=f"{unknown[0]!r} is none of them; {nearest(unknown[0], choices)}"
        )
