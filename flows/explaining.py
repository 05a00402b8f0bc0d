"""What an answer means, from its own numbers: its question, the ICC twice, REML, Mundlak, lines, attenuation.

Each is said where it applies, in a sentence, as a message of the fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tasks.errors import ClinicnetError, SourceError

if TYPE_CHECKING:
    from tasks.models import GlmmFit, LmmFit
    from tasks.models.fit import Fit
    from tasks.records import Records

QUESTION = "The question it answers:"
"""With this the message begins that says which question a fit answers."""
_ON_LOG_ODDS = ", on the scale of log odds"


def explanations(fit: Fit, formula: str, usable: Records) -> tuple[str, ...]:
    """What a reader of the fit must know, in sentences.

    Args:
        fit: what was fitted.
        formula: what was asked, its outcome a column.
        usable: the screened records.

    Raises:
        SourceError: the database went away.
    """
    from tasks.models.generalized_mixed.glmm_fit import GlmmFit
    from tasks.models.linear_mixed.lmm import LmmFit

    return (
        _question(fit),
        *(_of_linear(fit, formula, usable) if isinstance(fit, LmmFit) else ()),
        *(_of_logistic(fit) if isinstance(fit, GlmmFit) and fit.family == "binomial" else ()),
    )


def _question(fit: Fit) -> str:
    from tasks.models.program_effects.estimate_guide import ANSWERS, role_of

    answer = ANSWERS[role_of(fit)]
    return f"{QUESTION} {answer.question} It assumes that {answer.assumes}"


def _of_linear(fit: LmmFit, formula: str, usable: Records) -> Iterator[str]:
    from flows.trajectories import trajectories
    from tasks.models import lmm_from_moments

    lines = trajectories(fit)
    if lines is not None:
        yield str(lines)
    group = _one_intercept(fit)
    if group is None:
        return
    sd = float(fit.varcomp.sd(group).iloc[0])
    share = sd**2 / (sd**2 + fit.sigma2)
    yield _readings(group, share)
    if fit.reml and fit.variances is None:
        by_likelihood = lmm_from_moments(fit.design, fit.moments, reml=False)
        yield (
            "Variances are by restricted maximum likelihood (REML), which allows for the coefficients being "
            f"estimated: the SD between {group}s is {sd:.4g}. Maximum likelihood takes them for known and "
            f"gives {float(by_likelihood.varcomp.sd(group).iloc[0]):.4g}; it is for comparing models whose "
            "coefficients differ."
        )
    yield from _mundlak(formula, group, usable)


def _mundlak(formula: str, group: str, usable: Records) -> Iterator[str]:
    from tasks.models import mundlak
    from tasks.records.formulas.formula import without_random_terms

    try:
        test = mundlak(without_random_terms(formula), usable, groups=group)
    except SourceError:
        raise
    except ClinicnetError:
        return  # nothing varies both within groups and between them
    told = f"(Mundlak's test: p = {test.f.p:.2g})"
    if test.f.p < 0.05:
        yield (
            f"Patients of one {group} and the {group}s' averages say different things of the same columns "
            f"{told}: the coefficients mix both. --model within compares patients of the same {group} alone."
        )
    else:
        yield (
            f"Coefficients within {group}s and between them are not shown to differ {told}; with few "
            f"{group}s the test sees little."
        )
        for name, mean in test.means.items():
            p = float(test.fit.p_values[mean])
            if p < 0.05:  # the test of all together can miss what one column shows
                yield (
                    f"Of {name} taken by itself they do differ (p = {p:.2g}): read its coefficient, which "
                    "mixes both, with care."
                )


def _of_logistic(fit: GlmmFit) -> Iterator[str]:
    from tasks.logistic_scale import LOGISTIC_VARIANCE, attenuation_factor

    group = _one_intercept(fit)
    if group is None:
        return
    variance = float(fit.varcomp.variance(group).iloc[0])
    yield _readings(group, variance / (variance + LOGISTIC_VARIANCE), log_odds=True)
    yield (
        f"These odds ratios are of records of one {group}. Averaged over {group}s their logarithms are about "
        f"{attenuation_factor(variance):.2f} times as large (Zeger, Liang & Albert 1988). Odds ratios do not "
        "collapse: averaging brings them closer to 1 even where nothing confounds, so both are right, of "
        "different questions. --marginal COLUMN gives the average itself."
    )


def _readings(group: str, share: float, *, log_odds: bool = False) -> str:
    return (
        f"The intraclass correlation is {share:.3g}{_ON_LOG_ODDS if log_odds else ''}. It has two readings: "
        f"{100.0 * share:.2g}% of what records differ by, given the model, lies between {group}s; and two "
        f"records of one {group} correlate by {share:.3g}."
    )


def _one_intercept(fit: LmmFit | GlmmFit) -> str | None:
    """The only grouping factor, where it has an intercept alone."""
    groups = list(fit.varcomp)
    if len(groups) != 1 or list(fit.varcomp[groups[0]].index) != ["(Intercept)"]:
        return None
    return groups[0]
