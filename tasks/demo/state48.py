"""A simulated state of 48 clinics whose truth is known: what was drawn, with which true values.

Every record is a visit. A patient belongs to one clinic and is seen in one or more of the 24 months.
With clinic j, patient i, visit in month t (0 … 23), x = 1 once the clinic is under the program:

    screening score     60 + 0.10 t + 1.5 x + 0.04 (age − 50) + u_j + p_i + e
                        var u = 9 between clinics; within a clinic 36 = 16 between its patients (p) plus
                        20 between a patient's visits (e): the ICC of two patients of a clinic is 9/45 = 0.20
    vaccinated          logit P = −0.4 + 0.03 t + log(1.5) x + 0.015 (age − 50) + 0.25 male + u_j, sd u = 0.5
    systolic pressure   130 − 0.08 t − 2.5 x + 0.45 (age − 50) + 3 male + u_j + a_i + b_i t + e
                        var u = 9, var a = 100 at t = 0, sd b = 0.2 a month, cor(a, b) = −0.2, var e = 64
    emergency visits    Poisson, months × exp(log 0.04 − 0.01 t + log(0.8) x + 0.012 (age − 50) + u_j),
                        sd u = 0.3; months at risk: since the patient was last seen

Effects of the four outcomes are independent of one another and of clinic size. The 48 clinics' effects are
centred and scaled after drawing, so that their own mean is 0 and their variance (divisor 47) is exactly
the stated one: the truth of these 48 clinics is the truth of the model. Regions have no effect of their own.

The program starts in six steps of eight clinics (months 4, 7, 10, 13, 16, 19), drawn at random within
blocks of clinics of similar size. Every outcome improves with time anyway, so the naive difference
between visits after and before the start flatters the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.logistic_scale import LOGISTIC_VARIANCE

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# The one of a dozen tried in which the effects drawn are unrelated to clinic size: with 48 clinics and a few
# holding most patients, most drawings have size-weighted means and variances far from the stated ones.
SEED = 8
FIRST_MONTH = "2023-01"
MONTHS = 24
STEPS = (4, 7, 10, 13, 16, 19)
REGIONS = ("Coast", "East", "Lakes", "North", "South", "Valley")
_PLACES = (
    "Alder Ash Aspen Bay Birch Bridge Brook Cedar Chapel Cherry Clover Cove Creek Dale Elm Falls "
    "Fern Field Ford Forest Garden Glen Grove Harbor Hazel Heath Hill Hollow Island Juniper Lake Laurel "
    "Linden Maple Market Meadow Mill Oak Orchard Park Pine Prairie Ridge River Rowan Spring Station Willow"
)
CLINICS = _PLACES.split()


@dataclass(frozen=True, slots=True)
class Truth:
    """The fixed effects and variances of one outcome, on the scale of its linear predictor.

    Attributes:
        constant: value at month 0, without the program, at 50 years, female, in a clinic with effect 0.
        trend: change a month.
        program: change once the clinic is under the program.
        age: change a year of age.
        male: difference of men from women.
        clinic_sd: SD of the clinics' effects.
    """

    constant: float
    trend: float
    program: float
    age: float
    male: float
    clinic_sd: float


TRUTHS = {
    "screening_score": Truth(60.0, 0.10, 1.5, 0.04, 0.0, 3.0),
    "vaccinated": Truth(-0.4, 0.03, float(np.log(1.5)), 0.015, 0.25, 0.5),
    "systolic": Truth(130.0, -0.08, -2.5, 0.45, 3.0, 3.0),
    "emergency_visits": Truth(float(np.log(0.04)), -0.01, float(np.log(0.8)), 0.012, 0.0, 0.3),
}
SCORE_PATIENT_VARIANCE, SCORE_VISIT_VARIANCE = 16.0, 20.0
PRESSURE_PATIENT_SD, PRESSURE_SLOPE_SD, PRESSURE_CORRELATION = 10.0, 0.2, -0.2
PRESSURE_VISIT_VARIANCE = 64.0


@dataclass(frozen=True)
class _Drawn:
    """One drawing: the frames to load, and the linear predictors that the marginal truth integrates over."""

    frames: dict[str, pd.DataFrame]
    clinic_effects: pd.DataFrame
    truth: pd.DataFrame


def draw_state48() -> dict[str, pd.DataFrame]:
    """Frames by the names sql/demo/state48.sql reads, the same at every call."""
    return dict(_draw().frames)


def state48_truth() -> pd.DataFrame:
    """What the estimates should recover: columns outcome, parameter, value, description.

    Marginal effects are those of vaccination averaged over the clinics' effects and the visits drawn.
    """
    return _draw().truth.copy()


def state48_clinic_effects() -> pd.DataFrame:
    """Each clinic's true effect on each outcome, on its linear predictor: columns outcome, clinic, effect."""
    return _draw().clinic_effects.copy()


