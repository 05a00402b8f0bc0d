"""A network described in one file: its schema, reading, checking and writing."""
