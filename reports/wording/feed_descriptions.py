"""What the feed's tables, columns and statuses are, in other languages than the English of the code."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files

from reports.wording import ENGLISH, flattened, spoken

EVERY_TABLE = "every"


def feed_description(key: str, english: str) -> str:
    """The description under `key` in the language spoken, with its places still to fill.

    Args:
        key: the table and the column, such as `clinic_estimates.value`; a column that is described alike in
            every table stands once, under `every`.
        english: the description beside the declaration, which is English's.

    Raises:
        KeyError: the language does not describe it.
    """
    if spoken() == ENGLISH:
        return english
    descriptions = feed_descriptions(spoken())
    alike = ".".join((EVERY_TABLE, key.rpartition(".")[2]))
    found = descriptions.get(key) or descriptions.get(alike)
    if found is None:
        raise KeyError(f"{spoken()} does not describe {key}")
    return found


@functools.cache
def feed_descriptions(language: str) -> Mapping[str, str]:
    """What `reports/wording/feed/<language>.toml` holds: table and column → description.

    Raises:
        FileNotFoundError: there is no such language.
    """
    text = (files("reports") / "wording" / "feed" / f"{language}.toml").read_text(encoding="utf-8")
    return dict(flattened(tomllib.loads(text)))
