"""Every word of the reports, from one file a language, which a person may edit: `en.toml` and its like.

A sentence that speaks of periods has {period} or {periods} in it, for the word of what the network reports
by: month, quarter or week. Where the grammar asks for more than another noun, the sentence stands once more
for that period: the table `[week.outcome]` has what is said of weeks in place of `[outcome]`.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from babel.numbers import format_decimal

from reports.own_files import NOTHING_OWN, OwnFiles, report_file

ENGLISH = "en"
MONTH = "month"


@dataclass(frozen=True)
class Wording:
    """One language: dotted key → sentence with {places} to fill; terms and what they mean.

    Attributes:
        sentences: as in the file; one that is said otherwise of weeks stands under `week.` and its key too.
        terms: the glossary: each `term` with what it `means`, under `week` where of weeks otherwise.
        periods: month, quarter or week → the words that fill {period} and its like.
    """

    sentences: Mapping[str, str]
    terms: tuple[Mapping[str, str], ...]
    periods: Mapping[str, Mapping[str, str]]

    def sentence(self, key: str, period: str = MONTH) -> str:
        """The sentence under `key`, as it is said of that period, with places to fill.

        Raises:
            KeyError: there is no such sentence.
        """
        return self.sentences.get(f"{period}.{key}") or self.sentences[key]

    def say(self, key: str, period: str = MONTH, /, **values: object) -> str:
        """The sentence under `key` with its places filled.

        Raises:
            KeyError: there is no such sentence, or a place is not filled.
        """
        return self.sentence(key, period).format(**self.periods[period], **values)

    def glossary(self, period: str = MONTH) -> tuple[tuple[str, str], ...]:
        """Terms and what they mean."""
        words = self.periods[period]
        return tuple(
            (each["term"], (each.get(period) or each["means"]).format(**words)) for each in self.terms
        )


def languages() -> tuple[str, ...]:
    """Tags of the languages that reports can be written in: one for each file beside this one."""
    names = (each.name for each in (files("reports") / "wording").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@functools.cache
def wording(language: str = ENGLISH, own: OwnFiles = NOTHING_OWN) -> Wording:
    """What `reports/wording/<language>.toml` holds, a network's own sentences before ours.

    Raises:
        FileNotFoundError: there is no such language; `languages` lists those there are.
    """
    name = f"wording/{language}.toml"
    read = tomllib.loads(report_file(name))
    terms, periods = tuple(read.pop("glossary")), read.pop("period")
    before = tomllib.loads(own.by_name[name]) if name in own.by_name else {}
    words = {by: {**ours, **before.get("period", {}).get(by, {})} for by, ours in periods.items()}
    said = {key: each for key, each in before.items() if key != "period"}
    return Wording(sentences=dict(flattened(read)) | dict(flattened(said)), terms=terms, periods=words)


_spoken = ContextVar("language", default=(ENGLISH, MONTH, NOTHING_OWN))


@contextmanager
def speaking(language: str, period: str = MONTH, own: OwnFiles = NOTHING_OWN) -> Iterator[None]:
    """While it lasts, `say` and what is written with it speak this language, of months, quarters or weeks.

    Each step begins with it. A network's own words and templates go before ours.
    """
    before = _spoken.set((language, period, own))
    try:
        yield
    finally:
        _spoken.reset(before)


def spoken() -> str:
    """The language that `say` speaks here and now; English where no step has said otherwise."""
    return _spoken.get()[0]


def spoken_period() -> str:
    """What the network reports by, of which `say` speaks: month where no step has said otherwise."""
    return _spoken.get()[1]


def spoken_own() -> OwnFiles:
    """The network's own files, whose words `say` takes before ours: none where no step has said otherwise."""
    return _spoken.get()[2]


def spoken_wording() -> Wording:
    """The words that `say` takes here and now."""
    language, _, own = _spoken.get()
    return wording(language, own)


def say(key: str, **values: object) -> str:
    """The sentence under `key` in the language spoken, with its places filled, whole numbers as it has them.

    Raises:
        KeyError: as `Wording.say`.
    """
    language = spoken()
    written = {
        name: format_decimal(value, locale=language) if type(value) is int and value > 999 else value
        for name, value in values.items()
    }
    return spoken_wording().say(key, spoken_period(), **written)


def glossary() -> tuple[tuple[str, str], ...]:
    """Terms and what they mean, in the language spoken."""
    return spoken_wording().glossary(spoken_period())


def has(key: str) -> bool:
    """Whether there is a sentence under `key`."""
    return key in spoken_wording().sentences


def flattened(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Tables within tables as dotted keys and their values."""
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found += flattened(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", str(value)))
    return found
