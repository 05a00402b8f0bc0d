"""Release tables to the feed, made current in one atomic step."""
