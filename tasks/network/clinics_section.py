"""`[clinics]`: clinics that open, close, are renamed or merge, where records alone would tell it wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from pydantic import ConfigDict, Field

from tasks import periods
from tasks.network.section import Contradiction, Section, Start
from tasks.periods import Kind, Period


class ClinicSection(Section):
    """`[clinics."X"]`: when a clinic opened and closed."""

    opened: Start | None = Field(None, description="first period with patients, or the day")
    closed: Start | None = Field(None, description="last period with patients, or the day")

    def contradictions(self) -> Iterator[Contradiction]:
        """A closing before the opening, and a table that says nothing."""
        if self.opened is None and self.closed is None:
            yield (), "neither opened nor closed is given; give one, or leave the table out"
        elif (
            self.opened is not None
            and self.closed is not None
            and _last_day(self.closed) < periods.first_day(self.opened)
        ):
            yield ("closed",), f"closed ({self.closed}) is before opened ({self.opened}); exchange them"

    def open_from(self, kind: Kind) -> str | None:
        """Label of the period of the opening; None where none is declared."""
        if self.opened is None:
            return None
        return str(Period.of_day(kind, periods.first_day(self.opened)))

    def open_until(self, kind: Kind) -> str | None:
        """Label of the period of the closing; None where none is declared."""
        return None if self.closed is None else str(Period.of_day(kind, _last_day(self.closed)))


class ClinicsSection(Section):
    """`[clinics]`: old names of clinics, and a table of its own for each clinic that opened or closed."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, ClinicSection] = Field(init=False)

    renamed: dict[str, str] = Field(
        default_factory=dict,
        description="old name → new name; several old names with one new name are a merger",
    )

    @property
    def dated(self) -> Mapping[str, ClinicSection]:
        """Clinic → when it opened and closed, for those of which the file says it."""
        return self.__pydantic_extra__ or {}

    @property
    def declared(self) -> bool:
        """Whether the file says anything of clinics."""
        return bool(self.renamed or self.dated)

    @property
    def now(self) -> Mapping[str, str]:
        """Old name → the name that the clinic has now, however many names there were between."""
        return {old: self._now(old) for old in self.renamed}

    def contradictions(self) -> Iterator[Contradiction]:
        """Renamings that lead back to where they began, and dates of a clinic under an old name."""
        for old in self.renamed:
            name, seen = self.renamed[old], [old]
            while name in self.renamed and name not in seen:
                seen.append(name)
                name = self.renamed[name]
            if name == old:
                way = " → ".join(repr(each) for each in (*seen, name))
                yield (
                    ("renamed", old),
                    f"renamed leads back to where it began ({way}); keep the renamings that lead to the name "
                    "of today",
                )
        for clinic in self.dated:
            if clinic in self.renamed:
                yield (
                    (clinic,),
                    f"clinic {clinic!r} is renamed to {self.renamed[clinic]!r}; give its dates under that "
                    "name",
                )

    def _now(self, name: str) -> str:
        for _ in self.renamed:
            name = self.renamed.get(name, name)
        return name


def _last_day(written: str) -> date:
    """The last day of what is written as a period of any kind, or as a day."""
    if periods.is_label(written):
        return Period.of_label(written).last_day
    return periods.first_day(written)
