-- page --
-- A page of a search. inventory.catalog.statements replaces the braces by names and operators; every value is a parameter.
-- The status is a literal, so that Postgres can use the partial indexes (one for each sort).
SELECT {columns}, {value} AS sort_value
FROM diamonds
WHERE status = 'active'{conditions}
ORDER BY {key} {direction}, id {direction}
LIMIT {limit}

-- page_with_gap --
-- A page in the order of a nullable column. NULLs are last in both directions. No index has both orders, but one index
-- serves both parts: diamonds with a value, in either direction, and NULLs. The far part is read only if the near part does
-- not fill the page.
WITH near AS MATERIALIZED (
{near}
)
SELECT * FROM near
UNION ALL
SELECT * FROM (
{far}
) AS far WHERE (SELECT count(*) FROM near) < {reach}
ORDER BY sort_value {direction}, id {direction}
LIMIT {limit}

-- page_far --
-- A page with a large offset: its ids are found as above, by index-only scans if possible. Only the rows of the page are
-- read.
SELECT {columns}, sort_value
FROM (
{place}
) AS place
JOIN diamonds USING (id)
ORDER BY sort_value {direction}, id {direction}

-- count --
-- Number of diamonds that match a search.
SELECT count(*) FROM diamonds WHERE status = 'active'{conditions}

-- find --
-- Diamonds by id. Index: the primary key.
SELECT {columns} FROM diamonds WHERE status = 'active' AND id = ANY ($1::uuid[])

-- price_history --
-- The last $2 prices of the diamond $1, newest first. A change starts a price; the first price starts when the diamond is
-- created. One row without a price if $2 is 0. Index: price_changes_diamond.
SELECT point.at, point.price_cents
FROM diamonds LEFT JOIN LATERAL (
    SELECT changed_at AS at, price_cents FROM price_changes WHERE diamond_id = diamonds.id
    UNION ALL
    SELECT diamonds.created_at, coalesce(
        (SELECT previous_cents FROM price_changes WHERE diamond_id = diamonds.id ORDER BY changed_at, id LIMIT 1),
        diamonds.retail_price_cents
    )
    ORDER BY at DESC LIMIT $2
) AS point ON true
WHERE diamonds.id = $1 AND diamonds.status = 'active'
ORDER BY point.at DESC

-- facets --
-- Facets of a search in one pass over the matching diamonds. The parts are the three statements below, for each facet.
WITH matching AS MATERIALIZED (SELECT {columns} FROM diamonds WHERE status = 'active'{conditions})
{parts}

-- facet_counts --
-- Number of diamonds by value.
SELECT '{name}' AS facet, 'count' AS kind, {name}::text AS label, count(*) AS number FROM matching{own} GROUP BY {name}

-- facet_buckets --
-- Number of diamonds by bucket. Bucket 0 is before the first edge.
SELECT '{name}' AS facet, 'bucket' AS kind, width_bucket({name}::bigint, {edges})::text AS label, count(*) AS number
FROM matching{own} GROUP BY 3

-- facet_quantiles --
-- Quantiles at the given ranks.
SELECT '{name}' AS facet, 'quantile' AS kind, place::text AS label, value::bigint AS number
FROM (SELECT percentile_disc({shares}) WITHIN GROUP (ORDER BY {name}) AS measured FROM matching{own}) AS found,
     unnest(found.measured) WITH ORDINALITY AS quantile (value, place)

-- availability --
-- Availability rule: combines the supplier's availability with our holds and purchases. They are stored separately and
-- joined on reading, so that a sync cannot undo a hold, and a hold ends at its expiry without a background job.
-- In order of precedence:
-- 1. A purchased diamond is sold; it is unavailable after the supplier declined the order, until a sync reads it again.
-- 2. A diamond with an open purchase or hold is on hold.
-- 3. A hold of the supplier with an id is visible to its holder only, so it mirrors one of our holds. If ours has ended,
--    the mirror is out of date, and the diamond is available.
-- 4. Otherwise the supplier's availability applies.
-- Scalar subqueries instead of EXISTS: Postgres would evaluate EXISTS with a hash of all holds and purchases for each page.
-- These are index lookups for each returned diamond: purchase_history_won, hold_history_open, hold_history_supplier.
COALESCE(
    (SELECT CASE WHEN bought.state <> 'confirmed' THEN 'on_hold'
                 WHEN bought.supplier_answer = 'declined' THEN 'unavailable'
                 ELSE 'sold' END
     FROM purchase_history AS bought
     WHERE bought.diamond_id = diamonds.id AND bought.state <> 'failed'),
    (SELECT 'on_hold' FROM hold_history AS held
     WHERE held.diamond_id = diamonds.id AND held.state IN ('requested', 'active')
       AND held.expires_at > statement_timestamp()),
    CASE WHEN diamonds.availability = 'on_hold' AND diamonds.hold_id IS NOT NULL THEN
        (SELECT 'available' FROM hold_history AS mirrored WHERE mirrored.supplier_hold_id = diamonds.hold_id LIMIT 1)
    END,
    diamonds.availability
)

-- availability_of_many --
-- The same rule for statements that read all diamonds: it is evaluated only if the supplier's availability may not apply.
CASE WHEN diamonds.id IN (
         SELECT diamond_id FROM purchase_history WHERE state <> 'failed'
         UNION ALL
         SELECT diamond_id FROM hold_history
         WHERE state IN ('requested', 'active') AND expires_at > statement_timestamp()
     ) OR (diamonds.availability = 'on_hold' AND diamonds.hold_id IS NOT NULL)
     THEN {availability} ELSE diamonds.availability END

-- open_hold --
-- The open hold of a diamond as a JSON object of its columns; NULL without one.
(SELECT to_jsonb(held) FROM hold_history AS held
 WHERE held.diamond_id = diamonds.id AND held.state IN ('requested', 'active')
   AND held.expires_at > statement_timestamp())
