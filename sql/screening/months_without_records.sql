-- noted clinic-months: a {period} without a record, from the clinic's first {period} with records on
SELECT clinic, COUNT(*) AS n_checked, SUM(CASE WHEN n = 0 THEN 1 ELSE 0 END) AS n_found
FROM {records} AS clinic_months
GROUP BY clinic
