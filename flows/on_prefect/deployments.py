"""A network's deployments, in one definition: its report by the calendar, questions and decisions on demand.

`clinicnet schedule` serves them from its own process, `clinicnet deploy` leaves them to the workers of a
pool. Either way they are called `monthly-report/<network>`, `ask/<network>` and `decide/<network>`, run at
the time and in the time zone of the network file, and refuse at the form what the flow would refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.client.orchestration import get_client
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.callables import ParameterSchema

from flows.on_prefect.ad_hoc import ask_network
from flows.on_prefect.decide import decide_release
from flows.on_prefect.monthly import monthly_report
from flows.period_due import schedule_of
from tasks.errors import ClinicnetError
from tasks.network.schema import slug

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.schedules import Schedule

    from tasks.network import Network

_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # a lost server address is loud
}


class DeploymentError(ClinicnetError):
    """The deployments cannot be written as asked."""


class _Closed(ParameterSchema):
    """A form's schema that knows every parameter there is: another one is refused."""

    additionalProperties: bool = False  # noqa: N815  # JSON Schema's name


def deployments(
    network_file: Path, network: Network, cron: str | None = None, pool: str | None = None
) -> tuple[RunnerDeployment, ...]:
    """The deployments of the report, of questions and of decisions about held releases.

    Args:
        network_file: the network's file, as those who run it find it.
        network: the network that it describes.
        cron: when the report is made, in the network's time zone; None: as the network file
            says, or on the third day after the period.
        pool: work pool whose workers run them; None: whoever serves them.

    Raises:
        ClinicnetError: `cron` is no schedule.
    """
    report = _deployment(monthly_report, network_file, network, pool, schedule=_schedule(cron, network))
    on_demand = (_deployment(each, network_file, network, pool) for each in (ask_network, decide_release))
    return report, *on_demand


def _schedule(cron: str | None, network: Network) -> Schedule:
    return Cron(schedule_of(network, cron), timezone=network.network.time_zone)


def _deployment(
    flow: Flow[..., Any], network_file: Path, network: Network, pool: str | None, **when: Any
) -> RunnerDeployment:
    made = RunnerDeployment.from_flow(
        flow,
        slug(network.network.name),
        parameters={"network": str(network_file)},
        tags=["clinicnet"],
        paused=False,  # a schedule that was stopped leaves it paused
        work_pool_name=pool,
        job_variables={"env": dict(_ENVIRONMENT)} if pool else None,
        entrypoint_type=EntrypointType.MODULE_PATH,  # as installed, wherever that is
        **when,
    )
    made._parameter_openapi_schema = _closed(made._parameter_openapi_schema)
    return made


def _closed(schema: ParameterSchema) -> _Closed:
    known: Mapping[str, Any] = schema.model_dump()
    return _Closed(**known, additionalProperties=False)


def refuse_anothers(deployment: RunnerDeployment, network_file: Path) -> None:
    """Refuse to take over the deployment of another network file: it would never be reported again.

    Raises:
        DeploymentError: naming that file.
    """
    with get_client(sync_client=True) as client:
        try:
            of = client.read_deployment_by_name(deployment.full_name).parameters.get("network")
        except ObjectNotFound:
            return
    if of not in (None, str(network_file)):
        raise DeploymentError(
            f"the deployment {deployment.full_name!r} on this server is of another network file: {of}",
            hint="give one of the two networks another name under [network], or delete that deployment: "
            f"prefect deployment delete {deployment.full_name}",
        )


def require_pool(pool: str) -> None:
    """See that a work pool is there.

    Raises:
        DeploymentError: it is not.
    """
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound:
            raise DeploymentError(
                f"there is no work pool {pool!r} on this server",
                hint=f"make it: prefect work-pool create --type process {pool}",
            ) from None
