-- noted: the clinic's name differs from another's only in capitals, spaces or punctuation; they count as two
-- all records of such clinics
SELECT clinic, n AS n_checked, CASE WHEN alike > 1 THEN n ELSE 0 END AS n_found
FROM (
    SELECT
        clinic,
        SUM(n) AS n,
        COUNT(*) OVER (
            PARTITION BY REGEXP_REPLACE(LOWER(clinic), '[[:space:][:punct:]]', '', 'g')
        ) AS alike
    FROM {records} AS clinic_months
    GROUP BY clinic
) AS named
