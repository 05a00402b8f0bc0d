"""What is wrong with a network file, all of it at once, each with its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tasks.errors import NetworkError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend.

    Attributes:
        line: line of the network file, counted from 1; None where no line is to blame.
        sentence: what is wrong and the way out.
    """

    line: int | None
    sentence: str

    def __str__(self) -> str:
        return self.sentence if self.line is None else f"line {self.line}: {self.sentence}"


class NetworkFileError(NetworkError):
    """The network file has problems: every one that could be found, in the order of its lines."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = in_order(problems)
        if len(self.problems) == 1:
            (only,) = self.problems
            message = f"{file}: {only}" if only.line is None else f"{file} {only}"
        else:
            listed = "".join(f"\n  {problem}" for problem in self.problems)
            message = f"{file} has {len(self.problems)} problems:{listed}"
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return (NetworkFileError, (self.file, self.problems))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems by line, each once; those without a line last."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda each: (each.line is None, each.line or 0)))
