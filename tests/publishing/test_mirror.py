"""Releases in a bucket and in a folder: a reader there sees the release before or the new one, never half."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from golden.demo_feeds import undrawn
from publishing.bucket_server import Bucket, bucket_server, named_releases
from small_network import MONTH, ONE_OUTCOME, RECORDS, Run, write_network

from flows.mirroring import mirror_if_declared, problems
from flows.monthly_job import report_period
from flows.release_decisions import approve_held, restore_release, withdraw_release
from tasks.errors import PublishingError
from tasks.network import read_network
from tasks.publishing import Kept, Output, kept_releases, withdraw, write_feed
from tasks.publishing.mirror import SUMS, Identity, Mirrored, mirror
from tasks.publishing.mirror_store import opened
from tasks.publishing.output import PARTS
from tasks.publishing.pruning import prune
from tasks.release import Release, Since

pytestmark = [pytest.mark.slow, pytest.mark.before_release]

APRIL, MAY = "2020-04-92855d900e68", "2020-05-3fa9c1d2e801"
WHOSE = Identity("Six clinics", "en")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with bucket_server(monkeypatch) as running:
        yield running


@pytest.fixture
def output(tmp_path: Path, make_release: Callable[..., Release]) -> Output:
    """April is published."""
    output = Output(tmp_path / "output")
    april = {"period": "2020-04", "window": ("2020-03", "2020-04"), "since": Since("1" * 12, "2020-03")}
    _publish(output, make_release(**april, id="92855d900e68"))
    return output


def _publish(output: Output, release: Release) -> None:
    with output.staging() as staging:
        for name in ("reports/network.pdf", "reports/clinics/ward-1.pdf", "page/index.html"):
            (staging.path / name).parent.mkdir(exist_ok=True, parents=True)
            (staging.path / name).write_text(f"{name} of {release.period}")
        write_feed(release, staging.feed)
        output.publish(staging, f"{release.period}-{release.id}", beside=None)


def _to(output: Output, target: str, parts: tuple[str, ...] = PARTS) -> Mirrored:
    return mirror(output, opened(target, target, output.directory.parent, output.rights), WHOSE, parts)


def _kept(output: Output, name: str) -> Kept:
    return next(each for each in kept_releases(output) if each.name == name)


def _seen(target: Path) -> tuple[str | None, set[str]]:
    return named_releases(lambda path: (target / path).read_bytes())


def _tree(directory: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(directory)): each.read_bytes() for each in directory.rglob("*") if each.is_file()
    }


def test_whoever_reads_a_bucket_sees_the_release_before_or_the_new_one(
    output: Output, make_release: Callable[..., Release], bucket: Bucket
) -> None:
    seen: list[tuple[str | None, set[str]]] = []

    def look() -> None:
        files = bucket.files()
        if "north/releases.json" in files:
            seen.append(named_releases(lambda path: files[f"north/{path}"]))

    bucket.after = look
    first = _to(output, "s3://reports/north")
    assert bucket.changes[-2:] == [("PUT", "north/releases.json"), ("PUT", "north/releases.atom")]
    assert seen == [(APRIL, {APRIL})] * 2
    assert (first.standing, first.removed) == (1, 0)
    before = {f"releases/{APRIL}/{path}" for path in _tree(output.directory / "releases" / APRIL)}
    more = {"releases.json", "releases.atom", f"releases/{APRIL}/{SUMS}"}
    assert {path.removeprefix("north/") for path in bucket.files()} == before | more
    assert first.put == len(before)
    assert bucket.content_type(f"north/releases/{APRIL}/page/index.html") == "text/html"
    assert bucket.content_type("north/releases.json") == "application/json"

    seen.clear()
    _publish(output, make_release())
    _to(output, "s3://reports/north")
    n = sum(path.startswith("north/releases/") and MAY in path for _, path in bucket.changes)
    assert seen == [(APRIL, {APRIL})] * n + [(MAY, {APRIL, MAY})] * 2

    bucket.changes.clear()
    assert _to(output, "s3://reports/north") == Mirrored(standing=2, put=0, removed=0)
    assert bucket.changes == []

    seen.clear()
    withdraw(output, _kept(output, MAY), "A. Lovelace", "denominators")
    _to(output, "s3://reports/north")
    assert {each[0] for each in seen} == {APRIL}
    assert not [path for path in bucket.files() if MAY in path]
    said = json.loads(bucket.files()["north/releases.json"])["releases"]
    assert [each["withdrawn"] and each["withdrawn"]["because"] for each in said] == ["denominators", None]


def test_what_the_sums_say_is_checked_as_sha256sum_does(output: Output, tmp_path: Path) -> None:
    _to(output, "mirror")
    release = tmp_path / "mirror/releases" / APRIL
    said = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=release, check=False)
    assert said.returncode == 0
    ours = _tree(output.directory / "releases" / APRIL)
    assert _tree(release) == ours | {SUMS: (release / SUMS).read_bytes()}


@pytest.mark.faults
def test_after_kill_9_the_same_command_copies_the_rest(
    output: Output,
    make_release: Callable[..., Release],
    bucket: Bucket,
    tmp_path: Path,
    clinicnet_here: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = f'{ONE_OUTCOME}\n[mirror]\ntargets = ["s3://reports/${{WHERE}}"]\n'
    network = write_network(tmp_path, network=text)
    monkeypatch.setenv("WHERE", "north")
    _to(output, "s3://reports/north")
    _publish(output, make_release())
    bucket.changes.clear()
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "mirror", str(network)], stdout=subprocess.DEVNULL
    )

    def end() -> None:
        if len(bucket.changes) == 20:
            process.send_signal(signal.SIGKILL)

    bucket.after = end
    assert process.wait(timeout=120) == -signal.SIGKILL
    files = bucket.files()
    assert named_releases(lambda path: files[f"north/{path}"]) == (APRIL, {APRIL})
    there = sum(MAY in path for path in files)
    assert 20 <= there < len(_tree(output.directory / "releases" / MAY))
    ended = clinicnet_here("mirror", network)
    assert ended.returncode == 0, ended.stderr
    left = len(_tree(output.directory / "releases" / MAY)) - there
    assert ended.stdout == (f"s3://reports/${{WHERE}}  2 releases stand: {left} files copied, 0 taken out\n")
    files = bucket.files()
    assert named_releases(lambda path: files[f"north/{path}"]) == (MAY, {APRIL, MAY})


@pytest.mark.faults
def test_a_folder_s_reader_never_sees_half_however_often_it_is_killed(
    output: Output, make_release: Callable[..., Release], tmp_path: Path
) -> None:
    _to(output, "mirror")
    _publish(output, make_release())
    seen, stop = set[str | None](), threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(_seen(tmp_path / "mirror")[0])

    watcher = threading.Thread(target=watch)
    watcher.start()
    program = (
        "import os, signal, sys, pathlib\n"
        "from pathlib import Path\n"
        "from tasks.publishing import Output\n"
        "from tasks.publishing.mirror import Identity, mirror\n"
        "from tasks.publishing.mirror_store import opened\n"
        "put, left = pathlib.Path.replace, [int(sys.argv[2])]\n"
        "def counted(self, to):\n"
        "    left[0] -= 1\n"
        "    if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return put(self, to)\n"
        "pathlib.Path.replace = counted\n"
        "start = Path(sys.argv[1])\n"
        "mirror(Output(start / 'output'), opened('mirror', 'mirror', start, None),\n"
        "       Identity('Six clinics', 'en'), ('feed', 'reports', 'page'))\n"
    )
    try:
        n = len(_tree(output.directory / "releases" / MAY))
        for moment in (n // 2, n // 2 + 1, 2):  # the last: SHA256SUMS is there, the catalogue not
            killed = subprocess.run([sys.executable, "-c", program, str(tmp_path), str(moment)], check=False)
            assert killed.returncode == -signal.SIGKILL
            assert _seen(tmp_path / "mirror") == (APRIL, {APRIL})
        _to(output, "mirror")
    finally:
        stop.set()
        watcher.join()
    assert seen <= {APRIL, MAY}
    assert _seen(tmp_path / "mirror") == (MAY, {APRIL, MAY})
    assert not list((tmp_path / "mirror/releases").rglob("*.part"))


def test_what_is_damaged_there_is_not_named_until_it_is_mended(
    output: Output, make_release: Callable[..., Release], bucket: Bucket, tmp_path: Path
) -> None:
    _publish(output, make_release())
    _to(output, "s3://reports")
    _to(output, "mirror")
    from fsspec import filesystem

    for system, where in ((filesystem("s3", skip_instance_cache=True), "reports"), (None, "mirror")):
        path = f"releases/{MAY}/feed/clinics.csv"
        if system is None:
            (tmp_path / where / path).unlink()
        else:
            system.rm_file(f"{where}/{path}")
    seen: list[str | None] = []

    def look() -> None:
        if bucket.changes[-1][1] == "releases.json":
            seen.append(json.loads(bucket.files()["releases.json"])["latest"])

    bucket.after = look
    for target in ("s3://reports", "mirror"):
        assert _to(output, target) == Mirrored(standing=2, put=1, removed=0)
    assert seen == [APRIL, MAY]
    assert _seen(tmp_path / "mirror") == (MAY, {APRIL, MAY})


def test_made_anew_under_the_same_name_its_files_are_those_of_now(output: Output, tmp_path: Path) -> None:
    _to(output, "mirror")
    report = output.directory / "releases" / APRIL / "reports/network.pdf"
    report.write_text(report.read_text().upper())  # as long as before
    assert _to(output, "mirror").put == 1
    assert (tmp_path / "mirror/releases" / APRIL / "reports/network.pdf").read_text() == report.read_text()


def test_parts_come_and_go_and_only_what_is_there_is_named(
    output: Output, make_release: Callable[..., Release], tmp_path: Path
) -> None:
    _publish(output, make_release())
    prune(output, [_kept(output, APRIL)])
    mine = tmp_path / "mirror/releases/notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("somebody's own")
    for parts in (("feed",), PARTS, ("reports", "feed")):
        _to(output, "mirror", parts)
        release = tmp_path / "mirror/releases" / MAY
        assert {each.name for each in release.iterdir()} == {SUMS, *parts}
        (said,) = json.loads((tmp_path / "mirror/releases.json").read_text())["releases"]
        assert ("page" in said, "report" in said) == ("page" in parts, "reports" in parts)
        assert ("page" in (tmp_path / "mirror/releases.atom").read_text()) == ("page" in parts)
    _to(output, "mirror", ("feed",))
    assert mine.read_text() == "somebody's own"
    assert [each.name for each in mine.parent.iterdir() if each.is_dir()] == [MAY]


@pytest.mark.attack
def test_a_link_in_a_mirror_loses_nobody_a_file(output: Output, tmp_path: Path) -> None:
    outside = tmp_path / "outside/feed"
    outside.mkdir(parents=True)
    (outside / "clinics.csv").write_text("mine")
    releases = tmp_path / "mirror/releases"
    (releases / APRIL).mkdir(parents=True)
    (releases / APRIL / "feed").symlink_to(outside)
    (releases / "2019-01-000000000000").symlink_to(outside)
    (output.directory / "releases" / APRIL / "feed/secret").symlink_to(outside / "clinics.csv")
    _to(output, "mirror")
    assert _tree(outside) == {"clinics.csv": b"mine"}
    assert not (releases / APRIL / "feed").is_symlink()
    assert not (releases / APRIL / "feed/secret").exists()
    assert not (releases / "2019-01-000000000000").is_symlink()
    shutil.rmtree(releases)
    releases.symlink_to(tmp_path / "outside")
    with pytest.raises(PublishingError, match="has a link for its directory releases"):
        _to(output, "mirror")


def test_rights_are_those_of_the_network_file(output: Output, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        _to(Output(output.directory, 0o644), "mirror")
    finally:
        os.umask(before)
    modes = {each.stat().st_mode & 0o777 for each in (tmp_path / "mirror").rglob("*") if each.is_file()}
    folders = {each.stat().st_mode & 0o777 for each in (tmp_path / "mirror").rglob("*") if each.is_dir()}
    assert (modes, folders) == ({0o644}, {0o755})


def test_a_release_goes_there_with_its_run_and_with_a_decision(
    tmp_path: Path, clinicnet_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    records = RECORDS.replace("range(3000)", "range(9000)")
    network = write_network(
        tmp_path, records, f'{ONE_OUTCOME}\n[mirror]\ntargets = ["file://{tmp_path}/there", "here"]\n'
    )
    reported = report_period(network, "2023-10", undrawn())
    name = reported.directory.name
    for where in ("there", "here"):
        assert _seen(tmp_path / where) == (name, {name})
    assert '"did": "2 of 2 up to date"' in reported.record.read_text()
    text = network.read_text()
    network.write_text(f'{text}\n[release]\napproval = "required"\n')
    held = report_period(network, MONTH, undrawn())
    assert _seen(tmp_path / "here") == (name, {name})
    said = list(approve_held(network, None, "A. Lovelace", None))
    assert said[-1] == "Mirrors   2 of 2 up to date"
    assert _seen(tmp_path / "here") == (held.directory.name, {name, held.directory.name})
    list(withdraw_release(network, MONTH, "A. Lovelace", "denominators"))
    assert _seen(tmp_path / "there") == (name, {name})
    list(restore_release(network, MONTH, "A. Lovelace", None))
    assert _seen(tmp_path / "there")[0] == held.directory.name

    network.write_text(text.replace('"here"', '"s3://reports/a", "output/x", "gs://a/b", "records.duckdb/x"'))
    said = mirror_if_declared(read_network(network), Output(tmp_path / "output"))
    assert str(said).startswith(
        "1 of 5 up to date; the mirror s3://reports/a failed: NoCredentialsError; [mir"
    )
    ended = clinicnet_here("mirror", network)
    assert ended.returncode == 2
    assert f"file://{tmp_path}/there  2 releases stand: 0 files copied, 0 taken out\n" in ended.stdout
    ended = clinicnet_here("check", network)
    assert ended.returncode == 2
    for sentence in (
        "the mirror s3://reports/a failed: NoCredentialsError; see that it is there",
        "[mirror] the target output/x is the output directory, or within it; name another folder",
        "the mirror gs://a/b cannot be reached: the library for gs:// is not installed; install gcsfs where",
        "the mirror records.duckdb/x failed: not a directory; see that it is there",
    ):
        assert sentence in ended.stderr


def test_what_keeps_a_mirror_from_being_one_is_a_sentence(
    output: Output, bucket: Bucket, tmp_path: Path, clinicnet_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_network(tmp_path, network=ONE_OUTCOME)
    assert "the network file has no [mirror] to bring up to date" in clinicnet_here("mirror", file).stderr
    targets = (
        '["s3://nowhere/a", "nosuch://a/b", "s3://${NOT_THERE}/c", "another", "strange", "s3://reports"]'
    )
    network = read_network(
        write_network(tmp_path / "own", network=f"{ONE_OUTCOME}\n[mirror]\ntargets = {targets}")
    )
    for name, text in (("another", '{"network": "Others", "releases": []}'), ("strange", "[]")):
        (tmp_path / "own" / name).mkdir()
        (tmp_path / "own" / name / "releases.json").write_text(text)
    assert [each.message for each in problems(network)] == [
        "the mirror s3://nowhere/a failed: there is no such bucket or folder",
        "the mirror nosuch://a/b cannot be reached: it is no address that fsspec knows",
        "[mirror] needs the environment variable NOT_THERE, which is not set",
        "the mirror another holds the releases of another network",
        "the mirror strange has a releases.json that is not clinicnet's",
    ]
    with pytest.raises(PublishingError, match="so there is nothing to mirror"):
        _to(Output(tmp_path / "nothing"), "mirror")
    assert bucket.files() == {}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(PublishingError, match="the mirror s3://reports failed: EndpointConnectionError"):
        _to(output, "s3://reports")
