"""Every estimator gives the same numbers for a pandas frame and for the same rows in a database.

A database groups and adds up by itself, in an order of its own, and hands over cells where a frame hands over
rows. Text has no order of levels in a database, so factors are text on both sides, in alphabetical order.
Where a frame is refused, the database is refused in the same words.
"""

from __future__ import annotations

import contextlib
import functools
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import postgres
import pytest
from refs.reference import HERE, case_ids, load_case, load_data

from tasks.demo import DemoName, make_demo
from tasks.errors import ClinicnetError
from tasks.models import (
    GlmmFit,
    gee,
    glmm,
    hausman,
    icc,
    lmm,
    marginal_effects,
    mundlak,
    patient_icc,
    program_effect,
    shrink,
    swamy_arora,
    within,
)
from tasks.models.fit import Fit
from tasks.network import read_network
from tasks.records import Records
from tasks.records.formulas.formula import read, without_random_terms
from tests.models.estimator_sources import Place, in_duckdb, in_postgresql, in_sqlite

pytestmark = pytest.mark.slow

RELATIVE = 1e-9
Numbers = dict[str, np.ndarray]


@dataclass(frozen=True)
class Question:
    """What is asked of the rows of one table.

    Attributes:
        table: the data set.
        answer: the rows, as a frame or in a database, → numbers.
        relative: how far two answers may differ: as far as an iteration stops short of its optimum.
    """

    table: str
    answer: Callable[[Any], Numbers]
    relative: float = RELATIVE


def numbers(fit: Fit) -> Numbers:
    """What a fit says."""
    found = {"coefficients": fit.coef.to_numpy(), "se": fit.se.to_numpy(), "df": fit.df.to_numpy(dtype=float)}
    found["variances"] = np.array([float(v) for name in fit.varcomp for v in np.diag(fit.varcomp[name])])
    if fit.loglik is not None:
        found["loglik"] = np.array([fit.loglik])
    found["rows"] = np.array([fit.n_obs, *fit.n_groups])
    return found


def columns(table: pd.DataFrame, names: list[str]) -> Numbers:
    return {name: table[name].to_numpy(dtype=float) for name in names}


def assert_same(frame: Numbers, database: Numbers, relative: float) -> None:
    """Coefficients are held against their standard errors, since one that is zero has no digits."""
    assert set(frame) == set(database)
    for name, expected in frame.items():
        size = np.abs(expected)
        if name == "coefficients":
            size = np.maximum(size, np.nan_to_num(frame["se"]))
        elif name in ("variances", "mean"):
            size = np.full_like(size, size.max(initial=0.0))
        finite = np.isfinite(expected)
        assert np.array_equal(np.isfinite(database[name]), finite), name
        off = np.abs(database[name][finite] - expected[finite])
        assert (off <= relative * size[finite] + 1e-12).all(), (
            name,
            float((off / (size[finite] + 1e-12)).max()),
        )


# what is asked


def _table(name: str) -> str:
    case = load_case(name)
    return f"{case['dataset'].removesuffix('.csv')} {case.get('subset') or ''}".strip()


def _lmm(name: str) -> Question:
    model = load_case(name)["model"]
    reml = model["method"] == "REML"
    return Question(_table(name), lambda data: numbers(lmm(model["lme4"], data, reml=reml)))


def _within(name: str) -> Question:
    formula = load_case(name)["model"]["lme4"]
    group, fixed = read(formula).groupings[0].columns[0], without_random_terms(formula)
    return Question(_table(name), lambda data: numbers(within(fixed, data, groups=group)))


def _glmm(name: str) -> Question:
    model = load_case(name)["model"]
    asked = {"nodes": int(model["nAGQ"]), "trials": model.get("weights"), "family": model["family"]}
    return Question(_table(name), lambda data: numbers(glmm(model["lme4"], data, **asked)))


def _negative_binomial(name: str) -> Question:
    model = load_case(name)["model"]

    def answer(data: Any) -> Numbers:
        fitted: GlmmFit = glmm(model["lme4"], data, family="negative-binomial", nodes=1)
        return numbers(fitted) | {"size": np.array([float(fitted.size or np.nan)])}

    return Question(_table(name), answer)


def _gee(name: str) -> Question:
    model = load_case(name)["model"]
    formula = model["formula"].replace("offset(rep(log(2), length(base)))", "offset(log(two))")
    asked = {
        "groups": model["cluster"],
        "family": model["family"],
        "corr": model["corstr"],
        "time": model["wave"],
        "scale": model["scale_fixed"],
    }
    return Question(_table(name), lambda data: numbers(gee(formula, data, **asked)))


