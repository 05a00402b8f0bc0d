"""Handing a clinic its report: by mail, as Apprise writes addresses, or into a folder that fsspec knows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from tasks.notifying.notices import Notice
from tasks.notifying.sending import NotifyError, filled, service_of

if TYPE_CHECKING:
    from apprise import NotifyBase
    from fsspec import AbstractFileSystem

_MAIL = ("mailto", "mailtos")
_READ_ONLY = ("http", "https", "data", "github", "gist", "zip", "tar")


@dataclass(frozen=True, slots=True)
class Post:
    """Where one clinic's report goes.

    Attributes:
        clinic: its name.
        address: as the network file writes it: Apprise's, fsspec's, or a path.
        start: where a relative path starts.
    """

    clinic: str
    address: str
    start: Path

    @property
    def shown(self) -> str:
        """The address as people are told of it, without what may be a secret."""
        scheme, is_url, rest = self.address.partition("://")
        if self.address.startswith("${"):
            return "an address from a variable"
        if not is_url:
            return f"the folder {self.start / self.address}"
        to = parse_qs(rest.partition("?")[2]).get("to", [])
        way = "mail" if scheme in _MAIL else scheme
        return f"{way} to {', '.join(to)}" if to and not any("${" in each for each in to) else way

    def require_usable(self) -> None:
        """See that the address is one that can take a report, as far as it shows before it is handed over.

        Raises:
            NotifyError: it is not.
        """
        address = self._filled()
        if _is_folder(address):
            self._folder(address)
        else:
            self._mail()

    def hand_over(self, letter: Notice, report: Path, name: str) -> bool:
        """Give the clinic its report with a letter; False where the address does not take them.

        In a folder the report appears whole, by a rename, and after the letter.

        Args:
            letter: what is written to the clinic.
            report: its PDF.
            name: what the files are called, without their endings.
        """
        try:
            address = self._filled()
            if _is_folder(address):
                self._put(address, letter, report, name)
                return True
            return self._send(letter, report, name)
        except Exception:  # noqa: BLE001  # a hundred services' libraries: none may end the others' delivery
            return False

    @property
    def _place(self) -> str:
        return f"[delivery] the address of {self.clinic!r}"

    def _filled(self) -> str:
        return filled(self.address, self._place)

    def _mail(self) -> NotifyBase:
        service = service_of(self.address, self._place)
        if not service.attachment_support:
            raise NotifyError(
                f"{self._place} takes no files",
                hint="write a mailto:// address, or a folder",
            )
        return service

    def _send(self, letter: Notice, report: Path, name: str) -> bool:
        from apprise import Apprise, AppriseAttachment, NotifyFormat, NotifyType
        from apprise.attachment.file import AttachFile

        attached = AppriseAttachment()
        pdf = AttachFile(  # type: ignore[no-untyped-call]
            str(report.resolve()), name=f"{name}.pdf", mimetype="application/pdf"
        )
        attached.add(pdf)
        return bool(
            Apprise(self._mail()).notify(
                body=letter.body,
                title=letter.title,
                notify_type=NotifyType.INFO,
                body_format=NotifyFormat.TEXT,
                attach=attached,
            )
        )

    def _folder(self, address: str) -> tuple[AbstractFileSystem, str]:
        import fsspec

        logging.getLogger("fsspec").setLevel(logging.CRITICAL + 1)  # it would print addresses
        where = address if "://" in address else str(self.start / address)
        try:
            system, path = fsspec.core.url_to_fs(where)
        except Exception:  # noqa: BLE001  # whatever a file system's library says may quote the address
            raise NotifyError(
                f"{self._place} cannot be opened as a folder",
                hint="look whether it is written as fsspec has it, and its library is installed",
            ) from None
        return system, str(path)

    def _put(self, address: str, letter: Notice, report: Path, name: str) -> None:
        system, path = self._folder(address)
        system.makedirs(path, exist_ok=True)
        files = {"txt": f"{letter.title}\n\n{letter.body}\n".encode(), "pdf": report.read_bytes()}
        for ending, content in files.items():
            whole = str(PurePosixPath(path) / f"{name}.{ending}")
            aside = str(PurePosixPath(path) / f".{name}.{ending}.part")
            system.pipe_file(aside, content)
            system.mv(aside, whole)


def _is_folder(address: str) -> bool:
    import fsspec

    scheme, is_url, _ = address.partition("://")
    return not is_url or (scheme in fsspec.available_protocols() and scheme not in _READ_ONLY)
