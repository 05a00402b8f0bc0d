"""`ask --pdf`: the printed answer as a brief, with the estimates that answer the other questions."""

from __future__ import annotations

from pathlib import Path

import pytest
from pdf_text import text_of
from pypdf import PdfReader
from rendering.matterhorn import failures
from small_network import NETWORK, RECORDS, Run, own_slopes, write_network

from flows.asking import AdHocQuestion, answer
from flows.briefing import write_answer
from tasks.errors import PublishingError
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.rendering.numbers import significant


@pytest.mark.slow
def test_a_logistic_answer_says_both_readings_and_which_question_each_answers(tmp_path: Path) -> None:
    network = write_network(tmp_path)
    question = AdHocQuestion("vaccinated ~ age + program + (1 | clinic)")
    file = tmp_path / "brief.pdf"
    found = write_answer(network, question, file)
    assert isinstance(found.fit, GlmmFit)
    assert str(found) == str(answer(network, question))
    text = text_of(file)
    assert "vaccinated ~ age + program + (1 | clinic)" in text
    assert "Three questions that are often taken for one: program" in text
    for name, row in found.fit.ratios().iterrows():
        low, high = (significant(float(row[end])) for end in ("lower", "upper"))
        assert f"{significant(float(row['odds_ratio']))} ({low} to {high})" in text, name
    assert "What would change over the whole population of patients?" in text
    assert "GEE, binomial family" in text
    assert "population-averaged" in text
    assert "Attenuation of log odds ratios: exact" in text
    assert "The question it answers" not in text  # it stands at the top
    assert "--marginal" not in text
    assert "small numbers are not withheld" in text
    assert len(PdfReader(file).pages) <= 2
    assert failures(file) == []


@pytest.mark.slow
def test_patients_lines_are_drawn_where_they_have_slopes(tmp_path: Path) -> None:
    network = write_network(tmp_path, own_slopes(patients=500))
    file = tmp_path / "brief.pdf"
    write_answer(network, AdHocQuestion("sbp ~ age + (1 + age | patient)"), file)
    text = text_of(file)
    assert "People’s own lines" in text
    assert "the fitted lines of 500 patients" in text
    assert "The bands hold the middle half, 80% and 95% of the lines." in text
    assert "SD between patients, age" in text
    assert failures(file) == []


@pytest.mark.slow
def test_it_speaks_the_network_s_language_as_far_as_the_words_are_ours(tmp_path: Path) -> None:
    spanish = NETWORK.replace('name = "Six clinics"\n', 'name = "Six clinics"\nlanguage = "es"\n')
    file = tmp_path / "brief.pdf"
    write_answer(write_network(tmp_path, network=spanish), AdHocQuestion("sbp ~ age"), file)
    text = text_of(file)
    assert "Qué se preguntó" in text
    assert "Tres preguntas que a menudo se confunden" in text
    assert "People’s own lines" not in text


@pytest.mark.slow
def test_a_path_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    network = write_network(tmp_path, RECORDS.replace("range(3000)", "range(600)"))
    with pytest.raises(PublishingError, match=r"nowhere/brief\.pdf could not be written: no such file"):
        write_answer(network, AdHocQuestion("sbp ~ age"), tmp_path / "nowhere/brief.pdf")


@pytest.mark.slow
def test_the_command_prints_the_answer_and_where_the_pdf_is(clinicnet_here: Run, tmp_path: Path) -> None:
    network = write_network(tmp_path)
    said = clinicnet_here("ask", "sbp ~ age", "--network", str(network), "--pdf", str(tmp_path / "brief.pdf"))
    assert said.returncode == 0, said.stderr
    assert "Estimand" in said.stdout
    assert said.stdout.rstrip().endswith(f"PDF  {tmp_path / 'brief.pdf'}")
    assert (tmp_path / "brief.pdf").read_bytes().startswith(b"%PDF-")
