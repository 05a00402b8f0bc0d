from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from reports.wording import wording
from tasks.disclosing.policy import POLICIES
from tasks.release import STATUSES

ROOT = Path(str(files("reports"))).parent
SOURCES = [
    *(ROOT / "reports").rglob("*.j2"),
    *(ROOT / "tasks").rglob("*.py"),
    *(ROOT / "reports" / "wording").glob("*.py"),
]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
# say("a.b"), say("a." ~ x) and say(f"a.b_{x}"): whole keys, and beginnings of keys
BEGINNINGS = set(re.findall(r'"([a-z_]+\.[a-z_]*)" ~', TEXT)) | set(
    re.findall(r'f"([a-z_]+\.[a-z_]*)\{', TEXT)
)


KEYS = (
    set(re.findall(r"""["']([a-z_]+\.[a-z_0-9-]+)["']""", TEXT))
    - BEGINNINGS
    - {"network.pdf", "network.toml"}
)


def test_every_sentence_that_is_asked_for_is_there() -> None:
    sentences = wording().sentences
    sections = {key.split(".")[0] for key in sentences}
    asked = {key for key in KEYS if key.split(".")[0] in sections}
    assert len(asked) > 100
    assert sorted(asked - set(sentences)) == []
    for beginning in BEGINNINGS:
        assert any(key.startswith(beginning) for key in sentences), beginning


def test_every_sentence_that_is_there_is_asked_for() -> None:
    unused = [
        key
        for key in wording().sentences
        if key not in KEYS and not any(key.startswith(beginning) for beginning in BEGINNINGS)
    ]
    assert unused == []


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_words(status: str) -> None:
    assert wording().say(f"status.{status}")


@pytest.mark.parametrize(("status", "means"), STATUSES.items())
def test_a_report_explains_a_status_as_the_feed_does(status: str, means: str) -> None:
    assert wording().say(f"meaning.{status}") == means


@pytest.mark.parametrize(
    "file", sorted((ROOT / "sql" / "screening").glob("*.sql")), ids=lambda file: file.stem
)
def test_a_report_describes_a_screening_rule_as_its_query_does(file: Path) -> None:
    header = re.match(r"-- (?:set_aside|value_blanked|noted)(?: clinic-months)?: (.+)", file.read_text())
    if header is not None:
        assert wording().sentences[f"rule.{file.stem}"] == header[1]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_a_report_words_the_policy_as_the_feed_does(policy: object) -> None:
    assert wording().say(f"policy.{policy.name}") == policy.words  # type: ignore[attr-defined]


def test_a_place_that_is_not_filled_is_an_error() -> None:
    with pytest.raises(KeyError):
        wording().say("running.footer", release="x")


@pytest.mark.parametrize(
    ("language", "of_these", "cohort"),
    [
        ("en", "clinics beside which others without the program were seen", "by cohort"),
        ("es", "clínicas junto a las cuales se observaron otras sin el programa", "por fecha de inicio"),
    ],
)
def test_what_holds_by_cohort_is_said_of_clinics_with_others_beside_them(
    language: str, of_these: str, cohort: str
) -> None:
    """Said of all clinics it contradicts `effect_condition.steady_both`, which stands above it."""
    spoken = wording(language).sentences
    assert of_these in spoken["program.rows"]
    assert of_these in spoken["methods.program"]
    assert all(cohort in spoken[f"program.{key}"] for key in ("rows", "cohorts", "own_trend"))
