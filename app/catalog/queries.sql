-- page --
-- One page of a search, in one statement. The braces take names and operators that app.catalog.statements chooses;
-- every value is a parameter. The status stands here as text, so that the partial indexes serve it: diamonds_created,
-- diamonds_retail_price, diamonds_carat.
SELECT {columns}, {key} AS sort_value
FROM diamonds
WHERE status = 'active'{conditions}
ORDER BY {key} {direction}, id {direction}
LIMIT {limit} OFFSET {offset}

-- count --
-- How many diamonds match a search.
SELECT count(*) FROM diamonds WHERE status = 'active'{conditions}

-- find --
-- Diamonds by id. Served by the primary key.
SELECT {columns} FROM diamonds WHERE status = 'active' AND id = ANY ($1::uuid[])
