"""Draw tables and network files for some minutes: `python tests/corpus/fuzz.py --minutes 30`.

Prints each failure with the smallest input that hypothesis finds; at the end how long it drew, how much, and
how many properties failed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
import warnings
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from corpus.drawing import PROPERTIES, Property  # noqa: E402

EXAMPLES = 60
"""Drawn of one property before the next has its turn."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="of the first turn, to draw the same again")
    parser.add_argument("--only", default="", help="properties whose name holds this")
    asked = parser.parse_args()
    seeds = random.Random(asked.seed if asked.seed is not None else time.time_ns())  # noqa: S311
    chosen = [each for each in PROPERTIES if asked.only in each.name]
    began, drawn, found = time.monotonic(), 0, 0
    while time.monotonic() - began < 60.0 * asked.minutes:
        for each in chosen:
            if time.monotonic() - began >= 60.0 * asked.minutes:
                break
            turn = seeds.randrange(2**32)
            drawn += EXAMPLES
            found += _failed(each, turn)
    hours = (time.monotonic() - began) / 3600.0
    print(f"{hours:.2f} hours, {drawn:,} inputs of {len(chosen)} properties: {found} turns failed")
    return 1 if found else 0


def _failed(each: Property, turn: int) -> bool:
    looked_at = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seed(turn)(looked_at(given(each.strategy)(each.holds)))()
    except Exception:  # noqa: BLE001 — whatever it is, it is what is looked for
        print(f"\n{each.name}, turn {turn}", "".join(traceback.format_exc(limit=-4)), sep="\n", flush=True)
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
