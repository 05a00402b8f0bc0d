"""Clusters that agree are found whatever order they come in, and their likelihood is that of all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.models.generalized_mixed.dense_likelihood import DenseLikelihood
from tasks.models.generalized_mixed.equal_clusters import ClusterCells, ClusterKinds
from tasks.models.generalized_mixed.families import FamilyName
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.quadrature import ScalarLikelihood
from tasks.records import cells_for


def scalar(data: pd.DataFrame, formula: str, family: FamilyName, nodes: int = 101) -> ScalarLikelihood:
    design, cells = cells_for(formula, data, collapse=family != "negative-binomial")
    return ArrangedCells.of(design, cells, family).scalar(nodes)


def kinds_of(model: ScalarLikelihood) -> ClusterKinds:
    return ClusterKinds.of(ClusterCells(model.x, model.z, model.offset, model.outcome, model.starts))


def records(clinics: list[tuple[int, int]]) -> pd.DataFrame:
    """Clinics of so many records and events each; the covariate alternates within them."""
    rows = [
        (f"c{i:03}", j % 2, int(j < events))
        for i, (n, events) in enumerate(clinics)
        for j in range(max(n, events))
    ]
    return pd.DataFrame(rows, columns=["clinic", "x", "y"])


def test_by_hand() -> None:
    """Of five clinics two have an event in three records and two have none in two."""
    data = records([(3, 1), (2, 0), (3, 1), (4, 1), (2, 0)])
    kinds = kinds_of(scalar(data, "y ~ 1 + (1 | clinic)", "binomial"))
    held = {
        (float(n), float(y)): times
        for n, y, times in zip(kinds.cells.outcome.n, kinds.cells.outcome.y, kinds.times, strict=True)
    }
    assert held == {(3.0, 1.0): 2.0, (2.0, 0.0): 2.0, (4.0, 1.0): 1.0}
    assert kinds.kind[0] == kinds.kind[2] != kinds.kind[3]
    assert kinds.kind[1] == kinds.kind[4]
    assert list(kinds.kind[kinds.example]) == [0, 1, 2]


@pytest.mark.parametrize(
    "formula", ["c ~ 1 + (1 | clinic)", "c ~ x + (1 | clinic)", "c ~ x + (0 + x | clinic)"]
)
@pytest.mark.parametrize("family", ["poisson", "negative-binomial"])
def test_likelihood_and_derivatives_of_merged_cells(formula: str, family: FamilyName) -> None:
    """A negative binomial's rows, which are kept apart for its constant, are added up where they agree."""
    rng = np.random.default_rng(3)
    clinic = np.repeat(np.arange(30), 8)
    data = pd.DataFrame({"clinic": clinic % 10, "x": rng.integers(0, 3, 240), "c": rng.poisson(2.0, 240)})
    model = scalar(data, formula, family)
    size = [0.9] if family == "negative-binomial" else []
    at = np.array([0.7, *(0.4, 0.1)[: model.x.shape[0]], *size])
    settled, dense = model.evaluate(at, 2), DenseLikelihood(model).evaluate(at)
    assert dense.value == pytest.approx(settled.value, rel=1e-12)
    assert dense.gradient == pytest.approx(settled.gradient, abs=1e-10)
    assert dense.hessian == pytest.approx(settled.hessian, rel=1e-8, abs=1e-8)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    clinics=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=3, max_size=20),
    sigma=st.floats(0.0, 100.0),
    order=st.randoms(use_true_random=False),
    covariate=st.booleans(),
)
def test_same_bits_in_any_order(
    clinics: list[tuple[int, int]], sigma: float, order: object, covariate: bool
) -> None:
    """Clinics under other names, and rows in another order, have the same likelihood to the last bit."""
    names = [f"n{i:03}" for i in range(len(clinics))]
    order.shuffle(names)  # type: ignore[attr-defined]
    data = records(clinics)
    if data["y"].nunique() < 2 or data["x"].nunique() < 2:
        return
    renamed = data.assign(clinic=data["clinic"].map(lambda name: names[int(name[1:])])).sample(
        frac=1.0, random_state=len(names)
    )
    formula = f"y ~ {'x' if covariate else '1'} + (1 | clinic)"
    at = np.array([sigma, -1.5 - sigma, *([0.3] if covariate else [])])
    one, other = (DenseLikelihood(scalar(each, formula, "binomial")).evaluate(at) for each in (data, renamed))
    assert one.value == other.value
    assert np.array_equal(one.gradient, other.gradient)
    assert np.array_equal(one.hessian, other.hessian)
