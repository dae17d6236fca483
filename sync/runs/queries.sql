-- Runs: from opening to the end. Leases use the database's clock, which all processes share.

-- open_run --
-- A feed has at most one open run: a second one violates run_metadata_open.
INSERT INTO run_metadata (
    id, feed, run_type, status, started_by, trace_id, window_from, window_to, moves_watermark,
    lease_token, lease_until, deadline_at, started_at
)
VALUES ($1, $2, $3, 'planning', $4, $5, $6, $7, $8,
    $9, clock_timestamp() + make_interval(secs => $10), clock_timestamp() + make_interval(secs => $11), $12)

-- keep_lease --
-- Renews the lease of the process that plans or consolidates a run.
UPDATE run_metadata SET lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE id = $1 AND lease_token = $2 AND status IN ('planning', 'consolidating')
RETURNING id

-- activate_run --
-- Stores the plan and opens the run for workers. Returns no row if the planning lease has expired.
UPDATE run_metadata
SET status = 'running', plan = $3, count_queries = $4, lease_token = NULL, lease_until = NULL
WHERE id = $1 AND lease_token = $2 AND status = 'planning'
RETURNING id

-- add_schema_differences --
-- Adds differences of the supplier's schema that a process of the run found.
UPDATE run_metadata
SET schema_differences = ARRAY(SELECT DISTINCT unnest(schema_differences || $2::text[]) ORDER BY 1)
WHERE id = $1

