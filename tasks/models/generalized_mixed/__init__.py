"""Generalized linear mixed models from cells: Laplace, quadrature, and averages over clinics."""
