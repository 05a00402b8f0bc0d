"""How often clinics' intervals hold the truth, and how many clinics stand out, where months have shocks.

    python tests/benchmarks/clinic_coverage.py [--replicates 400] [--world "continuous, 24 clinics"]
    python tests/benchmarks/clinic_coverage.py --report [--write]

Shocks of clinics' months come anew or last, and patients come once or six times. What is judged is what the
report prints: best estimates with their intervals, who is called better or worse, and whether clinics are
ranked. Where clinics do not differ but for shocks, nobody should stand out but by chance. Results are kept by
world and chunk, so that a study that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.chunked_study import study
from benchmarks.drawn_networks import MONTH, Drawn, figures_of
from benchmarks.machine import description, markdown
from benchmarks.program_worlds import Kind, World

from tasks.estimating import estimate_outcome, summarise
from tasks.network import read_network
from tasks.records import Records
from tasks.screening import screen

CHUNK = 20
FOLDER = Path(__file__).parents[2] / "output" / "clinic_coverage"
BETWEEN, SHOCK = 0.3, 0.3
_RANKED = 0.75
_SIZES: dict[str, tuple[tuple[int, int], ...]] = {
    "continuous": ((12, 30), (24, 15), (100, 8)),
    "binary": ((24, 60), (100, 30)),
    "count": ((24, 15),),
}
"""Kind → clinics, and records of a clinic's month."""
_SMALL = (0.25 * BETWEEN, 0.5 * BETWEEN)
"""Shocks that are hardly seen, and yet add as much to a clinic's figure as its records leave open."""


def worlds() -> list[World]:
    """Those of the study: with shocks or none, patients who come once or again, and clinics that differ."""
    return [*_usual(), *_small()]


def _small() -> list[World]:
    """Small shocks that last, where 24 clinics' patients come again."""
    return [
        _world(kind, clinics, records, again=True, lasting=lasting, between=between, shock=shock)
        for kind in ("continuous", "binary", "count")
        for clinics, records in _SIZES[kind]
        if clinics == 24
        for shock in _SMALL
        for lasting in (0.5, 0.9, 0.95)
        for between in (0.0, BETWEEN)
    ]


def _usual() -> list[World]:
    return [
        _world(kind, clinics, records, again=again, lasting=lasting, between=between)
        for kind, sizes in (
            ("continuous", _SIZES["continuous"]),
            ("binary", _SIZES["binary"]),
            ("count", _SIZES["count"]),
        )
        for clinics, records in sizes
        for again in (False, True)
        for lasting in (None, 0.0, 0.5, 0.7, 0.9)
        for between in (0.0, BETWEEN)
    ]


def _world(
    kind: Kind,
    clinics: int,
    records: int,
    *,
    again: bool,
    lasting: float | None,
    between: float,
    shock: float = SHOCK,
) -> World:
    shocks = "no shocks" if lasting is None else f"shocks that last ({lasting:g})" if lasting else "shocks"
    if shock != SHOCK:
        shocks = f"small {shocks[:-1]}, SD {shock:g})"
    visits = "six visits" if again else "one visit"
    differ = "clinics differ" if between else "clinics alike"
    return World(
        name=f"{kind}, {clinics} clinics, {visits}, {shocks}, {differ}",
        kind=kind,
        clinics=clinics,
        records=records,
        effect=0.0,
        level={"continuous": 0.0, "binary": -1.0, "count": 0.0}[kind],
        clinic_sd=between,
        shock_sd=0.0 if lasting is None else shock,
        lasting=lasting or 0.0,
        visits=6 if again else 1,
        patient_sd={"continuous": 1.0, "binary": 1.5, "count": 0.7}[kind] if again else 0.0,
    )


