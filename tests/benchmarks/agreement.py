"""How many digits every reference case agrees to: the table that stands in the README beside it.

    python tests/benchmarks/agreement.py [--family lmm] [--write]

Digits are −log10 of the largest relative error of a quantity in a case. A fixed effect's error is relative to
the larger of its value and its standard error, a covariance's to the product of the standard deviations. The
reference values are good to about ten digits, of some quantities fewer (see tests/refs/README.md), which is
where the count ends. `--write` keeps the table in tests/benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import RESULTS, description, markdown
from refs import nist_anova
from refs.reference import case_ids, load_case, load_data

from tasks.errors import EstimationError
from tasks.models import gee, glmm, hausman, icc, lmm, marginal_effects, swamy_arora, within

MOST = 12.0
FEWER = (
    "Where digits are fewer they are the reference's: Satterthwaite's and Kenward–Roger's come of numerical "
    "Hessians there (lmerTest and pbkrtest, four to five digits that can be trusted); crossed fits (VerbAgg, "
    "InstEval) and the null models of the ICC cases were not refereed in extended precision; and NIST's data "
    "near 10⁷ and 10¹² cannot be held in double precision to more digits than the row below says. The eleven "
    "edge cases have no values: what a good engine should do there is tested with each estimator's refusals, "
    "and GEE with a working correlation that is not positive definite (gee_sitka89_unstr) is refused."
)
Found = tuple[str, float]


def digits(ours: Any, theirs: Any, scale: Any = None) -> float:
    """Digits that the worst of a set of numbers agrees to, at most 12."""
    wanted = np.asarray(theirs, dtype=float)
    size = np.broadcast_to(np.abs(wanted) if scale is None else np.asarray(scale, dtype=float), wanted.shape)
    a, b, size = np.asarray(ours, dtype=float).ravel(), wanted.ravel(), size.ravel()
    known = np.isfinite(a) & np.isfinite(b)
    a, b, size = a[known], b[known], size[known]
    error = np.abs(a - b)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(error == 0.0, 0.0, error / np.maximum(size, 1e-300))
    worst = float(relative.max(initial=0.0))
    return MOST if worst <= 10.0**-MOST else max(0.0, -math.log10(worst))


def fixed_effects(fit: Any, expected: Mapping[str, Any]) -> Iterator[Found]:
    """Coefficients and standard errors, which every family has."""
    names = list(expected["fixef"])
    value, se = (np.array([expected[key][name] for name in names]) for key in ("fixef", "se"))
    yield "fixed effects", digits(fit.coef.loc[names], value, np.maximum(np.abs(value), se))
    yield "standard errors", digits(fit.se.loc[names], se)


def variances(fit: Any, expected: Mapping[str, Any]) -> float:
    """Variance components, each group's covariance against its standard deviations."""
    worst = MOST
    for group, component in expected["varcomp"].items():
        columns = component["columns"]
        theirs = np.array(component["covariance"])
        sd = np.sqrt(np.diag(theirs))
        ours = fit.varcomp[group].loc[columns, columns].to_numpy()
        # a variance of zero has no relative error: it has to be zero
        scale = np.where(np.outer(sd, sd) > 0.0, np.outer(sd, sd), 1e-3)
        worst = min(worst, digits(ours, theirs, scale))
    return worst


def effects(fit: Any, expected: Mapping[str, Any]) -> float:
    """Conditional modes and their standard deviations."""
    worst = MOST
    for group, blup in expected.get("blup", {}).items():
        frame, d = fit.ranef[group], len(blup["columns"])
        labels = [str(label if d == 1 else label[0]) for label in frame.index[::d]]
        at = [labels.index(str(label)) for label in blup["ids"]]
        for column, key in (("estimate", "values"), ("sd", "condsd")):
            theirs = np.array(blup[key], dtype=float)[: len(at)].reshape(len(at), d)
            ours = frame[column].to_numpy().reshape(-1, d)[at]
            worst = min(worst, digits(ours, theirs, np.maximum(np.abs(theirs).max(), 1e-9)))
    return worst


