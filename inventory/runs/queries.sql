-- run_columns --
-- The columns of a run. Until it is consolidated, its figures are sums over its partitions.
run.*,
    run.asked_again + (SELECT coalesce(sum(part.fetched), 0)::int FROM worker_runs AS part WHERE part.run_id = run.id)
        AS fetched_so_far,
    (SELECT coalesce(sum(part.unidentified), 0)::int FROM worker_runs AS part WHERE part.run_id = run.id)
        AS unidentified_so_far

-- run_by_id --
-- One run.
SELECT {run} FROM run_metadata AS run WHERE id = $1

-- runs_by_prefix --
-- Ids of at most two runs that begin with a text of hexadecimal digits and hyphens.
SELECT id FROM run_metadata WHERE starts_with(id::text, $1) ORDER BY id LIMIT 2

-- newest_run --
-- The run that started last, in any status: of the feed $1, of all feeds if it is NULL. Index: run_metadata_started.
SELECT {run} FROM run_metadata AS run WHERE $1::text IS NULL OR feed = $1 ORDER BY started_at DESC, id DESC LIMIT 1

-- open_run --
-- The open run of a feed. Index: run_metadata_open.
SELECT {run} FROM run_metadata AS run WHERE feed = $1 AND status IN ('planning', 'running', 'consolidating')

-- last_full_completed --
-- The start of the last completed full run of a feed. A forced run has gaps and does not count.
SELECT max(started_at) FROM run_metadata
WHERE feed = $1 AND run_type = 'full' AND status = 'completed' AND forced_by IS NULL

-- list_runs --
-- Runs, newest first, by type, status, feed and start, and after a position ($6, $7: start and id of the run before it).
-- NULL matches everything. Index: run_metadata_started.
SELECT {run} FROM run_metadata AS run
WHERE ($1::text IS NULL OR run_type = $1)
  AND ($2::text[] IS NULL OR status = ANY ($2))
  AND ($3::text IS NULL OR feed = $3)
  AND ($4::timestamptz IS NULL OR started_at >= $4)
  AND ($5::timestamptz IS NULL OR started_at < $5)
  AND ($6::timestamptz IS NULL OR (started_at, id) < ($6, $7::uuid))
ORDER BY started_at DESC, id DESC
LIMIT $8 OFFSET $9

-- count_runs --
-- Number of runs by type, status, feed and start; NULL matches everything.
SELECT count(*)::int FROM run_metadata
WHERE ($1::text IS NULL OR run_type = $1)
  AND ($2::text[] IS NULL OR status = ANY ($2))
  AND ($3::text IS NULL OR feed = $3)
  AND ($4::timestamptz IS NULL OR started_at >= $4)
  AND ($5::timestamptz IS NULL OR started_at < $5)

-- runs_by_id --
SELECT {run} FROM run_metadata AS run WHERE id = ANY ($1::uuid[])

-- partitions_of_runs --
-- The partitions of several runs, each run's in the order of their prices.
SELECT * FROM worker_runs WHERE run_id = ANY ($1::uuid[]) ORDER BY run_id, ordinal

-- outlines --
-- Progress of the partitions of several runs, without runs that have none. `max_over_mean` compares the distinct stones of
-- the price bands, planned ones until a band was read. It ignores the partition outside the bands, which is small.
SELECT run_id,
       count(*)::int AS total,
       count(*) FILTER (WHERE status = 'succeeded')::int AS succeeded,
       count(*) FILTER (WHERE status IN ('failed', 'cancelled'))::int AS failed,
       count(*) FILTER (WHERE status IN ('pending', 'running'))::int AS open,
       coalesce(sum(fetched), 0)::int AS fetched,
       coalesce(sum(planned_stones), 0)::int AS planned_stones,
       coalesce(
           (max(coalesce(distinct_stones, planned_stones)) FILTER (WHERE kind = 'band'))
           * (count(*) FILTER (WHERE kind = 'band'))::float8
           / nullif(sum(coalesce(distinct_stones, planned_stones)) FILTER (WHERE kind = 'band'), 0), 1
       ) AS max_over_mean
