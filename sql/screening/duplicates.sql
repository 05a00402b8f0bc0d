-- set_aside: equal in every column to a record that is kept
-- how many copies there are beside the first, by clinic
SELECT clinic, SUM(copies - 1) AS n
FROM (
    SELECT clinic, COUNT(*) AS copies
    FROM {records} AS kept
    WHERE {told_apart}
    GROUP BY {columns}
    HAVING COUNT(*) > 1
) AS repeated
GROUP BY clinic
