"""That releases were taken out of the output directory: their windows stay known, and nothing else of them.

Who read such a release keeps it. A release that shares periods with it can no longer be held against it, and
is refused; so what may go is what none to come shares periods with (`tasks.publishing.pruning`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from tasks.errors import PublishingError
from tasks.publishing.output import Output


@dataclass(frozen=True, slots=True)
class Pruned:
    """A release that was taken out.

    Attributes:
        name: of its directory.
        window: first and last period its estimates used.
        when: by ISO 8601.
    """

    name: str
    window: tuple[str, str]
    when: str

    @property
    def period(self) -> str:
        """The label of the period it reported."""
        return self.window[1]


def pruned_releases(output: Output) -> list[Pruned]:
    """The releases that were taken out, by name.

    Raises:
        PublishingError: what is known of one cannot be read.
    """
    found: list[Pruned] = []
    for file in sorted((output.directory / "pruned").glob("*.json")):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            first, last = said["window"]
            found.append(Pruned(file.stem, (str(first), str(last)), str(said["when"])))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PublishingError(
                f"{file} does not say which periods a pruned release was of",
                hint="restore it from a copy: what a new release gives away beside that one depends on it",
            ) from error
    return found


def note_pruned(output: Output, name: str, window: tuple[str, str]) -> None:
    """Write down that a release goes, before it does.

    Raises:
        OSError: it cannot be written.
    """
    place = output.directory / "pruned"
    place.mkdir(exist_ok=True)
    said = Pruned(name, window, datetime.now(UTC).isoformat(timespec="seconds"))
    aside = place / f".{name}.tmp"
    aside.write_text(json.dumps(asdict(said), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    aside.replace(place / f"{name}.json")


def refuse_beside(gone: Sequence[Pruned], period: str) -> None:
    """Refuse a release of `period` that would have to be held against releases that are gone.

    Raises:
        PublishingError: there are such.
    """
    if not gone:
        return
    names = ", ".join(each.name for each in gone[:3]) + (" …" if len(gone) > 3 else "")
    raise PublishingError(
        f"{period} cannot be reported: it shares periods with releases that were pruned ({names}), and what "
        "they show might tell what it withholds",
        hint="put them back into releases from a copy and take their files out of pruned; later periods, and "
        "windows no longer than before, are not concerned",
    )
