"""What the model library says, in the language spoken: each sentence found by the template it was made from.

`tasks/models` and `tasks/records` speak English to whoever calls them, and know no reports. Some of what they
say ends in one all the same: why a figure could not be estimated, what a model is and what its reader must
know. `library/<language>.toml` has the templates of those sentences beside their translations, as gettext
has; a test reads the templates from the code.

A place says what may fill it: `{0}` anything, as it is; `{0:name}` one name alone; `{0:number}` a number;
`{0:said}` another of these sentences, without which there is no translation; `{0:list}` several of anything;
`{0:measure}` one of the wording's measures; `{0:one}`, `{0:many}` and the other forms of `[nouns]` a column
that groups records.
"""

from __future__ import annotations

import functools
import re
import string
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from reports.wording import ENGLISH, has, say, spoken
from reports.wording.writing import NUMBER, localized

_PLACE = re.compile(r"{(\d+)}")
_ANYTHING = ".*?"
_FILLED: Mapping[str, str] = {
    **dict.fromkeys(("", "said", "list", "measure"), _ANYTHING),
    "number": NUMBER,
    "name": r"(?:(?!, |; | and ).)+?",
}
"""What a place looks like in English, by what may fill it."""
_COLUMNS = r"\S+?(?: and \S+?)*"
_OTHER = "other"
_PIECES = "pieces"
_BETWEEN = "; "
"""What stands between the parts of a list, and before a way out."""
_SEPARATORS = {_BETWEEN: None, ", ": None, " and ": "library.and", " or ": "library.or"}
"""What stands between the parts of a list in English, and the key of its word where it is one."""


class _NotSaidError(LookupError):
    """The language has no words for a part of a sentence."""


@dataclass(frozen=True)
class Template:
    """A sentence of the library with its translation.

    Attributes:
        english: with numbered places, in the order in which they are filled.
        other: its translation, with what may fill each place.
    """

    english: str
    other: str

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the sentence looks like with its places filled."""
        kinds, parts = self.kinds, _PLACE.split(self.english)
        places = [f"({_FILLED.get(kinds.get(place, ''), _COLUMNS)})" for place in parts[1::2]]
        texts = map(re.escape, parts[::2])
        return re.compile("".join(map("".join, zip(texts, [*places, ""], strict=True))), re.DOTALL)

    @property
    def kinds(self) -> dict[str, str]:
        """Place → what may fill it, as the translation says."""
        parsed = string.Formatter().parse(self.other)
        return {name: kind or "" for _, name, kind, _ in parsed if name is not None}

    @property
    def said(self) -> int:
        """How much of the sentence is the template's own: the more, the surer it is the right one."""
        return sum(map(len, _PLACE.split(self.english)[::2]))


@dataclass(frozen=True)
class Library:
    """One language: its templates, those that say most first, and what columns that group records are called.

    Attributes:
        sentences: what is said by itself.
        pieces: what stands within a sentence only, in the file's order.
        nouns: column → form → words; `other` is any column that has none of its own.
    """

    sentences: tuple[Template, ...]
    pieces: tuple[Template, ...]
    nouns: Mapping[str, Mapping[str, str]]


@functools.cache
def library(language: str) -> Library:
    """What `reports/wording/library/<language>.toml` holds.

    Raises:
        FileNotFoundError: there is no such language.
    """
    text = (files("reports") / "wording" / "library" / f"{language}.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    nouns, pieces = read.pop("nouns"), read.pop(_PIECES)
    sentences = [Template(*each) for section in read.values() for each in section.items()]
    return Library(
        tuple(sorted(sentences, key=lambda each: -each.said)),
        tuple(Template(*each) for each in pieces.items()),
        nouns,
    )


def in_own_words(sentence: str) -> str | None:
    """A sentence of the library in the language spoken; None where that has no words for it.

    Args:
        sentence: as the library said it, with a way out after "; " where it has one.
    """
    if spoken() == ENGLISH:
        return sentence
    for end in (found.start() for found in re.finditer(re.escape(_BETWEEN), sentence)):
        halves = in_own_words(sentence[:end]), in_own_words(sentence[end + len(_BETWEEN) :])
        if None not in halves:
            return _BETWEEN.join(filter(None, halves))
    try:
        return _said(sentence, library(spoken()).sentences)
    except _NotSaidError:
        return None


def piece_in_own_words(text: str) -> str | None:
    """What the library says within a sentence ("half", "age is missing"), as `in_own_words`."""
    if spoken() == ENGLISH:
        return text
    try:
        return _part(text)
    except _NotSaidError:
        return None


def noun(column: str, form: str = "one") -> str:
    """What a column that groups records is called, in one of the forms of `[nouns]`; its own name in English.

    Args:
        column: its name, or several joined by "and".
        form: `one` and `many` things of it, or another form that the language's file has.
    """
    if spoken() == ENGLISH:
        return f"{column}s" if form == "many" else column
    nouns = library(spoken()).nouns
    words = [nouns.get(each, nouns[_OTHER])[form].format(each) for each in column.split(" and ")]
    return f" {say('library.and')} ".join(words)


def _said(text: str, templates: Sequence[Template]) -> str:
    """The translation by the first template that fits and whose parts have words as well."""
    for template in templates:
        found = template.pattern.fullmatch(text)
        if found is not None:
            try:
                return _Filled().format(template.other, *found.groups())
            except _NotSaidError:
                continue
    raise _NotSaidError(text)


class _Filled(string.Formatter):
    """Fills the places of a translation."""

    def format_field(self, value: Any, format_spec: str) -> str:
        match format_spec:
            case "" | "name" | "number":
                return localized(value)
            case "said":
                return _part(value)
            case "list":
                return _listed(value)
            case "measure":
                return _measure(value)
            case _:
                return noun(value, format_spec)


def _measure(name: str) -> str:
    key = f"measure.{name.replace(' ', '_')}"
    if not has(key):
        raise _NotSaidError(name)
    return say(key)


def _part(text: str) -> str:
    """A piece, a sentence, or several one after the other: what an f-string put together."""
    if text == "":
        return text
    known = library(spoken())
    for templates in (known.pieces, known.sentences):
        try:
            return _said(text, templates)
        except _NotSaidError:
            continue
    for start, end in _cuts(text):
        try:
            return _said(start, known.pieces) + _part(end)
        except _NotSaidError:
            continue
    raise _NotSaidError(text)


def _cuts(text: str) -> Iterator[tuple[str, str]]:
    """A text in two, at each place where a word or a sign ends."""
    for found in re.finditer(r"(?<=\w)(?=\W)", text):
        yield text[: found.start()], text[found.start() :]


def _listed(text: str) -> str:
    """Every item of a list: in words where the language has them, and as it is where it is a name."""
    if _BETWEEN not in text:
        try:
            return _part(text)
        except _NotSaidError:
            pass
    for separator, key in _SEPARATORS.items():
        if separator in text:
            between = separator if key is None else f" {say(key)} "
            return between.join(_listed(each) for each in text.split(separator))
    return noun(text) if text in library(spoken()).nouns else localized(text)
