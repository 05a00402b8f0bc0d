"""Every estimate of one outcome, from its moments and cells."""

from tasks.estimating.grouped_records import GroupedRecords
from tasks.estimating.one_outcome import OutcomeEstimates, estimate_outcome
from tasks.estimating.summary import Summary, summarise

__all__ = ["GroupedRecords", "OutcomeEstimates", "Summary", "estimate_outcome", "summarise"]
