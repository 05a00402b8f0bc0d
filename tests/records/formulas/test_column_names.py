"""Columns, groups and levels are what they are, whatever they are called.

R calls level 11 of `dx` and level 1 of `dx1` both `dx11` and keeps both columns; the expected coefficients
are lme4 1.1's (R 4.3) on the same rows, to the two decimals its output was taken with.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.errors import FormulaError
from tasks.models import glmm, likelihood_ratio, lmm
from tasks.models.fixed_effects.hausman import mundlak
from tasks.models.program_effects.program_effect import program_effect
from tasks.records import Records, cells_for, moments_for, new_rows
from tasks.records.data_columns import nested_label
from tasks.records.for_models.narrower_moments import narrower_moments
from tasks.records.formulas.model_spec import request


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    n = 3_000
    c, u = rng.integers(0, 25, n), rng.normal(0, 1, 25)
    dx, dx1 = rng.choice(["0", "10", "11", "20"], n), rng.choice(["0", "1"], n)
    smoke, packs = rng.choice(["no", "yes"], n), rng.poisson(10, n) * 1.0
    f, g = rng.choice(["a", "b", "b:gy"], n), rng.choice(["x", "y"], n)

    def noise() -> np.ndarray:
        return u[c] + rng.normal(0, 1, n)

    return pd.DataFrame(
        {
            "clinic": [f"c{i}" for i in c],
            "dx": dx,
            "dx1": dx1,
            "smoke": smoke,
            "smokeyes": packs,
            "f": f,
            "g": g,
            "y1": 1.0 * (dx == "10") + 2.0 * (dx == "11") + 3.0 * (dx == "20") + 7.0 * (dx1 == "1") + noise(),
            "y2": 4.0 * (smoke == "yes") + 0.5 * packs + noise(),
            "y3": 1.0 * (f == "b")
            + 2.0 * (f == "b:gy")
            + 3.0 * (g == "y")
            + 5.0 * ((f == "b") & (g == "y"))
            + noise(),
        }
    )


# formula, our names with lme4's estimates in its order, lme4's residual variance
LME4 = [
    (
        "y1 ~ dx + dx1 + (1 | clinic)",
        {"(Intercept)": 0.38, "dx10": 0.93, "dx[11]": 1.97, "dx20": 2.95, "dx1[1]": 6.97},
        0.9879118,
    ),
    (
        "y2 ~ smoke + smokeyes + (1 | clinic)",
        {"(Intercept)": 0.36, "smoke[yes]": 4.03, "smokeyes": 0.50},
        0.9959767,
    ),
    (
        "y3 ~ f * g + (1 | clinic)",
        {"(Intercept)": 0.32, "fb": 1.07, "f[b:gy]": 1.92, "gy": 3.07, "f[b]:g[y]": 4.86, "fb:gy:gy": 0.06},
        0.9831127,
    ),
]


@pytest.mark.parametrize(("formula", "expected", "sigma2"), LME4, ids=[each[0] for each in LME4])
def test_columns_that_r_gives_one_name_are_both_estimated(
    patients: pd.DataFrame, tmp_path: Path, formula: str, expected: dict[str, float], sigma2: float
) -> None:
    patients.to_parquet(tmp_path / "patients.parquet")
    for data in (patients, Records(str(tmp_path / "patients.parquet"))):
        fit = lmm(formula, data)
        assert fit.coef.round(2).to_dict() == expected
        assert fit.sigma2 == pytest.approx(sigma2, abs=5e-8)


@pytest.mark.parametrize("extra", ["dx1", "smokeyes"])
def test_a_model_is_within_a_larger_one_whose_columns_have_other_names(
    patients: pd.DataFrame, extra: str
) -> None:
    left = {"dx1": "y1 ~ dx", "smokeyes": "y2 ~ smoke"}[extra]
    data = patients.rename(columns={"dx": "diagnosis", "smoke": "tobacco"})
    plain = left.replace("dx", "diagnosis").replace("smoke", "tobacco")
    found, expected = (
        likelihood_ratio(
            lmm(f"{small} + (1 | clinic)", rows, reml=False),
            lmm(f"{small} + {extra} + (1 | clinic)", rows, reml=False),
        )
        for small, rows in ((left, patients), (plain, data))
    )
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert found.df == expected.df == 1


def test_narrower_moments_are_of_the_column_meant_not_of_the_one_so_called(patients: pd.DataFrame) -> None:
    for formula in ("y1 ~ dx", "y1 ~ dx1"):
        found = narrower_moments(request(formula), *moments_for("y1 ~ dx + dx1", patients, groups="clinic"))
        expected = moments_for(formula, patients)
        assert found is not None
        assert found[0].fixed == expected[0].fixed
        assert found[1].columns == expected[1].columns
        assert np.allclose(found[1].raw().products, expected[1].raw().products, rtol=1e-12)


def test_sum_contrasts_and_dummies_of_one_factor_are_different_columns() -> None:
    data = pd.DataFrame({"y": np.arange(12.0), "k": [1, 2, 3] * 4, "g": ["a", "a", "b"] * 4})
    design, moments = moments_for("y ~ C(k, Sum) + (0 + C(k, Sum) | g)", data)
    assert design.fixed == ("(Intercept)", "C(k, Sum)[S.1]", "C(k, Sum)[S.2]")
    assert design.random[0].columns == ("C(k, Sum)[1]", "C(k, Sum)[2]", "C(k, Sum)3")
    sums = moments.raw().products.sum(axis=0)[0]
    assert dict(zip(moments.columns, sums, strict=True)) == {
        "(Intercept)": 12.0,
        "C(k, Sum)[S.1]": 0.0,
        "C(k, Sum)[S.2]": 0.0,
        "C(k, Sum)[1]": 4.0,
        "C(k, Sum)[2]": 4.0,
        "C(k, Sum)3": 4.0,
        "y": 66.0,
    }


def test_a_column_may_be_called_as_the_outcome_or_the_constant() -> None:
    data = pd.DataFrame({"ab": [1.0, 2.0, 4.0, 8.0], "a": ["a", "b", "b", "a"], "(Intercept)": [3, 1, 4, 1]})
    design, moments = moments_for("ab ~ a + `(Intercept)`", data)
    assert design.fixed == ("(Intercept)", "a[b]", "`(Intercept)`")
    assert moments.columns == (*design.fixed, "ab")
    assert moments.raw().products[0, 0].tolist() == [4.0, 2.0, 9.0, 15.0]


def test_a_cluster_mean_beside_a_column_of_its_name(patients: pd.DataFrame) -> None:
    other = patients.assign(age=patients["smokeyes"], weight=np.arange(len(patients)) % 17)
    awkward = other.rename(columns={"weight": "age_mean"})
    found = mundlak("y2 ~ age + age_mean", awkward, groups="clinic")
    expected = mundlak("y2 ~ age + weight", other, groups="clinic")
    assert found.fit.coef.to_numpy() == pytest.approx(expected.fit.coef.to_numpy(), rel=1e-9)
    assert list(found.fit.coef.index)[3:] == ["age_mean (2)", "age_mean_mean"]


def test_nested_levels_with_colons_stay_apart() -> None:
    assert nested_label(("C1", "R1")) == "C1:R1"
    assert nested_label(("a:b", "c")) == '"a:b":c'
    assert nested_label(("a", "b:c")) == 'a:"b:c"'
    assert nested_label(('"a', "b")) == '"""a":b'
    texts = ["", "a", ":", '"', 'a"', '"a', "a:", ":a", '":"', '"a":']
    assert len({nested_label(pair) for pair in ((x, y) for x in texts for y in texts)}) == len(texts) ** 2


