"""The clinics' figures as FHIR R4 MeasureReports, judged by a library that knows the standard."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError
from rendering.releases import chop_like

from tasks.network.schema import Network
from tasks.publishing.feed import write_feed
from tasks.release import Release
from tasks.releasing.indicators import indicators
from tasks.releasing.measures import measures

_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    release, network = chop_like()
    directory = tmp_path_factory.mktemp("feed")
    write_feed(_with_indicators(release, network), directory)
    return directory


def _with_indicators(release: Release, network: Network) -> Release:
    tables = {**release.tables, "measures": measures(network)}
    made = {**tables, "indicators": indicators(tables, release.window)}
    return dataclasses.replace(release, tables=made)


@pytest.mark.slow
def test_every_bundle_is_valid_and_has_every_clinic(feed: Path) -> None:
    rows = json.loads((feed / "indicators.json").read_text())
    bundles = {file.stem.removeprefix("measure-reports-"): file for file in (feed / "fhir").iterdir()}
    assert set(bundles) == {row["outcome"] for row in json.loads((feed / "outcomes.json").read_text())}
    for outcome, file in bundles.items():
        told = json.loads(file.read_text())
        bundle = Bundle.model_validate(told)
        assert json.loads(bundle.model_dump_json()) == told
        clinics = [each["resource"]["reporter"]["display"] for each in told["entry"]]
        assert clinics == [row["clinic"] for row in rows if row["outcome"] == outcome]
        identifiers = [each["fullUrl"] for each in told["entry"]]
        assert len(set(identifiers)) == len(identifiers)


def test_the_judge_knows_the_standard() -> None:
    with pytest.raises(ValidationError):
        Bundle.model_validate({"resourceType": "Bundle", "type": "collection", "entries": []})


def test_numbers_are_the_feed_s_and_what_is_withheld_is_masked(feed: Path) -> None:
    rows = {
        row["clinic"]: row
        for row in json.loads((feed / "indicators.json").read_text())
        if row["outcome"] == "positive"
    }
    reports = [
        each["resource"]
        for each in json.loads((feed / "fhir/measure-reports-positive.json").read_text())["entry"]
    ]
    seen = set()
    for report in reports:
        row = rows[report["reporter"]["display"]]
        own, best = report["group"]
        withheld = row["status"].startswith("suppressed")
        seen.add(withheld)
        counts = {
            each["code"]["coding"][0]["code"]: each.get("count", each.get("_count"))
            for each in own["population"]
        }
        if withheld:
            masked = {"extension": [{"url": _ABSENT, "valueCode": "masked"}]}
            assert counts == {"numerator": masked, "denominator": masked}
            assert own["measureScore"] == best["measureScore"] == masked
        elif row["numerator"] is not None:
            assert counts == {"numerator": row["numerator"], "denominator": row["denominator"]}
            assert own["measureScore"]["value"] == row["own_value"]
            assert best["measureScore"]["value"] == row["value"]
            assert best["measureScore"]["unit"] == "%"
        assert report["period"] == {"start": "2020-01-01", "end": "2020-05-31"}
        assert "improvementNotation" not in report  # neither direction is better
    assert seen == {True, False}
