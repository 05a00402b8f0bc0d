"""From a page's HTML to a PDF whose bytes repeat.

Nothing is fetched: styles and fonts are handed over as text and data, any other address in a document is an
error. The PDF is tagged (PDF/UA-1) and carries no date and no random identifier.
"""

from __future__ import annotations

import atexit
import base64
import functools
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from reports.own_files import NOTHING_OWN, OwnFiles, report_file
from tasks.network.schema import Network
from tasks.rendering.tagging import mend_tags

if TYPE_CHECKING:
    from weasyprint import CSS, Attachment
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

FACES = (
    ("Clinicnet Sans", 400, "ClinicnetSans-Regular.ttf"),
    ("Clinicnet Sans", 600, "ClinicnetSans-Semibold.ttf"),
    ("Clinicnet Scripts", 400, "DejaVuSans-scripts.ttf"),
)


@dataclass(frozen=True)
class Look:
    """How pages look: the paper, a colour of headings of the network's own, its own styles."""

    paper: str = "A4"
    accent: str | None = None
    own: OwnFiles = NOTHING_OWN

    @classmethod
    def of(cls, network: Network) -> Look:
        """What a network file says of it."""
        return cls(network.report.paper, network.report.accent, network.own_files)


PLAIN = Look()


@dataclass(frozen=True)
class Attached:
    """A file inside a PDF: its name, what it is, its bytes, and the day that it tells of."""

    name: str
    description: str
    data: bytes
    day: date


def write_pdf(html: str, path: Path, look: Look = PLAIN, attached: Sequence[Attached] = ()) -> None:
    """Lays out `html` with the reports' styles and fonts and writes the PDF.

    Args:
        html: the document.
        path: where it goes.
        look: how it looks.
        attached: files that it carries. With them it is PDF/A-3 (ISO 19005-3), which WeasyPrint cannot say
            beside PDF/UA-1 of one file; it is tagged all the same.

    Raises:
        weasyprint.urls.FatalURLFetchingError: the document asks for anything that is not inside it.
    """
    from weasyprint import HTML

    sheet, fonts = _styles(look)
    document = HTML(string=html, url_fetcher=_fetcher(), base_url=None)
    written = io.BytesIO()
    document.write_pdf(
        written,
        stylesheets=[sheet],
        font_config=fonts,
        pdf_variant="pdf/a-3u" if attached else "pdf/ua-1",
        pdf_tags=True,
        attachments=[_attachment(each) for each in attached],
        pdf_identifier=hashlib.sha256(html.encode()).digest()[:16],
        custom_metadata=False,
        finisher=mend_tags,
    )
    path.write_bytes(written.getvalue())


@functools.cache
def _fetcher() -> URLFetcher:
    from weasyprint.urls import URLFetcher

    return URLFetcher(allowed_protocols=("data",), fail_on_errors=True)


def _attachment(attached: Attached) -> Attachment:
    from weasyprint import Attachment

    # the day it tells of, and not the clock: bytes repeat
    written = datetime.combine(attached.day, time(), UTC)
    return Attachment(
        file_obj=io.BytesIO(attached.data),
        name=attached.name,
        description=attached.description,
        created=written,
        modified=written,
        relationship="Data",
        url_fetcher=_fetcher(),
    )


@functools.lru_cache(maxsize=4)
def _styles(look: Look) -> tuple[CSS, FontConfiguration]:
    """Read once in a process: of a two-page report, reading them is a fifth of the work."""
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    atexit.register(_styles.cache_clear)  # it has files, and cannot remove them once modules are gone
    return CSS(string=stylesheet(look), font_config=fonts, url_fetcher=_fetcher()), fonts


def stylesheet(look: Look = PLAIN) -> str:
    """Everything a page is styled with: font faces with their data, the rules, and what a network changes."""
    faces = (_face(*face) for face in FACES)
    paper = [] if look.paper == "A4" else [report_file(f"styles/{look.paper.lower()}.css", look.own)]
    return "\n".join([*faces, report_file("styles/report.css", look.own), *paper, *accent(look)])


def accent(look: Look) -> list[str]:
    """The rule that gives headings a network's own colour; none where it has none."""
    return [] if look.accent is None else [f":root {{ --accent: {look.accent} }}"]


def _face(family: str, weight: int, name: str) -> str:
    data = base64.b64encode((files("reports") / "fonts" / name).read_bytes()).decode()
    return (
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; '
        f'src: url("data:font/ttf;base64,{data}") }}'
    )
