"""A report in another language is whole: every sentence has its own, and no English is left on a page."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from english_left import left_over
from golden.demo_feeds import undrawn
from pdf_text import text_of
from rendering.conftest import page_text
from small_network import MONTH, NETWORK, write_network

from flows.monthly_job import report_period
from reports.wording import ENGLISH, languages, speaking, wording
from reports.wording.coded_sentences import told
from reports.wording.feed_descriptions import feed_description, feed_descriptions
from reports.wording.writing import (
    counted,
    date_name,
    decimal,
    listed,
    localized,
    percent,
    period_name,
)
from tasks.disclosing.policy import POLICIES
from tasks.network import read_network
from tasks.periods import KINDS
from tasks.release import RELEASE_COLUMNS, STATUSES, TABLES
from tasks.rendering.charts.scales import Scale
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.document import write_pdf
from tasks.rendering.network_report import network_html
from tasks.rendering.read_edition import read_edition

TASKS = Path(__file__).parents[2] / "tasks"
OTHERS = [each for each in languages() if each != ENGLISH]


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_there_with_the_same_places(language: str) -> None:
    english, other = wording(ENGLISH), wording(language)
    assert {key for key in other.sentences if key.split(".")[0] not in KINDS} == set(english.sentences)
    differ = [
        key for key, said in english.sentences.items() if _filled(said) != _filled(other.sentences[key])
    ]
    assert differ == []
    assert len(other.terms) == len(english.terms)


@pytest.mark.parametrize("language", languages())
def test_every_sentence_of_weeks_or_quarters_has_the_places_of_that_of_months(language: str) -> None:
    said = wording(language)
    others = {key: key.split(".", 1)[1] for key in said.sentences if key.split(".")[0] in KINDS}
    assert {own for own in others.values() if own not in said.sentences} == set()
    differ = [
        key for key, own in others.items() if _filled(said.sentences[key]) != _filled(said.sentences[own])
    ]
    assert differ == []


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", KINDS)
def test_no_sentence_of_another_period_speaks_of_months(language: str, kind: str) -> None:
    said = wording(language)
    own = r"(?i)\b(months?|monthly|mes|meses|mensual(es)?)\b"
    keys = wording(ENGLISH).sentences
    words = {key: re.sub(r"{(?!period|Period)[^}]*}", "", said.sentence(key, kind)) for key in keys}
    words = {key: sentence.format(**said.periods[kind]) for key, sentence in words.items()}
    spoken = {**words, **dict(said.glossary(kind))}
    assert bool([key for key, text in spoken.items() if re.search(own, text)]) == (kind == "month")


def _filled(sentence: str) -> set[str]:
    """The places of a sentence beside the words for periods, which not every language needs."""
    return places(sentence) - {"period", "periods", "Period", "Periods"}


def test_spanish_writes_numbers_dates_lists_and_plurals_its_own_way() -> None:
    with speaking("es"):
        assert (decimal(-12345.6, 1), percent(12.3, 1)) == ("−12.345,6", "12,3\u00a0%")
        assert (period_name("2020-05"), date_name("2020-05-21")) == ("mayo de 2020", "21 de mayo de 2020")
        assert listed(["una", "otra", "tercera"]) == "una, otra y tercera"
        assert [counted(n, "clinic") for n in (0, 1, 2)] == ["ninguna clínica", "1 clínica", "2 clínicas"]
        assert [localized(each) for each in ("-1,234.5", "2e-05", "R1.5")] == ["−1.234,5", "2e−05", "R1.5"]
        labels = [tick.label for tick in Scale(0.0, 1.0, 0.0, 100.0).ticks(2, "%")]
        assert labels == ["0\u00a0%", "1\u00a0%"]
    assert decimal(12345.6, 1) == "12,345.6"
    assert localized("-1,234.5") == "-1,234.5"


SPANISH_NETWORK = (
    NETWORK.replace('name = "Six clinics"', 'name = "Seis clínicas"\nlanguage = "es"')
    .replace('label = "Vaccinated"', 'label = "Vacunados"')
    .replace('label = "Systolic blood pressure"', 'label = "Presión sistólica"')
    .replace('label = "Emergency visits"', 'label = "Urgencias"')
    .replace('label = "Outreach"', 'label = "Visitas a domicilio"')
)


SENTENCES = ("label", "estimand", "reason", "verdict_reason", "comparator", "method", "words", "description")
"""Columns of the feed that a person reads."""


class Spanish(NamedTuple):
    """A Spanish network's pages and PDFs as one text, every sentence of its feed, and where the feed is."""

    pages: str
    said: set[str]
    feed: Path


