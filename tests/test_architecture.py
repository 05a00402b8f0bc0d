"""Imports point one way: flows → steps → models → records, and nothing below knows what is above."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# each place, and the places it may import besides itself: those it needs. A room's README names the same
ALLOWED: dict[str, set[str]] = {
    "sql": set(),
    "reports": set(),
    "tasks.environment": set(),
    "tasks.errors": set(),
    "tasks.logistic_scale": set(),
    "tasks.periods": set(),
    "tasks.program_questions": set(),
    "tasks.network": {"tasks.environment", "tasks.errors", "tasks.periods", "reports"},
    "tasks.release": {"tasks.periods", "tasks.program_questions"},
    "tasks.records": {"tasks.environment", "tasks.errors", "tasks.periods", "tasks.network", "sql"},
    "tasks.models": {
        *("tasks.errors", "tasks.logistic_scale", "tasks.periods", "tasks.program_questions"),
        "tasks.records",
    },
    "tasks.demo": {"tasks.errors", "tasks.logistic_scale", "sql"},
    "tasks.screening": {"tasks.errors", "tasks.periods", "tasks.network", "tasks.records", "reports"},
    "tasks.estimating": {
        *("tasks.errors", "tasks.periods", "tasks.program_questions", "tasks.network"),
        *("tasks.models", "tasks.records", "reports"),
    },
    "tasks.ranking": {"tasks.errors", "tasks.network", "tasks.models", "tasks.estimating", "reports"},
    "tasks.disclosing": {"tasks.periods", "tasks.release", "tasks.models", "reports"},
    "tasks.releasing": {
        *("tasks.network", "tasks.periods", "tasks.release", "tasks.models", "reports"),
        *("tasks.estimating", "tasks.ranking", "tasks.disclosing", "tasks.screening", "tasks.publishing"),
    },
    "tasks.rendering": {
        *("tasks.logistic_scale", "tasks.periods", "tasks.program_questions"),
        *("tasks.network", "tasks.release", "reports"),
    },
    "tasks.publishing": {"tasks.errors", "tasks.periods", "tasks.release", "reports"},
    "tasks.notifying": {"tasks.environment", "tasks.errors", "tasks.periods", "tasks.release", "reports"},
}
ALLOWED["flows"] = {each for each in ALLOWED if each.startswith("tasks.")}
# inside a room that has folders: each folder, and the folders that it imports besides itself; `beside` is the
# modules beside the folders
SHARED = {"numerics", "beside"}
MIXED = {*SHARED, "linear_mixed", "generalized_mixed"}
INSIDE: dict[str, dict[str, set[str]]] = {
    "tasks.models": {
        "numerics": set(),
        "beside": {"numerics"},
        "linear_mixed": SHARED,
        "generalized_mixed": SHARED,
        "estimating_equations": {*SHARED, "generalized_mixed"},
        "fixed_effects": {*SHARED, "estimating_equations", "linear_mixed"},
        "intraclass": MIXED,
        "clinics": MIXED,
        "program_effects": {*MIXED, "estimating_equations", "fixed_effects"},
    },
    "tasks.records": {
        "beside": set(),
        "formulas": {"beside"},
        "sources": {"beside"},
        "questions": {"beside", "formulas", "sources"},
        "in_memory": {"beside", "formulas"},
        "in_database": {"beside", "formulas", "sources", "in_memory"},
        "for_models": {"beside", "formulas", "sources", "in_memory", "in_database"},
    },
    "flows": {
        "running": set(),
        "beside": {"running"},
        "on_prefect": {"beside", "running"},
        "commands": {"beside", "running", "on_prefect"},
        "__main__": {"commands"},
    },
}
ESTIMATORS_USE = {"numpy", "scipy", "pandas", "formulaic", "tasks"}
"""What it takes to read `tasks/models`, beside the standard library (formulaic reads hypotheses)."""


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("flows", "tasks", "sql", "reports"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if path.parent.name != "fonts":
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imported(path: Path) -> set[str]:
    """Names of modules imported anywhere in a file, those for type checking included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def place(module: str) -> str | None:
    """The place of ALLOWED that a module is in."""
    return next((each for each in ALLOWED if module == each or module.startswith(f"{each}.")), None)


def folder(room: str, module: str) -> str | None:
    """The folder of a room that a module is in; None elsewhere, and for the front door, which hands on."""
    if not module.startswith(f"{room}."):
        return None
    first = module.removeprefix(f"{room}.").split(".")[0]
    inside = first == "__main__" or (ROOT / room.replace(".", "/") / first).is_dir()
    return first if inside else "beside"


MODULES = dict(modules())


@pytest.mark.parametrize("module", [name for name in MODULES if name != "tasks"])
def test_imports_point_one_way(module: str) -> None:
    here = place(module)
    assert here is not None, f"{module} is in no known place"
    reached = {place(each) for each in imported(MODULES[module])} - {None, here}
    assert reached <= ALLOWED[here], (
        f"{module} imports {sorted(str(each) for each in reached - ALLOWED[here])}"
    )


