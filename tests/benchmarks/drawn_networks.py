"""Twenty networks as users have them, drawn at random over worlds that can mislead, and their truth.

Each network is a card from every deck: how many clinics, what kind of outcome, how clinics differ, what their
records have, and what the program does. The decks are shuffled once, with a seed, so that every world occurs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd
from benchmarks.program_worlds import MONTHS, TREND, Floats, Rolled, World, age_effect, roll_out
from scipy import special

MONTH = "2023-12"
NETWORKS = 20
SEED = 2026
Declared = Literal["starts", "column", "no program"]

_RECORDS = {6: 40, 8: 40, 12: 30, 24: 15, 100: 8}  # of a clinic's month
_PREVALENCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.1, 0.3, 0.2)
_MANY = 400
"""Clinics of the network that tells what is true of all clinics like these."""
_ENOUGH_TO_VARY = 5
_FEWEST_RECORDS, _FEWEST_EVENTS = 25, 11  # of a clinic that rankability counts
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(31)


@dataclass(frozen=True)
class Drawn:
    """One of the networks.

    Attributes:
        name: in words, what it was drawn to have.
        world: what is true of it.
        declared: how its file tells who has the program.
        important: the difference that matters, in the outcome's unit; None where the file names none.
        place: among the networks; the seed of its records.
    """

    name: str
    world: World
    declared: Declared
    important: float | None
    place: int

    @cached_property
    def rolled(self) -> Rolled:
        """Its records and their truth."""
        return roll_out(self.world, np.random.default_rng([SEED, self.place]))

    @cached_property
    def truth(self) -> Truth:
        """What is true of it."""
        return truth_of(self.world, self.rolled, np.random.default_rng([SEED, self.place, 1]))

    def write(self, directory: Path) -> Path:
        """The network's file and its records, as CSV or DuckDB; where the file is."""
        directory.mkdir(parents=True, exist_ok=True)
        data = self.rolled.data
        records = data.assign(
            date=pd.to_datetime(data["month"] + "-" + (data["patient"] % 27 + 1).astype(str).str.zfill(2)),
            clinic="Clinic " + data["clinic"].str.removeprefix("c"),
        ).drop(columns=["month", "region"])
        if self.world.visits == 1:
            records = records.drop(columns="patient")
        if self.world.kind != "continuous":
            records["y"] = records["y"].astype(int)
        if self.declared != "column":
            records = records.drop(columns="program")
        if self.place % 2:
            source = "records.csv"
            records.to_csv(directory / source, index=False)
        else:
            source = "records.duckdb"
            with duckdb.connect(str(directory / source)) as connection:
                connection.register("frame", records)
                connection.execute("CREATE OR REPLACE TABLE records AS SELECT * FROM frame")
        file = directory / "network.toml"
        file.write_text(self._file(source), encoding="utf-8")
        return file

    def _file(self, source: str) -> str:
        outcome = {
            "continuous": ("Score", 'unit = "points"\n'),
            "binary": ("Complication", ""),
            "count": ("Emergency visits", ""),
        }[self.world.kind]
        lines = [
            f'[network]\nname = "Network {self.place + 1}"\ntime_zone = "UTC"\n',
            f'[records]\nsource = "{source}"',
            'select = "SELECT * FROM records"\n' if source.endswith("duckdb") else "",
            f'[outcomes.y]\nlabel = "{outcome[0]}"\nkind = "{self.world.kind}"',
            f'{outcome[1]}direction = "lower"',
            'adjusters = ["age"]' if self.world.curve else "",
            f"important_difference = {self.important:g}" if self.important else "",
        ]
        if self.declared == "column":
            lines.append('\n[program]\nlabel = "Outreach"\ncolumn = "program"')
        elif self.declared == "starts":
            starts = [
                f'"Clinic {k:03}" = "2023-{start + 1:02}"'
                for k, start in enumerate(self.rolled.start)
                if start < MONTHS
            ]
            lines.append('\n[program]\nlabel = "Outreach"\n[program.starts]\n' + "\n".join(starts))
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Truth:
    """What is true of a network, in the outcome's unit (per cent for binary outcomes).

    Attributes:
        figures: clinic → what the network's patients come to at it, its months' shocks aside.
        typical: the same at the mean of these clinics.
        differ: whether clinics differ at all.
        outlying: clinics that no distribution of the others explains.
        icc: how alike two records of one clinic are.
        rankability: share of the variance of clinics' own effects that is not sampling error.
        effect: measure → the program's in the average month since the start, on the population.
        effect_beside: the same over the months in which other clinics had not started.
        gap: measure → clinics with the program against clinics without, of a program by whole clinics.
    """

    figures: dict[str, float]
    typical: float
    differ: bool
    outlying: frozenset[str]
    icc: float
    rankability: float
    effect: dict[str, float]
    effect_beside: dict[str, float]
    gap: dict[str, float]


