-- What a sync has brought, counted in the tables themselves and not taken from the run's own books.

-- inventory --
-- The stones that are served, and those of the supplier that are in quarantine.
SELECT (SELECT count(*) FROM diamonds WHERE supplier = $1 AND status = 'active') AS diamonds_active,
       (SELECT count(*) FROM raw_diamonds WHERE feed = $1 AND problem IS NOT NULL AND gone_at IS NULL)
           AS quarantined

-- stones_of_run --
-- How many stones a run has seen: what consolidation has before it.
SELECT count(*) FROM stones_seen WHERE feed = $1 AND run_id = $2