DRAWING: dict[str, set[str]] = {
    "tasks.rendering.charts": {
        "tasks.rendering.brief",
        "tasks.rendering.edition",
        "tasks.rendering.numbers",
        "tasks.rendering.shown_figures",
    },
    "tasks.rendering.words": {
        "tasks.rendering.charts",
        "tasks.rendering.edition",
        "tasks.rendering.numbers",
        "tasks.rendering.shown_figures",
    },
}
"""What the rooms of rendering may import of it besides themselves; pages are made of both, beside them."""


def test_reading_a_network_file_takes_nothing_of_drafting_one() -> None:
    drafting = "tasks.network.drafting"
    for module in (name for name in MODULES if name.startswith("tasks.network") and drafting not in name):
        assert not {each for each in imported(MODULES[module]) if each.startswith(drafting)}, module


@pytest.mark.parametrize("room", list(DRAWING))
def test_charts_know_no_words_and_words_no_pages(room: str) -> None:
    allowed = (room, *DRAWING[room])
    for module in (name for name in MODULES if name.startswith(f"{room}.")):
        drawn = {each for each in imported(MODULES[module]) if each.startswith("tasks.rendering.")}
        assert all(each.startswith(allowed) for each in drawn), f"{module} imports {drawn}"


@pytest.mark.parametrize("room", list(INSIDE))
def test_inside_a_room_imports_point_one_way(room: str) -> None:
    """What a person has to remember of a room is what is there: no arrow more, and none less."""
    arrows: dict[str, dict[str, str]] = {}
    for module, path in MODULES.items():
        here = folder(room, module)
        if here is not None:
            reached = {folder(room, each): each for each in sorted(imported(path) & set(MODULES))}
            arrows.setdefault(here, {}).update(
                {
                    str(each): f"{module} imports {name}"
                    for each, name in reached.items()
                    if each not in (None, here)
                }
            )
    for here, reached in arrows.items():
        assert set(reached) == INSIDE[room][here], {
            each: reached.get(each, "nothing there does") for each in set(reached) ^ INSIDE[room][here]
        }
    assert set(arrows) == set(INSIDE[room])
    graphlib.TopologicalSorter(INSIDE[room]).prepare()  # or a CycleError that names the folders


@pytest.mark.parametrize("module", [name for name in MODULES if place(name) == "tasks.models"])
def test_estimators_need_numpy_and_scipy_only(module: str) -> None:
    tops = {each.split(".")[0] for each in imported(MODULES[module])} - set(sys.stdlib_module_names)
    assert tops <= ESTIMATORS_USE


@pytest.mark.slow
def test_no_module_is_imported_by_what_it_imports() -> None:
    """Not for type checking either; a package's face (`__init__.py`) hands on what is below it."""
    faces = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    arrows = {name: (imported(path) & set(MODULES)) - faces - {name} for name, path in MODULES.items()}
    graphlib.TopologicalSorter(arrows).prepare()  # or a CycleError that names the modules


@pytest.mark.slow
def test_only_one_folder_knows_prefect() -> None:
    users = {
        name
        for name, path in MODULES.items()
        if any(each.split(".")[0] == "prefect" for each in imported(path))
    }
    assert {folder("flows", each) for each in users} == {"on_prefect"}


def test_nothing_is_called_utils() -> None:
    vague = {"utils", "helpers", "common", "core", "misc"}
    assert not [name for name in MODULES if vague.intersection(name.split("."))]


@pytest.mark.slow
def test_one_name_is_one_class() -> None:
    named = Counter(
        node.name
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, classes in named.items() if classes > 1] == []


def test_one_name_is_one_module() -> None:
    named = Counter(path.stem for path in MODULES.values() if path.stem not in ("__init__", "__main__"))
    assert [name for name, files in named.items() if files > 1] == []


def test_one_name_is_one_file_of_tests() -> None:
    """Tests mirror folders, so a file's name has its subject, and is what a failure is called by."""
    named = Counter(
        path.stem for path in (ROOT / "tests").rglob("*.py") if path.stem not in ("__init__", "conftest")
    )
    assert [name for name, files in named.items() if files > 1] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
    ],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_the_tree_is_clean(command: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


@pytest.mark.slow
def test_every_estimator_is_found_by_its_name_and_imported_only_then() -> None:
    import tasks.models

    assert sorted(tasks.models._MODULE_OF) == sorted(tasks.models.__all__)
    assert all(callable(getattr(tasks.models, name)) for name in tasks.models.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lme'"):
        _ = tasks.models.lme
    listed = "import sys, tasks.models; tasks.models.lmm; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout
    assert "tasks.models.linear_mixed.lmm" in loaded.split()
    assert "tasks.models.generalized_mixed.glmm" not in loaded.split()


@pytest.mark.slow
def test_a_run_loads_no_library_that_it_does_not_use() -> None:
    """Prefect's server is a process of its own, WeasyPrint is the drawing processes'; a third of a run."""
    listed = "import sys, flows.on_prefect.monthly, tasks.estimating, tasks.releasing, tasks.rendering"
    loaded = subprocess.run(
        [sys.executable, "-c", f"{listed}; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "prefect" in loaded
    assert not {"prefect.server", "scipy.stats", "scipy.signal", "weasyprint"}.intersection(loaded)
