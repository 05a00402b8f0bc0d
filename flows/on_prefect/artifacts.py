"""What a run leaves in Prefect's UI: the quality table, the estimates, and links to the reports.

Made from the published tables alone, after small numbers were withheld: what the UI shows, the feed shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from tasks.periods import said
from tasks.publishing import address
from tasks.release import plain_rows

if TYPE_CHECKING:
    from flows.period_reported import PeriodReported

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


def leave_artifacts(reported: PeriodReported, url: str | None) -> None:
    """Leave the run's tables and links in the UI, under keys that keep their history over the periods.

    Args:
        reported: what the run left behind.
        url: where the output directory is served; None: nowhere, and places stand instead of links.
    """
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
    create_markdown_artifact(key="release", markdown=_release_page(reported, url), description=about)


def _release_page(reported: PeriodReported, url: str | None) -> str:
    release, directory = reported.release, reported.directory
    outcomes = "\n".join(
        f"| {row.label} | {row.verdict} | {row.status} | {row.reason} |"
        for row in release["outcomes"].astype(object).fillna("").itertuples()
    )
    reports = directory / "reports"
    pdfs = sorted(reports.rglob("*.pdf"))[:_MOST_ROWS]
    links = "\n".join(f"- {_place(pdf, str(pdf.relative_to(reports)), directory, url)}" for pdf in pdfs)
    early = "" if release.incomplete is None else f"\n\nIts records were not complete: {release.incomplete}."
    return f"""# {release.network}, {release.period}

Release `{release.id}`: records of {said(*release.window)}, with dates up to
{release.cut_off}, small numbers by `{release.policy}`.{early}

| outcome | verdict | status | why |
| --- | --- | --- | --- |
{outcomes}

Feed: {_place(directory / "feed", "feed", directory, url)}

Reports:

{links}
"""


def _place(path: Path, words: str, release: Path, url: str | None) -> str:
    """A link where the output directory is served; otherwise the path on the machine that made it."""
    if url is None:
        return f"`{path}`"
    return f"[{words}]({address(path, release, url)})"
