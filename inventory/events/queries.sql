-- append --
-- Events into the log, one for each $7 stones, and a sign to the readers when the transaction commits. The channel bears
-- the schema's name, because channels are shared by all schemas of a database.
WITH appended AS (
    INSERT INTO event_log (kind, diamond_ids, client_id, hold_id, purchase_id, run_id, data)
    SELECT $1, array_agg(stone.id ORDER BY stone.ordinal), $3, $4, $5, $6, $8
    FROM unnest($2::uuid[]) WITH ORDINALITY AS stone (id, ordinal)
    GROUP BY (stone.ordinal - 1) / $7
    ORDER BY (stone.ordinal - 1) / $7
    RETURNING id
)
SELECT pg_notify(left(current_schema(), 50) || '_events', '') FROM (SELECT FROM appended LIMIT 1) AS any_of_them

-- number --
-- Gives committed events their positions, in the order of insertion. One at a time, by the lock on the counter; each
-- statement inside sees what was committed before it, so the events are looked for under the lock. All of it is one
-- statement of the client, so a client that stands still can't stand still with the lock in its hands.
DO $$
DECLARE
    base bigint;
    numbered bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM event_log WHERE position IS NULL) THEN
        RETURN;
    END IF;
    SELECT last INTO STRICT base FROM event_counter FOR UPDATE;
    UPDATE event_log SET position = base + due.ordinal
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS ordinal FROM event_log WHERE position IS NULL) AS due
    WHERE event_log.id = due.id;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    IF numbered > 0 THEN
        UPDATE event_counter SET last = base + numbered;
        PERFORM pg_notify(left(current_schema(), 50) || '_events', (base + numbered)::text);
    END IF;
END
$$

-- bounds --
-- The positions of the oldest event that is kept and of the newest one; the oldest is the next one where none is kept.
SELECT coalesce((SELECT min(position) FROM event_log WHERE position IS NOT NULL), last + 1) AS oldest, last AS newest
FROM event_counter

-- instant --
-- When the event at a position occurred.
SELECT occurred_at FROM event_log WHERE position = $1

-- read --
-- The events at $1 < position <= $2, the first $3 of them: of some stones ($4), kinds ($5), one client ($6) and one
-- reference ($7), each NULL for all of them. With each the bounds of the log as they were at the same moment; a row without an event where there is
-- none.
SELECT bounds.oldest, bounds.newest, event.*
FROM (
    SELECT coalesce((SELECT min(position) FROM event_log WHERE position IS NOT NULL), last + 1) AS oldest, last AS newest
    FROM event_counter
) AS bounds
LEFT JOIN LATERAL (
    SELECT position, kind, occurred_at, diamond_ids, client_id, hold_id, purchase_id, run_id, data
    FROM event_log
    WHERE position > $1 AND position <= $2
      AND ($4::uuid[] IS NULL OR diamond_ids && $4)
      AND ($5::text[] IS NULL OR kind = ANY ($5))
      AND ($6::text IS NULL OR client_id = $6)
      AND ($7::text IS NULL OR data ->> 'reference' = $7)
    ORDER BY position LIMIT $3
) AS event ON true
ORDER BY event.position

-- prune --
-- Events that occurred more than $1 days ago, at most $2: only from the beginning, so that what is left has no gaps.
DELETE FROM event_log WHERE position IN (
    SELECT position FROM event_log
    WHERE position < coalesce(
        (SELECT position FROM event_log
         WHERE position IS NOT NULL AND occurred_at >= clock_timestamp() - make_interval(days => $1)
         ORDER BY position LIMIT 1),
        (SELECT last + 1 FROM event_counter))
    ORDER BY position LIMIT $2
)
RETURNING position

-- data_version --
-- A text that is another one whenever what readers see is another one. It holds how many events were ever committed
-- (numbered or not: the highest id would not tell of one that was inserted early and committed late); how far each run is
-- that was not completed, and the newest one, because a first load appends no events, however often it is taken up; and
-- how many expired holds have not been swept yet.
SELECT concat_ws(
    '.',
    (SELECT last FROM event_counter) + (SELECT count(*) FROM event_log WHERE position IS NULL),
    (SELECT id FROM run_metadata ORDER BY started_at DESC LIMIT 1),
    (SELECT md5(string_agg(concat_ws('.', id, status, consolidate_requested_at, asked_again, consolidated_through, upserted,
                                     quarantined, deleted), '.' ORDER BY id))
     FROM run_metadata WHERE status <> 'completed'),
    (SELECT count(*) FROM hold_history WHERE state IN ('requested', 'active') AND expires_at <= clock_timestamp())
)
