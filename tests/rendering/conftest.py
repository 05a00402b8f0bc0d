from __future__ import annotations

import re
from html import unescape

import pytest
from rendering.releases import chop_like, only, state48_like

from tasks.network.schema import Network
from tasks.release import Release
from tasks.rendering import Rendered, render_release
from tasks.rendering.edition import Edition
from tasks.rendering.read_edition import read_edition

OUTCOMES = ["positive", "hours"]
FEW = ["clinical lab", "behavioral hosp", "inpatient ward t", "specialty clinic 45"]


@pytest.fixture(scope="session")
def chop() -> tuple[Release, Network]:
    return chop_like()


@pytest.fixture(scope="session")
def state48() -> tuple[Release, Network]:
    return state48_like()


@pytest.fixture(scope="session")
def chop_edition(chop: tuple[Release, Network]) -> Edition:
    return read_edition(*chop)


@pytest.fixture(scope="session")
def state48_edition(state48: tuple[Release, Network]) -> Edition:
    return read_edition(*state48)


@pytest.fixture(scope="session")
def few(chop: tuple[Release, Network], tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """A network of four clinics, rendered: one large, one middling, one small, one withheld whole."""
    release, network = chop
    return render_release(only(release, FEW, OUTCOMES), network, tmp_path_factory.mktemp("few"), workers=1)


def page_text(html: str) -> str:
    """The words of a page without its charts."""
    bare = re.sub(r"<(svg|style|title)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())
