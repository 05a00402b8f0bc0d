"""What columns of several tables share: what they tell, the columns themselves, and the words of statuses."""

from __future__ import annotations

from tasks.release.table_columns import (
    A_SENTENCE,
    A_WORD,
    FROM_SHOWN,
    MODELLED,
    About,
    Column,
    Digits,
    Kind,
    Of,
    Tells,
)

STATUSES = {
    "ok": "published as estimated",
    "suppressed_primary": "withheld: the count is so small that it could identify patients",
    "suppressed_secondary": "withheld: it would let a withheld number be worked out",
    "low_reliability": "shown, but too uncertain to compare",
    "not_ranked": "not placed in an order",
    "not_estimable": "could not be estimated; the reason stands beside it",
    "no_records": "no usable records in the window",
}

SHOWN = ("ok", "low_reliability", "not_ranked")
"""Statuses of rows whose figures are published."""

CODED = "_coded"
"""Ends the name of a column that has the sentence of another as its code and values."""

NOTHING = Tells(Of.NOTHING)
SIZE = Tells(Of.SIZES, counts="records")
PEOPLE = Tells(Of.SIZES, counts="people")
EVENTS = Tells(Of.EVENTS, counts="records")
TOTAL_SIZE = Tells(Of.SIZES, About.TOTAL, counts="records")
EXPOSURE = Tells(Of.SIZES, counts="exposure")
FIGURE = Tells(Of.BOTH, modelled=True)
PROBABILITY = Tells(Of.BOTH, digits=MODELLED, modelled=True)
VERDICT = Tells(Of.EVENTS, digits=A_WORD, modelled=True)
RANKABILITY = Tells(Of.EVENTS, digits=A_SENTENCE, modelled=True)
EFFECT = Tells(Of.EVENTS, digits=MODELLED, modelled=True)
"""A model's effect rests on all months of all clinics: it tells nobody's size."""
DF = Tells(Of.BOTH, About.TOTAL, digits=MODELLED, modelled=True)
"""Of a mean's model it is the number of records, less that of clinics and coefficients."""
PLACE = Tells(Of.EVENTS, digits=FROM_SHOWN, modelled=True)
FROM_CLINICS = Tells(Of.EVENTS, modelled=True)
"""Of the best estimates of clinics that are shown: it keeps as few digits as theirs."""
OF_MONTH = Tells(Of.BOTH, digits=Digits(None, 3), modelled=False)
OF_SERIES = Tells(Of.BOTH, About.SERIES, digits=Digits(None, 3), modelled=False)


def column(name: str, kind: Kind, tells: Tells, description: str, *, required: bool = False) -> Column:
    """A column, in the order in which a table's lines are read: name, kind, what it tells, what it is."""
    return Column(name, kind, description, tells, required)


STATUS = (
    column(
        "status",
        "string",
        Tells(Of.BOTH, instead="{status}", digits=A_WORD, modelled=True),
        "ok, or why a value is missing or qualified (see `statuses`)",
        required=True,
    ),
    column(
        "reason",
        "string",
        Tells(Of.BOTH, instead="{reason}", digits=A_WORD, modelled=True),
        "why a value is missing or qualified, in a sentence",
    ),
    column(
        "reason_coded",
        "string",
        Tells(Of.BOTH, instead="{reason_coded}", digits=A_WORD, modelled=True),
        "the reason as JSON: the sentence's code and its values; a list where there are several",
    ),
)
CLINIC = (
    column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
    column("clinic", "string", NOTHING, "clinic's name", required=True),
    column("region", "string", NOTHING, "region of the clinic, where the network has regions"),
)