ICC_METHODS = {
    "binary": ("fleiss-cuzick", "anova", "pairwise", "mak", "beta-binomial", "latent", "observed"),
    "continuous": ("anova", "reml", "ml"),
}


def _icc(name: str, method: str) -> Question:
    model = load_case(name)["model"]

    def answer(data: Any) -> Numbers:
        kind = "binary" if "bin" in name else "continuous"
        found = icc(model["response"], data, groups=model["cluster"], kind=kind, method=method)  # type: ignore[arg-type]
        own = columns(found.clinics, ["n", "mean"])
        return own | {"icc": np.array([found.estimate]), "ends": np.array([found.lower, found.upper])}

    return Question(_table(name), answer)


def _clinic_effects(name: str) -> Question:
    """The clinics' own and shrunken figures."""
    model = load_case(name)["model"]

    def answer(data: Any) -> Numbers:
        fit = (
            glmm(model["lme4"], data, family=model["family"], trials=model.get("weights"))
            if "nAGQ" in model
            else lmm(model["lme4"], data, reml=model["method"] == "REML")
        )
        table = shrink(fit).table
        return columns(table, ["own_sd", "sd", "lower", "upper"]) | {
            "coefficients": table["mean"].to_numpy(), "se": table["sd"].to_numpy()
        }  # fmt: skip

    # a posterior is integrated on a grid about the optimum, and moves with the optimum's last digits
    return Question(_table(name), answer, relative=1e-8)


def _panel(name: str) -> Question:
    """Random effects, Hausman's and Mundlak's tests of a panel."""
    model = load_case(name)["model"]
    group = model["cluster"]
    formula = f"{model['response']} ~ {' + '.join(model['within_covariates'] + model['between_covariates'])}"

    def answer(data: Any) -> Numbers:
        tests = hausman(formula, data, groups=group), mundlak(formula, data, groups=group)
        found = numbers(swamy_arora(formula, data, groups=group))
        return found | {"tests": np.array([each.statistic for each in tests])}

    return Question(_table(name), answer, relative=1e-8)


def _marginal(name: str) -> Question:
    model = load_case(name)["model"]
    source = load_case(model["parameters_from_case"])["model"]

    def answer(data: Any) -> Numbers:
        fit = glmm(source["lme4"], data, family=model["family"], nodes=9, trials=source.get("weights"))
        table = marginal_effects(fit, model["exposure"], data, contrast=model["contrast"]).table
        return {"coefficients": table["estimate"].to_numpy(), "se": table["se"].to_numpy(dtype=float)}

    return Question(_table(model["parameters_from_case"]), answer)


EDGES: dict[str, tuple[str, str, str]] = {
    "every clinic has one record": ("sim_allsingle", "y ~ x + (1 | clinic)", "gaussian"),
    "every clinic has one record, binary": ("sim_allsingle", "yb ~ x + (1 | clinic)", "binomial"),
    "constant outcome": ("sim_const", "y_const ~ x + (1 | clinic)", "gaussian"),
    "clinics without variation": ("sim_const", "y_clusterconst ~ x + (1 | clinic)", "gaussian"),
    "clinics of one answer each": ("sim_const", "yb_clusterconst ~ x + (1 | clinic)", "binomial"),
    "all events": ("sim_const", "yb_one ~ x + (1 | clinic)", "binomial"),
    "no events": ("sim_const", "yc_zero ~ x + (1 | clinic)", "poisson"),
    "complete separation": ("sim_sep", "y_complete ~ x + (1 | clinic)", "binomial"),
    "quasi-complete separation": ("sim_sep", "y_quasi ~ arm + (1 | clinic)", "binomial"),
    "two clinics": ("sim_twoclust", "y ~ x + (1 | clinic)", "gaussian"),
    "one clinic": ("sim_twoclust", "y ~ x + (1 | onecl)", "gaussian"),
}


def _edge(table: str, formula: str, family: str) -> Question:
    if family == "gaussian":
        return Question(table, lambda data: numbers(lmm(formula, data)))
    return Question(table, lambda data: numbers(glmm(formula, data, family=family)))


