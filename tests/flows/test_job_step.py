"""A step's error can be stored anywhere: it is the user's sentence, or the place of a bug without values."""

from __future__ import annotations

import pickle
import traceback

import duckdb
import pytest

from flows.job_step import JobStep, Journal, UnexpectedError, guarded
from tasks.errors import SourceError


def _cast_a_name() -> None:
    duckdb.sql("SELECT CAST('Arya Stark' AS INTEGER)").fetchall()


def _missing() -> None:
    try:
        _cast_a_name()
    except duckdb.Error as error:
        raise SourceError("column 'hours' is not a number", hint="cast it in the SELECT") from error


def test_an_unexpected_error_says_its_place_and_no_value() -> None:
    step = JobStep("Screen the records", _cast_a_name, str)
    with pytest.raises(UnexpectedError) as caught:
        guarded(step)()
    told = "".join(traceback.format_exception(caught.value)) + str(caught.value)
    assert "Stark" not in told
    assert str(caught.value).startswith(
        "Screen the records: ConversionException at tests/flows/test_job_step.py:"
    )
    assert "Stark" in str(caught.value.original), "for the terminal of whoever asks with --debug"
    stored = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert stored.original is None
    assert "Stark" not in repr(vars(stored))


def test_a_user_s_error_keeps_its_sentence_and_loses_what_caused_it() -> None:
    with pytest.raises(SourceError) as caught:
        guarded(JobStep("Screen the records", _missing, str))()
    assert caught.value.hint == "cast it in the SELECT"
    assert "Stark" not in "".join(traceback.format_exception(caught.value))


def test_the_journal_keeps_what_was_done_and_for_how_long() -> None:
    journal = Journal()
    step = JobStep(
        "Draw", lambda files: [f"{n}.pdf" for n in range(files)], lambda files: f"{len(files)} PDFs"
    )
    assert journal.do(step.about("CHOP"), 2) == ["0.pdf", "1.pdf"]
    (kept,) = journal.steps
    assert (kept.name, kept.did) == ("Draw: CHOP", "2 PDFs")
    assert 0.0 <= kept.seconds < 1.0
