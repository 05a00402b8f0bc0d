"""What a person types, and what they are told: a sentence with the place and the way out, no traceback."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest
from small_network import MONTH, NETWORK, RECORDS, Run, write_network


def test_help_names_every_command(clinicnet: Run) -> None:
    shown = clinicnet("--help")
    assert shown.returncode == 0
    assert {"demo", "init", "check", "run", "ask", "schedule"} <= set(shown.stdout.split())
    assert "..." not in shown.stdout.partition("Commands:")[2], "no text is cut off"


def test_the_command_line_waits_for_nothing_heavy() -> None:
    script = "import flows.commands.command_line, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"numpy", "pandas", "scipy", "duckdb", "prefect", "weasyprint"} & set(loaded.stdout.split())


def test_the_installed_command_is_the_same(clinicnet: Run) -> None:
    command = Path(sys.executable).with_name("clinicnet")
    installed = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert installed.stdout.splitlines()[1:] == clinicnet("--help").stdout.splitlines()[1:]


_OTHER = {
    "no such database": (RECORDS, NETWORK.replace("records.duckdb", "recrods.duckdb"), "recrods.duckdb"),
    "no such table": (RECORDS, NETWORK.replace("FROM visits", "FROM visit"), "visit"),
    "a column the SELECT does not return": (
        RECORDS,
        NETWORK.replace('adjusters = ["age"]', 'adjusters = ["weight"]'),
        "'weight'",
    ),
    "an unknown key": (RECORDS, NETWORK.replace("[program]\nlabel", "[program]\nlable"), "'label'"),
    "a third value": (
        RECORDS + "; UPDATE visits SET vaccinated = 2 WHERE patient IN ('patient-7', 'patient-8')",
        NETWORK,
        "vaccinated",
    ),
    "one clinic only": (RECORDS + "; DELETE FROM visits WHERE clinic <> 'Clinic A'", NETWORK, "clinic"),
    "clinics that are NULL": (RECORDS + "; UPDATE visits SET clinic = NULL", NETWORK, "clinic"),
    "no records at all": (RECORDS + "; DELETE FROM visits", NETWORK, "no records"),
}


@pytest.mark.parametrize("case", _OTHER, ids=lambda case: case.replace(" ", "-"))
def test_what_is_wrong_is_a_sentence_and_exit_code_2(case: str, tmp_path: Path, clinicnet_here: Run) -> None:
    records, network, said = _OTHER[case]
    ended = clinicnet_here("run", write_network(tmp_path / "network", records, network), "--month", MONTH)
    _is_a_sentence(ended)
    assert said in ended.stderr
    assert "patient-" not in ended.stderr
    assert not (tmp_path / "network/output/latest").exists()


@pytest.mark.slow
def test_no_such_network_file(clinicnet: Run) -> None:
    ended = clinicnet("run", "netwrok.toml", "--month", MONTH)
    _is_a_sentence(ended)
    assert "netwrok.toml" in ended.stderr


def test_a_month_without_records_names_those_that_have_them(network_file: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("run", network_file, "--month", "2031-01")
    _is_a_sentence(ended)
    assert "2031-01" in ended.stderr
    assert "2023-01" in ended.stderr
    assert "2023-11" in ended.stderr


@pytest.mark.parametrize("month", ["2023-13", "May", "2023-1"])
def test_a_bad_month(month: str, network_file: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("run", network_file, "--month", month)
    _is_a_sentence(ended)
    assert f"'{month}' is not a month" in ended.stderr


@pytest.mark.slow
def test_debug_shows_where_an_error_comes_from(clinicnet: Run) -> None:
    command = ["run", "none.toml", "--month", MONTH]
    for arguments in (["--debug", *command], [*command, "--debug"]):
        ended = clinicnet(*arguments)
        assert ended.returncode == 2
        assert "Traceback" in ended.stderr
        assert ended.stderr.splitlines()[-2:][0].startswith("clinicnet: ")


def test_a_formula_that_names_what_is_not_there(network_file: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("ask", "vaccinated ~ agge + (1 | clinic)", "--network", network_file)
    _is_a_sentence(ended)
    assert "'agge'" in ended.stderr
    assert "'age'" in ended.stderr


@pytest.mark.slow
def test_init_from_a_source_passes_the_check(network_file: Path, tmp_path: Path, clinicnet_here: Run) -> None:
    network_file.unlink()
    written = clinicnet_here("init", network_file, "--from", "records.duckdb")
    assert written.returncode == 0, written.stderr
    checked = clinicnet_here("check", network_file)
    assert checked.returncode == 0, checked.stderr
    assert "no errors" in checked.stdout
    window = "3,000 in its window of 12 months"
    following = f"next: clinicnet run {network_file} -m {MONTH}"
    assert f"\nRecords up to {MONTH}: {window}; {following}\n" in checked.stdout
    again = clinicnet_here("init", network_file, "--from", "records.duckdb")
    _is_a_sentence(again)
    assert "is there already" in again.stderr


@pytest.mark.slow
def test_init_asks_and_takes_answers(network_file: Path, clinicnet_here: Run) -> None:
    network_file.unlink()
    asked = clinicnet_here("init", network_file, answers="\n" * 40)
    assert asked.returncode == 0, asked.stderr
    assert "Where are the records?" in asked.stdout
    assert clinicnet_here("check", network_file).returncode == 0
    network_file.unlink()
    ended = clinicnet_here("init", network_file, answers="records.duckdb\n")
    assert ended.returncode == 2
    assert ended.stderr.startswith("clinicnet: the answers ended before the questions did\nHINT: ")


def test_init_names_a_table_that_is_not_there(network_file: Path, clinicnet_here: Run) -> None:
    network_file.unlink()
    _is_a_sentence(clinicnet_here("init", network_file, "--from", "records.duckdb", "--table", "visitors"))


def test_check_says_everything_at_once_with_lines(tmp_path: Path, clinicnet_here: Run) -> None:
    wrong = NETWORK.replace("[program]\nlabel", "[program]\nlable").replace('= "binary"', '= "binry"')
    file = write_network(tmp_path / "network", network=wrong)
    ended = clinicnet_here("check", file)
    assert ended.returncode == 2
    lines = {
        number for number, line in enumerate(wrong.splitlines(), 1) if "lable" in line or "binry" in line
    }
    assert all(f"line {number}:" in ended.stderr for number in lines)


def _is_a_sentence(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    lines = ended.stderr.strip().splitlines()
    assert lines[0].startswith("clinicnet: ")


def test_it_says_its_version(clinicnet: Run) -> None:
    said = clinicnet("--version")
    assert said.returncode == 0
    assert said.stdout.strip() == f"clinicnet {importlib.metadata.version('clinicnet')}"
