"""Linear mixed models from moments: fitting, degrees of freedom, tests, intervals."""
