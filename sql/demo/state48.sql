-- The demo network `state48`: a simulated state of 48 clinics whose truth is known.
--
-- The frames are drawn by tasks/demo/state48.py (which says how and with which true values) and are
-- registered under the names they are read from here. `truth` and `clinic_truth` hold what the estimates
-- should recover; nothing but tests and curious readers looks at them.

CREATE TABLE clinics AS
SELECT clinic, region, n_patients, program_start
FROM drawn_clinics
ORDER BY clinic;

CREATE TABLE patients AS
SELECT patient, clinic, age, sex
FROM drawn_patients
ORDER BY patient;

CREATE TABLE visits AS
SELECT visit, patient, CAST(visit_date AS DATE) AS visit_date, screening_score, vaccinated, systolic, emergency_visits, months_at_risk
FROM drawn_visits
ORDER BY visit;

CREATE TABLE truth AS
SELECT outcome, parameter, value, description
FROM true_values;

CREATE TABLE clinic_truth AS
SELECT outcome, clinic, effect
FROM true_clinic_effects
ORDER BY outcome, clinic;
