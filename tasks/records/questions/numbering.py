"""Whether patients' and clinics' numbers are what they seem: counts by clinic, region and number.

Numbers may begin anew elsewhere, and one may stand for nobody. Nothing in a record says so. What tells is
that everybody seems to be everywhere, or that one patient comes far more often than any other.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

import pandas as pd

from tasks.network.drafting import column_naming, column_words
from tasks.network.schema import Network
from tasks.records.questions.aggregates import aggregate_frame
from tasks.records.questions.column_uses import Misfit
from tasks.records.questions.contract import Contract
from tasks.records.questions.record_names import look_alike
from tasks.records.sources.records import Records

_EVERYWHERE = 2.0
"""Clinics that a patient number occurs in on average, from which numbers are doubted; of two, nearly both."""
_OFTEN, _SHARE, _TIMES = 30, 0.01, 10.0
"""Records of one number, their share of all, and how many times what numbers have on average: from there it
is doubted that one patient came so often."""
_FEW = 3
"""Numbers that may stand for nobody (in each clinic, where they begin anew); where more come so often,
patients do differ."""
_MANY, _SMALL = 30, 5
"""So many clinics, of which half have fewer records than that, are doubted to be clinics."""
_NAMED = 6
"""Names that look alike and are said, at most."""
_SPLIT = 0.9
"""Share of a clinic's records in its usual region, under which it is doubted that the clinic is one."""


def doubted_numbering(records: Records, network: Network, contract: Contract) -> tuple[Misfit, ...]:
    """Where numbers may restart although the network file does not say so.

    Args:
        records: what the network file's SELECT returns.
        network: the network file.
        contract: what the SELECT returns, which fits the network file.

    Raises:
        SourceError: the database cannot be reached.
    """
    found = [*_numbers_as_outcomes(network), *_doubted_names(records, network, contract)]
    if "patient" in contract.columns and network.records.patient_within is None:
        found += _doubted_patients(records, contract)
    if "patient" in contract.columns:
        within = network.records.patient_within is not None
        found += _doubted_nobody(records, contract, math.inf if within else _FEW)
    if "region" in contract.columns and network.records.clinic_within is None:
        found += _doubted_clinics(records, contract)
    return tuple(found)


def _doubted_names(records: Records, network: Network, contract: Contract) -> Iterator[Misfit]:
    """Clinics that are so many and so small that they may be patients, or of one name written twice."""
    counted = aggregate_frame(
        records, f"SELECT clinic, COUNT(*) AS n FROM ({_named(contract)}) AS named GROUP BY clinic"
    ).dropna(subset=["clinic"])
    yield from _written_twice(counted["clinic"].tolist(), network.clinics.now)
    if len(counted) < _MANY or float(counted["n"].median()) >= _SMALL:
        return
    yield Misfit(
        ("records",),
        f"there are {len(counted):,} clinics, and half of them have fewer than {_SMALL} records; if the "
        "column that the SELECT calls clinic holds patients or visits, name the one that holds clinics",
    )


