"""Quantiles of a posterior that is a mixture: where its distribution function says, wherever pieces lie."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tasks.models.clinics.clinic_posterior import ClinicPosterior, Node

CLINICS = 6


def posterior(seed: int, df: float, apart: float) -> ClinicPosterior:
    """Five nodes of unequal weights whose means lie `apart`, one with hardly any spread."""
    rng = np.random.default_rng(seed)
    nodes = tuple(
        Node(
            weight=float(weight),
            sd_between=0.5,
            sd_within=1.0,
            mean=apart * rng.standard_normal(CLINICS),
            sd=spread * rng.uniform(0.5, 2.0, CLINICS),
            shared=np.zeros((CLINICS, 1)),
        )
        for weight, spread in zip(rng.dirichlet(np.ones(5)), (1e-6, 0.1, 0.3, 1.0, 3.0), strict=True)
    )
    return ClinicPosterior("clinic", tuple(range(CLINICS)), nodes, df)


@pytest.mark.parametrize("df", [np.inf, 30.0, 4.0])
@pytest.mark.parametrize("apart", [0.0, 0.3, 20.0])
@pytest.mark.parametrize("probability", [0.025, 0.5, 0.975])
def test_a_quantile_is_where_the_distribution_function_is(
    df: float, apart: float, probability: float
) -> None:
    mixture = posterior(int(apart), df, apart)
    found = mixture.quantile(probability)
    of = stats.norm() if np.isinf(df) else stats.t(df)
    for clinic in range(CLINICS):

        def short(value: float, clinic: int = clinic) -> float:
            below = of.cdf((value - mixture.means[:, clinic]) / mixture.spreads[:, clinic])
            return float(mixture.shares[:, clinic] @ below) - probability

        # steep at a piece with hardly any spread, flat between pieces far apart: just below it is too little
        at, near = float(found[clinic]), 1e-9
        assert short(at - near) <= 1e-12
        assert short(at + near) >= -1e-12


def test_pieces_without_spread_are_steps() -> None:
    """Half at 0, half at 2: what is below a quarter is 0, and below three quarters 2."""
    nodes = tuple(Node(0.5, 0.0, 1.0, np.array([at]), np.zeros(1), np.zeros((1, 1))) for at in (0.0, 2.0))
    mixture = ClinicPosterior("clinic", ("a",), nodes, np.inf)
    assert mixture.quantile(0.25) == pytest.approx([0.0], abs=1e-10)
    assert mixture.quantile(0.75) == pytest.approx([2.0], abs=1e-10)
