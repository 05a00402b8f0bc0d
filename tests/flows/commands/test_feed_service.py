"""`clinicnet feed serve` as programs meet it: a real server, asked for what is published and what is not."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from golden.demo_feeds import undrawn
from served_page import Answer, asked, served
from small_network import ONE_OUTCOME, RECORDS, Run, write_network

from flows.monthly_job import report_period
from tasks.release import TABLES

pytestmark = pytest.mark.slow

SITE = "https://dashboard.example"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October and November."""
    records = RECORDS.replace("range(3000)", "range(9000)")
    file = write_network(tmp_path_factory.mktemp("feed"), records, ONE_OUTCOME)
    for month in ("2023-10", "2023-11"):
        report_period(file, month, undrawn())
    return file


@pytest.fixture(scope="module")
def feed(network: Path) -> Iterator[str]:
    """Where it is served, by the command itself."""
    with served("feed", network, "--allow-origin", SITE) as address:
        yield address


@pytest.fixture
def output(network: Path) -> Path:
    return network.parent / "output"


@pytest.fixture
def names(output: Path) -> list[str]:
    return sorted(each.name for each in (output / "releases").iterdir())


def _json(answer: Answer) -> Any:
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.content)


def _problem(answer: Answer) -> str:
    """The sentence of an answer that is one (RFC 9457)."""
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = json.loads(answer.content)
    assert set(said) == {"type", "title", "status", "detail"}
    assert said["status"] == answer.status
    return str(said["detail"])


def test_links_lead_from_the_first_address_to_every_row(feed: str, output: Path, names: list[str]) -> None:
    start = _json(asked(feed, "/"))
    listed = _json(asked(feed, start["releases"]))
    assert [each["name"] for each in listed["releases"]] == names[::-1]
    assert listed["latest"] == names[-1]
    latest = _json(asked(feed, start["latest"]))
    assert latest == _json(asked(feed, listed["releases"][0]["href"]))
    assert [each["name"] for each in latest["tables"]] == [table.name for table in TABLES]
    for table in latest["tables"]:
        rows, pages, nxt = [], [], f"{table['href']}?limit=7"
        while nxt:
            answer = asked(feed, nxt)
            page = _json(answer)
            assert page["release"] == names[-1]
            assert answer.headers.get("link") == (page["next"] and f'<{page["next"]}>; rel="next"')
            rows += page["rows"]
            pages.append(len(page["rows"]))
            nxt = page["next"]
        assert rows == json.loads((output / f"latest/feed/{table['name']}.json").read_text())
        assert page["total"] == len(rows)
        assert set(pages[:-1]) <= {7}
        whole = asked(feed, f"{table['href']}?format=csv&limit=1000")
        assert whole.content == (output / f"latest/feed/{table['name']}.csv").read_bytes()
        assert whole.headers["content-type"] == "text/csv; charset=utf-8"
    package = json.loads((output / "latest/feed/datapackage.json").read_text())
    assert _json(asked(feed, latest["datapackage"])) == package
    assert latest["statuses"] == package["statuses"]


def test_pages_of_csv_are_the_whole_table_and_stay_with_their_release(
    feed: str, output: Path, names: list[str]
) -> None:
    rows, nxt = [], "/releases/latest/tables/clinic_months?limit=30&format=csv"
    while nxt:
        answer = asked(feed, nxt)
        assert answer.headers["content-location"].startswith(f"/releases/{names[-1]}/tables/")
        head, *more = csv.reader(io.StringIO(answer.content.decode()))
        rows += more
        nxt = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
        assert not nxt or nxt.startswith(f"/releases/{names[-1]}/")
    with (output / "latest/feed/clinic_months.csv").open(newline="") as file:
        assert [head, *rows] == list(csv.reader(file))


