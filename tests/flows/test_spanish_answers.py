"""A Spanish network reads Spanish where the model library speaks: in answers, and as a figure's reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from english_left import left_over
from golden.demo_feeds import undrawn
from pdf_text import text_of
from rendering.conftest import page_text
from small_network import MONTH, NETWORK, RECORDS, own_slopes, write_network

from flows.asking import AdHocQuestion
from flows.briefing import write_answer
from flows.monthly_job import report_period
from tasks.network import read_network
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.network_report import network_html
from tasks.rendering.read_edition import read_edition

SPANISH = (
    NETWORK.replace('name = "Six clinics"', 'name = "Seis clínicas"\nlanguage = "es"')
    .replace('label = "Vaccinated"', 'label = "Vacunados"')
    .replace('label = "Systolic blood pressure"', 'label = "Presión sistólica"')
    .replace('label = "Emergency visits"', 'label = "Urgencias"')
    .replace('label = "Outreach"', 'label = "Visitas a domicilio"')
)
EMERGENCIES = "CAST(hash(i + 1) % 5 AS INTEGER)"
CROWDED = RECORDS.replace(
    EMERGENCIES,
    "CASE WHEN hash(i + 1) % 8 = 0 THEN CAST(hash(i + 5) % (9 + 6 * (i % 6)) AS INTEGER) ELSE 0 END",
).replace("20 + CAST(hash(i + 2) % 60 AS INTEGER)", "nullif(20 + CAST(hash(i + 2) % 60 AS INTEGER), 33)")
"""The small network's records with counts that scatter more than a Poisson's, and ages that are missing."""
ANSWERS = {
    AdHocQuestion(
        "vaccinated ~ age + program + (1 | clinic)"
    ): "Modelo mixto logístico por máxima verosimilitud",
    AdHocQuestion("vaccinated ~ age + program", marginal="age=40,60"): "GEE, familia binomial, correlación",
    AdHocQuestion("emergencies ~ age + program + (1 | clinic)"): "Modelo mixto binomial negativo",
    AdHocQuestion("sbp ~ age + (1 | clinic)", "within"): "Estimador dentro de los grupos (efectos fijos)",
    AdHocQuestion("sbp ~ age + program + (1 | clinic)"): "Modelo mixto lineal por REML",
    AdHocQuestion("sbp ~ age + (1 | clinic/patient)", "gee", correlation="nested-exchangeable"): (
        "correlación de trabajo intercambiable anidada"
    ),
    AdHocQuestion("vaccinated ~ age + (1 + age | clinic)"): "aproximación de Laplace",
}
UNSAID = "ask, en inglés"
"""With this an answer says that Spanish has no words for a part of it."""


@pytest.fixture(scope="module")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("es"), CROWDED, SPANISH)


@pytest.mark.slow
@pytest.mark.parametrize("question", ANSWERS, ids=lambda question: f"{question.formula} {question.model}")
def test_no_english_is_left_in_a_spanish_answer(
    question: AdHocQuestion, network_file: Path, tmp_path: Path
) -> None:
    write_answer(network_file, question, tmp_path / "brief.pdf")
    text = text_of(tmp_path / "brief.pdf")
    assert ANSWERS[question] in text
    assert left_over(text) == []
    assert UNSAID not in text
    assert "falta age." in text
    assert " to " not in text


@pytest.mark.slow
def test_lines_are_told_in_spanish(tmp_path: Path) -> None:
    network = write_network(tmp_path, own_slopes(patients=120), SPANISH)
    write_answer(network, AdHocQuestion("sbp ~ age + (1 + age | patient)"), tmp_path / "brief.pdf")
    text = text_of(tmp_path / "brief.pdf")
    assert "Desviación típica entre pacientes, age" in text
    assert "Las bandas contienen la parte central de las líneas: la mitad y el 80 %." in text
    assert "Líneas ajustadas de 120 pacientes: en age = −0,177:" in text
    assert left_over(text) == []
    assert UNSAID not in text


SELECTED = "emergencies, age, sex"
CANNOT_BE = {
    "flat": ("continuous", "7.5", "el resultado flat tiene el mismo valor en todos los registros"),
    "threes": ("count", "3", "el resultado threes vale 3 en todos los registros"),
    "told": ("binary", "CAST(age > 50 AS INTEGER)", "age separa el resultado told por completo"),
}
"""Outcomes that no model can estimate: kind, what the SELECT makes of the records, and the reason."""
NEITHER = 'direction = "neither"\nadjusters = ["age"]'
ALWAYS = ", ".join(f'"Clinic {each}" = "2022-01"' for each in "ABCDEF")


@pytest.mark.slow
def test_reasons_beside_figures_are_told_in_spanish(tmp_path: Path) -> None:
    columns = ", ".join(f"{made} AS {name}" for name, (_, made, _) in CANNOT_BE.items())
    sections = "".join(
        f'[outcomes.{name}]\nlabel = "{name}"\nkind = "{kind}"\n{NEITHER}\n\n'
        for name, (kind, _, _) in CANNOT_BE.items()
    )
    start = SPANISH.index("starts = ")
    network = f"{SPANISH[:start]}starts = {{ {ALWAYS} }}\n".replace("[program]", f"{sections}[program]")
    network = network.replace(f"{SELECTED}\nFROM", f"{SELECTED}, {columns}\nFROM")
    file = write_network(tmp_path / "network", network=network)
    reported = report_period(file, MONTH, undrawn())
    edition = read_edition(reported.release, read_network(file))
    pages = [network_html(edition), clinic_html(edition, edition.clinics[0])]
    text = " ".join(map(page_text, pages))
    told = reported.release.tables["outcomes"].set_index("outcome")["reason"]
    for name, (_, _, reason) in CANNOT_BE.items():
        assert reason in told[name], name
        assert reason[1:] in text, name
    assert "l programa está en marcha en todos estos registros" in text
    assert "los registros no lo permiten" not in text
    assert left_over(text) == []
