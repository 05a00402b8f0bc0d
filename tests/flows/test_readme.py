"""What the README tells a new user is true: its commands parse, its questions are answered, its code runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer.main
from readme import DEPLOYING, README, REPOSITORY, blocks

from flows.asking import AdHocQuestion, ask
from flows.commands.command_line import app
from tasks.demo import make_demo


def _commands(page: str = README) -> list[list[str]]:
    lines = [shlex.split(line, comments=True) for block in blocks("sh", page) for line in block.splitlines()]
    return [line[1:] for line in lines if line and line[0] == "clinicnet"]


@pytest.mark.parametrize("arguments", [*_commands(), *_commands(DEPLOYING)], ids=" ".join)
def test_every_command_is_one(arguments: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    name, rest, parsed = "clinicnet", list(arguments), None
    while hasattr(command, "resolve_command"):
        parsed = command.make_context(name, list(rest), parent=parsed, resilient_parsing=True)
        name, command, rest = command.resolve_command(parsed, [*parsed._protected_args, *parsed.args])
    assert command.make_context(name, rest, parent=parsed).params


@pytest.fixture(scope="module")
def chop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo("chop", tmp_path_factory.mktemp("demo") / "chop")


_QUESTIONS = [command[1:] for command in _commands() if command[0] == "ask"]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", _QUESTIONS, ids=lambda arguments: arguments[0])
def test_every_question_is_answered(arguments: list[str], chop: Path) -> None:
    model = arguments[arguments.index("--model") + 1] if "--model" in arguments else "auto"
    answer = ask(chop, AdHocQuestion(arguments[0], model))  # type: ignore[arg-type]
    assert answer.converged
    assert "Estimand:" in answer.summary()


def test_the_library_s_example_runs(chop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb.connect(str(chop.parent / "chop.duckdb"), read_only=True) as connection:
        connection.execute(
            f"COPY (SELECT clinic_name AS clinic, age, gender, drive_thru_ind AS drive_thru, "
            f"CAST(result = 'positive' AS INTEGER) AS positive FROM tests WHERE result <> 'invalid') "
            f"TO '{tmp_path}/tests.csv'"
        )
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102


def test_every_file_it_shows_or_names_is_there() -> None:
    for name in re.findall(r"!\[.*?\]\((.*?)\)", README) + re.findall(r"\bdeploy/[\w.]+\b", README):
        assert (REPOSITORY / name).exists(), name
