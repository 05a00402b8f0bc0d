"""What people see: templates, styles, fonts, chart specifications, wording."""
