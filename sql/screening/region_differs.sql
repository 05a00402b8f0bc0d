-- noted: the record names another region than most of its clinic's records, or none; the usual one is used
-- records of each clinic in each region
SELECT clinic, region, COUNT(*) AS n
FROM {records} AS kept
GROUP BY clinic, region
