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

-- newest_run --
-- The run of a feed that started last, in any status. Index: run_metadata_started.
SELECT {run} FROM run_metadata AS run WHERE feed = $1 ORDER BY started_at DESC, id DESC LIMIT 1

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
