"""What was read once answers what is asked again: the same numbers, and the records are left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_network import MONTH, NETWORK, write_network

from tasks.errors import RecordsError
from tasks.estimating import estimate_outcome, summarise
from tasks.estimating.sparse_records import FEWEST
from tasks.models import glmm, lmm
from tasks.network import read_network
from tasks.network.schema import Network
from tasks.records import Records, cells_for, moments_for, read_once
from tasks.records.for_models import one_read
from tasks.records.for_models import queries as queries_module
from tasks.records.sources.connection import Connection
from tasks.screening import screen

Reads = Counter[str]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return read_network(write_network(tmp_path_factory.mktemp("network")))


@pytest.fixture(scope="module")
def usable(network: Network) -> Records:
    return screen(Records.of(network), network, MONTH).usable


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    """How often rows, cells and moments are read from the database."""
    counted: Reads = Counter()
    places = {
        "moments_in_database": queries_module,
        "cells_in_database": queries_module,
        "fetch_rows": one_read,
    }
    for name, module in places.items():
        function = getattr(module, name)

        def watched(
            *asked: object, _name: str = name, _function: object = function, **more: object
        ) -> object:
            counted[_name] += 1
            return _function(*asked, **more)

        monkeypatch.setattr(module, name, watched)
    return counted


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that reads records, whoever sends it and however."""
    sent: list[str] = []
    connect = Records.connect

    @contextmanager
    def watched(records: Records) -> Iterator[object]:
        with connect(records) as connection:
            yield _Watched(connection, sent)

    monkeypatch.setattr(Records, "connect", watched)
    return sent


class _Watched:
    """A connection that says what it is asked."""

    def __init__(self, connection: Connection, sent: list[str]) -> None:
        self._connection, self._sent = connection, sent

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._connection, name)
        if name not in ("table", "bound", "rows", "streamed"):
            return attribute

        def asked(statement: object, *more: object) -> object:
            self._sent.append(str(statement))
            return attribute(statement, *more)

        return asked


@pytest.mark.slow
def test_an_outcome_reads_its_records_once(
    network: Network, usable: Records, reads: Reads, statements: list[str]
) -> None:
    """Ranking, shrinkage, standardising, correlations and every estimate of the program, from one read."""
    summary = summarise(usable, network)
    for name in ("vaccinated", "emergencies"):
        reads.clear()
        statements.clear()
        assert estimate_outcome(usable, network, name, summary).status == "ok"
        # and which region each clinic is of, to know what the program came to at once
        assert reads == {"fetch_rows": 1, "moments_in_database": 1}, name
        # the cells; patients' months beside each other; the sums' means, and the sums about them
        assert len(statements) == 4


_BANDS = "REPLACE ('band ' || age // 20 AS age)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replaced", "start"),
    [
        ("", "2023-07"),
        ("REPLACE (CASE WHEN hash(age) % 9 > 0 THEN age END AS age)", "2023-07"),
        (_BANDS, "2023-07"),
        ("REPLACE (CASE WHEN hash(sbp) % 9 > 0 THEN 'band ' || age // 20 END AS age)", "2023-07"),
        (_BANDS, "2023-07-15"),
        ("REPLACE (CASE WHEN month(visit_date) <> 5 OR age > 78 THEN sbp END AS sbp)", "2023-07"),
    ],
    ids=[
        *("complete", "ages missing", "ages in bands", "bands missing", "bands and a start within a month"),
        "a sparse month",
    ],
)
def test_a_mean_reads_its_moments_twice(
    replaced: str, start: str, tmp_path: Path, reads: Reads, statements: list[str]
) -> None:
    """The widest sums, by patient and clinic; and what those lack: splines, clinics' months, other rows."""
    described = NETWORK.replace("FROM visits", f"FROM (SELECT * {replaced} FROM visits)")
    described = described.replace('"Clinic D" = "2023-07"', f'"Clinic D" = "{start}"')
    network = read_network(write_network(tmp_path, network=described))
    usable = screen(Records.of(network), network, MONTH).usable
    summary = summarise(usable, network)
    reads.clear()
    statements.clear()
    assert estimate_outcome(usable, network, "sbp", summary).status == "ok"
    # rows are read once for the cells of who is under the program, and at most once for moments
    assert not reads["cells_in_database"]
    assert reads["moments_in_database"] + reads["fetch_rows"] - 1 <= 2, reads
    # sums are a statement for their means and one for themselves; beside them stand questions by name
    assert len(statements) - 2 * reads["moments_in_database"] - reads["fetch_rows"] <= 4, statements


@pytest.mark.slow
def test_a_sparse_month_is_no_reason_to_read_again(tmp_path: Path, reads: Reads) -> None:
    replaced = "REPLACE (CASE WHEN month(visit_date) <> 5 OR age > 78 THEN vaccinated END AS vaccinated)"
    described = NETWORK.replace("FROM visits", f"FROM (SELECT * {replaced} FROM visits)")
    network = read_network(write_network(tmp_path, network=described))
    usable = screen(Records.of(network), network, MONTH).usable
    summary = summarise(usable, network)
    assert summary.by_month("vaccinated")["n"].min() < FEWEST
    reads.clear()
    estimates = estimate_outcome(usable, network, "vaccinated", summary)
    assert estimates.status == "ok"
    assert reads == {"fetch_rows": 1, "moments_in_database": 1}


