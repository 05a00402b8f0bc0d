"""Which releases may go, by a rule of retention, and taking them out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tasks.periods import Period
from tasks.publishing.earlier import within_reach
from tasks.publishing.kept import Kept
from tasks.publishing.output import Output
from tasks.publishing.pruned import note_pruned
from tasks.publishing.write_errors import moving

_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Retention:
    """A rule of which releases to keep. A release that either number keeps stays.

    Attributes:
        periods: so many of the last periods that were reported.
        months: of periods that ended at most so many months before the last one did.
    """

    periods: int | None = None
    months: int | None = None

    def keeps(self, period: str, reported: Sequence[str]) -> bool:
        """Whether the releases of a period stay.

        Args:
            period: its label.
            reported: all that were reported, in order.
        """
        by_periods = self.periods is not None and period in reported[-self.periods :]
        if self.months is None:
            return by_periods
        last, this = (Period.of_label(each).last_day for each in (reported[-1], period))
        age = (last.year - this.year) * _MONTHS + last.month - this.month
        return by_periods or age <= self.months


def why_kept(
    kept: Sequence[Kept], rule: Retention, window: Callable[[str], Sequence[str]]
) -> Mapping[str, str | None]:
    """Release → why it stays; None where it may go.

    What stays whatever the rule says: the latest release; every release of the last period; and every one
    that the next period's, or the last one's once more, is held against, since it shares periods with that
    or with one that does.

    Args:
        kept: the releases that stand.
        rule: of retention.
        window: the periods that a period's estimates use.
    """
    if not kept:
        return {}
    reported = sorted({each.period for each in kept})
    last = Period.of_label(reported[-1])
    windows = [each.window for each in kept]
    needed = [False] * len(kept)
    for period in (last, last + 1):
        first, *_, end = (*window(str(period)), str(period))
        reached = within_reach(windows, (first, end))
        needed = [one or other for one, other in zip(needed, reached, strict=True)]
    found: dict[str, str | None] = {}
    for each, is_needed in zip(kept, needed, strict=True):
        if each.is_latest or each.period == reported[-1]:
            found[each.name] = "the latest"
        elif rule.keeps(each.period, reported):
            found[each.name] = "kept by the rule"
        else:
            found[each.name] = "shares periods with releases to come" if is_needed else None
    return found


def prune(output: Output, releases: Sequence[Kept]) -> None:
    """Take releases out: each leaves by one rename, after it was written down that it goes.

    Whatever ends this leaves whole releases; a run, or the same again, clears what is left of the others.

    Raises:
        PublishingError: the output directory cannot be written.
    """
    with output.staging() as aside, moving(output.directory), output.locked():
        for each in releases:
            note_pruned(output, each.name, each.window)
            each.directory.rename(aside.path / each.name)
            output.withdrawal(each.name).unlink(missing_ok=True)
            shutil.rmtree(output.directory / "deliveries" / each.name, ignore_errors=True)
