-- noted: the record has no patient number, and counts as a patient of its own
patient IS NULL
