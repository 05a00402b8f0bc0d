"""Numerics that several estimators share: optimisers, block elimination, quadrature of normal mixtures."""
