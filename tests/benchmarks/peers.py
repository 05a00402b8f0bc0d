"""How long fits take beside other programs, in one run on one machine: the table that stands in the README.

    pip install --group peers -e .            # statsmodels and GPBoost; lme4 where Rscript has it
    python tests/benchmarks/peers.py [--rows 1000000] [--repeats 5] [--peer-repeats 1] [--only FIT] [--write]

Everything is simulated once into a DuckDB file. Ours is timed from that table to a finished fit with standard
errors; peers are timed from arrays or a data frame already in memory, which favours them. Each program has a
process of its own, is warmed up on a tenth of the rows, and is timed `repeats` times; ratios are of the
shortest times. Agreement is the largest difference of a coefficient from ours, in its standard errors.
`--write` keeps the table in tests/benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

COVARIATES = tuple(f"x{i}" for i in range(1, 11))
_RIGHT = " + ".join(COVARIATES)
FORMULAS = {
    "intercept": f"y ~ {_RIGHT} + (1 | clinic)",
    "slopes": f"y ~ {_RIGHT} + (1 + x1 + x2 + x3 | clinic)",
    "logistic": f"event ~ {_RIGHT} + (1 | clinic)",
    "gee": f"event ~ {_RIGHT}",
}
TITLES = {
    "intercept": "random-intercept REML",
    "slopes": "three random slopes, REML",
    "logistic": "logistic mixed model, Laplace",
    "gee": "exchangeable logistic GEE",
}
FLOORS = {
    ("intercept", "lme4"): 100,
    ("intercept", "statsmodels"): 30,
    ("intercept", "GPBoost"): 15,
    ("slopes", "lme4"): 50,
    ("logistic", "GPBoost"): 5,
    ("logistic", "lme4"): 100,
    ("gee", "statsmodels"): 8,
}
"""How many times faster than a peer we ask ourselves to be."""

FEWER = 100_000
"""Rows at which programs are compared that do not finish, or take minutes, with all of them."""

R_SCRIPT = r"""
arguments <- commandArgs(TRUE)
folder <- arguments[1]; fit <- arguments[2]; formula <- arguments[3]
rows <- as.integer(arguments[4]); repeats <- as.integer(arguments[5])
suppressMessages(library(lme4))
column <- function(name) readBin(file.path(folder, paste0(name, ".f64")), "double", rows)
names <- c("clinic", "y", "event", paste0("x", 1:10))
data <- as.data.frame(setNames(lapply(names, column), names))
data$clinic <- factor(data$clinic)
times <- numeric(repeats)
for (i in seq_len(repeats)) {
  start <- proc.time()[["elapsed"]]
  model <- if (fit == "logistic") glmer(as.formula(formula), data, family = binomial)
           else lmer(as.formula(formula), data, REML = TRUE)
  errors <- sqrt(diag(as.matrix(vcov(model))))
  times[i] <- proc.time()[["elapsed"]] - start
}
show <- function(x) paste(format(x, digits = 12, trim = TRUE), collapse = ",")
cat(sprintf('{"times": [%s], "coef": [%s], "loglik": %s, "version": "%s"}\n',
            show(times), show(fixef(model)), format(as.numeric(logLik(model)), digits = 14),
            as.character(packageVersion("lme4"))))
