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
    could_be_weight,
    guess,
    guess_period,
    likeliest_table,
    records_a,
)
from tasks.network.drafting.guessing_outcomes import (
    codings_of,
    guess_exposure,
    guess_limits,
    guess_outcome,
    plain_adjusters,
)
from tasks.network.drafting.profile import Kind, TableProfile, Writing
from tasks.network.drafting.prompts import NONE, Asking, Prompt, ask, ask_for_one, ask_for_several
from tasks.network.drafting.weighing_clinics import LookAgain
from tasks.network.secret_text import holds_secret


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
    return _with_ways_back(lambda: _all_questions(look_at, found), ask_all=True)


def open_questions(profile: TableProfile, draft: Draft, look: LookAtSource) -> Interview:
    """Ask only what a table's columns leave open: what was taken for granted, and what nothing tells.

    Args:
        profile: the table.
        draft: what was guessed of it.
        look: at its source.

    Returns:
        The draft, with the answers, as the generator's value.
    """
    return _with_ways_back(lambda: _about_table(profile, draft, look), ask_all=False)


@dataclass(frozen=True, slots=True)
class _Accepted:
    """An answer that was accepted: to which question, and whether a person gave it."""

    text: str
    answer: str
    by_person: bool


def _with_ways_back(begin: Callable[[], Interview], *, ask_all: bool) -> Interview:
    """The questions, begun again with the answers so far where a person goes back."""
    accepted: list[_Accepted] = []
    while True:
        questions = begin()
        question = next(questions)
        for each in accepted:
            question = questions.send(each.answer)
        while True:
            asked = ask_all or question.needs_a_person
            answer = (yield question) if asked else ""
            if answer.strip().lower() == BACK and BACK not in question.choices:
                while accepted and not accepted[-1].by_person:
                    del accepted[-1]
                del accepted[-1:]
                break
            accepted.append(_Accepted(question.text, answer, asked))
            try:
                question = questions.send(answer)
            except StopIteration as ended:
                draft: Draft = ended.value
                return draft
            if question.problem is not None:  # asked again: that answer, and those after it, were refused
                del accepted[[each.text for each in accepted].index(question.text) :]


def _all_questions(look_at: Callable[[str, str | None], LookAtSource], found: Collection[str]) -> Interview:
    password_env, look, tables = yield from _source(look_at, found)
    table = tables[0]
    if len(tables) > 1:
        default = likeliest_table(look.columns(tables) or {name: {} for name in tables}, look.rows(tables))
        text = "Which table or view has a row per record?"
        table = yield from ask_for_one(Prompt(text, default, tables))
    profile = look.profile(table)
    name = yield from ask(Prompt("What is the network called?", "My network"))
    draft = yield from _about_table(profile, replace(guess(profile, look=look), name=name), look)
    zone = yield from _time_zone()
    return replace(draft, password_env=password_env, time_zone=zone)


def _source(
    look_at: Callable[[str, str | None], LookAtSource], found: Collection[str]
) -> Generator[Prompt, str, tuple[str | None, LookAtSource, tuple[str, ...]]]:
    question = Prompt(
        "Where are the records? (a DuckDB, Parquet or CSV file, or a database URL without its password)",
        next(iter(found), None),
    )
    while True:
        source = yield from ask(question)
        password_env = None
        if holds_secret(source):
            problem = "the URL holds a password; give it without, and the variable that holds it when asked"
            question = replace(question, problem=problem)
            continue
        if "://" in source:
            password_env = yield from ask(
                Prompt("Which environment variable holds the password? (its name, or none)", NONE)
            )
        look = look_at(source, None if password_env in {None, NONE} else password_env)
        try:
            tables = look.tables()
        except ClinicnetError as error:
            question = replace(
                question, problem=f"{error.message}; {error.hint}" if error.hint else error.message
            )
            continue
        if tables:
            return None if password_env == NONE else password_env, look, tables
        question = replace(question, problem="there is no table in it")


def _about_table(profile: TableProfile, draft: Draft, look: LookAtSource) -> Interview:
    """What columns are, and what is estimated of them."""
    roles, in_parts = yield from _roles(profile, draft)
    same = all(roles.get(each) == draft.roles.get(each) for each in ("clinic", "patient"))
    column = roles.get("date")
    draft = replace(
        draft,
        roles=roles,
        period=guess_period(profile, column),
        writing=None if column is None else _writing(profile, column),
        date_parts=draft.date_parts if in_parts else (),
        undated=None if column is not None or in_parts else (draft.undated or date.today().replace(day=1)),
        rows_numbered=column is None and "patient" in roles and "record" not in roles,
    )
    draft = replace(draft, patient_within=draft.patient_within and same)
    draft = yield from _weight(profile, draft)
    draft = yield from _what_is_estimated(profile, draft, look)
    return replace(draft, assumptions=(), missing=())


