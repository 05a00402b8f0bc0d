"""Reads a network file, and says everything that is wrong with it at once, with line numbers."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tasks.errors import NetworkError, nearest
from tasks.network.own_words import wrong_with
from tasks.network.positions import key_lines, line_of
from tasks.network.problems import NetworkFileError, Problem, in_order
from tasks.network.schema import Network
from tasks.periods import KINDS, Kind

KeyPath = tuple[str | int, ...]

_SECRET_KEY = re.compile(r"(^|_)(password|passwd|pwd|token|secret|api_?key)$", re.I)
_TYPES = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "date_type": "a day such as 2026-05-01, without quotes",
    "tuple_type": 'a list such as ["age"]',
    "dict_type": "a table",
    "model_type": "a table",
}
_STEPS = "write a binary outcome for each threshold in the SELECT, such as pain >= 3"
_CATEGORIES = "write a binary outcome for each category in the SELECT, such as reason = 'fall'"
_WITHIN = (
    "write a binary outcome for whether it happened within a number of days, such as seen within 30 days, "
    "of records that were followed that long"
)
_ZEROS = (
    'take kind = "count" with family = "negative-binomial", and beside it a binary outcome for whether '
    "there were any, such as visits > 0"
)
_NAMED_WITHIN = frozenset({("outcomes",), ("limits",), ("groups",)})
"""Tables whose own tables are named by the file: an outcome, a column."""
_OTHER_KINDS = (
    dict.fromkeys(("ordinal", "ordered", "likert"), _STEPS)
    | dict.fromkeys(("categorical", "nominal", "multinomial"), _CATEGORIES)
    | dict.fromkeys(("survival", "time-to-event", "hazard"), _WITHIN)
    | dict.fromkeys(("zero-inflated", "zero-inflated-count", "hurdle"), _ZEROS)
)
"""Kinds of outcome that there are not → what to write in their place."""

_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
}


@dataclass(frozen=True)
class Reading:
    """A network file, read as far as it goes.

    Attributes:
        file: the file's name, as problems are told.
        network: the network, or None where something is wrong with the file.
        sound: the network without the parts that are wrong, so that the rest can still be checked against
            the records; None where too little is left.
        problems: what is wrong with the file itself, with lines.
        lines: key path → line.
    """

    file: str
    network: Network | None
    sound: Network | None
    problems: tuple[Problem, ...]
    lines: Mapping[KeyPath, int] = field(repr=False)

    def problem(self, place: KeyPath, sentence: str) -> Problem:
        """A problem at the key or table `place`."""
        return Problem(line_of(dict(self.lines), place), sentence)


def read_network(path: Path) -> Network:
    """The network described in the file.

    Raises:
        NetworkFileError: the file has problems; lists every one with its line.
        NetworkError: there is no such file, or it cannot be read.
    """
    reading = examine(path)
    if reading.network is None:
        raise NetworkFileError(reading.file, reading.problems)
    return reading.network


def examine(path: Path) -> Reading:
    """The network file read as far as it goes, with everything that is wrong with it.

    Raises:
        NetworkError: there is no such file, or it cannot be read.
    """
    text = _text(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        return Reading(path.name, None, None, (_syntax(text, str(failure)),), {})
    lines = key_lines(text)
    directory = path.resolve().parent
    problems = list(_secrets(content, lines))
    network, errors = _everything_wrong(content, directory)
    problems += [each for error in errors for each in _problems(error, content, lines)]
    sound = network if network is not None else _sound(content, errors, directory)
    if sound is not None:
        problems += _missing_select_file(sound, lines)
        problems += _wrong_in_appearance(sound, lines)
    return Reading(path.name, None if problems else network, sound, in_order(problems), lines)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # Windows' editors put a mark before the text
    except FileNotFoundError as failure:
        raise NetworkError(
            f"there is no network file {path}", hint="write one with `clinicnet init`, or give its path"
        ) from failure
    except UnicodeDecodeError as failure:
        line = failure.object.count(b"\n", 0, failure.start) + 1
        raise NetworkError(f"{path.name} line {line}: not UTF-8 text; save the file as UTF-8") from failure
    except OSError as failure:
        raise NetworkError(
            f"the network file {path} cannot be read: {failure.strerror}",
            hint="give the path of a network.toml",
        ) from failure


def _syntax(text: str, complaint: str) -> Problem:
    """tomllib's complaint with its place taken out of the words and into the line."""
    words, _, place = complaint.partition(" (at ")
    found = re.search(r"line (\d+)", place)
    last = text.count("\n") + (not text.endswith("\n"))
    return Problem(int(found[1]) if found else last, f"not valid TOML: {words[:1].lower()}{words[1:]}")


def _validate(content: Mapping[str, Any], directory: Path) -> tuple[Network | None, list[ErrorDetails]]:
    try:
        return Network.model_validate({**content, "directory": directory}), []
    except ValidationError as failure:
        return None, failure.errors(include_url=False)


