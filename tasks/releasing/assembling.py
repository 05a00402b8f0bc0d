"""One release's tables out of everything that was estimated, before disclosing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from reports.wording.coded_sentences import coded, told
from tasks.disclosing import Withholding
from tasks.estimating import OutcomeEstimates, Summary
from tasks.network.schema import Network, name_digest, slug
from tasks.ranking import OutcomeRanks
from tasks.release import CODED, FROM_MASKED, TABLES, Table, conform
from tasks.releasing.region_estimates import region_estimates
from tasks.screening import Screened


def assemble(
    network: Network,
    screened: Screened,
    summary: Summary,
    estimates: Mapping[str, OutcomeEstimates],
    ranks: Mapping[str, OutcomeRanks],
    file_names: Mapping[str, str],
    withholding: Withholding | None = None,
) -> dict[str, pd.DataFrame]:
    """The release's tables, typed and sorted, before disclosing.

    What is made from disclosed tables (`FROM_MASKED`) is empty: nothing is disclosed yet.

    Args:
        network: the network's description: its language.
        screened: the screened records: every clinic of the source, and the quality table.
        summary: the window's moments.
        estimates, ranks: outcome → its estimates and its clinics in order.
        file_names: clinic → its file name in earlier releases.
        withholding: which clinics are shown, once that is decided: nothing is said of regions before.
    """
    region = screened.clinics.set_index("clinic")["region"]
    each = list(estimates.values())
    rows = {
        "clinics": _clinics(screened.clinics, file_names),
        "outcomes": pd.DataFrame([one.outcome | ranks[name].verdict_row for name, one in estimates.items()]),
        "clinic_estimates": _with_regions(_stack([one.clinics for one in each]), region),
        "clinic_ranks": _with_regions(_stack([one.rows for one in ranks.values()]), region),
        "network_figures": _stack(
            [frame for name, one in estimates.items() for frame in (one.figures, ranks[name].figures)]
        ),
        "program_effects": _stack([one.effects for one in each]),
        "clinic_months": _stack([one.months for one in each]),
        "patient_groups": _stack([one.groups for one in each]),
        "region_estimates": pd.DataFrame()
        if withholding is None
        else region_estimates(estimates, _named(region), withholding),
        "quality": _stack([screened.quality, *(one.quality for one in each)]).assign(
            status="ok", reason=None
        ),
    }
    rows |= {table.name: table.empty() for table in FROM_MASKED}
    with network.speaking():
        return {table.name: conform(table, spelled(table, rows[table.name])) for table in TABLES}


def _named(region: pd.Series) -> dict[str, str]:
    """Clinic → its region, of those that have one."""
    return {str(clinic): str(name) for clinic, name in region.dropna().items()}


def spelled(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with their coded sentences in words, and the codes in the column beside."""
    for column in table.columns:
        words = column.name.removesuffix(CODED)
        if column.name.endswith(CODED) and words in rows:
            sentences = rows[words].astype("string")
            rows = rows.assign(**{column.name: sentences, words: sentences.map(told, na_action="ignore")})
    return rows


def _clinics(screened: pd.DataFrame, file_names: Mapping[str, str]) -> pd.DataFrame:
    clinics = screened[["clinic", "region", "n_records", "n_patients", "first_month", "last_month"]].copy()
    clinics["slug"] = _slugs(clinics["clinic"], file_names)
    empty = (clinics["n_records"] == 0).to_numpy(dtype=bool)
    clinics["reportable"] = ~empty
    clinics["status"] = ["no_records" if each else "ok" for each in empty]
    clinics["reason"] = [coded("why.no_records") if each else None for each in empty]
    return clinics


def _slugs(names: pd.Series, earlier: Mapping[str, str]) -> list[str]:
    """File names of clinics: different for different clinics, and the same in every release.

    A clinic keeps the name it has. Of new ones that are written alike in a file name, the first gets it
    (plain letters before others), and each of the rest has its own digest. No name passes to another clinic.
    """
    slugs = dict(earlier)
    for name in sorted((str(each) for each in names), key=lambda each: (not each.isascii(), each)):
        base = slug(name)
        taken = base in slugs.values()
        slugs.setdefault(name, f"{base}-{name_digest(name)}" if taken else base)
    return [slugs[str(name)] for name in names]


def _with_regions(rows: pd.DataFrame, region: pd.Series) -> pd.DataFrame:
    return rows if rows.empty else rows.assign(region=rows["clinic"].map(region))


def _stack(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if not frame.empty]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
