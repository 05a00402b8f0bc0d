"""The one door to patient records: sources, formulas to SQL, moments and cells."""
