"""Mistakes in calls and data that once gave numbers or a traceback, and now a sentence with a way out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import ClinicnetError, EstimationError
from tasks.models import gee, glmm, hausman, icc, lmm, mundlak, ranks, shrink, within
from tests.refs.reference import load_data

pytestmark = pytest.mark.published

# what a type checker would refuse too
_gee: Any = gee
_glmm: Any = glmm
_lmm: Any = lmm
_shrink: Any = shrink
_ranks: Any = ranks

DATA = load_data("sim_clinic3")
ONE = DATA[DATA["clinic"] == "R01C01"].reset_index(drop=True)
FIRST = DATA.groupby("clinic", observed=True).head(1).reset_index(drop=True)
SAME = DATA.assign(visits=3)


@pytest.mark.parametrize(
    ("call", "said", "way_out"),
    [
        (lambda: _gee("sbp ~ age10", DATA, groups="clinic", df="kr"), "no degrees of freedom 'kr'", None),
        (lambda: gee("sbp ~ age10", DATA, groups="clinic", scale=-1.0), "scale is -1.0", "scale=1.0"),
        (lambda: _gee("sbp ~ age10", DATA, groups="clinic", scale="x"), "scale is 'x'", "scale=1.0"),
        (lambda: _gee("sbp ~ age10", DATA, groups=None), "groups is None", 'groups="clinic"'),
        (lambda: _lmm("sbp ~ age10 + (1 | clinic)", DATA, df=None), "no degrees of freedom None", None),
        (lambda: _glmm("controlled ~ 1 + (1 | clinic)", DATA, nodes="many"), "nodes is 'many'", None),
        (
            lambda: gee("visits ~ age10", SAME, groups="clinic", family="poisson"),
            "visits is 3 in every",
            "longer",
        ),
        (
            lambda: glmm("visits ~ age10 + (1 | clinic)", SAME, family="poisson"),
            "visits is 3 in every row",
            "coded",
        ),
        (lambda: mundlak("sbp ~ age10", ONE, groups="clinic"), "clinic has only one value", "two or more"),
        (lambda: hausman("sbp ~ rural", DATA, groups="clinic"), "no covariate varies", "name a covariate"),
        (lambda: icc("controlled", FIRST, groups="clinic", kind="binary"), "single usable row", "coarser"),
        (lambda: _shrink(gee("sbp ~ age10", DATA, groups="clinic")), "no random effects to shrink", "lmm"),
        (lambda: _ranks(lmm("sbp ~ 1 + (1 | clinic)", DATA), better="lower"), "LmmFit", "shrink"),
        (lambda: icc("sbp", DATA, groups="clinic").conf_int(level=95.0), "between 0 and 1", None),
    ],
)
def test_refusals(call: Callable[[], Any], said: str, way_out: str | None) -> None:
    with pytest.raises(ClinicnetError, match=said) as caught:
        call()
    assert way_out is None or way_out in str(caught.value.hint)


@pytest.mark.parametrize("method", ["within", "gee"])
def test_predictions_of_an_unknown_kind(method: str) -> None:
    call: Any = within if method == "within" else gee
    with pytest.raises(EstimationError, match="no prediction of kind 'median'"):
        call("sbp ~ age10", DATA, groups="clinic").predict(DATA, kind="median")


def test_rows_without_trials_give_no_warning() -> None:
    data = load_data("cbpp")
    more = pd.concat([data, data.iloc[[0]].assign(size=0, incidence=0, prop=0.0)], ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = glmm("incidence ~ period + (1 | herd)", more, trials="size")
    plain = glmm("incidence ~ period + (1 | herd)", data, trials="size")
    np.testing.assert_allclose(fit.coef, plain.coef, rtol=1e-9)
    assert fit.dispersion is not None
    assert plain.dispersion is not None
    assert fit.dispersion.statistic == pytest.approx(plain.dispersion.statistic, rel=1e-9)


def test_nested_icc_with_covariates_needs_no_method() -> None:
    formula = "sbp ~ age10 + (1 | region/clinic)"
    found, asked = icc(formula, DATA), icc(formula, DATA, method="reml")
    assert found.method == "reml"
    pd.testing.assert_frame_equal(found.levels, asked.levels)
    with pytest.raises(EstimationError, match="no analysis-of-variance ICC"):
        icc(formula, DATA, method="anova")


def test_an_icc_says_what_it_left_out() -> None:
    found = icc("sbp", DATA.assign(clinic=DATA["clinic"].where(DATA.index > 4)), groups="clinic")
    assert dict(found.dropped.rows) == {"clinic is missing": 5}
    assert "5 rows left out: clinic is missing" in found.summary()
