"""What the program is made of: pinned, listed, and held to what is known to be unsafe."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import Any

import pytest
from deploy.containerfile import REPOSITORY
from packaging.requirements import Requirement

CONSTRAINTS = REPOSITORY / "deploy/constraints.txt"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADVISORIES = "api.osv.dev"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pinned() -> dict[str, str]:
    lines = [line for line in CONSTRAINTS.read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.+!-]+", line) for line in lines), "pins, and nothing else"
    return {_normal(name): version for name, _, version in (line.partition("==") for line in lines)}


def _required() -> set[str]:
    return {_normal(re.split(r"[\[<>=!~; ]", each)[0]) for each in PROJECT["dependencies"]}


def _program(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed: pip install --group deploying")
    return found


def test_what_is_installed_is_what_is_pinned() -> None:
    pinned = _pinned()
    assert _required() <= set(pinned), "everything that the program needs is pinned"
    stands_on: set[str] = set()
    ahead = _required()
    while ahead:
        name = ahead.pop()
        stands_on.add(name)
        needs = [Requirement(each) for each in distribution(name).requires or ()]
        wanted = [each for each in needs if each.marker is None or each.marker.evaluate({"extra": ""})]
        ahead |= {_normal(each.name) for each in wanted} - stands_on
    assert len(stands_on) > 2 * len(_required())
    others = {
        name: (distribution(name).version, pinned.get(name))
        for name in stands_on
        if distribution(name).version != pinned.get(name)
    }
    assert others == {}


@pytest.mark.slow
def test_the_bill_of_materials_names_every_part(tmp_path: Path) -> None:
    """CycloneDX's own validator judges it while it is written."""
    bill = tmp_path / "bom.json"
    command = [_program("cyclonedx-py"), "environment", "--pyproject", str(REPOSITORY / "pyproject.toml")]
    subprocess.run(
        [*command, "--validate", "--output-reproducible", "-o", str(bill), sys.executable],
        check=True,
        capture_output=True,
    )
    said: dict[str, Any] = json.loads(bill.read_text())
    assert (said["bomFormat"], said["specVersion"]) == ("CycloneDX", "1.6")
    assert said["metadata"]["component"]["name"] == "clinicnet"
    parts = {_normal(each["name"]): each for each in said["components"]}
    pinned = _pinned()
    assert {name: each["version"] for name, each in parts.items()} == {
        name: version for name, version in pinned.items() if name in parts
    }
    installed = {_normal(each.name) for each in distributions()} - {"clinicnet"}
    assert set(parts) == installed
    assert all(each["purl"].startswith("pkg:pypi/") for each in parts.values())
    root = said["metadata"]["component"]["bom-ref"]
    references = {each["bom-ref"]: _normal(each["name"]) for each in said["components"]}
    (ours,) = (each for each in said["dependencies"] if each["ref"] == root)
    assert {references[each] for each in ours["dependsOn"]} == _required()


@pytest.mark.slow
def test_no_part_has_a_known_vulnerability() -> None:
    audit = _program("pip-audit")
    try:
        socket.create_connection((ADVISORIES, 443), timeout=5).close()
    except OSError as error:
        pytest.skip(f"the advisories at {ADVISORIES} cannot be reached: {error}")
    done = subprocess.run(
        [
            audit,
            "--vulnerability-service",
            "osv",
            "-r",
            str(CONSTRAINTS),
            "--no-deps",
            "--disable-pip",
            "-f",
            "json",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    said = json.loads(done.stdout)["dependencies"]
    # a part that could not be looked up counts as none that is safe
    assert [each["name"] for each in said if "skip_reason" in each] == []
    assert {each["name"]: [one["id"] for one in each["vulns"]] for each in said if each["vulns"]} == {}
