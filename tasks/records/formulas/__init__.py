"""Formulas in R's notation, and what they mean on given data: terms, contrasts, splines, columns kept."""
