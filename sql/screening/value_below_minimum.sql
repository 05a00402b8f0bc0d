-- value_blanked: {column_name} is below {limit}, which is declared impossible, and is treated as missing
{column} < {limit}
