"""`releases.json` alone is enough to find, check and read every release, and the feed of them is Atom."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from tasks.errors import PublishingError
from tasks.publishing import Output, write_catalogue, write_feed
from tasks.publishing.catalogue import SCHEMA_VERSION
from tasks.release import Release, Since

NAME = 'Clinics & "friends"'


def publish(output: Output, release: Release) -> None:
    with output.staging() as staging:
        staging.reports.mkdir()
        (staging.reports / "network.pdf").write_bytes(b"%PDF-1.7")
        write_feed(release, staging.feed)
        output.publish(staging, f"{release.period}-{release.id}", beside=None)
    write_catalogue(output, NAME, "en")


@pytest.fixture
def output(tmp_path: Path, make_release: Callable[..., Release]) -> Output:
    """Three releases: April, May, and April once more."""
    output = Output(tmp_path / "output")
    april = {"period": "2020-04", "window": ("2020-03", "2020-04"), "since": Since("1" * 12, "2020-03")}
    publish(output, make_release(**april, id="92855d900e68"))
    publish(output, make_release())
    publish(output, make_release(**april, id="aaaaaaaaaaaa"))
    return output


def read(output: Output) -> dict[str, Any]:
    catalogue: dict[str, Any] = json.loads((output.directory / "releases.json").read_text(encoding="utf-8"))
    return catalogue


@pytest.mark.slow
def test_every_release_is_found_from_the_catalogue_alone(output: Output) -> None:
    catalogue = read(output)
    assert {name: catalogue[name] for name in ("network", "language", "latest")} == {
        "network": NAME,
        "language": "en",
        "latest": "2020-05-3fa9c1d2e801",
    }
    said = [
        (each["name"], each["latest"], each["edition"], each["editions"]) for each in catalogue["releases"]
    ]
    assert said == [
        ("2020-05-3fa9c1d2e801", True, 1, 1),
        ("2020-04-aaaaaaaaaaaa", False, 2, 2),
        ("2020-04-92855d900e68", False, 1, 2),
    ]
    for each in catalogue["releases"]:
        package = (output.directory / each["datapackage"]["path"]).read_bytes()
        assert each["datapackage"]["hash"] == f"sha256:{hashlib.sha256(package).hexdigest()}"
        assert (output.directory / each["report"]).read_bytes() == b"%PDF-1.7"
        rows = pd.read_parquet(output.directory / f"{each['tables']['indicators']}.parquet")
        assert set(rows["release"]) == {each["id"]}
        assert each["changes"] == {"clinic_new": 1, "restated": 1, "verdict": 1, "withheld": 1}
        assert (each["clinics"], each["clinics_shown"]) == (2, 1)


@pytest.mark.slow
def test_its_schema_does_not_change_by_accident(output: Output) -> None:
    """Who reads it counts on these keys: raise SCHEMA_VERSION before one of them goes."""
    catalogue = read(output)
    assert catalogue["schema_version"] == SCHEMA_VERSION == 1
    assert {"network", "language", "updated", "latest", "releases"} <= set(catalogue)
    assert set(catalogue["releases"][0]) >= {
        *("name", "id", "period", "window", "records_up_to", "published", "latest", "edition", "editions"),
        *("clinics", "clinics_shown", "changes", "policy", "path", "datapackage", "tables", "report"),
    }


@pytest.mark.slow
def test_the_atom_feed_has_an_entry_a_release(output: Output) -> None:
    feed = ElementTree.parse(output.directory / "releases.atom").getroot()  # noqa: S314 (our own file)
    space = {"a": "http://www.w3.org/2005/Atom"}
    assert feed.findtext("a:title", namespaces=space) == NAME
    assert feed.findtext("a:author/a:name", namespaces=space) == NAME
    entries = feed.findall("a:entry", space)
    assert [each.findtext("a:title", namespaces=space) for each in entries] == [
        f"{NAME}, 2020-05",
        *[f"{NAME}, 2020-04"] * 2,
    ]
    for parent in (feed, *entries):
        for required in ("id", "title", "updated"):  # RFC 4287, §4.1
            assert parent.findtext(f"a:{required}", namespaces=space)
    assert len({each.findtext("a:id", namespaces=space) for each in entries}) == 3
    assert all((output.directory / each.find("a:link", space).attrib["href"]).exists() for each in entries)  # type: ignore[union-attr]


@pytest.mark.slow
def test_links_of_the_atom_feed_are_whole_where_the_address_is_known(output: Output) -> None:
    page = output.directory / "releases/2020-05-3fa9c1d2e801/page"
    page.mkdir()
    (page / "index.html").write_text("<!DOCTYPE html>")
    write_catalogue(output, NAME, "en", "https://reports.example/north/")
    feed = ElementTree.parse(output.directory / "releases.atom").getroot()  # noqa: S314 (our own file)
    newest = feed.find("{http://www.w3.org/2005/Atom}entry")
    assert newest is not None
    links = newest.findall("{http://www.w3.org/2005/Atom}link")
    place = "https://reports.example/north/releases/2020-05-3fa9c1d2e801"
    assert [(each.attrib["type"], each.attrib["href"]) for each in links] == [
        ("text/html", f"{place}/page/index.html"),
        ("application/pdf", f"{place}/reports/network.pdf"),
    ]
    assert [each.get("page") for each in read(output)["releases"]] == [
        "releases/2020-05-3fa9c1d2e801/page/index.html",
        *[None] * 2,
    ]


@pytest.mark.slow
def test_what_a_killed_run_left_aside_is_cleared_and_what_another_writes_is_not(output: Output) -> None:
    left, fresh = (output.directory / f".releases.json.{name}" for name in ("killed", "neighbour"))
    left.write_text("{")
    fresh.write_text("{")
    os.utime(left, (0, 0))
    write_catalogue(output, NAME, "en")
    assert not left.exists()
    assert fresh.exists()


@pytest.mark.slow
def test_made_again_it_is_the_same_and_leaves_nothing_aside(output: Output) -> None:
    before = {each.name: each.read_bytes() for each in output.directory.glob("releases.*")}
    write_catalogue(output, NAME, "en")
    assert {each.name: each.read_bytes() for each in output.directory.glob("releases.*")} == before
    assert not [each.name for each in output.directory.glob(".releases*")]


@pytest.mark.slow
def test_what_cannot_be_written_is_said_and_leaves_nothing_aside(output: Output) -> None:
    (output.directory / "releases.json").unlink()
    (output.directory / "releases.json").mkdir()
    with pytest.raises(PublishingError, match=r"releases\.json and releases\.atom could not be written"):
        write_catalogue(output, NAME, "en")
    assert not [each.name for each in output.directory.glob(".releases*")]


def test_whoever_may_read_releases_may_read_what_lists_them(
    tmp_path: Path, make_release: Callable[..., Release]
) -> None:
    before = os.umask(0o077)
    try:
        publish(Output(tmp_path / "output", rights=0o644), make_release())
    finally:
        os.umask(before)
    listing = [tmp_path / "output" / name for name in ("releases.json", "releases.atom")]
    assert [each.stat().st_mode & 0o777 for each in listing] == [0o644, 0o644]
