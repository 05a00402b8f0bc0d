"""Simulated rollouts with known truth: what a program's effect can be hidden by, one thing at a time.

Clinics (or whole regions) start one after the other over twelve months. Everything has a level of its own:
clinics, their months, where asked regions' months, patients; the program's effect may vary among clinics, and
change with the months since the start, with the calendar, or with how early a clinic started. Clinics' levels
need not be normal nor unrelated to their sizes, and their records need not spread alike.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Kind = Literal["continuous", "binary", "count"]
Shape = Literal["constant", "growing", "fading", "calendar", "cohorts"]
Levels = Literal["normal", "skewed", "two-point", "outlying"]

MONTHS = 12
TREND = 0.03
OUTLYING = 5.0
"""SDs that one clinic of a dozen lies from the others."""


@dataclass(frozen=True, kw_only=True)
class World:
    """One way in which a rollout can be.

    Attributes:
        name: what it is called in tables.
        kind: the outcome's.
        clinics: how many.
        records: of a clinic's month; with `unequal`, on average.
        unequal: whether the largest clinic has forty times the records of the smallest.
        effect: on the scale of the link, of the average month.
        shape: how the effect changes.
        effect_sd: SD of the clinics' own effects.
        clinic_sd, shock_sd: SD of the clinics' levels, and of their months'.
        regions: of clinics that start together; 0 where each starts by itself.
        region_shock: SD of the regions' months.
        level: the linear predictor without anything.
        visits: records of a patient, one a month; 1 where each patient is seen once.
        patient_sd: SD of the patients' levels.
        lasting: correlation of a clinic's shocks from month to month.
        wandering: SD of the clinics' own changes a month.
        own_trend: by how much a month the early half changes without the program, beside what all do.
        levels: how clinics' levels are distributed, with the same SD (but for the outlying ones).
        size_matters: by how much a clinic's level is higher for each SD of the logarithm of its size.
        own_spread: SD of the logarithms of clinics' SDs of records.
        curve: effect of a patient's age, squared, in units of 15 years from 50.
        whole_clinics: whether the better half of the clinics has the program all along, and no other.
    """

    name: str
    kind: Kind = "continuous"
    clinics: int = 24
    records: int = 15
    unequal: bool = False
    effect: float = 0.3
    shape: Shape = "constant"
    effect_sd: float = 0.0
    clinic_sd: float = 0.3
    shock_sd: float = 0.1
    regions: int = 0
    region_shock: float = 0.0
    level: float = 0.0
    visits: int = 1
    patient_sd: float = 0.0
    lasting: float = 0.0
    wandering: float = 0.0
    own_trend: float = 0.0
    levels: Levels = "normal"
    size_matters: float = 0.0
    own_spread: float = 0.0
    curve: float = 0.0
    whole_clinics: bool = False


@dataclass(frozen=True)
class Rolled:
    """A simulated rollout.

    Attributes:
        data: one row a record: clinic, region, patient, month, program, y; `age` where it matters.
        truth: measure → the average month's effect on the population.
        by_cohort: the same over the months of cohorts that clinics without the program were seen beside.
        without: (K, T) what clinics add to the linear predictor in each month, shocks and program aside.
        effect: (K, T) what the program adds.
        spread: (K,) SD of each clinic's records, of a continuous outcome.
        start: (K,) month of each clinic's start; 12 where it never came.
    """

    data: pd.DataFrame
    truth: dict[str, float]
    by_cohort: dict[str, float]
    without: Floats
    effect: Floats
    spread: Floats
    start: NDArray[np.int64]

    @property
    def added(self) -> Floats:
        """(K, T) what clinics add to the linear predictor in each month, their shocks aside."""
        return self.without + self.effect


def worlds() -> list[World]:
    """Those of the study."""
    sized = ((8, 40), (24, 15), (100, 8))
    shapes: tuple[Shape, ...] = ("constant", "growing", "fading", "calendar", "cohorts")
    found = [
        World(name=f"{shape} effect, {k} clinics", shape=shape, clinics=k, records=n)
        for k, n in sized
        for shape in shapes
    ]
    for k, n in sized:
        name = f"early starters' own trend, {k} clinics"
        found.append(World(name=name, clinics=k, records=n, own_trend=0.03))
    for k, n in sized[:2]:
        size = f"{k} clinics"
        world = functools.partial(World, clinics=k, records=n)
        found += [
            world(name=f"effect of its own in each clinic, {size}", effect_sd=0.3),
            world(name=f"shocks that last (0.9), {size}", shock_sd=0.3, lasting=0.9),
            world(name=f"changes of clinics' own, {size}", shock_sd=0.05, wandering=0.03),
            world(name=f"repeated visits, {size}", visits=6, patient_sd=1.0),
            world(name=f"very unequal, {size}", unequal=True),
        ]
    binary = functools.partial(World, kind="binary", level=-1.0)
    return [
        *found,
        World(name="by 6 regions with shocks", regions=6, region_shock=0.15),
        World(name="by 8 regions with shocks", regions=8, region_shock=0.15),
        World(name="by 12 regions with shocks", regions=12, region_shock=0.15),
        binary(name="binary, 24 clinics"),
        binary(name="binary, effect of its own, 8 clinics", clinics=8, records=40, effect_sd=0.4),
        binary(name="binary, very unequal, 8 clinics", clinics=8, records=40, unequal=True, clinic_sd=0.5),
        binary(name="binary, repeated visits, 24 clinics", visits=6, patient_sd=2.0),
        World(name="binary, 2%, 24 clinics", kind="binary", level=-4.0),
        World(name="counts, effect of its own, 24 clinics", kind="count", level=-0.5, effect_sd=0.2),
        World(name="counts, repeated visits, 24 clinics", kind="count", level=-0.5, visits=6, patient_sd=0.7),
    ]


def roll_out(world: World, rng: np.random.Generator) -> Rolled:
    """One network of a world."""
    k = world.clinics
    start, region = _starts(world, rng)
    own = rng.normal(0.0, world.effect_sd, k) if world.effect_sd else np.zeros(k)
    clinic_level = _clinic_levels(world, rng)
    if world.whole_clinics:
        start = np.where(clinic_level > np.median(clinic_level), 0, MONTHS)
    since = np.arange(MONTHS)[None, :] - start[:, None]
    on = since >= 0
    mean_effect = np.where(on, _effect(world, since, start), 0.0)
    effect = mean_effect + np.where(on, own[:, None], 0.0)
    shock = rng.normal(0.0, world.shock_sd, (k, MONTHS))
    for month in range(1, MONTHS if world.lasting else 1):
        shock[:, month] = (
            world.lasting * shock[:, month - 1] + math.sqrt(1.0 - world.lasting**2) * shock[:, month]
        )
    drift = rng.normal(0.0, world.wandering, (k, 1)) * (np.arange(MONTHS) - MONTHS / 2.0)
    if world.regions:
        shock += rng.normal(0.0, world.region_shock, (world.regions, MONTHS))[region]
    if world.own_trend:
        drift = drift + world.own_trend * (start < np.median(start))[:, None] * np.arange(MONTHS)
    clinic, moment, patient = _records(world, rng)
    if world.size_matters:
        size = np.log(np.bincount(clinic, minlength=k))
        clinic_level = clinic_level + world.size_matters * (size - size.mean()) / size.std()
    level = rng.normal(0.0, world.patient_sd, int(patient.max()) + 1) if world.patient_sd else None
    without = clinic_level[:, None] + drift
    eta = world.level + TREND * moment + (without + shock + effect)[clinic, moment]
    if level is not None:
        eta = eta + level[patient]
    data = pd.DataFrame(
        {
            "clinic": [f"c{each:03}" for each in clinic],
            "region": [f"r{each:02}" for each in region[clinic]],
            "patient": patient,
            "month": [f"2023-{each + 1:02}" for each in moment],
            "program": on[clinic, moment].astype(int),
        }
    )
    if world.curve:
        data["age"] = _ages(world, clinic, patient, rng)
        eta = eta + age_effect(world, data["age"].to_numpy())
    spread = np.exp(rng.normal(0.0, world.own_spread, k)) if world.own_spread else np.ones(k)
    data["y"] = _outcome(world.kind, eta, spread[clinic], rng)
    month = np.arange(MONTHS)
    by_month = [mean_effect[since == each].mean() for each in np.unique(since[on])]
    beside = on & (month < start.max())[None, :]  # by then all have it
    of_cohorts = [mean_effect[beside & (since == each)].mean() for each in np.unique(since[beside])]
    return Rolled(
        data,
        _truth(world, by_month, moment),
        _truth(world, of_cohorts, moment),
        without,
        effect,
        spread,
        start,
    )


def age_effect(world: World, age: Floats) -> Floats:
    """What patients' ages add to the linear predictor."""
    return np.asarray(world.curve * (((age - 50.0) / 15.0) ** 2 - 1.0))


