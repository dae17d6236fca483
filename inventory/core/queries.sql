-- schema_revision --
-- The newest migration of the schema, for the check at the start of a process.
SELECT version_num FROM schema_migrations

-- server_version --
-- Version of the server as a number and as a text.
SELECT current_setting('server_version_num')::int, current_setting('server_version')

-- server_clock --
SELECT clock_timestamp()

-- lacking_privileges --
-- Tables of a schema ($1) in which the role lacks rights that the service needs, with these.
SELECT relation.relname AS relation,
       array_agg(needed.privilege ORDER BY needed.privilege) AS lacking
FROM pg_class AS relation
JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS needed (privilege)
WHERE namespace.nspname = $1 AND relation.relkind = 'r' AND relation.relname <> 'schema_migrations'
  AND NOT (has_schema_privilege(namespace.oid, 'USAGE') AND has_table_privilege(relation.oid, needed.privilege))
GROUP BY relation.relname ORDER BY relation.relname