def _everything_wrong(
    content: Mapping[str, Any], directory: Path
) -> tuple[Network | None, list[ErrorDetails]]:
    """The network, or all errors: contradictions too, which pydantic looks for only beside known keys."""
    network, errors = _validate(content, directory)
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    if not unknown:
        return network, errors
    known = copy.deepcopy(dict(content))
    for error in unknown:
        _cut(known, error["loc"], error["type"])
    return None, unknown + _validate(known, directory)[1]


def _sound(content: Mapping[str, Any], errors: list[ErrorDetails], directory: Path) -> Network | None:
    """The network without its faulty outcomes, limits, program …; None where too little is left."""
    remaining = copy.deepcopy(dict(content))
    while errors:
        for error in errors:
            for place in _places(error):
                _cut(remaining, place, error["type"])
        network, left = _validate(remaining, directory)
        if network is not None:
            return network
        if left == errors:
            return None
        errors = left
    return None


def _cut(content: dict[str, Any], place: KeyPath, kind: str) -> None:
    if kind == "extra_forbidden":
        within: Any = content
        for part in place[:-1]:
            within = within.get(part, {}) if isinstance(within, dict) else {}
        if isinstance(within, dict):
            within.pop(place[-1], None)
    elif place[:1] == ("network",):
        content["network"] = {"name": "network"}
    elif place[:1] in _NAMED_WITHIN and len(place) > 1 and isinstance(content[str(place[0])], dict):
        content[str(place[0])].pop(place[1], None)
    elif place[:1] not in {("records",), ("outcomes",)} and place:
        content.pop(str(place[0]), None)


def _places(error: ErrorDetails) -> list[KeyPath]:
    """Where an error is: a contradiction's own paths, below the section it was found in."""
    if error["type"] == "contradiction":
        return [(*error["loc"], *path) for path, _ in error["ctx"]["found"]]
    return [tuple(part for part in error["loc"] if part != "[key]")]


def _problems(
    error: ErrorDetails, content: Mapping[str, Any], lines: Mapping[KeyPath, int]
) -> Iterator[Problem]:
    if error["type"] == "contradiction":
        sentences = [sentence for _, sentence in error["ctx"]["found"]]
    else:
        sentences = [_sentence(error, content)]
    for place, sentence in zip(_places(error), sentences, strict=True):
        if _is_secret(place, content):
            continue  # said by _secrets, whatever else is wrong with it
        table = "" if error["type"] in {"model_type", "dict_type"} else _table(place, content)
        yield Problem(line_of(dict(lines), place), f"{table}{sentence}")


def _sentence(error: ErrorDetails, content: Mapping[str, Any]) -> str:
    place, kind = error["loc"], error["type"]
    key = str(place[-1]) if place else ""
    value = error["input"]
    if kind == "missing":
        return _missing(place)
    if kind == "extra_forbidden":
        known = _fields(place[:-1])
        what = "table" if isinstance(value, dict) else "key"
        return f"unknown {what} {key!r}; {nearest(key, known)}"
    if key == "[key]":
        return (
            f"{place[-2]!r} cannot be the name of a column; use letters, digits and underscores, "
            "beginning with a letter or underscore"
        )
    if isinstance(place[-1], int):
        key = f"{place[-2]}, value {place[-1] + 1},"
    if kind == "literal_error":
        choices = _choices(place)
        instead = (
            _OTHER_KINDS.get(re.sub(r"[\s_-]+", "-", str(value).strip().lower())) if key == "kind" else None
        )
        if instead is not None:
            return f"{key} = {value!r} is not one of {', '.join(choices)}: {instead}"
        offer = nearest(str(value), choices)
        ending = f"; {offer}" if offer.startswith("did you mean") else ""
        return f"{key} = {value!r} is not one of {', '.join(choices)}{ending}"
    if kind in _TYPES:
        return f"{key} must be {_TYPES[kind]}, and is {_written(value)}"
    if kind == "start":
        by = _period_of(content)
        return f'{key} = {value!r} is not a {by}; write it as "{KINDS[by]}", or give the day of the start'
    if kind == "string_pattern_mismatch":
        return f"{key} = {value!r} is not a column's name; use letters, digits and underscores"
    if kind in _LIMITS:
        words, limit = _LIMITS[kind]
        return f"{key} must be {words} {error['ctx'][limit]}, and is {value!r}"
    if kind == "string_too_short":
        return f"{key} is empty"
    if kind == "too_short":
        return "no outcome is described; add a table such as [outcomes.vaccinated]"
    return f"{key}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _period_of(content: Mapping[str, Any]) -> Kind:
    """What a network reports, as far as its file says; a month where it says nothing sensible."""
    window = content.get("window")
    said = window.get("period") if isinstance(window, dict) else None
    return next((kind for kind in KINDS if kind == said), "month")


