"""What commands ask for on the line: choices, arguments and options that several share, and an exit code."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.running.json_log import LOG


class Demo(StrEnum):
    """The networks that come with the program."""

    chop = "chop"
    state48 = "state48"


class Model(StrEnum):
    """Models that a question can be put to."""

    auto = "auto"
    lmm = "lmm"
    glmm = "glmm"
    gee = "gee"
    within = "within"


class Log(StrEnum):
    """How what goes to stderr is written."""

    text = "text"
    json = "json"


class Correlation(StrEnum):
    """Working correlations of GEE."""

    independence = "independence"
    exchangeable = "exchangeable"
    nested_exchangeable = "nested-exchangeable"


NetworkFile = Annotated[Path, typer.Argument(help="The network file (network.toml).")]
NetworkOption = Annotated[Path, typer.Option("--network", "-n", help="The network file (network.toml).")]
LABELS = "2024-05, or 2024-Q2 or 2024-W05 where the network reports by quarter or week"
PeriodOption = Annotated[str, typer.Option("--month", "--period", "-m", help=f"What to report: {LABELS}.")]
CronOption = Annotated[
    str | None,
    typer.Option(
        help='Cron expression, in the network\'s time zone: "0 6 3 * *" = the 3rd of the month, 6:00. '
        "If omitted, as [schedule] cron says, or 6:00 on the third day after the month, quarter or week."
    ),
]
LogOption = Annotated[
    Log, typer.Option("--log", envvar=LOG, help="json: what goes to stderr is one JSON object a line.")
]

HeldName = Annotated[
    str | None,
    typer.Argument(help="The release, or what its name begins with; the one that is held if omitted."),
]
ByOption = Annotated[str, typer.Option(help="Who decides.")]
ReleaseName = Annotated[str, typer.Argument(help="The release, or what its name begins with.")]
HERE = "127.0.0.1"
"""Where commands that serve listen, unless told otherwise: nobody but this machine reaches it."""
HostOption = Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes a free one.")]
TO_LOOK_AT = 3
"""Exit code of `status` where a report was due and is missed, and of `rebuild` where something differs."""
