"""How seconds and memory grow with the records, where no two rows agree: the table that stands in the README.

    python tests/benchmarks/scale.py [--rows 10000 100000] [--only FIT] [--budget 5e8] [--write]

Ten covariates of which nine are continuous, so that rows do not become cells, and an outcome of 0 and 1, in
clinics of very unequal sizes, in no order; beside it a score of patients who come five times in the mean,
each to one clinic. Simulated once for each number of rows into a DuckDB file. Every fit has a process of
its own with two threads. Its seconds, on the clock and of both cores, are those of the fit with standard
errors; its memory is the most that the process held (VmHWM), what DuckDB keeps of its file included, less
what it held once everything was imported. An exponent of 1 says that ten times the rows take ten times as
much, of 0 that they take no more. `--write` keeps the table in tests/benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

COVARIATES = tuple(f"x{i}" for i in range(1, 11))
_RIGHT = " + ".join(COVARIATES)
_DRAWN = 250_000  # rows that are drawn together
_OF_A_CLINIC = 1_000  # rows, in the mean
_OF_A_PATIENT = 5

FITS: Mapping[str, str] = {
    "gee": "exchangeable logistic GEE",
    "gee-budget": "the same within {budget}",
    "average": "population averages at two values, of such a GEE",
    "glmm": "logistic mixed model, Laplace",
    "glmm-budget": "the same model within {budget}",
    "patients": "linear mixed model, patients in clinics",
}


def simulate(path: Path, rows: int, seed: int = 1) -> None:
    """The records of one size."""
    import duckdb
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    clinics = max(rows // _OF_A_CLINIC, 20)
    share = rng.lognormal(0.0, 0.8, clinics)
    level, beta = rng.normal(-1.0, 0.5, clinics), np.linspace(0.5, -0.5, len(COVARIATES))
    visits = np.random.default_rng([seed, 1])  # the others' records stay as they are without it
    of_clinic = np.maximum(np.round(share / share.sum() * rows / _OF_A_PATIENT), 1.0).astype(np.int64)
    first = np.cumsum(of_clinic) - of_clinic
    patients = visits.normal(0.0, 0.6, of_clinic.sum())
    columns = ", ".join(f"{name} DOUBLE" for name in COVARIATES)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"CREATE TABLE records (clinic BIGINT, event BIGINT, {columns}, patient BIGINT, score DOUBLE)"
        )
        for start in range(0, rows, _DRAWN):
            n = min(_DRAWN, rows - start)
            clinic = rng.choice(clinics, n, p=share / share.sum())
            x = rng.normal(size=(n, len(COVARIATES)))
            x[:, -1] = x[:, -1] > 0.5
            event = rng.random(n) < 1.0 / (1.0 + np.exp(-(level[clinic] + x @ beta)))
            drawn = {"clinic": clinic.astype(np.int64), "event": event.astype(np.int64)}
            drawn |= {name: x[:, i] for i, name in enumerate(COVARIATES)}
            patient = first[clinic] + np.floor(visits.random(n) * of_clinic[clinic]).astype(np.int64)
            score = level[clinic] + patients[patient] + x @ beta + visits.normal(size=n)
            drawn |= {"patient": patient, "score": score}
            batch = pa.table(drawn)  # noqa: F841 (DuckDB finds it by name)
            connection.execute("INSERT INTO records SELECT * FROM batch")


def fitted(path: Path, fit: str, budget: float) -> dict[str, Any]:
    """One fit in this process: what it took, and what came out."""
    from tasks.models import gee, glmm, lmm, marginal_effects
    from tasks.records import Records

    def exchangeable(memory_budget: float) -> Any:
        return gee(
            f"event ~ {_RIGHT}",
            records,
            groups="clinic",
            family="binomial",
            corr="exchangeable",
            cov="robust",
            memory_budget=memory_budget,
        )

    records = Records(str(path))
    model: Any = exchangeable(budget) if fit == "average" else None
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the most held, from here on
    before, wall, cpu = _held("VmRSS"), time.perf_counter(), time.process_time()
    if fit in ("glmm", "glmm-budget"):
        within = budget if fit == "glmm-budget" else math.inf
        model = glmm(f"event ~ {_RIGHT} + (1 | clinic)", records, nodes=1, memory_budget=within)
    elif fit == "patients":
        model = lmm(f"score ~ {_RIGHT} + (1 | patient) + (1 | clinic)", records)
    elif fit == "average":
        marginal_effects(model, COVARIATES[-1], records)
    else:
        model = exchangeable(budget if fit == "gee-budget" else math.inf)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "memory": _held("VmHWM") - before,
        "read": "blocks" if fit == "average" else _read(model.messages),
        "coef": list(model.coef),
        "se": list(model.se),
    }


def _read(messages: Sequence[str]) -> str:
    """How the rows were read, by what the fit says of it."""
    said = " ".join(messages)
    if "block by block" in said:
        return "blocks"
    return "sums of patients" if "told by sums" in said else "one piece"


def _held(field: str) -> int:
    """Bytes of this process, as Linux counts them."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/self/status says nothing of {field}")


def measure(path: Path, fit: str, budget: float) -> dict[str, Any]:
    """One fit in a process of its own, with two threads."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    command = [sys.executable, __file__, "--one", fit, str(path), "--budget", str(budget)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **threads})
    return json.loads(found.stdout.strip().splitlines()[-1])


def report(results: Mapping[tuple[str, int], Mapping[str, Any]], budget: float) -> str:
    """The README's table: what every fit took, and how that grew since the size before."""
    from benchmarks.machine import description, markdown

    lines: list[Sequence[object]] = []
    for fit in dict.fromkeys(name for name, _ in results):
        sizes = sorted(rows for name, rows in results if name == fit)
        before = {size: earlier for earlier, size in pairwise(sizes)}
        for rows in sizes:
            found = results[fit, rows]
            grown = ["", ""]
            if rows in before:
                earlier = results[fit, before[rows]]
                grown = [
                    f"{math.log(found[what] / earlier[what]) / math.log(rows / before[rows]):.2f}"
                    for what in ("cpu", "memory")
                ]
            lines.append(
                (
                    FITS[fit].format(budget=_size(budget)),
                    f"{rows:,}",
                    found["read"],
                    f"{found['wall']:.1f}",
                    f"{found['cpu']:.1f}",
                    grown[0],
                    _size(found["memory"]),
                    f"{found['memory'] / rows:,.0f}",
                    grown[1],
                )
            )
    header = (
        "fit",
        "rows",
        "read in",
        "seconds",
        "CPU seconds",
        "exponent",
        "memory",
        "bytes a row",
        "exponent",
    )
    made = description(["numpy", "scipy", "duckdb", "pyarrow"])
    return f"{markdown(header, lines)}\n\nMade on {made}; two threads each."


def _size(memory: float) -> str:
    return f"{memory / 1e9:.2f} GB"


def main() -> None:
    """Measure, print, and keep with --write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--only", choices=list(FITS), action="append")
    parser.add_argument("--budget", type=float, default=5e8, help="bytes")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(fitted(Path(asked.one[1]), asked.one[0], asked.budget)))
        return
    results: dict[tuple[str, int], dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in asked.rows:
            path = Path(folder) / f"{rows}.duckdb"
            simulate(path, rows)
            for fit in asked.only or FITS:
                results[fit, rows] = measure(path, fit, asked.budget)
                print(fit, rows, {k: v for k, v in results[fit, rows].items() if k not in ("coef", "se")})
            path.unlink()
    text = report(results, asked.budget)
    print(text)
    if asked.write:
        from benchmarks.machine import RESULTS

        (RESULTS / "scale.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
