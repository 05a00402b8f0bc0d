"""deploy/THREATS.md: every line names tests, and every test that it names is there."""

from __future__ import annotations

import ast
import re

import pytest
from deploy.containerfile import REPOSITORY

PAGE = (REPOSITORY / "deploy/THREATS.md").read_text(encoding="utf-8")
LINES = [
    tuple(each.strip() for each in line.strip("|").split("|"))
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| what is tried", "| what is looked for"))
]
THREATS = (
    "A hostile cell in the data",
    "A hostile network file",
    "A curious reader",
    "A stolen run directory",
    "A compromised dependency",
)


def _tests_in(file: str) -> set[str]:
    path = REPOSITORY / file
    assert path.is_file(), f"{file} is gone"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_threat_has_lines_and_says_what_nothing_holds() -> None:
    blocks = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    sections = {block.partition("\n")[0]: block for block in blocks}
    for threat in THREATS:
        assert sections[threat].count("\n| ") >= 5, threat
        assert "\nNot held: " in sections[threat], threat


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_what_holds_is_a_test_that_is_there(line: tuple[str, ...]) -> None:
    assert len(line) == 3
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", line[2])
    assert named, "a line without a test holds nothing"
    assert re.sub(r"`tests/[\w/]+\.py::test_\w+`|, ", "", line[2]) == "", "nothing else stands in its place"
    for file, test in named:
        assert test in _tests_in(file), f"{file} has no {test}"
