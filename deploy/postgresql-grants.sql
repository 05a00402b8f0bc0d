-- The database user that reports are made with: it reads one view, and nothing else. As the records' owner, once:
--
--   psql records -v reader=clinicnet_reader -v schema=reporting -v view=visits -f deploy/postgresql-grants.sql
--   psql records -c '\password clinicnet_reader'
--
-- The view holds the columns that the network file names; leave names, addresses and free text out of it:
--
--   CREATE SCHEMA reporting;
--   CREATE VIEW reporting.visits AS SELECT clinic, region, patient, visit_date, vaccinated, age, sex FROM …;

\set ON_ERROR_STOP on
BEGIN;

-- two connections a run: one that keeps the state of the records, one by which rows come faster
CREATE ROLE :"reader" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 4;

GRANT CONNECT ON DATABASE :"DBNAME" TO :"reader";
GRANT USAGE ON SCHEMA :"schema" TO :"reader";
GRANT SELECT ON :"schema".:"view" TO :"reader";

-- what everybody may do in a new database is more than that; leave these out where other users of it need them
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- FROM visits finds the view; nothing is written by accident; a run keeps one transaction open while it computes
ALTER ROLE :"reader" SET search_path = :"schema";
ALTER ROLE :"reader" SET default_transaction_read_only = on;
ALTER ROLE :"reader" SET idle_in_transaction_session_timeout = '2h';

COMMIT;