"""


def simulate(folder: Path, rows: int, clinics: int, seed: int = 1) -> None:
    """Patients in clinics of very unequal sizes, ten covariates, a continuous and a binary outcome."""
    import duckdb
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    share = rng.lognormal(0.0, 0.8, clinics)
    clinic = rng.choice(clinics, rows, p=share / share.sum())
    x = rng.normal(size=(rows, len(COVARIATES)))
    x[:, 0] += 0.3 * rng.normal(size=clinics)[clinic]
    x[:, 9] = (x[:, 9] > 0.5).astype(float)
    beta = np.linspace(0.5, -0.5, len(COVARIATES))
    slopes = rng.normal(0, [0.5, 0.2, 0.2, 0.2], (clinics, 4))
    linear = x @ beta + slopes[clinic, 0] + np.einsum("ij,ij->i", slopes[clinic, 1:], x[:, :3])
    columns: dict[str, Any] = {"clinic": clinic.astype(np.int64), "y": 1.0 + linear + rng.normal(size=rows)}
    columns["event"] = (rng.random(rows) < 1.0 / (1.0 + np.exp(1.0 - linear))).astype(np.int64)
    columns |= {name: x[:, i] for i, name in enumerate(COVARIATES)}
    for name, values in columns.items():
        values.astype(np.float64).tofile(folder / f"{name}.f64")
    simulated = pa.table(columns)  # noqa: F841 (DuckDB finds it by name)
    with duckdb.connect(str(folder / "records.duckdb")) as connection:
        connection.execute("CREATE TABLE patients AS SELECT * FROM simulated")


def timed(run: Callable[[], Any], repeats: int) -> tuple[list[float], Any]:
    """Seconds of each repetition, and what the last one gave."""
    times, result = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return times, result


def ours(folder: Path, fit: str, rows: int, repeats: int) -> dict[str, Any]:
    """This project, from the DuckDB table."""
    import duckdb

    from tasks.models import gee, glmm, lmm

    connection = duckdb.connect(str(folder / "records.duckdb"), read_only=True)

    def run(limit: int) -> Any:
        table = (
            connection.sql(f"SELECT * FROM patients LIMIT {limit}")
            if limit < _all(folder)
            else (connection.table("patients"))
        )
        if fit == "logistic":
            return glmm(FORMULAS[fit], table, nodes=1)
        if fit == "gee":
            return gee(
                FORMULAS[fit], table, groups="clinic", family="binomial", corr="exchangeable", cov="robust"
            )
        return lmm(FORMULAS[fit], table)

    start = time.perf_counter()
    run(rows // 10)
    first = time.perf_counter() - start
    times, model = timed(lambda: run(rows), repeats)
    return {
        "times": times,
        "first": first,
        "coef": list(model.coef),
        "se": list(model.se),
        "loglik": model.loglik,
    }


def duckdb_sum(folder: Path, fit: str, rows: int, repeats: int) -> dict[str, Any]:
    """The floor: DuckDB sums the same columns once."""
    import duckdb

    connection = duckdb.connect(str(folder / "records.duckdb"), read_only=True)
    sums = ", ".join(f"sum({name})" for name in ("y", *COVARIATES))
    times, _ = timed(lambda: connection.execute(f"SELECT {sums} FROM patients").fetchall(), max(repeats, 20))
    return {"times": times}


def statsmodels(folder: Path, fit: str, rows: int, repeats: int) -> dict[str, Any]:
    """MixedLM or GEE with their defaults."""
    import statsmodels.api as sm

    clinic, y, event, x = _arrays(folder, rows)
    design = np.column_stack([np.ones(rows), x])

    def run() -> Any:
        if fit == "gee":
            structure, family = sm.cov_struct.Exchangeable(), sm.families.Binomial()
            return sm.GEE(event, design, groups=clinic, cov_struct=structure, family=family).fit()
        return sm.MixedLM(y, design, groups=clinic).fit(reml=True)

    times, model = timed(run, repeats)
    coefficients = model.params if fit == "gee" else model.fe_params
    return {"times": times, "coef": [float(each) for each in coefficients]}


def gpboost(folder: Path, fit: str, rows: int, repeats: int) -> dict[str, Any]:
    """GPModel with its defaults: no standard errors."""
    import gpboost as gpb

    clinic, y, event, x = _arrays(folder, rows)
    design = np.column_stack([np.ones(rows), x])
    likelihood = "bernoulli_logit" if fit == "logistic" else "gaussian"

    def run() -> Any:
        model = gpb.GPModel(group_data=clinic, likelihood=likelihood)
        model.fit(y=event if fit == "logistic" else y, X=design)
        return model

    times, model = timed(run, repeats)
    return {"times": times, "coef": [float(each) for each in np.asarray(model.get_coef()).ravel()]}


def lme4(folder: Path, fit: str, rows: int, repeats: int) -> dict[str, Any]:
    """lmer or glmer with their defaults, through Rscript."""
    script = folder / "lme4.R"
    script.write_text(R_SCRIPT, encoding="utf-8")
    arguments = [str(folder), fit, FORMULAS[fit], str(rows), str(repeats)]
    found = subprocess.run(
        ["Rscript", "--vanilla", str(script), *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(found.stdout.strip().splitlines()[-1])


PROGRAMS: dict[str, Callable[[Path, str, int, int], dict[str, Any]]] = {
    "ours": ours,
    "DuckDB": duckdb_sum,
    "statsmodels": statsmodels,
    "GPBoost": gpboost,
    "lme4": lme4,
}


def plan(rows: int) -> list[tuple[str, str, int]]:
    """(fit, program, rows), ours before the peers it is compared with."""
    fewer = min(rows, FEWER)
    runs = [
        ("intercept", "DuckDB", rows),
        ("intercept", "ours", rows),
        ("intercept", "GPBoost", rows),
        ("intercept", "statsmodels", rows),
        ("intercept", "lme4", rows),
        ("slopes", "ours", fewer),
        ("slopes", "lme4", fewer),
        ("logistic", "ours", rows),
        ("logistic", "GPBoost", rows),
        ("logistic", "ours", fewer),
        ("logistic", "GPBoost", fewer),
        ("logistic", "lme4", fewer),
        ("gee", "ours", rows),
        ("gee", "statsmodels", rows),
    ]
    there = {"ours", "DuckDB", *(name for name in ("statsmodels", "GPBoost") if _installed(name.lower()))}
    if shutil.which("Rscript") and _has_lme4():
        there.add("lme4")
    return [run for run in dict.fromkeys(runs) if run[1] in there]


def measure(folder: Path, fit: str, program: str, rows: int, repeats: int) -> dict[str, Any]:
    """One program on one fit, in a process of its own with two threads."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "2")
    command = [sys.executable, __file__, "--one", program, fit, str(rows), str(repeats), str(folder)]
    found = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **threads}
    )
    if found.returncode:
        return {"error": found.stderr.strip().splitlines()[-1] if found.stderr.strip() else "failed"}
    return json.loads(found.stdout.strip().splitlines()[-1])


