"""Handing a notice to an address, as Apprise writes them: mailto://, slack://, json:// and a hundred more."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import environment
from tasks.errors import ClinicnetError
from tasks.notifying.notices import Notice

if TYPE_CHECKING:
    from apprise import NotifyBase


class NotifyError(ClinicnetError):
    """An address under `[notify]` or `[delivery]` cannot be used."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a network file, with `${NAME}` for environment variables; never printed."""

    urls: Sequence[str]

    def shown(self, url: str) -> str:
        """An address as people are told of it, without what may be a secret: "address 2 (slack)"."""
        scheme = url.partition("://")[0] if "://" in url else "from a variable"
        return f"address {self.urls.index(url) + 1} ({scheme})"

    def problems(self) -> Iterator[NotifyError]:
        """What is wrong with them, as far as it shows before anything is sent."""
        for url in self.urls:
            try:
                self._service(url)
            except NotifyError as error:
                yield error

    def send(self, notice: Notice, url: str) -> bool:
        """Hand a notice to an address; False where it cannot be used, or does not take it."""
        from apprise import Apprise, NotifyFormat, NotifyType

        kinds = {
            "released": NotifyType.SUCCESS,
            "failed": NotifyType.FAILURE,
            "held": NotifyType.WARNING,
            "missed": NotifyType.WARNING,
            "letter": NotifyType.INFO,
        }
        try:
            service = Apprise(self._service(url))
            return bool(
                service.notify(
                    body=notice.body,
                    title=notice.title,
                    notify_type=kinds[notice.event],
                    body_format=NotifyFormat.TEXT,
                )
            )
        except Exception:  # noqa: BLE001  # a hundred services' libraries: none may end a run
            return False

    def _service(self, url: str) -> NotifyBase:
        return service_of(url, f"[notify] urls: {self.shown(url)}")


def service_of(url: str, place: str) -> NotifyBase:
    """Apprise's service for an address.

    Args:
        url: as the network file writes it.
        place: the address as it may be told.

    Raises:
        NotifyError: it names a variable that is not set, or nothing that Apprise can send to.
    """
    from apprise import Apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would print addresses
    service = Apprise.instantiate(filled(url, place))
    if service is None:
        raise NotifyError(
            f"{place} is none that can be sent to",
            hint="write it as https://github.com/caronc/apprise says: mailto://, slack://, json:// …",
        )
    return service


def filled(url: str, place: str) -> str:
    """An address with the environment's values in it.

    Raises:
        NotifyError: it names a variable that is not set.
    """

    def value(name: str) -> str:
        if not os.environ.get(name):
            raise NotifyError(
                f"{place} names the variable {name}, which is not set",
                hint=f"set {name}, or take the address out",
            )
        return os.environ[name]

    return environment.filled(url, value)