@cache
def _draw() -> _Drawn:
    random = np.random.default_rng(SEED)
    clinics = _draw_clinics(random)
    size = clinics["n_patients"].to_numpy()
    n_patients = int(size.sum())
    home = np.repeat(np.arange(len(clinics)), size)
    age = np.clip(np.round(random.normal(50.0 + random.normal(0.0, 4.0, len(clinics))[home], 15.0)), 18, 95)
    male = random.random(n_patients) < 0.45
    patient, month, gap = _draw_visits(random, n_patients)

    clinic = home[patient]
    under = (month >= clinics["start"].to_numpy()[clinic]).astype(float)
    effects = {
        name: _scaled(random.normal(size=len(clinics)), truth.clinic_sd) for name, truth in TRUTHS.items()
    }
    predictor = {
        name: truth.constant
        + truth.trend * month
        + truth.program * under
        + truth.age * (age[patient] - 50.0)
        + truth.male * male[patient]
        for name, truth in TRUTHS.items()
    }
    conditional = {name: predictor[name] + effects[name][clinic] for name in TRUTHS}
    visits = len(patient)

    score = conditional["screening_score"]
    score += random.normal(0.0, np.sqrt(SCORE_PATIENT_VARIANCE), n_patients)[patient]
    score += random.normal(0.0, np.sqrt(SCORE_VISIT_VARIANCE), visits)
    vaccinated = random.random(visits) < 1.0 / (1.0 + np.exp(-conditional["vaccinated"]))
    intercepts, slopes = _patient_trajectories(random, n_patients)
    pressure = conditional["systolic"] + intercepts[patient] + slopes[patient] * month
    pressure += random.normal(0.0, np.sqrt(PRESSURE_VISIT_VARIANCE), visits)
    emergency = random.poisson(gap * np.exp(conditional["emergency_visits"]))

    day = random.integers(0, 28, visits)
    first = np.datetime64(FIRST_MONTH, "M")
    dates = (first + month).astype("datetime64[D]") + day
    order = np.lexsort((patient, dates))
    names = clinics["clinic"].to_numpy()
    frames = {
        "drawn_clinics": pd.DataFrame(
            {
                "clinic": names,
                "region": clinics["region"],
                "n_patients": size,
                "program_start": [str(first + start) for start in clinics["start"]],
            }
        ),
        "drawn_patients": pd.DataFrame(
            {
                "patient": np.arange(1, n_patients + 1),
                "clinic": names[home],
                "age": age.astype(np.int64),
                "sex": np.where(male, "male", "female"),
            }
        ),
        "drawn_visits": pd.DataFrame(
            {
                "visit": np.arange(1, visits + 1),
                "patient": patient[order] + 1,
                "visit_date": dates[order].astype("datetime64[s]"),
                "screening_score": np.round(score, 1)[order],
                "vaccinated": vaccinated[order],
                "systolic": np.round(pressure, 1)[order],
                "emergency_visits": emergency[order],
                "months_at_risk": gap[order],
            }
        ),
    }
    true_effects = pd.concat(
        [
            pd.DataFrame({"outcome": name, "clinic": names, "effect": effect})
            for name, effect in effects.items()
        ],
        ignore_index=True,
    )
    without = predictor["vaccinated"] - TRUTHS["vaccinated"].program * under
    truth = _true_values(without)
    frames |= {"true_values": truth, "true_clinic_effects": true_effects}
    return _Drawn(frames, true_effects, truth)


def _draw_clinics(random: np.random.Generator) -> pd.DataFrame:
    """48 clinics of 5 to 5,000 patients in equal ratios; regions and steps drawn in blocks of six by size."""
    size = np.round(5.0 * 1000.0 ** (np.arange(48) / 47.0)).astype(np.int64)
    region = np.concatenate([random.permutation(6) for _ in range(8)])
    step = np.concatenate([random.permutation(6) for _ in range(8)])
    place = random.permutation(48)
    clinics = pd.DataFrame(
        {
            "clinic": np.array(CLINICS)[place],
            "region": np.array(REGIONS)[region],
            "n_patients": size,
            "start": np.array(STEPS)[step],
        }
    )
    return clinics.sort_values("clinic", ignore_index=True)


def _draw_visits(random: np.random.Generator, n_patients: int) -> tuple[Integers, Integers, Integers]:
    """Patient and month of each visit, and the months since that patient was last seen.

    A patient has 1 + Poisson(2) visits, at most one a month, in months drawn without replacement; before
    the first they were last seen 1 to 6 months earlier.
    """
    number = 1 + random.poisson(2.0, n_patients)
    place = random.random((n_patients, MONTHS)).argsort(axis=1).argsort(axis=1)
    patient, month = np.nonzero(place < number[:, None])
    gap = np.diff(month, prepend=0)
    first = np.diff(patient, prepend=-1) > 0
    gap[first] = random.integers(1, 7, n_patients)
    return patient.astype(np.int64), month.astype(np.int64), gap.astype(np.int64)


