"""A column cannot be published before somebody has said what it tells."""

from __future__ import annotations

import pytest

from tasks.publishing.dictionary import feed_tables
from tasks.release import FIGURES, NOTHING, TABLES, About, Column, Of, Table, Tells, network_figure
from tasks.release.figure_names import UNDECLARED


def test_a_column_that_does_not_say_what_it_tells_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="tells"):
        Column("value", "number", "in the outcome's unit")  # type: ignore[call-arg]


@pytest.mark.parametrize("tells", [None, True, "events", Of.EVENTS])
def test_nor_one_that_says_it_in_other_words(tells: object) -> None:
    with pytest.raises(TypeError, match="column value must say what it tells"):
        Column("value", "number", "in the outcome's unit", tells)  # type: ignore[arg-type]


def test_what_a_column_tells_says_of_what() -> None:
    with pytest.raises(TypeError, match="of"):
        Tells()  # type: ignore[call-arg]


def test_a_column_that_is_never_null_says_what_stands_in_its_place() -> None:
    with pytest.raises(ValueError, match="column words is never null"):
        Column(
            "words", "string", "the estimate as a sentence", Tells(Of.EVENTS, modelled=True), required=True
        )
    Column(
        "words",
        "string",
        "the estimate as a sentence",
        Tells(Of.EVENTS, instead="{reason}", modelled=True),
        required=True,
    )


@pytest.mark.parametrize("of", [Of.SIZES, Of.EVENTS, Of.BOTH])
def test_a_count_says_what_it_counts(of: Of) -> None:
    # numbers of patients are withheld where those of records are not
    with pytest.raises(ValueError, match="column n_seen is a count, so it must say what it counts"):
        Column("n_seen", "integer", "patients seen", Tells(of))
    Column("n_seen", "integer", "patients seen", Tells(of, counts="people"))


@pytest.mark.parametrize("kind", ["number", "string", "boolean"])
def test_what_is_no_count_says_whether_a_model_gives_it(kind: str) -> None:
    # whoever has the counts could fit it again, and a figure that nobody thought about would keep all digits
    with pytest.raises(
        ValueError, match="column value tells something, so it must say whether it is modelled"
    ):
        Column("value", kind, "an estimate", Tells(Of.EVENTS))  # type: ignore[arg-type]
    for modelled in (True, False):
        Column("value", kind, "an estimate", Tells(Of.EVENTS, modelled=modelled))  # type: ignore[arg-type]


def test_a_table_is_made_of_nothing_else() -> None:
    with pytest.raises(TypeError, match="table costs is made of columns"):
        Table("costs", "one clinic", ("clinic",), ("clinic", "cost"))  # type: ignore[arg-type]


@pytest.mark.parametrize("table", [*TABLES, *feed_tables()], ids=lambda table: table.name)
def test_no_key_tells_anything(table: Table) -> None:
    # a row is found by its key whatever is withheld of it
    assert all(column.tells == NOTHING for column in table.columns if column.name in table.key)


def test_what_a_table_tells_is_what_its_columns_tell() -> None:
    size = Column("n_records", "integer", "records", Tells(Of.SIZES, counts="records"))
    status = Column("status", "string", "why", Tells(Of.BOTH, instead="{status}", modelled=True))
    assert Table("clinics", "one clinic", (), (size, status)).tells == Of.SIZES


def test_what_counts_records_is_rounded_and_what_counts_clinics_is_not() -> None:
    def rounds(kind: str, tells: Tells) -> bool:
        return Column("n", kind, "a number", tells).is_count_of_records  # type: ignore[arg-type]

    assert rounds("integer", Tells(Of.EVENTS, counts="records"))
    assert rounds("integer", Tells(Of.SIZES, counts="people"))
    assert rounds("number", Tells(Of.SIZES, counts="exposure"))
    assert not rounds("integer", Tells(Of.SIZES, counts="clinics"))
    assert not rounds("number", Tells(Of.EVENTS, modelled=True))
    assert not rounds("integer", NOTHING)


def test_a_figure_that_nobody_declared_is_taken_to_tell_everything() -> None:
    assert network_figure("gini") == UNDECLARED
    assert UNDECLARED.total == Of.BOTH and UNDECLARED.of_clustering
    assert network_figure("mean") == FIGURES["mean"]


def test_a_column_of_a_series_tells_of_more_than_its_row() -> None:
    months = next(table for table in TABLES if table.name == "clinic_months")
    of_series = {column.name for column in months.columns if column.tells.about is About.SERIES}
    assert of_series == {"centre", "lower_limit", "upper_limit", "limits", "signal", "false_alarms"}
