-- value_blanked: {column_name} is infinite or not a number (NaN), and is treated as missing
-- NaN sorts above infinity in PostgreSQL and DuckDB, so these are the numbers beyond the largest double
{column} > 1.7976931348623157e308 OR {column} < -1.7976931348623157e308
