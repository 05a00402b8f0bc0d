"""A draft's text: every choice commented, to be gone on with by hand."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import tomlkit

from tasks.errors import NetworkError
from tasks.network.drafting.draft import Draft, DraftOutcome
from tasks.network.drafting.draft_dates import date_sql, day_sql, parts_sql, row_number_sql
from tasks.network.schema import CONTRACT_COLUMNS, DERIVED_COLUMNS, WindowSection


def write_draft(draft: Draft) -> str:
    """The network file's text, with comments on what each part is for and what else could stand there."""
    names = _contract_names(draft)
    parts = [
        _head(draft),
        _assumed(draft),
        _records(draft, names),
        *(_outcome(outcome, draft, names) for outcome in draft.outcomes),
        _undrafted(draft),
        _limits(draft, names),
        _program(draft, names),
        _window(draft),
        _FOOT,
    ]
    return "\n".join(part for part in parts if part)


def save_draft(draft: Draft, path: Path, *, overwrite: bool = False) -> None:
    """Write the network file.

    Raises:
        NetworkError: there is one already and it is not to be overwritten, or it cannot be written.
    """
    if path.exists() and not overwrite:
        raise NetworkError(f"{path} is there already", hint="give another path, or move it away first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(write_draft(draft), "utf-8")
    except OSError as failure:
        raise NetworkError(
            f"{path} cannot be written: {failure.strerror}", hint="choose a directory you may write to"
        ) from failure


def _head(draft: Draft) -> str:
    return f"""\
# A network file: where the records are, and what is reported from them.
# Check it with `clinicnet check`, which says the command that reports the newest {draft.period}.

[network]
name = {_toml(draft.name)}
time_zone = {_toml(draft.time_zone)}  # an IANA name; dates and the schedule are in it
"""


def _assumed(draft: Draft) -> str:
    """What was taken for granted, as comments: nobody was asked."""
    return "".join(_comment(f"Assumed: {each.sentence}") for each in draft.assumptions)


def _comment(sentence: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(" ".join(sentence.split()), 100))


def _records(draft: Draft, names: dict[str, str]) -> str:
    login = ""
    if draft.password_env is not None:
        login = f"password_env = {_toml(draft.password_env)}  # the variable's name; never the password\n"
    elif "://" in draft.source:
        login = '# password_env = "DB_PASSWORD"  # an environment variable; never write a password here\n'
    weight = ""
    if draft.weight is not None:
        weight = f"weight = {_toml(names[draft.weight])}  # a row stands for so many identical records\n"
    within = 'patient_within = "clinic"  # numbers restart in each\n' if draft.patient_within else ""
    written = [*_contract_columns(draft), *_own_columns(draft, names)]
    commas = [","] * (len(written) - 1) + [""]
    listed = "\n".join(
        f"    {sql}{comma}{f'  -- {comment}' if comment else ''}"
        for (sql, comment), comma in zip(written, commas, strict=True)
    )
    told = {*draft.roles, "clinic", "date", *(["record"] if draft.rows_numbered else [])}
    absent = [] if draft.weight else [role for role in CONTRACT_COLUMNS if role not in told]
    note = f"# It could also return {', '.join(absent)} (see sql/contract.sql).\n" if absent else ""
    marked = "".join(_comment(f"TO DO: {each.sentence}") for each in draft.missing)
    select = f"SELECT\n{listed}\nFROM {draft.table}"
    return f"""\
[records]
# a DuckDB, Parquet or CSV file, or a database URL such as postgresql://reader@db/clinics
source = {_toml(draft.source)}
{login}{weight}{within}\
# The SELECT returns a row per record: clinic, date, each outcome, adjuster and program.
# Leave out what should not travel: names, addresses, free text.
{note}{marked}select = {_toml_lines(select)}
"""


def _contract_columns(draft: Draft) -> Iterator[tuple[str, str]]:
    """The contract's own columns, each with a comment if it needs one."""
    if "clinic" not in draft.roles:
        yield "NULL AS clinic", "TO DO: put the column that holds the clinic here"
    for role, column in draft.roles.items():
        sql, comment = draft.quoted[column], ""
        if role == "date":
            sql = date_sql(sql, draft.writing, draft.source)
        yield (sql if sql == role else f"{sql} AS {role}"), comment
    if draft.rows_numbered:
        numbered = f"{row_number_sql(draft.source)} AS record"
        yield numbered, "without days, equal rows of a patient are different records"
    if draft.date_parts:
        columns = [draft.quoted[each] for each in draft.date_parts]
        if draft.short_years:
            columns[0] = f"(1900 + {columns[0]})"
        yield f"{parts_sql(columns, draft.source)} AS date", ""
    elif draft.undated is not None:
        yield (
            f"{day_sql(draft.undated, draft.source)} AS date",
            "no column of dates was found: all records count as this month's; put the date's column here",
        )


def _own_columns(draft: Draft, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The columns of outcomes, adjusters, exposures, the program and the weight."""
    coded = {each.column for each in draft.outcomes} | {draft.program}
    for column, name in names.items():
        sql, coding = draft.quoted[column], draft.codings.get(column)
        if coding is not None and column in coded:
            yield f"{coding.sql(sql)} AS {name}", coding.comment
        else:
            yield (sql if sql == name else f"{sql} AS {name}"), ""


def _outcome(outcome: DraftOutcome, draft: Draft, names: dict[str, str]) -> str:
    name = names[outcome.column] if outcome.column is not None else "records"
    lines = [
        f"[outcomes.{name}]",
        f"label = {_toml(outcome.label)}",
        f'kind = "{outcome.kind}"  # continuous, binary (0/1) or count',
        f'direction = "{outcome.direction}"  # which is better: higher, lower or neither',
    ]
    if outcome.column is None:
        lines.append(f'per = "clinic-{draft.period}"  # counts the records of a clinic in a {draft.period}')
    else:
        lines += _of_column(outcome, draft, names)
    return "\n".join(lines) + "\n"


def _undrafted(draft: Draft) -> str:
    """The columns left out, as a comment of at most three lines."""
    if not draft.undrafted:
        return ""
    listed = ", ".join(" ".join(name.split()) for name in draft.undrafted)
    n = len(draft.undrafted)
    said = f"{n} more columns could be outcomes: {listed}" if n > 1 else f"{listed} could be an outcome too"
    return "".join(f"# {line}\n" for line in textwrap.wrap(said, 100, max_lines=3, placeholder=" …"))


def _of_column(outcome: DraftOutcome, draft: Draft, names: dict[str, str]) -> Iterator[str]:
    own = {outcome.column, outcome.exposure, draft.program}
    adjusters = [names[column] for column in draft.adjusters if column not in own]
    if outcome.exposure is not None:
        yield "# time at risk: rates are per unit of it; divided by 1000.0 in the SELECT, per 1,000"
        yield f"exposure = {_toml(names[outcome.exposure])}"
    elif outcome.kind == "count":
        yield '# exposure = "months_at_risk"  # a column with the time at risk, where records differ in it'
    if outcome.kind == "count":
        yield '# family = "negative-binomial"  # or "poisson"; if left out, the records choose'
    if outcome.kind == "continuous":
        yield '# unit = "mmHg"'
        yield '# scale = "log"  # for skewed positive values: analysed as logarithms, reported in the unit'
        yield "# minimum = 0  # values outside are impossible: blanked and counted"
    if adjusters:
        listed = ", ".join(_toml(adjuster) for adjuster in adjusters)
        yield f'adjusters = [{listed}]  # columns, or terms such as "ns(age, 3)"'
    else:
        yield '# adjusters = ["age", "sex"]  # columns, or terms such as "ns(age, 3)"'


def _limits(draft: Draft, names: dict[str, str]) -> str:
    adjusted = any(outcome.column is not None for outcome in draft.outcomes)
    used = [column for column in draft.limits if column in draft.adjusters and adjusted]
    parts = []
    for column in used:
        minimum, maximum = draft.limits[column]
        lines = [f"[limits.{names[column]}]  # values outside are impossible: blanked and counted"]
        lines += [f"minimum = {minimum:g}"] if minimum is not None else []
        lines += [f"maximum = {maximum:g}"] if maximum is not None else []
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _program(draft: Draft, names: dict[str, str]) -> str:
    if draft.program is None:
        return """\
# [program]  # what the network did, to have its effect estimated
# label = "Outreach"
# column = "outreach"  # 0/1; or, instead, the first period of each clinic, or a day:
# [program.starts]
# "North Clinic" = "2024-03"
"""
    return f"""\
[program]  # what the network did; its effect is estimated
label = {_toml(_words(draft.program))}
column = {_toml(names[draft.program])}  # 1: the record was under the program
"""


def _window(draft: Draft) -> str:
    length = WindowSection(period=draft.period).length
    if draft.undated is not None:
        length = 1
    elif len(draft.date_parts) == 1:  # years alone: every record is of its January
        length = 60
    return f"""\
[window]
period = "{draft.period}"  # what is reported: "month", "quarter" or "week" (Monday to Sunday, ISO 8601)
{draft.period}s = {length}  # an estimate uses so many, ending with the reported one
"""


_FOOT = """\
[policy]
small_numbers = "suppress-1-10"  # or nhs-7-round-5, suppress-1-4, none
minimum_denominator = 25  # clinics below it are shown as too uncertain to compare
minimum_count = 11

[output]
directory = "output"  # beside this file
"""


def _contract_names(draft: Draft) -> dict[str, str]:
    """Column of the table → its name in the SELECT's result: an identifier of its own."""
    wanted = [outcome.column for outcome in draft.outcomes if outcome.column is not None]
    wanted += [outcome.exposure for outcome in draft.outcomes if outcome.exposure is not None]
    wanted += [*draft.adjusters, *(each for each in (draft.program, draft.weight) if each is not None)]
    taken = {*CONTRACT_COLUMNS, *DERIVED_COLUMNS, "records"}
    names: dict[str, str] = {}
    for column in dict.fromkeys(wanted):
        name = base = identifier(column)
        number = 2
        while name in taken:
            name = f"{base}_value" if base in {*CONTRACT_COLUMNS, *DERIVED_COLUMNS} else f"{base}_{number}"
            base, number = name, number + 1
        taken.add(name)
        names[column] = name
    return names


def identifier(text: str) -> str:
    """A name for a column that the network file accepts.

    >>> identifier("Ct result (cycles)")
    'ct_result_cycles'
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return name if name and name[0].isalpha() else f"column_{name}".rstrip("_")


def _words(column: str) -> str:
    words = re.sub(r"[_\W]+", " ", column).strip()
    return words[:1].upper() + words[1:]


def _toml_lines(text: str) -> str:
    """Lines as TOML has them, nothing escaped unless they hold what would end them: a word such as Pa'."""
    if "'''" in text:
        return str(tomlkit.string(f"{text}\n", multiline=True).as_string())
    return f"'''\n{text}\n'''"


def _toml(value: str) -> str:
    return str(tomlkit.item(value).as_string())
