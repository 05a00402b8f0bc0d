-- value_blanked: {column_name} has no exposure ({exposure_name} is missing, zero or less), and is treated as missing
{column} IS NOT NULL AND ({exposure} IS NULL OR {exposure} <= 0)