def of_lmm(name: str) -> Iterator[Found]:
    """Linear mixed models."""
    case = load_case(name)
    expected, inference = case["expected"], case.get("inference") or {}
    data, reml = load_data(case), case["model"]["method"] == "REML"
    fit = lmm(case["model"]["lme4"], data, reml=reml)
    yield from fixed_effects(fit, expected)
    yield "variance components", variances(fit, expected)
    yield "log-likelihood", digits(fit.loglik, expected["logLik"])
    if "blup" in expected and name != "lmm_sleepstudy_uncorr_reml":
        yield "random effects and their SDs", effects(fit, expected)
    if inference.get("satterthwaite"):
        yield "Satterthwaite df", digits(fit.df, list(_values(inference["satterthwaite"]["df"])))
    if inference.get("kenward_roger"):
        other = lmm(case["model"]["lme4"], data, df="kenward-roger")
        yield "Kenward–Roger df", digits(other.df, list(_values(inference["kenward_roger"]["df"])))
        yield (
            "Kenward–Roger standard errors",
            digits(other.se, list(_values(inference["kenward_roger"]["se"]))),
        )


def of_glmm(name: str) -> Iterator[Found]:
    """Generalized linear mixed models."""
    case = load_case(name)
    model, expected = case["model"], case["expected"]
    fit = glmm(
        model["lme4"],
        load_data(case),
        family=model["family"],
        nodes=int(model["nAGQ"]),
        trials=model.get("weights"),
    )
    yield from fixed_effects(fit, expected)
    yield "variance components", variances(fit, expected)
    yield "log-likelihood", digits(fit.loglik, expected["logLik"])
    yield "random effects and their SDs", effects(fit, expected)


def of_gee(name: str) -> Iterator[Found]:
    """GEE under both conventions."""
    case = load_case(name)
    model = case["model"]
    formula, data = (
        model["formula"].replace(" + offset(rep(log(2), length(base)))", " + offset(log2)"),
        load_data(case),
    )
    if "log2" in formula:
        data["log2"] = np.log(2.0)
    for convention, key in (("liang-zeger", "liang_zeger_df_convention"), ("geepack", "geepack_convention")):
        expected = case["expected"][key]
        try:
            fit = gee(
                formula,
                data,
                groups=model["cluster"],
                family=model["family"],
                corr=model["corstr"],
                time=model["wave"],
                scale=model["scale_fixed"],
                convention=convention,
            )
        except EstimationError:
            # refused with the reason: the working correlation is not positive definite
            return
        names = list(expected["beta"])
        yield "coefficients", digits(fit.coef.loc[names], [expected["beta"][each] for each in names])
        yield "scale", digits(fit.scale, expected["phi"])
        if model["corstr"] in ("exchangeable", "ar1"):
            yield "working correlation", digits(fit.working["alpha"], expected["alpha"])
        for kind, theirs in (
            ("model", "model_based"),
            ("robust", "robust"),
            ("kauermann-carroll", "kauermann_carroll"),
            ("mancl-derouen", "mancl_derouen"),
            ("fay-graubard", "fay_graubard"),
        ):
            se = pd.Series(np.sqrt(np.diag(fit.covariance(kind))), index=fit.coef.index)
            yield (
                f"standard errors, {kind}",
                digits(se.loc[names], [expected["se"][theirs][n] for n in names]),
            )


