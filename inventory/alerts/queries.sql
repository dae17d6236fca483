-- report_incident --
-- Stores an incident once, also if several processes report it repeatedly.
INSERT INTO alerts (incident, kind, feed, run_id, content) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (incident) DO NOTHING
RETURNING id

-- list_incidents --
-- Incidents, newest first; only open ones if $1; at most $2. An incident is open until an operator resolves it or its cause is
-- gone. A problem of a run is gone after a later completed run of the feed, or if the run was cancelled; a full run that was
-- stopped before it changed too much, after a later full run, because an incremental one does not read its stones; a problem of a
-- purchase, when the purchase has an outcome; differences of the supplier's schema, when the newest run has none. Incidents
-- are rare and are pruned, so a scan of the table is cheap.
SELECT * FROM (
    SELECT alert.id, alert.kind, alert.feed, alert.run_id, alert.content, alert.created_at, alert.sent_at, alert.last_error,
           alert.resolved_at, alert.resolved_by,
           alert.resolved_at IS NULL AND CASE
               WHEN alert.kind IN ('run_failed', 'deadline_passed', 'consolidation_skipped', 'quarantine_exceeded',
                                   'mass_delete_stopped', 'nightly_missed', 'feed_silent', 'watermark_in_future') THEN NOT EXISTS (
                   SELECT FROM run_metadata AS run
                   WHERE run.feed = alert.feed
                     AND (run.status = 'completed' AND run.completed_at > alert.created_at
                              AND (run.run_type = 'full' OR alert.kind NOT IN ('quarantine_exceeded', 'mass_delete_stopped')
                                   OR NOT EXISTS (SELECT FROM run_metadata AS stopped
                                                  WHERE stopped.id = alert.run_id AND stopped.run_type = 'full'))
                          OR run.status = 'cancelled' AND run.id = alert.run_id))
               WHEN alert.kind IN ('purchase_unknown', 'purchase_evidence') THEN EXISTS (
                   SELECT FROM purchase_history AS purchase
                   WHERE purchase.id::text = split_part(alert.incident, ':', 2) AND purchase.state = 'unknown')
               WHEN alert.kind = 'purchases_unanswered' THEN EXISTS (
                   SELECT FROM purchase_history AS purchase
                   WHERE purchase.id::text = split_part(alert.incident, ':', 2) AND purchase.state = 'ordered')
               WHEN alert.kind = 'schema_differs' THEN coalesce((
                   SELECT cardinality(run.schema_differences) > 0 FROM run_metadata AS run
                   WHERE run.feed = alert.feed ORDER BY run.started_at DESC LIMIT 1), false)
               ELSE true
           END AS open
    FROM alerts AS alert
) AS incident
WHERE incident.open OR NOT $1::boolean ORDER BY incident.created_at DESC, incident.id LIMIT $2

-- resolve_incident --
-- Records that an operator ($2) has resolved an incident. A resolved incident keeps its first record.
UPDATE alerts SET resolved_by = CASE WHEN resolved_at IS NULL THEN $2 ELSE resolved_by END,
                  resolved_at = coalesce(resolved_at, clock_timestamp())
WHERE id = $1 RETURNING id

-- resolve_dead_letters --
-- Resolves the incidents of a queue ($1: their key without the oldest message) other than the present one ($2, or NULL if the
-- queue has no dead letter).
UPDATE alerts SET resolved_at = clock_timestamp()
WHERE kind = 'dead_letters' AND starts_with(incident, $1) AND incident IS DISTINCT FROM $2 AND resolved_at IS NULL
