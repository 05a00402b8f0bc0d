"""The feeds of both demo networks over three successive months: kept beside the tests, and made again.

    python tests/golden/demo_feeds.py --write

makes them anew, with the kernels for matrices that `deploy/run test` asks for: the last digits of sums
depend on them, and so on the machine. That is right when published figures or words were meant to change:
read the difference first, and say why in the commit.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from flows.job_step import JobStep, Journal, plainly
from flows.monthly_job import report_period
from flows.monthly_steps import DRAW
from tasks.demo import DemoName, make_demo

KEPT = Path(__file__).parent / "feeds"
MONTHS: dict[DemoName, tuple[str, ...]] = {
    "chop": ("2020-04", "2020-05", "2020-06"),
    "state48": ("2024-10", "2024-11", "2024-12"),
}


def made(name: DemoName, directory: Path) -> Iterator[tuple[str, str]]:
    """Each release of a demo as one text: its tables as CSV, and a digest of every file of its feed."""
    network_file = make_demo(name, directory)
    for month in MONTHS[name]:
        reported = report_period(network_file, month, undrawn())
        yield f"{name}-{month}", _as_text(reported.directory / "feed")


def kept(release: str) -> str:
    """The same release as it is kept."""
    return lzma.decompress((KEPT / f"{release}.txt.xz").read_bytes()).decode()


def kept_tables(release: str) -> dict[str, pd.DataFrame]:
    """The tables of a release as it is kept: what the demo publishes, which the test here holds it to."""
    named = (part.partition("\n") for part in kept(release).split("\n=== ")[1:])
    return {
        name.removesuffix(".csv"): pd.read_csv(io.StringIO(rows), dtype={"release": "string"})
        for name, _, rows in named
    }


def undrawn() -> Journal:
    """Plain calls without drawing, which takes most of the time: the feed does not depend on it."""
    return Journal(_without_drawing)


def _without_drawing(step: JobStep[..., Any]) -> Callable[..., Any]:
    return (lambda *_: ()) if step.name == DRAW.name else plainly(step)


def _as_text(feed: Path) -> str:
    files = sorted(file for file in feed.iterdir() if file.is_file())  # those below are made of the same rows
    parts = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    tables = [file for file in files if file.suffix == ".csv"]
    parts += [f"\n=== {file.name}\n{file.read_text(encoding='utf-8')}" for file in tables]
    return "".join(parts)


def main() -> None:
    """Keep the feeds as they come out now."""
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    KEPT.mkdir(exist_ok=True)
    for name in MONTHS:
        with tempfile.TemporaryDirectory() as directory:
            for release, text in made(name, Path(directory)):
                file = KEPT / f"{release}.txt.xz"
                file.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
                print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    if platform.machine() == "x86_64" and "OPENBLAS_CORETYPE" not in os.environ:
        os.environ["OPENBLAS_CORETYPE"] = (
            "Haswell"  # as in deploy/run; the library reads it when it is loaded
        )
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 (this script once more)
    os.environ["CLINICNET_WITHHOLDING_KEY"] = "of all tests"  # as in tests/conftest.py
    main()
