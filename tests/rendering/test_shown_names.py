"""Long names: what reports show instead, and that it names the same clinic everywhere."""

from __future__ import annotations

import pytest
from rendering.conftest import page_text
from rendering.releases import with_clinic_names

from tasks.network.schema import Network
from tasks.release import Release
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.network_report import network_html
from tasks.rendering.read_edition import read_edition
from tasks.rendering.words.clinic_sentences import program_words
from tasks.rendering.words.shown_names import LONGEST, shown, with_shown_names

LONG = "Gesundheitszentrum" * 300
OTHER = LONG + "!"


def test_a_name_as_long_as_a_file_name_may_be_is_shown_whole() -> None:
    assert shown("Centre de santé " * 18) == "Centre de santé " * 18
    assert len(shown(LONG)) == LONGEST
    assert shown(LONG) != shown(OTHER)


def test_a_release_without_long_names_is_left_as_it_is(state48: tuple[Release, Network]) -> None:
    release, _ = state48
    assert with_shown_names(release) is release


@pytest.fixture(scope="module")
def renamed(state48: tuple[Release, Network]) -> tuple[Release, Network]:
    """Two clinics whose names begin alike, one of which has a start of the program."""
    release, network = state48
    assert network.program is not None
    assert network.program.starts is not None
    first = next(iter(network.program.starts))
    second = next(name for name in release["clinics"]["clinic"] if name != first)
    starts = {LONG if name == first else name: start for name, start in network.program.starts.items()}
    program = network.program.model_copy(update={"starts": starts})
    return (
        with_clinic_names(release, {first: LONG, second: OTHER}),
        network.model_copy(update={"program": program}),
    )


@pytest.mark.slow
def test_every_page_shows_the_beginning_and_keeps_two_apart(renamed: tuple[Release, Network]) -> None:
    edition = read_edition(*renamed)
    pages = [network_html(edition), *(clinic_html(edition, clinic) for clinic in edition.clinics[:3])]
    assert all(LONG[: LONGEST + 1] not in page for page in pages)
    index = page_text(pages[0])
    assert shown(LONG) in index
    assert shown(OTHER) in index


def test_a_long_name_has_its_records_and_its_start(renamed: tuple[Release, Network]) -> None:
    edition = read_edition(*renamed)
    clinic = next(each for each in edition.clinics if each.name == shown(LONG))
    assert any(outcome.by_clinic[clinic.name].size for outcome in edition.outcomes)
    assert "here since" in program_words(edition, clinic)
