"""Every estimate of one outcome, from its moments and cells."""

from tasks.estimating.one_outcome import OutcomeEstimates, estimate_outcome
from tasks.estimating.summary import Summary, summarise

__all__ = ["OutcomeEstimates", "Summary", "estimate_outcome", "summarise"]
