"""What changed since the report before, as it is told to the network and to a clinic."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pandas as pd
import pypdf
import pytest
from pdf_text import text_of
from rendering.conftest import FEW, OUTCOMES, page_text
from rendering.read_back import unread
from rendering.releases import only

from tasks.network.schema import Network
from tasks.release import CHANGES, Release, Since, conform
from tasks.rendering import render_release
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.edition import Clinic, Edition
from tasks.rendering.network_report import key_messages, network_html
from tasks.rendering.read_edition import read_edition
from tasks.rendering.shown_figures import Change
from tasks.rendering.words import change_sentences

APRIL = Since("92855d900e68", "2020-04")
WITHHELD = "suppressed_primary"
NICU, PICU = "nicu", "picu"


def moved(outcome: str, clinic: str, change: str, before: str, after: str, month: str = "") -> Change:
    return Change(outcome, clinic, month, change, before, after)


def restated(outcome: str, clinic: str, month: str, *numbers: float | None) -> Change:
    return Change(outcome, clinic, month, "restated", None, None, *numbers)


def since_april(edition: Edition, *changes: Change) -> Edition:
    """The edition as if it differed so from a report for April."""
    release = dataclasses.replace(edition.release, since=APRIL)
    return dataclasses.replace(edition, release=release, changes=changes)


def clinic(edition: Edition, name: str) -> Clinic:
    return next(each for each in edition.clinics if each.name == name)


def test_without_a_report_before_the_comparison_alone_says_so(chop_edition: Edition) -> None:
    assert change_sentences.since(chop_edition) == []
    assert "Since the report" not in page_text(network_html(chop_edition))
    assert change_sentences.beside(chop_edition, chop_edition.drawn[0]) == "no earlier report to compare with"
    assert change_sentences.of_clinic(chop_edition, clinic(chop_edition, NICU)) == []


def test_that_nothing_changed_is_said_once_in_each_place(chop_edition: Edition) -> None:
    same = since_april(chop_edition)
    ((word, sentence),) = change_sentences.since(same)
    assert word == ""
    assert sentence.startswith("Nothing changed")
    assert change_sentences.beside(same, same.drawn[0]) == "since the report for April 2020: nothing"
    assert change_sentences.of_clinic(same, clinic(same, NICU)) == [
        "Your clinic stands as it did in the report for April 2020; its figures have moved with the records."
    ]


def test_the_first_page_tells_every_kind_with_the_worst_first(chop_edition: Edition) -> None:
    edition = since_april(
        chop_edition,
        moved("", "gol", "clinic_new", "no_records", "ok"),
        moved("", "old ward", "clinic_gone", "ok", "no_records"),
        moved("hours", NICU, "comparison", "no_different", "better"),
        moved("hours", PICU, "shown", WITHHELD, "worse"),
        moved("hours", "gol", "comparison", "worse", "no_different"),
        moved("hours", "laboratory", "withheld", "better", WITHHELD),
        moved("hours", "care ntwk", "comparison", "not_compared", "no_different"),
        moved("hours", "", "verdict", "do_not_rank", "grade"),
        moved("repeated", "", "verdict", "rank", "not_estimable"),
        restated("hours", "", "2020-03", 4.0, 4.1),
        restated("hours", NICU, "2020-03", 4.0, 4.2),
        restated("hours", NICU, "2020-04", 4.0, 4.2),
        restated("positive", "", "2020-03", 5.0, 5.1),
        restated("positive", NICU, "2020-03", 5.0, 5.1),
        restated("positive", NICU, "2020-04", 5.0, 5.1),
        moved("hours", PICU, "withheld", "ok", WITHHELD, "2020-03"),
    )
    hours = "Time from receipt to result"
    assert change_sentences.since(edition) == [
        ("Newly stand out", f"{hours}: picu (worse), nicu (better)."),
        ("No longer stand out", f"{hours}: gol (not shown to differ)."),
        ("New", "gol."),
        ("Now without records", "old ward."),
        (
            "Verdict",
            f"{hours}: from “We do not rank clinics on this” to “We grade clinics on this”; "
            "Repeated tests: from “We rank clinics on this” to “could not be estimated”.",
        ),
        (
            "Figures",
            "1 clinic newly shown, 1 clinic no longer shown (to protect patients), 1 clinic newly compared; "
            "each in at least one figure.",
        ),
        (
            "Months",
            "Positive tests: 1 month of the network and 2 months of 1 clinic restated; "
            f"{hours}: 1 month of the network and 2 months of 1 clinic restated, "
            "1 month no longer shown (to protect patients).",
        ),
    ]
    about = [message.about for message in key_messages(edition)]
    assert about.index("Since the report for April 2020") == len(edition.outcomes)  # what is new
    (drawn,) = [outcome for outcome in edition.drawn if outcome.name == "hours"]
    assert change_sentences.beside(edition, drawn) == (
        "since the report for April 2020: newly stand out: picu (worse), nicu (better); "
        "no longer stand out: gol (not shown to differ), laboratory (not shown); "
        "verdict: from “We do not rank clinics on this” to “We grade clinics on this”; "
        "1 clinic newly shown, 1 clinic no longer shown (to protect patients), 1 clinic newly compared; "
        "1 month of the network and 2 months of 1 clinic restated, "
        "1 month no longer shown (to protect patients)"
    )


def test_a_clinic_that_a_report_withheld_between_is_not_new(chop_edition: Edition) -> None:
    """Worse in March, withheld in April, worse again now: page 1 says "since March", so it is not new."""
    (hours,) = [outcome for outcome in chop_edition.drawn if outcome.name == "hours"]

    def said(since: str) -> str:
        lines = tuple(
            dataclasses.replace(line, since=since) if line.clinic == PICU else line for line in hours.lines
        )
        outcome = dataclasses.replace(hours, lines=lines)
        edition = dataclasses.replace(
            chop_edition,
            outcomes=tuple(outcome if each is hours else each for each in chop_edition.outcomes),
        )
        edition = since_april(edition, moved("hours", PICU, "shown", WITHHELD, "worse"))
        return change_sentences.beside(edition, outcome)

    assert "newly stand out: picu (worse)" in said("2020-05")
    assert said("2020-03") == "since the report for April 2020: 1 clinic newly shown"


def test_outcomes_of_which_the_same_is_said_are_told_together(chop_edition: Edition) -> None:
    edition = since_april(
        chop_edition,
        restated("positive", "", "2020-03", 5.0, 5.1),
        restated("hours", "", "2020-03", 4.0, 4.1),
        moved("old", "", "outcome_gone", "rank", ""),
    )
    assert change_sentences.since(edition) == [
        ("Verdict", "old: no longer reported."),
        ("Months", "Positive tests and Time from receipt to result: 1 month of the network restated."),
    ]


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (4, "ward 1 (worse), ward 2 (worse), ward 3 (worse), ward 4 (worse)."),
        (5, "ward 1 (worse), ward 2 (worse), ward 3 (worse) … and 2 more."),
        (15, "ward 1 (worse), ward 2 (worse), ward 3 (worse) … and 12 more."),
    ],
)
def test_long_lists_of_clinics_are_cut(chop_edition: Edition, count: int, told: str) -> None:
    wards = (moved("hours", f"ward {k + 1}", "comparison", "no_different", "worse") for k in range(count))
    edition = since_april(chop_edition, *wards)
    assert change_sentences.since(edition) == [("Newly stand out", f"Time from receipt to result: {told}")]


def test_a_manager_is_told_of_the_own_clinic_alone(chop_edition: Edition) -> None:
    edition = since_april(
        chop_edition,
        moved("", NICU, "withheld", "ok", WITHHELD),
        moved("positive", NICU, "withheld", "not_compared", WITHHELD),
        moved("positive", NICU, "withheld", "ok", WITHHELD, "2020-03"),
        moved("hours", NICU, "comparison", "no_different", "better"),
        moved("hours", PICU, "comparison", "no_different", "worse"),
        restated("hours", NICU, "2020-03", 4.0, 4.2, 30.0, 31.0),
    )
    assert change_sentences.of_clinic(edition, clinic(edition, NICU)) == [
        "Since the report for April 2020: Time from receipt to result went from “not shown to differ” to "
        "“better”; no longer shown (to protect patients): number of records and Positive tests.",
        "Earlier months that have changed: "
        "Time from receipt to result, March 2020: from 4.00\u00a0hours to 4.20\u00a0hours.",
    ]


def test_restated_months_are_told_with_what_can_be_told_apart(chop_edition: Edition) -> None:
    edition = since_april(
        chop_edition,
        restated("positive", NICU, "2020-01", 5.01, 5.02, 1000.0, 1002.0),
        restated("positive", NICU, "2020-02", 5.01, 5.02, 1000.0, 1000.0),
        moved("positive", NICU, "shown", "no_records", "ok", "2020-03"),
        restated("positive", NICU, "2020-04", 5.0, 6.0, 1000.0, 1002.0),
    )
    words = (
        "Positive tests, January 2020: 5.0% as before, n from 1,000 to 1,002",
        "Positive tests, February 2020: by too little to show here",
        "Positive tests, March 2020: newly shown",
        "Positive tests, April 2020: from 5.0% to 6.0%",
    )
    for change, said in zip(edition.changes, words, strict=True):
        (told,) = change_sentences.of_clinic(since_april(edition, change), clinic(edition, NICU))
        assert told == f"Earlier months that have changed: {said}."
    (told,) = change_sentences.of_clinic(edition, clinic(edition, NICU))
    assert told.endswith(f": {words[0]}; {words[1]} … and 2 more.")


def test_a_new_clinic_is_told_so_and_not_each_figure(chop_edition: Edition) -> None:
    edition = since_april(
        chop_edition,
        moved("", NICU, "clinic_new", "no_records", "ok"),
        moved("hours", NICU, "shown", "no_records", "worse"),
    )
    (told,) = change_sentences.of_clinic(edition, clinic(edition, NICU))
    assert told.startswith("Since the report for April 2020: your clinic has records")
    assert "Time" not in told


def changed(release: Release) -> Release:
    """The release with changes of every kind that its clinics may have."""
    rows = [
        ("hours", "behavioral hosp", "", "comparison", "no_different", "better", None, None),
        ("hours", "behavioral hosp", "2020-03", "restated", None, None, 3.1, 3.4),
        ("positive", "behavioral hosp", "2020-03", "restated", None, None, 3.1, 3.4),
        ("positive", "", "2020-04", "restated", None, None, 6.25, 6.5),
        ("", "specialty clinic 45", "", "withheld", "ok", WITHHELD, None, None),
        ("hours", "specialty clinic 45", "", "withheld", "better", WITHHELD, None, None),
    ]
    names = ("outcome", "clinic", "month", "change", "before", "after", "value_before", "value_after")
    frame = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
    frame = frame.assign(since=APRIL.period, since_release=APRIL.id)
    return dataclasses.replace(
        release, tables={**release.tables, "changes": conform(CHANGES, frame)}, since=APRIL
    )


@pytest.mark.slow
def test_the_pdfs_say_it_and_have_no_more_pages(chop: tuple[Release, Network], tmp_path: Path) -> None:
    release, network = chop
    rendered = render_release(changed(only(release, FEW, OUTCOMES)), network, tmp_path, workers=1)
    whole = text_of(rendered.network)
    assert "Since the report for April 2020" in whole
    assert "since the report for April 2020: newly stand out: behavioral hosp (better)" in whole
    own = text_of(rendered.clinics["behavioral hosp"])
    assert "went from “not shown to differ” to “better”" in own
    assert "Time from receipt to result, March 2020: from 3.10 hours to 3.40 hours" in own
    assert "Your clinic stands as it did" in text_of(rendered.clinics["clinical lab"])
    unreported = text_of(rendered.clinics["specialty clinic 45"])
    told = "no longer shown (to protect patients): number of records and Time from receipt to result"
    assert told in unreported
    assert {name: len(pypdf.PdfReader(path).pages) for name, path in rendered.clinics.items()} == {
        "clinical lab": 2,
        "behavioral hosp": 2,
        "inpatient ward t": 2,
        "specialty clinic 45": 1,
    }


def test_a_clinic_s_page_names_no_other_clinic(chop: tuple[Release, Network]) -> None:
    release, network = chop
    edition = read_edition(changed(release), network)
    text = page_text(clinic_html(edition, clinic(edition, "nicu")))
    assert "behavioral" not in text
    assert "specialty clinic 45" not in text


def test_every_number_a_changed_clinic_reads_is_the_release_s(chop: tuple[Release, Network]) -> None:
    release, network = changed(chop[0]), chop[1]
    edition = read_edition(release, network)
    html = clinic_html(edition, clinic(edition, "behavioral hosp"))
    wrong, rest = unread(html, release, network, "behavioral hosp")
    assert not wrong
    told = (
        "Since the report for April 2020: Time from receipt to result went",
        "Positive tests, March 2020: from 3.1% to 3.4%",
        "Time from receipt to result, March 2020: from 3.10 hours to 3.40 hours",
    )
    for each in told:
        assert each in rest
        rest = rest.replace(each, " ")
    assert not re.findall(r".{0,40}\d.{0,40}", rest)
