"""Small-number policies by name: which counts are withheld, and how the others are rounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class SmallNumberPolicy:
    """What a network's privacy officer has decided about small counts.

    Attributes:
        name: as the network file names it.
        words: the rule in a sentence, printed beside every table.
        low, high: counts from `low` to `high`, both included, are withheld.
        round_to: the other counts are rounded to the nearest multiple of this; 1 leaves them.
        withhold_unanimous: whether "every record has the outcome" is withheld: it tells the outcome of
            each patient. (No record having it is shown: zero is not a patient.)
    """

    name: str
    words: str
    low: int
    high: int
    round_to: int = 1
    withhold_unanimous: bool = True

    @property
    def withholds(self) -> bool:
        """Whether the policy withholds anything."""
        return self.high >= self.low

    @property
    def least_width(self) -> float:
        """How wide the range that can be worked out for a withheld count must stay: half the policy's own."""
        return (self.high - self.low) / 2.0

    @property
    def slack(self) -> float:
        """How far a published count may be from the true one."""
        return 0.0 if self.round_to == 1 else self.round_to / 2.0

    def is_small(self, counts: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which counts are withheld; NaN is not."""
        values = np.asarray(counts, dtype=float)
        return (values >= self.low) & (values <= self.high)

    def rounded(self, counts: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Counts as they may be shown; halves go up."""
        values = np.asarray(counts, dtype=float)
        if self.round_to == 1:
            return values
        return np.floor(values / self.round_to + 0.5) * self.round_to


POLICIES = {
    policy.name: policy
    for policy in (
        SmallNumberPolicy(
            "suppress-1-10",
            "Counts from 1 to 10, and numbers from which they could be worked out, are withheld.",
            1,
            10,
        ),
        SmallNumberPolicy(
            "suppress-1-4",
            "Counts from 1 to 4, and numbers from which they could be worked out, are withheld.",
            1,
            4,
        ),
        SmallNumberPolicy(
            "nhs-7-round-5",
            "Counts from 1 to 7 are withheld, other counts are rounded to the nearest 5, and percentages "
            "are computed from rounded counts.",
            1,
            7,
            round_to=5,
        ),
        SmallNumberPolicy(
            "none",
            "No counts are withheld: for use inside the network only.",
            1,
            0,
            withhold_unanimous=False,
        ),
    )
}
