"""What is wrong with the records, counted by SQL in the database; nothing is silently dropped."""
