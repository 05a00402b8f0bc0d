-- Records of every clinic in every month from its first with records, or its declared opening, to its declared closing
-- or the reported month; 0 where there are none.
WITH counted AS (
    SELECT clinic, month, COUNT(*) AS n
    FROM {records} AS usable
    GROUP BY clinic, month
),
begun AS (
    SELECT clinic, {opened} AS first_month, {closed} AS last_month
    FROM counted
    GROUP BY clinic
)
SELECT begun.clinic AS clinic, months.month AS month, COALESCE(counted.n, 0) AS n
FROM begun
JOIN (VALUES {months}) AS months (month) ON months.month BETWEEN begun.first_month AND begun.last_month
LEFT JOIN counted ON counted.clinic = begun.clinic AND counted.month = months.month
