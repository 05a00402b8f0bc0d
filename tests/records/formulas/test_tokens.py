"""What stands between quotes is taken to the letter, and any column can be named."""

from __future__ import annotations

import ast
import functools
import keyword

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.models import icc, lmm
from tasks.records import cells_for, moments_for, new_rows
from tasks.records.formulas.expressions import deparse, parse
from tasks.records.formulas.formula import outcome_of, read, with_outcome, without_random_terms
from tasks.records.formulas.tokens import as_label, as_written, tokens_of, written

TOKENS = [
    ("y ~ x^2", ["y", "~", "x", "^", "2"]),
    ("`a^b`+'!c' %in% d", ["`a^b`", "+", "'!c'", "%in%", "d"]),
    ('I(s=="a\\b")||g', ["I", "(", "s", "==", '"a\\b"', ")", "||", "g"]),
    ("x - 1e-3*.5**2", ["x", "-", "1e-3", "*", ".5", "**", "2"]),
    ("blood.pressure:.hidden", ["blood.pressure", ":", ".hidden"]),
    ("größe + 体重", ["größe", "+", "体重"]),
]


@pytest.mark.parametrize(("text", "expected"), TOKENS, ids=[each[0] for each in TOKENS])
def test_a_formula_is_cut_into_tokens(text: str, expected: list[str]) -> None:
    tokens = tokens_of(text)
    assert [each.text for each in tokens] == expected
    assert written(tokens) == text


# a column's name or label that was rewritten, or read as something else, before it was looked for
NAMES = [
    *("a^b", "!c", "a != b", "x %in% y", "a\\b", "\\n", "\\", "a**b", "not x", "x and y", "~", "|"),
    *("1", "0", "-1", "2020", "1e3", "TRUE", "pi", "a:b", "a/b", "log(x)", "I(x^2)", "a + b", "(Intercept)"),
    *("(1 | g)", "'", '"', "it's", 'say "ah"', "#1", "%", "{x}", "[x]", "día 1", " ", ".", "v0_", "_1"),
]


FORMULAS = (
    *("y ~ {0}", "y ~ f * {0}", "y ~ {0} - 1", "y ~ I({0}^2) + log({0})", "y ~ f + ({0} | f)"),
    "{0} ~ f",
)


def plain_rows() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {"y": rng.normal(size=20), "u": rng.normal(size=20) + 9, "f": ["a", "b", "c", "c"] * 5}
    )


@functools.cache
def plain_products(formula: str) -> np.ndarray:
    """Those of the column by its plain name."""
    return moments_for(formula.format("u"), plain_rows())[1].raw().products


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_column_of_any_name_is_found_by_it_and_nothing_else(name: str) -> None:
    awkward = plain_rows().rename(columns={"u": name})
    with duckdb.connect() as connection:
        for text in FORMULAS:
            for rows in (awkward, connection.from_df(awkward)):
                found, moments = moments_for(text.format(f"`{name}`"), rows)
                assert np.allclose(moments.raw().products, plain_products(text), rtol=1e-12)
                assert len(set(moments.columns)) == len(moments.columns)
                assert new_rows(found, awkward).fixed.shape == (20, len(found.fixed))


@pytest.mark.parametrize("label", NAMES)
def test_a_label_is_compared_to_the_letter(label: str) -> None:
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 7.0], "s": [label, "other", label, "third"]})
    for rows in (data, duckdb.connect().from_df(data)):
        design, moments = moments_for(f"y ~ I(s == {as_label(label)})", rows)
        assert design.fixed[1] == f"I(s == {as_label(label)})TRUE"
        assert moments.raw().products[0, 0].tolist() == [4.0, 2.0, 14.0]
        chosen, _ = moments_for(f"y ~ relevel(s, ref = {as_label(label)})", rows)
        assert [each[-6:] for each in chosen.fixed[1:]] == [")other", ")third"]


# True and False are R's TRUE and FALSE in Python's spelling: columns of that name stand in backticks
WORDS = sorted({*keyword.kwlist, *keyword.softkwlist, "np", "I2", "v0_", "_0"} - {"True", "False"})


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_python_s_is_a_column_like_any_other(word: str) -> None:
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 7.0, 3.0], word: [1.0, 3.0, 2.0, 5.0, 4.0], "g": list("aabbb")})
    design, _ = cells_for(f"y ~ {word} + I({word}^2) + log({word}) + ({word} | g)", data)
    assert design.fixed == ("(Intercept)", word, f"I({word}^2)", f"log({word})")
    design, _ = cells_for(f"{word} ~ y * g", data)
    assert design.response == word
    read(f"y ~ (1 | {word}) + offset({word})")