def _printed(page: str, path: Path) -> str:
    write_pdf(page, path)
    return text_of(path)


@pytest.fixture(scope="module")
def spanish(tmp_path_factory: pytest.TempPathFactory) -> Spanish:
    file = write_network(tmp_path_factory.mktemp("es") / "network", network=SPANISH_NETWORK)
    reported = report_period(file, MONTH, undrawn())
    edition = read_edition(reported.release, read_network(file))
    pages = [network_html(edition), *(clinic_html(edition, each) for each in edition.clinics)]
    assert all('<html lang="es">' in page for page in pages)
    # what styles add to a page is the same for every clinic: the network's and one clinic's are printed
    printed = [_printed(page, file.with_name(f"{number}.pdf")) for number, page in enumerate(pages[:2])]
    said = {
        str(cell)
        for table in reported.release.tables.values()
        for column in SENTENCES
        if column in table
        for cell in table[column].dropna()
    }
    return Spanish(" ".join([*map(page_text, pages), *printed]), said, reported.directory / "feed")


@pytest.mark.slow
def test_no_english_is_left_in_a_spanish_report(spanish: Spanish) -> None:
    assert "Mensajes principales" in spanish.pages
    assert left_over(spanish.pages) == []


@pytest.mark.slow
def test_no_english_is_left_in_a_spanish_feed(spanish: Spanish) -> None:
    assert "la clínica típica, con la mezcla de pacientes de la red" in spanish.said
    assert left_over("\n".join(spanish.said)) == []


@pytest.mark.slow
def test_a_spanish_feed_describes_itself_in_spanish(spanish: Spanish) -> None:
    package = json.loads((spanish.feed / "datapackage.json").read_text(encoding="utf-8"))
    described = [package["description"], *package["statuses"].values()]
    for resource in package["resources"]:
        fields = resource.get("schema", {}).get("fields", [])
        described += [resource["description"], *(field["description"] for field in fields)]
    assert "cada fila es una clínica" in described
    names = re.compile(
        r"\bclinics(?=,)|\bshown(?= \(una cifra)|\bwithheld(?= o no_figure)|\bcohorts-clinic-months\b"
    )  # they stay
    assert left_over(names.sub("", "\n".join(described))) == []
    schema = pq.read_schema(spanish.feed / "clinics.parquet")
    assert schema.field("slug").metadata[b"description"].decode() in described


@pytest.mark.slow
def test_how_a_figure_was_estimated_can_be_said_again_in_another_language(spanish: Spanish) -> None:
    for table, words in (("network_figures", "method"), ("clinic_estimates", "estimand")):
        rows = json.loads((spanish.feed / f"{table}.json").read_text(encoding="utf-8"))
        for row in rows:
            with speaking("es"):
                assert told(row[f"{words}_coded"]) == row[words]
    with speaking(ENGLISH):
        said = {told(row["estimand_coded"]) for row in rows}
    assert "share of the clinic's own records, unadjusted" in said


