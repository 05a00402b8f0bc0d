"""Intraclass correlations by every method, their intervals, and what clustering costs."""