@pytest.mark.slow
def test_cells_are_the_same(usable: Records, reads: Reads) -> None:
    formulas = ["vaccinated ~ 1 + (1 | clinic)", "vaccinated ~ age + sex + C(month) + (1 | clinic)"]
    before = [cells_for(formula, usable)[1] for formula in formulas]
    fits = [glmm(formula, usable, family="binomial") for formula in formulas]
    reads.clear()
    with read_once(usable, cells_of="vaccinated ~ age + sex", groups=("clinic", "month")):
        for formula, cells, fit in zip(formulas, before, fits, strict=True):
            again = cells_for(formula, usable)[1]
            assert again.n_obs == cells.n_obs
            assert again.total.sum() == cells.total.sum()
            assert len(again.weight) == len(cells.weight)
            refit = glmm(formula, usable, family="binomial")
            assert refit.coef.to_numpy() == pytest.approx(fit.coef.to_numpy(), rel=1e-8)
    assert reads == {"fetch_rows": 1}
    cells_for(formulas[0], usable)
    assert reads["cells_in_database"] == 1  # after the block it is read again


@pytest.mark.slow
def test_moments_of_fewer_columns_and_coarser_groups_are_the_same(usable: Records, reads: Reads) -> None:
    widest = "sbp ~ program + age + C(month) + (1 | patient) + (1 | clinic)"
    formulas = [
        "sbp ~ 1 + (1 | clinic)",
        "sbp ~ age + (1 | clinic)",
        "sbp ~ age + C(month) + (1 | clinic)",
        "sbp ~ program + age + C(month) + (1 | clinic)",
    ]
    before = [lmm(formula, usable) for formula in formulas]
    reads.clear()
    with read_once(usable, moments_of=widest):
        for formula, fit in zip(formulas, before, strict=True):
            refit = lmm(formula, usable)
            assert refit.n_obs == fit.n_obs
            assert refit.coef.to_numpy() == pytest.approx(fit.coef.to_numpy(), rel=1e-8)
            assert refit.se.to_numpy() == pytest.approx(fit.se.to_numpy(), rel=1e-7)
            assert refit.loglik == pytest.approx(fit.loglik, rel=1e-10)
    assert reads == {"moments_in_database": 1}


def test_moments_from_rows_are_the_same(usable: Records, reads: Reads) -> None:
    """A spline has the rows read, and whatever the first reading lacks comes from them."""
    bent, by_month = "sbp ~ ns(age, df=3) + C(month) + (1 | clinic)", "sbp ~ age + program"
    asked = [(bent, ()), (by_month, ("clinic", "month")), ("sbp ~ age + (1 | clinic)", ())]
    before = [moments_for(formula, usable, groups=groups)[1] for formula, groups in asked]
    reads.clear()
    with read_once(
        usable, moments_of="sbp ~ age + (1 | clinic)", rows_of="sbp ~ program + age + C(month) + (1 | clinic)"
    ):
        for (formula, groups), moments in zip(asked, before, strict=True):
            again = moments_for(formula, usable, groups=groups)[1]
            assert (again.columns, again.levels) == (moments.columns, moments.levels)
            assert again.n.tolist() == moments.n.tolist()
            products = again.about(moments.reference).products
            assert products == pytest.approx(moments.products, rel=1e-9, abs=1e-6)
    assert reads == {"moments_in_database": 1, "fetch_rows": 1}


def test_columns_that_were_missing_somewhere_are_read_again(tmp_path: Path, reads: Reads) -> None:
    """A mean of all records is not that of the records whose age is known."""
    records = "CREATE TABLE visits AS SELECT 'C' || i % 3 AS clinic, i % 7 AS y, "
    records += "CASE WHEN i % 5 > 0 THEN i % 40 END AS age FROM range(300) AS numbers(i)"
    source = Records(str(write_network(tmp_path, records).parent / "records.duckdb"), "SELECT * FROM visits")
    with read_once(source, moments_of="y ~ age + (1 | clinic)"):
        assert moments_for("y ~ age + (1 | clinic)", source)[1].n_obs == 240
        assert moments_for("y ~ 1 + (1 | clinic)", source)[1].n_obs == 300
    assert reads == {"moments_in_database": 2}


def test_a_column_without_values_costs_only_what_needs_it(tmp_path: Path) -> None:
    records = "CREATE TABLE visits AS SELECT 'C' || i % 3 AS clinic, i % 7 AS y, "
    records += "CAST(NULL AS INTEGER) AS program FROM range(300) AS numbers(i)"
    source = Records(str(write_network(tmp_path, records).parent / "records.duckdb"), "SELECT * FROM visits")
    with read_once(source, moments_of="y ~ program + (1 | clinic)"):
        assert moments_for("y ~ 1 + (1 | clinic)", source)[1].n_obs == 300
        with pytest.raises(RecordsError):
            moments_for("y ~ program + (1 | clinic)", source)


def test_records_made_of_others_are_others(usable: Records) -> None:
    with read_once(usable, cells_of="vaccinated ~ age", groups=("clinic",)):
        women = usable.made_of_these("SELECT * FROM {records} WHERE sex = 'female'")
        everyone = cells_for("vaccinated ~ age + (1 | clinic)", usable)[1].n_obs
        assert 0 < cells_for("vaccinated ~ age + (1 | clinic)", women)[1].n_obs < everyone
