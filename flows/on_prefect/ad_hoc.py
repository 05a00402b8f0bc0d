"""An ad-hoc question as a Prefect flow: the fit that the terminal prints, as an artifact of the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from pydantic import Field

from flows.asking import INSIDE, AdHocQuestion, Correlation, Model, fit, usable_records
from flows.job_step import JobStep
from flows.monthly_steps import READ
from flows.on_prefect.in_prefect import PeriodLabel, journal, provide_password
from tasks.records import Records

if TYPE_CHECKING:
    from tasks.models.fit import Fit


def _fitted(fit: Fit) -> str:
    return f"{fit.method}, {fit.n_obs:,} rows"


SCREEN_WINDOW = JobStep("Screen the records", usable_records, lambda _: "usable records", reads_records=True)
FIT = JobStep("Fit the model", fit, _fitted, reads_records=True)


Formula = Annotated[str, Field(min_length=1, pattern=r"\S")]


@flow(name="ask", flow_run_name="{formula}", persist_result=False)
def ask_network(
    formula: Formula,
    network: str,
    model: Model = "auto",
    month: PeriodLabel | None = None,
    correlation: Correlation = "exchangeable",
) -> str:
    """Answer one question about a clinic network: a fit with its estimand in words.

    Args:
        formula: As analysts write it, e.g. positive ~ age + gender + drive_thru + (1 | clinic).
        network: Path of the network file (network.toml) on the machine that runs this.
        model: auto takes a mixed model where the formula has random terms and GEE where it has none.
        month: Last period of the window: 2024-05, 2024-Q2 or 2024-W05, as the network reports. Left out,
            every period with records is used.
        correlation: Working correlation of GEE.
    """
    done = journal()
    described = done.do(READ, Path(network))
    provide_password(described)
    with Records.of(described).in_one_state():
        usable = done.do(SCREEN_WINDOW, described, month)
        fitted = done.do(FIT, usable, described, AdHocQuestion(formula, model, month, correlation))
    summary = f"{fitted.summary()}\n{INSIDE}"
    create_markdown_artifact(key="answer", markdown=f"```\n{summary}\n```", description=formula)
    return summary
