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
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.rendering.tagging import mend_tags

if TYPE_CHECKING:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

FACES = (
    ("Clinicnet Sans", 400, "ClinicnetSans-Regular.ttf"),
    ("Clinicnet Sans", 600, "ClinicnetSans-Semibold.ttf"),
    ("Clinicnet Scripts", 400, "DejaVuSans-scripts.ttf"),
)


def write_pdf(html: str, path: Path) -> None:
    """Lays out `html` with the reports' styles and fonts and writes the PDF.

    Raises:
        weasyprint.urls.FatalURLFetchingError: the document asks for anything that is not inside it.
    """
    from weasyprint import HTML

    sheet, fonts = _styles()
    document = HTML(string=html, url_fetcher=_fetcher(), base_url=None)
    written = io.BytesIO()
    document.write_pdf(
        written,
        stylesheets=[sheet],
        font_config=fonts,
        pdf_variant="pdf/ua-1",
        pdf_identifier=hashlib.sha256(html.encode()).digest()[:16],
        custom_metadata=False,
        finisher=mend_tags,
    )
    path.write_bytes(written.getvalue())


@functools.cache
def _fetcher() -> URLFetcher:
    from weasyprint.urls import URLFetcher

    return URLFetcher(allowed_protocols=("data",), fail_on_errors=True)


@functools.cache
def _styles() -> tuple[CSS, FontConfiguration]:
    """Read once in a process: of a two-page report, reading them is a fifth of the work."""
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    atexit.register(_styles.cache_clear)  # it has files, and cannot remove them once modules are gone
    return CSS(string=stylesheet(), font_config=fonts, url_fetcher=_fetcher()), fonts


def stylesheet() -> str:
    """Everything a page is styled with: font faces with their data, then the report's own rules."""
    rules = (files("reports") / "styles" / "report.css").read_text(encoding="utf-8")
    return "\n".join([*(_face(*face) for face in FACES), rules])


def _face(family: str, weight: int, name: str) -> str:
    data = base64.b64encode((files("reports") / "fonts" / name).read_bytes()).decode()
    return (
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; '
        f'src: url("data:font/ttf;base64,{data}") }}'
    )