FROM worker_runs WHERE run_id = ANY ($1::uuid[]) GROUP BY run_id

-- quarantine_groups --
-- Supplier items in quarantine by problem, the most frequent first, with the ids of three of each: those that a run ($1) saw,
-- or all if it is NULL; of a feed ($3), or of all feeds if it is NULL. Rows of a file with the same problem are one group; the
-- line is shown for a single row. Index: raw_diamonds_problem.
SELECT CASE count(*) WHEN 1 THEN min(raw.problem) ELSE regexp_replace(raw.problem, ' \(line [0-9]+\)$', '') END AS problem,
       count(*)::int AS items,
       (array_agg(raw.feed ORDER BY raw.feed, raw.supplier_stone_id))[1:3] AS example_feeds,
       (array_agg(raw.supplier_stone_id ORDER BY raw.feed, raw.supplier_stone_id))[1:3] AS example_ids
FROM raw_diamonds AS raw JOIN stones_seen AS seen USING (feed, supplier_stone_id)
WHERE raw.problem IS NOT NULL AND raw.gone_at IS NULL AND ($1::uuid IS NULL OR seen.run_id = $1)
  AND ($3::text IS NULL OR raw.feed = $3)
GROUP BY regexp_replace(raw.problem, ' \(line [0-9]+\)$', '') ORDER BY items DESC, problem LIMIT $2

-- raw_items --
-- Payloads of supplier items by feed and id ($1, $2: parallel arrays). Served by the primary key.
SELECT raw.feed, raw.supplier_stone_id, raw.payload::text AS payload, raw.observed_at, raw.problem
FROM unnest($1::text[], $2::text[]) AS item (feed, supplier_stone_id)
JOIN raw_diamonds AS raw USING (feed, supplier_stone_id)
ORDER BY raw.feed, raw.supplier_stone_id

-- count_missing_diamonds --
-- Number of active diamonds of a feed ($1) that a full run ($2) did not see, nor another run since it began ($3).
SELECT count(*)::int
FROM stones_seen AS seen
JOIN raw_diamonds AS raw USING (feed, supplier_stone_id)
JOIN diamonds AS diamond ON diamond.supplier = $1 AND diamond.supplier_stone_id = seen.supplier_stone_id
WHERE seen.feed = $1 AND seen.run_id <> $2 AND seen.observed_at < $3 AND raw.gone_at IS NULL AND diamond.status = 'active'

-- missing_diamonds --
-- The same diamonds, in the order of their ids after $4.
SELECT diamond.id, diamond.supplier_stone_id, diamond.shape, diamond.carat_milli, diamond.retail_price_cents
FROM stones_seen AS seen
JOIN raw_diamonds AS raw USING (feed, supplier_stone_id)
JOIN diamonds AS diamond ON diamond.supplier = $1 AND diamond.supplier_stone_id = seen.supplier_stone_id
WHERE seen.feed = $1 AND seen.run_id <> $2 AND seen.observed_at < $3 AND raw.gone_at IS NULL AND diamond.status = 'active'
  -- Condition on both tables: otherwise a merge join would read the diamonds from the beginning.
  AND seen.supplier_stone_id > $4 AND diamond.supplier_stone_id > $4
ORDER BY seen.supplier_stone_id LIMIT $5

-- add_run_log --
-- Store log lines. Each parameter is the array of a column.
INSERT INTO run_log (run_id, at, level, role, event, fields)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::jsonb[])

-- run_log --
-- Log lines of a run ($1), newest first, before the line $2 (NULL: from the newest), at most $3. Index: run_log_run.
SELECT id, run_id, at, level, role, event, fields FROM run_log
WHERE run_id = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
