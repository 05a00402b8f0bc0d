"""What both demos publish is what they published before, to the byte, over three successive months."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from golden import demo_feeds

pytestmark = [pytest.mark.slow, pytest.mark.golden]


@pytest.mark.parametrize("name", list(demo_feeds.MONTHS))
def test_a_demo_publishes_the_same_feeds(name: demo_feeds.DemoName, tmp_path: Path) -> None:
    for release, text in demo_feeds.made(name, tmp_path):
        before = demo_feeds.kept(release)
        different = list(
            difflib.unified_diff(before.splitlines(), text.splitlines(), "kept", release, lineterm="", n=0)
        )
        assert not different, "\n".join(different[:60])
