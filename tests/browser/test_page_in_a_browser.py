"""The page as people meet it: on a desk and a telephone, by mouse and keyboard, in the dark, read aloud."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FILES = ["index", "outcome-1", "outcome-2", "outcome-4", "program", "regions", "clinics", "methods"]


def files(folder: Path) -> list[Path]:
    """One page of each kind, and three clinics' of fifty that are written alike."""
    of_regions = sorted((folder / "regions").iterdir())[:1]
    return [
        *(folder / f"{name}.html" for name in FILES),
        *of_regions,
        *sorted((folder / "clinics").iterdir())[:3],
    ]


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.before_release)])
def test_axe_finds_nothing_wrong_with_any_kind_of_page(page: Page, folder: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for each in files(folder):
        page.goto(each.as_uri())
        found = Axe().run(page, options={"preload": False}).response["violations"]
        assert not [(each.name, one["id"], one["nodes"][0]["html"][:120]) for one in found]


# a telephone, and a desk of 1,280 pixels at 200%
@pytest.mark.parametrize(("width", "pixels"), [(360, 3.0), (640, 2.0)])
def test_no_page_is_wider_than_its_screen(chromium: Browser, folder: Path, width: int, pixels: float) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 740}, device_scale_factor=pixels)
    tab = context.new_page()
    for each in files(folder):
        tab.goto(each.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, each.name
    context.close()


def test_links_lead_from_the_overview_to_an_outcome_to_a_clinic_and_back(page: Page, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    page.get_by_role("navigation").get_by_role("link").nth(1).click()
    assert page.url == (folder / "outcome-1.html").as_uri()
    assert page.locator("[aria-current=page]").count() == 1
    first = page.locator("table.clinics a").first
    name = first.inner_text()
    first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    permalink = page.url
    page.get_by_role("navigation").get_by_role("link").first.click()
    assert page.url == (folder / "index.html").as_uri()
    page.goto(permalink)
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_the_keyboard_skips_the_menu(page: Page, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    expect(page.locator("a.skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_point_says_whose_it_is_where_the_pointer_rests(page: Page, folder: Path) -> None:
    page.goto((folder / "outcome-2.html").as_uri())
    own = {
        (row.get_by_role("rowheader").text_content() or ""): row.get_by_role("cell")
        .nth(1)
        .inner_text()
        .split()[0]
        for row in page.locator("table.clinics").first.locator("tbody tr:not(.group)").all()
    }
    funnel = page.locator(".pair svg").first
    points = funnel.locator("circle.told")
    assert points.count() > 20
    for point in points.all():
        point.scroll_into_view_if_needed()
        box = point.bounding_box()
        assert box is not None
        said = page.evaluate(
            "([x, y]) => document.elementFromPoint(x, y).querySelector('title').textContent",
            [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
        )
        name, _, value = said.rpartition(": ")
        assert own[name] == value
    point.hover()
    assert point.evaluate("point => getComputedStyle(point).stroke") != "none"
    months = page.locator(".keep svg circle.told")
    assert re.fullmatch(r"[A-Z][a-z]+ 20\d\d: \d+(\.\d+)?%?", months.last.text_content() or "")


def test_a_clinic_is_found_by_a_part_of_its_name(page: Page, folder: Path) -> None:
    page.goto((folder / "clinics.html").as_uri())
    rows = page.locator("table.index tbody tr:visible")
    everything = rows.count()
    page.get_by_role("searchbox").fill("WARD T")
    assert rows.all_inner_texts()[0].startswith("inpatient ward t")
    assert rows.count() == 1
    expect(page.locator("output").first).to_have_text(f"1 of {everything} clinics")
    page.get_by_role("searchbox").fill("")
    assert rows.count() == everything


def test_a_heading_sorts_by_its_numbers_up_then_down_then_not(page: Page, folder: Path) -> None:
    page.goto((folder / "outcome-2.html").as_uri())
    table = page.locator("table.clinics").first
    cells = table.locator("tbody tr:visible td:nth-child(2)")
    heading = table.get_by_role("columnheader").nth(1)
    printed = table.locator("tbody tr").all_inner_texts()
    heading.get_by_role("button").press("Enter")
    numbers = [int(text.replace(",", "")) for text in cells.all_inner_texts()]
    assert numbers == sorted(numbers)
    assert numbers[-1] > 999  # written with a comma, and not taken for 1
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").click()
    assert [int(text.replace(",", "")) for text in cells.all_inner_texts()] == sorted(numbers, reverse=True)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    assert table.locator("tbody tr:visible").all_inner_texts() == printed


def test_without_its_script_the_page_says_the_same(chromium: Browser, folder: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto((folder / "outcome-2.html").as_uri())
    assert plain.locator("table.clinics tbody tr").count() > 20
    assert plain.locator("input, button").count() == 0
    context.close()
