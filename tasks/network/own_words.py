"""What is wrong with a network's own words and templates, said before anything is drawn with them."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError

from reports.own_files import OwnFiles, replaceable
from reports.wording import flattened, languages, wording
from tasks.errors import nearest

_WHOLE = ("glossary", "language")
"""Tables of a wording that are not taken from a network's own."""

_PERIODS = frozenset(("period", "periods", "Period", "Periods"))
"""Places that every sentence may have: what the network reports by."""


def wrong_with(own: OwnFiles) -> Iterator[str]:
    """One sentence for each thing that is wrong, beginning with the file's name."""
    for name, text in own.found:
        if name not in replaceable():
            yield f"{name} goes before no file of clinicnet's; {nearest(name, replaceable())}"
        elif name.endswith(".j2"):
            yield from _template(name, text)
        elif name.endswith(".toml"):
            yield from _words(name, text)


def _template(name: str, text: str) -> Iterator[str]:
    try:
        Environment(autoescape=True).parse(text)
    except TemplateSyntaxError as error:
        yield f"{name} line {error.lineno} is no template: {error.message}"


def _words(name: str, text: str) -> Iterator[str]:
    language = name.removeprefix("wording/").removesuffix(".toml")
    if language not in languages():
        return
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        yield f"{name} is not valid TOML: {error}"
        return
    for table in _WHOLE:
        if said.pop(table, None) is not None:
            yield f"{name} has a table {table!r}, which stays as it is; leave it out"
    ours = wording(language).sentences
    for key, sentence in flattened(said):
        if key not in ours:
            yield f"{name} has a sentence {key!r} that nothing says; {nearest(key, ours)}"
            continue
        try:
            new = _places(sentence)
        except ValueError:
            yield f"{name}, {key}: a brace opens or closes nothing; write {{{{ and }}}} for braces"
            continue
        if unknown := new - _places(ours[key]) - _PERIODS:
            known = ", ".join(f"{{{each}}}" for each in sorted(_places(ours[key]))) or "none"
            yield f"{name}, {key}: nothing fills {{{min(unknown)}}}; the places are: {known}"


def _places(sentence: str) -> set[str]:
    """The names of a sentence's places."""
    return {field for _, field, _, _ in string.Formatter().parse(sentence) if field}
