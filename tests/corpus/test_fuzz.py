"""Drawn tables and network files, against the reference and a frame against a database; a small, fixed share.

`python tests/corpus/fuzz.py --minutes 30` draws others for as long as one likes.
"""

from __future__ import annotations

import pytest
from corpus.drawing import PROPERTIES, Property
from hypothesis import HealthCheck, given, settings

EXAMPLES = 8


@pytest.mark.slow
@pytest.mark.parametrize("drawn", PROPERTIES, ids=lambda each: each.name)
def test_fuzz(drawn: Property) -> None:
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    fixed = settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=quiet
    )
    fixed(given(drawn.strategy)(drawn.holds))()
