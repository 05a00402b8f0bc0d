"""Generalized estimating equations: population averages with covariances for few clusters."""
