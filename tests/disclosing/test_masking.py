"""What is masked follows from what the columns declare, of every table there is or will be."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from disclosing.both_steps import disclose

from tasks.disclosing import POLICIES, decide, mask
from tasks.release import TABLES, About, Column, Of, Table, Tells, conform
from tests.disclosing.networks import Network, Tables
from tests.disclosing.test_disclose import POLICY, network

pytestmark = pytest.mark.attack

TABLE = {table.name: table for table in TABLES}
KINDS = ("string", "integer", "number", "boolean")


PUBLIC = {
    "clinics": {"slug", "region"},
    "outcomes": {
        "label",
        "kind",
        "unit",
        "direction",
        "adjusters",
        "comparator",
        "important_difference",
        "n_clinics",
    },
    "clinic_estimates": {"region", "estimand", "estimand_coded", "level"},
    "clinic_ranks": {"region", "n_ranked"},
    "network_figures": {"label", "unit", "method", "method_coded"},
    "program_effects": {"months_since_start", "unit", "question"},
    "clinic_months": set[str](),
    "patient_groups": {"place", "column_label", "label"},
    "region_estimates": {"n_clinics", "n_in_region"},
    "quality": {"description", "action", "counts"},
}
"""What depends on no record beside the keys: the network file, and which clinics there are."""

COUNTED = {"numerator", "denominator", "n_records", "n_patients", "n_checked", "n_found"}
"""What the tables of a made-up network have of its records already."""


def written(tables: Tables, seed: int) -> Tables:
    """The same tables with something else in every place that is neither public nor counted."""
    rng = np.random.default_rng(seed)
    found = dict(tables)
    for table in (TABLE[name] for name in PUBLIC):
        frame = tables[table.name].copy()
        for column in table.columns:
            if column.name not in {*table.key, *COUNTED, *PUBLIC[table.name]}:
                frame[column.name] = [some(column, rng) for _ in range(len(frame))]
        found[table.name] = conform(table, frame)
    return found


def some(column: Column, rng: np.random.Generator) -> object:
    if column.kind in ("integer", "number"):
        return int(rng.integers(11, 100)) if column.kind == "integer" else float(rng.random())
    return bool(rng.integers(2)) if column.kind == "boolean" else f"word {rng.integers(1000)}"


def tiny(records: list[list[int]], events: list[list[int]], kind: str) -> Tables:
    """Tables of a network that has so few records in all that nothing of it may be seen."""
    return network(records, events, kind=kind).tables()


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["suppress-1-10", "nhs-7-round-5"])
@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_where_everything_is_withheld_nothing_depends_on_a_record(policy: str, kind: str) -> None:
    one = written(tiny([[1, 1], [1, 1], [1, 1]], [[1, 0], [0, 1], [1, 1]], kind), 1)
    other = written(tiny([[1, 1], [2, 1], [1, 1]], [[0, 0], [0, 1], [0, 0]], kind), 2)
    first, second = (disclose(POLICIES[policy], tables) for tables in (one, other))
    for table in TABLES:
        for column in table.columns:
            values = first[table.name][column.name]
            pd.testing.assert_series_equal(values, second[table.name][column.name])
            if column.tells.of and column.tells.instead is None:
                assert values.isna().all(), (table.name, column.name)


def half_withheld() -> tuple[Network, set[str]]:
    """Four clinics, of which the first is small and the second hides it."""
    return network([[5, 4], [30, 31], [40, 41], [50, 52]], [[2, 2], [15, 14], [21, 20], [25, 26]]), {
        "clinic 00",
        "clinic 01",
    }


@functools.cache
def half_withheld_tables() -> Tables:
    """Its release, which is made once: whoever changes a table makes one of its own."""
    return half_withheld()[0].tables()


def with_column(table: Table, tells: Tells, kind: str) -> tuple[Table, ...]:
    """The tables with one more column in one of them, that nobody wrote a rule for."""
    new = Column("novel", kind, "what a later issue adds", tells)  # type: ignore[arg-type]
    wider = replace(table, columns=(*table.columns, new))
    return tuple(wider if each.name == table.name else each for each in TABLES)


def novel(tells: Tells, table: str, kind: str = "number") -> pd.DataFrame:
    """A disclosed table with a column added on the fly, and what the column held before in `was`."""
    tables = dict(half_withheld_tables())
    rng = np.random.default_rng(0)
    declared = with_column(TABLE[table], tells, kind)
    column = next(each for each in declared if each.name == table).columns[-1]
    wider = tables[table].assign(novel=[some(column, rng) for _ in range(len(tables[table]))])
    tables[table] = conform(next(each for each in declared if each.name == table), wider)
    after = mask(POLICY, tables, decide(POLICY, tables), declared)[table]
    return after.assign(was=tables[table]["novel"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of", [Of.SIZES, Of.EVENTS, Of.BOTH])
@pytest.mark.parametrize("table", ["clinic_estimates", "clinic_ranks", "clinic_months"])
def test_a_new_column_is_withheld_in_withheld_rows_and_in_no_other(table: str, of: Of, kind: str) -> None:
    after, gone = novel(Tells(of, counts="records"), table, kind), half_withheld()[1]
    withheld = after["clinic"].isin(gone)
    assert withheld.any() and not withheld.all()
    assert (after["novel"].isna() == withheld).all()


def test_a_new_column_that_tells_nothing_stays() -> None:
    after = novel(Tells(Of.NOTHING), "clinic_estimates")
    assert (after["novel"] == after["was"]).all()


def test_a_new_column_has_in_its_place_what_it_declares() -> None:
    after, gone = (
        novel(Tells(Of.EVENTS, instead="unsaid", modelled=False), "clinic_ranks", "string"),
        half_withheld()[1],
    )
    withheld = after["clinic"].isin(gone)
    assert set(after.loc[withheld, "novel"]) == {"unsaid"}
    assert (after.loc[~withheld, "novel"] == after.loc[~withheld, "was"]).all()


def test_a_new_figure_keeps_few_digits_until_somebody_declares_more() -> None:
    after = novel(Tells(Of.EVENTS, modelled=False), "clinic_estimates").query(
        "novel.notna() and form == 'shrunken'"
    )
    assert after["novel"].tolist() == [float(f"{value:.4g}") for value in after["was"]]


def test_a_new_column_of_clinics_goes_with_any_outcome_of_theirs() -> None:
    # one clinic's events are small, with a companion; nobody's size is
    net = network([[100], [110], [120], [130]], [[3], [30], [40], [50]])
    declared = with_column(TABLE["clinics"], Tells(Of.EVENTS, modelled=False), "number")
    tables = net.tables()
    tables["clinics"]["novel"] = 0.5
    after = mask(POLICY, tables, decide(POLICY, tables), declared)["clinics"]
    assert after["novel"].isna().tolist() == [True, True, False, False]
    assert after["n_records"].tolist() == [100, 110, 120, 130]


def few_patients() -> tuple[Tables, list[bool]]:
    """Four clinics of many records, of which two have numbers of patients that tell of few."""
    tables = network([[100], [110], [120], [130]], [[50], [55], [60], [65]]).tables()
    tables["clinics"]["n_patients"] = pd.array([5, 60, 117, 70], dtype="Int64")
    return tables, [True, False, True, False]


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_another_number_of_people_is_withheld_where_that_of_patients_is(kind: str) -> None:
    tables, gone = few_patients()
    tables["clinics"]["novel"] = tables["clinics"]["n_patients"] + 40 if kind == "integer" else 55.0
    declared = with_column(TABLE["clinics"], Tells(Of.SIZES, counts="people"), kind)
    after = mask(POLICY, tables, decide(POLICY, tables), declared)["clinics"]
    assert after["n_patients"].isna().tolist() == gone
    assert after["novel"].isna().tolist() == gone
    assert after["n_records"].tolist() == [100, 110, 120, 130]


def test_a_number_of_records_is_shown_where_that_of_patients_is_withheld() -> None:
    tables, _ = few_patients()
    tables["clinics"]["novel"] = pd.array([50, 60, 70, 80], dtype="Int64")
    declared = with_column(TABLE["clinics"], Tells(Of.SIZES, counts="records"), "integer")
    after = mask(POLICY, tables, decide(POLICY, tables), declared)["clinics"]
    assert after["novel"].tolist() == [50, 60, 70, 80]


@pytest.mark.parametrize("table", ["clinic_estimates", "clinic_months", "outcomes", "quality"])
def test_numbers_of_people_that_nobody_decides_on_are_withheld(table: str) -> None:
    after = novel(Tells(Of.SIZES, counts="people"), table, "integer")
    assert after["novel"].isna().all()


@pytest.mark.slow
def test_rows_of_a_program_s_models_are_withheld_in_any_table_that_says_so() -> None:
    """Where whoever has the clinics' counts can fit a model again, as `program_effects` is."""
    tables = half_withheld_tables()
    withholding = decide(POLICY, tables)
    few = {name: replace(each, model_digits=2) for name, each in withholding.outcomes.items() if each}
    outcome = TABLE["clinic_ranks"].columns[0]
    tells = Column("value", "number", "an effect", Tells(Of.EVENTS, modelled=True))
    shown = {}
    for of_program in (True, False):
        novel_table = Table("novel", "an effect", ("outcome",), (outcome, tells), of_program=of_program)
        wider = tables | {"novel": pd.DataFrame({"outcome": ["positive"], "value": [0.123456]})}
        after = mask(POLICY, wider, replace(withholding, outcomes=few), (*TABLES, novel_table))["novel"]
        shown[of_program] = after["value"].tolist()
    assert np.isnan(shown[True][0]) and shown[False] == [0.12]


