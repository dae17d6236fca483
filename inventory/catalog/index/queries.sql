-- state --
-- The data version, and for each feed whether a run was ever completed. Before that, its stones change without events.
SELECT ({version}) AS version, feed, bool_or(status = 'completed') AS completed
FROM run_metadata GROUP BY feed

-- rows --
-- The first $2 active diamonds after the id $1, ordered by id. Index: the primary key.
SELECT {columns} FROM diamonds WHERE status = 'active' AND id > $1 ORDER BY id LIMIT $2

-- rows_of --
-- Active diamonds by id, ordered by id. Index: the primary key.
SELECT {columns} FROM diamonds WHERE status = 'active' AND id = ANY ($1::uuid[]) ORDER BY id

-- changed --
-- Diamonds of all events at $1 < position <= $2; and diamonds whose availability changed without an event, because their
-- hold has expired and the maintenance job has not ended it.
SELECT unnest(diamond_ids) AS diamond_id FROM event_log WHERE position > $1 AND position <= $2
UNION
SELECT diamond_id FROM hold_history WHERE state IN ('requested', 'active') AND expires_at <= clock_timestamp()

-- page --
-- Diamonds by id with the data version of the same snapshot. One row without a diamond if none is found.
SELECT ({version}) AS index_version, found.*
FROM (SELECT) AS version LEFT JOIN (
    SELECT {columns} FROM diamonds WHERE status = 'active' AND id = ANY ($1::uuid[])
) AS found ON true