def report(results: dict[tuple[str, str, int], dict[str, Any]]) -> str:
    """The README's table."""
    from benchmarks.machine import description, markdown

    lines = []
    for (fit, program, rows), found in results.items():
        own = results.get((fit, "ours", rows), {})
        if "error" in found or not own.get("times"):
            lines.append((TITLES[fit], f"{rows:,}", program, found.get("error", "–"), "", "", "", ""))
            continue
        ratio = min(found["times"]) / min(own["times"])
        asked = FLOORS.get((fit, program)) if rows == _asked_at(fit, program, results) else None
        shown = (
            "" if program == "ours" else f"{1 / ratio:.1f}× of it" if program == "DuckDB" else f"{ratio:.1f}×"
        )
        apart = ""
        if program not in ("ours", "DuckDB"):
            difference = np.abs(np.array(found["coef"]) - np.array(own["coef"])) / np.array(own["se"])
            apart = f"{difference.max():.1g}"
        floor = "at most 12× of it" if program == "DuckDB" else f"{asked}×" if asked else ""
        name = "DuckDB sums the columns once" if program == "DuckDB" else program
        lines.append(
            (
                TITLES[fit],
                f"{rows:,}",
                name,
                f"{min(found['times']):.3f}",
                f"{np.median(found['times']):.3f}",
                shown,
                floor,
                apart,
            )
        )
    header = (
        "fit",
        "rows",
        "program",
        "seconds, least",
        "median",
        "times ours",
        "asked",
        "furthest apart (SE)",
    )
    packages = ["numpy", "scipy", "duckdb", "statsmodels", "gpboost"]
    r = next((each["version"] for each in results.values() if "version" in each), None)
    made = description(packages) + (f"; lme4 {r}" if r else "")
    return f"{markdown(header, lines)}\n\nMade on {made}; two threads each."


def _asked_at(fit: str, program: str, results: dict[tuple[str, str, int], dict[str, Any]]) -> int:
    """Rows at which a floor is asked: the most that the peer was run on."""
    return max(rows for each, name, rows in results if (each, name) == (fit, program))


def _all(folder: Path) -> int:
    return (folder / "y.f64").stat().st_size // 8


def _arrays(folder: Path, rows: int) -> tuple[Any, Any, Any, Any]:
    def column(name: str) -> Any:
        return np.fromfile(folder / f"{name}.f64", count=rows)

    x = np.column_stack([column(name) for name in COVARIATES])
    return column("clinic").astype(np.int64), column("y"), column("event"), x


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _has_lme4() -> bool:
    asked = ["Rscript", "-e", "quit(status = !requireNamespace('lme4', quietly = TRUE))"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def main() -> None:
    """Simulate, measure, print, and keep the table where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--clinics", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=5, help="of ours")
    parser.add_argument("--peer-repeats", type=int, default=1)
    parser.add_argument("--only", choices=list(FORMULAS), action="append", help="only these fits")
    parser.add_argument("--program", choices=list(PROGRAMS), action="append", help="only these programs")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        program, fit, rows, repeats, folder = asked.one
        print(json.dumps(PROGRAMS[program](Path(folder), fit, int(rows), int(repeats))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder, asked.rows, asked.clinics)
        results = {}
        for run in plan(asked.rows):
            if (asked.only and run[0] not in asked.only) or (asked.program and run[1] not in asked.program):
                continue
            repeats = asked.repeats if run[1] in ("ours", "DuckDB") else asked.peer_repeats
            results[run] = measure(folder, *run, repeats)
            least = min(results[run].get("times", [float("nan")]))
            print(f"{run[0]:10} {run[1]:12} {run[2]:>9,} rows  {least:.3f} s", file=sys.stderr, flush=True)
    text = report(results)
    print(text)
    if asked.write:
        from benchmarks.machine import RESULTS

        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "peers.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
