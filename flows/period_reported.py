"""What a run of the monthly job leaves behind, for whoever tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.release import Release


@dataclass(frozen=True, slots=True)
class PeriodReported:
    """What a run leaves behind.

    Attributes:
        release: the tables that were published, small numbers withheld.
        directory: the release's own directory.
        latest: the link that leads to the newest release of the last period.
        is_latest: whether that is this one.
        unchanged: whether the very same files had been published before.
        record: the run's record.
        not_estimated: outcome → why it, or a part of it, could not be estimated.
        held: why the release waits for a person, and is not current; empty where it is.
        withdrawn: whether the records gave a release once more that was taken back.
    """

    release: Release
    directory: Path
    latest: Path
    is_latest: bool
    unchanged: bool
    record: Path
    not_estimated: Mapping[str, str]
    held: tuple[str, ...] = ()
    withdrawn: bool = False
