-- lock_client --
-- Serialize the changes of a client until the end of the transaction: they are counted.
SELECT pg_advisory_xact_lock(hashtextextended('saved_searches:' || $1, 0))

-- set_search --
-- Save the filter $4 of the client $1 and its reference $2 under the name $3. $5, $6: limits of the client and of the reference.
-- No row if a limit is reached. Index: saved_searches_name.
INSERT INTO saved_searches AS saved (client_id, reference, name, filter)
SELECT $1, $2, $3, $4
WHERE EXISTS (
        SELECT FROM saved_searches WHERE client_id = $1 AND reference IS NOT DISTINCT FROM $2 AND name = $3
    ) OR (
        (SELECT count(*) FROM saved_searches WHERE client_id = $1) < $5
        AND (SELECT count(*) FROM saved_searches WHERE client_id = $1 AND reference IS NOT DISTINCT FROM $2) < $6
    )
ON CONFLICT (client_id, reference, name) DO UPDATE SET filter = excluded.filter, saved_at = clock_timestamp()
RETURNING id, client_id, reference, name, filter, saved_at

-- page_of_searches --
-- Searches of the client $1, and of the reference $2 unless it is NULL: the last saved first, after the position ($3, $4) unless it
-- is NULL. Index: saved_searches_saved.
SELECT id, client_id, reference, name, filter, saved_at FROM saved_searches
WHERE client_id = $1 AND ($2::text IS NULL OR reference = $2)
  AND ($3::timestamptz IS NULL OR (saved_at, id) < ($3, $4))
ORDER BY saved_at DESC, id DESC
LIMIT $5

-- delete_search --
-- Delete the search $1 of the client $2, and of the reference $3 unless it is NULL.
DELETE FROM saved_searches WHERE id = $1 AND client_id = $2 AND ($3::text IS NULL OR reference = $3) RETURNING id
