"""Notices that are kept until they have arrived: each event is told once to each address.

    output/notices/released-2024-05-3fa9c1d2e801.json    a notice, and when which address got it

A notice is written down before it is sent, and each address that took it is noted at once, so that whatever
ends the process the rest is sent later and nothing twice. (A kill in the milliseconds between an address's
taking it and the note would send it to that one again.) Two processes take turns.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tasks.notifying.notices import Notice

Send = Callable[[Notice, str], bool]
"""Hands a notice to an address, and says whether it took it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that has not reached every address yet.

    Attributes:
        notice: what is told.
        addresses: those that it has not reached, as the network file writes them.
    """

    notice: Notice
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outbox:
    """The notices of a network.

    Attributes:
        directory: where they are kept; made when there is something to tell.
    """

    directory: Path

    def knows(self, notice: Notice) -> bool:
        """Whether the event was written down before."""
        return self._file(notice).exists()

    def put(self, notice: Notice, addresses: Sequence[str]) -> None:
        """Write a notice down for these addresses; one that is known is left as it is.

        Raises:
            OSError: it cannot be written.
        """
        if not addresses:
            return
        with self._locked():
            if not self.knows(notice):
                self._write(notice, {_name(each): None for each in addresses})

    def readdress(self, notice: Notice, address: str) -> None:
        """Send a notice that nobody has got yet to another address than it was meant for.

        Raises:
            OSError: it cannot be written.
        """
        with self._locked():
            sent = self.sent(notice)
            if sent is not None and not any(sent.values()) and list(sent) != [_name(address)]:
                self._write(notice, {_name(address): None})

    def sent(self, notice: Notice) -> Mapping[str, str | None] | None:
        """What stands for each address → when it took the notice; None where it is not written down."""
        if not self.knows(notice):
            return None
        said: dict[str, str | None] = json.loads(self._file(notice).read_text(encoding="utf-8"))["sent"]
        return said

    def waiting(self, addresses: Sequence[str]) -> list[Waiting]:
        """The notices that have not reached every address they are meant for, the oldest first.

        Args:
            addresses: those of the network file; one that was taken out of it gets nothing any more.
        """
        names = {_name(each): each for each in addresses}
        found: list[tuple[str, Waiting]] = []
        for file in self.directory.glob("*.json"):
            said = json.loads(file.read_text(encoding="utf-8"))
            left = tuple(names[each] for each, at in said["sent"].items() if at is None and each in names)
            if left:
                found.append((said["made"], Waiting(Notice(**said["notice"]), left)))
        return [each for _, each in sorted(found, key=lambda each: (each[0], each[1].notice.key))]

    def deliver(self, addresses: Sequence[str], send: Send) -> list[Waiting]:
        """Send what is waiting, and return what still is.

        Raises:
            OSError: what was sent cannot be noted.
        """
        if not self.waiting(addresses):
            return []
        with self._locked():
            for each in self.waiting(addresses):
                for address in each.addresses:
                    if send(each.notice, address):
                        self._note(each.notice, address)
            return self.waiting(addresses)

    def _note(self, notice: Notice, address: str) -> None:
        said = json.loads(self._file(notice).read_text(encoding="utf-8"))
        self._write(notice, {**said["sent"], _name(address): _now()}, said["made"])

    def _write(self, notice: Notice, sent: Mapping[str, str | None], made: str | None = None) -> None:
        content = {"made": made or _now(), "notice": asdict(notice), "sent": sent}
        fresh = self._file(notice).with_suffix(f".{os.getpid()}.tmp")
        try:
            fresh.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            fresh.replace(self._file(notice))
        except OSError:
            fresh.unlink(missing_ok=True)
            raise

    def _file(self, notice: Notice) -> Path:
        return self.directory / f"{notice.key}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.directory / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in self.directory.glob("*.tmp"):  # by a process that was killed while it wrote
                left.unlink()
            yield
        finally:
            os.close(lock)


def _name(address: str) -> str:
    """Stands for an address, which may hold a secret."""
    return hashlib.sha256(address.encode()).hexdigest()[:12]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
