"""Release tables to PDF: pages, charts, files."""