@pytest.mark.slow
def test_a_new_table_is_masked_from_its_first_day() -> None:
    clinic, outcome = TABLE["clinic_ranks"].columns[1], TABLE["clinic_ranks"].columns[0]
    waits = Table(
        "clinic_waits",
        "one clinic's waiting time",
        ("outcome", "clinic"),
        (outcome, clinic, Column("days", "number", "median wait", Tells(Of.EVENTS, modelled=False))),
    )
    net, gone = half_withheld()
    tables = net.tables()
    tables["clinic_waits"] = pd.DataFrame({"outcome": "positive", "clinic": net.names, "days": 3.25})
    after = mask(POLICY, tables, decide(POLICY, tables), (*TABLES, waits))["clinic_waits"]
    assert set(after.loc[after["days"].isna(), "clinic"]) == gone


@pytest.mark.slow
def test_a_table_about_something_else_goes_as_soon_as_anything_does() -> None:
    regions = Table(
        "regions",
        "one region",
        ("region",),
        (
            TABLE["clinics"].columns[2],
            Column("n_records", "integer", "records", Tells(Of.SIZES, counts="records")),
        ),
    )
    for records, shown in (([[40], [50], [60]], True), ([[4], [50], [60]], False)):
        tables = network(records, [[n[0] // 2] for n in records]).tables()
        tables["regions"] = pd.DataFrame({"region": ["North"], "n_records": [sum(n[0] for n in records)]})
        after = mask(POLICY, tables, decide(POLICY, tables), (*TABLES, regions))["regions"]
        assert after["n_records"].notna().all() == shown


def test_a_small_count_that_nobody_decided_on_goes_all_the_same() -> None:
    tables = dict(half_withheld_tables())
    declared = with_column(TABLE["clinic_ranks"], Tells(Of.SIZES, counts="records"), "integer")
    tables["clinic_ranks"] = tables["clinic_ranks"].assign(novel=pd.array([1, 2, 3, 40], dtype="Int64"))
    after = mask(POLICY, tables, decide(POLICY, tables), declared)["clinic_ranks"]
    assert after["novel"].isna().tolist() == [True, True, True, False]


@pytest.mark.parametrize(("least", "shown"), [(3, False), (30, True)])
def test_a_table_of_something_that_nobody_decides_on_goes_with_one_small_count(
    least: int, shown: bool
) -> None:
    """By clinic and sex: what is decided of clinics says nothing of it, and no companion would hide it."""
    outcome, clinic = TABLE["clinic_ranks"].columns[:2]
    by_sex = Table(
        "clinic_sexes",
        "one sex at one clinic",
        ("outcome", "clinic", "sex"),
        (
            outcome,
            clinic,
            Column("sex", "string", "sex", Tells(Of.NOTHING)),
            Column("n_records", "integer", "records", Tells(Of.SIZES, counts="records")),
            Column("numerator", "integer", "events", Tells(Of.EVENTS, counts="records")),
        ),
    )
    net = network([[50], [60], [70]], [[20], [30], [35]])
    tables = net.tables()
    rows = [(name, sex, 25 if sex == "f" else least) for name in net.names for sex in ("f", "m")]
    tables["clinic_sexes"] = pd.DataFrame(rows, columns=["clinic", "sex", "n_records"]).assign(
        outcome="positive", numerator=12
    )
    after = mask(POLICY, tables, decide(POLICY, tables), (*TABLES, by_sex))["clinic_sexes"]
    assert after[["n_records", "numerator"]].notna().all(axis=None) == shown
    assert after[["n_records", "numerator"]].isna().all(axis=None) != shown


def test_what_is_not_declared_is_not_published() -> None:
    tables = half_withheld()[0].tables()
    withholding = decide(POLICY, tables)
    with pytest.raises(ValueError, match="column novel of table clinics tells"):
        mask(POLICY, tables | {"clinics": tables["clinics"].assign(novel=1)}, withholding)
    with pytest.raises(ValueError, match="table regions tells"):
        mask(POLICY, tables | {"regions": pd.DataFrame({"region": ["North"]})}, withholding)


@pytest.mark.slow
def test_a_total_goes_with_the_networks_own_and_with_no_clinics() -> None:
    # 250 records by February, 257 by March: their number goes, and no clinic's
    records = [[30, 40, 0], [50, 45, 0], [60, 65, 3], [70, 60, 4]]
    net = network(records)
    first = disclose(POLICY, net.window(0, 1).tables())
    tables = net.tables()
    declared = with_column(TABLE["outcomes"], Tells(Of.SIZES, About.TOTAL, counts="records"), "integer")
    tables["outcomes"]["novel"] = pd.array([427, 427], dtype="Int64")
    after = mask(POLICY, tables, decide(POLICY, tables, [first]), declared)["outcomes"]
    assert after["novel"].isna().all()
    assert (after["status"] == "ok").all()
