"""What the model library says has words in every language, found by the template that it was made from."""

from __future__ import annotations

import functools
import json
import re

import pytest
from english_left import left_over
from failure_messages import REPOSITORY
from library_texts import is_sentence, templates
from rendering.library_unsaid import UNSAID, WHOLE

from reports.wording import ENGLISH, languages, speaking, spoken, wording
from reports.wording.coded_sentences import TECHNICAL, coded, told
from reports.wording.library_sentences import Template, in_own_words, library, noun
from tasks.models.generalized_mixed import marginal
from tasks.rendering.brief_words import average_name

OTHERS = [each for each in languages() if each != ENGLISH]
TASKS = REPOSITORY / "tasks"
SAYING = [
    *sorted((TASKS / "models").rglob("*.py")),
    *(TASKS / "records" / f"{each}.py" for each in ("cell_blocks", "clinic_names", "data_columns")),
    *(TASKS / "records/formulas" / f"{each}.py" for each in ("collinearity", "contrasts", "splines")),
    TASKS / "records/formulas/model_spec.py",
    *(TASKS / "records/in_memory" / f"{each}.py" for each in ("outcomes", "rows")),
    *(TASKS / "records/in_database" / f"{each}.py" for each in ("first_pass", "translation")),
    TASKS / "estimating/attempting.py",
    TASKS / "program_questions.py",
    TASKS / "errors.py",
    *(REPOSITORY / "flows" / f"{each}.py" for each in ("asking", "briefing", "explaining", "trajectories")),
]
"""Modules whose words can end in a report or brief: the reason beside a figure, or what a model is."""


@functools.cache
def said() -> frozenset[tuple[str, str]]:
    """Module and template of every text there."""
    read = (path for path in SAYING if path.stem not in WHOLE)
    return frozenset((path.stem, each) for path in read for each in templates(path))


def entries(language: str) -> tuple[Template, ...]:
    known = library(language)
    return (*known.sentences, *known.pieces)


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_the_library_that_a_report_can_carry_is_translated(language: str) -> None:
    translated = {each.english for each in entries(language)}
    missing = {
        (module, each)
        for module, each in said()
        if is_sentence(each) and each not in translated and each not in UNSAID.get(module, ())
    }
    assert missing == set()


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_translated_that_the_library_does_not_say(language: str) -> None:
    texts = {text for _, text in said()}
    assert [each.english for each in entries(language) if each.english not in texts] == []


def test_what_is_said_to_need_no_translation_is_there() -> None:
    assert {(module, each) for module, texts in UNSAID.items() for each in texts} - said() == set()
    assert {path.stem for path in SAYING} >= set(WHOLE)


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_places_of_its_sentence_and_knows_their_kinds(language: str) -> None:
    nouns = library(language).nouns
    forms = {"", "name", "number", "said", "list", "measure", *nouns["other"]}
    for each in entries(language):
        assert set(each.kinds) <= set(re.findall(r"{(\d+)}", each.english)), each.english
        assert set(each.kinds.values()) <= forms, each.english
    assert all(set(words) == set(nouns["other"]) for words in nouns.values())


def filled(template: Template) -> tuple[str, str]:
    """A sentence of names alone, and of columns where columns stand, with its translation."""

    def value(place: str) -> str:
        return "1" if template.kinds.get(place) == "number" else "clinic" if place in columns else "age"

    def words(found: re.Match[str]) -> str:
        return noun("clinic", found[2]) if found[2] in forms else value(found[1])

    forms = library(spoken()).nouns["other"]
    columns = {place for place, kind in template.kinds.items() if kind in forms}
    english = re.sub(r"{(\d+)}", lambda found: value(found[1]), template.english)
    return english, re.sub(r"{(\d+):?([a-z]*)}", words, template.other)


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_is_found_by_its_own_template(language: str) -> None:
    """And not by that of another that fits as well."""
    with speaking(language):
        for each in library(language).sentences:
            if not {"said", "list", "measure"} & set(each.kinds.values()):
                sentence, expected = filled(each)
                assert in_own_words(sentence) == expected, each.english


def test_no_english_is_left_in_the_spanish_of_the_library() -> None:
    assert left_over("\n".join(each.other for each in entries("es"))) == []


