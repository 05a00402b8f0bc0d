-- noted clinic-months: a {period} with under half of the clinic's usual records, and fewer than chance explains
-- usual: the mean of up to six months before, at least three; chance: 3.09 standard deviations of a Poisson
-- count about a mean estimated from m months, sqrt(usual (1 + 1/m))
SELECT clinic, COUNT(*) AS n_checked, SUM(CASE WHEN n < 0.5 * usual AND usual - n > chance THEN 1 ELSE 0 END) AS n_found
FROM (
    SELECT clinic, n, usual, m, 3.09 * SQRT(usual * (1 + 1.0 / m)) AS chance
    FROM (
        SELECT
            clinic,
            n,
            AVG(CAST(n AS DOUBLE PRECISION)) OVER earlier AS usual,
            COUNT(*) OVER earlier AS m
        FROM (SELECT clinic, month, SUM(n) AS n FROM {records} AS clinic_months GROUP BY clinic, month) AS by_month
        WINDOW earlier AS (PARTITION BY clinic ORDER BY month ROWS BETWEEN 6 PRECEDING AND 1 PRECEDING)
    ) AS with_usual
    WHERE m >= 3
) AS compared
GROUP BY clinic
