"""Sentences by code and values: what a table carries beside the words, for readers of other languages."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reports.wording import spoken_period, spoken_wording
from reports.wording.library_sentences import in_own_words
from reports.wording.writing import decimal, plain

CODE = "code"
TECHNICAL = "why.technical"
"""The code of a reason that the model library gave, in English as its `detail`."""
_UNSAID = "why.untranslated"
_BETWEEN = "; "


def coded(code: str, **values: object) -> str:
    """A sentence of the wording as JSON: its key as `code`, and what fills its places.

    Args:
        code: a key of the wording files.
        values: text, numbers as they are, other coded sentences, or a list of such for an enumeration.

    Raises:
        KeyError: the wording has no such sentence.
    """
    spoken_wording().sentences[code]
    filled = {name: _as_object(value) for name, value in values.items()}
    return json.dumps({CODE: code} | filled, ensure_ascii=False)


def joined(sentences: Sequence[str]) -> str:
    """Several coded sentences as one."""
    return sentences[0] if len(sentences) == 1 else json.dumps([json.loads(each) for each in sentences])


def codes(sentence: str | None) -> tuple[str, ...]:
    """The codes in a coded sentence, the outermost first; none of a sentence that is missing."""
    return tuple(_codes(json.loads(sentence))) if sentence else ()


def value_of(sentence: str | None, name: str) -> str:
    """What fills one place of a coded sentence; empty where it has no such place, or there is none."""
    said = json.loads(sentence) if sentence else {}
    return str(said.get(name, "")) if isinstance(said, Mapping) else ""


def told(sentence: str) -> str:
    """A coded sentence in the language spoken; a number is written as its place says: `{share:.1}`.

    Raises:
        KeyError: a place is not filled.
    """
    return _told(json.loads(sentence))


def _as_object(value: object) -> object:
    """What a value is in JSON: a coded sentence becomes a part of the one around it."""
    if isinstance(value, list):
        return [_as_object(each) for each in value]
    if isinstance(value, str) and value.startswith(f'{{"{CODE}": '):
        return json.loads(value)
    return value


def _codes(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        yield part[CODE]
        parts: Iterable[object] = part.values()
    else:
        parts = part if isinstance(part, list) else ()
    for each in parts:
        yield from _codes(each)


def _told(sentence: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    if not isinstance(sentence, Mapping):
        return _BETWEEN.join(_told(each) for each in sentence)
    code, values = sentence[CODE], {name: value for name, value in sentence.items() if name != CODE}
    if code == TECHNICAL:
        values["detail"] = in_own_words(values["detail"])
        if values["detail"] is None:  # better less than what its reader may not understand
            code = _UNSAID
    told_values = {name: _told_value(value) for name, value in values.items()}
    said, period = spoken_wording(), spoken_period()
    return _Written().format(said.sentence(code, period), **said.periods[period], **told_values)


def _told_value(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(str(_told_value(each)) for each in value)
    return _told(value) if isinstance(value, Mapping) else value


class _Written(string.Formatter):
    """Fills places as `str.format` does, with numbers as the language writes them."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, str):
            return format(value, format_spec)
        return decimal(value, int(format_spec.removeprefix("."))) if format_spec else plain(value)