def figures_of(world: World, rolled: Rolled) -> tuple[list[float], float]:
    """What the network's patients come to at each clinic, and at the mean of these clinics' levels."""
    share = rolled.data["month"].value_counts(normalize=True).sort_index().to_numpy()
    nodes, weights = _patients(world, rolled)
    month = world.level + TREND * np.arange(MONTHS)

    def figure(added: Floats) -> float:
        eta = (month + added)[:, None] + nodes[None, :]
        return float(share @ _mean(world, eta) @ weights) * (100.0 if world.kind == "binary" else 1.0)

    return [figure(each) for each in rolled.added], figure(rolled.added.mean(axis=0))


def _patients(world: World, rolled: Rolled) -> tuple[Floats, Floats]:
    """What patients and shocks add to the linear predictor, as nodes and weights."""
    age = rolled.data["age"].to_numpy() if world.curve else np.full(1, 50.0)
    of_ages = age_effect(world, np.quantile(age, (np.arange(60) + 0.5) / 60)) if world.curve else np.zeros(1)
    sd = math.hypot(world.shock_sd, world.patient_sd)
    nodes = (of_ages[:, None] + sd * _NODES[None, :]).ravel()
    return nodes, np.tile(_WEIGHTS / _WEIGHTS.sum() / len(of_ages), len(of_ages))


def truth_of(world: World, rolled: Rolled, rng: np.random.Generator) -> Truth:
    """What is true of a network, and of all clinics like its own."""
    data = rolled.data
    share = data["month"].value_counts(normalize=True).sort_index().to_numpy()
    nodes, weights = _patients(world, rolled)
    figures, typical = figures_of(world, rolled)
    names = [f"Clinic {k:03}" for k in range(world.clinics)]
    many = roll_out(replace(world, clinics=max(_MANY, world.clinics)), rng)
    level = rolled.added @ share
    having = np.array(figures)[rolled.start < MONTHS]
    without = np.array(figures)[rolled.start >= MONTHS]
    gap = {}
    if len(having) and len(without):
        one, other = float(having.mean()), float(without.mean())
        gap = {"difference": one - other, "risk_difference": one - other, "rate_ratio": one / other}
        if world.kind == "binary":
            gap["odds_ratio"] = one / (100.0 - one) / (other / (100.0 - other))
    return Truth(
        figures=dict(zip(names, figures, strict=True)),
        typical=typical,
        differ=bool(np.ptp(level) > 1e-9),
        outlying=frozenset(names[::12]) if world.levels == "outlying" else frozenset(),
        icc=_icc(many.data),
        rankability=_rankability(world, rolled, many),
        effect=_effect(world, rolled, nodes, weights, beside_others=False),
        effect_beside=_effect(world, rolled, nodes, weights, beside_others=True),
        gap=gap,
    )


def _effect(
    world: World, rolled: Rolled, nodes: Floats, weights: Floats, *, beside_others: bool
) -> dict[str, float]:
    """Everyone with the effect of the average month since the start, against everyone without."""
    if world.kind == "continuous":
        return rolled.by_cohort if beside_others else rolled.truth
    since = np.arange(MONTHS)[None, :] - rolled.start[:, None]
    counted = since >= 0
    if beside_others:
        counted &= (np.arange(MONTHS) < rolled.start.max())[None, :]
    data = rolled.data
    records = pd.crosstab(data["clinic"], data["month"]).to_numpy() / len(data)
    month = world.level + TREND * np.arange(MONTHS)
    eta = (month[None, :] + rolled.without)[:, :, None] + nodes

    def mean(added: float) -> float:
        return float(np.sum(records * (_mean(world, eta + added) @ weights)))

    without = mean(0.0)
    having = float(
        np.mean([mean(rolled.effect[counted & (since == each)].mean()) for each in np.unique(since[counted])])
    )
    found = {"risk_ratio": having / without, "rate_ratio": having / without}
    if world.kind == "binary":
        found["risk_difference"] = 100.0 * (having - without)
        found["odds_ratio"] = having / (1.0 - having) / (without / (1.0 - without))
    return found


def _mean(world: World, eta: Floats) -> Floats:
    if world.kind == "continuous":
        return eta
    return np.asarray(special.expit(eta) if world.kind == "binary" else np.exp(eta))


def _icc(data: pd.DataFrame) -> float:
    """By analysis of variance of very many clinics, each counting once, however large."""
    of_clinics = data.groupby("clinic")["y"].agg(["size", "mean", "var"])
    of_clinics = of_clinics[of_clinics["size"] >= _ENOUGH_TO_VARY]
    within = float(of_clinics["var"].mean())
    between = float(of_clinics["mean"].var() - (of_clinics["var"] / of_clinics["size"]).mean())
    return max(between, 0.0) / (max(between, 0.0) + within)


