"""What records leave untold, or models take into account, which pages say beside their figures."""

from __future__ import annotations

from reports.wording.writing import listed
from tasks.rendering.edition import Edition

LASTING_UNTOLD = "figure_method.lasting_untold"
ICC_ALIKE = "figure_method.icc_alike"
"""The method of an intraclass correlation that patients who come again, or months, have a part in."""


def lasting_untold(edition: Edition) -> str:
    """The outcomes of which records do not tell whether shocks of clinics' months last; empty of none."""
    spreads = [(outcome.label, outcome.figures.get("sd_between")) for outcome in edition.drawn]
    return listed([label for label, spread in spreads if spread and LASTING_UNTOLD in spread.how])


def regional_outcomes(edition: Edition) -> str:
    """The outcomes on which clinics are drawn towards their regions' levels; empty of none."""
    return listed([outcome.label for outcome in edition.drawn if outcome.by_region])
