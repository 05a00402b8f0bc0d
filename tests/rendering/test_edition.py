from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from reports.wording.coded_sentences import coded
from tasks.network.schema import Network
from tasks.release import Release
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.edition import Edition
from tasks.rendering.network_report import network_html
from tasks.rendering.read_edition import read_edition
from tasks.rendering.words import clinic_sentences, program_sentences, sentences

SECRET = 4242.4242
NUMBERS = {
    "clinic_estimates": ("value", "lower", "upper", "denominator", "reliability", "p_better", "numerator"),
    "clinic_ranks": ("rank_median", "rank_expected", "rank_lower", "rank_upper"),
    "clinic_months": ("value", "centre", "lower_limit", "upper_limit", "denominator"),
    "clinics": ("n_records", "n_patients"),
    "quality": ("n_found", "n_checked"),
}


def leaky(release: Release) -> Release:
    """The release as it would be if disclosure had set its statuses and forgotten to blank the values."""
    tables = dict(release.tables)
    for name, columns in NUMBERS.items():
        frame = tables[name].copy()
        hidden = frame["status"].str.startswith("suppressed").to_numpy(dtype=bool)
        assert hidden.any(), name
        for column in columns:
            whole = str(frame[column].dtype) == "Int64"
            frame.loc[hidden, column] = int(SECRET) if whole else SECRET
        tables[name] = frame
    return dataclasses.replace(release, tables=tables)


def blanked(release: Release) -> Release:
    """The release with every number of a withheld row gone."""
    tables = dict(release.tables)
    for name, columns in NUMBERS.items():
        frame = tables[name].copy()
        frame.loc[frame["status"].str.startswith("suppressed").to_numpy(dtype=bool), list(columns)] = pd.NA
        tables[name] = frame
    return dataclasses.replace(release, tables=tables)


@pytest.mark.slow
@pytest.mark.parametrize("network_name", ["chop", "state48"])
def test_a_withheld_value_changes_no_byte_of_any_page_even_if_it_is_in_the_release(
    network_name: str, request: pytest.FixtureRequest
) -> None:
    release, network = request.getfixturevalue(network_name)
    leaking, clean = read_edition(leaky(release), network), read_edition(blanked(release), network)
    assert network_html(leaking) == network_html(clean)
    withheld = [each for each in clean.clinics if each.status.startswith("suppressed")][:3]
    for clinic in [*withheld, *clean.clinics[::9]]:
        assert clinic_html(leaking, clinic) == clinic_html(clean, clinic)


def test_outcomes_stand_in_the_order_of_the_network_file(chop: tuple[Release, Network]) -> None:
    release, network = chop
    assert [outcome.name for outcome in read_edition(release, network).outcomes] == list(network.outcomes)


def test_clinics_stand_in_natural_order(chop_edition: Edition) -> None:
    special = [each.name for each in chop_edition.clinics if each.name.startswith("specialty clinic")]
    assert special == [f"specialty clinic {number}" for number in range(1, 51)]


def test_a_form_the_release_lacks_takes_its_outcomes_reason(chop_edition: Edition) -> None:
    outcome = next(each for each in chop_edition.outcomes if each.name == "repeated")
    line = outcome.by_clinic["clinical lab"]
    assert line.tone == "own"
    assert line.shrunken.status == "not_estimable"
    assert line.reason == "clinic is the only thing that varies; the model has no optimum"


def test_tones_follow_status_before_comparison(chop_edition: Edition) -> None:
    outcome = next(each for each in chop_edition.outcomes if each.name == "hours")
    tones = {line.clinic: line.tone for line in outcome.lines}
    assert tones["specialty clinic 45"] == "withheld"
    assert tones["specialty clinic 2"] == "uncompared"
    assert tones["behavioral hosp"] == "better"
    assert outcome.counted("better", "worse", "same", "uncompared", "withheld") == len(outcome.lines)


