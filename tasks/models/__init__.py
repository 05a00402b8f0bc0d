"""Estimators in NumPy and SciPy over moments and cells."""

from tasks.models.clinics.ranks import Ranks, ranks
from tasks.models.clinics.shrinkage import Shrunken, shrink
from tasks.models.clinics.standardised_ratio import standardised_ratios
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
from tasks.models.linear_mixed.likelihood_ratio import LikelihoodRatio, likelihood_ratio
from tasks.models.linear_mixed.lmm import LmmFit, lmm, lmm_from_moments
from tasks.models.program_effects.program import ProgramEffect, program_effect
from tasks.models.program_effects.questions import Guide, which_estimate

__all__ = [
    "ICC",
    "DesignEffect",
    "GeeFit",
    "GlmmFit",
    "Guide",
    "HausmanTest",
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
    "swamy_arora",
    "which_estimate",
    "within",
]
