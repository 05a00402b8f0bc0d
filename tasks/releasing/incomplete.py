"""Why a period's records are known not to be all there, in the network's language."""

from __future__ import annotations

from reports.wording import say
from reports.wording.writing import percent, period_name
from tasks.network.schema import Network
from tasks.periods import Period
from tasks.screening import Completeness


def why_incomplete(network: Network, period: str, found: Completeness | None) -> str | None:
    """What speaks against it, without a full stop or a number of records; None where nothing does."""
    if found is None or found.is_complete:
        return None
    reasons: list[str] = []
    share = network.schedule.complete.share_of_last
    with network.speaking():
        name = period_name(period)
        if not found.by_select:
            reasons.append(say("incomplete.select", reported=name))
        if not found.by_share and share is not None:
            before = period_name(str(Period.of_label(period) + -1))
            reasons.append(
                say("incomplete.share", reported=name, share=percent(100.0 * share, 0), before=before)
            )
    return "; ".join(reasons)
