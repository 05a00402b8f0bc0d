"""Releases that are taken back: they stand, because who read them keeps them, and nothing leads to them.

A withdrawn release is still held against what comes later, since what it showed is known. `latest` leads to
the newest release that is not withdrawn, none is compared with one that is, and `releases.json` says why.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from tasks.errors import PublishingError
from tasks.publishing.kept import Kept, kept_releases
from tasks.publishing.output import Output
from tasks.publishing.write_errors import moving


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That a release is taken back.

    Attributes:
        because: why, for everybody to read.
        by: who took it back.
        when: by ISO 8601.
    """

    because: str
    by: str
    when: str


def withdrawals(output: Output) -> dict[str, Withdrawal]:
    """Release → its withdrawal.

    Raises:
        PublishingError: one cannot be read.
    """
    found: dict[str, Withdrawal] = {}
    for name in sorted(output.withdrawn()):
        file = output.withdrawal(name)
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            found[name] = Withdrawal(str(said["because"]), str(said["by"]), str(said["when"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PublishingError(
                f"{file} does not say why a release is withdrawn",
                hint="withdraw it again: clinicnet withdraw",
            ) from error
    return found


def withdraw(output: Output, release: Kept, by: str, because: str) -> Kept | None:
    """Take a release back, and return what `latest` leads to; None where nothing is left.

    Raises:
        PublishingError: the output directory cannot be written; the release stays as it is.
    """
    said = Withdrawal(because, by, datetime.now(UTC).isoformat(timespec="seconds"))
    with moving(output.directory):
        output.withdrawal(release.name).parent.mkdir(exist_ok=True)
        aside = output.withdrawal(release.name).with_suffix(".tmp")
        aside.write_text(json.dumps(asdict(said), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        aside.replace(output.withdrawal(release.name))
    return _lead_to_the_newest(output)


def restore(output: Output, release: Kept) -> Kept | None:
    """Let a withdrawn release stand as before, and return what `latest` leads to.

    Raises:
        PublishingError: the output directory cannot be written.
    """
    with moving(output.directory):
        output.withdrawal(release.name).unlink()
    return _lead_to_the_newest(output)


def _lead_to_the_newest(output: Output) -> Kept | None:
    gone = output.withdrawn()
    there = [each for each in kept_releases(output) if each.name not in gone]
    newest = max(there, key=lambda each: (each.period, each.last_published), default=None)
    output.lead_to(None if newest is None else newest.directory)
    return newest
