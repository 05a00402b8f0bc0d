"""Every word of the reports, from one file a language, which a person may edit: `en.toml` and its like."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

ENGLISH = "en"


@dataclass(frozen=True)
class Wording:
    """One language: dotted key → sentence with {places} to fill; terms and what they mean."""

    sentences: Mapping[str, str]
    glossary: tuple[tuple[str, str], ...]

    def say(self, key: str, **values: object) -> str:
        """The sentence under `key` with its places filled.

        Raises:
            KeyError: there is no such sentence, or a place is not filled.
        """
        return self.sentences[key].format(**values)


def languages() -> tuple[str, ...]:
    """Tags of the languages that reports can be written in: one for each file beside this one."""
    names = (each.name for each in (files("reports") / "wording").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@functools.cache
def wording(language: str = ENGLISH) -> Wording:
    """What `reports/wording/<language>.toml` holds.

    Raises:
        FileNotFoundError: there is no such language; `languages` lists those there are.
    """
    text = (files("reports") / "wording" / f"{language}.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    glossary = tuple((entry["term"], entry["means"]) for entry in read.pop("glossary"))
    return Wording(sentences=dict(_flat(read)), glossary=glossary)


_spoken = ContextVar("language", default=ENGLISH)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """While it lasts, `say` and what is written with it speak this language; each step begins with it."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def spoken() -> str:
    """The language that `say` speaks here and now; English where no step has said otherwise."""
    return _spoken.get()


def say(key: str, **values: object) -> str:
    """The sentence under `key` in the language spoken, with its places filled.

    Raises:
        KeyError: as `Wording.say`.
    """
    return wording(spoken()).say(key, **values)


def has(key: str) -> bool:
    """Whether there is a sentence under `key`."""
    return key in wording(spoken()).sentences


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", str(value)))
    return found
