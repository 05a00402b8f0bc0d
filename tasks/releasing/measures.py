"""What each outcome is, as the network file defines it: the table `measures`. No record has a part in it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tasks.network.schema import Network
from tasks.release import MEASURES, conform

_SIDES = {"higher": "at_least", "lower": "at_most"}


def measures(network: Network) -> pd.DataFrame:
    """Rows of `measures`: every outcome of the network file."""
    rows: list[dict[str, Any]] = []
    for name, outcome in network.outcomes.items():
        policy = network.policy_for(name)
        rows.append(
            {"outcome": name, "label": outcome.label, "target": outcome.target}
            | outcome.about.model_dump()
            | {"target_direction": None if outcome.target is None else _SIDES[outcome.direction]}
            | {"minimum_denominator": policy.minimum_denominator, "minimum_count": policy.minimum_count}
        )
    return conform(MEASURES, pd.DataFrame(rows, columns=MEASURES.empty().columns))
