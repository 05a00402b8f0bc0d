"""NIST's one-way analyses of variance: data, certified values, and exact answers in rational arithmetic.

Digits are counted as NIST counts them, by the log relative error −log10(|x − certified| / |certified|).
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent / "nist"
NAMES = sorted(path.stem for path in FOLDER.glob("*.dat"))


def load(name: str) -> tuple[pd.DataFrame, list[list[Fraction]], dict[str, float]]:
    """The data as doubles, the same by group as exact decimals, and the certified values."""
    lines = (FOLDER / f"{name}.dat").read_text(encoding="ascii").splitlines()
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
