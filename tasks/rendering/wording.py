"""The reports' words: every heading, sentence and explanation, from one file a person may edit."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

LANGUAGE = "en"


@dataclass(frozen=True)
class Wording:
    """Dotted key → sentence with {places} to fill."""

    sentences: Mapping[str, str]
    glossary: tuple[tuple[str, str], ...]

    def say(self, key: str, **values: object) -> str:
        """The sentence under `key` with its places filled.

        Raises:
            KeyError: there is no such sentence, or a place is not filled.
        """
        return self.sentences[key].format(**values)


@functools.cache
def wording() -> Wording:
    """What `reports/wording/en.toml` holds."""
    text = (files("reports") / "wording" / f"{LANGUAGE}.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    glossary = tuple((entry["term"], entry["means"]) for entry in read.pop("glossary"))
    return Wording(sentences=dict(_flat(read)), glossary=glossary)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", str(value)))
    return found
