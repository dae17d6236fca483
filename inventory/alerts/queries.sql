-- report_incident --
-- Once per incident, whichever process notices it, however often.
INSERT INTO alerts (incident, kind, feed, run_id, content) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (incident) DO NOTHING
RETURNING id
