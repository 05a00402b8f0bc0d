"""Estimators in NumPy and SciPy over moments and cells."""
