"""What the reports say of a figure that is withheld: its last figure, with the month it is of."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rendering.conftest import page_text
from rendering.releases import only

from tasks.network.schema import Network
from tasks.release import LAST_SHOWN, Release, conform
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.edition import Edition
from tasks.rendering.network_report import network_html
from tasks.rendering.read_edition import read_edition

CLINICS = ["clinical lab", "behavioral hosp", "specialty clinic 45"]
WHOLLY = "specialty clinic 45"


def shown_before(chop: tuple[Release, Network], *rows: dict[str, Any]) -> Edition:
    """Three clinics, one of them withheld whole, of which earlier reports show these figures."""
    release, network = chop
    small = only(release, CLINICS, ["hours"])
    common = {"outcome": "hours", "clinic": WHOLLY, "last_release": "92855d900e68", "last_status": "ok"}
    frame = conform(LAST_SHOWN, pd.DataFrame([common | row for row in rows]))
    return read_edition(Release(**{**vars(small), "tables": {**small.tables, "last_shown": frame}}), network)


def pages(edition: Edition) -> tuple[str, str]:
    """The text of the network's report and of the withheld clinic's."""
    withheld = next(each for each in edition.clinics if each.name == WHOLLY)
    return page_text(network_html(edition)), page_text(clinic_html(edition, withheld)).replace("\xa0", " ")


OWN = {"form": "raw", "last_period": "2020-03", "value": 5.25, "lower": 4.75, "upper": 5.75}
BEST = {**OWN, "form": "shrunken", "value": 5.5, "lower": 5.0, "upper": 6.0, "comparison": "worse"}


def test_the_last_figures_stand_where_there_are_none(chop: tuple[Release, Network]) -> None:
    network, clinic = pages(shown_before(chop, OWN, BEST))
    figures = "own figure 5.25 hours (4.75 to 5.75); best estimate 5.50 hours (5.00 to 6.00), worse"
    assert "What was last shown" in clinic
    assert f"Time from receipt to result, in the report for March 2020: {figures}" in clinic
    assert f"{WHOLLY} (5.25)" in network
    assert "In brackets: the own figure in the report for March 2020, the last that shows it." in network


def test_a_figure_that_was_never_shown_is_not_spoken_of(chop: tuple[Release, Network]) -> None:
    network, clinic = pages(shown_before(chop))
    assert "last shown" not in clinic
    assert "In brackets" not in network
