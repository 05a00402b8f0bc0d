"""A network file drafted from the columns of a table: by their names, their counts, and by asking."""
