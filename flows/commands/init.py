"""`clinicnet init`: a network file from a source's own columns and what a person at the terminal answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import ClinicnetError, SourceError, nearest

if TYPE_CHECKING:
    from tasks.network.drafting.draft import Draft
    from tasks.network.drafting.interview import Interview
    from tasks.network.drafting.prompts import Prompt

_MOST_CHOICES = 30
_SOURCES = ("*.duckdb", "*.db", "*.parquet", "*.csv")


def draft_from_source(
    file: Path,
    source: str,
    table: str | None,
    password_env: str | None,
    ask: Callable[[Prompt], str] | None = None,
) -> Draft:
    """What the source's own columns suggest.

    Args:
        file: the network file to be.
        source: a file or URL.
        table: the table with a row per record; the likeliest if left out.
        password_env: the environment variable that holds the password.
        ask: puts a question that the columns leave open, and gives the answer; left out, nothing is asked.

    Raises:
        SourceError: the source cannot be reached, holds a password, or has no such table.
    """
    from dataclasses import replace

    from tasks.network.drafting.guessing import guess, likeliest_table
    from tasks.network.drafting.interview import open_questions
    from tasks.network.secret_text import holds_secret
    from tasks.records.questions.source_profile import SourceLook

    if holds_secret(source):
        raise SourceError(
            "the URL holds a password, and the network file must not",
            hint="give the URL without it, and --password-env with the name of an environment variable that "
            "holds it",
        )
    look = SourceLook(source, file.parent, password_env)
    with look.held():
        tables = look.tables()
        if not tables:
            raise SourceError(f"there is no table in {source}", hint="name another source with --from")
        if table is not None and table not in tables:
            raise SourceError(f"there is no table {table!r} in {source}", hint=nearest(table, tables))
        profile = look.profile(table or likeliest_table(look.columns(tables), look.rows(tables)))
        draft = guess(profile, look=look)
    if ask is not None:
        draft = _answered(open_questions(profile, draft, look), ask)
    return replace(draft, password_env=password_env)


def draft_by_asking(file: Path, ask: Callable[[Prompt], str]) -> Draft:
    """What the person answers; `ask` puts one question and gives the answer."""
    from tasks.network.drafting.interview import interview
    from tasks.records.questions.source_profile import SourceLook

    found = sorted(each.name for pattern in _SOURCES for each in file.parent.glob(pattern))
    return _answered(interview(lambda source, env: SourceLook(source, file.parent, env), found), ask)


def _answered(questions: Interview, ask: Callable[[Prompt], str]) -> Draft:
    """The draft that the answers make."""
    try:
        question = next(questions)
        while True:
            question = questions.send(ask(question))
    except StopIteration as ended:
        draft: Draft = ended.value
        return draft


def assumed(file: Path, draft: Draft) -> tuple[str, ...]:
    """What was taken for granted about the draft's source and its columns, in sentences."""
    from tasks.records import Records

    records = Records(draft.source, password_env=draft.password_env, directory=str(file.parent))
    unread = records.nearly_months() if draft.undated is not None else ()
    return (*records.assumptions(), *unread, *(each.sentence for each in draft.assumptions))


def _listed(question: Prompt) -> str:
    """The choices on one line, as many as a person reads."""
    first, rest = question.choices[:_MOST_CHOICES], question.choices[_MOST_CHOICES:]
    last = (
        f", and {len(rest) - 1} more columns, or {rest[-1]}"
        if len(rest) > 1
        else "".join(f", {each}" for each in rest)
    )
    several = "  (several, with commas)" if question.several else ""
    return f"{', '.join(first)}{last}{several}"


def ask_at_terminal(question: Prompt) -> str:
    """Put one question on the terminal; an empty answer takes the default.

    Raises:
        ClinicnetError: the answers ended before the questions did.
    """
    import typer

    if question.problem is not None:
        typer.echo(f"  {question.problem}", err=True)
    typer.echo(question.text)
    for each in question.reasons:
        typer.echo(f"  Assumed: {each}")
    for each in question.notes:
        typer.echo(f"  {each}")
    if question.choices:
        typer.echo(f"  {_listed(question)}")
    try:
        return input("> " if question.default is None else f"[{question.default}] > ")
    except EOFError:
        raise ClinicnetError(
            "the answers ended before the questions did",
            hint="answer at a terminal, or let the columns answer: "
            "clinicnet init --from records.duckdb --no-ask",
        ) from None
