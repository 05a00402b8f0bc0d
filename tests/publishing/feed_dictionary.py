"""The feed's dictionary, tasks/publishing/dictionary.md, made from the tables' own descriptions.

python tests/publishing/feed_dictionary.py    # writes it anew
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tasks.publishing.dictionary import feed_tables
from tasks.release import RELEASE_COLUMNS, STATUSES

PAGE = Path(__file__).parents[2] / "tasks/publishing/dictionary.md"


def dictionary() -> str:
    """The page: every table, column and status of the feed."""
    lines = ["# The feed's dictionary", ""]
    lines += [
        "Made from the code by `python tests/publishing/feed_dictionary.py`; a test holds it to what is",
        "published.",
        "",
    ]
    lines += [f"Every row begins with {' and '.join(f'`{each.name}`' for each in RELEASE_COLUMNS)}.", ""]
    lines += [
        "A network that reports by quarter or week has the same tables and columns: `month`, `period`,",
        "`since`, `first_month` and `last_month` hold a period's label (2024-05, 2024-Q2, or 2024-W05 by",
        "ISO 8601), `months_since_start` counts periods, and `datapackage.json` speaks of its own periods,",
        "in the network's language.",
        "",
    ]
    for table in feed_tables():
        key = ", ".join(f"`{name}`" for name in table.key if name != "release")
        own = [each for each in table.columns if each.name not in {one.name for one in RELEASE_COLUMNS}]
        lines += [f"## {table.name}", "", f"A row is {table.row}; its key is {key}.", ""]
        lines += ["| column | kind | what it is |", "| --- | --- | --- |"]
        lines += [f"| `{each.name}` | {each.kind} | {each.description} |" for each in own]
        lines.append("")
    lines += [
        "## statuses",
        "",
        "What a `status` means, as under the key `statuses` of `datapackage.json`.",
        "",
    ]
    lines += ["| status | meaning |", "| --- | --- |"]
    lines += [f"| `{status}` | {meaning} |" for status, meaning in STATUSES.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(dictionary(), encoding="utf-8")