def _patient_trajectories(random: np.random.Generator, n_patients: int) -> tuple[Floats, Floats]:
    """Each patient's intercept and monthly slope of systolic pressure."""
    intercept, slope = random.normal(size=(2, n_patients))
    slope = PRESSURE_CORRELATION * intercept + np.sqrt(1.0 - PRESSURE_CORRELATION**2) * slope
    return PRESSURE_PATIENT_SD * intercept, PRESSURE_SLOPE_SD * slope


def _scaled(drawn: Floats, sd: float) -> Floats:
    """The drawn effects moved to mean 0 and variance `sd`² (divisor n − 1)."""
    centred = drawn - drawn.mean()
    return np.asarray(centred * (sd / centred.std(ddof=1)))


def _true_values(vaccination_without: Floats) -> pd.DataFrame:
    rows: list[tuple[str, str, float, str]] = []
    for outcome, truth in TRUTHS.items():
        scale = {"vaccinated": "log odds", "emergency_visits": "log rate"}.get(outcome, "outcome's unit")
        rows += [
            (outcome, "intercept", truth.constant, f"month 0, no program, 50 years, female ({scale})"),
            (outcome, "trend", truth.trend, f"change a month ({scale})"),
            (outcome, "program", truth.program, f"program effect, conditional on the clinic ({scale})"),
            (outcome, "age", truth.age, f"change a year of age ({scale})"),
            (outcome, "male", truth.male, f"men less women ({scale})"),
            (outcome, "clinic_variance", truth.clinic_sd**2, f"variance between clinics ({scale})"),
        ]
    within = SCORE_PATIENT_VARIANCE + SCORE_VISIT_VARIANCE
    score = TRUTHS["screening_score"].clinic_sd ** 2
    rows += [
        ("screening_score", "within_variance", within, "variance within clinics"),
        ("screening_score", "patient_variance", SCORE_PATIENT_VARIANCE, "between patients of a clinic"),
        ("screening_score", "visit_variance", SCORE_VISIT_VARIANCE, "between visits of a patient"),
        ("screening_score", "icc", score / (score + within), "two patients of a clinic"),
        (
            "screening_score",
            "icc_patient",
            (score + SCORE_PATIENT_VARIANCE) / (score + within),
            "two visits of a patient",
        ),
        ("systolic", "patient_variance", PRESSURE_PATIENT_SD**2, "patients' intercepts at month 0"),
        ("systolic", "slope_variance", PRESSURE_SLOPE_SD**2, "patients' slopes a month"),
        ("systolic", "slope_correlation", PRESSURE_CORRELATION, "patients' intercepts and slopes"),
        ("systolic", "visit_variance", PRESSURE_VISIT_VARIANCE, "between visits of a patient"),
        ("emergency_visits", "rate_ratio", float(np.exp(TRUTHS["emergency_visits"].program)), "program"),
    ]
    vaccination = TRUTHS["vaccinated"]
    variance = vaccination.clinic_sd**2
    before = _averaged(vaccination_without, vaccination.clinic_sd)
    after = _averaged(vaccination_without + vaccination.program, vaccination.clinic_sd)
    odds = after / (1.0 - after) / (before / (1.0 - before))
    rows += [
        ("vaccinated", "icc_latent", variance / (variance + LOGISTIC_VARIANCE), "latent scale"),
        (
            "vaccinated",
            "odds_ratio",
            float(np.exp(vaccination.program)),
            "program, conditional on the clinic",
        ),
        ("vaccinated", "marginal_without", before, "probability without the program, averaged"),
        ("vaccinated", "marginal_with", after, "probability with the program, averaged"),
        ("vaccinated", "risk_difference", after - before, "program, population-averaged"),
        ("vaccinated", "risk_ratio", after / before, "program, population-averaged"),
        ("vaccinated", "marginal_odds_ratio", odds, "program, population-averaged"),
    ]
    return pd.DataFrame(rows, columns=["outcome", "parameter", "value", "description"])


def _averaged(predictor: Floats, sd: float, nodes: int = 30) -> float:
    """Mean of 1/(1 + exp(−predictor − u)) over the visits and u ~ N(0, sd²), by Gauss–Hermite quadrature."""
    point, weight = np.polynomial.hermite_e.hermegauss(nodes)
    means = [float(np.mean(1.0 / (1.0 + np.exp(-predictor - sd * each)))) for each in point]
    return float(np.dot(weight, means) / weight.sum())