def _missing(place: KeyPath) -> str:
    key = str(place[-1])
    if len(place) == 1:
        return f"the table [{key}] is missing" + (", with at least one outcome" if key == "outcomes" else "")
    model = _model(place[:-1])
    description = model.model_fields[key].description if model is not None else None
    return f"{key} is missing" + (f" ({description})" if description else "")


def _table(place: KeyPath, content: Mapping[str, Any]) -> str:
    """The table a problem is in, e.g. `[outcomes.positive] `; nothing for the file's own tables."""
    depth = 2 if place[:1] in _NAMED_WITHIN and isinstance(content.get(str(place[0])), dict) else 1
    written = content.get(str(place[0])) if place else None
    if place[2:3] == ("about",) and len(place) > 3:
        depth = 3
    if place[:2] == ("schedule", "complete"):
        depth = 2
    if len(place) < depth or (len(place) == 1 and place[0] not in Network.model_fields) or written is None:
        return ""
    return f"[{'.'.join(str(part) for part in place[:depth])}] "


def _model(place: KeyPath) -> type[BaseModel] | None:
    """The schema's model at a path of keys."""
    model: type[BaseModel] = Network
    skip = False
    for part in place:
        if skip:  # the name of an outcome or a column
            skip = False
            continue
        if part not in model.model_fields:
            # a table that the user names, such as [clinics."North"]
            of_any_name = get_type_hints(model).get("__pydantic_extra__")
            within = next(_nested(of_any_name), None)
            if within is None:
                return None
            model = within
            continue
        annotation: Any = model.model_fields[str(part)].annotation
        inner = next((each for each in _nested(annotation)), None)
        if inner is None:
            return None
        model, skip = inner, get_origin(annotation) is dict
    return model


def _nested(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _nested(argument)


def _fields(place: KeyPath) -> list[str]:
    model = _model(place)
    return [name for name, info in model.model_fields.items() if not info.exclude] if model else []


def _choices(place: KeyPath) -> tuple[str, ...]:
    model = _model(place[:-1])
    annotation: Any = model.model_fields[str(place[-1])].annotation if model else None
    options = get_args(annotation) if get_origin(annotation) is Union else (annotation,)
    return tuple(
        str(value) for option in options if get_origin(option) is Literal for value in get_args(option)
    )


def _written(value: Any) -> str:
    """The type of a TOML value as people say it; never the value, which may have been meant for elsewhere."""
    kinds = {bool: "true or false", str: "text", int: "a whole number", float: "a decimal number"}
    kinds |= {list: "a list", tuple: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")


def _is_secret(place: KeyPath, content: Mapping[str, Any]) -> bool:
    return bool(place) and bool(_SECRET_KEY.match(str(place[-1]))) and place[:1] not in _NAMED_WITHIN


def _secrets(content: Any, lines: Mapping[KeyPath, int], place: KeyPath = ()) -> Iterator[Problem]:
    """Keys that hold a secret wherever they stand; the value is never repeated."""
    if not isinstance(content, dict):
        return
    for key, value in content.items():
        here = (*place, key)
        if isinstance(value, str) and _is_secret(here, content):
            yield Problem(
                line_of(dict(lines), here),
                f"{key!r} puts a secret in the file; take it out (and change it), put it in an environment "
                "variable and name that in password_env",
            )
        yield from _secrets(value, lines, here)


def _missing_select_file(network: Network, lines: Mapping[KeyPath, int]) -> Iterator[Problem]:
    name = network.records.select_file
    if name is not None and not (network.directory / name).is_file():
        yield Problem(
            line_of(dict(lines), ("records", "select_file")),
            f"[records] there is no file {name!r} beside the network file; give its path from there",
        )


def _wrong_in_appearance(network: Network, lines: Mapping[KeyPath, int]) -> Iterator[Problem]:
    """A logo and own files that cannot be read, or that nothing can be made of."""
    place = ("report", "logo")
    try:
        _ = network.logo
    except FileNotFoundError:
        yield Problem(
            line_of(dict(lines), place),
            f"[report] there is no file {network.report.logo!r} beside the network file; "
            "give its path from there",
        )
    except (OSError, ValueError) as failure:
        why = failure.strerror if isinstance(failure, OSError) else failure
        yield Problem(line_of(dict(lines), place), f"[report] logo {network.report.logo!r} {why}")
    place = ("report", "own_files")
    folder = network.report.own_files
    if folder is None:
        return
    if not (network.directory / folder).is_dir():
        sentence = f"[report] there is no folder {folder!r} beside the network file; give its path from there"
        yield Problem(line_of(dict(lines), place), sentence)
        return
    try:
        wrong = list(wrong_with(network.own_files))
    except (OSError, UnicodeDecodeError) as failure:
        why = failure.strerror if isinstance(failure, OSError) else "holds a file that is not UTF-8 text"
        wrong = [f"cannot be read: {why}"]
    for sentence in wrong:
        yield Problem(line_of(dict(lines), place), f"[report] own_files: {sentence}")
