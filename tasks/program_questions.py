"""The questions about a program's effect: the names that tables give them, and the words people ask in.

The order is that of reports: the effects first, the plain comparison last.
"""

from __future__ import annotations

from typing import Literal

SIGNIFICANT = 0.05
"""Below this p-value a test about the months since the start is said to have found something."""

EffectQuestion = Literal["policy", "patient", "these_clinics", "none"]

QUESTIONS: dict[EffectQuestion, str] = {
    "policy": "What would change over the whole population of patients?",
    "patient": "What would change for a patient like this one, in a clinic like this one?",
    "these_clinics": "What changed in these clinics, whatever else sets them apart?",
    "none": "Is it higher or lower than before?",
}
