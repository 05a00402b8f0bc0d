"""How often 95% intervals hold the truth, by simulation: the table that stands in the README beside it.

    python tests/benchmarks/coverage.py [--replicates 400] [--kind continuous] [--clinics 8] [--workers 2]
    python tests/benchmarks/coverage.py --report [--write]

Results are kept by scenario in a working folder (output/coverage, or --folder), chunk by chunk with a seed of
its own, so that a study that was stopped goes on where it was, and more replicates add to those there are.
They belong to one version of the estimators: start an empty folder after a change. `--report` only prints the
table of what is there; `--write` keeps it in results/.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.chunked_study import run_chunks
from benchmarks.coverage_networks import BALANCES, BINARY, CONTINUOUS, FIXED, Scenario, Truth, simulate
from benchmarks.coverage_report import report
from benchmarks.machine import RESULTS

from tasks.errors import ClinicnetError
from tasks.models import gee, glmm, icc, lmm_from_moments, ranks, shrink, within
from tasks.records import moments_for

CHUNK = 25
FOLDER = Path(__file__).parents[2] / "output" / "coverage"
Held = tuple[str, float, float]
"""A quantity's name, how much of it was held (0 or 1, or a share of clinics), and the interval's width."""


def scenarios() -> list[Scenario]:
    """Every cell of the study."""
    sizes = [(clinics, balance) for clinics in (8, 15, 30, 100) for balance in BALANCES]
    cells = [Scenario("continuous", *size, rho) for size in sizes for rho in (0.01, 0.05, 0.1, 0.3)]
    cells += [
        Scenario("binary", *size, rho, prevalence)
        for size in sizes
        for rho in (0.01, 0.1, 0.3)
        for prevalence in (0.03, 0.2, 0.5)
    ]
    return cells


def continuous(truth: Truth, seed: int) -> Iterator[Held]:
    """Intervals of a continuous outcome's network."""
    data = truth.data
    design, moments = moments_for(CONTINUOUS, data)
    fit = lmm_from_moments(design, moments)
    yield from effects_of("LMM, Satterthwaite", fit, {"program": 0.3, "arm": 0.2})
    yield from effects_of(
        "LMM, Kenward–Roger",
        lmm_from_moments(design, moments, df="kenward-roger"),
        {"program": 0.3, "arm": 0.2},
    )
    yield from effects_of(
        "GEE", gee(f"y ~ {FIXED}", data, groups="clinic", family="gaussian"), truth.marginal
    )
    inner = within("y ~ program + C(period)", data, groups="clinic", cov="cr2")
    yield from effects_of("within, CR2", inner, {"program": 0.3})
    adjusted = icc(CONTINUOUS, data)
    for interval in ("exact", "searle", "profile"):
        yield held(f"ICC|ANOVA, {interval}", truth.icc, *adjusted.conf_int(interval))
    yield from clinics(fit, truth, seed)


def binary(truth: Truth, seed: int) -> Iterator[Held]:
    """Intervals of a binary outcome's network."""
    data = truth.data
    fit = glmm(BINARY, data)
    yield from effects_of("GLMM", fit, {"program": 0.3, "arm": 0.2})
    yield from effects_of(
        "GEE", gee(f"event ~ {FIXED}", data, groups="clinic", family="binomial"), truth.marginal
    )
    plain = icc("plain", data, groups="clinic", kind="binary")
    for interval in ("profile", "beta-binomial", "zou-donner"):
        yield held(f"ICC, observed scale|{interval}", truth.icc, *plain.conf_int(interval))
    latent = icc("plain", data, groups="clinic", kind="binary", method="latent")
    yield held("ICC, latent scale|GLMM, profile", truth.latent, latent.lower, latent.upper)
    yield from clinics(fit, truth, seed)


def effects_of(name: str, fit: Any, truth: dict[str, float]) -> Iterator[Held]:
    """The intervals of program and arm."""
    ends = fit.conf_int()
    words = {"program": "program, started clinic by clinic", "arm": "program, half of the clinics"}
    for term, value in truth.items():
        lower, upper = (float(ends.loc[term, end]) for end in ("lower", "upper"))
        yield held(f"{words[term]}|{name}", value, lower, upper)


