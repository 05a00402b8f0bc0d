"""Equations that accelerated scoring alone does not solve, and those that have no solution."""

from __future__ import annotations

import numpy as np
import pytest
from stepped_wedges import SOLVED, UNSOLVABLE, Wedge, rows_of

from tasks.models import GeeFit, gee, program_effect


def fit_of(wedge: Wedge) -> GeeFit:
    return gee(
        "seen ~ C(month) + program", rows_of(wedge), groups="clinic", family="binomial", corr="exchangeable"
    )


@pytest.mark.published
@pytest.mark.parametrize("name", SOLVED)
def test_equations_that_have_a_solution_are_solved(name: str) -> None:
    fit = fit_of(SOLVED[name])
    assert fit.converged
    assert fit.instead == ""
    assert fit.coef["program"] == pytest.approx(SOLVED[name].effect, rel=1e-9)
    assert fit.working["alpha"] == pytest.approx(SOLVED[name].correlation, rel=1e-7)


def test_equations_without_a_solution_are_said_to_have_none() -> None:
    fit = fit_of(UNSOLVABLE)
    assert fit.method == "GEE, binomial family, independence (for exchangeable) working correlation"
    assert "which a cluster of 784 rows cannot have" in fit.instead
    assert fit.instead in fit.messages
    assert "working correlation: independence" in fit.summary()


@pytest.mark.slow
def test_the_reason_stands_beside_the_program_s_effect() -> None:
    table = program_effect("seen ~ 1", rows_of(UNSOLVABLE), family="binomial").table.set_index("model")
    assert table.loc["gee", "status"] == "ok"
    assert "independence was used" in table.loc["gee", "reason"]
    assert (table.loc["mixed", "reason"] == "").all()
    solved = rows_of(SOLVED["equal clinics"])
    other = program_effect("seen ~ 1", solved, family="binomial").table.set_index("model")
    assert other.loc["gee", "reason"] == ""
    assert np.log(other.loc["gee", "value"]) == pytest.approx(SOLVED["equal clinics"].effect, rel=1e-9)
