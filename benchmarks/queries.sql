-- empty --
-- Nothing was ever read.
TRUNCATE raw_diamonds, stones_seen, diamonds, run_metadata, event_log CASCADE

-- checkpoint --
-- What was written before is on the disk, and does not come into the way of what is measured.
CHECKPOINT

-- look_at_raw --
-- As autovacuum would in a while.
VACUUM (ANALYZE) raw_diamonds_nivoda

-- look_at_seen --
VACUUM (ANALYZE) stones_seen

-- look_at_diamonds --
VACUUM (ANALYZE) diamonds

-- raw_stones --
SELECT count(*) FROM raw_diamonds_nivoda

-- limit_of_raw --
-- A table of the same shape, with the same index.
CREATE TABLE raw_limit (LIKE raw_diamonds_nivoda INCLUDING ALL)

-- drop_limit_of_raw --
DROP TABLE raw_limit

-- limit_of_diamonds --
-- A table of the same shape, with the same indexes.
CREATE TABLE diamonds_limit (LIKE diamonds INCLUDING ALL)

-- drop_limit_of_diamonds --
DROP TABLE IF EXISTS diamonds_limit

-- insert_all --
-- The limit of a first load: rows that are mapped and priced already, in one statement.
INSERT INTO diamonds_limit SELECT * FROM diamonds ORDER BY supplier_stone_id

-- upsert_all --
-- The limit where everything has changed: the same rows with other values, in one statement.
INSERT INTO diamonds_limit SELECT * FROM diamonds ORDER BY supplier_stone_id
ON CONFLICT (supplier, supplier_stone_id) DO UPDATE
SET status = excluded.status, deleted_at = excluded.deleted_at, source_hash = excluded.source_hash,
    source_updated_at = excluded.source_updated_at, updated_at = excluded.updated_at,
    retail_price_cents = excluded.retail_price_cents, markup_ratio = excluded.markup_ratio, rating = excluded.rating,
    {stone from excluded}

-- compare_all --
-- The limit where nothing has changed: one look at every stone that the run has seen, beside what is there.
SELECT count(*) FROM stones_seen AS seen
JOIN raw_diamonds AS raw USING (feed, supplier_stone_id)
JOIN diamonds AS diamond ON diamond.supplier = $1 AND diamond.supplier_stone_id = raw.supplier_stone_id
WHERE seen.run_id = $2 AND diamond.source_hash = raw.canonical_hash

-- plain_stones --
-- Stones of which only the ids matter ($1, and $2 the supplier's).
INSERT INTO diamonds (
    id, supplier, supplier_stone_id, shape, carat_milli, lab_grown, supplier_price_cents, price_per_carat_cents,
    availability, measurements, attributes, retail_price_cents, markup_ratio, status, source_hash, source_updated_at,
    created_at, updated_at
)
SELECT id, 'nivoda', supplier_stone_id, 'ROUND', 1010, false, 100000, 99010, 'available', '{}', '{}', 115000, 1.15, 'active',
    '', now(), now(), now()
FROM unnest($1::uuid[], $2::text[]) AS stone (id, supplier_stone_id)

-- completed_run --
-- The run that brought the stones ($1), completed at $2: the search index waits for one.
INSERT INTO run_metadata (
    id, feed, run_type, status, started_by, trace_id, window_to, moves_watermark, deadline_at, started_at, completed_at
) VALUES ($1, 'nivoda', 'full', 'completed', 'benchmark', '', $2, false, $2, $2, $2)
