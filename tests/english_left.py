"""English that is left in what should be another language: words that no Spanish sentence has."""

from __future__ import annotations

import re

# words of any English sentence that are no word of a Spanish one, nor of a name, a code or a unit
_WORDS = (
    "the|and|of|with|without|which|is|are|was|were|from|to|than|not|for|by|it|its|this|that|these|what|between"
    "|records|rows|clinics|clinic's|patients|months|shown|cannot|averaged"
)
_ENGLISH = re.compile(rf"(?i)\b({_WORDS})\b")
_CODE = re.compile(r"--model \w+|\w+\(\)|\w+=\S+")
"""Options, functions and arguments, which a person types as they are."""


def left_over(text: str) -> list[str]:
    """English words with what stands around them."""
    text = _CODE.sub("", text)
    return [text[max(0, found.start() - 40) : found.end() + 40] for found in _ENGLISH.finditer(text)]
