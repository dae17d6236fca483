-- report_incident --
-- Stores an incident once, also if several processes report it repeatedly.
INSERT INTO alerts (incident, kind, feed, run_id, content) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (incident) DO NOTHING
RETURNING id
