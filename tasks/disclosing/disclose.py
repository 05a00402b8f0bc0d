"""Release tables as they may be seen: what must be withheld is decided, and then masked, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.disclosing.deciding import decide
from tasks.disclosing.masking import mask
from tasks.disclosing.policy import SmallNumberPolicy


def disclose(
    policy: SmallNumberPolicy,
    tables: Mapping[str, pd.DataFrame],
    earlier: Sequence[Mapping[str, pd.DataFrame]] = (),
) -> dict[str, pd.DataFrame]:
    """The tables of a release with nothing in them that points at a patient.

    Where clinics are ranked, those that may be shown are ranked among themselves between the two steps
    (`tasks.releasing`).

    Args:
        policy: the network's small-number policy.
        tables: release tables (`tasks.release.TABLES`) as estimated.
        earlier: tables of releases with overlapping windows, as they were published: nothing that these
            tables or those withhold may follow from all of them together.

    Returns:
        The same tables with withheld values null, their status `suppressed_primary` or
        `suppressed_secondary` and a reason; counts rounded as the policy says.
    """
    return mask(policy, tables, decide(policy, tables, earlier))
