-- schema_revision --
-- The newest migration that the schema has. Asked when a process looks whether it can work with it.
SELECT version_num FROM schema_migrations
