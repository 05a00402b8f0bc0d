"""Clinics in order, with the uncertainty of the order, or the reason there is none."""
