-- state --
-- The version of the data; and for each feed whether a run of it was ever completed. Until then its stones change without
-- events.
SELECT ({version}) AS version, feed, bool_or(status = 'completed') AS completed
FROM run_metadata GROUP BY feed

-- rows --
-- Active diamonds in the order of their ids, the first $2 after $1. Index: the primary key.
SELECT {columns} FROM diamonds WHERE status = 'active' AND id > $1 ORDER BY id LIMIT $2

-- rows_of --
-- Active diamonds by id, in the order of their ids. Index: the primary key.
SELECT {columns} FROM diamonds WHERE status = 'active' AND id = ANY ($1::uuid[]) ORDER BY id

-- changed --
-- Diamonds of the events at $1 < position <= $2, of every kind; and those whose availability has changed without an event:
-- their hold has expired and was not swept yet.
SELECT unnest(diamond_ids) AS diamond_id FROM event_log WHERE position > $1 AND position <= $2
UNION
SELECT diamond_id FROM hold_history WHERE state IN ('requested', 'active') AND expires_at <= clock_timestamp()

-- page --
-- Diamonds by id with the version of the data at the same moment. One row without a diamond where none is found.
SELECT ({version}) AS index_version, found.*
FROM (SELECT) AS version LEFT JOIN (
    SELECT {columns} FROM diamonds WHERE status = 'active' AND id = ANY ($1::uuid[])
) AS found ON true
