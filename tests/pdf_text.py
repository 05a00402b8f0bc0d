"""What a PDF says, as a reader would copy it: by poppler, in a twentieth of the time that Python takes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def pages_of(pdf: Path) -> list[str]:
    """The text of each page, in the order in which it was written, its white space single."""
    poppler = shutil.which("pdftotext")
    if poppler is None:
        pytest.skip("poppler's pdftotext is not installed")
    written = subprocess.run(
        [poppler, "-raw", "-enc", "UTF-8", str(pdf), "-"], capture_output=True, check=True
    ).stdout.decode()
    return [" ".join(page.split()) for page in written.removesuffix("\f").split("\f")]


def text_of(pdf: Path) -> str:
    """The text of all pages."""
    return " ".join(pages_of(pdf))
