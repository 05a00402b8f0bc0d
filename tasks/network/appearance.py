"""`[report]`: how reports and page look, and what of their words and templates is the network's own."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.network.section import Contradiction, Section

MOST_BYTES = 500_000
_KINDS = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
_LEAST_CONTRAST = 4.5
"""Of text on white (WCAG 2.1, 1.4.3)."""


@dataclass(frozen=True)
class Logo:
    """A picture: the ending of its file's name, with the dot, and its bytes."""

    ending: str
    data: bytes

    @property
    def address(self) -> str:
        """It as an address that holds it, for a document that fetches nothing."""
        return f"data:{_KINDS[self.ending]};base64,{base64.b64encode(self.data).decode()}"


class ReportSection(Section):
    """`[report]`: paper, logo, colour, and files of the network's own."""

    paper: Literal["A4", "Letter"] = Field(default="A4", description="A4 or Letter")
    logo: str | None = Field(
        default=None, description="picture beside the network file (SVG, PNG, JPEG), on every first page"
    )
    accent: str | None = Field(default=None, description="colour of headings and rules, as #16324f")
    own_files: str | None = Field(
        default=None,
        description="folder beside the network file whose words, templates, charts and styles go before "
        "those of the same name in clinicnet's folder reports",
    )
    attach_tables: bool = Field(
        default=False, description="network.pdf carries the release's tables (PDF/A-3 instead of PDF/UA-1)"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """A colour that is one, and can be read on white; a logo of a kind that is drawn."""
        if self.accent is not None:
            if not re.fullmatch(r"#[0-9A-Fa-f]{6}", self.accent):
                yield ("accent",), f"accent = {self.accent!r} is no colour; write it as #16324f"
            elif (found := contrast_on_white(self.accent)) < _LEAST_CONTRAST:
                yield (
                    ("accent",),
                    f"accent = {self.accent!r} has a contrast of {found:.1f} on white, and headings need "
                    f"{_LEAST_CONTRAST}; take a darker one",
                )
        if self.logo is not None and Path(self.logo).suffix.lower() not in _KINDS:
            yield ("logo",), f"logo = {self.logo!r} is no picture that is drawn; give an .svg, .png or .jpg"

    def read_logo(self, directory: Path) -> Logo | None:
        """The logo, from beside the network file; None where there is none.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is too large, or not what its name says; says why.
        """
        if self.logo is None:
            return None
        ending, data = Path(self.logo).suffix.lower(), (directory / self.logo).read_bytes()
        if len(data) > MOST_BYTES:
            raise ValueError(
                f"has {len(data):,} bytes, and every report carries it; give one of at most {MOST_BYTES:,}"
            )
        if not _is(ending, data):
            raise ValueError(
                f"is no {ending.lstrip('.').upper()} inside; give a file that is what its name says"
            )
        return Logo(ending, data)


def contrast_on_white(colour: str) -> float:
    """Contrast of a colour (#rrggbb) with white, from 1 to 21 (WCAG 2.1, relative luminance)."""
    parts = [int(colour[at : at + 2], 16) / 255.0 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def _is(ending: str, data: bytes) -> bool:
    """Whether a picture begins as its kind does."""
    if ending == ".svg":
        return b"<svg" in data[:2000]
    return data.startswith(b"\x89PNG\r\n" if ending == ".png" else b"\xff\xd8\xff")
