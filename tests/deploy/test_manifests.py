"""Compose, Kubernetes and systemd: judged by their own tools, and run as far as can be."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import postgres
import pytest
import sqlalchemy as sa
import yaml
from deploy.containerfile import REPOSITORY, stages
from prefect_server import PrefectServer, Process, until
from small_network import MONTH, ONE_OUTCOME, write_network

from tasks.network import read_network

pytestmark = pytest.mark.before_release

COMPOSE = REPOSITORY / "deploy/compose.yaml"
KUBERNETES = REPOSITORY / "deploy/kubernetes"
UNIT = REPOSITORY / "deploy/systemd/clinicnet.service"
OURS = ("server", "worker", "deploy")


def _compose(**variables: str) -> dict[str, Any]:
    """The file as compose takes it: variables put in, and the error for one that is missing."""

    def value(match: re.Match[str]) -> str:
        return variables[match[1]]

    found: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(\w+)(?::\?[^}]*)?\}", value, COMPOSE.read_text()))
    return found


@pytest.fixture
def compose() -> dict[str, Any]:
    return _compose(PREFECT_DATABASE_PASSWORD="only-for-tests", CLINICS="/srv/clinics")  # noqa: S106


def test_compose_fits_its_specification(compose: dict[str, Any]) -> None:
    specification = pytest.importorskip("compose_spec", reason="pip install --group deploying")
    read = specification.PyCompose.from_json(json.dumps(compose))
    assert sorted(read.service_names()) == ["database", "deploy", "server", "worker"]
    read.validate_networks()
    read.validate_volumes()
    read.validate_secrets()
    compose["services"]["worker"]["networks"] = ["nowhere"]
    with pytest.raises(ValueError, match="nowhere"):  # the judge sees what is wrong
        specification.PyCompose.from_json(json.dumps(compose)).validate_networks()


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_compose_may_no_more_than_the_image_needs(name: str, compose: dict[str, Any]) -> None:
    service = compose["services"][name]
    assert service["image"] == "clinicnet"
    assert (service["user"], service["read_only"], service["cap_drop"]) == ("10001:10001", True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(each.startswith("127.0.0.1:") for each in service.get("ports", ()))
    assert not {"privileged", "cap_add", "devices", "pid", "network_mode"} & set(service)


@pytest.fixture
def database(postgresql: Any) -> Iterator[dict[str, str]]:
    """The service `database`: a role and a database of its own, as postgres' image makes them."""
    engine = sa.create_engine(postgresql.admin_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE ROLE prefect SUPERUSER LOGIN PASSWORD '{postgres.PASSWORD}'"))
        connection.execute(sa.text("CREATE DATABASE prefect OWNER prefect"))
    port = sa.make_url(postgresql.admin_url).port
    yield {"PREFECT_SERVER_DATABASE_HOST": "127.0.0.1", "PREFECT_SERVER_DATABASE_PORT": str(port)}
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE prefect WITH (FORCE)"))
        connection.execute(sa.text("DROP ROLE prefect"))
    engine.dispose()


@pytest.mark.live
@pytest.mark.slow
def test_its_services_report_a_month_together(
    compose: dict[str, Any], database: dict[str, str], tmp_path: Path
) -> None:
    """Their own commands and variables on this machine, with its addresses for the services' names."""
    services = compose["services"]
    write_network(tmp_path / "clinics", network=ONE_OUTCOME)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    here = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    serving = here | services["server"]["environment"] | database | {"PREFECT_HOME": str(tmp_path / "server")}
    working = here | services["worker"]["environment"] | {
        "PREFECT_HOME": str(tmp_path / "clinics/.prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
    }  # fmt: skip
    server = PrefectServer(working["PREFECT_API_URL"], tmp_path / "server", working)
    command = [port if word == "4200" else word for word in services["server"]["command"]]
    command = ["127.0.0.1" if word == "0.0.0.0" else word for word in command]  # noqa: S104
    (tmp_path / "server").mkdir()
    with Process(command, serving, tmp_path / "server.log"):
        until(lambda: server.answers, 120.0, "the server on PostgreSQL")
        with Process(services["worker"]["command"], working, tmp_path / "worker.log"):
            until(lambda: _is_there(server, "work_pools/clinics"), 60.0, "the worker's pool")
            deployed = subprocess.run(
                [sys.executable, "-m", "flows", *services["deploy"]["command"]],
                cwd=tmp_path / "clinics",
                env=working | {"PYTHONPATH": str(REPOSITORY)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert deployed.returncode == 0, deployed.stderr
            server.prefect("deployment", "run", "monthly-report/six-clinics", "--param", f"month={MONTH}")
            runs = server.ask("flow_runs/filter", {"limit": 200})
            (run,) = (each for each in runs if each["parameters"].get("month") == MONTH)
            assert server.finished(run["id"])["state_type"] == "COMPLETED", server.logs(run["id"])
    assert (tmp_path / "clinics/output/latest").resolve().name.startswith(MONTH)


def _is_there(server: PrefectServer, path: str) -> bool:
    try:
        return bool(server.ask(path))
    except OSError:
        return False


def _kustomized() -> list[dict[str, Any]]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        [kubectl, "kustomize", str(KUBERNETES)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def test_kubernetes_takes_every_resource() -> None:
    judge = pytest.importorskip("kubernetes_validate", reason="pip install --group deploying")
    made = _kustomized()
    assert sorted(each["kind"] for each in made) == [
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
    ]
    for resource in made:
        judge.validate(resource, "1.37", strict=True)
    (deployment,) = (each for each in made if each["kind"] == "Deployment")
    (policy,) = (each for each in made if each["kind"] == "NetworkPolicy")
    ours = deployment["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"] == ours, "no other pod of the namespace is cut off"
    deployment["spec"]["template"]["spec"]["containers"][0]["readOnlyRoot"] = True
    with pytest.raises(judge.ValidationError):  # the judge sees what is wrong
        judge.validate(deployment, "1.37", strict=True)


def test_the_pod_is_the_images_user_and_writes_where_the_image_does() -> None:
    resource = yaml.safe_load((KUBERNETES / "schedule.yaml").read_text())
    pod = resource["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    image = stages()[-1]
    assert (
        image.one("USER") == f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
    )
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert writable == {*image.words("VOLUME"), "/tmp"}  # noqa: S108
    network = read_network(KUBERNETES / "network.toml")
    assert str(network.directory / network.output.directory).startswith("/srv/clinicnet/")


def test_systemd_reads_the_unit_and_finds_little_exposed(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / UNIT.name
    unit.write_text(
        UNIT.read_text().replace("/opt/clinicnet/.venv/bin/clinicnet", shutil.which("true") or "")
    )
    verified = subprocess.run([analyze, "verify", str(unit)], check=False, capture_output=True, text=True)
    said = [line for line in verified.stderr.splitlines() if UNIT.name in line]
    assert (verified.returncode, said) == (0, [])
    limit = ["security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]  # 2.0 of 10
    judged = subprocess.run([analyze, *limit], check=False, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout[-300:]