SPOKEN = {
    "bmi is infinite in 1,200 rows in clinic R01, R02, R03 and 4 more; blank those values or leave the rows "
    "out": (
        "bmi es infinito en 1.200 registros (clínica R01, R02, R03 y 4 más); deje en blanco esos valores o "
        "excluya los registros"
    ),
    "all complete rows are of one clinic, R01: no variance between clinics shows": (
        "todos los registros completos son de una misma clínica, R01: no se ve la varianza entre clínicas"
    ),
    "no complete record is left of 1,234: age is missing in 1,200; sex is missing in 34": (
        "de 1.234 registros no queda ninguno completo: falta age en 1.200; falta sex en 34"
    ),
    "age, sex together separate the outcome flu for 12.3% of the rows, its 0s from its 1s: no finite "
    "coefficient fits best": (
        "age, sex separan juntas el resultado flu en el 12,3\u00a0% de los registros, sus 0 de sus 1: ningún "
        "coeficiente finito es el que mejor se ajusta"
    ),
    "the outcome flu is not 0 or 1 in every row, as family 'binomial' needs: look in clinic R01": (
        "el resultado flu no es 0 o 1 en todos los registros, como exige la familia 'binomial' (clínica R01)"
    ),
    "the correlation is estimated at -0.0123, which a cluster of 500 rows cannot have; independence was used "
    "for the working correlation instead.": (
        "la correlación se estima en −0,0123, imposible en un grupo de 500 registros; en su lugar se usó la "
        "independencia como correlación de trabajo."
    ),
    "very few clusters carry the information on age (2.1), sex (3.0) and 2 more (df in brackets): the "
    "interval is rough.": (
        "muy pocos grupos aportan la información sobre age (2,1), sex (3,0) y 2 más (entre paréntesis, los "
        "grados de libertad): el intervalo es aproximado."
    ),
    "population-averaged, integrated over clinic and patient: if program were 1 rather than 0 for "
    "everybody": (
        "promediado en la población, integrado sobre las clínicas y los pacientes: si program fuera 1 en "
        "lugar de 0 para todos"
    ),
    "only 5 levels of ward: their variance is very imprecise": (
        "solo hay 5 grupos de ward: su varianza es muy imprecisa"
    ),
    "the data do not tell the variances and covariances of age by patient, (Intercept) by clinic apart: "
    "other values fit equally well, and those given are one choice": (
        "los datos no distinguen las varianzas y covarianzas de age por paciente, (Intercept) por clínica: "
        "otros valores se ajustan igual de bien, y los que se dan son solo unos de ellos"
    ),
}


@pytest.mark.parametrize("sentence", SPOKEN, ids=lambda sentence: sentence[:40])
def test_names_numbers_and_parts_are_said_in_spanish_too(sentence: str) -> None:
    assert in_own_words(sentence) == sentence
    with speaking("es"):
        assert in_own_words(sentence) == SPOKEN[sentence]


@pytest.mark.parametrize("detail", ["the frobnicator is broken", "the frobnicator, after 12 iterations", ""])
def test_what_has_no_words_is_said_in_general_and_not_in_english(detail: str) -> None:
    sentence = coded(TECHNICAL, detail=detail)
    assert told(sentence) == detail
    with speaking("es"):
        assert told(sentence) == wording("es").say("why.untranslated") == "los registros no lo permiten"


def test_a_code_keeps_the_library_s_own_words() -> None:
    detail = "all rows have the same clinic; differences between them need two or more"
    with speaking("es"):
        sentence = coded(TECHNICAL, detail=detail)
        assert told(sentence).startswith("todos los registros son de una misma clínica")
    assert json.loads(sentence) == {"code": TECHNICAL, "detail": detail}
    assert told(sentence) == detail


@pytest.mark.parametrize("prefix", ["", "conditional_"])
def test_every_average_over_everybody_has_a_name(prefix: str) -> None:
    measures = ["odds_ratio", "rate_ratio"]
    if not prefix:
        measures += ["risk_ratio", *marginal._DIFFERENCE.values()]
        measures += [f"{each}_1" for each in marginal._AVERAGE.values()]
    for measure in (f"{prefix}{each}" for each in measures):
        name = measure.replace("_", " ")
        assert average_name(measure) == f"{name[:1].upper()}{name[1:]}"
        with speaking("es"):
            assert left_over(average_name(measure)) == []
