"""Clinics in order, with the uncertainty of the order, or the reason there is none."""

from tasks.models.clinics.verdict import Decision
from tasks.ranking.clinic_order import OutcomeRanks, rank_outcome

__all__ = ["Decision", "OutcomeRanks", "rank_outcome"]
