"""What every section of a network file is made of, and how a start or an end is written in one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from tasks import periods

Contradiction = tuple[tuple[str, ...], str]
"""Where two keys of a section disagree (path below the section), and what to do, in a sentence."""


def _a_start(text: str) -> str:
    try:
        periods.first_day(text)
    except ValueError:
        raise PydanticCustomError("start", "neither a period nor a day") from None
    return text


Start = Annotated[str, AfterValidator(_a_start)]
"""When something starts or ends: a month, quarter or week, or a day (YYYY-MM-DD)."""


class Section(BaseModel):
    """A section of the network file: no unknown keys, no value of another type, nothing that contradicts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def contradictions(self) -> Iterator[Contradiction]:
        """What cannot be true at once although each key is well formed."""
        yield from ()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        found = list(self.contradictions())
        if found:
            sentences = "; ".join(sentence for _, sentence in found)
            raise PydanticCustomError(
                "contradiction", "{sentences}", {"sentences": sentences, "found": found}
            )
        return self
