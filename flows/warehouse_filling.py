"""Filling the network's own database with what is published: after each publishing, and by itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tasks.environment import filled
from tasks.errors import ClinicnetError, NetworkError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from tasks.network.schema import Network
    from tasks.publishing import Output
    from tasks.publishing.warehouse import Filled


def fill(network: Network, output: Output) -> Filled:
    """Bring the network's database to what stands in its output directory.

    Raises:
        ClinicnetError: there is no [warehouse], or the database cannot be filled; says why.
    """
    from tasks.publishing.warehouse import fill_warehouse

    return fill_warehouse(output, address(network), network.warehouse.schema_name)


def fill_if_declared(network: Network, output: Output) -> str | None:
    """What was done, in a few words; None where the network has no database of its own.

    What is published is published: a database that is away does not take that back, and is said.
    """
    if network.warehouse.url is None:
        return None
    try:
        filled = fill(network, output)
    except ClinicnetError as problem:
        return f"not filled: {problem.message}"
    return f"{filled.standing} releases, {filled.added} of them new"


def require_answering(network: Network) -> None:
    """See that the network's database answers, where it has one.

    Raises:
        ClinicnetError: it does not; says why.
    """
    if network.warehouse.url is not None:
        from tasks.publishing.warehouse import require_answer

        require_answer(address(network))


def address(network: Network) -> URL:
    """The database's URL with its password.

    Raises:
        NetworkError: the network file names no database, or a variable that is not set.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    section = network.warehouse
    if section.url is None:
        raise NetworkError(
            "the network file has no [warehouse] to fill",
            hint='add one: url = "postgresql+psycopg://clinicnet@db/reports", and password_env',
        )
    try:
        url = make_url(filled(section.url, _value))
    except ArgumentError:
        raise NetworkError(
            "[warehouse] url cannot be read as a database's",
            hint="write it as postgresql+psycopg://user@host/database",
        ) from None
    return url if section.password_env is None else url.set(password=_value(section.password_env))


def _value(name: str) -> str:
    if name not in os.environ:
        raise NetworkError(
            f"[warehouse] needs the environment variable {name}, which is not set",
            hint=f"set {name} where the report runs",
        )
    return os.environ[name]
