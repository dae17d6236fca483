-- stock --
-- Numbers of diamonds by supplier and status, in one pass; availability by the rule of inventory/catalog/queries.sql.
SELECT supplier,
       count(*) FILTER (WHERE status = 'active') AS active,
       count(*) FILTER (WHERE status = 'quarantined') AS quarantined,
       count(*) FILTER (WHERE status = 'deleted') AS deleted,
       count(*) FILTER (WHERE status = 'active' AND availability = 'available') AS available,
       count(*) FILTER (WHERE status = 'active' AND availability = 'on_hold') AS on_hold,
       count(*) FILTER (WHERE status = 'active' AND availability = 'sold') AS sold,
       count(*) FILTER (WHERE status = 'active' AND availability = 'unavailable') AS unavailable,
       count(*) FILTER (WHERE status = 'active' AND lab_grown) AS lab_grown,
       count(*) FILTER (WHERE status = 'active' AND NOT lab_grown) AS natural_stones,
       max(updated_at) AS changed_at
FROM (
    SELECT supplier, status, lab_grown, updated_at, CASE WHEN status = 'active' THEN {availability} END AS availability
    FROM diamonds
) AS stone
GROUP BY supplier ORDER BY supplier

-- run_counts --
-- Numbers of the runs that started since $1, by status.
SELECT status, count(*)::int AS runs FROM run_metadata WHERE started_at >= $1 GROUP BY status

-- newest_runs --
-- The newest run of each feed.
SELECT DISTINCT ON (run.feed) {run} FROM run_metadata AS run ORDER BY run.feed, run.started_at DESC, run.id DESC

-- last_completed --
-- When the last run of each feed completed, and the last full one.
SELECT feed, max(completed_at) AS completed_at, max(completed_at) FILTER (WHERE run_type = 'full') AS full_completed_at
FROM run_metadata WHERE status = 'completed' GROUP BY feed

-- consolidation_backlog --
-- Runs that are not consolidated completely: they are consolidating, or they ended without consolidation and no later run of
-- the feed has started ($1 NULL). Or the run $1, in any status.
SELECT {run}, seen.stones, CASE WHEN run.consolidated_at IS NULL THEN seen.done ELSE seen.stones END AS done
FROM run_metadata AS run
CROSS JOIN LATERAL (
    SELECT count(*)::int AS stones,
           count(*) FILTER (WHERE supplier_stone_id <= run.consolidated_through)::int AS done
    FROM stones_seen WHERE feed = run.feed AND run_id = run.id
) AS seen
WHERE CASE
    WHEN $1::uuid IS NOT NULL THEN run.id = $1
    WHEN run.status = 'consolidating' THEN true
    ELSE run.status IN ('partial', 'failed') AND run.consolidated_at IS NULL AND seen.stones > 0
         AND NOT EXISTS (SELECT FROM run_metadata AS later
                         WHERE later.feed = run.feed AND later.started_at > run.started_at)
END
ORDER BY run.started_at

-- trading_since --
-- Holds and purchases that were requested since $1, of a client ($2) or of all (NULL). A purchase counts as sold when the supplier
-- accepted the order, unless it declined afterwards. Index: hold_history_requested, purchase_history_requested, or those of the
-- client.
SELECT (SELECT count(*)::int FROM hold_history
        WHERE requested_at >= $1 AND ($2::text IS NULL OR client_id = $2)) AS holds,
       count(*)::int AS sales, coalesce(sum(price_cents), 0)::bigint AS sales_cents
FROM purchase_history
WHERE requested_at >= $1 AND ($2::text IS NULL OR client_id = $2)
  AND state = 'confirmed' AND supplier_answer IS DISTINCT FROM 'declined'
