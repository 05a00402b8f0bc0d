"""Estimators in NumPy and SciPy over moments and cells."""

from tasks.models.design_effect import DesignEffect, design_effect
from tasks.models.gee import GeeFit, gee
from tasks.models.glmm import glmm
from tasks.models.glmm_fit import GlmmFit
from tasks.models.hausman import HausmanTest, MundlakTest, between_within, hausman, mundlak
from tasks.models.icc import icc
from tasks.models.icc_result import ICC
from tasks.models.lmm import LmmFit, lmm, lmm_from_moments
from tasks.models.program import ProgramEffect, program_effect
from tasks.models.questions import Guide, which_estimate
from tasks.models.random_effects import RandomEffectsFit, swamy_arora
from tasks.models.within import WithinFit, within

__all__ = [
    "ICC",
    "DesignEffect",
    "GeeFit",
    "GlmmFit",
    "Guide",
    "HausmanTest",
    "LmmFit",
    "MundlakTest",
    "ProgramEffect",
    "RandomEffectsFit",
    "WithinFit",
    "between_within",
    "design_effect",
    "gee",
    "glmm",
    "hausman",
    "icc",
    "lmm",
    "lmm_from_moments",
    "mundlak",
    "program_effect",
    "swamy_arora",
    "which_estimate",
    "within",
]
