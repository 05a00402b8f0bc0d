"""A study in chunks: each is kept in a file of its own, so that a study goes on where it was stopped."""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.machine import RESULTS
from benchmarks.program_worlds import World

Chunk = TypeVar("Chunk")


def study(
    description: str | None,
    worlds: Sequence[World],
    run_chunk: Callable[[tuple[World, int, int, str]], str],
    report: Callable[[Path], str],
    file_name: Callable[[World], str],
    *,
    chunk: int,
    folder: Path,
    table: str,
) -> None:
    """Run what the command line asks for and is missing, and print the table.

    Args:
        description: of the script, for its help.
        worlds: all there are.
        run_chunk: draws networks of one (world, number of the chunk, networks, folder) and keeps its file.
        report: the table of what a folder keeps.
        file_name: how a world's files begin.
        chunk: networks in one.
        folder: where chunks are kept unless the command line says otherwise.
        table: file in results/ that `--write` keeps the table in.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=400, help="of every world")
    parser.add_argument("--world", action="append", help="only those whose names begin so")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=folder)
    parser.add_argument("--report", action="store_true", help="only print what there is")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if not asked.report:
        wanted = [
            (world, number, chunk, str(asked.folder))
            for number in range(math.ceil(asked.replicates / chunk))
            for world in worlds
            if (not asked.world or world.name.startswith(tuple(asked.world)))
            and not (asked.folder / f"{file_name(world)}_{number:04d}.json").exists()
        ]
        run_chunks(run_chunk, wanted, asked.workers)
    text = report(asked.folder)
    print(text)
    if asked.write:
        (RESULTS / table).write_text(text + "\n", encoding="utf-8")


def run_chunks(run_chunk: Callable[[Chunk], str], wanted: Sequence[Chunk], workers: int) -> None:
    """Run the chunks that are missing, each in a process of one thread, and say how far it is.

    Args:
        run_chunk: runs one and keeps it; a line about it.
        wanted: what each is.
        workers: processes.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"  # workers import NumPy after this
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for i, line in enumerate(pool.imap_unordered(run_chunk, wanted), 1):
            print(f"{i}/{len(wanted)} {line}", file=sys.stderr, flush=True)