def of_icc(name: str) -> Iterator[Found]:
    """Intraclass correlations."""
    case = load_case(name)
    model, expected, data = case["model"], case["expected"], load_data(case)
    response, clinic = model["response"], model["cluster"]
    if "anova" not in expected:
        found = icc(response, data, groups=clinic)
        yield "ANOVA ICC(1)", digits(found.estimate, expected["icc1"])
        yield (
            "ANOVA mean squares and F",
            digits(
                found.components[["ms_between", "ms_within", "f"]],
                [expected[key] for key in ("MSB", "MSW", "F")],
            ),
        )
        for interval, key in (
            ("exact", "ci_exact_wald"),
            ("searle", "ci_searle_F_with_n0"),
            ("smith", "ci_smith"),
        ):
            yield f"{interval} interval", digits(found.conf_int(interval), expected[key])
        for method in ("reml", "ml"):
            value = icc(response, data, groups=clinic, method=method).estimate
            yield f"{method.upper()} ICC", digits(value, expected[f"{method}_icc"])
        return
    binary = {"groups": clinic, "kind": "binary"}
    yield (
        "ANOVA ICC(1)",
        digits(icc(response, data, method="anova", **binary).estimate, expected["anova"]["icc1"]),
    )
    fleiss = icc(response, data, interval="zou-donner", **binary)
    yield "Fleiss–Cuzick ICC", digits(fleiss.estimate, expected["fleiss_cuzick"]["icc"])
    if expected["fleiss_cuzick"]["se_zou_donner"] is not None:
        ends = (fleiss.lower, fleiss.upper)
        yield "Zou–Donner interval", digits(ends, expected["fleiss_cuzick"]["ci"])
    pairwise = icc(response, data, method="pairwise", **binary).estimate
    yield (
        "pairwise and Mak ICC",
        min(
            digits(pairwise, expected["pearson_pairwise_equal_weight"]),
            digits(icc(response, data, method="mak", **binary).estimate, expected["mak"]),
        ),
    )
    for nodes, key in ((1, "glmm_null_laplace"), (25, "glmm_null_agq25")):
        for method, theirs in (("latent", "icc_latent"), ("observed", "icc_observed_scale")):
            value = icc(response, data, method=method, nodes=nodes, **binary).estimate
            yield (
                f"{method}-scale ICC",
                digits(value, expected[key][theirs], max(expected[key][theirs], 1e-3)),
            )


def of_marginalisation(name: str) -> Iterator[Found]:
    """Population averages of mixed models."""
    case = load_case(name)
    model, expected = case["model"], case["expected"]
    source = load_case(model["parameters_from_case"])
    data = load_data(source)
    fit = glmm(
        source["model"]["lme4"], data, family=model["family"], nodes=25, trials=source["model"].get("weights")
    )
    table = marginal_effects(fit, model["exposure"], data, contrast=model["contrast"]).table
    if model["family"] == "binomial":
        rows = {
            "risk_difference": ("rd", "rd"),
            "risk_ratio": ("rr", "log_rr"),
            "odds_ratio": ("or_marginal", "log_or"),
        }
    else:
        rows = {"rate_difference": ("difference", "diff"), "rate_ratio": ("ratio", "log_ratio")}
    for row, (value, se) in rows.items():
        yield "marginal effects", digits(table.loc[row, "estimate"], expected[value])
        yield "their standard errors", digits(table.loc[row, "se"], expected["se_delta"][se])


def of_fixed_effects(name: str) -> Iterator[Found]:
    """Within, cluster-robust, random effects by moments, Hausman."""
    case = load_case(name)
    model, expected, data = case["model"], case["expected"]["within"], load_data(case)
    fit = within(
        f"{model['response']} ~ {' + '.join(model['within_covariates'])}", data, groups=model["cluster"]
    )
    names = list(expected["coef"])
    yield "within coefficients", digits(fit.coef.loc[names], [expected["coef"][each] for each in names])
    for kind, key in {"cr1": "se_cr0_K_over_K_minus_1", "cr2": "se_cr2"}.items():
        if expected[key] is not None:
            se = pd.Series(np.sqrt(np.diag(fit.covariance(kind))), index=fit.coef.index)
            yield f"{kind.upper()} standard errors", digits(se.loc[names], [expected[key][n] for n in names])
    whole = f"{model['response']} ~ {' + '.join(model['within_covariates'] + model['between_covariates'])}"
    theirs = case["expected"]["random_swamy_arora"]
    random = swamy_arora(whole, data, groups=model["cluster"])
    yield (
        "Swamy–Arora coefficients",
        digits(random.coef.loc[list(theirs["coef"])], list(theirs["coef"].values())),
    )
    test = hausman(whole, data, groups=model["cluster"])
    yield "Hausman's χ²", digits(test.statistic, case["expected"]["hausman_fe_vs_swamy_arora"]["chi2"])