def _writing(profile: TableProfile, column: str) -> Writing | None:
    """How a column writes dates; None where it holds dates."""
    dated = profile.column(column)
    return dated.writing or ("day" if dated.kind == "text" else None)


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
        reasons = _reasons(draft, role)
        notes = tuple(each.what for each in draft.missing if each.about == role)
        is_open = bool(reasons) or (role == "patient" and default is None and bool(choices))
        if role != "clinic":
            choices, default = (*choices, NONE), default or NONE
        question = Prompt(text, default, choices, reasons=reasons, notes=notes, is_open=is_open)
        answer = yield from ask_for_one(question)
        if role == "date" and answer == parts:
            in_parts = True
        elif answer != NONE:
            roles[role] = answer
    ordered = ("clinic", "region", "patient", "record", "date")
    return {role: roles[role] for role in ordered if role in roles}, in_parts


def _reasons(draft: Draft, about: str) -> tuple[str, ...]:
    """What was taken for granted about what a question asks, in sentences."""
    return tuple(each.sentence for each in draft.assumptions if each.about == about)


def _weight(profile: TableProfile, draft: Draft) -> Generator[Prompt, str, Draft]:
    """Whether a row stands for several records, where a column can say so and no patient comes again."""
    column = could_be_weight(profile)
    if column is None or column in draft.roles.values() or "patient" in draft.roles:
        return replace(draft, weight=None)
    answer = yield from ask_for_one(
        Prompt(
            f"Does {column!r} say how many identical records a row stands for?",
            "yes" if draft.weight == column else "no",
            ("yes", "no"),
        )
    )
    return replace(draft, weight=column if answer == "yes" else None)


def _what_is_estimated(
    profile: TableProfile, draft: Draft, look: LookAtSource
) -> Generator[Prompt, str, Draft]:
    taken = {*draft.roles.values(), *draft.date_parts, *([draft.weight] if draft.weight else [])}
    program = yield from _program(profile, draft, taken)
    taken |= {program}
    columns = yield from _outcome_columns(profile, draft, taken)
    outcomes: list[DraftOutcome] = []
    codings: dict[str, Coding | EventWords] = dict(codings_of(profile, program))
    for column in columns:
        of_column = profile.column(column)
        chosen: Coding | EventWords | None = codings.get(column)
        if says_words(of_column):
            chosen = yield from _event_words(profile, column, look)
        elif of_column.one_two:
            chosen = yield from _one_or_two(column, chosen)
        if chosen is None:
            codings.pop(column, None)
        else:
            codings[column] = chosen
        outcomes += [(yield from _outcome(profile, column, draft.date_parts, coded=chosen is not None))]
    others = tuple(name for name in profile.names if name not in {*taken, *columns})
    adjusters = yield from ask_for_several(
        Prompt(
            "Which columns are adjusted for? (or none)",
            ",".join(name for name in draft.adjusters if name in others) or NONE,
            (*others, NONE),
            is_open=not set(draft.adjusters) <= set(plain_adjusters(profile)),
        )
    )
    dated_by_days = draft.undated is None and len(draft.date_parts) != 1  # of a year all are its January's
    counted = (records_a(draft.period),) if dated_by_days and draft.weight is None else ()
    return replace(
        draft,
        program=None if program == NONE else program,
        outcomes=(*outcomes, *counted) or (records_a(draft.period),),
        undrafted=(),
        codings=codings,
        adjusters=tuple(adjusters),
        limits=guess_limits(profile, adjusters),
    )


def _program(profile: TableProfile, draft: Draft, taken: Collection[str]) -> Asking:
    two_values = tuple(
        each.name
        for each in profile.columns
        if (says_yes_or_no(each) or program_coding(each)) and each.name not in taken
    )
    return ask_for_one(
        Prompt(
            "Which 0/1 column says that a record was under a program? (or none)",
            draft.program if draft.program in two_values else NONE,
            (*two_values, NONE),
            reasons=_reasons(draft, "program"),
            is_open=not set(two_values) <= {each.column for each in draft.outcomes},
        )
    )


