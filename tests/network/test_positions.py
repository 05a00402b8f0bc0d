"""Lines of TOML keys: a file written in every way TOML allows, and any file a writer makes."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.network.positions import key_lines, line_of

WRITTEN = '''\
# a comment with [brackets] and key = "value"
name = "a # not a comment"   # one

[records]   # two
"quoted key" = 'literal \\'
select = """
SELECT 1 AS "x",  -- not = a key
\\"""  ""\\""
"""
path = \'\'\'
a = 1
\'\'\'\'
dotted . inner = 1
[ outcomes . "a.b" ]
adjusters = [  # first
  "age",
  "sex", # ] second
]
inline = { kind = "binary", deep = { x = [1, 2] } }
[[many]]
x = 1
[many.sub]
y = 2
[[many]]
x = 3
[outcomes.c]
at = 2020-01-01T00:00:00Z
'''


def paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Every key path of a parsed file."""
    here = {path} if path else set()
    if isinstance(value, dict):
        return here.union(*(paths(each, (*path, key)) for key, each in value.items()))
    if isinstance(value, list):
        return here.union(*(paths(each, (*path, i)) for i, each in enumerate(value)))
    return here


def test_every_key_is_found_on_its_line() -> None:
    lines = key_lines(WRITTEN)
    assert set(lines) == paths(tomllib.loads(WRITTEN))
    assert lines["name",] == 2
    assert lines["records",] == 4
    assert lines["records", "quoted key"] == 5
    assert lines["records", "select"] == 6
    assert lines["records", "path"] == 10
    assert lines["records", "dotted", "inner"] == 13
    assert lines["outcomes", "a.b"] == 14
    assert lines["outcomes", "a.b", "adjusters", 1] == 17
    assert lines["outcomes", "a.b", "inline", "deep", "x"] == 19
    assert [lines["many", 0, "x"], lines["many", 0, "sub", "y"], lines["many", 1, "x"]] == [21, 23, 25]
    assert lines["outcomes", "c", "at"] == 27


def test_windows_line_ends_count_once() -> None:
    assert key_lines("a = 1\r\n\r\n[b]\r\nc = 2\r\n") == {("a",): 1, ("b",): 3, ("b", "c"): 4}


def test_a_key_that_is_not_written_is_placed_at_the_table_it_is_missing_from() -> None:
    lines = key_lines("[outcomes.x]\nkind = 'count'\n")
    assert line_of(lines, ("outcomes", "x", "label")) == 1
    assert line_of(lines, ("program", "label")) is None


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\r\x00\x7f"), max_size=8
)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-9, 9), st.floats(-9, 9), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXT.filter(bool), inner, max_size=3),
    ),
    max_leaves=12,
)


@pytest.mark.slow
@example({"0": {"0": [{}]}})  # an array of tables inside a table that has no header of its own
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXT.filter(bool), VALUES, max_size=5))
def test_any_written_file_has_a_line_for_every_key(content: dict[str, Any]) -> None:
    text = tomlkit.dumps(content)
    assert set(key_lines(text)) == paths(tomllib.loads(text))
