"""What a month's run would stumble over although nothing is wrong with the network file or its records."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flows.published_output import output_of
from tasks.errors import ClinicnetError

if TYPE_CHECKING:
    from tasks.network.schema import Network


class NotReadyError(ClinicnetError):
    """The machine is not ready for a run: each reason with its way out."""


def require_ready_machine(network: Network) -> None:
    """See that releases can be written and read, all that they go to reached, and that Prefect has a home.

    Raises:
        ClinicnetError: a run would fail; every reason is named.
    """
    from flows.delivering import posts
    from flows.mirroring import problems
    from flows.on_prefect.prefect_settings import require_home
    from flows.warehouse_filling import require_answering
    from tasks.notifying import Addresses
    from tasks.publishing import require_ready

    output = output_of(network)
    looks: tuple[Callable[[], object], ...] = (lambda: require_ready(output), require_home)
    found = [error for error in map(_error_of, looks) if error is not None]
    found += filter(None, [_error_of(lambda: require_answering(network))])
    found += problems(network)
    found += Addresses(network.notify.urls).problems()
    found += filter(None, (_error_of(post.require_usable) for post in posts(network)))
    if len(found) == 1:
        raise found[0]
    if found:
        raise NotReadyError("a run would fail:\n" + "\n".join(f"  {_in_a_line(each)}" for each in found))


def _error_of(look: Callable[[], object]) -> ClinicnetError | None:
    try:
        look()
    except ClinicnetError as error:
        return error
    return None


def _in_a_line(error: ClinicnetError) -> str:
    return error.message if error.hint is None else f"{error.message}; {error.hint}"
