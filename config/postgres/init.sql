-- Your own set-up of the application's database. Run as the superuser `postgres` once PostgreSQL is ready; any other
-- .sql file in this directory is run too, in name order. A file is run again when its content has changed, so write
-- statements that may be repeated (CREATE … IF NOT EXISTS).
--
-- The database, its owner, the reading role and the extensions uuid-ossp, pg_trgm, pgcrypto and pg_stat_statements are
-- there already.

SELECT 1;