def _rankability(world: World, rolled: Rolled, many: Rolled) -> float:
    """τ²/(τ² + median s²): all that clinics' own effects miss their lasting levels by is in s²."""
    between = float(many.added.mean(axis=1).var())
    records = rolled.data.groupby("clinic").size().to_numpy()
    mean = rolled.data.groupby("clinic")["y"].mean().to_numpy()
    if world.kind == "continuous":
        of_record = rolled.spread**2
    else:
        mean = np.maximum(mean, float(rolled.data["y"].mean()) / 4.0)
        of_record = 1.0 / (mean * (1.0 - mean) if world.kind == "binary" else mean)
    apart = np.abs(np.subtract.outer(np.arange(MONTHS), np.arange(MONTHS)))
    together = float((world.lasting**apart).mean()) if world.lasting else 1.0 / MONTHS
    error = (of_record + world.visits * world.patient_sd**2) / records + world.shock_sd**2 * together
    enough = records >= _FEWEST_RECORDS
    if world.kind != "continuous":
        enough &= records * float(rolled.data["y"].mean()) >= _FEWEST_EVENTS
    return between / (between + float(np.median(error[enough] if enough.any() else error)))


def drawn() -> tuple[Drawn, ...]:
    """The twenty networks, always the same."""
    rng = np.random.default_rng(SEED)
    decks = [
        _shuffled([(k,) for k in (6, 8, 12, 24, 100)] * 4, rng),
        _shuffled(["binary"] * 10 + ["continuous"] * 8 + ["count"] * 2, rng),
        _shuffled(
            ["normal"] * 6 + ["skewed"] * 4 + ["two-point"] * 4 + ["outlying"] * 3 + ["alike"] * 3, rng
        ),
        _shuffled(_RECORDS_HAVE, rng),
        _shuffled(_PROGRAMS, rng),
    ]
    prevalences = iter(rng.permutation(_PREVALENCES).tolist())
    found = []
    for place, ((clinics,), kind, levels, having, program) in enumerate(zip(*decks, strict=True)):
        prevalence = next(prevalences) if kind == "binary" else None
        found.append(_network(place, clinics, kind, prevalence, levels, having, program))
    return tuple(found)


_RECORDS_HAVE: Sequence[tuple[str, dict[str, Any]]] = (
    *[("records that spread by clinic", {"own_spread": 0.6})] * 3,
    *[("larger clinics higher", {"unequal": True, "size_matters": 0.3})] * 3,
    *[("shocks of clinics' months", {"shock_sd": 0.3})] * 3,
    *[("shocks that last (0.7)", {"shock_sd": 0.3, "lasting": 0.7})] * 3,
    *[("repeated visits", {"visits": 6, "patient_sd": 1.0})] * 3,
    (
        "repeated visits, shocks that last (0.7)",
        {"visits": 6, "patient_sd": 1.0, "shock_sd": 0.3, "lasting": 0.7},
    ),
    *[("an adjuster that bends", {"curve": 0.4})] * 2,
    *[("very unequal sizes", {"unequal": True})] * 2,
)
_PROGRAMS: Sequence[tuple[str, dict[str, Any]]] = (
    *[("no program", {"effect": 0.0})] * 2,
    *[("the better half has the program", {"whole_clinics": True, "effect": 0.0})] * 3,
    *[("a constant effect", {})] * 2,
    *[("no effect", {"effect": 0.0})] * 2,
    *[("a growing effect", {"shape": "growing"})] * 2,
    *[("a fading effect", {"shape": "fading"})] * 2,
    *[("an effect by the calendar", {"shape": "calendar"})] * 2,
    *[("effects by cohort", {"shape": "cohorts"})] * 2,
    *[("early starters' own trend", {"own_trend": 0.03})] * 2,
    ("an effect of each clinic's own", {"effect_sd": 0.3}),
)


def _network(
    place: int,
    clinics: int,
    kind: Any,
    prevalence: float | None,
    levels: Any,
    having: tuple[str, dict[str, Any]],
    program: tuple[str, dict[str, Any]],
) -> Drawn:
    alike = levels == "alike"
    features = having[1] | program[1]
    if kind != "continuous" and "own_spread" in features:
        features = {key: value for key, value in features.items() if key != "own_spread"}
        having = ("plain records", {})
    what = kind if prevalence is None else f"{100 * prevalence:g}%"
    clinics_said = "clinics alike otherwise" if alike else f"{levels} clinics"
    name = f"{place + 1}. {clinics} clinics, {what}, {clinics_said}, {having[0]}, {program[0]}"
    world = World(
        name=name,
        kind=kind,
        clinics=clinics,
        records=_RECORDS[clinics],
        level=0.0 if prevalence is None else math.log(prevalence / (1.0 - prevalence)),
        clinic_sd=0.0 if alike else 0.4,
        levels="normal" if alike else levels,
        **{"shock_sd": 0.0} | features,
    )
    declared: Declared = "starts" if place % 3 else "column"
    if program[0] == "no program":
        declared = "no program"
    important = {"continuous": 0.3, "binary": 5.0, "count": 0.2}[kind] if place % 2 else None
    return Drawn(name, world, declared, important, place)


def _shuffled(cards: Sequence[Any], rng: np.random.Generator) -> list[Any]:
    return [cards[each] for each in rng.permutation(len(cards))]