def of_nist(name: str) -> Iterator[Found]:
    """NIST's one-way analysis of variance."""
    data, _, certified = nist_anova.load(name)
    exact = nist_anova.analysis(nist_anova.as_doubles(data))
    found = icc("y", data, groups="group").components
    keys = ("f", "ms_between", "ms_within")
    yield "F and mean squares, certified", min(nist_anova.lre(found[key], certified[key]) for key in keys)
    yield (
        "the most that the data as doubles allow",
        min(nist_anova.lre(exact[key], certified[key]) for key in keys),
    )
    yield (
        "F and mean squares, exact for the data as doubles",
        min(nist_anova.lre(found[key], exact[key]) for key in keys),
    )


FAMILIES: dict[str, tuple[str, Callable[[str], Iterator[Found]], list[str]]] = {
    "lmm": ("linear mixed models", of_lmm, case_ids("lmm")),
    "glmm": (
        "generalized linear mixed models",
        of_glmm,
        case_ids("glmm_logistic") + case_ids("glmm_poisson"),
    ),
    "gee": ("GEE", of_gee, case_ids("gee")),
    "icc": ("intraclass correlation", of_icc, case_ids("icc")),
    "marginalisation": ("population averages", of_marginalisation, case_ids("marginalisation")),
    "fixed_effects": ("fixed effects", of_fixed_effects, case_ids("fixed_effects")),
    "nist": ("NIST StRD", of_nist, nist_anova.NAMES),
}


def compared(family: str) -> pd.DataFrame:
    """Every comparison of a family: `case`, `quantity`, `digits`."""
    _, compare, names = FAMILIES[family]
    rows = []
    for name in names:
        rows += [(family, name, quantity, value) for quantity, value in compare(name)]
    return pd.DataFrame(rows, columns=["family", "case", "quantity", "digits"])


def table(comparisons: pd.DataFrame) -> str:
    """The README's table: by quantity, how many cases, the median and the fewest digits, and where."""
    rows = []
    for (family, quantity), part in comparisons.groupby(["family", "quantity"], sort=False):
        by_case = part.groupby("case")["digits"].min()
        worst = by_case.idxmin()
        rows.append(
            (
                FAMILIES[str(family)][0],
                quantity,
                len(by_case),
                _shown(by_case.median()),
                _shown(by_case.min()),
                "" if by_case.min() >= MOST else worst,
            )
        )
    header = ("family", "quantity", "cases", "digits, median", "digits, fewest", "the worst case")
    return markdown(header, rows)


def _shown(value: float) -> str:
    return f"{MOST:.0f} or more" if value >= MOST else f"{value:.1f}"


def _values(found: Any) -> Any:
    return found.values() if isinstance(found, dict) else found


def main() -> None:
    """Compare, print, and keep the table where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--family", choices=list(FAMILIES), action="append", help="only these families")
    parser.add_argument("--write", action="store_true", help="keep table and comparisons in results/")
    asked = parser.parse_args()
    comparisons = pd.concat([compared(family) for family in asked.family or FAMILIES], ignore_index=True)
    made = description(["numpy", "scipy", "pandas"])
    text = f"{table(comparisons)}\n\n{FEWER}\n\nMade on {made}."
    print(text)
    if asked.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "agreement.md").write_text(text + "\n", encoding="utf-8")
        comparisons.round({"digits": 2}).to_csv(RESULTS / "agreement.csv", index=False)
    print(json.dumps({"comparisons": len(comparisons), "fewest": float(comparisons["digits"].min())}))


if __name__ == "__main__":
    main()
