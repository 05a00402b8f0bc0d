"""What is said of regions: the typical clinic of each, and how it compares with the network's."""

from __future__ import annotations

from dataclasses import dataclass

from reports.wording import say
from tasks.rendering.edition import Outcome
from tasks.rendering.numbers import whole
from tasks.rendering.shown_figures import RegionEstimate

_TONES = {"no_different": "same"}


@dataclass(frozen=True, slots=True)
class RegionRow:
    """A region in the table of an outcome's pages, as written."""

    region: str
    clinics: str
    typical: str
    against: str


def region_rows(outcome: Outcome) -> tuple[RegionRow, ...]:
    """A row for each region of which two clinics or more are shown, in the order of their names."""
    return tuple(
        RegionRow(
            each.region,
            say("region_table.of", shown=whole(each.n_clinics), all=whole(each.n_in_region)),
            _figure(outcome, each),
            say(f"tone_short.{_TONES.get(each.comparison, each.comparison)}") if _is_told(each) else "",
        )
        for each in outcome.regions
        if each.value is not None
    )


def typical_of_region(outcome: Outcome, region: str) -> str:
    """The region's typical clinic in a sentence; empty where fewer than two of its clinics are shown."""
    found = next((each for each in outcome.regions if each.region == region), None)
    if found is None or found.value is None:
        return ""
    key = f"region_table.line_{found.comparison}" if _is_told(found) else "region_table.line"
    return say(key, figure=_figure(outcome, found))


def _is_told(estimate: RegionEstimate) -> bool:
    return estimate.comparison in ("better", "worse", "no_different")


def _figure(outcome: Outcome, estimate: RegionEstimate) -> str:
    return outcome.notation.full(estimate.value or 0.0, estimate.lower, estimate.upper)
