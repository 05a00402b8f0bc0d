"""`clinicnet backfill`: the oldest first, what is there is passed over, and how to go on is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden.demo_feeds import undrawn
from small_network import ONE_OUTCOME, Run, write_network

from flows.commands import run
from flows.monthly_job import report_period
from flows.period_reported import PeriodReported
from flows.running.many import Many
from tasks.publishing import Output, kept_releases

pytestmark = pytest.mark.slow


@pytest.fixture
def network(tmp_path: Path, without_server: None) -> Path:
    return write_network(tmp_path / "network", network=ONE_OUTCOME)


@pytest.mark.before_release
def test_every_period_is_reported_the_oldest_first_and_latest_never_goes_back(
    network: Path, clinicnet_here: Run
) -> None:
    report_period(network, "2023-10", undrawn())
    ended = clinicnet_here("backfill", network, "2023-08", "2023-11")
    assert ended.returncode == 0, ended.stderr
    output = Output(network.parent / "output")
    names = {each.period: each.name for each in kept_releases(output)}
    lines = ended.stderr.splitlines()
    assert lines[0].startswith(
        f"2023-08 (1 of 4): published {names['2023-08']}; latest stays at {names['2023-10']} (3 left, "
    )
    assert lines[2].startswith(f"2023-10 (3 of 4): is reported already, {names['2023-10']} (1 left")
    assert lines[3] == f"2023-11 (4 of 4): published {names['2023-11']} (all done)"
    assert output.latest.resolve().name == names["2023-11"]
    again = clinicnet_here("backfill", network, "2023-10", "2023-11", "--again")
    assert [line.partition(": ")[2].partition(",")[0] for line in again.stderr.splitlines()] == [
        "unchanged"
    ] * 2


def test_a_period_that_cannot_be_reported_ends_it_and_the_way_on_is_said(
    network: Path, clinicnet_here: Run
) -> None:
    ended = clinicnet_here("backfill", network, "2023-11", "2024-01")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-2:] == [
        "clinicnet: 2023-12: there are no usable records in 2023-12",
        "HINT: these months have records: 2023-01 to 2023-11; then the same command goes on; "
        f"to leave 2023-12 out: clinicnet backfill {network} 2024-01 2024-01",
    ]
    assert Output(network.parent / "output").current() is not None


def test_what_is_stopped_says_how_it_goes_on(
    network: Path, clinicnet_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> PeriodReported:
        raise SystemExit(130)

    monkeypatch.setattr(run, "in_prefect", stopped)
    ended = clinicnet_here("backfill", network, "2023-10", "2023-11")
    assert ended.returncode == 130
    assert ended.stderr == f"To go on with 2023-10: clinicnet backfill {network} 2023-10 2023-11\n"


def test_bad_periods_are_a_sentence(network: Path, clinicnet_here: Run) -> None:
    assert clinicnet_here("backfill", network, "2023-11", "2023-08").stderr.splitlines() == [
        "clinicnet: 2023-11 comes after 2023-08",
        "HINT: give the older one first: 2023-08 2023-11",
    ]
    assert "'2023-Q3' is a quarter" in clinicnet_here("backfill", network, "2023-Q3", "2023-11").stderr


def test_time_left_is_judged_by_the_periods_that_took_work() -> None:
    said: list[str] = []
    many = Many(4, said.append, lambda _words, _done: None)
    many.passed_over("2023-08", "is there")
    with many.working("2023-09") as did:
        did.append("published")
    many.spent = 60.0
    many.passed_over("2023-10", "is there")
    assert said[0] == "2023-08 (1 of 4): is there (3 left)"
    assert said[2] == "2023-10 (3 of 4): is there (1 left, about 60 s left)"
