"""The page of a network like chop's, in a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from rendering.releases import chop_like

from tasks.rendering.page import write_clinic_page, write_network_pages
from tasks.rendering.read_edition import read_edition

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`page/` of a release."""
    edition = read_edition(*chop_like())
    in_regions = (replace(each, region="East" if k % 2 else "West") for k, each in enumerate(edition.clinics))
    edition = replace(edition, clinics=tuple(in_regions))
    page = tmp_path_factory.mktemp("release") / "page"
    write_network_pages(edition, page)
    for clinic in edition.clinics:
        write_clinic_page(edition, clinic, page)
    return page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright; there is no sandbox where tests run as root.

    It ends with its module: as long as it is open a loop of asyncio runs in this thread, and whoever asks
    Prefect for something here is taken for asynchronous.
    """
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, folder: Path) -> Iterator[Page]:
    """A tab on a desk; it fails on an error in the page, and on a request that leaves the folder."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    tab, wrong = context.new_page(), list[str]()
    tab.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda asked: None if _inside(asked.url, folder) else wrong.append(asked.url))
    yield tab
    context.close()
    assert not wrong


def _inside(url: str, folder: Path) -> bool:
    return url.startswith(folder.as_uri() + "/")
