"""`[groups]`: groups of patients that cannot be are said with their line."""

from __future__ import annotations

from pathlib import Path

import pytest
from network.three_clinics import GOOD, wrong


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "months = 6",
            "months = 6\n[groups.age]",
            "line 33: [groups.age] give values or bands, and one of them alone",
        ),
        (
            "months = 6",
            "months = 6\n[groups.age]\nbands = [65, 18]",
            "line 34: [groups.age] bands do not rise; put the smaller number first",
        ),
        (
            "months = 6",
            'months = 6\n[groups.sex]\nvalues = ["f", "m", "f"]',
            "line 34: [groups.sex] values has one of them twice; leave one out",
        ),
        (
            "months = 6",
            'months = 6\n[groups.sex]\nvalues = ["f", "other"]',
            "line 34: [groups.sex] values has 'other', which stands for all other records; call it something "
            "else",
        ),
        (
            "months = 6",
            'months = 6\n[groups.sex]\nvalues = ["f", "m"]\nnames = ["Women"]',
            "line 35: [groups.sex] names has 1 for 2 values; give each value one",
        ),
        (
            "months = 6",
            f"months = 6\n[groups.age]\nbands = {list(range(12))}",
            "line 33: [groups.age] there are more than 12 groups; make fewer and larger ones",
        ),
    ],
)
def test_one_thing_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert wrong(tmp_path, GOOD.replace(old, new)) == [said]
