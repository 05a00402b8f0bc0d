"""Every clinic its own control: within estimators, and tests against random effects."""
