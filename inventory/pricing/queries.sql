-- rules --
-- All rules in the order of their evaluation.
SELECT id, name, priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown, supplier,
       created_at, updated_at
FROM pricing_rules ORDER BY priority, created_at, id

-- rules_by_id --
SELECT id, name, priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown, supplier,
       created_at, updated_at
FROM pricing_rules WHERE id = ANY ($1::uuid[])

-- add_rule --
-- Insert a rule. Its id is derived from the idempotency key, so a repeated request finds the rule.
INSERT INTO pricing_rules (id, name, priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown,
                           supplier, created_at, updated_at, request_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)
ON CONFLICT (id) DO NOTHING
RETURNING id, name, priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown, supplier,
          created_at, updated_at

-- request_of_rule --
-- The hash of the request that created a rule.
SELECT request_hash FROM pricing_rules WHERE id = $1

-- change_rule --
-- Replace the values of a rule. Equal values change nothing, not even updated_at.
UPDATE pricing_rules
SET name = $2, priority = $3, markup_ratio = $4, rating = $5, carat_min_milli = $6, carat_max_milli = $7, shapes = $8,
    lab_grown = $9, supplier = $10,
    updated_at = CASE
        WHEN (name, priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown, supplier)
             IS DISTINCT FROM ($2, $3, $4, $5, $6, $7, $8, $9, $10)
        THEN $11 ELSE updated_at END
WHERE id = $1
RETURNING id, name, priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown, supplier,
          created_at, updated_at

-- remove_rule --
-- Delete a rule and record its id, so that a repetition of the request that created it does not create it again.
WITH removed AS (DELETE FROM pricing_rules WHERE id = $1 RETURNING id)
INSERT INTO deleted_pricing_rules (id, deleted_at) SELECT id, $2 FROM removed
ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at
RETURNING id

-- is_deleted --
SELECT EXISTS (SELECT FROM deleted_pricing_rules WHERE id = $1)

-- preview --
-- Preview of prices. $1: the present and the other rules as JSON, each with its position in the order of evaluation. Only
-- diamonds count that the changed rule prices now ($2: its position among the present rules) or would price ($3: among the
-- others). $4: markup of diamonds without a rule; $5: number of samples. Rounds as inventory.pricing.rules does.
WITH rules AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS rule (
        present boolean, place integer, markup_ratio numeric, carat_min_milli integer, carat_max_milli integer,
        shapes text[], lab_grown boolean, supplier text)
), decided AS (
    SELECT stone.id, stone.supplier_price_cents, stone.retail_price_cents, rules.present,
           (array_agg(rules.place ORDER BY rules.place))[1] AS place,
           (array_agg(rules.markup_ratio ORDER BY rules.place))[1] AS markup_ratio
    FROM diamonds AS stone
    JOIN rules ON (rules.carat_min_milli IS NULL OR rules.carat_min_milli <= stone.carat_milli)
              AND (rules.carat_max_milli IS NULL OR stone.carat_milli <= rules.carat_max_milli)
              AND (rules.shapes IS NULL OR stone.shape = ANY (rules.shapes))
              AND (rules.lab_grown IS NULL OR rules.lab_grown = stone.lab_grown)
              AND (rules.supplier IS NULL OR rules.supplier = stone.supplier)
    WHERE stone.status = 'active'
    GROUP BY stone.id, rules.present
), affected AS MATERIALIZED (
    SELECT id, retail_price_cents AS old_cents, bool_or(NOT present AND place = $3) AS decides,
           round(supplier_price_cents * coalesce(min(markup_ratio) FILTER (WHERE NOT present), $4::numeric))::bigint
           AS new_cents
    FROM decided
    GROUP BY id, retail_price_cents, supplier_price_cents
    HAVING bool_or(CASE WHEN present THEN place = $2 ELSE place = $3 END)
), totals AS (
    SELECT count(*) AS affected, count(*) FILTER (WHERE decides) AS decided,
           count(*) FILTER (WHERE old_cents <> new_cents) AS changed,
           coalesce(sum(old_cents), 0)::bigint AS old_total, coalesce(sum(new_cents), 0)::bigint AS new_total
    FROM affected
)
SELECT totals.*, sample.id, sample.old_cents, sample.new_cents
FROM totals LEFT JOIN (
    SELECT id, old_cents, new_cents FROM affected WHERE old_cents <> new_cents
    ORDER BY abs(new_cents - old_cents) DESC, id LIMIT $5
) AS sample ON true
ORDER BY abs(sample.new_cents - sample.old_cents) DESC, sample.id

-- lock_rule --
-- A rule, locked for its change.
SELECT id, name, priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown, supplier,
       created_at, updated_at
FROM pricing_rules WHERE id = $1 FOR UPDATE

-- restore_rule --
-- Insert a deleted rule again, with its id and its age.
WITH undeleted AS (DELETE FROM deleted_pricing_rules WHERE id = $1)
INSERT INTO pricing_rules (id, name, priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown,
                           supplier, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO NOTHING
RETURNING id, name, priority, markup_ratio, rating, carat_min_milli, carat_max_milli, shapes, lab_grown, supplier,
          created_at, updated_at

-- record_change --
-- Record a change of a rule. Returns no row if the change that it undoes ($6) was undone already.
INSERT INTO pricing_rule_changes (rule_id, at, client_id, before, after, undoes) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (undoes) WHERE undoes IS NOT NULL DO NOTHING
RETURNING id

-- rule_changes --
-- Changes, newest first, before the change $1 (NULL: from the newest), at most $2.
SELECT change.id, change.rule_id, change.at, change.client_id, change.before, change.after, change.undoes,
       undo.id AS undone_by
FROM pricing_rule_changes AS change LEFT JOIN pricing_rule_changes AS undo ON undo.undoes = change.id
WHERE $1::bigint IS NULL OR change.id < $1 ORDER BY change.id DESC LIMIT $2

-- rule_change --
SELECT change.id, change.rule_id, change.at, change.client_id, change.before, change.after, change.undoes,
       undo.id AS undone_by
FROM pricing_rule_changes AS change LEFT JOIN pricing_rule_changes AS undo ON undo.undoes = change.id
WHERE change.id = $1

-- exchange_rates --
-- Rates of display currencies.
SELECT currency, rate, rate_at FROM exchange_rates ORDER BY currency

-- set_exchange_rate --
-- Set the rate $2 of the currency $1. $3: the client.
INSERT INTO exchange_rates (currency, rate, set_by) VALUES ($1, $2, $3)
ON CONFLICT (currency) DO UPDATE SET rate = excluded.rate, rate_at = clock_timestamp(), set_by = excluded.set_by
RETURNING currency, rate, rate_at

-- remove_exchange_rate --
DELETE FROM exchange_rates WHERE currency = $1 RETURNING currency
