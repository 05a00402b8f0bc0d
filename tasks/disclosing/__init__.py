"""One disclosure policy, applied once, before anything is rendered or published."""

from tasks.disclosing.companion_draw import Draw
from tasks.disclosing.deciding import decide
from tasks.disclosing.masking import mask
from tasks.disclosing.people import People
from tasks.disclosing.policy import POLICIES, SmallNumberPolicy
from tasks.disclosing.published_account import Account, ContradictionError, CountRange, account
from tasks.disclosing.related import Related
from tasks.disclosing.withheld_groups import GroupCounts
from tasks.disclosing.withholding import Withholding

__all__ = [
    "POLICIES",
    "Account",
    "ContradictionError",
    "CountRange",
    "Draw",
    "GroupCounts",
    "People",
    "Related",
    "SmallNumberPolicy",
    "Withholding",
    "account",
    "decide",
    "mask",
]
