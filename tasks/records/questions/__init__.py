"""The questions that may be put to patient records, by name; their SQL is made here and nowhere else."""