DEMOS: tuple[tuple[DemoName, str, str], ...] = (
    ("chop", "positive ~ age + gender + drive_thru", "binomial"),
    ("chop", "hours ~ age + drive_thru", "gaussian"),
    ("state48", "vaccinated ~ age + sex", "binomial"),
    ("state48", "systolic ~ age + sex", "gaussian"),
    ("state48", "emergency_visits ~ age + sex", "poisson"),
)


def _demo(demo: DemoName, formula: str, family: str) -> Iterator[tuple[str, Question]]:
    mixed, outcome = f"{formula} + (1 | clinic)", formula.split(" ~ ")[0]
    yield (
        "gee",
        Question(
            demo,
            lambda rows: numbers(gee(formula, rows, groups="clinic", family=family, corr="exchangeable")),  # type: ignore[arg-type]
        ),
    )
    if family == "gaussian":
        yield "lmm", Question(demo, lambda rows: numbers(lmm(mixed, rows)))
        yield "within", Question(demo, lambda rows: numbers(within(formula, rows, groups="clinic")))
        yield (
            "patients",
            Question(demo, lambda rows: columns(patient_icc(outcome, rows), ["n", "patients", "icc"])),
        )
    else:
        yield "glmm", Question(demo, lambda rows: numbers(glmm(mixed, rows, family=family)))
    if demo == "state48":
        yield "program", Question(demo, lambda rows: _program(formula, rows, family))


def _program(formula: str, rows: Any, family: Any) -> Numbers:
    table = program_effect(formula, rows, family=family, starts=_starts()).table
    assert (table["status"] == "ok").all()
    return columns(table, ["value", "lower", "upper", "df", "n_records", "n_clinics"])


def _questions() -> Iterator[tuple[str, Question]]:
    yield from ((name, _lmm(name)) for name in case_ids("lmm"))
    yield from ((f"within {name}", _within(name)) for name in case_ids("lmm"))
    counted = case_ids("glmm_poisson")
    yield from ((name, _glmm(name)) for name in [*case_ids("glmm_logistic"), *counted])
    yield from ((f"nb {name}", _negative_binomial(name)) for name in counted if "olre" not in name)
    yield from ((name, _gee(name)) for name in case_ids("gee"))
    for name in case_ids("icc"):
        kind = "binary" if "bin" in name else "continuous"
        yield from ((f"{name} {method}", _icc(name, method)) for method in ICC_METHODS[kind])
    yield from ((f"clinics {name}", _clinic_effects(name)) for name in _first_with_intercepts())
    yield from ((name, _panel(name)) for name in case_ids("fixed_effects"))
    yield from ((name, _marginal(name)) for name in case_ids("marginalisation"))
    yield from ((name, _edge(*asked)) for name, asked in EDGES.items())
    for demo, formula, family in DEMOS:
        yield from ((f"{demo} {formula} {each}", asked) for each, asked in _demo(demo, formula, family))


def _first_with_intercepts() -> list[str]:
    """A case of each data set with one random intercept and nothing else random."""
    found: dict[str, str] = {}
    for family in ("lmm", "glmm_logistic", "glmm_poisson"):
        for name in case_ids(family):
            random = read(load_case(name)["model"]["lme4"]).random
            if len(random) == 1 and "olre" not in name and "(1 |" in load_case(name)["model"]["lme4"]:
                found.setdefault(f"{family} {load_case(name)['dataset']}", name)
    return list(found.values())


FROM_THE_FIT = re.compile(r"clinics |icc_\S+ (anova|pairwise|mak|observed|ml)$")
"""Questions whose answer follows from what another question's reads: one database is enough for these."""
QUESTIONS = dict(sorted(_questions(), key=lambda named: named[1].table))
"""Every estimator on every data set that the tests hold it to, those about one table after each other."""


# what they are asked of


EIGHTHS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "InstEval": lambda ratings: ratings[ratings["d"].astype(int) % 8 == 0],  # of lecturers
    "state48": lambda visits: visits.iloc[::8],
}
"""What is asked about of long data sets: frame and database must agree on any rows, and lme4's results for
the whole InstEval are held by linear_mixed/test_lmm.py."""


@functools.cache
def _frames() -> dict[str, pd.DataFrame]:
    """Every data set by name: whole, and as cases cut it."""
    frames = {path.stem: load_data(path.stem) for path in (HERE / "data").glob("*.csv")}
    for name in case_ids():
        if "dataset" in load_case(name):
            frames.setdefault(_table(name), load_data(load_case(name)))
    for demo in ("chop", "state48"):
        frames[demo] = _demo_rows(demo)
    for name, eighth in EIGHTHS.items():
        frames[name] = eighth(frames[name]).reset_index(drop=True)
    return {name: _as_text(frame) for name, frame in frames.items()}


