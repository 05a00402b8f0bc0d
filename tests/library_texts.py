"""The texts of the model library as templates, read from the code: what reports and briefs may carry."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from failure_messages import REPOSITORY, constants, texts

_PLACE = "\ue000"
_BUGS = {"ValueError", "TypeError", "AttributeError", "RuntimeError", "AssertionError", "KeyError"}
_PRINTED = {"__str__", "__repr__", "summary", "_summary_details"}
"""Functions whose texts are for the terminal, where they are no part of a brief."""
_IN_BRIEFS = {("marginal.py", "Attenuation"), ("trajectories.py", "Trajectories")}


def templates(path: Path) -> Iterator[str]:
    """Every text of a module with numbered places; no docstring, no bug's message, nothing printed."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    errors_end_a_command = path.is_relative_to(REPOSITORY / "flows")
    yield from _of(tree, constants(tree), path.name, quiet_errors=errors_end_a_command)


def is_sentence(template: str) -> bool:
    """Whether people read it: words with spaces between, or a word beside a place."""
    words = re.findall(r"(?<![\w{=.])[A-Za-z][a-z’']+(?![\w}=(.])", template)
    return " " in template and len(words) >= (1 if "{0}" in template else 2)


def _of(node: ast.AST, named: Mapping[str, ast.expr], file: str, *, quiet_errors: bool) -> Iterator[str]:
    if _is_silent(node, quiet_errors=quiet_errors):
        return
    if isinstance(node, ast.ClassDef) and (file, node.name) in _IN_BRIEFS:
        file = ""
    if isinstance(node, ast.FunctionDef) and node.name in _PRINTED and file:
        return
    inside: Iterator[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.expr) and _is_text(node):
        yield from map(_numbered, texts(node, named, _PLACE))
        filled = (each.value for each in ast.walk(node) if isinstance(each, ast.FormattedValue))
        inside = (each for each in filled if not _is_text(each))
    for each in inside:
        yield from _of(each, named, file, quiet_errors=quiet_errors)


def _is_silent(node: ast.AST, *, quiet_errors: bool) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # a docstring, of a module, a class, a function or a name
    if not isinstance(node, ast.Raise):
        return False
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return quiet_errors or (isinstance(raised, ast.Name) and raised.id in _BUGS)


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and (_is_text(node.left) or _is_text(node.right))
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _numbered(text: str) -> str:
    """Places counted from 0; several without a sign between them are one, since nothing tells them apart."""
    number = itertools.count()
    return re.sub(f"{_PLACE}+", lambda _: f"{{{next(number)}}}", text)