def judged(world: World, place: int) -> dict[str, float]:
    """One network: sums over its clinics of what is counted."""
    network = Drawn(world.name, world, "no program", None, place)
    figures, _ = figures_of(world, network.rolled)
    with tempfile.TemporaryDirectory() as directory:
        described = read_network(network.write(Path(directory)))
        usable = screen(Records.of(described), described, MONTH).usable
        found = estimate_outcome(usable, described, "y", summarise(usable, described))
    rows = found.clinics[found.clinics["form"] == "shrunken"].set_index("clinic")
    truth = pd.Series({f"Clinic {k:03}": figure for k, figure in enumerate(figures)}).reindex(rows.index)
    inside = (rows["lower"] <= truth) & (truth <= rows["upper"])
    compared = rows["comparison"] != "not_compared"
    called = rows.loc[compared, "comparison"]
    rankable = found.shrunken.rankability(found.numerous).value if found.shrunken is not None else math.nan
    return {
        "networks": 1.0,
        "clinics": float(len(rows)),
        "held": float(inside.sum()),
        "width": float((rows["upper"] - rows["lower"]).sum()),
        "squared": float(((rows["value"] - truth) ** 2).sum()),
        "better": float((called == "better").sum()),
        "worse": float((called == "worse").sum()),
        "ranked": float(rankable > _RANKED),
    }


def run_chunk(task: tuple[World, int, int, str]) -> str:
    """Simulate one chunk of a world and keep what it gave."""
    world, chunk, size, folder = task
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pd.DataFrame([judged(world, chunk * size + each) for each in range(size)])
    sums = found.sum()
    target = Path(folder) / f"{_file(world)}_{chunk:04d}.json"
    partial = target.with_suffix(".part")
    kept = {**sums.to_dict(), "held_squared": float(((found["held"] / found["clinics"]) ** 2).sum())}
    partial.write_text(json.dumps({"world": world.name, "sums": kept}), encoding="utf-8")
    partial.replace(target)
    return f"{world.name}, chunk {chunk}: {time.process_time() - begin:.0f} CPU s"


def _file(world: World) -> str:
    return "".join(each if each.isalnum() else "-" for each in world.name)


def gathered(folder: Path) -> pd.DataFrame:
    """One row a world: the sums of its chunks."""
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    if not parts:
        raise SystemExit(f"no results in {folder}")
    return pd.DataFrame([{"world": part["world"], **part["sums"]} for part in parts]).groupby("world").sum()


def report(folder: Path) -> str:
    """The table as Markdown: a line for two worlds that differ in whether clinics do."""
    sums = gathered(folder)
    return "\n".join(
        [
            "Of networks whose clinics do not differ but for shocks: clinics called better and worse, in per "
            "cent, and networks whose clinics may be ranked. Of those whose clinics do: coverage of 95% "
            "intervals of best estimates, in per cent (Monte Carlo SE over networks), and the root of their "
            "mean squared error over their mean half-width.",
            "",
            markdown(
                ("world", "better", "worse", "ranked", "coverage", "half-width", "error", "networks"),
                _lines(sums),
            ),
            "",
            f"Made on {description(['numpy', 'scipy', 'pandas', 'duckdb'])}.",
        ]
    )


def _lines(sums: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    for world in worlds():
        if world.clinic_sd or world.name not in sums.index:
            continue
        name = world.name.removesuffix(", clinics alike")
        alike, differ = sums.loc[world.name], sums.reindex([f"{name}, clinics differ"]).iloc[0]
        yield (
            name,
            *(f"{100 * alike[side] / alike['clinics']:.1f}" for side in ("better", "worse")),
            f"{100 * alike['ranked'] / alike['networks']:.0f}%",
            f"{100 * differ['held'] / differ['clinics']:.1f} ({100 * _se(differ):.1f})",
            f"{0.5 * differ['width'] / differ['clinics']:.3g}",
            f"{math.sqrt(differ['squared'] / differ['clinics']):.3g}",
            f"{alike['networks']:.0f}",
        )


def _se(sums: pd.Series) -> float:
    """Of the mean over networks of the share of clinics held."""
    n = sums["networks"]
    variance = sums["held_squared"] / n - (sums["held"] / sums["clinics"]) ** 2
    return math.sqrt(max(variance, 0.0) / n)


def main() -> None:
    """Run what is missing, and print the table."""
    study(__doc__, worlds(), run_chunk, report, _file, chunk=CHUNK, folder=FOLDER, table="clinics.md")


if __name__ == "__main__":
    main()