def _clinic_levels(world: World, rng: np.random.Generator) -> Floats:
    """(K,) levels of the distribution asked for."""
    k, sd = world.clinics, world.clinic_sd
    if world.levels == "skewed":
        return np.asarray(sd * (rng.exponential(1.0, k) - 1.0))
    if world.levels == "two-point":
        return np.asarray(sd * rng.permutation(np.where(np.arange(k) % 2, 1.0, -1.0)))
    level = rng.normal(0.0, sd, k)
    if world.levels == "outlying":
        level[::12] += OUTLYING * sd
    return level


def _ages(
    world: World, clinic: NDArray[np.int64], patient: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Whole years; some clinics see the old and some the young."""
    centre = rng.normal(50.0, 8.0, world.clinics)
    own = rng.normal(0.0, 12.0, int(patient.max()) + 1)
    return np.asarray(np.clip(np.round(centre[clinic] + own[patient]), 18, 95).astype(np.int64))


def _starts(world: World, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(K,) month of each clinic's start, 2 to 11, and its region."""
    units = world.regions or world.clinics
    of_units = rng.permutation(np.round(np.linspace(2, MONTHS - 1, units)).astype(np.int64))
    if world.regions:
        region = np.repeat(np.arange(units), math.ceil(world.clinics / units))[: world.clinics]
        return of_units[region], region
    return of_units, np.arange(world.clinics) % 4


def _effect(world: World, since: Floats, start: Floats) -> Floats:
    """(K, T) the program's mean effect where it runs."""
    months = np.arange(MONTHS - 2)
    if world.shape == "growing":
        shape = since + 1.0
        average = float(np.mean(months + 1.0))
    elif world.shape == "fading":
        shape = 0.75 ** since.clip(0)
        average = float(np.mean(0.75**months))
    elif world.shape == "calendar":
        shape = np.broadcast_to(np.arange(MONTHS) / MONTHS * 2.0, since.shape)
        average = 1.0
    elif world.shape == "cohorts":
        shape = np.broadcast_to(np.where(start < np.median(start), 2.0, 0.0)[:, None], since.shape)
        average = 1.0
    else:
        return np.full(since.shape, world.effect)
    return np.asarray(world.effect * shape / average)


def _records(
    world: World, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Clinic, month and patient of every record."""
    k = world.clinics
    sizes = np.full(k, float(world.records))
    if world.unequal:
        spread = rng.permutation(np.geomspace(1.0, 40.0, k))
        sizes = sizes * spread / spread.mean()
    per_clinic = np.maximum(np.round(sizes * MONTHS / world.visits), 1).astype(np.int64)
    home = np.repeat(np.arange(k), per_clinic)
    first = rng.integers(0, MONTHS - world.visits + 1, len(home))
    patient = np.repeat(np.arange(len(home)), world.visits)
    month = np.repeat(first, world.visits) + np.tile(np.arange(world.visits), len(home))
    return home[patient], month, patient


def _outcome(kind: Kind, eta: Floats, spread: Floats, rng: np.random.Generator) -> Floats:
    if kind == "continuous":
        return eta + spread * rng.normal(size=len(eta))
    if kind == "binary":
        return (rng.random(len(eta)) < special.expit(eta)).astype(float)
    return rng.poisson(np.exp(eta)).astype(float)


def _truth(world: World, by_month: Sequence[float], month: NDArray[np.int64]) -> dict[str, float]:
    """The average over months since the start of the effect that clinics had then."""
    if world.kind == "continuous":
        return {"difference": float(np.mean(by_month))}
    z = np.linspace(-6.0, 6.0, 241)
    weight = np.exp(-0.5 * z**2) / np.exp(-0.5 * z**2).sum()
    share = np.bincount(month, minlength=MONTHS) / len(month)
    variances = (world.clinic_sd, world.shock_sd, world.region_shock, world.patient_sd)
    sd = math.sqrt(sum(each**2 for each in variances))

    def mean(added: float, spread: float) -> float:
        eta = world.level + TREND * np.arange(MONTHS)[:, None] + added + spread * z
        value = special.expit(eta) if world.kind == "binary" else np.exp(eta)
        return float(share @ value @ weight)

    without = mean(0.0, sd)
    having = float(np.mean([mean(float(each), math.hypot(sd, world.effect_sd)) for each in by_month]))
    return {
        "risk_difference": 100.0 * (having - without),
        "risk_ratio": having / without,
        "rate_ratio": having / without,
    }
