"""What is read of the groups of patients that the network file declares: sums, and people behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tasks.network.groups_section import REST
from tasks.network.schema import Network
from tasks.records import Records
from tasks.records.questions.sums_by_group import Groups, moments_by_group, patients_by_group


@dataclass(frozen=True)
class GroupedRecords:
    """One column's groups.

    Attributes:
        groups: which records are of which group; the rest's is the last.
        moments: outcome → sums by group, clinic and month (`sums_by_group.moments_by_group`).
        people: patients behind them: `outcome`, `group`, `month` (empty: the window), `people`, `with_event`
            and `without_event`.
    """

    groups: Groups
    moments: Mapping[str, pd.DataFrame]
    people: pd.DataFrame


def grouped_records(usable: Records, network: Network) -> dict[str, GroupedRecords]:
    """Column → its groups; none where the network file declares none. Volumes have no groups of patients."""
    outcomes = {name: each for name, each in network.outcomes.items() if not each.counts_records}
    columns = {name: each.column or name for name, each in outcomes.items()}
    found = {}
    for column, section in network.groups.items():
        groups = Groups(column, (*section.codes, REST), section.values, section.bands)
        moments = {
            name: moments_by_group(
                usable, groups, columns[name], log=each.scale == "log", exposure=each.exposure
            )
            for name, each in outcomes.items()
        }
        people = patients_by_group(usable, groups, tuple(dict.fromkeys(columns.values())))
        named = [people[people["column"] == at].assign(outcome=name) for name, at in columns.items()]
        found[column] = GroupedRecords(groups, moments, pd.concat(named).drop(columns="column"))
    return found
