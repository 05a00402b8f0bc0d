"""Simulated rollouts with known truth: what a program's effect can be hidden by, one thing at a time.

Clinics (or whole regions) start one after the other over twelve months. Everything has a level of its own:
clinics, their months, where asked regions' months, patients; the program's effect may vary among clinics, and
change with the months since the start, with the calendar, or with how early a clinic started.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Kind = Literal["continuous", "binary", "count"]
Shape = Literal["constant", "growing", "fading", "calendar", "cohorts"]

MONTHS = 12
TREND = 0.03
LINEAR_TERMS = {"continuous": 0.0, "binary": 0.0, "count": 0.0}


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
        own_trend: by how much a month the early half changes without the program, beside what all do.
        whole: whether half of the clinics have it all along and half never, the better ones more often.
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
    own_trend: float = 0.0
    whole: bool = False


@dataclass(frozen=True)
class Rolled:
    """A simulated rollout.

    Attributes:
        data: one row a record: clinic, region, patient, month, program, y.
        truth: measure → the average month's effect on the population.
    """

    data: pd.DataFrame
    truth: dict[str, float]


def roll_out(world: World, rng: np.random.Generator) -> Rolled:
    """One network of a world."""
    k = world.clinics
    start, region = _starts(world, rng)
    since = np.arange(MONTHS)[None, :] - start[:, None]
    on = since >= 0
    own = rng.normal(0.0, world.effect_sd, k) if world.effect_sd else np.zeros(k)
    mean_effect = np.where(on, _effect(world, since, start), 0.0)
    effect = mean_effect + np.where(on, own[:, None], 0.0)
    clinic_level = rng.normal(0.0, world.clinic_sd, k)
    if world.whole:
        on = np.repeat((clinic_level + rng.normal(0.0, world.clinic_sd, k) > 0.0)[:, None], MONTHS, axis=1)
        effect = np.zeros((k, MONTHS))
    shock = rng.normal(0.0, world.shock_sd, (k, MONTHS))
    if world.regions:
        shock += rng.normal(0.0, world.region_shock, (world.regions, MONTHS))[region]
    if world.own_trend:
        shock += world.own_trend * (start < np.median(start))[:, None] * np.arange(MONTHS)
    clinic, month, patient = _records(world, rng)
    level = rng.normal(0.0, world.patient_sd, int(patient.max()) + 1) if world.patient_sd else None
    eta = world.level + TREND * month + (clinic_level[:, None] + shock + effect)[clinic, month]
    if level is not None:
        eta = eta + level[patient]
    data = pd.DataFrame(
        {
            "clinic": [f"c{each:03}" for each in clinic],
            "region": [f"r{each:02}" for each in region[clinic]],
            "patient": patient,
            "month": [f"2023-{each + 1:02}" for each in month],
            "program": on[clinic, month].astype(int),
            "y": _outcome(world.kind, eta, rng),
        }
    )
    return Rolled(data, _truth(world, mean_effect, since, on, month))


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


def _outcome(kind: Kind, eta: Floats, rng: np.random.Generator) -> Floats:
    if kind == "continuous":
        return eta + rng.normal(size=len(eta))
    if kind == "binary":
        return (rng.random(len(eta)) < special.expit(eta)).astype(float)
    return rng.poisson(np.exp(eta)).astype(float)


def _truth(
    world: World, effect: Floats, since: Floats, on: NDArray[np.bool_], month: NDArray[np.int64]
) -> dict[str, float]:
    """The average over months since the start of the effect that clinics had then."""
    if world.whole:
        return {"difference": 0.0, "risk_difference": 0.0, "risk_ratio": 1.0, "rate_ratio": 1.0}
    after = np.unique(since[on])
    by_month = np.array([effect[since == each].mean() for each in after])
    if world.kind == "continuous":
        return {"difference": float(by_month.mean())}
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