@pytest.mark.parametrize("language", OTHERS)
def test_every_column_of_the_feed_is_described_in_every_language(language: str) -> None:
    places = {"period": "mes", "periods": "meses", "label": "AAAA-MM"}
    english = {f"status.{status}" for status in STATUSES}
    for table in TABLES:
        columns = (*RELEASE_COLUMNS, *table.columns)
        english |= {f"{table.name}.row", *(f"{table.name}.{each.name}" for each in columns)}
    with speaking(language):
        described = {key: feed_description(key, "no English") for key in english}
    assert all(text.format(**places) for text in described.values())
    own = {key for key in feed_descriptions(language) if not key.startswith("every.")}
    assert own <= english, "no table has these"
    shared = {key.removeprefix("every.") for key in feed_descriptions(language)} - own
    assert shared <= {key.rpartition(".")[2] for key in english - own}, "every table describes these itself"


@pytest.mark.slow
def test_the_words_of_english_would_be_found(spanish: tuple[str, set[str]]) -> None:
    plain = [said for said in wording(ENGLISH).sentences.values() if said.count(" ") > 5]
    assert sum(bool(left_over(said)) for said in plain) > 0.95 * len(plain)


UNSAID = {
    # fonts' names
    ("document.py", "Clinicnet Sans"),
    ("document.py", "Clinicnet Scripts"),
    # how a terminal's reader is told what to type next, which a brief leaves out
    ("brief_words.py", ", for which see marginal_effects"),
    ("brief_words.py", " --marginal COLUMN gives the average itself."),
    # what is said to whoever runs a command, in English: why it failed
    ("attempting.py", "an error in clinicnet"),
    ("checking.py", "the password is in the Prefect block "),
    ("checking.py", ", which a check does not open"),
    ("checking.py", "put it in the environment variable "),
    ("checking.py", " to check the records too"),
    ("doubts.py", "the definition was due for review on "),
    ("doubts.py", "; review it, and set reviewed and next_review anew"),
    ("font_coverage.py", " has letters that no font of this machine can draw ("),
    ("font_coverage.py", " letters that no font of this machine can draw ("),
    ("font_coverage.py", ", or write it otherwise"),
    ("font_coverage.py", ", or write other names under [clinics] renamed"),
    ("font_coverage.py", "install fonts that have them (Debian and Ubuntu: "),
    ("font_coverage.py", "the name "),
    ("font_coverage.py", "the names "),
    # a page's own policy and markup
    (
        "page.py",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'",
    ),
    ("page.py", '<div class="scroll" tabindex="0" role="group">'),
    ("picture.py", "pdftoppm is not installed. On Debian: apt-get install poppler-utils"),
    ("render.py", " reports could not be made: "),
    ("render.py", "the network’s report"),
    ("masking.py", " of table "),
    # how hard disclosure control worked, for the run's record
    ("effort.py", " linear programs and "),
    ("effort.py", " of at most "),
    # a policy's own words, which a report says in its language under `policy`
    *(("policy.py", policy.words) for policy in POLICIES.values()),
}
"""Texts in the speaking steps that no report or feed says."""

SPEAKING = ("rendering", "estimating", "ranking", "screening", "releasing", "disclosing")
"""The steps that put words into a report or feed."""


def composed(path: Path) -> Iterator[tuple[str, str]]:
    """Texts of two words or more that a module would say itself; not docstrings, nor an error's message."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            silent |= {id(each) for each in ast.walk(node)}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.add(id(node.value))  # a docstring, of a module, a class, a function or a name
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in silent:
            continue
        if re.search(r"[A-Za-z’']{2,},? [A-Za-z’']{2,}", node.value):
            yield path.name, node.value


@pytest.mark.slow
def test_no_sentence_is_composed_outside_the_wording() -> None:
    modules = [path for step in SPEAKING for path in sorted((TASKS / step).rglob("*.py"))]
    modules += [TASKS / "publishing" / f"{each}.py" for each in ("data_package", "dictionary", "feed")]
    assert {said for path in modules for said in composed(path)} == UNSAID
