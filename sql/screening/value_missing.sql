-- noted: {column_name} is missing; estimates that need it leave the record out
{column} IS NULL
