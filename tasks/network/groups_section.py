"""`[groups.COLUMN]`: patients by age band, sex or another column, with outcomes side by side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated

from pydantic import AllowInfNan, Field, Strict

from tasks.network.section import Contradiction, Section

MOST_GROUPS = 12
REST = "other"
"""What stands for every record that is in no group: of another value, or of none."""


class GroupsSection(Section):
    """One column of the SELECT, and the groups that its values make."""

    label: str | None = Field(
        None, min_length=1, description="as people read it; the column's name if left out"
    )
    values: Annotated[tuple[str | int, ...], Strict(False)] = Field(
        (), description="the column's values that are a group each, in the order they are shown"
    )
    names: Annotated[tuple[str, ...], Strict(False)] = Field(
        (), description="of these values as people read them, in the same order"
    )
    bands: Annotated[tuple[Annotated[float, AllowInfNan(False)], ...], Strict(False)] = Field(
        (), description="of a column of numbers: where one band ends and the next begins"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """Values or bands, each once, and a name for each value or for none."""
        if bool(self.values) == bool(self.bands):
            yield (), "give values or bands, and one of them alone"
        if len(set(map(str, self.values))) < len(self.values):
            yield ("values",), "values has one of them twice; leave one out"
        if REST in map(str, self.values):
            yield (
                ("values",),
                f"values has {REST!r}, which stands for all other records; call it something else",
            )
        if self.names and len(self.names) != len(self.values):
            yield (
                ("names",),
                f"names has {len(self.names)} for {len(self.values)} values; give each value one",
            )
        if any(first >= second for first, second in pairwise(self.bands)):
            yield ("bands",), "bands do not rise; put the smaller number first"
        if max(len(self.values), len(self.bands) + 1) > MOST_GROUPS:
            yield (), f"there are more than {MOST_GROUPS} groups; make fewer and larger ones"

    @property
    def codes(self) -> tuple[str, ...]:
        """The groups as the feed names them, in order, less the rest: `<18`, `18-65`, `65+`, or a value."""
        if self.values:
            return tuple(map(str, self.values))
        ends = [f"{end:g}" for end in self.bands]
        return (f"<{ends[0]}", *(f"{low}-{high}" for low, high in pairwise(ends)), f"{ends[-1]}+")
