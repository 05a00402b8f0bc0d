"""One disclosure policy, applied once, before anything is rendered or published."""

from tasks.disclosing.disclose import disclose
from tasks.disclosing.policy import POLICIES, SmallNumberPolicy

__all__ = ["POLICIES", "SmallNumberPolicy", "disclose"]
