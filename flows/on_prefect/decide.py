"""A person's decision about a held release as a Prefect flow: what `clinicnet approve` and `refuse` do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from pydantic import Field

from flows.job_step import JobStep
from flows.on_prefect.in_prefect import journal
from flows.release_decisions import approve_held, refuse_held

Decision = Literal["approve", "refuse"]
Said = Annotated[str, Field(min_length=1, pattern=r"\S")]


def _decided(network_file: Path, decision: Decision, release: str | None, by: str, because: str) -> list[str]:
    decide = {"approve": approve_held, "refuse": refuse_held}[decision]
    return list(decide(network_file, release, by, because))


DECIDE = JobStep("Decide about the held release", _decided, lambda lines: lines[0])


@flow(name="decide", flow_run_name="{decision} as {by} says", persist_result=False)
def decide_release(
    decision: Decision, by: Said, because: Said, network: str, release: str | None = None
) -> list[str]:
    """Approve a release that waits for a person, so that it becomes current, or turn it down.

    Args:
        decision: approve or refuse.
        by: Who decides: a person's name, which is kept.
        because: Why, as it is to be kept.
        network: Path of the network file (network.toml) on the machine that runs this.
        release: The release's name or what it begins with, such as 2024-05. Left out, the one that waits.
    """
    lines: list[str] = journal().do(DECIDE, Path(network), decision, release, by, because)
    said = "\n".join(f"- {line}" for line in lines)
    create_markdown_artifact(key="decision", markdown=said, description=f"{decision}, by {by}: {because}")
    return lines
