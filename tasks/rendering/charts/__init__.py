"""Where marks go: geometry that `reports/charts` draws, computed from an edition."""