@pytest.mark.parametrize("model", ["lmm", "glmm"])
def test_each_of_two_clinics_whose_names_join_alike_is_predicted_by_itself(model: str) -> None:
    rng = np.random.default_rng(3)
    sites = [
        ("R", "a"),
        ("R", "b"),
        ("R", "a:b"),
        ("b:R", "a"),
        ("S", "c"),
        ("S", "d"),
        ("T", "e"),
        ("T", "f"),
    ]
    plain = [(f"r{['R', 'b:R', 'S', 'T'].index(region)}", f"c{i}") for i, (region, _) in enumerate(sites)]
    at = np.repeat(np.arange(len(sites)), 60)
    level = np.array([-1.0, 0.5, 2.5, -2.5, 0.0, 1.0, -0.5, 0.3])[at]
    y = level + rng.normal(size=len(at)) if model == "lmm" else rng.binomial(1, 1 / (1 + np.exp(-level)))

    def rows(names: list[tuple[str, str]]) -> pd.DataFrame:
        return pd.DataFrame(
            {"region": [names[i][0] for i in at], "clinic": [names[i][1] for i in at], "y": y}
        )

    formula = "y ~ 1 + (1 | region/clinic)"
    predicted = []
    for names in (sites, plain):
        fit = lmm(formula, rows(names)) if model == "lmm" else glmm(formula, rows(names), family="binomial")
        predicted.append(fit.predict(pd.DataFrame(names, columns=["region", "clinic"])).to_numpy())
    assert predicted[0] == pytest.approx(predicted[1], rel=1e-6)
    assert len(set(predicted[0].round(6))) == len(sites)


