"""Clinics' and regions' names as reports show them: whole, unless one would fill a page."""

from __future__ import annotations

import dataclasses

import pandas as pd

from tasks.network.schema import name_digest
from tasks.release import Release

LONGEST = 300
"""Letters of a name that a report lays out: laying out 5,000 without a blank takes three seconds a page."""
_NAMING = ("clinic", "region")


def shown(name: str) -> str:
    """A name, or the beginning of a long one with the digest that stands for it in its file's name.

    Names that begin alike stay apart, in every release in the same way.

    >>> len(shown("A" * 300)), len(shown("A" * 5_000))
    (300, 300)
    >>> shown("A" * 5_000)[-12:]
    'A… 26067979'
    """
    if len(name) <= LONGEST:
        return name
    end = f"… {name_digest(name)}"
    return name[: LONGEST - len(end)].rstrip() + end


def with_shown_names(release: Release) -> Release:
    """The release with its names as reports show them; the release itself where none is long."""
    tables = {name: _shown_in(frame) for name, frame in release.tables.items()}
    if all(tables[name] is frame for name, frame in release.tables.items()):
        return release
    return dataclasses.replace(release, tables=tables)


def _shown_in(frame: pd.DataFrame) -> pd.DataFrame:
    for column in _NAMING:
        if column in frame and frame[column].str.len().gt(LONGEST).any():
            frame = frame.assign(**{column: frame[column].map(shown, na_action="ignore")})
    return frame
