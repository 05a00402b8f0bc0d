"""Whether a period's records are all there, as the network file's `[schedule.complete]` asks."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.network.schema import Network
from tasks.periods import Period
from tasks.records import Records
from tasks.records.questions.completeness import records_in, says_complete


@dataclass(frozen=True, slots=True)
class Completeness:
    """What was found of a period's records.

    Attributes:
        by_select: whether the network's own SELECT says that they are complete; true where there is none.
        by_share: whether there are enough beside the period before; true where nothing is asked of that.
    """

    by_select: bool = True
    by_share: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether nothing speaks against it."""
        return self.by_select and self.by_share


def completeness(records: Records, network: Network, period: str) -> Completeness:
    """Whether the records of `period` are complete, as far as the network file can tell.

    A period without any record is not, whatever the period before has.

    Raises:
        SourceError: the records or the network's SELECT cannot be used.
        SourceUnreachableError: the records' database does not answer.
    """
    asked, this = network.schedule.complete, Period.of_label(period)
    by_select = asked.select is None or says_complete(records, asked.select, this)
    if asked.share_of_last is None:
        return Completeness(by_select)
    weight = network.records.weight
    with records.held():
        now, before = (records_in(records, each, weight) for each in (this, this + -1))
    return Completeness(by_select, now > 0 and now >= asked.share_of_last * before)