def _as_text(data: pd.DataFrame) -> pd.DataFrame:
    factors = data.select_dtypes(["category"]).columns
    return data.assign(two=2, **{name: data[name].astype("object") for name in factors})


_DEMOS = tempfile.TemporaryDirectory()  # removed when the process ends


@functools.cache
def _demo_directory(demo: DemoName) -> Path:
    return make_demo(demo, Path(_DEMOS.name) / demo)


def _demo_rows(demo: DemoName) -> pd.DataFrame:
    """What the network file's SELECT returns, with months."""
    file = _demo_directory(demo)
    network = read_network(file)
    with duckdb.connect(str(file.parent / network.records.source), read_only=True) as connection:
        rows: pd.DataFrame = connection.sql(
            f"SELECT * EXCLUDE (date), strftime(date, '%Y-%m') AS month FROM ({network.records.select}\n)"
        ).df()
    return rows


def _starts() -> dict[str, str]:
    program = read_network(_demo_directory("state48")).program
    assert program is not None
    assert program.starts is not None
    return dict(program.starts)


@functools.cache
def _of_the_frame(name: str) -> Numbers | ClinicnetError:
    asked = QUESTIONS[name]
    try:
        return asked.answer(_frames()[asked.table])
    except ClinicnetError as refused:
        return refused


@pytest.fixture(scope="module")
def ask_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], Records]]:
    """Database and table → its records, the last ones kept open: SQLite's are copied once, not every time."""
    with contextlib.ExitStack() as open_now, pytest.MonkeyPatch.context() as patched:
        patched.setenv("PGPASSWORD_FOR_TESTS", postgres.PASSWORD)

        @functools.cache
        def place(database: str) -> Place:
            if database == "PostgreSQL":
                return in_postgresql(_frames(), request.getfixturevalue("postgresql"))
            written = {"DuckDB": in_duckdb, "SQLite": in_sqlite}[database]
            return written(_frames(), tmp_path_factory.mktemp(database))

        @functools.lru_cache(maxsize=1)
        def held(database: str, table: str) -> Records:
            open_now.pop_all().close()
            return open_now.enter_context(place(database)(table).held())

        yield held


def _asked() -> Iterator[Any]:
    marks = {
        "DuckDB": (),
        "SQLite": (pytest.mark.before_release,),
        "PostgreSQL": (pytest.mark.live, pytest.mark.before_release),
    }
    for each, marked in marks.items():
        for name in QUESTIONS:
            from_the_fit = FROM_THE_FIT.match(name) is not None
            if each == "DuckDB" or not from_the_fit:
                of_both = (*marked, pytest.mark.before_release) if from_the_fit else marked
                yield pytest.param(each, name, id=f"{each}-{name}", marks=of_both)


@pytest.mark.parametrize(("database", "name"), list(_asked()))
def test_a_database_answers_as_a_frame_does(
    database: str, name: str, ask_of: Callable[[str, str], Records]
) -> None:
    asked, expected = QUESTIONS[name], _of_the_frame(name)
    records = ask_of(database, asked.table)
    if isinstance(expected, ClinicnetError):
        with pytest.raises(type(expected)) as refused:
            asked.answer(records)
        assert refused.value.message == expected.message
    else:
        assert_same(expected, asked.answer(records), asked.relative)


def test_every_data_set_is_asked_about() -> None:
    asked = {question.table.partition(" ")[0] for question in QUESTIONS.values()}
    assert {path.stem for path in (HERE / "data").glob("*.csv")} <= asked


REFUSED = {
    *("every clinic has one record", "every clinic has one record, binary", "constant outcome"),
    *("clinics without variation", "all events", "no events", "one clinic"),
    *("complete separation", "quasi-complete separation"),
    "gee_sitka89_unstr",  # its unstructured correlation is not positive definite
}


def test_only_what_cannot_be_estimated_is_refused() -> None:
    refused = {name for name in QUESTIONS if isinstance(_of_the_frame(name), ClinicnetError)}
    without_covariates = {name for name in refused if name.startswith("within ")}
    assert refused - without_covariates == REFUSED
    for name in without_covariates:  # of covariates that vary within clinics
        assert "within" in str(_of_the_frame(name)) or "says nothing about" in str(_of_the_frame(name)), name
