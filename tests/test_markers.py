"""`-m faults` runs every test that kills, stops or cuts off what runs: none goes without the mark."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
KILLS = re.compile(r"SIG(KILL|TERM|INT)\b|\.kill\(|\.killpg\(|\.terminate\(|pg_terminate_backend|os\._exit\(")
"""What a process or a connection is ended by, in a test or in a program that it runs."""


def _named(node: ast.stmt) -> list[str]:
    """What a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [each.id for each in targets if isinstance(each, ast.Name)]


def _tests_that_kill(source: str) -> Iterator[tuple[str, bool]]:
    """Tests of a module that end something, themselves or by what they use of it, and whether marked."""
    body = ast.parse(source).body
    defined = {name: node for node in body for name in _named(node)}
    text = {name: ast.get_source_segment(source, node) or "" for name, node in defined.items()}

    def used(name: str, seen: frozenset[str]) -> frozenset[str]:
        named = {each.id for each in ast.walk(defined[name]) if isinstance(each, ast.Name)}
        fixtures = {each.arg for each in ast.walk(defined[name]) if isinstance(each, ast.arg)}
        for other in ((named | fixtures) & defined.keys()) - seen - {"pytestmark"}:
            seen = used(other, seen | {other})
        return seen

    whole = "mark.faults" in text.get("pytestmark", "")
    for name, node in defined.items():
        if not (isinstance(node, ast.FunctionDef) and name.startswith("test_")):
            continue
        if any(KILLS.search(text[each]) for each in used(name, frozenset({name}))):
            own = any("mark.faults" in ast.unparse(each) for each in node.decorator_list)
            yield name, whole or own


@pytest.mark.parametrize(
    "module",
    sorted({*TESTS.rglob("test_*.py")} - {Path(__file__)}),
    ids=lambda path: str(path.relative_to(TESTS)),
)
def test_what_kills_is_marked_as_a_fault(module: Path) -> None:
    found = dict(_tests_that_kill(module.read_text(encoding="utf-8")))
    assert [name for name, marked in found.items() if not marked] == []


def test_a_kill_is_seen_in_a_test_in_what_it_uses_and_in_a_program_it_runs() -> None:
    source = (
        "PROGRAM = 'os.kill(os.getpid(), signal.SIGKILL)'\n"
        "def _end(process): process.terminate()\n"
        "def test_itself(): process.kill()\n"
        "@pytest.mark.faults\n"
        "def test_by_another(): _end(process)\n"
        "def test_by_a_program(): run(PROGRAM)\n"
        "def test_peacefully(): process.wait()\n"
    )
    assert dict(_tests_that_kill(source)) == {
        "test_itself": False,
        "test_by_another": True,
        "test_by_a_program": False,
    }
