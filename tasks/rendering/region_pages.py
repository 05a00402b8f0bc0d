"""What the page says of regions: their clinics, and how many of them stand out, from what is published."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from reports.wording import say
from reports.wording.writing import listed
from tasks.network.schema import name_digest, slug
from tasks.rendering.edition import Clinic, Edition, Line, Outcome
from tasks.rendering.words.region_words import typical_of_region
from tasks.rendering.words.standing import short_reading

_TONES = ("worse", "better", "placed", "same", "uncompared", "own", "withheld", "absent")


@dataclass(frozen=True)
class RegionPage:
    """One region.

    Attributes:
        name: as the release has it.
        file: of its page, without the ending.
        clinics: its clinics, by name.
        standing: of each outcome with a page, its typical clinic, and how many of its clinics are what.
    """

    name: str
    file: str
    clinics: tuple[Clinic, ...]
    standing: tuple[tuple[Outcome, tuple[str, ...]], ...]

    def reading(self, outcome: Outcome, clinic: Clinic) -> tuple[Line, str, str]:
        """A clinic on an outcome: its line, the best estimate with its interval, and what is said of it."""
        line = outcome.by_clinic[clinic.name]
        best = line.shrunken
        figure = "" if best.value is None else outcome.notation.full(best.value, best.lower, best.upper)
        return line, figure, short_reading(line)


def region_pages(edition: Edition) -> list[RegionPage]:
    """Every region, by name; none where the network has none."""
    names = sorted({clinic.region for clinic in edition.clinics if clinic.region})
    taken: set[str] = set()
    found = []
    for name in names:
        file = slug(name)
        if file in taken:  # written alike: never the page of another
            file = f"{file}-{name_digest(name)}"
        taken.add(file)
        clinics = tuple(clinic for clinic in edition.clinics if clinic.region == name)
        standing = tuple((outcome, _standing(outcome, name, clinics)) for outcome in edition.drawn)
        found.append(RegionPage(name, file, clinics, standing))
    return found


def _standing(outcome: Outcome, region: str, clinics: tuple[Clinic, ...]) -> tuple[str, ...]:
    counts = Counter(outcome.by_clinic[clinic.name].tone for clinic in clinics)
    told = [f"{counts[tone]} {say(f'tone_short.{tone}')}" for tone in _TONES if counts[tone]]
    return (*filter(None, [typical_of_region(outcome, region)]), listed(told))
