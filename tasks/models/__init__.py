"""Estimators in NumPy and SciPy over moments and cells.

A name is imported when it is first used: an answer at the terminal waits for one estimator, not for all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.models.clinics.ranks import Ranks, ranks
    from tasks.models.clinics.shrinkage import Shrunken, shrink
    from tasks.models.clinics.standardised_ratio import standardised_ratios, standardised_totals
    from tasks.models.clinics.verdict import Verdict
    from tasks.models.estimating_equations.gee import GeeFit, gee
    from tasks.models.fixed_effects.hausman import HausmanTest, MundlakTest, between_within, hausman, mundlak
    from tasks.models.fixed_effects.random_effects import RandomEffectsFit, swamy_arora
    from tasks.models.fixed_effects.within import WithinFit, within
    from tasks.models.generalized_mixed.glmm import glmm
    from tasks.models.generalized_mixed.glmm_fit import GlmmFit
    from tasks.models.generalized_mixed.marginal import MarginalEffects, marginal_effects
    from tasks.models.intraclass.design_effect import DesignEffect, design_effect
    from tasks.models.intraclass.icc import icc
    from tasks.models.intraclass.icc_patients import patient_icc
    from tasks.models.intraclass.icc_result import ICC
    from tasks.models.linear_mixed.level_variances import LevelVariances
    from tasks.models.linear_mixed.likelihood_ratio import LikelihoodRatio, likelihood_ratio
    from tasks.models.linear_mixed.lmm import LmmFit, lmm, lmm_from_moments
    from tasks.models.linear_mixed.own_variances import with_own_variances
    from tasks.models.program_effects.estimate_guide import Guide, which_estimate
    from tasks.models.program_effects.program_effect import ProgramEffect, program_effect

__all__ = [
    "ICC",
    "DesignEffect",
    "GeeFit",
    "GlmmFit",
    "Guide",
    "HausmanTest",
    "LevelVariances",
    "LikelihoodRatio",
    "LmmFit",
    "MarginalEffects",
    "MundlakTest",
    "ProgramEffect",
    "RandomEffectsFit",
    "Ranks",
    "Shrunken",
    "Verdict",
    "WithinFit",
    "between_within",
    "design_effect",
    "gee",
    "glmm",
    "hausman",
    "icc",
    "likelihood_ratio",
    "lmm",
    "lmm_from_moments",
    "marginal_effects",
    "mundlak",
    "patient_icc",
    "program_effect",
    "ranks",
    "shrink",
    "standardised_ratios",
    "standardised_totals",
    "swamy_arora",
    "which_estimate",
    "with_own_variances",
    "within",
]

_MODULES = {
    "clinics.ranks": (
        "Ranks",
        "ranks",
    ),
    "clinics.shrinkage": (
        "Shrunken",
        "shrink",
    ),
    "clinics.standardised_ratio": ("standardised_ratios", "standardised_totals"),
    "clinics.verdict": ("Verdict",),
    "estimating_equations.gee": (
        "GeeFit",
        "gee",
    ),
    "fixed_effects.hausman": (
        "HausmanTest",
        "MundlakTest",
        "between_within",
        "hausman",
        "mundlak",
    ),
    "fixed_effects.random_effects": (
        "RandomEffectsFit",
        "swamy_arora",
    ),
    "fixed_effects.within": (
        "WithinFit",
        "within",
    ),
    "generalized_mixed.glmm": ("glmm",),
    "generalized_mixed.glmm_fit": ("GlmmFit",),
    "generalized_mixed.marginal": (
        "MarginalEffects",
        "marginal_effects",
    ),
    "intraclass.design_effect": (
        "DesignEffect",
        "design_effect",
    ),
    "intraclass.icc": ("icc",),
    "intraclass.icc_patients": ("patient_icc",),
    "intraclass.icc_result": ("ICC",),
    "linear_mixed.likelihood_ratio": (
        "LikelihoodRatio",
        "likelihood_ratio",
    ),
    "linear_mixed.level_variances": ("LevelVariances",),
    "linear_mixed.lmm": (
        "LmmFit",
        "lmm",
        "lmm_from_moments",
    ),
    "linear_mixed.own_variances": ("with_own_variances",),
    "program_effects.program_effect": (
        "ProgramEffect",
        "program_effect",
    ),
    "program_effects.estimate_guide": (
        "Guide",
        "which_estimate",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
