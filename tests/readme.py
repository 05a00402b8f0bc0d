"""The README and its code blocks, as tests hold it to them."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")

_TOLD_ELSEWHERE = {"CHANGELOG.md", "THREATS.md", "messages.md"}
DEPLOYING = "\n".join(
    each.read_text(encoding="utf-8")
    for each in sorted((REPOSITORY / "deploy").glob("*.md"))
    if each.name not in _TOLD_ELSEWHERE
)
"""Every page of deploy/ that says how it runs."""


def blocks(language: str, page: str = README) -> list[str]:
    """The code blocks of a page in a language."""
    return [
        re.sub(r"^ {3}", "", each, flags=re.M)
        for each in re.findall(rf"^ *```{language}\n(.*?)^ *```", page, flags=re.M | re.S)
    ]
