"""Estimators in NumPy and SciPy over moments and cells."""

from tasks.models.design_effect import DesignEffect, design_effect
from tasks.models.gee import GeeFit, gee
from tasks.models.hausman import HausmanTest, MundlakTest, between_within, hausman, mundlak
from tasks.models.icc import icc
from tasks.models.icc_result import ICC
from tasks.models.lmm import LmmFit, lmm, lmm_from_moments
from tasks.models.random_effects import RandomEffectsFit, swamy_arora
from tasks.models.within import WithinFit, within

__all__ = [
    "ICC",
    "DesignEffect",
    "GeeFit",
    "HausmanTest",
    "LmmFit",
    "MundlakTest",
    "RandomEffectsFit",
    "WithinFit",
    "between_within",
    "design_effect",
    "gee",
    "hausman",
    "icc",
    "lmm",
    "lmm_from_moments",
    "mundlak",
    "swamy_arora",
    "within",
]
