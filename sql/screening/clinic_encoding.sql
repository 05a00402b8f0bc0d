-- noted: the clinic's name is also written with other characters for the same letters, or with white space around it; they count as one
SELECT clinic, SUM(n) AS n_checked, SUM(CASE WHEN clinic IN ({respelled}) THEN n ELSE 0 END) AS n_found
FROM {records} AS clinic_months
GROUP BY clinic
