"""Files of a network's own that go before those of the same name here: words, templates, charts, styles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

_FOLDERS = {"wording": ".toml", "templates": ".j2", "charts": ".j2", "styles": ".css"}
"""What may be replaced, by what its files end in."""


@dataclass(frozen=True)
class OwnFiles:
    """What stands in a network's own folder, as it was when it was read: a run sees one state of it.

    Attributes:
        found: (name, text) of every file; a name is its path below the folder, as below `reports`.
    """

    found: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, folder: Path) -> OwnFiles:
        """Every file below `folder`, sorted by name; hidden ones are left out.

        Raises:
            OSError: the folder or one of its files cannot be read.
            UnicodeDecodeError: a file is no UTF-8 text.
        """
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        named = ((path.relative_to(folder), path) for path in paths)
        return cls(
            tuple(
                (name.as_posix(), path.read_bytes().decode("utf-8-sig"))
                for name, path in named
                if not any(part.startswith(".") for part in name.parts)
            )
        )

    @cached_property
    def by_name(self) -> Mapping[str, str]:
        """Name → text."""
        return dict(self.found)


NOTHING_OWN = OwnFiles()


@cache
def replaceable() -> tuple[str, ...]:
    """Names of the files here that a network's own may go before."""
    names: list[str] = []
    for folder, ending in _FOLDERS.items():
        root = Path(str(files("reports") / folder))
        names += [f"{folder}/{each.relative_to(root).as_posix()}" for each in root.rglob(f"*{ending}")]
    kept = ("wording/feed/", "wording/library/")
    return tuple(sorted(name for name in names if not name.startswith(kept)))


def report_file(name: str, own: OwnFiles = NOTHING_OWN) -> str:
    """The text of a file, the network's own where it has one of that name.

    Raises:
        FileNotFoundError: there is none of that name here either.
    """
    if name in own.by_name:
        return own.by_name[name]
    return (files("reports") / name).read_text(encoding="utf-8")
