"""NIST's Statistical Reference Datasets for one-way analysis of variance.

Digits are counted as NIST counts them, the log relative error: LRE = −log10(|x − certified| / |certified|).
Two things are asked of every data set: agreement with the certified values, as far as the data survive being
rounded to double precision, and agreement with the exact result for the rounded data.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.models import icc

NIST = Path(__file__).parents[1] / "refs" / "nist"
NAMES = sorted(path.stem for path in NIST.glob("*.dat"))

# certified digits that rounding the data to double precision leaves; no arithmetic in double can give more
DIGITS = {
    "SiRstv": 13.0,
    "SmLs01": 14.0,
    "SmLs02": 14.0,
    "SmLs03": 14.0,
    "AtmWtAg": 10.0,
    "SmLs04": 10.0,
    "SmLs05": 9.8,
    "SmLs06": 9.8,
    "SmLs07": 3.9,
    "SmLs08": 3.8,
    "SmLs09": 3.8,
}


def load(name: str) -> tuple[pd.DataFrame, list[list[Fraction]], dict[str, float]]:
    """The data as doubles, the same by group as exact decimals, and the certified values."""
    lines = (NIST / f"{name}.dat").read_text(encoding="ascii").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Data:") and i > 40) + 1
    pairs = [line.split() for line in lines[start:] if line.strip()]
    exact: dict[str, list[Fraction]] = {}
    for group, value in pairs:
        exact.setdefault(group, []).append(Fraction(value))
    between = next(line for line in lines if line.startswith("Between")).split()
    within = next(line for line in lines if line.startswith("Within")).split()
    certified = {
        "ms_between": float(between[-2]),
        "f": float(between[-1]),
        "ms_within": float(within[-1]),
        "ss_between": float(between[-3]),
        "ss_within": float(within[-2]),
        "df_between": float(between[-4]),
        "df_within": float(within[-3]),
    }
    data = pd.DataFrame({"group": [int(group) for group, _ in pairs], "y": [float(v) for _, v in pairs]})
    return data, list(exact.values()), certified


def analysis(groups: list[list[Fraction]]) -> dict[str, Fraction]:
    """The analysis of variance in rational arithmetic."""
    n = sum(len(group) for group in groups)
    means = [sum(group, Fraction(0)) / len(group) for group in groups]
    grand = sum((sum(group, Fraction(0)) for group in groups), Fraction(0)) / n
    between = sum((len(g) * (m - grand) ** 2 for g, m in zip(groups, means, strict=True)), Fraction(0))
    within = sum(((y - m) ** 2 for g, m in zip(groups, means, strict=True) for y in g), Fraction(0))
    ms_between, ms_within = between / (len(groups) - 1), within / (n - len(groups))
    return {
        "ss_between": between,
        "ss_within": within,
        "ms_between": ms_between,
        "ms_within": ms_within,
        "f": ms_between / ms_within,
    }


def as_doubles(data: pd.DataFrame) -> list[list[Fraction]]:
    """The values that a program in double precision receives, exactly."""
    return [[Fraction(y) for y in group] for _, group in data.groupby("group")["y"]]


def lre(value: float | Fraction, truth: float | Fraction) -> float:
    """Digits of agreement, at most 15."""
    error = abs(Fraction(value) - Fraction(truth)) / abs(Fraction(truth))
    return 15.0 if error == 0 else min(15.0, -math.log10(error))


def test_all_eleven_sets_are_here() -> None:
    assert len(NAMES) == 11


@pytest.mark.parametrize("name", NAMES)
def test_certified_values_follow_from_the_decimals(name: str) -> None:
    """The files are whole: rational arithmetic on the printed data gives the 15 certified digits."""
    _, exact, certified = load(name)
    found = analysis(exact)
    for key, value in found.items():
        assert lre(certified[key], value) > 14.0, key


@pytest.mark.parametrize("name", NAMES)
def test_certified_digits(name: str) -> None:
    data, _, certified = load(name)
    attainable = analysis(as_doubles(data))
    found = icc("y", data, groups="group").components
    assert found["df_between"] == certified["df_between"]
    assert found["df_within"] == certified["df_within"]
    for key in ("f", "ms_between", "ms_within", "ss_between", "ss_within"):
        ceiling = lre(attainable[key], certified[key])
        digits = lre(found[key], certified[key])
        assert digits >= DIGITS[name], f"{key}: {digits:.1f} digits"
        assert digits >= min(ceiling, 14.5) - 0.3, f"{key}: {digits:.1f} of {ceiling:.1f} digits"


@pytest.mark.parametrize("name", NAMES)
def test_exact_for_the_data_as_doubles(name: str) -> None:
    """Centred sums lose nothing: also with 13 constant leading digits the arithmetic is good to 14 digits."""
    data, _, _ = load(name)
    truth = analysis(as_doubles(data))
    found = icc("y", data, groups="group").components
    for key, value in truth.items():
        assert lre(found[key], value) > 14.0, key


def test_order_of_rows_does_not_matter() -> None:
    data, _, _ = load("SmLs09")
    shuffled = data.sample(frac=1.0, random_state=np.random.RandomState(1))
    ordered = icc("y", data, groups="group").components
    assert icc("y", shuffled, groups="group").components["f"] == pytest.approx(ordered["f"], rel=1e-12)
