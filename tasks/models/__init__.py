"""Estimators in NumPy and SciPy over moments and cells."""

from tasks.models.gee import GeeFit, gee
from tasks.models.random_effects import RandomEffectsFit, swamy_arora
from tasks.models.within import WithinFit, within

__all__ = [
    "GeeFit",
    "RandomEffectsFit",
    "WithinFit",
    "gee",
    "swamy_arora",
    "within",
]
