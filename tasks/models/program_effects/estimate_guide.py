"""Which estimate answers which question, in plain words, and what it assumes.

Three questions are often taken for one: the policy question, the clinician's (and patient's), and the one
about these clinics only. `tasks.program_questions` words them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tasks.errors import EstimationError, nearest
from tasks.models.estimating_equations.gee import GeeFit
from tasks.models.estimating_equations.robust_fit import RobustFit
from tasks.models.fit import Fit
from tasks.models.fixed_effects.hausman import HausmanTest, MundlakTest
from tasks.program_questions import QUESTIONS, EffectQuestion

Role = Literal["gee", "mixed", "within", "naive"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The estimate that answers a question, and what must hold for it to do so.

    Attributes:
        key: the question's name in tables.
        estimate: which estimate answers it.
        assumes: what must hold.
        program: what a program effect of this kind is, to end a sentence with.
    """

    key: EffectQuestion
    estimate: str
    assumes: str
    program: str

    @property
    def question(self) -> str:
        """The question as people ask it."""
        return QUESTIONS[self.key]


ANSWERS: Mapping[str, Answer] = {
    "gee": Answer(
        "policy",
        "the population-averaged (marginal) effect: a GEE, or a mixed model averaged over its clinics",
        "the mean is right (covariates and link); the clinics are a fair sample of those the policy is for; "
        "outcomes that are missing are missing for reasons in the model. The correlation within clinics may "
        "be wrong: the robust errors allow for it, given enough clinics or a small-sample correction.",
        "averaged over the whole population",
    ),
    "mixed": Answer(
        "patient",
        "the conditional effect: a mixed model (LMM or GLMM)",
        "clinics differ as a normal distribution does; what sets a clinic apart is unrelated to the "
        "covariates (Hausman's and Mundlak's tests ask this); the variances are modelled right. For odds "
        "ratios it lies further from 1 than the population-averaged effect, as it should.",
        "for a patient of a given clinic",
    ),
    "within": Answer(
        "these_clinics",
        "the within effect: fixed effects of clinics, or the within part of a between-within model",
        "nothing that changes over time within clinics, other than what is in the model, drives both "
        "covariate and outcome. Nothing is assumed about differences between clinics, and nothing is said "
        "about clinics that are not here, or about what is constant within a clinic.",
        "within these clinics, each its own control",
    ),
    "naive": Answer(
        "none",
        "the difference between before and after, as it is",
        "nothing else changed meanwhile, and rows are independent. Neither is true as a rule: it is shown so "
        "that the difference a model makes can be seen.",
        "before against after, with whatever else changed meanwhile",
    ),
}


@dataclass(frozen=True)
class Guide:
    """The questions, and the estimates that answer them.

    Attributes:
        table: one row per question: `question`, `estimate`, `assumes`, and where a term was given `value`,
            `lower`, `upper` (on the coefficient's own scale) and `method`.
        notes: what the estimates say about each other.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]

    def __str__(self) -> str:
        lines: list[str] = []
        for row in self.table.to_dict("records"):
            lines.append(f"{row['question']}\n  Quote {row['estimate']}.")
            if isinstance(row.get("method"), str):
                lines.append(
                    f"  Here: {row['value']:.4g} (95% interval {row['lower']:.4g} to {row['upper']:.4g}), "
                    f"{row['method']}."
                )
            lines.append(f"  It assumes: {row['assumes']}")
        return "\n".join([*lines, *self.notes])


def which_estimate(
    *fits: Fit, term: str | None = None, test: HausmanTest | MundlakTest | None = None
) -> Guide:
    """States which estimate answers the policy question, the clinician's, and that about these clinics only.

    Args:
        fits: any of a GEE, a mixed model and a within fit; without them the guide is general.
        term: the coefficient to quote from each.
        test: a Hausman or Mundlak test, for whether within and between effects agree.

    Raises:
        EstimationError: no fit has a coefficient of that name.
    """
    roles: dict[str, Fit] = {role_of(fit): fit for fit in fits}
    if term is not None and fits and not any(term in fit.coef.index for fit in fits):
        names = sorted({str(name) for fit in fits for name in fit.coef.index})
        raise EstimationError(f"no fit has a coefficient {term!r}; {nearest(term, names)}")
    rows: list[dict[str, object]] = []
    for role in ("gee", "mixed", "within"):
        answer = ANSWERS[role]
        row: dict[str, object] = {
            "question": answer.question,
            "estimate": answer.estimate,
            "assumes": answer.assumes,
            "value": np.nan,
            "lower": np.nan,
            "upper": np.nan,
            "method": None,
        }
        fit = roles.get(role)
        if fit is not None and term is not None and term in fit.coef.index:
            lower, upper = (float(each) for each in fit.conf_int().loc[term].to_numpy(dtype=float))
            row |= {"value": float(fit.coef[term]), "lower": lower, "upper": upper, "method": fit.method}
        rows.append(row)
    return Guide(pd.DataFrame(rows, index=["policy", "patient", "these_clinics"]), _notes(roles, term, test))


def role_of(fit: Fit) -> Role:
    """Which of the estimators a fit is: gee, mixed or within."""
    if isinstance(fit, GeeFit):
        return "gee"
    return "within" if isinstance(fit, RobustFit) else "mixed"


def _notes(
    roles: Mapping[str, Fit], term: str | None, test: HausmanTest | MundlakTest | None
) -> tuple[str, ...]:
    notes: list[str] = []
    marginal, conditional = roles.get("gee"), roles.get("mixed")
    if isinstance(marginal, GeeFit) and marginal.family.name == "gaussian":
        notes.append(
            "For differences in means the population-averaged and the conditional effect are the same "
            "quantity, estimated under different assumptions."
        )
    elif (
        isinstance(marginal, GeeFit)
        and marginal.family.name == "binomial"
        and conditional is not None
        and term is not None
        and term in marginal.coef.index
        and term in conditional.coef.index
    ):
        ratio = float(marginal.coef[term] / conditional.coef[term])
        notes.append(
            f"The population-averaged log odds ratio is {ratio:.2f} times the conditional one: odds ratios "
            "shrink when they are averaged over clinics, so neither is wrong."
        )
    if test is not None:
        notes.append(str(test))
    return tuple(notes)
