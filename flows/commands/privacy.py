"""What a release withholds, for whoever answers for it: how much, why, and what can still be worked out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from flows.published_output import network_and_output
from tasks.disclosing import POLICIES, ContradictionError, account
from tasks.errors import PublishingError
from tasks.publishing import Connected, Earlier, connected_releases, published_release

_PRIMARY, _SECONDARY = "suppressed_primary", "suppressed_secondary"
_MOST_NAMES = 12


def privacy_of(network_file: Path, name: str | None) -> Iterator[str]:
    """What a release withholds, line by line.

    Args:
        network_file: the network's file.
        name: the release's, or what it begins with; None: the one that `latest` leads to.

    Raises:
        ClinicnetError: the network file or a release cannot be read, or there is no such release.
    """
    network, output = network_and_output(network_file)
    directory, release, window = published_release(output, name)
    before = connected_releases(output, window, directory.name)
    policy = POLICIES[release.policy]
    yield f"Release  {directory.name} of {network.network.name}, {window[0]} to {window[1]}"
    yield f"Policy   {policy.name}: {policy.words}"
    if not policy.withholds:
        return
    yield from _counted(release)
    yield from _for_others(release)
    yield from _held_against(before)
    try:
        every = [*before.releases, release]
        found = account([POLICIES[each.policy] for each in every], [each.tables for each in every])
    except ContradictionError as error:
        raise PublishingError(
            f"{error}: one of them was changed after it was published",
            hint="restore the releases from a copy",
        ) from error
    yield (
        f"Of {found.n_withheld:,} withheld counts of records and events, read from what these releases show:"
    )
    if found.narrowest is None:
        yield f"  none that may be small has fewer than {policy.high - policy.low + 1} possible values."
    else:
        least = found.narrowest
        counted = {"numerator": "count", "denominator": "number of records"}[least.counts]
        where = f"{least.clinic}, {least.month or 'the whole window'}"
        yield (
            f"  the narrowest is the {counted} of outcome {least.outcome} at {where}: {least.low} to "
            f"{least.high}, {least.values} possible values."
        )
    yield from _known_next(release)


def _held_against(before: Connected) -> Iterator[str]:
    """Which releases a reader can put beside it."""
    n, older = before.near, len(before.releases) - before.near
    if n:
        share = "releases that share" if n > 1 else "release that shares"
        yield f"Held against {n} earlier {share} periods with it."
    else:
        yield "No earlier release shares periods with it."
    if older:
        yield f"Read together with {older} older, which overlapping windows connect with those."
    if before.pruned:
        names = ", ".join(before.pruned[:_MOST_NAMES])
        more = f" and {len(before.pruned) - _MOST_NAMES} more" if len(before.pruned) > _MOST_NAMES else ""
        yield f"Pruned since, and not read here, though a reader may have kept them: {names}{more}."


def _counted(release: Earlier) -> Iterator[str]:
    """How much is withheld of each outcome."""
    outcomes = release.tables["outcomes"]
    estimates, months = release.tables["clinic_estimates"], release.tables["clinic_months"]
    raw, own = estimates[estimates["form"] == "raw"], months[months["clinic"] != ""]
    yield ""
    yield f"{'':34}{'withheld: small':>17}{'beside small':>14}{'shown':>8}"
    for outcome, label, status in outcomes[["outcome", "label", "status"]].itertuples(index=False, name=None):
        if status == _PRIMARY:
            yield f"{label}: withheld whole, since the network's own count is small"
            continue
        groups = release.tables["patient_groups"]
        of_columns = ((f"groups: {column}", rows) for column, rows in groups.groupby("column", sort=True))
        for words, rows in (("clinics", raw), ("clinics' months", own), *of_columns):
            mine = rows[rows["outcome"] == outcome]
            if mine.empty and words.startswith("groups"):  # of another outcome
                continue
            said = mine["status"].value_counts()
            shown = int(mine["value"].notna().sum())
            title = f"{str(label)[:17]}, {words}"
            yield (
                f"{title:34}{int(said.get(_PRIMARY, 0)):>17,}{int(said.get(_SECONDARY, 0)):>14,}{shown:>8,}"
            )
    yield "(all withheld months of a clinic have one label: no reader is told which of them is small)"
    yield ""


def _for_others(release: Earlier) -> Iterator[str]:
    """Clinics that are not small and are withheld whole all the same."""
    clinics = release.tables["clinics"]
    names = clinics.loc[clinics["status"] == _SECONDARY, "clinic"].astype(str).tolist()
    if names:
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        why = "for others' sake, or for what an earlier release would tell of their months"
        yield f"Not small, and withheld whole {why}: {', '.join(names[:_MOST_NAMES])}{more}."


def _known_next(release: Earlier) -> Iterator[str]:
    """What the next release can no longer hide."""
    months = release.tables["clinic_months"]
    own: pd.DataFrame = months[(months["clinic"] != "") & (months["month"] > months["month"].min())]
    known = int(own["value"].notna().sum())
    yield (
        f"The next release shares {own['month'].nunique()} periods with this one: {known:,} of their "
        f"{len(own):,} clinics' figures are known by then, and only the others can protect its small counts."
    )
