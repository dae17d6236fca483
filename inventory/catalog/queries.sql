-- page --
-- One page of a search, in one statement. The braces take names and operators that inventory.catalog.statements chooses;
-- every value is a parameter. The status stands here as text, so that the partial indexes serve it, one for each sort.
SELECT {columns}, {value} AS sort_value
FROM diamonds
WHERE status = 'active'{conditions}
ORDER BY {key} {direction}, id {direction}
LIMIT {limit}

-- page_with_gap --
-- A page in the order of a column that not every diamond has. Those without a value come last in both directions; no
-- single index has both orders, but one serves both parts: those with a value, from either end, and the NULLs by
-- themselves. The far part is read only where the near one does not fill the page.
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
-- A page far from the beginning: its place is found as above, by the indexes alone where they can, and in any case without
-- carrying whole rows along.
SELECT {columns}, sort_value
FROM (
{place}
) AS place
JOIN diamonds USING (id)
ORDER BY sort_value {direction}, id {direction}

-- count --
-- How many diamonds match a search.
SELECT count(*) FROM diamonds WHERE status = 'active'{conditions}

-- find --
-- Diamonds by id. Served by the primary key.
SELECT {columns} FROM diamonds WHERE status = 'active' AND id = ANY ($1::uuid[])

-- price_history --
-- The last $2 prices of the diamond $1, newest first: a change began a price, and its first one began at its entry. A row without
-- a price if $2 is 0. Index: price_changes_diamond.
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
-- What a search is made of, in one pass over what matches. Its parts are the three below, for the facets that were asked.
WITH matching AS MATERIALIZED (SELECT {columns} FROM diamonds WHERE status = 'active'{conditions})
{parts}

-- facet_counts --
-- How many diamonds have each value.
SELECT '{name}' AS facet, 'count' AS kind, {name}::text AS label, count(*) AS number FROM matching{own} GROUP BY {name}

-- facet_buckets --
-- How many diamonds lie in each bucket; 0 is the one before the first edge.
SELECT '{name}' AS facet, 'bucket' AS kind, width_bucket({name}::bigint, {edges})::text AS label, count(*) AS number
FROM matching{own} GROUP BY 3

-- facet_quantiles --
-- The values at or below which given shares of the diamonds lie.
SELECT '{name}' AS facet, 'quantile' AS kind, place::text AS label, value::bigint AS number
FROM (SELECT percentile_disc({shares}) WITHIN GROUP (ORDER BY {name}) AS measured FROM matching{own}) AS found,
     unnest(found.measured) WITH ORDINALITY AS quantile (value, place)

-- availability --
-- Whether a diamond can be had: the one rule that combines what the supplier says with what is held and bought here. They
-- are stored apart and joined when they are read, so a sync can't undo a hold, and a hold ends at its instant and not when a
-- sweeper comes by. In order: what was bought here is sold. A stone whose order the supplier declined is unavailable until a
-- sync has read it again. What is being bought or held here is on hold, whatever the supplier says. A hold that the supplier shows to us, which only its holder sees, is the mirror of one of ours; if that
-- is over, the mirror is late, and the diamond available. Otherwise the supplier has the word.
-- Subqueries that give a value, not EXISTS: those Postgres would answer from a hash of all holds and purchases, which is
-- built anew for each page. These are a look into an index for each diamond that is shown: purchase_history_won,
-- hold_history_open, hold_history_supplier.
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
-- The same for those who look at every diamond: the rule is asked only where something can differ from the supplier's word.
CASE WHEN diamonds.id IN (
         SELECT diamond_id FROM purchase_history WHERE state <> 'failed'
         UNION ALL
         SELECT diamond_id FROM hold_history
         WHERE state IN ('requested', 'active') AND expires_at > statement_timestamp()
     ) OR (diamonds.availability = 'on_hold' AND diamonds.hold_id IS NOT NULL)
     THEN {availability} ELSE diamonds.availability END

-- open_hold --
-- The hold that is open on a diamond, as a JSON object of its columns; NULL where none is.
(SELECT to_jsonb(held) FROM hold_history AS held
 WHERE held.diamond_id = diamonds.id AND held.state IN ('requested', 'active')
   AND held.expires_at > statement_timestamp())
