"""NIST's Statistical Reference Datasets for one-way analysis of variance.

Two things are asked of every data set: agreement with the certified values, as far as the data survive being
rounded to double precision, and agreement with the exact result for the rounded data.
"""

from __future__ import annotations

import numpy as np
import pytest
from refs.nist_anova import NAMES, analysis, as_doubles, load, lre

from tasks.models import icc

pytestmark = pytest.mark.published

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
