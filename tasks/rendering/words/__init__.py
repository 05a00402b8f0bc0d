"""Which sentence is said, and what fills it; the sentences themselves are in `reports/wording`."""
