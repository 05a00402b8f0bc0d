"""What a person can put right: one sentence with the place and the way out, and no patient's data.

Everything that is the user's to mend derives from `ClinicnetError`; the command line prints its
sentence and its hint, and ends with `exit_code`. Anything else that escapes is a bug and keeps its
traceback.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable
from pathlib import Path


class ClinicnetError(Exception):
    """A mistake or a condition outside the program: a sentence, a way out, exit code 2."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nHINT: {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.hint))


class NetworkError(ClinicnetError):
    """The network file says something that cannot be used."""


class SourceError(ClinicnetError):
    """The records cannot be reached, or are not what the network file says they are."""


class SourceUnreachableError(SourceError):
    """The records' database does not answer, went away or is locked: trying again later can help."""


class RecordsError(ClinicnetError):
    """The records were read, and cannot be used as asked."""


class FormulaError(ClinicnetError):
    """A formula cannot be read, or names what is not there."""


class EstimationError(ClinicnetError):
    """The data cannot answer this model: says which column, which clinic, and what can be done."""


class PublishingError(ClinicnetError):
    """The release could not be written; the last good one is as it was."""


def _rebuild(kind: type[ClinicnetError], message: str, hint: str | None) -> ClinicnetError:
    return kind(message, hint=hint)


def nearest(name: object, known: Iterable[str]) -> str:
    """The sentence fragment that offers the names closest to `name`, or lists what there is."""
    choices = list(dict.fromkeys(str(each) for each in known))
    folded = {each.lower(): each for each in choices}
    matches = difflib.get_close_matches(str(name).lower(), list(folded), n=3, cutoff=0.6)
    close = [folded[each] for each in matches]
    if close:
        return f"did you mean {' or '.join(repr(each) for each in close)}?"
    shown = ", ".join(repr(each) for each in sorted(choices)[:12])
    return f"there is {shown}{' …' if len(choices) > 12 else ''}" if choices else "there are none"


_ROOT = Path(__file__).resolve().parent.parent


def where_raised(error: BaseException) -> str:
    """The kind of an error and the last of our own lines it passed, without its message and its values."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(_ROOT) and ".venv" not in file.parts:
            return f"{type(error).__name__} at {file.relative_to(_ROOT)}:{frame.lineno} ({frame.name})"
    return type(error).__name__
