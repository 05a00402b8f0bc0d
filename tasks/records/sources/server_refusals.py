"""How a database server ends a SELECT that is in order: a limit is reached, or somebody wanted it ended.

A server tells which by a code (SQLSTATE) or, where it takes no connection, in words. Both are looked at, and
no word of it is passed on: it could quote a patient's value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.errors import SourceError, SourceUnreachableError


@dataclass(frozen=True, slots=True)
class _Refusal:
    """One way to refuse: how it is recognised, and what a person is told.

    Attributes:
        states: SQLSTATEs.
        words: pattern of the server's own words, where a state stands for several ways or there is none.
        sentence: what happened at `{place}`.
        hint: the way out.
        passes: whether it can be over when it is tried again.
    """

    states: frozenset[str]
    words: str
    sentence: str
    hint: str
    passes: bool = False

    def fits(self, state: str, said: str) -> bool:
        """Whether it is this one; without a state the words alone tell."""
        is_known = state in self.states if state else bool(self.words)
        return is_known and re.search(self.words, said) is not None


_CANCELLED = frozenset({"57014"})
_REFUSALS = (
    _Refusal(
        _CANCELLED,
        r"due to user request",
        "somebody, or another program, cancelled the SELECT on {place}",
        "run it again",
        passes=True,
    ),
    _Refusal(
        _CANCELLED,
        "",
        "the database {place} ended the SELECT at its time limit (statement_timeout)",
        "allow this user more: ALTER ROLE … SET statement_timeout = '30min'; or make the SELECT faster",
    ),
    _Refusal(
        frozenset(),
        r"maximum statement execution time|max_statement_time",
        "the database {place} ended the SELECT at its time limit (max_execution_time, max_statement_time)",
        "allow this user more time, or make the SELECT faster",
    ),
    _Refusal(
        frozenset({"55P03"}),
        "",
        "a table of the SELECT on {place} is locked for longer than the database waits (lock_timeout)",
        "run it again when whatever locks it (a load, ALTER TABLE, VACUUM FULL) is done",
        passes=True,
    ),
    _Refusal(
        frozenset({"25P03", "25P04", "57P05"}),
        "",
        "the database {place} ended the connection: it lets a transaction wait or last only so long, and a "
        "run keeps one open to see a single state of the records",
        "allow this user more: ALTER ROLE … SET idle_in_transaction_session_timeout = '2h'",
    ),
    _Refusal(
        frozenset({"53300"}),
        r"[Tt]oo many (?:clients|connections)|connection slots are reserved|max_user_connections",
        "the database {place} takes no more connections",
        "run it again when others have ended theirs, or allow more: max_connections, or ALTER ROLE … "
        "CONNECTION LIMIT for this user",
        passes=True,
    ),
    _Refusal(
        frozenset({"53100"}),
        "",
        "the database {place} has no room left on its disk for the SELECT",
        "free some on the server, or select fewer columns",
    ),
    _Refusal(
        frozenset({"53400"}),
        "",
        "the SELECT on {place} passes a limit of the database (such as temp_file_limit)",
        "allow this user more, or select fewer columns",
    ),
    _Refusal(
        frozenset({"53200"}),
        "",
        "the database {place} has no memory left for the SELECT",
        "run it again when the server has less to do, or select fewer columns",
        passes=True,
    ),
)


def past_limit(place: str, seconds: float) -> SourceError:
    """The user's error where a database took longer for a question than the network file allows."""
    return SourceError(
        f"{place} took longer than {seconds:g} s for a question, the network file's limit ([records] "
        "statement_timeout)",
        hint="allow more there, make the SELECT faster, or run it when the database has less to do",
    )


def refusal(state: str, said: str, place: str, seconds: float | None = None) -> SourceError | None:
    """The user's error where the server would not go on with a SELECT, or took no connection; else None.

    Args:
        state: SQLSTATE, empty where there is none (as when no connection was made).
        said: the server's own words, to recognise it by.
        place: the database as it may be shown.
        seconds: the network file's limit for a question; it goes before the server's own.
    """
    if seconds is not None and state in _CANCELLED and "user request" not in said:
        return past_limit(place, seconds)
    found = next((each for each in _REFUSALS if each.fits(state, said)), None)
    if found is None:
        return None
    kind = SourceUnreachableError if found.passes else SourceError
    return kind(found.sentence.format(place=place), hint=found.hint)
