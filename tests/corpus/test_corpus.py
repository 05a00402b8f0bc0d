"""The corpus: inputs as people have them, each put through what applies, with the right answer everywhere.

A case fails on exit code 1, a traceback, more than a minute, a wrong number or sentence, and on a number that
differs between the places that records can be in.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import postgres
import pytest
from corpus.case import POSTGRESQL, Called, Case, Figure
from corpus.inputs import CASES
from corpus.merging import merged, network_of
from corpus.month_tables import month_tables, own_tables
from corpus.places import handle, written
from drawn_here import drawn_here
from readme import README

from flows.asking import AdHocQuestion, ask
from flows.commands import command_line
from flows.monthly_job import report_period
from tasks.errors import ClinicnetError

LIVE = pytest.mark.live
SLOW = pytest.mark.slow
_ELSEWHERE = (SLOW, pytest.mark.before_release)


def _cases(which: Callable[[Case, str], bool]) -> list[Any]:
    """A parameter for each case and place that `which` picks: before a release, but for DuckDB and frames."""
    marks = {"DuckDB": (), "frame": (), POSTGRESQL: (LIVE, pytest.mark.before_release)}
    return [
        pytest.param(case, place, id=f"{case.name}, {place}", marks=marks.get(place, _ELSEWHERE))
        for case in CASES
        for place in case.places
        if which(case, place)
    ]


@pytest.fixture(autouse=True)
def _within_a_minute() -> Iterator[None]:
    began = time.process_time()  # of this process: others may keep the machine busy
    yield
    assert time.process_time() - began < 60.0


@pytest.fixture
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[postgres.PostgreSQL | None]:
    if request.node.get_closest_marker("live") is None:
        yield None
        return
    monkeypatch.setenv("PGPASSWORD_FOR_TESTS", postgres.PASSWORD)
    yield request.getfixturevalue("postgresql")


def command(*arguments: str | Path) -> int:
    """The exit code of `clinicnet …`, run in this process."""
    with pytest.MonkeyPatch.context() as patched, pytest.raises(SystemExit) as ended:
        patched.setattr(sys, "argv", ["clinicnet", *map(str, arguments)])
        command_line.main()
    return int(ended.value.code or 0)


def assert_right(found: Mapping[str, float], expected: Mapping[str, float], within: float) -> None:
    assert set(expected) <= set(found), sorted(found)
    for name, value in expected.items():
        assert math.isclose(float(found[name]), value, rel_tol=within, abs_tol=within), (
            name,
            found[name],
            value,
        )


def _is_checked(case: Case, place: str) -> bool:
    """Everywhere where something is to be said; what is right is looked at where it is cheapest."""
    return bool(case.network) and (place == "DuckDB" or bool(case.refused_from(place)))


@pytest.mark.parametrize(("case", "place"), _cases(_is_checked))
def test_check(
    case: Case,
    place: str,
    tmp_path: Path,
    server: postgres.PostgreSQL | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = written(case, place, tmp_path, server)
    code = command("check", file)
    said = capsys.readouterr()
    refused = case.refused_from(place)
    assert code == (2 if refused else 0), said.err
    assert refused in said.err
    assert case.doubted in said.out or refused
    assert "Traceback" not in said.err


@pytest.mark.parametrize(("case", "place"), _cases(lambda case, _: bool(case.asks)))
def test_ask(case: Case, place: str, tmp_path: Path, server: postgres.PostgreSQL | None) -> None:
    file = written(case, place, tmp_path, server)
    for asked in case.asks:
        question = AdHocQuestion(asked.formula, asked.model)
        if asked.refused:
            with pytest.raises(ClinicnetError) as refused:
                ask(file, question)
            assert asked.refused in refused.value.message
        else:
            fit = ask(file, question)
            found = {**{str(k): float(v) for k, v in fit.coef.items()}, "rows": float(fit.n_obs)}
            assert_right(found, asked.numbers, asked.within)


@pytest.mark.parametrize(("case", "place"), _cases(lambda case, _: bool(case.calls)))
def test_library(case: Case, place: str, tmp_path: Path, server: postgres.PostgreSQL | None) -> None:
    with handle(case, place, tmp_path, server).held() as records:
        for called in case.calls:
            assert_answers(called, records)


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if c.calls])
def test_library_on_a_frame(case: Case) -> None:
    for called in case.calls:
        assert_answers(called, case.rows())


def assert_answers(called: Called, data: Any) -> None:
    if called.refused:
        with pytest.raises(ClinicnetError) as refused:
            called.call(data)
        assert called.refused in refused.value.message
    else:
        assert_right(called.call(data), called.numbers, called.within)


def _has_own_figures(case: Case, place: str) -> bool:
    return not case.refused_from(place) and any(each.is_own for each in case.figures)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "place"), _cases(_has_own_figures))
def test_own_figures(case: Case, place: str, tmp_path: Path, server: postgres.PostgreSQL | None) -> None:
    tables = own_tables(written(case, place, tmp_path, server), case.month)
    for figure in case.figures:
        if figure.is_own:
            assert_shown(figure, tables)


MODELLED = [case for case in CASES if not all(each.is_own for each in case.figures)]


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in MODELLED])
def test_release(case: Case, tmp_path: Path) -> None:
    tables = month_tables(written(case, "DuckDB", tmp_path), case.month)
    for figure in case.figures:
        assert_shown(figure, tables)


def assert_shown(figure: Figure, tables: Mapping[str, pd.DataFrame]) -> None:
    table = tables[figure.table]
    for column, value in figure.where.items():
        table = table[table[column].isna() if value is None else table[column] == value]
    assert len(table) == 1, (figure, len(table))
    found = table[figure.column].iloc[0]
    if figure.value is None:
        assert pd.isna(found), (figure, found)
    elif isinstance(figure.value, str):
        assert found == figure.value, figure
    else:
        assert math.isclose(float(found), figure.value, rel_tol=figure.within, abs_tol=figure.within), (
            figure,
            found,
        )


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize("cases", [pytest.param(cases, id=cases[0].name) for cases in merged()])
def test_run(cases: tuple[Case, ...], tmp_path: Path) -> None:
    whole = network_of(cases)
    reported = report_period(written(whole, "DuckDB", tmp_path), whole.month, drawn_here())
    for figure in whole.figures:
        assert_shown(figure, reported.release.tables)
    reports = reported.latest / "reports"
    assert (reports / "network.pdf").stat().st_size > 0
    assert len(list((reports / "clinics").glob("*.pdf"))) == len(reported.release["clinics"])


def test_the_front_page_counts_the_inputs() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert f"{len(CASES)} small inputs" in README
