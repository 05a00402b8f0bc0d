"""deploy/messages.md: every sentence that a run can end with, with the way out, read from the code itself.

python tests/failure_messages.py    # writes it anew
"""

from __future__ import annotations

import ast
import functools
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))

PAGE = REPOSITORY / "deploy/messages.md"
VALUE = "…"
_PLACES = {
    "flows": "Commands and runs",
    "tasks/network": "The network file",
    "tasks/records/sources": "Databases and files",
    "tasks/records/formulas": "Formulas",
    "tasks/records": "Records",
    "tasks/screening": "Records",
    "tasks/models": "Models",
    "tasks/estimating": "Estimates",
    "tasks/ranking": "Estimates",
    "tasks/rendering": "Reports and page",
    "tasks/publishing": "Releases",
    "tasks/notifying": "Who is told",
    "tasks": "Elsewhere",
}
_OPENING = """# What it says when something is yours to put right

Each message is one sentence, `clinicnet: …` in a terminal and in Prefect's log, with the way out on the line
after it; the exit code is 2, and the last good release stands as it was. `…` is a name, a number or a place
of yours. An exit code of 1 is a fault of the program, and its sentence says where. This page is made from the
code by `python tests/failure_messages.py`.
"""


@dataclass(frozen=True, order=True)
class Message:
    """What is said.

    Attributes:
        place: where in the program's work.
        sentence: the message.
        way_out: its hint; empty where the sentence says it all.
    """

    place: str
    sentence: str
    way_out: str


def messages() -> list[Message]:
    """All of them, by place."""
    found = {Message(_place(path), *each) for path, tree in _modules().items() for each in _said_in(tree)}
    order = list(dict.fromkeys(_PLACES.values()))
    return sorted(found, key=lambda each: (order.index(each.place), each))


def page() -> str:
    """The page."""
    lines, place = [_OPENING], ""
    for each in messages():
        if each.place != place:
            place = each.place
            lines += ["", f"## {place}", "", "| it says | the way out |", "| --- | --- |"]
        lines.append(f"| {_cell(each.sentence)} | {_cell(each.way_out)} |")
    return "\n".join(lines) + "\n"


@functools.cache
def _modules() -> Mapping[str, ast.Module]:
    """The code, by path."""
    return {
        file.relative_to(REPOSITORY).as_posix(): ast.parse(file.read_text("utf-8"))
        for top in ("flows", "tasks")
        for file in (REPOSITORY / top).rglob("*.py")
    }


@functools.cache
def _kinds() -> frozenset[str]:
    """Names of the classes of what a person can put right."""
    names, grown = {"ClinicnetError"}, True
    classes = [
        node for tree in _modules().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    while grown:
        more = {
            each.name
            for each in classes
            if names & {base.id for base in each.bases if isinstance(base, ast.Name)}
        }
        grown = not more <= names
        names |= more
    return frozenset(names)


def _place(path: str) -> str:
    return next(name for start, name in _PLACES.items() if path.startswith(f"{start}/"))


def _said_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    known, named = _kinds(), constants(tree)
    left_out = named | _left_out(tree, named)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known):
            continue
        hints = [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
        for sentence in texts(node.args[0], named) if node.args else ():
            if sentence.strip(f"{VALUE} :;,.") == "":
                continue  # made elsewhere, where it is found too
            for way_out in texts(hints[0], left_out) if hints else ("",):
                yield sentence, way_out.strip(VALUE) and way_out


def constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Texts of the module, by name."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and _is_text(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _left_out(tree: ast.Module, constants: Mapping[str, ast.expr]) -> dict[str, ast.expr]:
    """What a parameter is where it is left out: the way out of most who call."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.args.defaults:
            given = node.args.args[-len(node.args.defaults) :]
            for parameter, default in zip(given, node.args.defaults, strict=True):
                value = constants.get(default.id) if isinstance(default, ast.Name) else default
                if value is not None and _is_text(value):
                    found[parameter.arg] = value
    return found


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def texts(node: ast.expr, named: Mapping[str, ast.expr], value: str = VALUE) -> list[str]:
    """What an expression can say, with `value` for what is known only when it runs."""
    if isinstance(node, ast.Constant):
        return [node.value if isinstance(node.value, str) else ""]
    if isinstance(node, ast.Name) and node.id in named:
        return texts(named[node.id], named, value)
    if isinstance(node, ast.IfExp):
        return [*texts(node.body, named, value), *texts(node.orelse, named, value)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _products([node.left, node.right], named, value)
    if isinstance(node, ast.JoinedStr):
        parts = [each.value if isinstance(each, ast.FormattedValue) else each for each in node.values]
        return _products(parts, named, value)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):  # the last of them, where none is known
        return texts(node.values[-1], named, value)
    return [value]


def _products(parts: Sequence[ast.expr], named: Mapping[str, ast.expr], value: str) -> list[str]:
    return ["".join(said) for said in itertools.product(*(texts(part, named, value) for part in parts))]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
