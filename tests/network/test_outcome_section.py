"""`[outcomes]`: what an outcome may be, and what is said of one that cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from network.three_clinics import GOOD, write, wrong

from tasks.network.reading import read_network


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'kind = "binary"',
            'kind = "binry"',
            "line 11: [outcomes.vaccinated] kind = 'binry' is not one of continuous, binary, count; did you "
            "mean 'binary'?",
        ),
        (
            "adjusters =",
            "adjuster =",
            "line 13: [outcomes.vaccinated] unknown key 'adjuster'; did you mean 'adjusters'?",
        ),
        (
            'label = "Days"\n',
            "",
            "line 15: [outcomes.days] label is missing (as people read it)",
        ),
        (
            '["age", "ns(age, 3)"]',
            '["age", 3]',
            "line 13: [outcomes.vaccinated] adjusters, value 2, must be text in quotes, and is a whole "
            "number",
        ),
        (
            '["age", "ns(age, 3)"]',
            '"age"',
            'line 13: [outcomes.vaccinated] adjusters must be a list such as ["age"], and is text',
        ),
        (
            '["age", "ns(age, 3)"]',
            '["age", "age"]',
            "line 13: [outcomes.vaccinated] adjusters names 'age' twice",
        ),
        (
            '["age", "ns(age, 3)"]',
            '["vaccinated"]',
            "line 13: [outcomes.vaccinated] the outcome is adjusted for itself ('vaccinated'); leave it out "
            "of adjusters",
        ),
        (
            '["age", "ns(age, 3)"]',
            '["program"]',
            "line 13: [outcomes.vaccinated] the program is in every model already; leave it out of adjusters",
        ),
        (
            "maximum = 400",
            "maximum = 0",
            "line 20: [outcomes.days] minimum (0) is not below maximum (0)",
        ),
        (
            "maximum = 400",
            "maximum = inf",
            "line 21: [outcomes.days] maximum must be a finite number, and is a decimal number",
        ),
        (
            "maximum = 400",
            'exposure = "x"',
            "line 21: [outcomes.days] exposure is for count outcomes, and this one is continuous; leave it "
            "out",
        ),
        (
            "maximum = 400",
            'per = "clinic-month"',
            'line 21: [outcomes.days] per = "clinic-month" counts records, and this outcome is continuous; '
            'make it kind = "count", or leave per out',
        ),
        (
            "maximum = 400",
            'family = "poisson"',
            "line 21: [outcomes.days] family is for count outcomes, and this one is continuous; leave it out",
        ),
        (
            'kind = "binary"',
            'kind = "ordinal"',
            "line 11: [outcomes.vaccinated] kind = 'ordinal' is not one of continuous, binary, count: write "
            "a binary outcome for each threshold in the SELECT, such as pain >= 3",
        ),
        (
            'kind = "binary"',
            'kind = "Categorical"',
            "line 11: [outcomes.vaccinated] kind = 'Categorical' is not one of continuous, binary, count: "
            "write a binary outcome for each category in the SELECT, such as reason = 'fall'",
        ),
        (
            'kind = "binary"',
            'kind = "time_to event"',
            "line 11: [outcomes.vaccinated] kind = 'time_to event' is not one of continuous, binary, count: "
            "write a binary outcome for whether it happened within a number of days, such as seen within 30 "
            "days, of records that were followed that long",
        ),
        (
            'kind = "binary"',
            'kind = "zero-inflated"',
            "line 11: [outcomes.vaccinated] kind = 'zero-inflated' is not one of continuous, binary, "
            'count: take kind = "count" with family = "negative-binomial", and beside it a binary outcome '
            "for whether there were any, such as visits > 0",
        ),
        (
            'kind = "binary"',
            'kind = "count"\nfamily = "negative binomial"',
            "line 12: [outcomes.vaccinated] family = 'negative binomial' is not one of poisson, "
            "negative-binomial; did you mean 'negative-binomial'?",
        ),
        (
            'direction = "higher"',
            'direction = "higher"\nscale = "log"',
            'line 13: [outcomes.vaccinated] scale = "log" is for continuous outcomes, and this one is '
            "binary; leave it out",
        ),
        (
            'direction = "higher"',
            'direction = "higher"\npatient_slopes = true',
            "line 13: [outcomes.vaccinated] patient_slopes is for continuous outcomes, and this one is "
            "binary; leave it out",
        ),
        (
            'direction = "higher"',
            'direction = "higher"\nminimum = 0',
            "line 13: [outcomes.vaccinated] a binary outcome is 0 or 1 and needs no minimum; leave it out",
        ),
        (
            'kind = "binary"',
            'kind = "count"\nper = "clinic-month"\ncolumn = "n"',
            'line 13: [outcomes.vaccinated] per = "clinic-month" counts records and reads no column; leave '
            "column out",
        ),
        (
            '"waiting_days"',
            '"date"',
            "line 18: [outcomes.days] column 'date' has a meaning of its own in the contract; name it "
            "otherwise in the SELECT",
        ),
        (
            '"waiting_days"',
            '"waiting days"',
            "line 18: [outcomes.days] column = 'waiting days' is not a column's name; use letters, digits "
            "and underscores",
        ),
        (
            "[outcomes.days]",
            '[outcomes."my days"]',
            "line 15: [outcomes.my days] 'my days' cannot be the name of a column; use letters, digits and "
            "underscores, beginning with a letter or underscore",
        ),
        (
            "months = 6",
            'period = "week"\n[outcomes.n]\nlabel = "N"\nkind = "count"\ndirection = "neither"\n'
            'per = "clinic-month"',
            'line 37: [outcomes.n] per = "clinic-month" counts by month, and the network reports by week; '
            'write per = "clinic-week"',
        ),
        (
            "maximum = 400",
            "maximum = 400\n[outcomes.days.about]\nreviewed = 2026-05-01\nnext_review = 2026-05-01",
            "line 24: [outcomes.days.about] next_review (2026-05-01) is not after reviewed (2026-05-01); "
            "mend one of them",
        ),
        (
            "maximum = 400",
            'maximum = 400\n[outcomes.days.about]\nreviewed = "May 2026"',
            "line 23: [outcomes.days.about] reviewed must be a day such as 2026-05-01, without quotes, "
            "and is text",
        ),
        (
            'direction = "higher"',
            'direction = "neither"\ntarget = 80',
            "line 13: [outcomes.vaccinated] target is for outcomes that are judged, and this one is not: "
            "neither direction is better; leave it out",
        ),
        (
            'direction = "higher"',
            'direction = "higher"\ntarget = 180',
            "line 13: [outcomes.vaccinated] target is in per cent for a binary outcome, from 0 to 100",
        ),
        (
            "maximum = 400",
            'maximum = 400\nscale = "log"\ntarget = 0',
            "line 23: [outcomes.days] target must be above 0, since logarithms are taken",
        ),
        (
            "maximum = 400",
            "maximum = 400\nminimum_denominator = 0",
            "line 22: [outcomes.days] minimum_denominator must be at least 1, and is 0",
        ),
    ],
)
def test_one_thing_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert wrong(tmp_path, GOOD.replace(old, new)) == [said]


def test_an_outcome_has_minimum_numbers_of_its_own_or_the_network_s(tmp_path: Path) -> None:
    text = GOOD.replace("maximum = 400", "maximum = 400\nminimum_denominator = 60")
    network = read_network(write(tmp_path, text))
    own, shared = network.policy_for("days"), network.policy_for("vaccinated")
    assert (own.minimum_denominator, own.minimum_count) == (60, network.policy.minimum_count)
    assert shared == network.policy
    assert network.policy_for("an outcome of an earlier release") == network.policy