@pytest.mark.slow
def test_records_without_patients_are_said_to_name_none(chop: tuple[Release, Network]) -> None:
    release, network = chop
    clinics = release.tables["clinics"].assign(
        n_patients=pd.array([pd.NA] * len(release["clinics"]), "Int64")
    )
    without = dataclasses.replace(
        release, tables={**release.tables, "clinics": clinics}, counts_patients=False
    )
    page = network_html(read_edition(without, network))
    index = page[page.index("Clinics in this release") :]
    assert "The records name no patients, so patients are not counted." in index
    assert ">Patients</th>" not in index
    assert "not shown, to protect patients" not in index[: index.index("</table>")]
    with_patients = network_html(read_edition(release, network))
    assert ">Patients</th>" in with_patients
    assert "name no patients" not in with_patients


def test_clinics_are_left_out_of_a_comparison_for_the_reason_that_each_has(
    chop: tuple[Release, Network],
) -> None:
    """218 records are not few: their clinic is left out because it hardly differs."""
    release, network = chop
    shrunken = release.tables["clinic_estimates"].query("outcome == 'hours' and form == 'shrunken'")
    ok = shrunken.index[shrunken["status"].isin(["ok", "low_reliability"])]
    estimates = release.tables["clinic_estimates"].copy()
    estimates.loc[ok, ["status", "comparison"]] = ["low_reliability", "not_compared"]
    estimates.loc[ok, "reason"] = "below our minimum reliability of 0.7"
    estimates.loc[ok[:2], "reason"] = "below our minimum of 25 records"
    estimates.loc[ok, "reason_coded"] = coded("why.unreliable", least=0.7)
    estimates.loc[ok[:2], "reason_coded"] = coded("why.few_records", fewest=25)
    changed = dataclasses.replace(release, tables={**release.tables, "clinic_estimates": estimates})
    edition = read_edition(changed, network)
    hours = next(each for each in edition.outcomes if each.name == "hours")
    told = dict(sentences.beside(edition, hours))["Not compared"]
    reliability = estimates.loc[ok[2], "reliability"]
    assert clinic_sentences.reading(hours, hours.by_clinic[estimates.loc[ok[2], "clinic"]]) == (
        f"Below our minimum reliability of 0.7 (yours is {reliability:.2f}): too much of what sets your "
        "figure apart may be chance, or may not last. It is shown without a verdict."
    )
    assert "shown without a comparison" in clinic_sentences.reading(
        hours, hours.by_clinic[estimates.loc[ok[0], "clinic"]]
    )
    assert told.startswith(
        f"2 clinics with fewer than 25 records; {len(ok) - 2} clinics with a reliability under 0.7: "
        "too much of what their figures differ by may be chance, or may not last; "
    )


def test_a_clinic_of_many_records_is_not_told_that_it_has_few(chop_edition: Edition) -> None:
    few = next(each for each in chop_edition.clinics if each.status.startswith("suppressed_primary"))
    many = dataclasses.replace(few, status="ok", n_records=218)
    # its lines are withheld as before: a count in them is small, or they are all alike
    assert clinic_sentences.why_unreported(chop_edition, many).startswith(
        "Your clinic has 218 records in this period. What they count is so rare, or they are so much alike"
    )
    assert "too few records" in clinic_sentences.why_unreported(chop_edition, few)


@pytest.mark.slow
def test_why_no_effect_can_be_told_is_told(state48: tuple[Release, Network]) -> None:
    # the words of such a row were blanked with its numbers, and the first page kept silent about the program
    release, network = state48
    effects = release["program_effects"].copy()
    name = effects["outcome"].iloc[0]
    label = release["outcomes"].set_index("outcome").loc[name, "label"]
    why = f"{label}: not estimated. Four regions are too few to tell its effect."
    mine = effects["outcome"] == name
    effects.loc[mine, ["value", "lower", "upper", "p"]] = pd.NA
    effects.loc[mine, ["status", "reason", "words"]] = ["not_estimable", "four regions are too few", why]
    edition = read_edition(
        dataclasses.replace(release, tables={**release.tables, "program_effects": effects}), network
    )
    (untold,) = (each for each in edition.outcomes if each.name == name)
    assert (
        program_sentences.program_message(untold)
        == "Not estimated. Four regions are too few to tell its effect."
    )
    assert "Four regions are too few to tell its effect." in network_html(edition)