def _outcome_columns(
    profile: TableProfile, draft: Draft, taken: Collection[str]
) -> Generator[Prompt, str, list[str]]:
    measured = could_be_outcomes(profile, taken)
    guessed = [each.column for each in draft.outcomes if each.column is not None and each.column in measured]
    reasons = _reasons(draft, "outcomes")
    return ask_for_several(
        Prompt(
            "Which columns are outcomes?",
            ",".join(guessed) or NONE,
            (*measured, NONE),
            reasons=reasons,
            notes=tuple(each.what for each in draft.missing if each.about == "outcomes"),
            is_open=bool(
                reasons or _reasons(draft, "coding") or draft.undrafted or guessed != _drafted_columns(draft)
            ),
        )
    )


def _drafted_columns(draft: Draft) -> list[str]:
    """The columns of the drafted outcomes; one nowhere, which no list is, where there are none."""
    return [each.column for each in draft.outcomes if each.column is not None] or [""]


def _event_words(
    profile: TableProfile, column: str, look: LookAtSource
) -> Generator[Prompt, str, EventWords]:
    """Which of a column's words are the event: only a person knows; the table is asked for those."""
    text = f"{column!r} holds words. Which count as 1? (as the table writes them; several with commas)"
    question = Prompt(text)
    while True:
        answer = yield from ask(question)
        words = tuple(each.strip() for each in answer.split(",") if each.strip())
        absent = look.words_not_held(profile, column, words) if words else ("",)
        if not absent:
            return EventWords(words)
        if not look.words_not_held(profile, column, (answer,)):  # one value, with a comma in it
            return EventWords((answer,))
        named = ", ".join(map(repr, absent))
        question = replace(question, problem=f"no row has {named} in {column!r}; capitals count")


def _one_or_two(
    column: str, guessed: Coding | EventWords | None
) -> Generator[Prompt, str, Coding | EventWords | None]:
    """Which of 1 and 2 is the event, as files of surveys and of R write it, each its own way round."""
    answer = yield from ask_for_one(
        Prompt(
            f"{column!r} holds 1 and 2. Which says that it happened? (or none: they are amounts)",
            None if guessed is None else "2",
            ("1", "2", NONE),
        )
    )
    return None if answer == NONE else Coding(answer, "2" if answer == "1" else "1", is_number=True)


def _outcome(
    profile: TableProfile, column: str, dated: Collection[str], *, coded: bool
) -> Generator[Prompt, str, DraftOutcome]:
    guessed = guess_outcome(profile.column(column), guess_exposure(profile, column))
    label = yield from ask(Prompt(f"How should people read {column!r}?", guessed.label, is_open=False))
    kind: OutcomeKind = "binary"
    if not coded:
        text = f"What kind of outcome is {column!r}?"
        chosen = yield from ask_for_one(Prompt(text, guessed.kind, get_args(OutcomeKind), is_open=False))
        kind = cast(OutcomeKind, chosen)
    better = yield from ask_for_one(
        Prompt(
            f"Which is better for {column!r}?",
            guessed.direction,
            get_args(Direction),
            is_open=guessed.direction == "neither",
        )
    )
    exposure = (yield from _exposure(profile, column, dated)) if kind == "count" else None
    return replace(guessed, label=label, kind=kind, direction=cast(Direction, better), exposure=exposure)


def _exposure(
    profile: TableProfile, column: str, dated: Collection[str]
) -> Generator[Prompt, str, str | None]:
    """What a count is about: the time at risk, or how many people."""
    guessed = guess_exposure(profile, column)
    others = tuple(name for name in could_be_exposures(profile) if name not in {column, *dated})
    answer = yield from ask_for_one(
        Prompt(
            f"Which column has the time or the people that {column!r} is counted of? (or none)",
            guessed if guessed in others else NONE,
            (*others, NONE),
            is_open=False,
        )
    )
    return None if answer == NONE else answer


def _time_zone() -> Asking:
    question = Prompt("Which time zone are its dates in? (an IANA name)", "UTC")
    while True:
        answer = yield from ask(question)
        try:
            zoneinfo.ZoneInfo(answer)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            offer = nearest(answer, zoneinfo.available_timezones())
            way_out = f"; {offer}" if offer.startswith("did you mean") else ""
            question = replace(question, problem=f"there is no time zone {answer!r}{way_out}")
        else:
            return answer