@pytest.mark.parametrize("release", ["latest", 0])
def test_rows_are_those_that_agree(feed: str, output: Path, names: list[str], release: str | int) -> None:
    name = names[-1] if release == "latest" else names[int(release)]
    for table in TABLES:
        rows = json.loads((output / f"releases/{name}/feed/{table.name}.json").read_text())
        for row in rows[:: max(1, len(rows) // 2)]:
            for columns in ([], table.key[:1], table.key[-1:], table.key):
                where = {column: row[column] for column in columns}
                path = f"/releases/{name}/tables/{table.name}?{urlencode(where | {'limit': 1000})}"
                page = _json(asked(feed, path))
                agree = [each for each in rows if where.items() <= each.items()]
                assert (page["rows"], page["total"]) == (agree, len(agree))
    none = _json(asked(feed, f"/releases/{name}/tables/clinics?clinic=%00%F0%9F%8F%A5"))
    assert (none["rows"], none["total"], none["next"]) == ([], 0, None)
    beyond = _json(asked(feed, f"/releases/{name}/tables/clinics?offset=1000000000"))
    assert (beyond["rows"], beyond["total"], beyond["next"]) == ([], 6, None)


def test_one_clinic_and_one_outcome_are_the_feed_s_own_files(feed: str, output: Path) -> None:
    for path in ("clinics/clinic-a", "outcomes/vaccinated"):
        answer = asked(feed, f"/releases/latest/{path}")
        assert answer.content == (output / f"latest/feed/{path}.json").read_bytes()
        assert set(_json(answer)) == {"release", "network", "period", "tables"}


def test_what_is_known_is_not_sent_again(
    feed: str, network: Path, names: list[str], clinicnet_here: Run
) -> None:
    paths = ("", "/latest", "/latest/tables/indicators", "/latest/clinics/clinic-a", f"/{names[0]}")
    had = {}
    for path in (f"/releases{each}" for each in paths):
        answer = asked(feed, path)
        tag, changed = answer.headers["etag"], answer.headers["last-modified"]
        for known in (
            {"If_None_Match": tag},
            {"If_None_Match": f'"other", W/{tag}'},
            {"If_None_Match": "*"},
            {"If_Modified_Since": changed},
        ):
            again = asked(feed, path, **known)
            assert (again.status, again.content, again.headers["etag"]) == (304, b"", tag), known
        for unknown in (
            {"If_None_Match": '"other"', "If_Modified_Since": changed},
            {"If_Modified_Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
            {"If_Modified_Since": "yesterday"},
        ):
            assert asked(feed, path, **unknown).content == answer.content
        head = asked(feed, path, "HEAD")
        assert (head.status, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(answer.content))
        had[path] = answer
    clinicnet_here("withdraw", names[-1], "--by", "Ann", "--because", "a test", "-n", network)
    try:
        assert _problem(asked(feed, f"/releases/{names[-1]}")).startswith("this release was withdrawn;")
        assert asked(feed, f"/releases/{names[-1]}/tables/indicators").status == 410
        assert _json(asked(feed, "/releases"))["latest"] == names[0]
        for path, before in had.items():
            now = asked(feed, path, If_None_Match=before.headers["etag"])
            assert now.status == 200, path  # even the first release: it is the latest now
            assert names[-1].encode() not in now.content
    finally:
        clinicnet_here("restore", names[-1], "--by", "Ann", "-n", network)
    rows = "/releases/latest/tables/indicators"
    assert asked(feed, rows, If_None_Match=had[rows].headers["etag"]).status == 304


@pytest.mark.attack
def test_nothing_but_what_is_published_is_given_out(
    feed: str, network: Path, output: Path, names: list[str], tmp_path: Path
) -> None:
    """What stands beside the releases, names that lead out of them, and links that do."""
    (tmp_path / "secret.json").write_text('{"tables": "a secret"}')
    latest, other = output / "releases" / names[-1], output / "releases/2023-12-0123456789ab"
    held, staged = output / "held/2023-12-aaaaaaaaaaaa", output / ".staging/aaaa"
    made = [other, held, staged, output / "releases/2023-12-bbbbbbbbbbbb", output / "releases/.hidden"]
    for each in made[:3]:
        shutil.copytree(latest, each)
    made[3].symlink_to(latest)
    made[4].symlink_to(latest)
    links = [latest / "feed/clinics/out.json", latest / "feed/outcomes/out.json"]
    for link in links:
        link.symlink_to(tmp_path / "secret.json")
    paths = [
        f"/releases/{name}{below}"
        for name in (each.name for each in made)
        for below in ("", "/tables/indicators", "/clinics/clinic-a", "/datapackage.json")
    ]
    inside = f"/releases/{names[-1]}"
    paths += [f"{inside}/{each}" for each in ("clinics/out", "outcomes/out")]
    for dots in (
        "..",
        "%2e%2e",
        "..%2f",
        "%2E%2E%2F",
        "..%5c",
        "%c0%ae%c0%ae%c0%af",
        "....//",
        "%252e%252e%252f",
    ):
        paths += [
            f"/releases/{dots}",
            f"/releases/{dots}/{dots}/network.toml",
            f"{inside}/clinics/{dots}{dots}clinics",
            f"{inside}/clinics/{dots}/clinics",
            f"{inside}/outcomes/{dots}/{dots}/{dots}/.withholding-key",
            f"{inside}/{dots}/{names[0]}/feed/clinics.json",
        ]
    paths += [
        *(
            "/.withholding-key",
            "/network.toml",
            "/records.duckdb",
            "/runs/",
            "/held/",
            "/releases.json",
            "//",
        ),
        *(f"{inside}/feed/clinics.json", f"{inside}/tables/", f"{inside}/tables/clinics.json", f"{inside}/"),
        *(f"{inside}/clinics/", f"{inside}/clinics/%00", f"{inside}/clinics/{'x' * 300}", "/releases/"),
        *(f"{inside}/tables/..%2fclinics", f"{inside}/clinics/clinic-a.json", f"{inside}/clinics/Clinic-A"),
        *(f"/releases/{quote(str(latest), safe='')}", "/releases/%00", "/releases/2023-11", "/docs", "//"),
    ]
    try:
        for path in paths:
            answer = asked(feed, path)
            assert answer.status == 404, path
            assert "secret" not in _problem(answer)
        (output / "releases.json").rename(output / "releases.away")
        assert asked(feed, "/releases").status == 503
        assert "cannot be read just now" in _problem(asked(feed, f"{inside}/tables/clinics"))
        (output / "releases.away").rename(output / "releases.json")
        (latest / "feed").rename(latest / "kept")
        (latest / "feed").symlink_to(latest / "kept")
        assert asked(feed, f"{inside}/tables/clinics").status == 404
    finally:
        if (latest / "kept").exists():
            (latest / "feed").unlink()
            (latest / "kept").rename(latest / "feed")
        for each in (*links, *made):
            if each.is_symlink():
                each.unlink()
            else:
                shutil.rmtree(each)
    assert asked(feed, f"{inside}/tables/clinics").status == 200


def test_what_is_asked_wrongly_is_a_sentence(feed: str) -> None:
    table = "/releases/latest/tables/clinics"
    for query, said in {
        "clinc=Ward": "clinc: there is no such parameter here; /openapi.json says which there are",
        "outcome=vaccinated": "outcome: there is no such parameter here; /openapi.json says which there are",
        "clinic=a&clinic=b": "given more than once: clinic; ask once for each value",
        "limit=0": "limit: input should be greater than or equal to 1",
        "limit=1001": "limit: input should be less than or equal to 1000",
        "offset=-1": "offset: input should be greater than or equal to 0",
        "format=xml": "format: input should be 'json' or 'csv'",
        "limit=a&offset=b": "limit: input should be a valid integer, unable to parse string as an integer; "
        "offset: input should be a valid integer, unable to parse string as an integer",
    }.items():
        answer = asked(feed, f"{table}?{query}")
        assert (answer.status, _problem(answer)) == (422, said)
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = asked(feed, table, method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        assert _problem(answer) == "this service is for reading: GET or HEAD"
    assert _problem(asked(feed, "/releases", Host="evil.example")) == "Invalid host header"


def test_a_site_that_was_named_may_read_it_and_no_other(feed: str) -> None:
    preflight = {"Access_Control_Request_Method": "GET"}
    allowed = asked(feed, "/releases", "OPTIONS", Origin=SITE, **preflight)
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, SITE)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": SITE, "Access_Control_Request_Method": "PUT"},
    ):
        refused = asked(feed, "/releases", "OPTIONS", **(preflight | headers))
        assert refused.status == 400
        assert _problem(refused).startswith("Disallowed CORS ")
    read = asked(feed, "/releases", Origin=SITE)
    assert read.headers["access-control-allow-origin"] == SITE
    assert "ETag" in read.headers["access-control-expose-headers"]
    assert (
        "access-control-allow-origin" not in asked(feed, "/releases", Origin="https://evil.example").headers
    )


@pytest.mark.before_release
def test_schemathesis_finds_nothing(feed: str, tmp_path: Path) -> None:
    """All its checks, of requests that the OpenAPI document lets in and of such that it does not."""
    parameters = {
        "path.release": "latest",  # or nearly all it asks for is not there
        "path.slug": ["clinic-a", "nobody"],
        "path.outcome": ["vaccinated", "nothing"],
    }
    lines = [f'"{name}" = {json.dumps(values)}' for name, values in parameters.items()]
    (tmp_path / "schemathesis.toml").write_text("\n".join(["[parameters]", *lines]))
    program = Path(sys.executable).with_name("schemathesis")
    options = ["--checks", "all", "--max-examples", "5", "--generation-deterministic", "--no-color"]
    ran = subprocess.run(
        [program, "run", f"{feed}openapi.json", *options, "--report-har-path", "asked.har"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]
    entries = json.loads((tmp_path / "asked.har").read_text())["log"]["entries"]
    statuses = [each["response"]["status"] for each in entries]
    assert {200, 404, 405, 422} <= set(statuses) <= {200, 400, 404, 405, 422}
    assert statuses.count(200) > 200


def test_what_cannot_be_served_is_a_sentence(network: Path, tmp_path: Path, clinicnet_here: Run) -> None:
    nothing = clinicnet_here("feed", "serve", write_network(tmp_path, network=ONE_OUTCOME))
    assert nothing.returncode == 2
    assert "nothing is published in" in nothing.stderr
    for origin in ("dashboard.example", "https://dashboard.example/", "https://me@dashboard.example"):
        refused = clinicnet_here("feed", "serve", network, "--allow-origin", origin)
        assert refused.returncode == 2
        assert f"{origin!r} is no origin of pages" in refused.stderr
