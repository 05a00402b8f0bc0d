"""The READMEs are true: rooms have one, links lead somewhere, what is generated is current."""

from __future__ import annotations

import re
from pathlib import Path

import architecture_picture
import pytest
from publishing import feed_dictionary
from test_architecture import ALLOWED, MODULES, imported, place

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    each
    for each in [*ROOT.glob("*.md"), *ROOT.glob(".github/*.md"), *ROOT.glob("*/**/*.md")]
    if not {".venv", ".git", "output", "demo", ".pytest_cache"} & set(each.relative_to(ROOT).parts[:1])
    and "results" not in each.parts
)
FOLDERS = sorted(
    str(each.parent.relative_to(ROOT))
    for top in ("tasks", "flows")
    for each in (ROOT / top).rglob("__init__.py")
)
"""The folders of code: rooms, and what is inside them."""
FOLDERS.remove("tasks")
INNER = [each for each in FOLDERS if each.replace("/", ".") not in ALLOWED]
ROOMS = [
    *(
        "sql",
        "reports",
        "reports/wording",
        "deploy",
        "tests",
        "tests/benchmarks",
        "tests/corpus",
        "tests/golden",
        "tests/network/drafting",
    ),
    *FOLDERS,
]


_ON_A_SCREEN = 60
LONGER = {
    "tasks/disclosing": "the guarantees are a privacy officer's one page",
    "tests/benchmarks": "tables of what was measured",
}
"""READMEs that are longer than a screen, and why."""


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_lives_there(room: str) -> None:
    page = (ROOT / room / "README.md").read_text(encoding="utf-8")
    assert page.startswith("# ")
    assert len(page.split()) > 30  # a sentence or two at least


@pytest.mark.parametrize("room", [each for each in ROOMS if each not in LONGER])
def test_a_readme_is_on_a_screen(room: str) -> None:
    """What leads must be read to the end; long tables have pages of their own beside it."""
    assert len((ROOT / room / "README.md").read_text(encoding="utf-8").splitlines()) <= _ON_A_SCREEN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        assert place.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.M)
            assert anchor in {_anchor(each) for each in headings}, target


def _sentence(readme: str) -> str:
    sentences = re.findall(r"may\s+import\s+(.*?)[.;](?=\s)", readme, re.S)
    assert len(sentences) == 1, "one sentence says what the room may import"
    return " ".join(sentences[0].split())


def _may_import(readme: str) -> set[str]:
    """The places that a README says its room may import; `tasks` stands for all in it."""
    found: set[str] = set()
    for name in re.findall(r"`([\w.]+)`", _sentence(readme)):
        within = {each for each in ALLOWED if each.startswith(f"{name}.")} or {place(name) or name}
        found |= within
    return found


@pytest.mark.parametrize("room", [each for each in ALLOWED if (ROOT / each.replace(".", "/")).is_dir()])
def test_a_room_says_which_others_it_may_import(room: str) -> None:
    page = (ROOT / room.replace(".", "/") / "README.md").read_text(encoding="utf-8")
    assert _may_import(page) == ALLOWED[room]


@pytest.mark.parametrize("folder", INNER)
def test_a_folder_of_a_room_says_what_it_may_import(folder: str) -> None:
    """What is beside it by name, or all modules there; other rooms by name, or every room in `tasks`."""
    sentence = _sentence((ROOT / folder / "README.md").read_text(encoding="utf-8"))
    named = set(re.findall(r"`([\w.]+)`", sentence))
    here = folder.replace("/", ".")
    room = here.rpartition(".")[0]
    reached = {
        each
        for module, path in MODULES.items()
        if module == here or module.startswith(f"{here}.")
        for each in imported(path) & set(MODULES)
        if each not in (room, here) and not each.startswith(f"{here}.")
    }
    beside = {each.removeprefix(f"{room}.") for each in reached if each.startswith(f"{room}.")}
    if "the modules beside the folders" in sentence:
        in_folders = {each for each in beside if (ROOT / folder).parent.joinpath(each.split(".")[0]).is_dir()}
        assert beside > in_folders, "it imports no module beside"
        beside = in_folders
    others = {place(each) for each in reached if not each.startswith(f"{room}.")} - {None}
    if "every room in `tasks`" in sentence:
        named.remove("tasks")
        others = {each for each in others if not str(each).startswith("tasks.")}
    assert named == {each.split(".")[0] for each in beside} | others


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_that_a_readme_names_are_there(folder: str) -> None:
    """By name alone, since one name is one module; or by a path from there, from a room or from the top."""
    page = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"`([\w/]+\.(?:py|sql|yaml|txt|toml))`", page):
        starts = [ROOT, ROOT / "tasks", *(ROOT / "tasks").glob("*/"), ROOT / folder, (ROOT / folder).parent]
        near = [*starts, *(path.parent for path in MODULES.values())] if "/" not in name else starts
        assert any((each / name).exists() for each in near) or list((ROOT / "tests").rglob(name)), name


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_readme_leaves_no_module_out(folder: str) -> None:
    page = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    said = set(re.findall(r"`(?:[\w/]+/)?(\w+)(?:\.py|\.\w+)?`", page))
    modules = {each.stem for each in (ROOT / folder).glob("*.py")} - {"__init__", "__main__"}
    assert modules <= said, sorted(modules - said)


@pytest.mark.parametrize("room", ROOMS)
def test_files_that_a_table_leads_to_are_there(room: str) -> None:
    page = (ROOT / room / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"^\| `([\w/]+\.(?:py|sql|yaml|txt))`", page, re.M):
        assert (ROOT / room / name).exists(), f"{room}: {name}"


def test_every_guarantee_names_tests_that_are_there() -> None:
    page = (ROOT / "tasks/disclosing/README.md").read_text(encoding="utf-8")
    promised = page[page.index("**What is guaranteed**") : page.index("**What is not.**")]
    sentences = re.split(r"^- ", promised, flags=re.M)[1:]
    assert len(sentences) > 10
    there = {
        name
        for file in (ROOT / "tests/disclosing").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.M)
    }
    for sentence in sentences:
        named = set(re.findall(r"`(test_\w+)`", sentence))
        assert named, sentence
        assert named <= there, sentence


def test_the_front_page_is_short_and_the_top_level_is_the_card_s() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
    import subprocess

    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {each.split("/")[0] for each in listed.splitlines()}
    assert {each for each in top if not each.startswith(".")} <= {
        *("pyproject.toml", "README.md", "LICENSE"),
        *("flows", "tasks", "sql", "reports", "tests", "deploy"),
    }


@pytest.mark.slow
def test_the_architecture_s_picture_is_current() -> None:
    assert architecture_picture.PICTURE.read_text(encoding="utf-8") == architecture_picture.picture()


def test_the_feed_s_dictionary_is_current() -> None:
    assert feed_dictionary.PAGE.read_text(encoding="utf-8") == feed_dictionary.dictionary()
