"""The image's own steps, done on this machine: built as it says, and run as its user on a read-only root."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from deploy.containerfile import CONTAINERFILE, REPOSITORY, stages
from small_network import MONTH, ONE_OUTCOME, write_network

pytestmark = pytest.mark.before_release

BUILD, IMAGE = stages()

_NAMESPACE = r"""
set -eu
mount --make-rprivate /
mkdir -p "$scratch/old" "$scratch/opt"
mount --rbind /opt "$scratch/old"
for each in "$scratch"/old/*; do
    mkdir -p "$scratch/opt/${each##*/}"
done
mkdir -p "$scratch/opt/clinicnet"
mount --bind "$scratch/opt" /opt
for each in "$scratch"/old/*; do
    [ "${each##*/}" = clinicnet ] || mount --rbind "$each" "/opt/${each##*/}"
done
"""
"""In a mount namespace: /opt/clinicnet is a directory of ours, and the machine's own is not touched."""

_AS_THE_IMAGE_RUNS = r"""
mount --bind "$scratch/srv" /srv
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -o remount,bind,ro /opt
mount -o remount,bind,ro /
cd /srv/clinicnet
for each in /usr/bin/dash /usr/bin/bash /usr/bin/zsh /usr/bin/busybox; do
    [ ! -e "$each" ] || mount --bind /dev/null "$each"
done
exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all \
    --inh-caps=-all env -i "$@"
"""
"""And: the root is read-only, there is no shell, and the rest runs as the image's user, without a home."""

_LOOPBACK_ALONE = r"""
/usr/bin/python3 -c "
import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14x', b'lo', 0x41))  # SIOCSIFFLAGS: up and running
"
"""
"""In a network namespace: the machine itself is all that can be reached, as with `--network=none`."""

_WHAT_IS_THERE = """
import errno, json, os, pwd, socket, subprocess
def known(user):
    try:
        return bool(pwd.getpwuid(user))
    except KeyError:
        return False
def reaches(address):
    with socket.socket() as tried:
        try:
            return tried.connect_ex((address, 9)) in (0, errno.ECONNREFUSED)
        except OSError:
            return False
def shell():
    try:
        return subprocess.run("true", shell=True, check=False).returncode == 0
    except OSError:
        return False
print(json.dumps({
    "user": os.getuid(),
    "known": known(os.getuid()),
    "home": os.environ.get("HOME"),
    "shell": shell(),
    "reaches": [each for each in ("127.0.0.1", "192.0.2.1") if reaches(each)],
    "writable": [each for each in ("/", "/opt/clinicnet", "/usr", "/etc", "/var", "/tmp", "/srv/clinicnet")
                 if os.access(each, os.W_OK)],
    "read_only": all(os.statvfs(each).f_flag & os.ST_RDONLY for each in ("/", "/opt/clinicnet")),
}))
"""


def _why_not() -> str | None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv"))):
        return "namespaces and another user need root, unshare and setpriv"
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        return "this machine allows no mount namespace"
    python = ["/usr/bin/python3", "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"]
    if not Path(python[0]).exists() or subprocess.run(python, check=False, capture_output=True).returncode:
        return "Debian's python3 and python3-venv, which the image has, are not installed"
    return None


class Machine:
    """The image's file system, as far as this machine gives it."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    def build(self) -> None:
        """COPY and RUN as they stand, after the system's packages."""
        source = self.scratch / "build"
        for said in BUILD.all_of("COPY"):
            *files, to = said.split()
            for each in files:
                target = source / to / (Path(each).name if (REPOSITORY / each).is_file() else "")
                target.parent.mkdir(parents=True, exist_ok=True)
                if (REPOSITORY / each).is_file():
                    shutil.copy(REPOSITORY / each, target)
                else:
                    shutil.copytree(REPOSITORY / each, target, ignore=shutil.ignore_patterns("__pycache__"))
        packages, *steps = BUILD.all_of("RUN")
        assert packages.startswith("apt-get update")
        outside = {
            name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")
        }
        for step in steps:
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", f"{_NAMESPACE}\n{step}"],
                cwd=source,
                env=outside | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "scratch": str(self.scratch)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-3000:]

    def command(self, words: list[str], **more: str) -> list[str]:
        """The command that does `words` as the image would."""
        variables = {name: value for name, value in IMAGE.environment.items() if name != "HOME"}
        said = [f"{name}={value}" for name, value in (variables | more).items()]
        return ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c",
                _NAMESPACE + _LOOPBACK_ALONE + _AS_THE_IMAGE_RUNS, "sh", *said, *words]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        user, _, _ = IMAGE.one("USER").partition(":")
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "scratch": str(self.scratch), "user": user}

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(list(words), **more),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    why_not = _why_not()
    if why_not is not None:
        pytest.skip(why_not)
    scratch = tmp_path_factory.mktemp("image")
    made = Machine(scratch)
    made.build()
    write_network(scratch / "srv/clinicnet", network=ONE_OUTCOME)
    for each in (scratch / "srv/clinicnet", *(scratch / "srv/clinicnet").iterdir()):
        os.chown(each, 10001, 10001)
    return made


