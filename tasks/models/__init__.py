"""Estimators in NumPy and SciPy over moments and cells."""

from tasks.models.design_effect import DesignEffect, design_effect
from tasks.models.gee import GeeFit, gee
from tasks.models.glmm import glmm
from tasks.models.glmm_fit import GlmmFit
from tasks.models.hausman import HausmanTest, MundlakTest, between_within, hausman, mundlak
from tasks.models.icc import icc
from tasks.models.icc_patients import patient_icc
from tasks.models.icc_result import ICC
from tasks.models.likelihood_ratio import LikelihoodRatio, likelihood_ratio
from tasks.models.lmm import LmmFit, lmm, lmm_from_moments
from tasks.models.marginal import MarginalEffects, marginal_effects
from tasks.models.program import ProgramEffect, program_effect
from tasks.models.questions import Guide, which_estimate
from tasks.models.random_effects import RandomEffectsFit, swamy_arora
from tasks.models.ranks import Ranks, ranks
from tasks.models.shrinkage import Shrunken, shrink
from tasks.models.standardised_ratio import standardised_ratios
from tasks.models.verdict import Verdict
from tasks.models.within import WithinFit, within

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
