"""The steps of the job, each a plain function of plain data."""
