"""Releases shaped like the real ones, from seeded simulations: for tests of how reports look, nothing else.

`chop_like` has 88 clinics of 1 to 7,500 records, withheld cells, an outcome that may not be ranked, one that
could not be estimated; `state48_like` has 48 clinics in regions, a stepped program and every verdict.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from rendering.simulation import Clinics, Shape, simulate_release

from tasks.network.schema import Network
from tasks.release import Release

CHOP_CLINICS = (
    "clinical lab",
    "emergency dept",
    "oncology day hosp",
    "nicu",
    "laboratory",
    "picu",
    "care ntwk",
    "inpatient ward a",
    "line clinical lab-",
    "radiation oncology",
    "inpatient ward i",
    "inpatient ward j",
    "s  care ntwk",
    "hosp of the university",
    "inpatient ward k",
    "inpatient ward h",
    "gol",
    "inpatient ward b",
    "behavioral hosp",
    "cc care ntwk",
)


def chop_like(seed: int = 20200522) -> tuple[Release, Network]:
    """88 very unequal clinics, three outcomes, five months."""
    rng = np.random.default_rng(seed)
    names = [*CHOP_CLINICS, *(f"inpatient ward {letter}" for letter in "cdefglmnopqrstuvwx")]
    names += [f"specialty clinic {i}" for i in range(1, 88 - len(names) + 1)]
    top = [7500, 3413, 533, 294, 270, 261, 237, 223, 218, 172, 154, 131, 123, 115, 110, 110, 106, 103, 98, 96]
    tail = np.sort(np.round(np.exp(rng.uniform(0, np.log(95), 88 - len(top)))).astype(int))[::-1]
    clinics = Clinics(names, [None] * 88, np.concatenate([top, tail]))
    network = Network.model_validate(
        {
            "network": {"name": "Children’s hospital test clinics"},
            "records": {"source": "chop.duckdb"},
            "outcomes": {
                "positive": {
                    "label": "Positive tests",
                    "kind": "binary",
                    "direction": "neither",
                    "adjusters": ["age", "gender"],
                },
                "hours": {
                    "label": "Time from receipt to result",
                    "kind": "continuous",
                    "unit": "hours",
                    "direction": "lower",
                    "scale": "log",
                    "adjusters": ["age", "gender"],
                },
                "tests": {
                    "label": "Tests a month",
                    "kind": "count",
                    "unit": "tests a month",
                    "direction": "neither",
                    "per": "clinic-month",
                },
                "repeated": {"label": "Repeated tests", "kind": "binary", "direction": "lower"},
            },
            "program": {"label": "Drive-through collection", "column": "drive_thru"},
            "window": {"months": 5},
        }
    )
    shapes = {
        "positive": Shape(
            -2.8,
            0.8,
            1.0,
            "grade",
            "Rankability is 0.61: 61% of the differences between clinics are real, the rest is chance. "
            "That is enough for grades, not for places.",
        ),
        "hours": Shape(
            1.1,
            0.45,
            0.7,
            "do_not_rank",
            "Rankability is 0.38: most of the differences between clinics are chance. They are not ranked.",
        ),
        "tests": Shape(
            2.0,
            1.6,
            0.0,
            "do_not_rank",
            "Rankability is 0.44: under 0.5, so clinics are neither ranked nor graded.",
        ),
        "repeated": Shape(-1.5, 0.1, 1.0, "do_not_rank", ""),
    }
    return simulate_release(network, clinics, shapes, "2020-05", rng, unestimable="repeated"), network


def state48_like(seed: int = 48) -> tuple[Release, Network]:
    """48 clinics in six regions, four outcomes, 24 months, a program rolled out in steps."""
    rng = np.random.default_rng(seed)
    regions = ["Coast", "Delta", "Highlands", "Lakes", "Metro", "Plains"]
    names = [
        f"{regions[i % 6]} {['Community', 'Family', 'University', 'Street'][i % 4]} Clinic {i + 1}"
        for i in range(48)
    ]
    sizes = np.round(np.exp(rng.uniform(np.log(5), np.log(5000), 48))).astype(int)
    sizes[:2] = (5, 5000)
    clinics = Clinics(names, [regions[i % 6] for i in range(48)], sizes)
    network = Network.model_validate(
        {
            "network": {"name": "State network of 48 clinics"},
            "records": {"source": "state48.duckdb"},
            "outcomes": {
                "screening": {
                    "label": "Screening adherence score",
                    "kind": "continuous",
                    "unit": "points",
                    "direction": "higher",
                    "adjusters": ["age", "sex"],
                },
                "vaccinated": {
                    "label": "Vaccinated",
                    "kind": "binary",
                    "direction": "higher",
                    "adjusters": ["age", "sex"],
                },
                "sbp": {
                    "label": "Systolic blood pressure",
                    "kind": "continuous",
                    "unit": "mmHg",
                    "direction": "lower",
                    "adjusters": ["age", "sex"],
                    "patient_slopes": True,
                },
                "visits": {
                    "label": "Emergency visits",
                    "kind": "count",
                    "unit": "visits a patient-year",
                    "direction": "lower",
                    "exposure": "years",
                },
            },
            "program": {"label": "Recall program", "starts": {names[3]: "2024-06"}},
            "window": {"months": 24},
        }
    )
    shapes = {
        "screening": Shape(
            50.0, 3.0, 6.0, "rank", "Rankability is 0.93: nearly all of the differences are real."
        ),
        "vaccinated": Shape(0.4, 0.5, 1.0, "rank", "Rankability is 0.86: most of the differences are real."),
        "sbp": Shape(136.0, 1.2, 14.0, "grade", "Rankability is 0.66: enough for grades, not for places."),
        "visits": Shape(
            -0.6, 0.12, 1.0, "do_not_rank", "Rankability is 0.41: most of the differences are chance."
        ),
    }
    return simulate_release(network, clinics, shapes, "2025-12", rng), network


def with_clinic_names(release: Release, names: dict[str, str]) -> Release:
    """The same release with some clinics called otherwise (hostile names, long names)."""
    tables = {}
    for name, frame in release.tables.items():
        renamed = frame.copy()
        if "clinic" in renamed:
            renamed["clinic"] = renamed["clinic"].replace(names).astype("string")
        tables[name] = renamed
    return dataclasses.replace(release, tables=tables)


def only(release: Release, clinics: list[str], outcomes: list[str] | None = None) -> Release:
    """The same release as if the network had these clinics (its own rows stay) and outcomes alone."""
    tables = {}
    for name, frame in release.tables.items():
        keep = frame.index == frame.index
        if "clinic" in frame:
            keep &= frame["clinic"].isin([*clinics, ""]).to_numpy(dtype=bool)
        if "outcome" in frame and outcomes is not None:
            keep &= frame["outcome"].isin(outcomes).to_numpy(dtype=bool)
        tables[name] = frame[keep].reset_index(drop=True)
    return dataclasses.replace(release, tables=tables)
