"""Months since the start at which no clinic without the program is left to compare with."""

from __future__ import annotations

import numpy as np

from tasks.models.program_effects.rollout import Rollout


def _rollout(*shares: list[float], starts: list[float]) -> Rollout:
    clinics = tuple("ABCD"[: len(shares)])
    periods = len(shares[0])
    return Rollout(
        clinics, tuple(range(periods)), np.arange(float(periods)), np.array(starts), np.array(shares), ()
    )


def test_months_in_which_every_clinic_has_the_program_are_alone() -> None:
    # A starts in period 1, B in period 3: from 3 on both have it. A's months 0 and 1 (periods 1 and 2) have B
    # beside them; A's 2 and 3 have not, nor has B's 0 (period 3), but 0 was seen beside B in A
    found = _rollout([0, 1, 1, 1, 1], [0, 0, 0, 1, 1], starts=[1, 3])
    assert found.followed == {0.0, 1.0, 2.0, 3.0}
    assert found.alone == {2.0, 3.0}


def test_with_a_clinic_that_never_has_it_none_is_alone() -> None:
    assert _rollout([0, 1, 1, 1], [0, 0, 0, 0], starts=[1, np.inf]).alone == frozenset()


def test_a_clinic_without_records_is_nobody_to_compare_with() -> None:
    gone = _rollout([0, 1, 1, 1], [0, 0, np.nan, np.nan], starts=[1, np.inf])
    assert gone.alone == {1.0, 2.0}
