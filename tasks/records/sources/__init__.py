"""Where records are: the handle that names a source, and the databases and files behind it."""
