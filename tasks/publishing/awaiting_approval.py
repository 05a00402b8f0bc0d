"""Releases that are prepared and wait for a person: held aside, with everything to look at.

A held release stands in `held/`, whole, beside a file that says why. Nobody who reads `latest`, `releases` or
`releases.json` sees it, and no later release is held against it. What it withholds was decided beside the
releases that stood then: once others have come it cannot become current, and is made anew by its run.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tasks.errors import PublishingError
from tasks.publishing.output import Output, Published, Staging
from tasks.publishing.write_errors import moving


@dataclass(frozen=True, slots=True)
class HeldRelease:
    """A release that waits.

    Attributes:
        name: of its directory.
        directory: where it stands.
        reasons: why it waits, each a sentence without its full stop.
        since: when it was prepared first.
        beside: the releases that stood then, which it was held against.
    """

    name: str
    directory: Path
    reasons: tuple[str, ...]
    since: datetime
    beside: tuple[str, ...]

    @property
    def period(self) -> str:
        """The label of the period it reports."""
        return self.name.rpartition("-")[0]


def hold(
    output: Output, staging: Staging, name: str, reasons: Sequence[str], beside: Sequence[str]
) -> HeldRelease:
    """Set what was prepared in `staging` aside; what was held of the same period before goes.

    Args:
        output: where it would be published.
        staging: what was prepared.
        name: the release's.
        reasons: why it waits.
        beside: the releases that stood when it was decided what to withhold.

    Raises:
        PublishingError: the output directory cannot be written.
    """
    before = {each.name: each for each in held_releases(output)}
    since = before[name].since if name in before else datetime.now(UTC).replace(microsecond=0)
    with moving(output.directory), output.locked():
        place = _place(output)
        place.mkdir(exist_ok=True)
        held = HeldRelease(name, place / name, tuple(reasons), since, tuple(beside))
        for each in before.values():
            if each.period == held.period:
                _remove(each)
        said = {"reasons": held.reasons, "since": since.isoformat(), "beside": held.beside}
        # what says why comes last: without it nothing is held, and a kill before leaves nothing to decide
        staging.path.rename(held.directory)
        aside = _said(held).with_suffix(".tmp")
        aside.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        aside.replace(_said(held))
    return held


def held_releases(output: Output) -> list[HeldRelease]:
    """The releases that wait, by period.

    Raises:
        PublishingError: what says why one of them waits cannot be read.
    """
    found: list[HeldRelease] = []
    for file in sorted(_place(output).glob("*.json")):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            found.append(
                HeldRelease(
                    file.stem,
                    file.with_suffix(""),
                    tuple(map(str, said["reasons"])),
                    datetime.fromisoformat(said["since"]),
                    tuple(map(str, said["beside"])),
                )
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PublishingError(
                f"{file} does not say why a release is held",
                hint="remove it and the directory beside it, and run the period again",
            ) from error
    return [each for each in found if each.directory.is_dir()]


def held_release(output: Output, name: str | None = None) -> HeldRelease:
    """The release that waits and is meant.

    Args:
        output: where it would be published.
        name: the release's, or what it begins with; None: the one that there is.

    Raises:
        PublishingError: there is none, or there are several.
    """
    there = held_releases(output)
    fitting = [each for each in there if name is None or each.name.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    called = "" if name is None else f" called {name}"
    which = f"no release{called} is held" if not fitting else f"{len(fitting)} releases{called} are held"
    raise PublishingError(
        f"{which} in {output.directory}",
        hint=f"held are: {', '.join(each.name for each in there)}"
        if there
        else "clinicnet releases lists them",
    )


def approve(output: Output, held: HeldRelease) -> Published:
    """Make a held release current.

    Raises:
        PublishingError: others were published since, which it was not held against, or the output directory
            cannot be written; it stays held.
    """
    published = output.publish(Staging(held.directory), held.name, held.beside)
    _said(held).unlink(missing_ok=True)
    return published


def refuse(held: HeldRelease) -> None:
    """Take a held release away."""
    with moving(held.directory.parent):
        _remove(held)


def _remove(held: HeldRelease) -> None:
    _said(held).unlink(missing_ok=True)
    shutil.rmtree(held.directory, ignore_errors=True)


def _place(output: Output) -> Path:
    return output.directory / "held"


def _said(held: HeldRelease) -> Path:
    return held.directory.with_name(f"{held.name}.json")