def test_pythons_words_are_operators_where_an_operator_stands() -> None:
    assert parse("a > 1 and not b").text == "a > 1 & !b"
    assert parse("not (a or b)").text == "!(a | b)"
    assert parse("and > or").names == ("and", "or")
    assert parse("(a | b) & c").text == "(a | b) & c"
    assert parse("a | b & c").text == "a | b & c"


def test_a_quoted_bar_or_tilde_is_no_random_term_and_no_side() -> None:
    formula = read("`a~b` ~ `x|z` + (`p|q` | `g|h`) + I(u == 'a|b')")
    assert formula.response.names == ("a~b",)
    assert [":".join(term) for term in formula.fixed.terms] == ["x|z", 'I(u == "a|b")']
    assert [(part.group.name, part.terms.terms) for part in formula.random] == [("g|h", (("p|q",),))]


def test_formulas_are_changed_by_token() -> None:
    assert outcome_of("`a~b` ~ x") == "`a~b`"
    assert with_outcome("fever ~ `a~b` + (1 | clinic)", "sbp") == "sbp ~ `a~b` + (1 | clinic)"
    assert without_random_terms("y ~ I(a + b) + (1 + a | g) + c") == "y ~ I(a + b) + c"
    assert without_random_terms("y ~ a*b + (1 || g/h)") == "y ~ a*b"
    assert without_random_terms("y ~ `(x | z)` - 1 + (1 | `)`)") == "y ~ `(x | z)` - 1"
    assert without_random_terms("y ~ I(a | b)") == "y ~ I(a | b)"


def test_models_take_such_names_whole() -> None:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 10)
    plain = pd.DataFrame({"g": g, "x": rng.normal(size=120)})
    plain["y"] = rng.normal(size=12)[g] + plain["x"] + rng.normal(size=120)
    awkward = plain.rename(columns={"g": "site/id", "x": "day of birth", "y": "Δ~sbp"})
    found = lmm("`Δ~sbp` ~ `day of birth` + (1 | `site/id`)", awkward)
    expected = lmm("y ~ x + (1 | g)", plain)
    assert found.coef.to_numpy() == pytest.approx(expected.coef.to_numpy(), rel=1e-12)
    assert list(found.coef.index) == ["(Intercept)", "day of birth"]
    assert found.predict(awkward).to_numpy() == pytest.approx(expected.predict(plain).to_numpy(), rel=1e-12)
    shares = icc("`Δ~sbp`", awkward, groups="`site/id`"), icc("y", plain, groups="g")
    assert shares[0].estimate == shares[1].estimate


ODD = st.text('ab1`"^!\\ .', min_size=1)
NAME = st.one_of(st.sampled_from([*NAMES, "a", "b", "and", "`1`", "a`b"]), ODD)
LEAF = st.one_of(
    st.builds(lambda name: ast.Name(name, ast.Load()), NAME),
    st.builds(ast.Constant, st.floats(0, 1e6)),
    st.builds(ast.Constant, st.text("ab'^!\\ ", max_size=3)),
)
OPERATORS = st.sampled_from([ast.Add(), ast.Sub(), ast.Mult(), ast.Div(), ast.Pow()])
CONNECTIVES = st.sampled_from([ast.And(), ast.Or()])
CALLS = st.sampled_from(["I", "log", "sqrt"])


def _larger(inner: st.SearchStrategy[ast.expr]) -> st.SearchStrategy[ast.expr]:
    return st.one_of(
        st.builds(ast.BinOp, inner, OPERATORS, inner),
        st.builds(ast.UnaryOp, st.sampled_from([ast.USub(), ast.Not()]), inner),
        st.builds(
            lambda a, op, b: ast.Compare(a, [op], [b]), inner, st.sampled_from([ast.Eq(), ast.LtE()]), inner
        ),
        st.builds(lambda op, a, b: ast.BoolOp(op, [a, b]), CONNECTIVES, inner, inner),
        st.builds(lambda name, each: ast.Call(ast.Name(name, ast.Load()), [each], []), CALLS, inner),
    )


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.recursive(LEAF, _larger, max_leaves=6))
def test_an_expression_s_text_says_which_it_is(node: ast.expr) -> None:
    text = deparse(node)
    again = parse(as_written(node.id) if isinstance(node, ast.Name) else text)
    assert deparse(again.node) == text
    assert again.names == tuple(dict.fromkeys(each.id for each in _columns(node)))


def _columns(node: ast.AST) -> list[ast.Name]:
    if isinstance(node, ast.Name):
        return [node]
    children = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    return [each for child in children for each in _columns(child)]
