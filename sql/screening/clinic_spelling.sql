-- noted: the clinic's name differs from another's only in capitals, spaces or punctuation; they count as two
-- all records of such clinics
SELECT clinic, SUM(n) AS n_checked, SUM(CASE WHEN clinic IN ({alike}) THEN n ELSE 0 END) AS n_found
FROM {records} AS clinic_months
GROUP BY clinic
