"""Estimators in NumPy and SciPy over moments and cells."""

from tasks.models.design_effect import DesignEffect, design_effect
from tasks.models.gee import GeeFit, gee
from tasks.models.icc import icc
from tasks.models.icc_result import ICC
from tasks.models.random_effects import RandomEffectsFit, swamy_arora
from tasks.models.within import WithinFit, within

__all__ = [
    "ICC",
    "DesignEffect",
    "GeeFit",
    "RandomEffectsFit",
    "WithinFit",
    "design_effect",
    "gee",
    "icc",
    "swamy_arora",
    "within",
]
