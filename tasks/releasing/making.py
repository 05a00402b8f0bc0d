"""A month's release: its tables disclosed, and an id that the same records and configuration give again."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping

from tasks.disclosing import POLICIES, disclose
from tasks.estimating import OutcomeEstimates, Summary
from tasks.network.schema import Network
from tasks.ranking import OutcomeRanks
from tasks.release import Release, release_id
from tasks.releasing.assembling import assemble
from tasks.screening import Screened

# what the numbers come from: a release computed by other versions is another release
_COMPUTED_BY = ("clinicnet", "duckdb", "numpy", "pandas", "pyarrow", "scipy")


def make_release(
    network: Network,
    month: str,
    screened: Screened,
    summary: Summary,
    estimates: Mapping[str, OutcomeEstimates],
    ranks: Mapping[str, OutcomeRanks],
) -> Release:
    """The release of `month`, with the network's small-number policy applied to every table.

    Args:
        network: the network's description.
        month: the reported month, YYYY-MM.
        screened: the screened records: their quality table, clinics and cut-off date.
        summary: the window's moments.
        estimates, ranks: outcome → its estimates and its clinics in order.
    """
    tables = disclose(POLICIES[network.policy.small_numbers], assemble(screened, summary, estimates, ranks))
    configuration = network.model_dump_json(exclude={"output", "directory"})
    return Release(
        id=release_id(configuration, month, network.policy.small_numbers, tables),
        network=network.network.name,
        period=month,
        window=(summary.months[0], summary.months[-1]),
        cut_off=screened.cut_off,
        policy=network.policy.small_numbers,
        versions={name: importlib.metadata.version(name) for name in _COMPUTED_BY},
        tables=tables,
    )
