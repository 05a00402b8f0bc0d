-- value_blanked: {column_name} is zero or less and has no logarithm, and is treated as missing
{column} <= 0
