"""How often the intervals of a program's effect hold the truth, as the report prints them.

    python tests/benchmarks/program_coverage.py [--replicates 400] [--world "repeated visits, 24 clinics"]
    python tests/benchmarks/program_coverage.py --report [--write]

Every world (program_worlds.py) is a rollout with one thing in it that can mislead. What is judged is the
average month's effect on the population. The mixed model's leads: by cohort and month, with a trend of early
starters' own (where months of cohorts have too few events, by month since the start). Without that trend it
stands in the lead's sentence; by month since the start, and by GEE and the within estimator, beside it. An
estimate that is not given is counted as such and holds nothing. Results are kept by world and chunk, so that
a study that was stopped goes on where it was; they belong to one version of the estimators.
"""

from __future__ import annotations

import functools
import json
import math
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.chunked_study import study
from benchmarks.machine import description, markdown
from benchmarks.program_worlds import Rolled, World, roll_out, worlds

from tasks.models import ProgramEffect, program_effect
from tasks.models.program_effects.program_data import Family

CHUNK = 20
FOLDER = Path(__file__).parents[2] / "output" / "program_coverage"
FAMILIES: dict[str, Family] = {"continuous": "gaussian", "binary": "binomial", "count": "poisson"}
MEASURES = {"continuous": "difference", "binary": "risk_difference", "count": "rate_ratio"}
ROWS = ("leading", "cohorts", "mixed", "gee", "within")
HEADINGS = {
    "leading": "leading",
    "cohorts": "without a trend",
    "mixed": "by exposure",
    "gee": "GEE",
    "within": "within",
}
Judged = tuple[str, float, float]
"""Which row, whether its interval holds the truth (NaN: no interval), and its width."""


def judged(world: World, rolled: Rolled) -> Iterator[Judged]:
    """The rows of the population's average month."""
    asked = functools.partial(
        program_effect, "y ~ 1", rolled.data, family=FAMILIES[world.kind], region="region"
    )
    steady = asked(effect="cohort-month", own_trend=True, models=("mixed",))
    truth = rolled.by_cohort
    if "mixed" not in steady.fits:
        steady, truth = asked(effect="exposure-time", own_trend=True, models=("mixed",)), rolled.truth
    yield _judged(world, steady, "leading", "mixed", truth)
    cohorts = asked(effect="cohort-month", models=("mixed",))
    if cohorts.effect_varies:  # where every clinic is a cohort, the average by exposure stands there
        yield _judged(world, cohorts, "cohorts", "mixed", rolled.by_cohort)
    average = asked(effect="exposure-time")
    for model in ("mixed", "gee", "within"):
        if (model, world.kind) != ("gee", "binary"):  # its odds ratio has another truth
            yield _judged(world, average, model, model, rolled.truth)


def _judged(world: World, found: ProgramEffect, name: str, model: str, truth: dict[str, float]) -> Judged:
    measure, table = MEASURES[world.kind], found.table
    rows = table[(table["model"] == model) & (table["measure"].isin([measure, ""]))]
    if model == "mixed" and world.kind != "continuous":
        rows = rows[(rows["estimand"] == "marginal") | (rows["status"] != "ok")]
    row = rows.iloc[0]  # of cohorts' averages the one over months since the start
    scale = 100.0 if measure == "risk_difference" else 1.0
    lower, upper = scale * float(row["lower"]), scale * float(row["upper"])
    if row["status"] != "ok":
        return name, math.nan, math.nan
    return name, float(lower <= truth[measure] <= upper), upper - lower


def run_chunk(task: tuple[World, int, int, str]) -> str:
    """Simulate one chunk of a world and keep what it gave."""
    world, chunk, size, folder = task
    begin = time.process_time()
    rng = np.random.default_rng([2027, *world.name.encode(), chunk])
    rows: list[Judged] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(size):
            rows += judged(world, roll_out(world, rng))
    frame = pd.DataFrame(rows, columns=["row", "held", "width"])
    sums = frame.groupby("row").agg(
        networks=("held", "size"), given=("held", "count"), held=("held", "sum"), width=("width", "sum")
    )
    target = Path(folder) / f"{_file(world)}_{chunk:04d}.json"
    partial = target.with_suffix(".part")
    partial.write_text(json.dumps({"world": world.name, "rows": sums.to_dict("index")}), encoding="utf-8")
    partial.replace(target)
    return f"{world.name}, chunk {chunk}: {time.process_time() - begin:.0f} CPU s"


def _file(world: World) -> str:
    return "".join(each if each.isalnum() else "-" for each in world.name)


def gathered(folder: Path) -> pd.DataFrame:
    """One row per world and estimate: networks, share given, coverage of those, its Monte Carlo SE, width."""
    rows = [
        {"world": part["world"], "row": name, **sums}
        for part in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json")))
        for name, sums in part["rows"].items()
    ]
    if not rows:
        raise SystemExit(f"no results in {folder}")
    found = pd.DataFrame(rows).groupby(["world", "row"], as_index=False).sum()
    given = found["given"].where(found["given"] > 0)
    coverage = found["held"] / given
    centre = (found["held"] + 2.0) / (given + 4.0)  # Agresti & Coull (1998)
    return found.assign(
        coverage=coverage,
        se=np.sqrt(centre * (1.0 - centre) / (given + 4.0)),
        width=found["width"] / given,
        share_given=found["given"] / found["networks"],
    )


def report(folder: Path) -> str:
    """The table as Markdown, in the order of the worlds."""
    figures = gathered(folder).set_index(["world", "row"])
    lines = []
    for world in worlds():
        if world.name not in figures.index.get_level_values("world"):
            continue
        of_world = figures.loc[world.name]
        lines.append(
            (world.name, *(_cell(of_world, row) for row in ROWS), f"{of_world['networks'].max():.0f}")
        )
    least, most = figures["networks"].min(), figures["networks"].max()
    return "\n".join(
        [
            "Coverage of 95% intervals of the average month's effect on the population, in per cent (Monte "
            "Carlo SE), and in square brackets the share of networks in which there was an estimate, where "
            f"that is not all; {least} to {most} networks a world.",
            "",
            markdown(("world", *(HEADINGS[row] for row in ROWS), "networks"), lines),
            "",
            f"Made on {description(['numpy', 'scipy', 'pandas'])}.",
        ]
    )


def _cell(figures: pd.DataFrame, row: str) -> str:
    if row not in figures.index:
        return ""
    found = figures.loc[row]
    if found["given"] == 0:
        return "not told"
    share = f" [{100 * found['share_given']:.0f}%]" if found["share_given"] < 1.0 else ""
    return f"{100 * found['coverage']:.1f} ({100 * found['se']:.1f}){share}"


def main() -> None:
    """Run what is missing, and print the table."""
    study(__doc__, worlds(), run_chunk, report, _file, chunk=CHUNK, folder=FOLDER, table="programs.md")


if __name__ == "__main__":
    main()
