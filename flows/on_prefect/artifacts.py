"""What a run leaves in Prefect's UI: the quality table, the estimates, and links to the reports.

Made from the published tables alone, after small numbers were withheld: what the UI shows, the feed shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from tasks.periods import said
from tasks.release import plain_rows

if TYPE_CHECKING:
    from flows.monthly_job import PeriodReported

_MOST_ROWS = 500
_QUALITY = ["rule", "clinic", "action", "n_checked", "n_found", "status"]
_FIGURES = ["outcome", "label", "value", "lower", "upper", "unit", "method", "status", "reason"]
_EFFECTS = [
    "outcome",
    "model",
    "estimand",
    "measure",
    "value",
    "lower",
    "upper",
    "question",
    "words",
    "status",
]


def leave_artifacts(reported: PeriodReported) -> None:
    """Leave the run's tables and links in the UI, under keys that keep their history over the periods."""
    release = reported.release
    about = f"{release.network}, {release.period}, release {release.id}"
    effects = release["program_effects"]
    create_table_artifact(
        key="quality",
        table=list(plain_rows(release["quality"][_QUALITY].head(_MOST_ROWS))),
        description=f"What screening found: {about}",
    )
    create_table_artifact(
        key="network-figures",
        table=list(plain_rows(release["network_figures"][_FIGURES].head(_MOST_ROWS))),
        description=f"Figures of the whole network: {about}",
    )
    create_table_artifact(
        key="program-effects",
        table=list(plain_rows(effects[effects["term"] == "effect"][_EFFECTS].head(_MOST_ROWS))),
        description=f"What the program did: {about}",
    )
    create_markdown_artifact(key="release", markdown=_release_page(reported), description=about)


def _release_page(reported: PeriodReported) -> str:
    release, directory = reported.release, reported.directory
    outcomes = "\n".join(
        f"| {row.label} | {row.verdict} | {row.status} | {row.reason} |"
        for row in release["outcomes"].astype(object).fillna("").itertuples()
    )
    pdfs = sorted((directory / "reports").rglob("*.pdf"))
    links = "\n".join(
        f"- [{pdf.relative_to(directory / 'reports')}]({pdf.as_uri()})" for pdf in pdfs[:_MOST_ROWS]
    )
    return f"""# {release.network}, {release.period}

Release `{release.id}`: records of {said(*release.window)}, with dates up to
{release.cut_off}, small numbers by `{release.policy}`.

| outcome | verdict | status | why |
| --- | --- | --- | --- |
{outcomes}

Feed: [{directory / "feed"}]({(directory / "feed").as_uri()})

Reports:

{links}
"""
