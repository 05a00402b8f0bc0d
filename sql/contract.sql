-- The records contract: what the SELECT in a network file returns, one row per record.
--
-- A record is whatever is counted and measured: a visit, a test, an encounter. The SELECT renames, casts and
-- joins; screening (sql/screening) then counts what cannot be used. Columns that nothing names are ignored, so
-- leave out what should not travel: names, addresses, free text.
--
--   column     needed  type                    meaning
--   clinic     yes     text or number          the clinic the record belongs to; blank: set aside and counted
--   date       yes     date or timestamp       when; with a time zone, its day is that of [network] time_zone
--   region     no      text or number          the clinic's region; a clinic's most frequent one is used. Where
--                                              clinics are numbered within regions, say so in the network file:
--                                              clinic_within = "region" makes clinic 1 of North "North: 1"
--   patient    no      text or number          the patient, however pseudonymous, so that patients who are seen
--                                              repeatedly count as one and copies of a record are found. NULL or
--                                              blank: a patient of its own. Where numbers restart in each clinic:
--                                              patient_within = "clinic"
--   record     no      text or number          the record's own number, where equal rows may be different records
--   weight     no      whole number            how many identical records a row stands for, under any name that the
--                                              network file gives: weight = "n". Such rows have no patient and no
--                                              record
--   outcomes   yes     number, 0/1 or boolean  a column for each outcome in the network file, except those
--                                              that count records (per = "clinic-month" and its like)
--   exposure   no      number above 0          time at risk of a count outcome that has one
--   adjusters  no      number, text, boolean   what estimates are adjusted for
--   groups     no      number or text          what outcomes are shown by: [groups.age], [groups.sex]
--   program    no      0/1 or boolean          1: this record was under the program; not needed where the
--                                              network file gives each clinic's start
--
-- A Parquet or CSV file, or all that a pattern matches, is the table records: SELECT … FROM records.
-- NULL is a missing value. Nothing may be called month, period or program unless it is the program: screening
-- adds those (month is the label of the record's period: 2024-05, 2024-Q2 or 2024-W05). An example:

SELECT
    encounter.clinic_code AS clinic,
    site.region_name AS region,
    encounter.patient_key AS patient,
    encounter.encounter_key AS record,
    CAST(encounter.started_at AS DATE) AS date,
    CASE encounter.vaccine WHEN 'given' THEN 1 WHEN 'declined' THEN 0 END AS vaccinated,
    encounter.systolic AS systolic,
    encounter.age_in_years AS age,
    encounter.sex AS sex
FROM encounter
JOIN site ON site.clinic_code = encounter.clinic_code
