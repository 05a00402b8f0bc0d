"""deploy/messages.md lists what the code says, and each is a sentence that a person can look up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from failure_messages import PAGE, VALUE, Message, messages, page

from tasks.errors import ClinicnetError
from tasks.network import read_network


@pytest.mark.slow
def test_the_page_is_as_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python tests/failure_messages.py writes it anew"


def _is_one_sentence(message: Message) -> bool:
    ends = message.sentence.endswith(".") or message.way_out.endswith(".")
    return not ends and message.sentence.count(VALUE) < len(message.sentence.split())


@pytest.mark.slow
def test_each_is_one_sentence_without_a_full_stop() -> None:
    said = messages()
    assert len(said) > 300
    assert [each for each in said if not _is_one_sentence(each)] == []


@pytest.mark.slow
def test_what_is_said_is_found_there(tmp_path: Path) -> None:
    """One real message: its words are those of a row, with its values in the gaps."""
    with pytest.raises(ClinicnetError) as told:
        read_network(tmp_path / "nowhere.toml")
    patterns = [".+".join(map(re.escape, each.sentence.split(VALUE))) for each in messages()]
    assert any(re.fullmatch(pattern, told.value.message) for pattern in patterns)
