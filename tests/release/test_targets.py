from __future__ import annotations

import pytest

from tasks.release import reach


@pytest.mark.parametrize(
    ("direction", "lower", "upper", "found"),
    [
        ("lower", 4.0, 9.0, "met"),
        ("lower", 4.0, 10.0, "met"),  # at most ten: ten is enough
        ("lower", 10.0, 10.0, "met"),
        ("lower", 9.0, 11.0, "open"),
        ("lower", 10.0, 11.0, "missed"),
        ("higher", 10.0, 12.0, "met"),
        ("higher", 9.0, 11.0, "open"),
        ("higher", 8.0, 9.9, "missed"),
        ("neither", 8.0, 9.9, None),
        ("lower", None, 9.0, None),
        ("lower", 4.0, None, None),
    ],
)
def test_a_target_is_met_or_missed_where_the_whole_interval_is_on_one_side(
    direction: str, lower: float | None, upper: float | None, found: str | None
) -> None:
    assert reach(10.0, direction, lower, upper) == found
