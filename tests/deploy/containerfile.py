"""deploy/Containerfile, read as its builder reads it: stages of instructions."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
CONTAINERFILE = REPOSITORY / "deploy/Containerfile"


@dataclass
class Stage:
    """One image that is made.

    Attributes:
        base: what it begins with.
        instructions: instruction and what stands after it, in order.
    """

    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all_of(self, instruction: str) -> list[str]:
        return [said for name, said in self.instructions if name == instruction]

    def one(self, instruction: str) -> str:
        (said,) = self.all_of(instruction)
        return said

    @property
    def environment(self) -> dict[str, str]:
        words = [word for said in self.all_of("ENV") for word in shlex.split(said)]
        return dict(word.split("=", 1) for word in words)

    def words(self, instruction: str) -> list[str]:
        """An instruction in its form without a shell: a JSON list."""
        found: list[str] = json.loads(self.one(instruction))
        return found


def stages() -> list[Stage]:
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(), flags=re.MULTILINE)
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if not line.strip():
            continue
        name, _, said = line.partition(" ")
        if name == "FROM":
            found.append(Stage(said.partition(" AS ")[0]))
        else:
            found[-1].instructions.append((name, said.strip()))
    return found
