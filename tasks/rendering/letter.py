"""What each clinic is written beside its report: the sentences of that report, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports.wording import say
from reports.wording.writing import period_name
from tasks.network.schema import Network
from tasks.release import CLINICS, Release, plain_rows
from tasks.rendering.edition import Clinic, Edition, Line, Outcome
from tasks.rendering.read_edition import read_edition
from tasks.rendering.words import change_sentences, clinic_sentences


@dataclass(frozen=True, slots=True)
class Letter:
    """What one clinic is written.

    Attributes:
        clinic: its name, as the records have it.
        slug: what its report's file is called.
        title: in a line.
        body: in paragraphs.
    """

    clinic: str
    slug: str
    title: str
    body: str


def letters(release: Release, network: Network) -> list[Letter]:
    """A letter to every clinic of a release, in the network's language.

    Args:
        release: as it was published, all its tables.
        network: the network file that it belongs to.
    """
    names = {str(row["slug"]): str(row["clinic"]) for row in plain_rows(release[CLINICS.name])}
    edition = read_edition(release, network)
    with network.speaking():
        return [_letter(edition, clinic, names[clinic.slug]) for clinic in edition.clinics]


def _letter(edition: Edition, clinic: Clinic, name: str) -> Letter:
    reported = period_name(edition.release.period)
    title = say("letter.title", network=edition.release.network, clinic=clinic.name, reported=reported)
    paragraphs = [say("letter.enclosed", clinic=clinic.name, reported=reported)]
    if clinic.reportable:
        paragraphs.append(" ".join(sentence for _, sentence in clinic_sentences.in_short(edition, clinic)))
        paragraphs.append("\n".join(_best(edition, clinic)))
    else:
        paragraphs.append(clinic_sentences.why_unreported(edition, clinic))
    paragraphs.append(" ".join(change_sentences.of_clinic(edition, clinic)))
    return Letter(name, clinic.slug, title, "\n\n".join(filter(None, paragraphs)))


def _best(edition: Edition, clinic: Clinic) -> Iterator[str]:
    """Of each outcome the best estimate, or what the report says in its place."""
    for outcome in edition.outcomes:
        line = outcome.by_clinic[clinic.name]
        yield say("letter.outcome", label=outcome.label, says=_says(outcome, line))


def _says(outcome: Outcome, line: Line) -> str:
    best = line.shrunken
    if best.value is None or line.tone in ("withheld", "absent", "own"):
        return clinic_sentences.reading(outcome, line)
    fair = outcome.notation.prose_full(best.value, best.lower, best.upper)
    return say("letter.best", fair=fair, standing=say(f"tone.{line.tone}"))
