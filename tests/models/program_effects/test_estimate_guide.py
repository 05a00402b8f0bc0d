"""Which estimate answers which question, stated in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.errors import EstimationError
from tasks.models.estimating_equations.gee import gee
from tasks.models.fixed_effects.hausman import hausman
from tasks.models.fixed_effects.within import within
from tasks.models.generalized_mixed.glmm import glmm
from tasks.models.linear_mixed.lmm import lmm
from tasks.models.program_effects.estimate_guide import role_of, which_estimate


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    clinic = np.repeat(np.arange(20), 30)
    age, own = rng.normal(size=600), rng.normal(size=20)[clinic]
    level = 0.5 * age + 1.5 * own
    return pd.DataFrame(
        {
            "clinic": clinic,
            "age": age,
            "sbp": 120.0 + level + rng.normal(size=600),
            "vaccinated": (rng.random(600) < 1.0 / (1.0 + np.exp(-level))).astype(int),
        }
    )


def test_the_questions_without_fits() -> None:
    guide = which_estimate()
    assert list(guide.table.index) == ["policy", "patient", "these_clinics"]
    words = str(guide)
    assert "population-averaged" in words
    assert "conditional effect" in words
    assert "within effect" in words
    assert words.count("It assumes:") == 3


def test_each_fit_answers_its_question(data: pd.DataFrame) -> None:
    marginal = gee("vaccinated ~ age", data, groups="clinic", family="binomial", corr="exchangeable")
    conditional = glmm("vaccinated ~ age + (1 | clinic)", data, family="binomial")
    inside = within("sbp ~ age", data, groups="clinic")
    assert [role_of(fit) for fit in (marginal, conditional, inside)] == ["gee", "mixed", "within"]
    guide = which_estimate(inside, conditional, marginal, term="age")
    assert guide.table.value.to_dict() == {
        "policy": marginal.coef["age"],
        "patient": conditional.coef["age"],
        "these_clinics": inside.coef["age"],
    }
    low, high = marginal.conf_int().loc["age"]
    assert (guide.table.lower["policy"], guide.table.upper["policy"]) == (low, high)
    ratio = marginal.coef["age"] / conditional.coef["age"]
    assert ratio < 1.0
    assert f"{ratio:.2f} times the conditional one" in str(guide)


def test_means_have_one_effect_for_two_questions(data: pd.DataFrame) -> None:
    marginal = gee("sbp ~ age", data, groups="clinic", corr="exchangeable")
    conditional = lmm("sbp ~ age + (1 | clinic)", data)
    test = hausman("sbp ~ age", data, groups="clinic")
    words = str(which_estimate(marginal, conditional, term="age", test=test))
    assert "are the same quantity" in words
    assert "Hausman test" in words


def test_a_term_that_no_fit_has(data: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="no fit has a coefficient 'agee'; did you mean 'age'"):
        which_estimate(within("sbp ~ age", data, groups="clinic"), term="agee")
