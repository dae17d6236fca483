-- schema_revision --
-- The newest migration of the schema, for the check at the start of a process.
SELECT version_num FROM schema_migrations