-- add_partition --
INSERT INTO worker_runs (
    id, run_id, feed, ordinal, kind, price_from, price_to, first_offset, planned_stones, status
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending')

-- mark_sent --
-- Records that the work items of partitions were sent.
UPDATE worker_runs SET sent_at = clock_timestamp() WHERE id = ANY ($1::uuid[])

-- lock_run --
-- Serializes the transitions of a run.
SELECT * FROM run_metadata WHERE id = $1 FOR UPDATE

-- request_consolidation --
-- Every partition has succeeded. The transaction that ends the last one stores the request; the message is sent
-- afterwards. If the process dies in between, reconcile sends it.
UPDATE run_metadata
SET status = 'consolidating', consolidate_requested_at = clock_timestamp(), consolidate_sent_at = NULL,
    lease_token = NULL, lease_until = NULL, consolidated_through = NULL,
    upserted = 0, unchanged = 0, quarantined = 0, revived = 0
WHERE id = $1

-- mark_consolidation_sent --
UPDATE run_metadata SET consolidate_sent_at = clock_timestamp() WHERE id = $1

-- end_run --
-- Ends the run with a status ($2), and with the reason if it did not succeed.
UPDATE run_metadata
SET status = $2, error_code = $3, error_message = $4, completed_at = clock_timestamp(),
    lease_token = NULL, lease_until = NULL
WHERE id = $1 AND status IN ('planning', 'running', 'consolidating')
RETURNING id

-- close_partitions --
-- Ends the open partitions of a run that has ended.
UPDATE worker_runs
SET status = $2, error_message = coalesce(error_message, $3), completed_at = clock_timestamp(),
    lease_token = NULL, lease_until = NULL
WHERE run_id = $1 AND status IN ('pending', 'running')

-- Partitions: claimed by one worker at a time.

-- claim_partition --
-- Claims a partition. Returns no row if another worker's lease is valid, the partition has ended, or its run is not running.
UPDATE worker_runs AS part
SET status = 'running', lease_token = $2, lease_until = clock_timestamp() + make_interval(secs => $3),
    worker_id = $4, attempts = part.attempts + 1, started_at = coalesce(part.started_at, clock_timestamp())
FROM run_metadata AS run
WHERE part.id = $1 AND run.id = part.run_id AND run.status = 'running' AND run.deadline_at > clock_timestamp()
  AND (part.status = 'pending' OR (part.status = 'running' AND part.lease_until < clock_timestamp()))
RETURNING part.*

-- seconds_left --
-- Seconds until a run's deadline.
SELECT extract(epoch FROM deadline_at - clock_timestamp())::float8 FROM run_metadata WHERE id = $1

-- partition_busy_for --
-- Remaining seconds of another worker's lease on an open partition; no row if the partition or its run is not running.
SELECT extract(epoch FROM part.lease_until - clock_timestamp())::float8
FROM worker_runs AS part JOIN run_metadata AS run ON run.id = part.run_id
WHERE part.id = $1 AND part.status = 'running' AND run.status = 'running' AND run.deadline_at > clock_timestamp()

-- keep_partition --
-- Renews the lease of a partition.
UPDATE worker_runs SET lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE id = $1 AND lease_token = $2 AND status = 'running'
RETURNING id

-- note_error --
-- Stores the reason why the partition waits ($3).
UPDATE worker_runs SET error_message = $3 WHERE id = $1 AND lease_token = $2 AND status = 'running'

-- release_partition --
-- Makes the partition available to other workers, with its checkpoint. $3: the error, if there was one.
UPDATE worker_runs
SET status = 'pending', lease_token = NULL, lease_until = NULL, error_message = $3
WHERE id = $1 AND lease_token = $2 AND status = 'running'

-- last_error --
-- The last error of a run's partitions.
SELECT error_message FROM worker_runs
WHERE run_id = $1 AND error_message IS NOT NULL ORDER BY completed_at DESC NULLS FIRST, lease_until DESC LIMIT 1

-- end_partition --
-- $5: items that the supplier counts and could not show.
UPDATE worker_runs
SET status = $3, error_message = $4, unidentified = $5, completed_at = clock_timestamp(), lease_token = NULL, lease_until = NULL,
    distinct_stones = (SELECT count(DISTINCT stone) FROM pages_read CROSS JOIN unnest(stones) AS stone WHERE partition_id = $1)
WHERE id = $1 AND lease_token = $2 AND status = 'running'
RETURNING id

-- stage_page --
-- Writes a page of stones with its checkpoint, all or nothing. Writes nothing if the lease ($2) is lost: the lease of a
-- partition ($1), or the consolidator's on the whole run ($1 is NULL), which looks up stones that seem gone.
-- The page was received $5 seconds ago. The instant is by the database's clock: the clocks of workers may differ.
-- An older observation never replaces a newer one: the row of stones_seen is locked first, shows whether this page is the
-- newest observation of the stone, and stays locked until the payload is written. An equal payload is not written again.
WITH page AS (
    SELECT * FROM unnest({observed at $14}) AS page ({observed})
), moment AS MATERIALIZED (
    SELECT clock_timestamp() - make_interval(secs => $5) AS observed_at
), checkpoint AS (
    UPDATE worker_runs
    SET checkpoint = $7, pages = pages + 1, fetched = fetched + $8,
        lease_until = clock_timestamp() + make_interval(secs => $6)
    WHERE id = $1 AND lease_token = $2 AND status = 'running'
    RETURNING run_id
), consolidator AS (
    SELECT id FROM run_metadata
    WHERE $1::uuid IS NULL AND id = $3 AND lease_token = $2 AND status = 'consolidating'
    FOR UPDATE
), holder AS (
    SELECT run_id FROM checkpoint UNION ALL SELECT id FROM consolidator
), listed AS (
    INSERT INTO pages_read (run_id, partition_id, reading, offers, stones, prices, carats)
    SELECT $3, $1, $9, $10, $11, $12, $13 FROM holder
), seen AS (
    INSERT INTO stones_seen AS seen (feed, supplier_stone_id, run_id, observed_at, offer_id, offer_cents)
    SELECT $4, page.supplier_stone_id, $3, moment.observed_at, page.offer_id, page.supplier_price_cents
    FROM page CROSS JOIN holder CROSS JOIN moment ORDER BY page.supplier_stone_id
    ON CONFLICT (feed, supplier_stone_id) DO UPDATE
    SET run_id = excluded.run_id,
        (observed_at, offer_id, offer_cents) = (
            SELECT CASE WHEN kept THEN seen.observed_at ELSE excluded.observed_at END,
                   CASE WHEN kept THEN seen.offer_id ELSE excluded.offer_id END,
                   CASE WHEN kept THEN seen.offer_cents ELSE excluded.offer_cents END
            FROM (
                -- Of two offers that one run has seen the cheaper one represents the stone, then the one with the lower
                -- id; of two observations of one offer, or of two runs, the newer one.
                SELECT CASE
                    WHEN seen.run_id = excluded.run_id AND seen.offer_id <> excluded.offer_id
                    THEN (seen.offer_cents, seen.offer_id) < (excluded.offer_cents, excluded.offer_id)
                    ELSE seen.observed_at > excluded.observed_at
                END AS kept
            ) AS choice
        )
    RETURNING seen.supplier_stone_id, seen.observed_at
), staged AS (
    INSERT INTO raw_diamonds AS raw (feed, observed_at, run_id, {observed})
    SELECT $4, moment.observed_at, $3, {observed of page}
    FROM page JOIN seen USING (supplier_stone_id) CROSS JOIN moment
    WHERE seen.observed_at = moment.observed_at
    ORDER BY page.supplier_stone_id
    ON CONFLICT (feed, supplier_stone_id) DO UPDATE
    SET observed_at = excluded.observed_at, run_id = excluded.run_id, gone_at = NULL,
        {received from excluded}
    WHERE raw.payload_hash <> excluded.payload_hash OR raw.gone_at IS NOT NULL
    RETURNING raw.supplier_stone_id
)
SELECT (SELECT count(*) FROM holder) AS holders, (SELECT count(*) FROM staged) AS staged

-- forget_pages --
-- Deletes the pages of a feed's ($1) other runs than $2: they are not part of its proof.
DELETE FROM pages_read WHERE run_id IN (SELECT id FROM run_metadata WHERE feed = $1 AND id <> $2)

-- forget_pages_of_run --
-- Deletes the pages of a completed run: its proof is done.
DELETE FROM pages_read WHERE run_id = (SELECT id FROM run_metadata WHERE id = $1 AND status = 'completed')

-- pages_read --
-- The stored pages of a partition.
SELECT reading, offers, stones, prices, carats FROM pages_read WHERE partition_id = $1 ORDER BY id

-- distinct_listings --
-- Numbers of offers and stones that a run has read, and of unidentified items.
SELECT (SELECT count(*)::int FROM (SELECT DISTINCT unnest(offers) FROM pages_read WHERE run_id = $1) AS offers) AS listings,
       (SELECT count(*)::int FROM (SELECT DISTINCT unnest(stones) FROM pages_read WHERE run_id = $1) AS stones) AS stones,
       (SELECT coalesce(sum(unidentified), 0)::int FROM worker_runs WHERE run_id = $1) AS unidentified

-- Consolidation

-- claim_consolidation --
-- Claims a run for consolidation. Returns no row if another consolidator's lease is valid, or the run is not consolidating.
UPDATE run_metadata AS run
SET lease_token = $2, lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE id = $1 AND status = 'consolidating' AND (lease_until IS NULL OR lease_until < clock_timestamp())
RETURNING {run}

-- release_consolidation --
-- Makes the run available to other consolidators, with its progress.
UPDATE run_metadata SET lease_token = NULL, lease_until = NULL
WHERE id = $1 AND lease_token = $2 AND status = 'consolidating'

-- consolidation_busy_for --
-- Remaining seconds of another consolidator's lease; no row if the run is not consolidating.
SELECT extract(epoch FROM lease_until - clock_timestamp())::float8
FROM run_metadata WHERE id = $1 AND status = 'consolidating'

-- hold_lease --
-- Verifies the consolidator's lease and locks the run until the commit.
SELECT id FROM run_metadata WHERE id = $1 AND lease_token = $2 AND status = 'consolidating' FOR UPDATE

-- census --
-- Numbers of stones that a run saw, and of those that cannot be mapped. Only these few are read from the raw table (index
-- raw_diamonds_problem): a stone that a run saw is not gone.
SELECT (SELECT count(*)::int FROM stones_seen WHERE feed = $1 AND run_id = $2) AS distinct_stones,
       (SELECT count(*)::int
        FROM raw_diamonds AS raw JOIN stones_seen AS seen USING (feed, supplier_stone_id)
        WHERE raw.feed = $1 AND raw.problem IS NOT NULL AND raw.gone_at IS NULL AND seen.run_id = $2) AS quarantined

-- inventory_census --
-- Number of stones in the inventory of a feed ($1) after a run ($2) that read a part of the feed, the number of these in
-- quarantine, and the number that this run adds to the quarantine.
SELECT count(*)::int AS stones,
       count(*) FILTER (WHERE after.bad)::int AS quarantined,
       count(*) FILTER (WHERE after.bad AND held.status IS DISTINCT FROM 'quarantined')::int AS newly_quarantined
FROM (
    SELECT supplier_stone_id, status FROM diamonds WHERE supplier = $1 AND status <> 'deleted'
) AS held
FULL JOIN (
    SELECT supplier_stone_id, raw.problem IS NOT NULL AS bad
    FROM stones_seen AS seen JOIN raw_diamonds AS raw USING (feed, supplier_stone_id)
    WHERE seen.feed = $1 AND seen.run_id = $2
) AS seen USING (supplier_stone_id)
CROSS JOIN LATERAL (SELECT coalesce(seen.bad, held.status = 'quarantined') AS bad) AS after

-- some_seen --
-- Some stones that the run saw: the control stones of a lookup.
SELECT supplier_stone_id FROM stones_seen
WHERE feed = $1 AND run_id = $2 AND supplier_stone_id NOT LIKE 'unidentified:%' LIMIT $3

-- active_stones --
-- Number of active stones of a supplier.
SELECT count(*)::int FROM diamonds WHERE supplier = $1 AND status = 'active'

-- missing_stones --
-- Stones that neither a full run nor a later process has seen: they may be gone. In batches by id.
SELECT raw.supplier_stone_id, coalesce(diamond.status = 'active', false) AS active
FROM stones_seen AS seen
JOIN raw_diamonds AS raw USING (feed, supplier_stone_id)
LEFT JOIN diamonds AS diamond ON diamond.supplier = $1 AND diamond.supplier_stone_id = raw.supplier_stone_id
WHERE seen.feed = $1 AND seen.run_id <> $2 AND seen.observed_at < $3 AND raw.gone_at IS NULL
  AND seen.supplier_stone_id > $4
ORDER BY seen.supplier_stone_id LIMIT $5

-- count_missing --
-- Number of stones after an id ($4) that a full run did not see, as `missing_stones` lists them.
SELECT count(*)::int
FROM stones_seen AS seen JOIN raw_diamonds AS raw USING (feed, supplier_stone_id)
WHERE seen.feed = $1 AND seen.run_id <> $2 AND seen.observed_at < $3 AND raw.gone_at IS NULL
  AND seen.supplier_stone_id > $4

-- use_indexes --
-- Plan the next statements of the transaction without sequential scans. A plan is kept from its first uses: during a first load,
-- `diamonds` was empty then, and a sequential scan for each stone becomes slower with each batch.
SET LOCAL enable_seqscan = off

-- batch --
-- The next stones of a run, with the values that decide whether they must be written. OFFSET 0: each stone is found by its key.
-- A join is planned by statistics, which are of an empty table during a first load, and may compare each stone with each.
SELECT seen.supplier_stone_id, raw.problem, raw.shape, raw.carat_milli, raw.lab_grown, raw.supplier_price_cents,
       diamond.status, coalesce(diamond.source_hash = raw.canonical_hash, false) AS same_source,
       diamond.markup_ratio, diamond.rating
FROM (
    SELECT supplier_stone_id FROM stones_seen
    WHERE feed = $1 AND run_id = $2 AND supplier_stone_id > $3
    ORDER BY supplier_stone_id LIMIT $4
) AS seen
CROSS JOIN LATERAL (
    SELECT problem, canonical_hash, shape, carat_milli, lab_grown, supplier_price_cents FROM raw_diamonds
    WHERE feed = $1 AND supplier_stone_id = seen.supplier_stone_id OFFSET 0
) AS raw
LEFT JOIN LATERAL (
    SELECT status, source_hash, markup_ratio, rating FROM diamonds
    WHERE supplier = $1 AND supplier_stone_id = seen.supplier_stone_id OFFSET 0
) AS diamond ON true
ORDER BY seen.supplier_stone_id

-- share_prices --
-- Wait for a batch of the repricing or of a rebuild ($1: feed), then return the database's clock. Batches of a consolidation end in
-- their order, which Postgres does not know: if a transaction holds rows of the first one and waits for rows of the second one, all
-- three wait until a statement times out.
SELECT clock_timestamp() FROM pg_advisory_xact_lock_shared(hashtextextended('prices ' || $1, 0))

-- hold_prices --
-- Wait for the batches of a consolidation that have begun ($1: feed), before rows are locked.
SELECT pg_advisory_xact_lock(hashtextextended('prices ' || $1, 0))

-- upsert_diamonds --
-- Upserts staged stones into the inventory with their computed prices ($2 to $5, parallel arrays).
INSERT INTO diamonds AS diamond (
    id, supplier, supplier_stone_id, retail_price_cents, markup_ratio, rating,
    status, source_hash, source_updated_at, created_at, updated_at,
    {stone}
)
SELECT raw.diamond_id, $1, raw.supplier_stone_id, priced.retail_price_cents, priced.markup_ratio, priced.rating,
    'active', raw.canonical_hash, raw.observed_at, $6, $6,
    {stone of raw}
FROM unnest($2::text[], $3::bigint[], $4::numeric[], $5::smallint[])
     AS priced (supplier_stone_id, retail_price_cents, markup_ratio, rating)
JOIN raw_diamonds AS raw ON raw.feed = $1 AND raw.supplier_stone_id = priced.supplier_stone_id
ORDER BY raw.supplier_stone_id
ON CONFLICT (supplier, supplier_stone_id) DO UPDATE
SET status = 'active', deleted_at = NULL, source_hash = excluded.source_hash,
    source_updated_at = excluded.source_updated_at, updated_at = excluded.updated_at,
    retail_price_cents = excluded.retail_price_cents, markup_ratio = excluded.markup_ratio, rating = excluded.rating,
    {stone from excluded}
RETURNING id, supplier_stone_id

-- quarantine_diamonds --
-- Quarantines stones whose newest payload cannot be mapped; they keep their rows. Returns which were active.
WITH held AS (
    SELECT id, status FROM diamonds
    WHERE supplier = $1 AND supplier_stone_id = ANY ($2::text[]) AND status <> 'quarantined'
    FOR UPDATE
), quarantined AS (
    UPDATE diamonds SET status = 'quarantined', deleted_at = NULL, updated_at = $3
    FROM held WHERE diamonds.id = held.id
)
SELECT id, status = 'active' AS active FROM held

-- first_load --
-- Whether no other run of the feed than $2 has ever been completed.
SELECT NOT EXISTS (SELECT FROM run_metadata WHERE feed = $1 AND status = 'completed' AND id IS DISTINCT FROM $2)

-- book_batch --
-- Stores the progress and the figures of consolidation, and locks the run until the commit. Returns no row if the
-- consolidator's lease ($8) is lost.
UPDATE run_metadata
SET consolidated_through = $2, upserted = upserted + $3, unchanged = unchanged + $4,
    quarantined = quarantined + $5, revived = revived + $6, lease_until = clock_timestamp() + make_interval(secs => $7)
WHERE id = $1 AND lease_token = $8 AND status = 'consolidating'
RETURNING id

-- delete_raw --
-- Marks payloads of stones that the supplier no longer has.
UPDATE raw_diamonds SET gone_at = $3 WHERE feed = $1 AND supplier_stone_id = ANY ($2::text[]) AND gone_at IS NULL

-- delete_diamonds --
-- Deletes stones. Returns those that were not deleted before, and which of them were active.
WITH held AS (
    SELECT id, status FROM diamonds
    WHERE supplier = $1 AND supplier_stone_id = ANY ($2::text[]) AND status <> 'deleted'
    FOR UPDATE
), deleted AS (
    UPDATE diamonds SET status = 'deleted', deleted_at = $3, updated_at = $3
    FROM held WHERE diamonds.id = held.id
)
SELECT id, status = 'active' AS active FROM held

-- book_deletes --
UPDATE run_metadata SET deleted = deleted + $2, lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE id = $1

-- book_asked --
-- Counts stones that seemed gone and were fetched again. If a consolidation was continued by another process, they may
-- precede its position, so it restarts; stones that it has already written are then unchanged.
UPDATE run_metadata
SET asked_again = asked_again + $2, consolidated_through = NULL, upserted = 0, unchanged = 0, quarantined = 0, revived = 0
WHERE id = $1

-- book_run --
-- Stores the figures of a consolidated run: the stones fetched by the partitions plus those fetched again.
UPDATE run_metadata AS run
SET consolidated_at = clock_timestamp(), distinct_stones = seen.stones, fetched = run.asked_again + parts.fetched,
    repeated = run.asked_again + parts.fetched - seen.stones, unidentified = parts.unidentified
FROM (
    SELECT coalesce(sum(fetched), 0)::int AS fetched, coalesce(sum(unidentified), 0)::int AS unidentified
    FROM worker_runs WHERE run_id = $1
) AS parts
CROSS JOIN (SELECT count(*)::int AS stones FROM stones_seen WHERE feed = $2 AND run_id = $1) AS seen
WHERE id = $1

-- complete_run --
-- Completes a consolidated run. $3: whether the watermark has moved.
UPDATE run_metadata AS run
SET status = 'completed', completed_at = clock_timestamp(), lease_token = NULL, lease_until = NULL,
    watermark_moved_at = CASE WHEN $3 THEN clock_timestamp() END
WHERE id = $1 AND lease_token = $2 AND status = 'consolidating'
RETURNING {run}

-- pricing_rules --
-- Pricing rules in the order of matching.
SELECT priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown, supplier
FROM pricing_rules ORDER BY priority, created_at, id

-- Planning

-- has_raw_table --
-- Whether the raw table of a feed ($1) exists: a partition of `raw_diamonds` with its name, or the one that holds the feed.
SELECT EXISTS (
    SELECT FROM pg_inherits
    JOIN pg_class AS part ON part.oid = pg_inherits.inhrelid
    WHERE pg_inherits.inhparent = 'raw_diamonds'::regclass
      AND pg_get_expr(part.relpartbound, part.oid) ~ ('[(, ]' || quote_literal($1::text) || '[,)]')
)

-- consumed_files --
-- Digests of the files that completed runs of a feed ($1) have read.
SELECT digest FROM consumed_files WHERE feed = $1

-- consume_files --
-- Records the files of a completed run, in the transaction that completes it. Runs over other feeds have no files.
INSERT INTO consumed_files (feed, digest, name, run_id)
SELECT run.feed, file ->> 'digest', file ->> 'name', run.id
FROM run_metadata AS run CROSS JOIN LATERAL jsonb_array_elements(run.plan #> '{snapshot,files}') AS file
WHERE run.id = $1 AND run.status = 'completed' AND run.moves_watermark AND run.forced_by IS NULL
ON CONFLICT (feed, digest) DO NOTHING

-- staged_rows --
-- Numbers of items and of distinct stones on the pages of a run ($1), and of the stones that it has seen.
SELECT (SELECT coalesce(sum(cardinality(stones)), 0)::int FROM pages_read WHERE run_id = $1) AS items,
       (SELECT count(*)::int FROM (SELECT DISTINCT unnest(stones) FROM pages_read WHERE run_id = $1) AS stones) AS stones,
       (SELECT count(*)::int FROM stones_seen WHERE feed = $2 AND run_id = $1) AS seen

-- now --
-- The database's clock, which all processes share.
SELECT clock_timestamp()

-- held_prices --
-- Numbers of stones of the inventory at each whole dollar, rounded up, and at exactly that price. They predict the
-- distribution of the feed. With $2 by price per carat, else by price.
SELECT ((price.cents + 99) / 100)::bigint AS dollars, count(*)::int AS stones,
       (count(*) FILTER (WHERE price.cents % 100 = 0))::int AS exact
FROM diamonds
CROSS JOIN LATERAL (SELECT CASE WHEN $2 THEN price_per_carat_cents ELSE supplier_price_cents END AS cents) AS price
WHERE supplier = $1 AND status = 'active'
GROUP BY 1 ORDER BY 1

-- Reconciliation after dead processes and lost messages. Each statement selects only rows that no other process has locked
-- (SKIP LOCKED) and marks them, so several processes may reconcile concurrently.

-- overdue_runs --
-- Open runs that must end now: their deadline has passed, or the process that planned them is dead.
SELECT id, status, deadline_at <= clock_timestamp() AS expired FROM run_metadata
WHERE status IN ('planning', 'running', 'consolidating') AND deadline_at <= clock_timestamp()
   OR status = 'planning' AND lease_until < clock_timestamp()

-- lock_overdue_run --
-- Repeats the check of `overdue_runs` under the lock.
SELECT id, deadline_at <= clock_timestamp() AS expired FROM run_metadata
WHERE id = $1 AND (status IN ('planning', 'running', 'consolidating') AND deadline_at <= clock_timestamp()
                   OR status = 'planning' AND lease_until < clock_timestamp())
FOR UPDATE SKIP LOCKED

-- unsettled_runs --
-- Running, but no partition is open: its end was not recorded.
SELECT run.id FROM run_metadata AS run
WHERE run.status = 'running'
  AND NOT EXISTS (SELECT FROM worker_runs AS part WHERE part.run_id = run.id AND part.status IN ('pending', 'running'))

-- lock_running --
SELECT id FROM run_metadata WHERE id = $1 AND status = 'running' FOR UPDATE SKIP LOCKED

-- claim_lost_triggers --
-- Runs that wait for a consolidator without a message: the message was not sent, or was sent so long ago ($1 seconds) that
-- it is lost. A run with a valid consolidator lease needs no message.
UPDATE run_metadata SET consolidate_sent_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM run_metadata
    WHERE status = 'consolidating' AND (lease_until IS NULL OR lease_until < clock_timestamp())
      AND (consolidate_sent_at IS NULL OR consolidate_sent_at < clock_timestamp() - make_interval(secs => $1))
      AND ($2::uuid IS NULL OR id = $2)
    FOR UPDATE SKIP LOCKED
)
RETURNING id, trace_id, feed

-- unmark_trigger --
-- Records that the trigger could not be sent.
UPDATE run_metadata SET consolidate_sent_at = NULL WHERE id = $1 AND status = 'consolidating'

-- claim_lost_partitions --
-- Partitions without a message: not sent although due for longer than a lease ($1 seconds), or sent so long ago ($2
-- seconds) that the message is lost. Two cases of the latter: its worker died and the message was not redelivered; or the
-- partition is pending while no worker reads any partition of the run, which a backlog would not explain.
UPDATE worker_runs AS part SET sent_at = clock_timestamp()
FROM (
    SELECT part.id, run.trace_id
    FROM worker_runs AS part JOIN run_metadata AS run ON run.id = part.run_id
    WHERE run.status = 'running' AND run.deadline_at > clock_timestamp()
      AND CASE
          WHEN part.status NOT IN ('pending', 'running') THEN false
          WHEN part.status = 'running' AND part.lease_until >= clock_timestamp() THEN false
          WHEN part.sent_at IS NULL THEN part.due_at < clock_timestamp() - make_interval(secs => $1)
          WHEN part.sent_at >= clock_timestamp() - make_interval(secs => $2) THEN false
          WHEN part.status = 'running' THEN true
          ELSE NOT EXISTS (
              SELECT FROM worker_runs AS other
              WHERE other.run_id = part.run_id AND other.status = 'running' AND other.lease_until >= clock_timestamp()
          )
      END
    ORDER BY part.run_id, part.ordinal
    FOR UPDATE OF part SKIP LOCKED
) AS lost
WHERE part.id = lost.id
RETURNING part.*, lost.trace_id

-- unmark_sent --
-- Records that work items could not be sent.
UPDATE worker_runs SET sent_at = NULL WHERE id = ANY ($1::uuid[]) AND status IN ('pending', 'running')

-- Retry and consolidation of a run that has ended, by the rules of inventory/runs/rules.py

-- reopen_partitions --
-- Resets partitions ($2) of an ended run, so that they are read from the start: pages read hours ago prove nothing now.
WITH forgotten AS (
    DELETE FROM pages_read WHERE run_id = $1 AND partition_id = ANY ($2::uuid[])
)
UPDATE worker_runs
SET status = 'pending', error_message = NULL, completed_at = NULL, sent_at = NULL, due_at = clock_timestamp(),
    lease_token = NULL, lease_until = NULL,
    checkpoint = NULL, unidentified = 0, distinct_stones = NULL
WHERE run_id = $1 AND id = ANY ($2::uuid[])
RETURNING *

-- reopen_run --
-- Sets the run to running, with a new deadline ($2 seconds).
UPDATE run_metadata
SET status = 'running', error_code = NULL, error_message = NULL, completed_at = NULL,
    consolidate_requested_at = NULL, consolidate_sent_at = NULL, lease_token = NULL, lease_until = NULL,
    consolidated_at = NULL, forced_by = NULL, deadline_at = clock_timestamp() + make_interval(secs => $2)
WHERE id = $1

-- reopen_consolidation --
-- Requests consolidation again, with a new deadline ($2 seconds). A forced run ($3: the operator) does not move the
-- watermark, because it has not read everything. $4, $5: the operator who confirmed a mass delete, or a large quarantine.
UPDATE run_metadata
SET status = 'consolidating', error_code = NULL, error_message = NULL, completed_at = NULL,
    consolidate_requested_at = clock_timestamp(), consolidate_sent_at = NULL, lease_token = NULL, lease_until = NULL,
    deadline_at = clock_timestamp() + make_interval(secs => $2),
    forced_by = coalesce($3, forced_by),
    mass_delete_allowed_by = coalesce($4, mass_delete_allowed_by),
    quarantine_allowed_by = coalesce($5, quarantine_allowed_by),
    -- Stones that were already written are unchanged now; figures of a finished consolidation stay.
    consolidated_through = CASE WHEN consolidated_at IS NULL THEN NULL ELSE consolidated_through END,
    upserted = CASE WHEN consolidated_at IS NULL THEN 0 ELSE upserted END,
    unchanged = CASE WHEN consolidated_at IS NULL THEN 0 ELSE unchanged END,
    quarantined = CASE WHEN consolidated_at IS NULL THEN 0 ELSE quarantined END,
    revived = CASE WHEN consolidated_at IS NULL THEN 0 ELSE revived END
WHERE id = $1

-- allow_consolidation --
-- Records the operator who confirmed a mass delete ($2) or a large quarantine ($3) of a run that is consolidating already.
UPDATE run_metadata
SET mass_delete_allowed_by = coalesce($2, mass_delete_allowed_by), quarantine_allowed_by = coalesce($3, quarantine_allowed_by)
WHERE id = $1

-- Alerts

-- claim_alert --
-- Claims the alert that waits longest and schedules its next attempt. If the process dies, the alert is sent again under
-- the same idempotency key, so the provider sends it once. Pauses double up to an hour.
UPDATE alerts
SET attempts = attempts + 1,
    next_attempt_at = clock_timestamp() + least(interval '1 minute' * 2 ^ least(attempts, 6), interval '1 hour')
WHERE id = (
    SELECT id FROM alerts WHERE sent_at IS NULL AND next_attempt_at <= clock_timestamp()
    ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING *

-- alert_sent --
UPDATE alerts SET sent_at = clock_timestamp(), provider_id = $2, last_error = NULL WHERE id = $1

-- alert_failed --
UPDATE alerts SET last_error = $2 WHERE id = $1

-- claim_post --
-- As `claim_alert`, for the webhook. Only alerts of the last day: a webhook that is set later does not get old ones.
UPDATE alerts
SET post_attempts = post_attempts + 1,
    next_post_at = clock_timestamp() + least(interval '1 minute' * 2 ^ least(post_attempts, 6), interval '1 hour')
WHERE id = (
    SELECT id FROM alerts
    WHERE posted_at IS NULL AND next_post_at <= clock_timestamp() AND created_at > clock_timestamp() - interval '1 day'
    ORDER BY next_post_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING *

-- alert_posted --
UPDATE alerts SET posted_at = clock_timestamp(), post_error = NULL WHERE id = $1

-- post_failed --
UPDATE alerts SET post_error = $2 WHERE id = $1

-- known_runs --
-- Those of some ids that belong to runs.
SELECT id FROM run_metadata WHERE id = ANY ($1::uuid[])

-- alerts_waiting --
SELECT count(*)::int FROM alerts WHERE sent_at IS NULL

-- nightly_state --
-- State of the nightly run that was due at $2: whether a run has started since; the number of runs that could not be
-- planned, and the start of the last of them; whether another run has started; whether a run was open at $2; and whether
-- the feed had been read before.
SELECT count(*) FILTER (WHERE started_at >= $2) > 0 AS started,
       count(*) FILTER (WHERE started_at >= $2 AND status = 'failed' AND plan IS NULL)::int AS tries,
       max(started_at) FILTER (WHERE started_at >= $2 AND status = 'failed' AND plan IS NULL) AS last_try,
       count(*) FILTER (WHERE started_at >= $2 AND NOT (status = 'failed' AND plan IS NULL)) > 0 AS begun,
       count(*) FILTER (WHERE started_at < $2 AND (completed_at IS NULL OR completed_at >= $2)) > 0 AS under_way,
       count(*) FILTER (WHERE started_at < $2) > 0 AS known
FROM run_metadata WHERE feed = $1

-- Effects of background jobs

-- job_effect --
-- The recorded effect of a job.
SELECT answer, run_id FROM job_effects WHERE job_id = $1

-- record_job_effect --
INSERT INTO job_effects (job_id, run_id, answer) VALUES ($1, $2, $3)

-- Repricing

-- priced_batch --
-- The next stones of the inventory, in the columns of pricing. NO KEY: a hold references its stone and must not wait for a
-- batch.
SELECT supplier_stone_id, NULL::text AS problem, shape, carat_milli, lab_grown, supplier_price_cents, status,
       true AS same_source, markup_ratio, rating
FROM diamonds WHERE supplier = $1 AND status = 'active' AND supplier_stone_id > $2
ORDER BY supplier_stone_id LIMIT $3
FOR NO KEY UPDATE

-- priced_total --
-- Number of stones to price.
SELECT count(*) FROM diamonds WHERE supplier = $1 AND status = 'active'

-- reprice_diamonds --
-- Writes new prices ($2 to $5, parallel arrays).
UPDATE diamonds AS diamond
SET retail_price_cents = priced.retail_price_cents, markup_ratio = priced.markup_ratio, rating = priced.rating,
    updated_at = $6
FROM unnest($2::text[], $3::bigint[], $4::numeric[], $5::smallint[])
     AS priced (supplier_stone_id, retail_price_cents, markup_ratio, rating)
WHERE diamond.supplier = $1 AND diamond.supplier_stone_id = priced.supplier_stone_id
RETURNING diamond.id

-- consolidation_under_way --
SELECT EXISTS (SELECT FROM run_metadata WHERE feed = $1 AND status = 'consolidating')

-- Pruning: rows that are older than $1 days and not needed, at most $2 per statement

-- prune_runs --
-- Ended runs with their partitions. Each feed keeps its newest run and its newest completed full run, because the next run
-- decides its window by it.
DELETE FROM run_metadata WHERE id IN (
    SELECT old.id FROM run_metadata AS old
    WHERE old.completed_at < clock_timestamp() - make_interval(days => $1)
      AND old.status IN ('completed', 'partial', 'failed', 'cancelled')
      AND EXISTS (SELECT FROM run_metadata AS newer WHERE newer.feed = old.feed AND newer.started_at > old.started_at)
      AND (old.run_type <> 'full' OR old.status <> 'completed' OR old.forced_by IS NOT NULL
           OR EXISTS (SELECT FROM run_metadata AS newer
                      WHERE newer.feed = old.feed AND newer.started_at > old.started_at AND newer.run_type = 'full'
                        AND newer.status = 'completed' AND newer.forced_by IS NULL))
    ORDER BY old.started_at LIMIT $2
)
RETURNING id

-- prune_payloads --
-- Payloads of stones that the supplier no longer has. Their rows of the inventory stay, for holds and purchases.
-- Lock order is that of staging, stones_seen first, to avoid a deadlock.
WITH old AS (
    SELECT seen.feed, seen.supplier_stone_id
    FROM stones_seen AS seen JOIN raw_diamonds AS raw USING (feed, supplier_stone_id)
    WHERE raw.gone_at < clock_timestamp() - make_interval(days => $1)
    LIMIT $2
    FOR UPDATE OF seen SKIP LOCKED
), gone AS (
    DELETE FROM raw_diamonds AS raw USING old
    WHERE raw.feed = old.feed AND raw.supplier_stone_id = old.supplier_stone_id
      AND raw.gone_at < clock_timestamp() - make_interval(days => $1)
    RETURNING raw.feed, raw.supplier_stone_id
), unseen AS (
    DELETE FROM stones_seen AS seen USING gone
    WHERE seen.feed = gone.feed AND seen.supplier_stone_id = gone.supplier_stone_id
)
SELECT supplier_stone_id FROM gone

-- prune_alerts --
DELETE FROM alerts WHERE id IN (
    SELECT id FROM alerts WHERE created_at < clock_timestamp() - make_interval(days => $1) LIMIT $2
)
RETURNING id

-- prune_run_log --
DELETE FROM run_log WHERE id IN (
    SELECT id FROM run_log WHERE at < clock_timestamp() - make_interval(days => $1) ORDER BY id LIMIT $2
)
RETURNING id

-- prune_job_effects --
-- Redis forgets a job after a day, so an older effect is not needed.
DELETE FROM job_effects WHERE job_id IN (
    SELECT job_id FROM job_effects WHERE applied_at < clock_timestamp() - make_interval(days => $1) LIMIT $2
)
RETURNING job_id

-- Rebuilding the inventory from the payloads

-- payloads --
-- The next received payloads of a feed, with their mapping results. A payload waits if no run that has seen it was
-- consolidated: the safety checks may have stopped these runs.
SELECT raw.supplier_stone_id, raw.payload, raw.queried_lab_grown, raw.payload_hash, raw.problem, raw.canonical_hash, raw.gone_at,
       coalesce(received.consolidated_at IS NULL AND seen_by.consolidated_at IS NULL
                AND received.id IS NOT NULL AND seen_by.id IS NOT NULL, false) AS waits
FROM raw_diamonds AS raw
LEFT JOIN stones_seen AS seen ON seen.feed = raw.feed AND seen.supplier_stone_id = raw.supplier_stone_id
LEFT JOIN run_metadata AS received ON received.id = raw.run_id
LEFT JOIN run_metadata AS seen_by ON seen_by.id = seen.run_id
WHERE raw.feed = $1 AND raw.supplier_stone_id > $2
ORDER BY raw.supplier_stone_id LIMIT $3

-- lock_payloads --
-- Blocks the staging of the next payloads until the commit.
SELECT FROM raw_diamonds WHERE feed = $1 AND supplier_stone_id > $2
ORDER BY supplier_stone_id LIMIT $3
FOR UPDATE

-- diamonds_of_stones --
-- Stones of the inventory by id.
SELECT * FROM diamonds WHERE supplier = $1 AND supplier_stone_id = ANY ($2::text[])

-- diamonds_without_payload --
-- Number of stones of the inventory, active or quarantined, without a payload.
SELECT count(*)::int FROM diamonds AS diamond
WHERE diamond.supplier = $1 AND diamond.status <> 'deleted'
  AND NOT EXISTS (
      SELECT FROM raw_diamonds AS raw WHERE raw.feed = $1 AND raw.supplier_stone_id = diamond.supplier_stone_id
  )

-- remap_payloads --
-- Stores new mapping results of payloads of a feed ($1). The payloads stay as received.
UPDATE raw_diamonds AS raw
SET {mapped from page}
FROM unnest({observed at $2}) AS page ({observed})
WHERE raw.feed = $1 AND raw.supplier_stone_id = page.supplier_stone_id

-- Metrics

-- run_metrics --
-- Values of the gauges of a feed ($1), one column for each: see sync/telemetry/run_metrics.py.
WITH open AS (
    SELECT started_at, lease_until, id FROM run_metadata
    WHERE feed = $1 AND status IN ('planning', 'running', 'consolidating')
), ended AS (
    SELECT * FROM run_metadata WHERE feed = $1 AND completed_at IS NOT NULL AND status <> 'cancelled'
    ORDER BY started_at DESC LIMIT 1
), completed AS (
    SELECT *, quarantined / greatest(distinct_stones, 1)::float8 AS reject_ratio,
           extract(epoch FROM completed_at - started_at)::float8 AS seconds
    FROM run_metadata WHERE feed = $1 AND status = 'completed' ORDER BY started_at DESC LIMIT 14
), newest AS (
    SELECT * FROM completed ORDER BY started_at DESC LIMIT 1
), heartbeat AS (
    -- A lease is renewed three times in its length, so its holder is silent once it has expired.
    SELECT max(lease_until) AS lease_until FROM (
        SELECT lease_until FROM open
        UNION ALL
        SELECT part.lease_until FROM worker_runs AS part JOIN open ON open.id = part.run_id WHERE part.status = 'running'
    ) AS leases
)
SELECT (SELECT count(*)::int FROM open) AS run_open,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - started_at)::float8 FROM open), 0) AS run_age_seconds,
       coalesce((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM completed), 0) AS run_usual_seconds,
       coalesce((SELECT greatest(0, extract(epoch FROM clock_timestamp() - lease_until)::float8) FROM heartbeat), 0)
           AS run_heartbeat_age_seconds,
       coalesce((SELECT extract(epoch FROM max(started_at))::float8 FROM run_metadata WHERE feed = $1), 0)
           AS run_last_started_timestamp_seconds,
       coalesce((SELECT extract(epoch FROM completed_at)::float8 FROM newest), 0) AS run_last_completed_timestamp_seconds,
       coalesce((SELECT (status <> 'completed')::int FROM ended), 0) AS run_last_failed,
       coalesce((SELECT upserted FROM newest), 0) AS stones_written,
       coalesce((SELECT unchanged FROM newest), 0) AS stones_unchanged,
       coalesce((SELECT quarantined FROM newest), 0) AS stones_quarantined,
       coalesce((SELECT deleted FROM newest), 0) AS stones_deleted,
       coalesce((SELECT revived FROM newest), 0) AS stones_revived,
       coalesce((SELECT reject_ratio FROM newest), 0) AS reject_ratio,
       coalesce((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY reject_ratio) FROM completed), 0) AS reject_ratio_usual,
       (SELECT count(*)::int FROM alerts WHERE sent_at IS NULL) AS alerts_waiting,
       coalesce((SELECT extract(epoch FROM min(created_at))::float8 FROM alerts WHERE sent_at IS NULL), 0)
           AS alerts_oldest_timestamp_seconds,
       (SELECT count(*)::int FROM hold_history
        WHERE state = 'active' AND expires_at < clock_timestamp() - interval '10 minutes') AS holds_expired_unsettled,
       (SELECT count(*)::int FROM raw_diamonds WHERE feed = $1 AND problem IS NOT NULL AND gone_at IS NULL)
           AS quarantined

-- partition_metrics --
-- Numbers of partitions of the newest run of a feed ($1) by status.
SELECT status, count(*)::int FROM worker_runs
WHERE run_id = (SELECT id FROM run_metadata WHERE feed = $1 ORDER BY started_at DESC, id DESC LIMIT 1)
GROUP BY status
