"""What a person sees: the steps by name, and a time left that follows what the last run took."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from flows.running.progress import Lines, TimeLeft, expected_seconds, in_words, shown


def test_before_anything_ran_the_expectation_is_what_is_left() -> None:
    left = TimeLeft()
    left.plan(["a", "b"], {"a": 10.0, "b": 30.0})
    assert left.left(0.0) == 40.0
    assert left.done == 0.0


def test_time_left_falls_within_a_step_and_follows_the_pace() -> None:
    left = TimeLeft()
    left.plan(["a", "b"], {"a": 10.0, "b": 30.0})
    left.begin("a")
    assert left.left(4.0) == pytest.approx(36.0)
    left.end("a", 20.0)  # twice as slow as expected
    assert left.done == 0.25
    left.begin("b")
    assert left.left(0.0) == pytest.approx(60.0)
    left.share = 0.5
    assert left.left(0.0) == pytest.approx(30.0)
    assert left.done == pytest.approx(25 / 40)
    left.end("b", 60.0)
    assert left.left(0.0) == 0.0
    assert left.done == 1.0


def test_a_step_that_takes_longer_than_expected_never_shows_less_than_nothing() -> None:
    left = TimeLeft()
    left.plan(["a"], {"a": 1.0})
    left.begin("a")
    assert 0.0 < left.left(100.0) <= 0.05 + 1e-12


def test_an_unplanned_step_is_shown_all_the_same() -> None:
    left = TimeLeft()
    left.begin("Start")
    left.end("Start", 12.0)
    left.plan(["a"], {})
    assert 0.0 < left.done < 1.0


def test_expectations_come_from_the_last_run_that_did_not_fail(tmp_path: Path) -> None:
    def record(name: str, ended: str, seconds: float) -> None:
        steps = [{"name": "Draw the reports", "did": "3 PDFs", "seconds": seconds}]
        (tmp_path / name).write_text(json.dumps({"ended": ended, "steps": steps}))

    assert expected_seconds(tmp_path / "none") == {}
    record("20200501T000000Z.json", "published", 5.0)
    record("20200601T000000Z.json", "unchanged", 7.0)
    record("20200701T000000Z.json", "failed", 9.0)
    (tmp_path / "20200801T000000Z.json").write_text("not a record")
    assert expected_seconds(tmp_path) == {"Draw the reports": 7.0}


def test_a_pipe_gets_a_line_for_each_step() -> None:
    stream = io.StringIO()
    with shown(stream) as progress:
        assert isinstance(progress, Lines)
        progress.plan(["Draw the reports"], {})
        progress.begin("Draw the reports")
        progress.within(1, 2)
        progress.end("Draw the reports", "2 PDFs", 1.25)
    assert stream.getvalue().split() == ["Draw", "the", "reports", "2", "PDFs", "1.2", "s"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "a few seconds left"), (12, "about 12 s left"), (44, "about 40 s left"), (200, "about 3 min left")],
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
