"""What each figure about the whole network tells: rows of `network_figures` differ in it, columns do not."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.release.table_columns import Digits, Of


@dataclass(frozen=True, slots=True)
class NetworkFigure:
    """What a figure tells.

    Attributes:
        total: which counts of the network's whole window it gives to the last digit.
        of_clustering: whether it is made of the squares of clinics' sizes and events: with all their digits,
            the intraclass correlation and the design effect give Σn² over the clinics to the last record,
            which with the total gives the sizes of two withheld clinics.
        digits: significant digits it keeps.
        modelled: whether it comes of a model of all clinics; see `Tells`.
    """

    total: Of
    of_clustering: bool
    digits: Digits
    modelled: bool = True


_CLUSTERING = Digits(3, 3)
_MODELLED = NetworkFigure(Of.NOTHING, of_clustering=False, digits=Digits(4, 3))
_SHARE = NetworkFigure(Of.NOTHING, of_clustering=True, digits=_CLUSTERING)
_SIZE = NetworkFigure(Of.SIZES, of_clustering=True, digits=_CLUSTERING)

FIGURES = {
    # the mean of all records follows from the counts that are published beside it
    "mean": NetworkFigure(Of.BOTH, of_clustering=False, digits=Digits(None, 3), modelled=False),
    "icc": _SHARE,
    "icc_region": _SHARE,
    "icc_clinic_in_region": _SHARE,
    "design_effect": _SIZE,
    "effective_sample_size": _SIZE,
    "typical": _MODELLED,
    "sd_between": _MODELLED,
    "range_low": _MODELLED,
    "range_high": _MODELLED,
    "region_share": _MODELLED,
    "median_odds_ratio": _MODELLED,
    "rankability": _MODELLED,
    # made of all records together
    "discrimination": _MODELLED,
    "calibration": _MODELLED,
    # of a rate it is the number of its events, all but the last digits
    "calibration_by_chance": NetworkFigure(Of.BOTH, of_clustering=False, digits=_CLUSTERING),
    "mundlak": _MODELLED,
    "slope_within": _MODELLED,
    "slope_between": _MODELLED,
    # made of every clinic's own events or records
    "sd_within": _SHARE,
    "overdispersion": _SHARE,
    "count_dispersion": _SHARE,
    "own_spread": _SHARE,
    "own_design_effect": _SHARE,
}
UNDECLARED = NetworkFigure(Of.BOTH, of_clustering=True, digits=_CLUSTERING)
"""A figure that nobody has declared is taken to tell everything."""


def network_figure(name: str) -> NetworkFigure:
    """What the figure of this name tells."""
    return FIGURES.get(name, UNDECLARED)
