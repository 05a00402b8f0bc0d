"""Clinics one by one: posteriors, shrunken figures, ranks and whether there may be any."""