def test_what_program_effect_adds_is_never_mistaken_for_a_column() -> None:
    months = np.tile(np.arange(6), 40)
    clinic = np.repeat(np.arange(8), 30)
    data = pd.DataFrame({"clinic": clinic, "month": months, "program": (months >= 2 + clinic % 3) * 1})
    data["y"], data["program1"] = np.sin(np.arange(240.0)), np.cos(np.arange(240.0))
    with pytest.raises(FormulaError, match="two columns would be called 'program1'"):
        program_effect(
            "y ~ program1", data, program="program", period="month", groups="clinic", effect="exposure-time"
        )


_DATABASE = duckdb.connect()


def _relation(rows: pd.DataFrame) -> duckdb.DuckDBPyRelation:
    return _DATABASE.from_df(rows)


# names and levels of few letters run together in many ways
TEXT = st.text("ab:1", min_size=1, max_size=3)


@st.composite
def awkward(draw: st.DrawFn) -> tuple[list[str], list[list[str]], str]:
    """Names of three columns, their levels (none: numbers), and a formula over {0}, {1}, {2}."""
    names = draw(st.lists(TEXT, min_size=3, max_size=3, unique=True))
    assume(not {"y", "g"} & set(names))
    levels = [sorted(draw(st.sets(TEXT, min_size=2, max_size=3))) for _ in names[:2]]
    numeric = draw(st.booleans())
    formula = draw(
        st.sampled_from(
            [
                "y ~ {0} + {1} + {2}",
                "y ~ {0} * {1}",
                "y ~ {0} * {2} + {1}",
                "y ~ 0 + {0}:{1} + {2}",
                "y ~ {1} + (0 + {0} | g) + ({2} | {0}:{1})",
                "y ~ {2} + (1 | {0}/{1})",
            ]
        )
    )
    return names, [*levels, [] if numeric else ["a", "b"]], formula


@pytest.mark.before_release
@settings(max_examples=25, deadline=None)  # others every time
@given(awkward())
@pytest.mark.slow
def test_names_change_nothing_but_names(case: tuple[list[str], list[list[str]], str]) -> None:
    names, levels, formula = case
    rng = np.random.default_rng(12)
    n = 60
    at = [rng.integers(0, max(len(each), 5 if not each else 0), n) for each in levels]
    y, g = rng.normal(size=n), rng.choice(["g", "h"], n)

    def data(columns: list[str], labels: list[list[str]]) -> pd.DataFrame:
        values = {
            column: np.array(own)[codes] if own else codes * 1.0
            for column, own, codes in zip(columns, labels, at, strict=True)
        }
        return pd.DataFrame({"y": y, "g": g, **values})

    safe = [[f"level{i}" for i in range(len(own))] for own in levels]
    results = []
    for columns, labels in ((names, levels), (["p", "q", "r"], safe)):
        text = formula.format(*(f"`{column}`" for column in columns))
        rows = data(columns, labels)
        for read in (moments_for, cells_for):
            for source in (rows, _relation(rows)):
                design, made = read(text, source)
                assert len(set(design.fixed)) == len(design.fixed)
                assert len(set(made.factors)) == len(made.factors)
                assert all(len(set(own)) == len(own) for own in made.levels)
                numbers = made.raw().products if read is moments_for else made.fixed
                fresh = new_rows(design, rows)
                own_levels = zip(made.levels, fresh.groups, strict=True)
                found = [[own.index(label) for label in column] for own, column in own_levels]
                results.append((numbers, fresh.fixed, *fresh.random, made.codes, np.array(found)))
    half = len(results) // 2
    for awkward_one, plain in zip(results[:half], results[half:], strict=True):
        for one, other in zip(awkward_one, plain, strict=True):
            assert one.shape == other.shape
            assert np.allclose(one, other, rtol=0, atol=1e-9)
