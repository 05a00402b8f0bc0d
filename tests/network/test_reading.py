"""Everything wrong with a network file is said at once, in sentences with their lines and the way out."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from network.three_clinics import GOOD, write, wrong

from tasks.errors import NetworkError
from tasks.network.problems import NetworkFileError
from tasks.network.reading import examine, read_network


def test_a_good_file_is_read(tmp_path: Path) -> None:
    network = read_network(write(tmp_path, GOOD))
    assert network.directory == tmp_path.resolve()
    assert network.outcomes["vaccinated"].adjusters == ("age", "ns(age, 3)")
    assert network.column("days") == "waiting_days"
    assert network.column("vaccinated") == "vaccinated"
    assert network.policy.minimum_denominator == 25
    assert network.limits["age"].maximum == 110


def test_a_byte_order_mark_is_no_part_of_the_file_and_moves_no_line(tmp_path: Path) -> None:
    marked = write(tmp_path, "\ufeff" + GOOD)
    assert marked.read_bytes().startswith(b"\xef\xbb\xbf")
    assert set(read_network(marked).outcomes) == set(read_network(write(tmp_path, GOOD)).outcomes)
    plain = wrong(tmp_path, GOOD.replace("binary", "yes-no"))
    assert wrong(tmp_path, "\ufeff" + GOOD.replace("binary", "yes-no")) == plain


def test_everything_wrong_is_said_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = (
        GOOD.replace('name = "Three clinics"', 'nam = "Three clinics"')
        .replace('kind = "binary"', 'kind = "yes"')
        .replace("maximum = 400", "maximum = -1")
        .replace('"2023-05"', '"May"')
        .replace("months = 6", "month = 6")
    )
    said = wrong(tmp_path, text)
    assert [each.split(":")[0] for each in said] == [
        "line 1",
        "line 2",
        "line 11",
        "line 20",
        "line 29",
        "line 32",
    ]
    with pytest.raises(NetworkFileError) as caught:
        read_network(tmp_path / "network.toml")
    assert caught.value.message.startswith(
        "network.toml has 6 problems:\n  line 1: [network] name is missing"
    )
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (again.message, again.problems) == (caught.value.message, caught.value.problems)


def test_one_problem_is_one_sentence_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(NetworkFileError) as caught:
        read_network(write(tmp_path, GOOD.replace("months = 6", "month = 6")))
    assert str(caught.value) == "network.toml line 32: [window] unknown key 'month'; did you mean 'months'?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[network]\nname = \n", "network.toml line 2: not valid TOML: invalid value"),
        ("[network\n", "network.toml line 1: not valid TOML: expected ']' at the end of a table declaration"),
        ('[network]\nname = """x\n', "network.toml line 2: not valid TOML: unterminated string"),
        ("[a]\n[a]\n", "network.toml line 2: not valid TOML: cannot declare ('a',) twice"),
    ],
)
def test_text_that_is_not_toml_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(NetworkFileError) as caught:
        read_network(write(tmp_path, text))
    assert caught.value.message == said


def test_an_empty_file_says_what_is_missing(tmp_path: Path) -> None:
    assert wrong(tmp_path, "") == [
        "the table [network] is missing",
        "the table [records] is missing",
        "the table [outcomes] is missing, with at least one outcome",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("network = 3", "line 1: network must be a table, and is a whole number"),
        ("outcomes = []", "line 1: outcomes must be a table, and is a list"),
        ("[outcomes]", "line 1: no outcome is described; add a table such as [outcomes.vaccinated]"),
        ("[outcomes]\nx = 'count'", "line 2: x must be a table, and is text"),
        ("[limits]\nage = 3", "line 2: age must be a table, and is a whole number"),
    ],
)
def test_a_value_where_a_table_belongs(tmp_path: Path, text: str, said: str) -> None:
    assert said in wrong(tmp_path, text)


def test_no_file_and_not_a_text_file(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="there is no network file") as caught:
        read_network(tmp_path / "network.toml")
    assert caught.value.hint == "write one with `clinicnet init`, or give its path"
    (tmp_path / "network.toml").write_bytes(b"[network]\nname = '\xff'\n")
    with pytest.raises(NetworkError, match="line 2: not UTF-8"):
        read_network(tmp_path / "network.toml")
    with pytest.raises(NetworkError, match="cannot be read"):
        read_network(tmp_path)


def test_what_is_sound_is_left_for_checking_against_the_records(tmp_path: Path) -> None:
    text = (
        GOOD.replace('kind = "binary"', 'kind = "yes"').replace('"2023-05"', '"May"').replace("nam", "name")
    )
    reading = examine(write(tmp_path, text.replace('"Europe/Berlin"', '"Mars"').replace("namee", "name")))
    assert reading.network is None
    assert reading.sound is not None
    assert list(reading.sound.outcomes) == ["days"]
    assert reading.sound.program is None
    assert reading.sound.limits["age"].maximum == 110
    assert examine(write(tmp_path, GOOD.replace('"records.duckdb"', "3"))).sound is None
