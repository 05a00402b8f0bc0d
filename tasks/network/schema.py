"""The network file's schema: what may be said about a network, and what each key means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkSection(_Section):
    """`[network]`: who is reporting."""

    name: str = Field(min_length=1, description="the network's name, as it stands on the report")
    language: str = Field("en", description="language tag of the report")
    time_zone: str = Field("UTC", description="time zone of the schedule and of months")


class RecordsSection(_Section):
    """`[records]`: where the records are and the SELECT that brings them to the contract.

    The SELECT returns one row per record with columns `clinic` and `date`, optionally `region` and
    `patient`, and every column that outcomes, adjusters and the program name.
    """

    source: str = Field(
        description="a DuckDB file, a Parquet or CSV file (or glob), or a SQLAlchemy URL; "
        "${NAME} stands for an environment variable, never write a secret here"
    )
    select: str | None = Field(None, description="SELECT that returns the records in the contract's columns")
    select_file: str | None = Field(None, description="file with that SELECT, beside the network file")
    password_env: str | None = Field(None, description="environment variable holding the database password")
    password_block: str | None = Field(None, description="Prefect Secret block holding the database password")


class ColumnLimits(_Section):
    """Declared limits of a column; a value outside is set aside and counted."""

    minimum: float | None = None
    maximum: float | None = None


class OutcomeSection(_Section):
    """`[outcomes.NAME]`: one outcome."""

    label: str = Field(description="as people read it")
    kind: Literal["continuous", "binary", "count"]
    column: Identifier | None = Field(None, description="column of the SELECT; the outcome's own name if left out")
    unit: str = Field("", description="unit of its values; % for binary outcomes if left out")
    direction: Literal["higher", "lower", "neither"] = Field(description="which is better")
    scale: Literal["identity", "log"] = Field("identity", description="log: analysed as logarithms, reported back")
    adjusters: tuple[str, ...] = Field((), description="columns, or formula terms of them, to adjust for")
    per: Literal["record", "clinic-month"] = Field(
        "record", description="clinic-month: the outcome is the number of records of a clinic in a month"
    )
    exposure: Identifier | None = Field(None, description="count outcomes: column with the exposure time")
    minimum: float | None = Field(None, description="a smaller value is impossible: blanked and counted")
    maximum: float | None = Field(None, description="a larger value is impossible: blanked and counted")
    patient_slopes: bool = Field(
        False, description="repeated measurements: random intercept and slope on months for each patient"
    )


class ProgramSection(_Section):
    """`[program]`: what the network did, and when each clinic started."""

    label: str
    column: Identifier | None = Field(None, description="0/1 column: this record was under the program")
    starts: dict[str, Month] | None = Field(None, description="clinic → first month under the program")


class WindowSection(_Section):
    """`[window]`: the months an estimate uses, ending with the reported month."""

    months: int = Field(12, ge=1, le=600)


class PolicySection(_Section):
    """`[policy]`: small numbers and comparisons."""

    small_numbers: Literal["suppress-1-10", "nhs-7-round-5", "suppress-1-4", "none"] = "suppress-1-10"
    minimum_denominator: int = Field(25, ge=1, description="smallest denominator that is compared")
    minimum_count: int = Field(11, ge=0, description="smallest count that is compared")
    minimum_reliability: float = Field(0.7, ge=0, le=1)


class OutputSection(_Section):
    """`[output]`: where reports, feed and the run's record go, beside the network file."""

    directory: str = "output"


class Network(_Section):
    """A network file, whole. `directory` is where the file is; relative paths start there."""

    network: NetworkSection
    records: RecordsSection
    outcomes: dict[Identifier, OutcomeSection] = Field(min_length=1)
    limits: dict[Identifier, ColumnLimits] = Field(default_factory=dict)
    program: ProgramSection | None = None
    window: WindowSection = WindowSection()
    policy: PolicySection = PolicySection()
    output: OutputSection = OutputSection()
    directory: Path = Field(default=Path(), exclude=True)


def slug(name: str) -> str:
    """A clinic's or network's name for file names: lower case, digits and hyphens.

    >>> slug("Inpatient Ward A")
    'inpatient-ward-a'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