def _written_twice(clinics: Collection[str], now: Mapping[str, str]) -> Iterator[Misfit]:
    """Clinics whose names of today differ in capitals, spaces or punctuation alone."""
    names = look_alike({now.get(each, each) for each in clinics})
    if names:
        some = ", ".join(map(repr, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
        said = f"{some} look like the same name written twice; if they are, write one of them in the SELECT"
        yield Misfit(("records",), said)


def _doubted_patients(records: Records, contract: Contract) -> Iterator[Misfit]:
    named = _named(contract)
    by_clinic = aggregate_frame(
        records, f"SELECT clinic, COUNT(DISTINCT patient) AS n FROM ({named}) AS named GROUP BY clinic"
    )
    whole = aggregate_frame(records, f"SELECT COUNT(DISTINCT patient) AS n FROM ({named}) AS named")
    clinics = by_clinic.loc[by_clinic["clinic"].notna() & (by_clinic["n"] > 0), "n"]
    patients = int(whole["n"].iloc[0])
    if len(clinics) < 2 or patients < 2:
        return
    times = float(clinics.sum()) / patients
    if len(clinics) == patients == clinics.sum():
        yield Misfit(
            ("records",),
            "every clinic has one patient, and every patient one clinic: the SELECT's columns clinic and "
            "patient say the same, so leave out the patient, or name another column",
        )
        return
    if times < min(_EVERYWHERE, 0.9 * len(clinics)):
        return
    occurs = (
        f"every patient number occurs in all {len(clinics):,} clinics"
        if (clinics == patients).all()
        else f"a patient number occurs in {times:.1f} of the {len(clinics):,} clinics on average"
    )
    yield Misfit(
        ("records",),
        f'{occurs}; if numbers restart in each clinic, write patient_within = "clinic" under [records]',
    )


def _doubted_nobody(records: Records, contract: Contract, few: float) -> Iterator[Misfit]:
    """Numbers such as 0 or 9999 that people write for who has none: the walk-ins of years as one patient."""
    each = f"SELECT patient, COUNT(patient) AS n FROM ({_named(contract)}) AS named GROUP BY patient"
    whole = aggregate_frame(
        records, f"SELECT SUM(n) AS n, COUNT(patient) AS patients FROM ({each}) AS numbers"
    )
    if whole["n"].isna().all() or whole["patients"].iloc[0] == 0:
        return
    total, patients = int(whole["n"].iloc[0]), int(whole["patients"].iloc[0])
    least = max(_OFTEN, math.ceil(_SHARE * total), math.ceil(_TIMES * total / patients))
    often = aggregate_frame(
        records,
        f"SELECT SUM(CASE WHEN n >= {least} THEN n ELSE 0 END) AS n, "
        f"SUM(CASE WHEN n >= {least} THEN 1 ELSE 0 END) AS numbers FROM ({each}) AS numbers",
    )
    n, numbers = int(often["n"].iloc[0]), int(often["numbers"].iloc[0])
    if not 0 < numbers <= few or patients <= numbers:
        return
    have = "one patient number has" if numbers == 1 else f"{numbers} patient numbers have"
    nobody = "it stands" if numbers == 1 else "they stand"
    yield Misfit(
        ("records",),
        f"{have} {n:,} of {total:,} records, and the others {(total - n) / (patients - numbers):.1f} each on "
        f"average; if {nobody} for nobody, make NULL of it in the SELECT, for example NULLIF(patient, '0') "
        "AS patient: a record without a number is a patient of its own",
    )


def _doubted_clinics(records: Records, contract: Contract) -> Iterator[Misfit]:
    counted = aggregate_frame(
        records,
        f"SELECT clinic, region, COUNT(*) AS n FROM ({_named(contract)}) AS named GROUP BY clinic, region",
    ).dropna(subset=["clinic", "region"])
    split = _split(counted)
    if split.empty:
        return
    of_all, pairs = counted["clinic"].nunique(), len(counted)
    first, shares = split.index[0], split.iloc[0]
    several = f"{len(split):,} of {of_all:,} clinics have" if len(split) > 1 else f"clinic {first!r} has"
    told = ", ".join(f"{share:.0%} in {region}" for region, share in shares.items())
    example = f"clinic {first!r}: {told}" if len(split) > 1 else told
    yield Misfit(
        ("records",),
        f"{several} records in several regions ({example}); if clinics are numbered within regions, which "
        f'makes {pairs:,} of {of_all:,}, write clinic_within = "region" under [records]',
    )


def _split(counted: pd.DataFrame) -> pd.Series:
    """Clinic → region → share of its records, for clinics that belong to no region by nine in ten."""
    shares = counted.assign(share=counted["n"] / counted.groupby("clinic")["n"].transform("sum"))
    most = shares.groupby("clinic")["share"].max()
    doubted = shares[shares["clinic"].isin(most.index[most < _SPLIT])]
    by_clinic = doubted.sort_values(["clinic", "share", "region"], ascending=[True, False, True])
    return pd.Series(
        {
            clinic: dict(zip(its["region"], its["share"], strict=True))
            for clinic, its in by_clinic.groupby("clinic")
        },
        dtype=object,
    )


def _named(contract: Contract) -> str:
    names = contract.names
    return (
        f"SELECT {names.clinic} AS clinic, {names.region} AS region, {names.patient} AS patient "
        'FROM {records} AS "every record"'
    )


def _numbers_as_outcomes(network: Network) -> list[Misfit]:
    """Outcomes whose column is called like the number of a patient."""
    return [
        Misfit(
            ("outcomes", name),
            f"column {column!r} is called like a patient's number, of which a mean says nothing; if it is, "
            "leave the outcome out, and name the column patient in the SELECT",
        )
        for name in network.outcomes
        if (column := network.column(name)) is not None
        and column_naming.found(column, column_words.PATIENT)
        and column_naming.found(column, column_words.NUMBERED)
    ]
