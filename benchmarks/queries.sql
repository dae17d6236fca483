-- truncate_all --
-- Remove all runs, stones, diamonds and events.
TRUNCATE raw_diamonds, stones_seen, diamonds, run_metadata, event_log CASCADE

-- checkpoint --
-- Flush earlier writes to the disk, so that they do not affect the measurement.
CHECKPOINT

-- vacuum_raw --
-- Autovacuum would do this later.
VACUUM (ANALYZE) raw_diamonds_nivoda

-- vacuum_seen --
VACUUM (ANALYZE) stones_seen

-- vacuum_diamonds --
VACUUM (ANALYZE) diamonds

-- count_raw --
SELECT count(*) FROM raw_diamonds_nivoda

-- create_raw_limit --
-- A table with the same columns and index.
CREATE TABLE raw_limit (LIKE raw_diamonds_nivoda INCLUDING ALL)

-- drop_raw_limit --
DROP TABLE raw_limit

-- create_diamonds_limit --
-- A table with the same columns and indexes.
CREATE TABLE diamonds_limit (LIKE diamonds INCLUDING ALL)

-- drop_diamonds_limit --
DROP TABLE IF EXISTS diamonds_limit

-- insert_all --
-- Limit of a first load: insert mapped and priced rows in one statement.
INSERT INTO diamonds_limit SELECT * FROM diamonds ORDER BY supplier_stone_id

-- upsert_all --
-- Limit of a run in which all stones have changed: update the rows in one statement.
INSERT INTO diamonds_limit SELECT * FROM diamonds ORDER BY supplier_stone_id
ON CONFLICT (supplier, supplier_stone_id) DO UPDATE
SET status = excluded.status, deleted_at = excluded.deleted_at, source_hash = excluded.source_hash,
    source_updated_at = excluded.source_updated_at, updated_at = excluded.updated_at,
    retail_price_cents = excluded.retail_price_cents, markup_ratio = excluded.markup_ratio, rating = excluded.rating,
    {stone from excluded}

-- compare_all --
-- Limit of a run without changes: compare the hash of each stone of the run with the inventory.
SELECT count(*) FROM stones_seen AS seen
JOIN raw_diamonds AS raw USING (feed, supplier_stone_id)
JOIN diamonds AS diamond ON diamond.supplier = $1 AND diamond.supplier_stone_id = raw.supplier_stone_id
WHERE seen.run_id = $2 AND diamond.source_hash = raw.canonical_hash

-- insert_plain_stones --
-- Insert stones with given ids ($1) and supplier stone ids ($2) and constant values.
INSERT INTO diamonds (
    id, supplier, supplier_stone_id, shape, carat_milli, lab_grown, supplier_price_cents, price_per_carat_cents,
    availability, measurements, attributes, retail_price_cents, markup_ratio, status, source_hash, source_updated_at,
    created_at, updated_at
)
SELECT id, 'nivoda', supplier_stone_id, 'ROUND', 1010, false, 100000, 99010, 'available', '{}', '{}', 115000, 1.15, 'active',
    '', now(), now(), now()
FROM unnest($1::uuid[], $2::text[]) AS stone (id, supplier_stone_id)

-- insert_completed_run --
-- Insert a completed run ($1) at time $2, which the search index requires.
INSERT INTO run_metadata (
    id, feed, run_type, status, started_by, trace_id, window_to, moves_watermark, deadline_at, started_at, completed_at
) VALUES ($1, 'nivoda', 'full', 'completed', 'benchmark', '', $2, false, $2, $2, $2)

-- peer_page --
-- The page of the benchmark `peers` in the order of the retail price: $1 diamonds.
SELECT id, shape, carat_milli, color, clarity, cut, polish, symmetry, fluorescence, lab_grown, eye_clean, image_url, video_url, rating,
    availability, created_at, retail_price_cents, certificate_lab, certificate_number
FROM diamonds
WHERE status = 'active' AND availability IN ('available', 'on_hold')
ORDER BY retail_price_cents, id
LIMIT $1

-- peer_filtered_page --
-- The same with shapes ($2) and weights from $3 to $4 (0.001 ct).
SELECT id, shape, carat_milli, color, clarity, cut, polish, symmetry, fluorescence, lab_grown, eye_clean, image_url, video_url, rating,
    availability, created_at, retail_price_cents, certificate_lab, certificate_number
FROM diamonds
WHERE status = 'active' AND availability IN ('available', 'on_hold') AND shape = ANY($2) AND carat_milli BETWEEN $3 AND $4
ORDER BY retail_price_cents, id
LIMIT $1
