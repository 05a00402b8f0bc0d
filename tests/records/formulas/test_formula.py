"""Formulas as written, and what is read from them."""

from __future__ import annotations

import pytest

from tasks.errors import FormulaError
from tasks.records.formulas.formula import read, read_grouping

# text, intercept, terms in R's order
FIXED = [
    ("y ~ 1", True, []),
    ("y ~ x", True, ["x"]),
    ("y ~ 0 + x", False, ["x"]),
    ("y ~ -1 + x", False, ["x"]),
    ("y ~ x - 1", False, ["x"]),
    ("y ~ a * b", True, ["a", "b", "a:b"]),
    ("y ~ a * b + I(x^2)", True, ["a", "b", "I(x^2)", "a:b"]),
    ("y ~ I(x**2) + I( x ^ 3 )", True, ["I(x^2)", "I(x^3)"]),
    ("y ~ (a + b + c)^2", True, ["a", "b", "c", "a:b", "a:c", "b:c"]),
    ("y ~ (a + b + c)**2 - a:b", True, ["a", "b", "c", "a:c", "b:c"]),
    ("y ~ a:b + a", True, ["a", "a:b"]),
    ("y ~ Cu:Time + Time", True, ["Time", "Cu:Time"]),
    ("y ~ a/b", True, ["a", "a:b"]),
    ("y ~ b %in% a + a", True, ["a", "b:a"]),
    ("y ~ np.log(x) + log(x+1)", True, ["log(x)", "log(x + 1)"]),
    ("y ~ poly(age,2) + bs(age, df=4)", True, ["poly(age, 2)", "bs(age, df = 4)"]),
    ("y ~ blood.pressure + `day of week`", True, ["blood.pressure", "day of week"]),
    ("y ~ I(age > 60 | sex == 'F')", True, ['I(age > 60 | sex == "F")']),
    ("y ~ I((a - 3)/2) + I(a - (3 - 2)) + I(-a^2) + I((-a)^2)", True,
     ["I((a - 3)/2)", "I(a - (3 - 2))", "I(-a^2)", "I((-a)^2)"]),
    ("y ~ x + x + x", True, ["x"]),
    ("y ~ I((a + b)^2) + I(a + b^2)", True, ["I((a + b)^2)", "I(a + b^2)"]),
    ("y ~ {a + b} * x", True, ["a + b", "x", "a + b:x"]),
    ("y ~ I(!(a > 2))", True, ["I(!(a > 2))"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "intercept", "terms"), FIXED, ids=[each[0] for each in FIXED])
def test_fixed_part_is_read_as_r_reads_it(text: str, intercept: bool, terms: list[str]) -> None:
    fixed = read(text).fixed
    assert fixed.intercept is intercept
    assert [":".join(term) for term in fixed.terms] == terms


# text, (group, intercept, terms) of each random term
RANDOM = [
    ("y ~ x + (1 | clinic)", [("clinic", True, [])]),
    ("y ~ x + (x | clinic)", [("clinic", True, ["x"])]),
    ("y ~ x + (0 + x | clinic)", [("clinic", False, ["x"])]),
    ("y ~ (x || clinic)", [("clinic", True, []), ("clinic", False, ["x"])]),
    ("y ~ (x * z || clinic)",
     [("clinic", True, []), ("clinic", False, ["x"]), ("clinic", False, ["z"]), ("clinic", False, ["x:z"])]),
    ("y ~ (0 + x || clinic)", [("clinic", False, ["x"])]),
    ("y ~ (1 | region/clinic)", [("region", True, []), ("clinic:region", True, [])]),
    ("y ~ (1 | a/b/c)", [("a", True, []), ("b:a", True, []), ("c:b:a", True, [])]),
    ("y ~ (1 | clinic:region)", [("clinic:region", True, [])]),
    ("y ~ (x | region/clinic)", [("region", True, ["x"]), ("clinic:region", True, ["x"])]),
    ("y ~ x+(1|a)+(1|b)", [("a", True, []), ("b", True, [])]),
    ("y ~ (1 | factor(clinic))", [("clinic", True, [])]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RANDOM, ids=[each[0] for each in RANDOM])
def test_random_terms_are_split_as_lme4_splits_them(text: str, expected: list[object]) -> None:
    found = [
        (part.group.name, part.terms.intercept, [":".join(term) for term in part.terms.terms])
        for part in read(text).random
    ]
    assert found == expected


def test_groupings_come_once_in_order_of_appearance() -> None:
    formula = read("y ~ (1 | clinic) + (0 + x | clinic) + (1 | region)")
    assert [each.name for each in formula.groupings] == ["clinic", "region"]
    assert read_grouping("region/clinic")[1].columns == ("clinic", "region")


def test_offsets_and_response_are_expressions() -> None:
    formula = read("log(tat) ~ x + offset(log(exposure)) + offset(rep(log(2), length(x))) + (1 | g)")
    assert formula.response.text == "log(tat)"
    assert [each.text for each in formula.offsets] == ["log(exposure)", "log(2)"]
    assert [":".join(term) for term in formula.fixed.terms] == ["x"]


REFUSED = [
    ("~ x", "needs an outcome"),
    ("y x", "needs an outcome"),
    ("y ~ x ~ z", "needs an outcome"),
    ("y ~ x +", "ends with an operator"),
    ("y ~ (x + z", "not closed"),
    ("y ~ x)", "closed that was not opened"),
    ("y ~ x - (1 | g)", "cannot be taken away"),
    ("y ~ x * (1 | g)", "cannot read"),
    ("y ~ x + 1 | g", "cannot read"),
    ("y ~ (1 | )", "cannot read the random term"),
    ("y ~ (0 | g)", "has no columns"),
    ("y ~ (1 | a + b)", "not a column"),
    ("y ~ x = 2", "cannot read"),
    ("y ~ x == 2", "cannot read"),
    ("y ~ .", "name the columns"),
    ("y ~ x + 2", "cannot read"),
    ("y ~ foo(x)", "no function 'foo'"),
    ("y ~ I(x.upper())", "no function"),
    ("y ~ __import__('os').system('ls')", "no function '__import__'"),
    ("y ~ I([z for z in x])", "cannot read"),  # names side by side: no word of Python's means anything
    ("cbind(a, b) ~ x", "cbind"),
    ("y ~ I('x", "quotation mark"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED, ids=[each[0] for each in REFUSED])
def test_what_cannot_be_read_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(FormulaError, match=says) as refused:
        read(text)
    assert "\n" not in refused.value.message
