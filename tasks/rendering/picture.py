"""The README's picture: pages of a published report side by side.

    python -m tasks.rendering.picture demo/chop/output/latest/reports reports/report-page.png \\
        network.pdf:1 clinics/laboratory.pdf:1

It needs `pdftoppm` (Debian: poppler-utils) and nothing else that the reports themselves don't need.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

RESOLUTION = 84
GAP = 16
EDGE = (198, 206, 213)
COLOURS = 96


def main(reports: str, picture: str, *pages: str) -> None:
    """Writes the picture of the pages, each named as file:number under the folder of reports."""
    images = []
    for page in pages:
        name, _, number = page.rpartition(":")
        images.append(_page(Path(reports) / name, int(number)))
    width = sum(image.width for image in images) + GAP * (len(images) - 1)
    sheet = Image.new("RGB", (width, max(image.height for image in images)), "white")
    left = 0
    for image in images:
        sheet.paste(EDGE, (left, 0, left + image.width, image.height))
        sheet.paste(image.crop((1, 1, image.width - 1, image.height - 1)), (left + 1, 1))
        left += image.width + GAP
    Path(picture).parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE).save(picture, optimize=True)


def _page(pdf: Path, number: int) -> Image.Image:
    program = shutil.which("pdftoppm")
    if program is None:
        sys.exit("pdftoppm is not installed. On Debian: apt-get install poppler-utils")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "page"
        pages = ["-f", str(number), "-l", str(number), "-singlefile"]
        subprocess.run(  # noqa: S603 - a program found on the path, with paths as its arguments
            [program, "-png", "-r", str(RESOLUTION), *pages, str(pdf), str(target)], check=True
        )
        return Image.open(target.with_suffix(".png")).convert("RGB")


if __name__ == "__main__":
    main(*sys.argv[1:])