@pytest.mark.slow
def test_the_user_has_no_name_no_home_no_shell_no_network_and_two_places_to_write(machine: Machine) -> None:
    ended = machine.run("python", "-c", _WHAT_IS_THERE)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "user": 10001,
        "known": False,
        "home": None,
        "shell": False,
        "reaches": ["127.0.0.1"],
        "writable": ["/tmp", "/srv/clinicnet"],  # noqa: S108
        "read_only": True,
    }


@pytest.mark.live
@pytest.mark.slow
def test_a_month_is_reported_there(machine: Machine) -> None:
    entry = IMAGE.words("ENTRYPOINT")
    ended = machine.run(*entry, "run", "network.toml", "--month", MONTH)
    assert ended.returncode == 0, ended.stderr[-3000:]
    said = [json.loads(line) for line in ended.stderr.splitlines()]
    (outcome,) = (each for each in said if each["event"] == "run_ended")
    assert outcome["ended"] == "published"
    latest = machine.scratch / "srv/clinicnet/output/latest"
    assert (latest / "reports/network.pdf").read_bytes().startswith(b"%PDF")
    assert (latest / "feed/clinic_estimates.parquet").exists()
    healthy = shlex.split(
        IMAGE.one("HEALTHCHECK").partition("CMD ")[2].translate(str.maketrans("[],", "   "))
    )
    asked = machine.run(*healthy)
    assert asked.returncode in (0, 3), asked.stderr  # 3: what was due since is missed
    assert f"of {MONTH}" in asked.stdout


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.faults
def test_what_it_does_by_default_is_to_keep_the_schedule(machine: Machine) -> None:
    words = [*IMAGE.words("ENTRYPOINT"), *IMAGE.words("CMD")]
    with subprocess.Popen(
        machine.command(words),
        env=machine.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        first = 0
        try:
            assert process.stderr is not None
            said = [json.loads(process.stderr.readline())["message"] for _ in range(2)]
            first = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
            os.kill(first, signal.Signals[IMAGE.one("STOPSIGNAL")])  # as a container is stopped
            left = process.stderr.read()
            assert process.wait(timeout=60) in (0, 130), left
        finally:
            process.kill()
            if process.returncode is None and first:  # --kill-child does not outlast the change of user
                os.kill(first, signal.SIGKILL)
    assert said == [
        "The month just closed is reported at '0 6 3 * *' (America/New_York).",
        "Runs and forms are at http://127.0.0.1:4200. Stop with Ctrl-C.",
    ]


def test_the_image_is_for_nobody_in_particular() -> None:
    assert IMAGE.one("USER") == "10001:10001"
    for name in ("ENTRYPOINT", "CMD"):
        assert IMAGE.words(name), "in its form without a shell"
    assert IMAGE.one("HEALTHCHECK").partition("CMD ")[2].startswith("[")
    copied = [each for said in BUILD.all_of("COPY") for each in said.split()[:-1]]
    assert all((REPOSITORY / each).exists() for each in copied)
    assert "tests" not in copied


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install --group deploying")
    done = subprocess.run([hadolint, str(CONTAINERFILE)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
