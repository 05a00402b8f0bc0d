"""Moments and cells made where the records are: a first pass, formulas as SQL, sums by group."""
