"""The page as `clinicnet page serve` gives it to a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from served_page import served_page
from small_network import write_network

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def served(folder: Path, tmp_path: Path) -> Iterator[str]:
    """Where the page is served, as the latest release of an output directory."""
    network = write_network(tmp_path)
    releases = tmp_path / "output/releases"
    shutil.copytree(folder, releases / "2020-05-one/page")
    (tmp_path / "output/latest").symlink_to("releases/2020-05-one")
    with served_page(network) as address:
        yield address


def test_the_first_address_leads_to_the_overview_and_on_to_a_clinic(served: str, chromium: Browser) -> None:
    context = chromium.new_context()
    tab, wrong = context.new_page(), list[str]()
    tab.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda asked: None if asked.url.startswith(served) else wrong.append(asked.url))
    tab.on("response", lambda got: wrong.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    tab.goto(served)
    assert tab.url == f"{served}latest/page/index.html"
    tab.goto(f"{served}latest/page/clinics.html")
    link = tab.locator("table.index a").first
    clinic = link.inner_text()
    link.click()
    expect(tab.get_by_role("heading", level=1)).to_contain_text(clinic)
    assert "/latest/page/clinics/" in tab.url
    assert tab.evaluate("getComputedStyle(document.body).fontFamily") != "Times New Roman"  # styled
    context.close()
    assert not wrong
