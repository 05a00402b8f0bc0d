"""Whether the records are what the network file says they are; everything that is not, at once.

Looks at types and at counts made in the database; no value of a record is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tasks.errors import SourceError, nearest
from tasks.network.schema import Network
from tasks.records.data_columns import Kind
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.column_uses import DESCRIBING, Misfit, Use, uses
from tasks.records.questions.record_names import RecordNames, canonical
from tasks.records.questions.users_select import refuse_all_but_a_select
from tasks.records.sources.connection import SourceColumn
from tasks.records.sources.records import Records
from tasks.records.sql_text import LARGEST, quoted

_KINDS: Mapping[Kind, str] = {
    "number": "numbers",
    "boolean": "true and false",
    "text": "text",
    "date": "dates",
    "other": "what is neither number, text nor date",
}


LARGEST_WEIGHT = 1_000_000
"""Of more records than this one row cannot stand: it is a sum or a population, not a count of records."""

# tells by its type whether dates have a time zone; PostgreSQL's infinity is no date that Python knows
_LATEST = "MAX(CASE WHEN date < DATE '2200-01-01' AND date >= DATE '1900-01-01' THEN date END)"


@dataclass(frozen=True)
class Contract:
    """What the records' SELECT returns, as far as screening needs it.

    Attributes:
        columns: column → number, boolean, text, date or other, and whether it can hold NaN.
        zoned: whether dates are points in time with a time zone.
        names: the SQL of a record's clinic, region and patient.
        named: the clinics and regions that occur, in their canonical spelling.
    """

    columns: Mapping[str, SourceColumn]
    zoned: bool
    names: RecordNames
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Count:
    """A count made in the database: an SQL expression, and the misfit it is if it exceeds zero."""

    expression: str
    place: tuple[str, ...]
    sentence: str


def require_contract(records: Records, network: Network) -> Contract:
    """What the SELECT returns, once it is sure that it fits the network file.

    Raises:
        SourceError: they do not; says every misfit.
    """
    contract, found = examine_records(records, network)
    if not found:
        return contract
    if len(found) == 1:
        raise SourceError(f"{table_of(found[0].place)} {found[0].sentence}")
    listed = "".join(f"\n  {table_of(each.place)} {each.sentence}" for each in found)
    raise SourceError(
        f"the records do not fit the network file in {len(found)} places:{listed}",
        hint="`clinicnet check` says the lines",
    )


def examine_records(records: Records, network: Network) -> tuple[Contract, tuple[Misfit, ...]]:
    """What the SELECT returns, and everywhere the records do not fit the network file.

    Raises:
        SourceError: the database cannot be reached, or does not understand the SELECT.
    """
    if records.select is not None:
        refuse_all_but_a_select(records.select, records.source)
    with records.connect() as connection:
        columns = connection.columns(records.query)
    kinds = {name: column.kind for name, column in columns.items()}
    used, found = uses(network)
    misfits = [*found, *_structure(kinds, used, network), *_limits(used, network)]
    unread = kinds.get("date") == "text"
    if unread or any(use.role not in DESCRIBING and kinds.get(use.column) == "text" for use in used):
        misfits += [Misfit(("records", "source"), each) for each in records.nearly_read()]
    wrong = {misfit.place for misfit in misfits}
    names = RecordNames.of(columns, network.records)
    if {"clinic", *([] if network.records.clinic_within is None else ["region"])} - set(columns):
        return Contract(columns, zoned=False, names=names), tuple(misfits)
    sound = [use for use in used if use.place not in wrong]
    contract, contents = _contents(records, network, Contract(columns, zoned=False, names=names), sound)
    return contract, (*misfits, *contents)


def _structure(kinds: Mapping[str, Kind], used: tuple[Use, ...], network: Network) -> Iterator[Misfit]:
    """Columns that are not there, or are of the wrong kind."""
    select = ("records", "select_file" if network.records.select_file is not None else "select")
    for column in ("clinic", "date"):
        if column not in kinds:
            yield Misfit(select, f"the SELECT returns no column {column!r}; {nearest(column, kinds)}")
    date = kinds.get("date", "date")
    if date != "date":
        yield Misfit(
            select,
            f"column 'date' holds {_KINDS[date]}; make it a date in the SELECT, for example "
            "CAST(… AS DATE) AS date, or TRY_STRPTIME(…, '%d/%m/%Y') AS date",
        )
    if any(outcome.patient_slopes for outcome in network.outcomes.values()) and "patient" not in kinds:
        for name, outcome in network.outcomes.items():
            if outcome.patient_slopes:
                yield Misfit(
                    ("outcomes", name, "patient_slopes"),
                    "patient_slopes needs a column 'patient', and the SELECT returns none",
                )
    for key, column in (("patient_within", "patient"), ("clinic_within", "region")):
        if getattr(network.records, key) is not None and column not in kinds:
            yield Misfit(("records", key), f"{key} needs a column {column!r}, and the SELECT returns none")
    yield from _weight_structure(kinds, network)
    for use in used:
        if use.column not in kinds:
            yield Misfit(
                use.place, f"the SELECT returns no column {use.column!r}; {nearest(use.column, kinds)}"
            )
        else:
            yield from _wrong_kind(use, kinds[use.column], network)


def _weight_structure(kinds: Mapping[str, Kind], network: Network) -> Iterator[Misfit]:
    weight, place = network.records.weight, ("records", "weight")
    if weight is None:
        return
    if weight not in kinds:
        yield Misfit(place, f"the SELECT returns no column {weight!r}; {nearest(weight, kinds)}")
    elif kinds[weight] != "number":
        yield Misfit(place, f"column {weight!r} holds {_KINDS[kinds[weight]]} and must be whole numbers")
    for column in ("patient", "record"):
        if column in kinds:
            yield Misfit(
                place,
                f"a row that stands for several records is of no one {column}; "
                f"leave column {column!r} out of the SELECT, or weight out of the network file",
            )


def _wrong_kind(use: Use, kind: Kind, network: Network) -> Iterator[Misfit]:
    holds = f"column {use.column!r} holds {_KINDS[kind]}"
    if use.role in {"binary", "program"}:
        if kind not in {"number", "boolean"}:
            yield Misfit(
                use.place,
                f"{holds} and must be 0 and 1; make it so in the SELECT, "
                "for example CASE … WHEN 'yes' THEN 1 WHEN 'no' THEN 0 END",
            )
    elif use.role == "adjuster":
        if kind == "other":
            yield Misfit(use.place, f"{holds}; make it a number or text in the SELECT")
    elif use.role == "group":
        yield from _wrong_group(use, kind, network, holds)
    elif kind != "number":
        yield Misfit(use.place, f"{holds} and must be numbers; make it so in the SELECT")


def _wrong_group(use: Use, kind: Kind, network: Network, holds: str) -> Iterator[Misfit]:
    section = network.groups[use.column]
    if kind not in {"text", "number"}:
        yield Misfit(use.place, f"{holds}; make it a number or text in the SELECT")
    elif section.bands and kind != "number":
        yield Misfit(use.place, f"{holds}, and bands are of numbers; give values in their place")
    elif any(isinstance(value, str) != (kind == "text") for value in section.values):
        written = "text in quotes" if kind == "text" else "whole numbers without quotes"
        yield Misfit(use.place, f"{holds}, and values are not all written so; write them as {written}")


def _limits(used: tuple[Use, ...], network: Network) -> Iterator[Misfit]:
    known = {use.column for use in used}
    for column in network.limits:
        if column not in known:
            yield Misfit(
                ("limits", column),
                f"no outcome, adjuster or program uses column {column!r}; {nearest(column, known)}",
            )


def _contents(
    records: Records, network: Network, contract: Contract, used: Sequence[Use]
) -> tuple[Contract, list[Misfit]]:
    """The contract with what only the records themselves can tell, and their misfits, counted in one pass."""
    columns, names = contract.columns, contract.names
    latest = _LATEST if "date" in columns and columns["date"].kind == "date" else "NULL"
    select = ("records", "select_file" if network.records.select_file is not None else "select")
    counts = [each for use in used for each in _impossible(use, columns[use.column], network)]
    counts += _impossible_weights(columns, network)
    summed = [
        f", SUM(CASE WHEN {each.expression} THEN 1 ELSE 0 END) AS c{i}" for i, each in enumerate(counts)
    ]
    needed = [*used, *([Use("date", select, "continuous")] if latest != "NULL" else [])]
    summed += [f", COUNT({quoted(use.column)}) AS k{i}" for i, use in enumerate(needed)]
    keys = {"clinic": names.clinic, **({"region": names.region} if "region" in columns else {})}
    by_clinic = aggregate(
        records,
        f"SELECT {', '.join(f'{key} AS {name}' for name, key in keys.items())}, COUNT(*) AS n, "
        f'{latest} AS latest{"".join(summed)} FROM {{records}} AS "every record" '
        f"GROUP BY {', '.join(keys.values())}",
    )
    moment = by_clinic.schema.field("latest").type
    zoned = pa.types.is_timestamp(moment) and moment.tz is not None
    rows = by_clinic.drop_columns("latest").to_pylist()
    found_names = [row[key] for row in rows for key in keys if row[key] is not None]
    named = frozenset(map(canonical, found_names)) - {""}
    contract = Contract(columns, zoned, names.respelling(found_names), named)
    clinics = sorted({canonical(row["clinic"]) for row in rows if row["clinic"] is not None} - {""})
    n = sum(row["n"] for row in rows)
    if n == 0:
        return contract, [
            Misfit(select, "the SELECT returns no records; look at its WHERE and at the source")
        ]
    found = []
    if not clinics:
        sentence = f"column 'clinic' is empty in all {n:,} records; name the column that holds the clinic"
        found.append(Misfit(select, sentence))
    elif len(clinics) == 1:
        sentence = "every record with a clinic is from the same one; comparing needs at least two"
        found.append(Misfit(select, sentence))
    for i, use in enumerate(needed):
        if not any(row[f"k{i}"] for row in rows):
            unread = "; does the SELECT read dates as the column writes them?" if use.column == "date" else ""
            found.append(Misfit(use.place, f"column {use.column!r} is empty in all {_records(n)}{unread}"))
    for i, count in enumerate(counts):
        impossible = sum(int(row[f"c{i}"]) for row in rows)
        if impossible:
            found.append(Misfit(count.place, count.sentence.format(n=_records(impossible))))
    if clinics:
        now = network.clinics.now
        known = sorted({now.get(each, each) for each in clinics})
        if network.program is not None and network.program.starts is not None:
            found += _unknown_starts(network.program.starts, known)
        found += _unknown_clinics(network, clinics, known)
    return contract, found


def _impossible(use: Use, column: SourceColumn, network: Network) -> Iterator[_Count]:
    """Values that contradict what the column is declared to be; limits declared for it are not among them."""
    value = quoted(use.column)
    if column.kind == "boolean":
        return
    neither = f"{value} NOT IN (0, 1)" + (f" AND {value} <= {LARGEST}" if column.is_float else "")
    if use.role == "binary":
        yield _Count(
            neither,
            use.place,
            f"the outcome is declared binary, and column {use.column!r} holds something other than 0 and 1 "
            "in {n}; make those 0, 1 or NULL in the SELECT, or declare another kind",
        )
    elif use.role == "program":
        yield _Count(
            neither,
            use.place,
            f"the program's column {use.column!r} holds something other than 0 and 1 in {{n}}; "
            "make those 0, 1 or NULL in the SELECT",
        )
    elif use.role == "count":
        possible = _declared_possible(use, network)
        yield _Count(
            f"{possible}{value} < 0",
            use.place,
            f"the outcome is declared a count, and column {use.column!r} is negative in {{n}}; "
            "mend the SELECT, or declare minimum = 0 to have them blanked and counted",
        )
        yield _Count(
            f"{possible}{value} <> FLOOR({value})",
            use.place,
            f"the outcome is declared a count, and column {use.column!r} is no whole number in {{n}}; "
            'round it in the SELECT, or declare kind = "continuous"',
        )


def _impossible_weights(columns: Mapping[str, SourceColumn], network: Network) -> Iterator[_Count]:
    weight = network.records.weight
    if weight is None or weight not in columns or columns[weight].kind != "number":
        return
    value, place = quoted(weight), ("records", "weight")
    yield _Count(
        f"{value} IS NULL OR {value} < 0 OR {value} <> FLOOR({value})",
        place,
        f"a weight says how many records a row stands for, and column {weight!r} is empty, negative or no "
        "whole number in {n}; survey weights are something else, which no figure here allows for",
    )
    yield _Count(
        f"{value} > {LARGEST_WEIGHT}",
        place,
        f"column {weight!r} is over {LARGEST_WEIGHT:,} in {{n}}; a row stands for no more records than that",
    )


def _declared_possible(use: Use, network: Network) -> str:
    value = quoted(use.column)
    conditions = ""
    for minimum, maximum in declared_limits(network, use.column):
        conditions += f"{value} >= {minimum!r} AND " if minimum is not None else ""
        conditions += f"{value} <= {maximum!r} AND " if maximum is not None else ""
    return conditions


def declared_limits(network: Network, column: str) -> list[tuple[float | None, float | None]]:
    """The limits that outcomes and `[limits]` declare for a column."""
    declared = [
        (outcome.minimum, outcome.maximum)
        for name, outcome in network.outcomes.items()
        if network.column(name) == column
    ]
    if column in network.limits:
        declared.append((network.limits[column].minimum, network.limits[column].maximum))
    return [each for each in dict.fromkeys(declared) if each != (None, None)]


def _unknown_starts(starts: Mapping[str, str], known: Sequence[str]) -> Iterator[Misfit]:
    for name in starts:
        if name not in known:
            yield Misfit(
                ("program", "starts", name), f"no record is of a clinic {name!r}; {nearest(name, known)}"
            )


def _unknown_clinics(network: Network, written: Sequence[str], known: Sequence[str]) -> Iterator[Misfit]:
    """Clinics of `[clinics]` and `[delivery]` that no record is of, under none of their names."""
    for old, new in network.clinics.now.items():
        if old not in written and new not in known:
            yield Misfit(
                ("clinics", "renamed", old),
                f"no record is of a clinic {old!r} or {new!r}; {nearest(old, written)}",
            )
    for clinic in network.clinics.dated:
        if clinic not in known and clinic not in network.clinics.renamed:
            yield Misfit(
                ("clinics", clinic), f"no record is of a clinic {clinic!r}; {nearest(clinic, known)}"
            )
    for clinic in network.delivery.clinics:
        if clinic not in known:
            yield Misfit(
                ("delivery", "clinics", clinic),
                f"no record is of a clinic {clinic!r}; {nearest(clinic, known)}",
            )


def _records(n: int) -> str:
    return f"{n:,} record{'s' if n != 1 else ''}"


def table_of(place: tuple[str, ...]) -> str:
    """The network file's table that a key stands in: `[outcomes.positive]`."""
    return f"[{'.'.join(place[:2] if place[0] in {'outcomes', 'limits', 'groups'} else place[:1])}]"
