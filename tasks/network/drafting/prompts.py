"""One question to a person, as plain data, and which answers to it are taken."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from tasks.errors import nearest

NONE = "none"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to the person.

    Attributes:
        text: the question.
        default: taken for an empty answer; None: an answer is needed.
        choices: what may be answered; empty: anything.
        several: whether several of the choices may be given, separated by commas.
        problem: what was wrong with the answer before, where the question is asked again.
        reasons: what was taken for granted with the default, in sentences.
        notes: what helps to answer.
        is_open: whether only a person can answer it; else the columns tell as much as the default says.
    """

    text: str
    default: str | None = None
    choices: tuple[str, ...] = ()
    several: bool = False
    problem: str | None = None
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_open: bool = True

    @property
    def needs_a_person(self) -> bool:
        """Whether the default may not be taken without asking."""
        return self.is_open or self.default is None or self.problem is not None


Asking = Generator[Prompt, str, str]


def ask(question: Prompt) -> Asking:
    """The answer, the default for an empty one; asked again where there is none."""
    while True:
        answer = (yield question).strip() or question.default
        if answer:
            return answer
        question = replace(question, problem="an answer is needed")


def ask_for_one(question: Prompt) -> Asking:
    """One of the question's choices; asked again for any other answer."""
    while True:
        answer = yield from ask(question)
        if answer in question.choices:
            return answer
        problem = f"{answer!r} is none of them; {nearest(answer, question.choices)}"
        question = replace(question, problem=problem)


def ask_for_several(question: Prompt) -> Generator[Prompt, str, list[str]]:
    """Those of the question's choices that were given, without `none`; asked again for any other answer."""
    question = replace(question, several=True)
    while True:
        answers = split_answers((yield from ask(question)), question.choices)
        unknown = [each for each in answers if each not in question.choices]
        if not unknown:
            return [each for each in dict.fromkeys(answers) if each != NONE]
        problem = f"{unknown[0]!r} is none of them; {nearest(unknown[0], question.choices)}"
        question = replace(question, problem=problem)


def split_answers(answer: str, choices: tuple[str, ...]) -> list[str]:
    """What stands between commas; a choice that holds commas itself is one answer.

    >>> split_answers("age, cost, in dollars", ("age", "cost, in dollars"))
    ['age', 'cost, in dollars']
    """
    parts = [each.strip() for each in answer.split(",")]
    spelled = {tuple(part.strip() for part in each.split(",")): each for each in choices}
    longest = max(map(len, spelled), default=1)
    found: list[str] = []
    while parts:
        length = next((n for n in range(min(longest, len(parts)), 1, -1) if tuple(parts[:n]) in spelled), 1)
        taken, parts = tuple(parts[:length]), parts[length:]
        if any(taken):
            found.append(spelled.get(taken, ",".join(taken)))
    return found