def clinics(fit: Any, truth: Truth, seed: int) -> Iterator[Held]:
    """The intervals of clinic effects and of ranks: shares of clinics held."""
    shrunken = shrink(fit)
    table = shrunken.table
    u = truth.effects
    width = (table["upper"] - table["lower"]).mean()
    yield "clinic effects|everything uncertain", share(table["lower"], u, table["upper"]), width
    coefficients = 1.959964 * table["sd_coefficients"]
    below, above = table["estimate"] - coefficients, table["estimate"] + coefficients
    yield "clinic effects|SD between clinics taken as known", share(below, u, above), 2 * coefficients.mean()
    order = ranks(shrunken, better="higher", draws=1_000, seed=seed).table
    rank = 1 + np.argsort(np.argsort(-u))
    for name, low, high in (
        ("ranks|posterior interval", "rank_lower", "rank_upper"),
        ("ranks|confidence set, each clinic", "set_lower", "set_upper"),
    ):
        yield name, share(order[low], rank, order[high]), float((order[high] - order[low]).mean())
    all_of_them = bool(((order["joint_lower"] <= rank) & (rank <= order["joint_upper"])).all())
    width = float((order["joint_upper"] - order["joint_lower"]).mean())
    yield "ranks|confidence sets, all clinics at once", float(all_of_them), width


def held(name: str, truth: float, lower: float, upper: float) -> Held:
    """Whether an interval holds the truth; an interval that does not exist holds nothing."""
    return name, float(lower <= truth <= upper), upper - lower


def share(lower: Any, truth: Any, upper: Any) -> float:
    """The share of clinics whose interval holds the truth."""
    return float(((np.asarray(lower) <= truth) & (truth <= np.asarray(upper))).mean())


def run_chunk(task: tuple[Scenario, int, int, str]) -> str:
    """Simulate one chunk of a scenario and keep what it gave."""
    scenario, chunk, size, folder = task
    rng = np.random.default_rng([2026, *scenario.name.encode(), chunk])
    rows: list[tuple[int, str, float, float]] = []
    failures: dict[str, int] = {}
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(size):
            truth = simulate(scenario, rng)
            replicate = chunk * CHUNK + i
            try:
                found = (continuous if scenario.kind == "continuous" else binary)(truth, replicate)
                for name, value, width in found:
                    rows.append((replicate, name, value, width))
            except ClinicnetError as problem:
                separated = " separate" in problem.message
                reason = "a covariate separates the outcome" if separated else problem.message.split(":")[0]
                failures[reason] = failures.get(reason, 0) + 1
    frame = pd.DataFrame(rows, columns=["replicate", "quantity", "held", "width"])
    # a half-open interval has no width to average
    frame["width"] = frame["width"].where(np.isfinite(frame["width"]))
    summary = frame.groupby("quantity", sort=False).agg(
        n=("held", "size"),
        held=("held", "sum"),
        squares=("held", lambda x: float((x**2).sum())),
        width=("width", "sum"),
    )
    target = Path(folder) / f"{scenario.name}_{chunk:04d}.json"
    result = {
        "scenario": scenario.__dict__,
        "replicates": size,
        "failures": failures,
        "seconds": round(time.perf_counter() - begin, 2),
        "quantities": {name: {k: float(v) for k, v in row.items()} for name, row in summary.iterrows()},
    }
    partial = target.with_suffix(".part")
    partial.write_text(json.dumps(result), encoding="utf-8")
    partial.replace(target)
    return f"{scenario.name} chunk {chunk}: {result['seconds']} s"


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=400, help="of every scenario")
    parser.add_argument("--kind", choices=["continuous", "binary"], action="append")
    parser.add_argument("--clinics", type=int, action="append")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--report", action="store_true", help="only print what there is")
    parser.add_argument("--write", action="store_true", help="keep table and figures in results/")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if not asked.report:
        wanted = [
            (scenario, chunk, CHUNK, str(asked.folder))
            for chunk in range(math.ceil(asked.replicates / CHUNK))
            for scenario in scenarios()
            if (not asked.kind or scenario.kind in asked.kind)
            and (not asked.clinics or scenario.clinics in asked.clinics)
            and not (asked.folder / f"{scenario.name}_{chunk:04d}.json").exists()
        ]
        run_chunks(run_chunk, wanted, asked.workers)
    text, figures = report(asked.folder)
    print(text)
    if asked.write:
        (RESULTS / "coverage.md").write_text(text + "\n", encoding="utf-8")
        figures.to_csv(RESULTS / "coverage.csv", index=False)


if __name__ == "__main__":
    main()
