"""Makes the fonts of the reports from their originals: `python -m reports.fonts.build SOURCE_SANS DEJAVU`.

`SOURCE_SANS` is the folder of the upstream static TTF files (Source Sans 3, release 3.052), `DEJAVU` the
file DejaVuSans.ttf (2.37). What is kept: Latin, Greek and Cyrillic with their punctuation, signs and figures;
from DejaVu Sans, the Hebrew, Arabic, Armenian, Georgian and symbol characters that a clinic's name may need.
The licence reserves the name "Source" for unmodified files, so the subset is called Clinicnet Sans.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

FAMILY = "Clinicnet Sans"
STYLES = {"Regular": "Regular", "Semibold": "Semibold"}
LATIN_GREEK_CYRILLIC = (
    *range(0x20, 0x7F),
    *range(0xA0, 0x250),
    *range(0x2B0, 0x530),
    *range(0x1E00, 0x2000),
    *range(0x2000, 0x2C00),
)
OTHER_SCRIPTS = (
    *range(0x20, 0x7F),
    *range(0x300, 0x370),
    *range(0x530, 0x800),
    *range(0x10A0, 0x1100),
    *range(0x2000, 0x2070),
    *range(0x2600, 0x27C0),
    *range(0xFB00, 0xFF00),
    0xFFFD,
)


def _subset(source: Path, characters: tuple[int, ...]) -> TTFont:
    options = subset.Options()
    options.hinting = False
    options.layout_features = [
        "kern", "mark", "mkmk", "ccmp", "locl", "liga", "tnum", "lnum", "pnum", "sups", "subs", "case",
        "init", "medi", "fina", "isol", "rlig",
    ]  # fmt: skip
    options.recalc_timestamp = False
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    return font


def _rename(font: TTFont, style: str) -> None:
    names = font["name"]
    for record in list(names.names):
        if record.nameID in (1, 2, 3, 4, 6, 16, 17, 21, 22, 25):
            names.removeNames(nameID=record.nameID)
    for identifier, text in {
        1: f"{FAMILY} {style}" if style == "Semibold" else FAMILY,
        2: "Regular" if style == "Semibold" else style,
        3: f"{FAMILY} {style}, subset of release 3.052",
        4: f"{FAMILY} {style}",
        6: f"ClinicnetSans-{style}",
        16: FAMILY,
        17: style,
    }.items():
        names.setName(text, identifier, 3, 1, 0x409)


def main(source_sans: str, dejavu: str) -> None:
    """Writes the three font files beside this module."""
    here = Path(__file__).parent
    for original, style in STYLES.items():
        font = _subset(Path(source_sans) / f"SourceSans3-{original}.ttf", LATIN_GREEK_CYRILLIC)
        _rename(font, style)
        font.save(here / f"ClinicnetSans-{style}.ttf")
    _subset(Path(dejavu), OTHER_SCRIPTS).save(here / "DejaVuSans-scripts.ttf")


if __name__ == "__main__":
    main(*sys.argv[1:])
